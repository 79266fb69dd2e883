// What the editor's modules hand to each other: the document by short names, and what the page knows.

import type {
  Audition, Bank, CandidateInfo, ClientMessage, ClipState, ClipWanted, Conformed, DocumentState, EditMessage, ErrorNotice, Exported, ExportPlan, HitState, LoudnessMeasured, MacrosState, MarkerState, Media, ModesState,
  AnimaticMade, AnimaticProgressed, AnimaticStopped, MorphPreviewed, NoiseState, Note, PresetInfo, ProjectState, QueueState, RenderedSound, ResidualState, SearchAnswer, SoundState, Status, SyncMeasured, SyncProgressed, SyncStopped, PicturingProgressed, PicturingStopped, SoundPictured, CandidatesPictured, StoryboardMade, StoryboardProgressed, StoryboardStopped, HitOffsetsState, TakeRendered, Versions, Welcome,
} from "./protocol.d.ts";

/** Mono samples at 48 kHz. */
export type Samples = Float32Array<ArrayBuffer>;

export type Project = ProjectState;
export type Clip = ClipState;
export type Hit = HitState;
export type HitOffsets = HitOffsetsState;
export type Marker = MarkerState;
export type Modes = ModesState;
export type NoiseComponent = NoiseState;
export type Residual = ResidualState;
export type Macros = MacrosState;
export type MacroName = Exclude<keyof Macros, "keep_loudness">;
export type Candidate = CandidateInfo;
export type Preset = PresetInfo;

/** The three quantities of a mode that a person edits. */
export type ModeValues = Pick<Modes, "frequency_hz" | "power_db" | "decay_per_s">;
export type ModeQuantity = keyof ModeValues;
export type ComponentName = "attack" | "strike" | "tail" | "room";

export interface Physics {
  modes: Modes;
  residual: Residual | null;
}

/** Physics under macros; null once those are applied. */
export interface Shaped extends Physics {
  macros?: Macros | null;
}

/** A sound as the document has it, or as it is heard, without macros. */
export type Sound = Omit<SoundState, "macros"> & { macros: Macros | null };

// --- what the page knows ---------------------------------------------------------------------------

export interface Selection {
  hits: Set<string>;
  soundId: string | null;
  modes: Set<number>;
}

/** Events of the store and what they carry. */
export interface StoreEvents {
  status: Status;
  media: Media;
  welcome: Welcome;
  rendered: Map<string, RenderedSound>;
  error: ErrorNotice;
  clip_wanted: ClipWanted;
  note: Note;
  audition: Audition;
  take: TakeRendered;
  versions: Versions;
  morph_preview: MorphPreviewed;
  exported: Exported;
  queue: QueueState;
  export_plan: ExportPlan;
  search_results: SearchAnswer;
  bank: Bank;
  conformed: Conformed;
  loudness: LoudnessMeasured;
  channels: string; // of exports, chosen in this page
  sync_progress: SyncProgressed;
  sync_measured: SyncMeasured;
  sync_stopped: SyncStopped;
  animatic_progress: AnimaticProgressed;
  animatic_made: AnimaticMade;
  animatic_stopped: AnimaticStopped;
  picturing_progress: PicturingProgressed;
  sound_pictured: SoundPictured;
  picturing_stopped: PicturingStopped;
  candidates_pictured: CandidatesPictured;
  storyboard_progress: StoryboardProgressed;
  storyboard_made: StoryboardMade;
  storyboard_stopped: StoryboardStopped;
  selection: Selection;
  /** What was chosen that is no part of the selection, in words. */
  chosen: string;
  connection: Connection;
  time: { time_s: number; playing: boolean };
  playing: boolean;
  /** Whether moves and deletions take later hits along. */
  ripple: boolean;
  /** Another clip has taken the place of the one on show, and is about to be shown. */
  left: null;
  /** The range that a loop repeats, or whether there is a loop, has changed. */
  range: Span | null;
  /** Speed of picture and hits: as it is, below 0 backwards, and whether half speed is on. */
  pace: { pace: number; isHalf: boolean };
  /** A loop came to its end and begins again. */
  round: Span;
}
export type Connection = "connecting" | "open" | "lost";

export interface Store {
  readonly session: string;
  /** The document as it is shown: the server's last one with the changes that it does not contain yet. */
  readonly view: DocumentState | null;
  /** The server's last document. */
  acknowledged: DocumentState | null;
  status: Status;
  rendered: Map<string, RenderedSound>;
  selection: Selection;
  media: Omit<Media, "type">;
  welcome: Welcome | null;
  connection: Connection;
  /** React to an event; returns what ends it. */
  on<Name extends keyof StoreEvents>(name: Name, react: (data: StoreEvents[Name]) => unknown): () => void;
  /** React when one of the selected parts of the document has changed; returns what ends it. */
  watch(select: () => unknown[], react: () => unknown): () => void;
  emit<Name extends keyof StoreEvents>(name: Name, data: StoreEvents[Name]): void;
  /** Whether the message is on its way. */
  send(message: ClientMessage): boolean;
  /** Edits of one gesture are one entry of the history. */
  edit(edit: EditMessage, gesture?: string | null): void;
  /** Show an edit while a drag lasts, without sending it; null takes it back. */
  hold(edit: EditMessage | null): void;
  select(partial: Partial<Selection>): void;
  /** Whether the server has not acknowledged every change yet. */
  readonly isSending: boolean;
  address(route: string): string;
  dispose(): void;
}

/** What a panel of the sound needs of the inspector: the sound as shown, a preview of a changed one, and that an edit is sent. */
export interface DraftHost {
  sound(): Sound;
  preview(sound: Sound): void;
  committed(soundId: string): void;
}

// --- parts of the page -----------------------------------------------------------------------------

export type AudioEngine = ReturnType<typeof import("../audio/engine.js").createAudio>;
export type Player = ReturnType<typeof import("../panels/player.js").createPlayer>;
export type Timeline = ReturnType<typeof import("../timeline/timeline.js").createTimeline>;
export type Scale = ReturnType<typeof import("../timeline/scale.js").createScale>;

/** A lane of the timeline, in pixels from the top. */
export interface Lane {
  top: number;
  height: number;
}
export type LaneName = "ruler" | "picture" | "onsets" | "hits" | "struck" | "clip";
/** ``clip`` is missing for a clip without sound. */
export type Lanes = Record<Exclude<LaneName, "clip">, Lane> & { clip?: Lane };

export interface Point {
  x: number;
  y: number;
}

/** Corners of a selection box in pixels. */
export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** A span of the clip. */
export interface Span {
  start_s: number;
  end_s: number;
}

/** Samples of a bulk curve. */
export interface Shape<Values> {
  values: Values;
  rate_hz: number;
  /** Lowest and highest of the values from one index up to before another. */
  extremes: (from: number, to: number) => [number, number];
}

/** The onset curve; ``velocity``, where the picture was looked at: the force of a hit at each of its values, 0 to 1. */
export interface Curve extends Shape<Float32Array> {
  velocity: Float32Array | null;
}

/** Properties of an element that ``make`` takes: its own, attributes with a hyphen, and listeners. */
export type Properties<Element> = Partial<Omit<Element, "style" | "children">> & { style?: string; [attribute: `${string}-${string}`]: string };
