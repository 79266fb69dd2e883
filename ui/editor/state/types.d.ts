// What the editor's modules hand to each other: the document as the server shows it, and what the page knows.

/** Mono samples at 48 kHz. */
export type Samples = Float32Array<ArrayBuffer>;

export interface Clip {
  name: string;
  duration_s: number;
  /** A fraction such as "30000/1001". */
  frame_rate: string;
  width: number;
  height: number;
  start_timecode: string | null;
  has_audio: boolean;
  digest: string;
  media_url: string | null;
  picture_offset_s: number;
  playable: boolean;
}

/** Lists of equal length. */
export interface Modes {
  frequency_hz: number[];
  power_db: number[];
  decay_per_s: number[];
  phase_rad: number[];
  muted: boolean[];
}

/** The three quantities of a mode that a person edits. */
export interface ModeValues {
  frequency_hz: number[];
  power_db: number[];
  decay_per_s: number[];
}
export type ModeQuantity = keyof ModeValues;

/** A component of the noise: mean square re 1 at the onset and decay of the amplitude, per band. */
export interface NoiseComponent {
  power_db: number[];
  decay_per_s: number[];
}

/** The strike's own noise, and the other components by name. */
export interface Residual extends NoiseComponent {
  edges_hz: number[];
  room: NoiseComponent | null;
  tail: NoiseComponent | null;
  attack: NoiseComponent | null;
  rise_s: number;
  /** Fine envelope in dB, a value every 5 ms. */
  envelope_db: number[];
}
export type ComponentName = "attack" | "strike" | "tail" | "room";

export interface Physics {
  modes: Modes;
  residual: Residual | null;
}

export interface Macros {
  mass: number;
  hardness: number;
  damping: number;
  position: number;
  roughness: number;
  room: number;
}
export type MacroName = keyof Macros;

/** Physics under macros; null once those are applied. */
export interface Shaped extends Physics {
  macros?: Macros | null;
}

export interface Sound extends Shaped {
  id: string;
  name: string;
  origin: string;
  origin_note: string;
  fit: number | null;
}

/** A hit's own offsets from its sound. */
export interface Tweak {
  pitch_cents: number;
  decay_ratio: number;
  residual_db: number;
}

export interface Hit {
  id: string;
  time_s: number;
  sound_id: string;
  seed: number;
  velocity_db: number;
  gain_db: number;
  pan: number;
  mute: boolean;
  strength: number;
  touched: boolean;
  tweak: Tweak;
}
export type HitChange = Partial<Omit<Hit, "tweak">> & { tweak?: Partial<Tweak> };

export interface Project {
  name: string;
  saved: boolean;
  clip: Clip;
  sounds: Sound[];
  hits: Hit[];
  mix: { gain_db: number; clip_gain_db: number };
  render: { checkpoint: string; steps: number; guidance: number; seed: number; variation: number };
  detection: { source: string; threshold: number };
}

// --- messages of the server ------------------------------------------------------------------------

export interface ViewMessage {
  type: "document";
  revision: number;
  handled: number;
  project: Project | null;
  undo: string | null;
  redo: string | null;
}

export interface StatusMessage {
  type: "status";
  phase: string;
  done: number;
  total: number;
  message: string;
  elapsed_s: number;
}

/** A bulk curve that can be fetched. */
export interface Offer {
  url: string;
  rate_hz: number;
}

export interface MediaMessage {
  type: "media";
  curve: Offer | null;
  waveform: Offer | null;
  filmstrip: boolean;
}

export interface Preset {
  name: string;
  material: string;
  origin_note: string;
}

export interface WelcomeMessage {
  type: "welcome";
  demos: { name: string; title: string; note: string }[];
  presets: Preset[];
  checkpoints: { name: string; fault: string }[];
  device: string;
  version: string;
  recent: string[];
  local: boolean;
}

/** A sampled hit: the key of its sound, and its length in samples. */
export interface RenderedHit {
  key: string;
  length: number;
}

export interface RenderedMessage {
  type: "rendered";
  hits: Record<string, RenderedHit>;
}

export interface ErrorMessage {
  type: "error";
  message: string;
}

export interface NoteMessage {
  type: "note";
  message: string;
}

export interface AuditionMessage {
  type: "audition";
  sound_id: string;
  key: string;
}

export interface MorphedMessage {
  type: "morph_preview";
  sound_id: string;
  amount: number;
  sound: Sound;
}

export interface ExportedMessage {
  type: "exported";
  files: { name: string; url: string; note?: string }[];
}

/** A sound of the bank that might fit. */
export interface Candidate {
  id: string;
  name: string;
  why: string;
  material: string;
  score: number;
  source: string;
  licence: string;
}

export interface FoundMessage {
  type: "search_results";
  by: string;
  request: number | null;
  candidates: Candidate[];
  seen: string | null;
  confidence: number | null;
  understood: [string, string][] | null;
  unknown: string[] | null;
}

export interface BankMessage {
  type: "bank";
  sounds: number;
  own: number;
  added: string[];
  duplicates: [string, string][];
  broken: [string, string][];
}

export type ServerMessage =
  | ViewMessage | StatusMessage | MediaMessage | WelcomeMessage | RenderedMessage | ErrorMessage | NoteMessage
  | AuditionMessage | MorphedMessage | ExportedMessage | FoundMessage | BankMessage;

/** What the page sends: a type and its fields. */
export interface ClientMessage {
  type: string;
  [field: string]: unknown;
}

/** An edit of the document: a kind and its fields. */
export interface Edit {
  kind: string;
  [field: string]: unknown;
}

// --- what the page knows ---------------------------------------------------------------------------

export interface Selection {
  hits: Set<string>;
  soundId: string | null;
  modes: Set<number>;
}

/** Events of the store and what they carry. */
export interface StoreEvents {
  view: ViewMessage;
  status: StatusMessage;
  media: MediaMessage;
  welcome: WelcomeMessage;
  rendered: Map<string, RenderedHit>;
  error: ErrorMessage;
  note: NoteMessage;
  audition: AuditionMessage;
  morph_preview: MorphedMessage;
  exported: ExportedMessage;
  search_results: FoundMessage;
  bank: BankMessage;
  selection: Selection;
  connection: Connection;
  time: { time_s: number; playing: boolean };
  playing: boolean;
}
export type Connection = "connecting" | "open" | "lost";

export interface Store {
  readonly session: string;
  view: ViewMessage | null;
  status: StatusMessage;
  rendered: Map<string, RenderedHit>;
  selection: Selection;
  media: Omit<MediaMessage, "type">;
  welcome: WelcomeMessage | null;
  connection: Connection;
  /** React to an event; returns what ends it. */
  on<Name extends keyof StoreEvents>(name: Name, react: (data: StoreEvents[Name]) => unknown): () => void;
  emit<Name extends keyof StoreEvents>(name: Name, data: StoreEvents[Name]): void;
  /** Whether the message is on its way. */
  send(message: ClientMessage): boolean;
  /** Edits of one gesture are one entry of the history. */
  edit(change: Edit, gesture?: string | null): void;
  select(partial: Partial<Selection>): void;
  /** Show changed hits while a drag lasts; null takes them back. */
  previewHits(changes: Map<string, HitChange> | null): void;
  address(route: string): string;
  dispose(): void;
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
}

/** Properties of an element that ``make`` takes: its own, attributes with a hyphen, and listeners. */
export type Properties<Element> = Partial<Omit<Element, "style" | "children">> & { style?: string; [attribute: `${string}-${string}`]: string };
