// Messages between browser and server. Generated from ui/protocol by `python -m ui.protocol`; do not edit.

/** A new hit; without a sound it takes that of the nearest hit. */
export interface AddHit {
  kind: "add_hit";
  time_s: number;
  velocity_db?: number | null;
  sound_id?: string | null;
}

/** A scrape or rub: ``speeds`` (0 to 1 of ``top_speed_m_per_s``) at even steps, ``grain_mm`` between grains. */
export interface StrokeState {
  length_s: number;
  speeds: number[];
  top_speed_m_per_s: number;
  grain_mm: number;
}

/** New values of a hit; those left out stay. */
export interface HitValues {
  time_s?: number | null;
  velocity_db?: number | null;
  gain_db?: number | null;
  pan?: number | null;
  mute?: boolean | null;
  seed?: number | null;
  sound_id?: string | null;
  name?: string | null;
  group?: string | null;
  stroke?: StrokeState | null;
  pitch_cents?: number | null;
  decay_ratio?: number | null;
  residual_db?: number | null;
  distance_m?: number | null;
}

/** New hits, each with at least a time; without a sound, or with one that is not there, that of the nearest hit. */
export interface AddHits {
  kind: "add_hits";
  hits: HitValues[];
  how?: "add" | "paste" | "duplicate" | "pattern" | null;
}

/** A hit that was played; the hits of a take are one ``gesture``. */
export interface PlayHit {
  kind: "play_hit";
  time_s: number;
  velocity_db: number;
  sound_id: string;
}

/** Shift hits together in time. */
export interface MoveHits {
  kind: "move_hits";
  ids: string[];
  delta_s: number;
}

/** The same values for several hits. */
export interface SetHits {
  kind: "set_hits";
  ids: string[];
  values: HitValues;
}

/** Values for each of several hits, by the hit's id. */
export interface SetEachHit {
  kind: "set_each_hit";
  values: Record<string, HitValues>;
}

/** Delete hits; with ``ripple`` later ones move up, so that what followed a deleted hit stands in its place. */
export interface DeleteHits {
  kind: "delete_hits";
  ids: string[];
  ripple?: boolean | null;
}

/** Draw hits to frames, or to a grid of ``interval_s`` through ``offset_s``; ``strength`` (0 to 1) is how far. */
export interface QuantizeHits {
  kind: "quantize_hits";
  ids: string[];
  interval_s?: number | null;
  offset_s?: number | null;
  strength?: number | null;
}

/** Give each hit a copy of its sound; the last hit of a sound keeps it. */
export interface DetachHits {
  kind: "detach_hits";
  ids: string[];
}

/** Make hits one group, which is chosen, moved and copied as one; without a name it gets the next number. */
export interface GroupHits {
  kind: "group_hits";
  ids: string[];
  name?: string | null;
}

/** Take hits out of their groups. */
export interface UngroupHits {
  kind: "ungroup_hits";
  ids: string[];
}

/** Let hits strike their object again instead of scraping it. */
export interface ClearStrokes {
  kind: "clear_strokes";
  ids: string[];
}

/** Delete velocity layers by their places. */
export interface DeleteLayers {
  kind: "delete_layers";
  sound_id: string;
  indices: number[];
}

/** Give a sound another one as a part. */
export interface AddPart {
  kind: "add_part";
  sound_id: string;
  part_sound_id: string;
  offset_s?: number | null;
  gain_db?: number | null;
}

/** New values of a part; those left out stay. */
export interface PartValues {
  sound_id?: string | null;
  offset_s?: number | null;
  gain_db?: number | null;
  mute?: boolean | null;
}

/** Change a part of a sound. */
export interface SetPart {
  kind: "set_part";
  sound_id: string;
  part_id: string;
  values: PartValues;
}

/** Take parts away from a sound; their sounds stay. */
export interface DeleteParts {
  kind: "delete_parts";
  sound_id: string;
  part_ids: string[];
}

/** A new sound without physics of its own, whose parts are these sounds. */
export interface JoinSounds {
  kind: "join_sounds";
  sound_ids: string[];
}

/** New frequencies, powers or decay rates of some modes, in the order of ``indices``. */
export interface SetModes {
  kind: "set_modes";
  sound_id: string;
  indices: number[];
  frequency_hz?: number[] | null;
  power_db?: number[] | null;
  decay_per_s?: number[] | null;
}

/** One more mode. */
export interface AddMode {
  kind: "add_mode";
  sound_id: string;
  frequency_hz: number;
  power_db: number;
  decay_per_s: number;
}

/** Delete modes. */
export interface DeleteModes {
  kind: "delete_modes";
  sound_id: string;
  indices: number[];
}

/** Mute or unmute modes. */
export interface MuteModes {
  kind: "mute_modes";
  sound_id: string;
  indices: number[];
  muted: boolean;
}

/** New powers or decay rates of some bands of one noise component. */
export interface SetResidual {
  kind: "set_residual";
  sound_id: string;
  component: string;
  indices: number[];
  power_db?: number[] | null;
  decay_per_s?: number[] | null;
}

/** A new rise time. */
export interface SetRise {
  kind: "set_rise";
  sound_id: string;
  rise_s: number;
}

/** A new name. */
export interface RenameSound {
  kind: "rename_sound";
  sound_id: string;
  name: string;
}

/** Give the hits of other sounds this sound, as loud as they were, and delete the others. */
export interface MergeSounds {
  kind: "merge_sounds";
  sound_id: string;
  others: string[];
}

/** Delete a sound that no hit uses. */
export interface DeleteSound {
  kind: "delete_sound";
  sound_id: string;
}

/** Replace a sound, or every sound, by a preset. */
export interface ApplyPreset {
  kind: "apply_preset";
  name: string;
  sound_id?: string | null;
}

/** New values of macros, and whether roughness and room leave the loudness as it is; those left out stay. */
export interface MacroValues {
  mass?: number | null;
  hardness?: number | null;
  damping?: number | null;
  position?: number | null;
  roughness?: number | null;
  room?: number | null;
  keep_loudness?: boolean | null;
}

/** New macros of a sound. */
export interface SetMacros {
  kind: "set_macros";
  sound_id: string;
  values: MacroValues;
}

/** All macros to 0. */
export interface ResetMacros {
  kind: "reset_macros";
  sound_id: string;
}

/** How much of a sound is kept as measured, the seed of the rest, or how far its hits vary; those left out stay. */
export interface SetDetail {
  kind: "set_detail";
  sound_id: string;
  detail?: number | null;
  detail_seed?: number | null;
  variation?: number | null;
}

/** Apply detail and macros to modes and residual, and reset them. */
export interface BakeMacros {
  kind: "bake_macros";
  sound_id: string;
}

/** Move a sound towards another sound (``other``) or a preset; ``as_new`` leaves it and adds the result. */
export interface MorphSound {
  kind: "morph_sound";
  sound_id: string;
  amount: number;
  other?: string | null;
  preset?: string | null;
  as_new?: boolean | null;
}

/** A new marker; without a name it is called by its number. */
export interface AddMarker {
  kind: "add_marker";
  time_s: number;
  name?: string | null;
}

/** A new place or name of a marker; what is left out stays. */
export interface SetMarker {
  kind: "set_marker";
  marker_id: string;
  time_s?: number | null;
  name?: string | null;
}

/** Delete a marker. */
export interface DeleteMarker {
  kind: "delete_marker";
  marker_id: string;
}

/** New settings of the sampler; those left out stay. */
export interface SetRender {
  kind: "set_render";
  steps?: number | null;
  guidance?: number | null;
  seed?: number | null;
  checkpoint?: string | null;
  variation?: number | null;
}

/** New levels of the mix and of the clip's own sound, a new width of the noise, and whether the limiter is on. */
export interface SetMix {
  kind: "set_mix";
  gain_db?: number | null;
  clip_gain_db?: number | null;
  width?: number | null;
  limit?: boolean | null;
}

/** New values of a strip; those left out stay. */
export interface StripValues {
  gain_db?: number | null;
  pan?: number | null;
  distance_m?: number | null;
  room_db?: number | null;
  high_pass_hz?: number | null;
  low_pass_hz?: number | null;
  surround_deg?: number | null;
  lfe_db?: number | null;
  mute?: boolean | null;
  solo?: boolean | null;
}

/** New values of a sound's strip. */
export interface SetStrip {
  kind: "set_strip";
  sound_id: string;
  values: StripValues;
}

/** A new colour of a sound, ``#rrggbb``; "" for that of its place in the list. */
export interface SetColor {
  kind: "set_color";
  sound_id: string;
  color: string;
}

/** A new onset threshold, with the hits above it. */
export interface SetThreshold {
  kind: "set_threshold";
  threshold: number;
}

/** Detect hits in the picture, the sound or both. */
export interface SetSource {
  kind: "set_source";
  source: "video" | "audio" | "both";
}

/** Use another of the clip's sound tracks, counted from 0; its hits are detected anew. */
export interface SetTrack {
  kind: "set_track";
  track: number;
}

export type EditMessage =
  | AddHit
  | AddHits
  | PlayHit
  | MoveHits
  | SetHits
  | SetEachHit
  | DeleteHits
  | QuantizeHits
  | DetachHits
  | GroupHits
  | UngroupHits
  | ClearStrokes
  | DeleteLayers
  | AddPart
  | SetPart
  | DeleteParts
  | JoinSounds
  | SetModes
  | AddMode
  | DeleteModes
  | MuteModes
  | SetResidual
  | SetRise
  | RenameSound
  | MergeSounds
  | DeleteSound
  | ApplyPreset
  | SetMacros
  | ResetMacros
  | SetDetail
  | BakeMacros
  | MorphSound
  | AddMarker
  | SetMarker
  | DeleteMarker
  | SetRender
  | SetMix
  | SetStrip
  | SetColor
  | SetThreshold
  | SetSource
  | SetTrack;

/** Open a clip or project: a path on this machine, or ``upload:…`` as the upload route returned it. */
export interface Open {
  type: "open";
  path: string;
}

/** Look for the clip that ``clip_wanted`` names at a path as in ``open``: its file, or a folder to search. */
export interface FindClip {
  type: "find_clip";
  path: string;
}

/** Open a demo project. */
export interface OpenDemo {
  type: "open_demo";
  name: string;
}

/** Close the document. */
export interface Close {
  type: "close";
}

/** Delete unsaved work of a closed tab, by the id of its session; answered by ``welcome``. */
export interface ForgetSession {
  type: "forget_session";
  session: string;
}

/** Save the project, by default where it was saved last. */
export interface Save {
  type: "save";
  path?: string | null;
}

/** Save the project as a new folder with its clip and recordings, inside a folder, by default the data folder's. */
export interface CollectProject {
  type: "collect_project";
  inside?: string | null;
}

/** Apply an edit; edits of one ``gesture`` are one entry of the history. ``number`` counts the tab's changes (edits, undos, redos, candidates) from 1; the document message has the highest one handled. A number that was handled before is ignored, so that a tab may resend changes after a lost connection. ``clip`` is the digest of the clip that the tab shows: where another is open meanwhile, the change is refused. */
export interface ApplyEdit {
  type: "edit";
  edit: EditMessage;
  gesture?: string | null;
  number?: number;
  clip?: string;
}

/** Undo the last entry of the history; ``number`` and ``clip`` as in an edit. */
export interface Undo {
  type: "undo";
  number?: number;
  clip?: string;
}

/** Redo what was undone last; ``number`` and ``clip`` as in an edit. */
export interface Redo {
  type: "redo";
  number?: number;
  clip?: string;
}

/** Cancel detection, analysis, sampling and export; sampling stays so until ``resume``, an export or an analysis. ``only_export`` leaves all but an export as it is. */
export interface Cancel {
  type: "cancel";
  only_export?: boolean;
}

/** Resume cancelled sampling. */
export interface Resume {
  type: "resume";
}

/** The user's position, playhead and selected hits by id: near hits are sampled first. */
export interface FocusOn {
  type: "focus";
  time_s: number;
  hits?: string[];
}

/** Detect hits again, keeping those the user edited. */
export interface Detect {
  type: "detect";
}

/** Analyse hits (by id) again in the clip's sound. */
export interface Analyse {
  type: "analyse";
  hits: string[];
}

/** How files are exported: DeliveryOptions, endings of track and video, and whether the pattern names all files. */
export interface ExportOptions {
  sample_rate_hz?: number;
  bits?: number;
  channels?: string;
  start_timecode?: string | null;
  two_pop?: boolean;
  embed_project?: boolean;
  stems?: string;
  name_pattern?: string;
  creator?: string;
  source?: string;
  takes?: number;
  layers?: number;
  normalize?: string;
  clip_sound?: string;
  sound_ending?: string;
  video_ending?: string;
  ucs_names?: boolean;
}

/** Export kinds of files: wav, mp4, stems, pieces, markers, project, and sessions such as reaper and aaf. ``existing`` is what becomes of files that an earlier export left: "ask" exports nothing where there are some, but answers with an ``export_plan`` that asks. */
export interface Export {
  type: "export";
  what: string[];
  options?: ExportOptions;
  existing?: "ask" | "keep" | "replace";
}

/** Name the files of an export without writing any; answered by ``export_plan``. */
export interface PlanExport {
  type: "plan_export";
  what: string[];
  options?: ExportOptions;
}

/** Set the mix level so that the highest true peak of track and stems is as wanted, once all is sampled. With ``integrated_lufs`` it is set so that the track has this loudness. Both are of the track in ``channels``. */
export interface FitLevel {
  type: "fit_level";
  true_peak_dbtp?: number;
  integrated_lufs?: number | null;
  channels?: "mono" | "stereo" | "5.1";
}

/** Measure the loudness of the track in some channels, if all of it is sampled. */
export interface MeasureLoudness {
  type: "measure_loudness";
  channels?: "mono" | "stereo" | "5.1";
}

/** Move hits (by id), each to the transient nearest to it in the clip's sound, or to the nearest onset seen. */
export interface SnapHits {
  type: "snap_hits";
  hits: string[];
}

/** Draw hits (by id) to the nearest peaks of the onset curve; ``strength`` (0 to 1) is how far. */
export interface DrawToPeaks {
  type: "draw_to_peaks";
  hits: string[];
  strength?: number;
}

/** Add the hits of a spotting list (``path`` as in ``open``), or ``replace`` all hits by them. ``start`` is the timecode that the list has for the clip's first frame, ``frame_rate`` that of its timecode; None leaves them to the list and the clip. */
export interface ImportHits {
  type: "import_hits";
  path: string;
  replace?: boolean;
  start?: string | null;
  frame_rate?: string | null;
}

/** Render one strike of a sound; answered by ``audition``. */
export interface Strike {
  type: "strike";
  sound_id: string;
  velocity_db?: number;
}

/** Render a hit with each of several seeds; each is answered by ``take``. */
export interface RenderTakes {
  type: "render_takes";
  hit_id: string;
  seeds: number[];
}

/** Mix the track around hits (by id) as it is and as it was ``back`` audible changes ago, beside the clip's sound. Answered by ``versions``. */
export interface CompareVersions {
  type: "compare_versions";
  hits: string[];
  back?: number;
}

/** Give scrapes (hits by id) the speed of the fastest movement in the picture during them. */
export interface FollowPicture {
  type: "follow_picture";
  hits: string[];
}

/** Measure velocity layers of a sound from hits (by id) that strike it, in place of those that it has. */
export interface MeasureLayers {
  type: "measure_layers";
  sound_id: string;
  hits: string[];
}

/** Keep a sound, as it is heard, as a preset under a name and tags. */
export interface SavePreset {
  type: "save_preset";
  sound_id: string;
  name: string;
  tags?: string[];
}

/** Delete a preset of one's own. */
export interface DeletePreset {
  type: "delete_preset";
  name: string;
}

/** Take in a file of presets; ``path`` as in ``open``. */
export interface ImportPresets {
  type: "import_presets";
  path: string;
}

/** Kinds of files and options of exports, kept under a name. */
export interface ExportPreset {
  name: string;
  what: string[];
  options: ExportOptions;
}

/** Keep choices of the export dialog under a name; answered by ``welcome``. */
export interface SaveExportPreset {
  type: "save_export_preset";
  preset: ExportPreset;
}

/** Delete an export preset of one's own; answered by ``welcome``. */
export interface DeleteExportPreset {
  type: "delete_export_preset";
  name: string;
}

/** Render one strike of a preset; answered by ``audition``. */
export interface AuditionPreset {
  type: "audition_preset";
  name: string;
}

/** Render one strike of a search result; answered by ``audition``. */
export interface AuditionCandidate {
  type: "audition_candidate";
  id: string;
}

/** Replace a sound by the analysis of a recording; ``path`` as in ``open``. */
export interface SoundFromFile {
  type: "sound_from_file";
  sound_id: string;
  path: string;
}

/** Compute a morph without changing the document; answered by ``morph_preview``. */
export interface MorphPreview {
  type: "morph_preview";
  sound_id: string;
  amount: number;
  other?: string | null;
  preset?: string | null;
}

/** Search the bank by words, by a sound, by the picture, or generate sounds; ``request`` returns in the answer. By the picture, ``contact``, x and y as shares of it, is where the user says that something is struck at ``time_s``, and ``material`` what the user says that it is made of. */
export interface Search {
  type: "search";
  by: "words" | "sound" | "picture" | "new";
  request?: number | null;
  sound_id?: string | null;
  text?: string | null;
  contact?: [number, number] | null;
  time_s?: number | null;
  material?: string | null;
}

/** Give a sound a search result's physics, or only some ``parts`` of it: modes, noise, room. With ``hits`` these alone get it, by a sound of theirs. ``gesture``, ``number`` and ``clip`` as in an edit. */
export interface UseCandidate {
  type: "use_candidate";
  id: string;
  sound_id: string;
  parts?: string[] | null;
  hits?: string[] | null;
  gesture?: string | null;
  number?: number;
  clip?: string;
}

/** Analyse a span of the clip's sound, into a sound or as a new one. */
export interface MeasureSpan {
  type: "measure_span";
  start_s: number;
  end_s: number;
  sound_id?: string | null;
}

/** Analyse recordings (paths as in ``open``) and add them to the user's bank; answered by ``bank``. */
export interface AddToBank {
  type: "add_to_bank";
  paths: string[];
}

/** Request the size of the bank; answered by ``bank``. */
export interface BankSize {
  type: "bank_size";
}

/** Give the project a recut of its clip (``path`` as in ``open``); hits move with their shots. */
export interface Conform {
  type: "conform";
  path: string;
}

/** Render clips one after another, each into kinds of files as an export has them; answered by ``queue``. ``paths`` as in ``open``, or a folder or a list of paths. */
export interface QueueClips {
  type: "queue_clips";
  paths: string[];
  what: string[];
  options?: ExportOptions;
}

/** Cancel a clip of the queue by its id, or all that are not done. */
export interface CancelQueued {
  type: "cancel_queued";
  id?: string | null;
}

/** Take what is done, failed or cancelled from the queue; its files stay. */
export interface ClearQueue {
  type: "clear_queue";
}

/** Measure the project's hits, or the clip's own sound, against the picture; answered by ``sync_measured``. */
export interface MeasureSync {
  type: "measure_sync";
  what?: "hits" | "clip";
}

/** Stop measuring. */
export interface StopSync {
  type: "stop_sync";
}

/** Make a film of a still that is struck at the hits; answered by ``animatic_made``. ``image`` is a picture as in ``open``, None the clip's frame at ``time_s``. ``at_x`` and ``at_y`` (0 to 1 from the upper left) are where it is struck, None where it is to be found. ``guidance`` 0 ignores the hits, 1 follows them as learnt, 4 at most. */
export interface MakeAnimatic {
  type: "make_animatic";
  image?: string | null;
  time_s?: number;
  at_x?: number | null;
  at_y?: number | null;
  guidance?: number;
  striker?: "stick" | "mallet" | "hammer" | "none";
  seed?: number;
}

/** Stop making it. */
export interface StopAnimatic {
  type: "stop_animatic";
}

/** Draw pictures of a sound of the document; answered by ``sound_pictured`` or ``picturing_stopped``. */
export interface PictureSound {
  type: "picture_sound";
  sound_id: string;
  seed?: number;
}

/** Stop drawing. */
export interface StopPicturing {
  type: "stop_picturing";
}

/** Draw a small picture of each candidate of a search, quietly; answered by ``candidates_pictured``, some at a time. A request that follows takes the place of this one; one without ids stops the drawing. */
export interface PictureCandidates {
  type: "picture_candidates";
  ids: string[];
}

/** A sheet of all hits, or of each sound's first; answered by ``storyboard_made`` or ``storyboard_stopped``. Its pictures are the clip's frames, or with ``drawn`` drawn from the sounds. */
export interface MakeStoryboard {
  type: "make_storyboard";
  each?: "hit" | "sound";
  drawn?: boolean;
  ending?: "png" | "pdf";
}

/** Stop making it. */
export interface StopStoryboard {
  type: "stop_storyboard";
}

export type ClientMessage =
  | Open
  | FindClip
  | OpenDemo
  | Close
  | ForgetSession
  | Save
  | CollectProject
  | ApplyEdit
  | Undo
  | Redo
  | Cancel
  | Resume
  | FocusOn
  | Detect
  | Analyse
  | Export
  | PlanExport
  | FitLevel
  | MeasureLoudness
  | SnapHits
  | DrawToPeaks
  | ImportHits
  | Strike
  | RenderTakes
  | CompareVersions
  | FollowPicture
  | MeasureLayers
  | SavePreset
  | DeletePreset
  | ImportPresets
  | SaveExportPreset
  | DeleteExportPreset
  | AuditionPreset
  | AuditionCandidate
  | SoundFromFile
  | MorphPreview
  | Search
  | UseCandidate
  | MeasureSpan
  | AddToBank
  | BankSize
  | Conform
  | QueueClips
  | CancelQueued
  | ClearQueue
  | MeasureSync
  | StopSync
  | MakeAnimatic
  | StopAnimatic
  | PictureSound
  | StopPicturing
  | PictureCandidates
  | MakeStoryboard
  | StopStoryboard;

/** A demo project. */
export interface Demo {
  name: string;
  title: string;
  note: string;
}

/** A preset to choose; the user's own have tags and may be deleted. */
export interface PresetInfo {
  name: string;
  material: string;
  credit: string;
  tags: string[];
  is_own: boolean;
}

/** A sampler on this machine; ``fault`` says why it cannot be used. */
export interface CheckpointInfo {
  name: string;
  fault: string | null;
}

/** Unsaved work of a closed tab, which the tab that takes its ``session`` goes on with. */
export interface KeptSession {
  session: string;
  name: string;
  clip: string;
  hits: number;
  sounds: number;
  age_s: number;
  saved_as: string | null;
  clip_there: boolean;
}

/** The first message: demos, presets, checkpoints, device, recent files; ``local`` where paths may be opened. ``kept`` is unsaved work to go on with; ``crashed``: Struck ended without closing it. */
export interface Welcome {
  type: "welcome";
  demos: Demo[];
  presets: PresetInfo[];
  checkpoints: CheckpointInfo[];
  device: string;
  version: string;
  recent: string[];
  kept: KeptSession[];
  crashed: boolean;
  local: boolean;
  export_presets: ExportPreset[];
}

/** The clip and how the browser plays it; ``media_url`` is None while there is nothing it can play. ``audio_track`` is the place in ``audio_tracks``, the descriptions of all, of the one that is used. ``uneven`` is a sentence where the frames do not come evenly, else "". */
export interface ClipState {
  name: string;
  duration_s: number;
  frame_rate: string;
  width: number;
  height: number;
  start_timecode: string | null;
  has_audio: boolean;
  audio_track: number;
  audio_tracks: string[];
  digest: string;
  media_url: string | null;
  picture_offset_s: number;
  playable: boolean;
  uneven: string;
}

/** Modes as lists of equal length. */
export interface ModesState {
  frequency_hz: number[];
  power_db: number[];
  decay_per_s: number[];
  phase_rad: number[];
  muted: boolean[];
}

/** One noise component: power and decay rate of each band. */
export interface NoiseState {
  power_db: number[];
  decay_per_s: number[];
}

/** The noise bands: the strike's own component at the top, the others by name where there are any. */
export interface ResidualState {
  edges_hz: number[];
  power_db: number[];
  decay_per_s: number[];
  attack: NoiseState | null;
  tail: NoiseState | null;
  room: NoiseState | null;
  rise_s: number;
  envelope_db: number[];
}

/** Macro controls over a sound's own modes and residual, each from -1 to 1. ``keep_loudness``: roughness and room leave the loudness as it is. */
export interface MacrosState {
  mass: number;
  hardness: number;
  damping: number;
  position: number;
  roughness: number;
  room: number;
  keep_loudness: boolean;
}

/** A sound's channel strip; see ``engine.document.strip``. */
export interface StripState {
  gain_db: number;
  pan: number;
  distance_m: number;
  room_db: number;
  high_pass_hz: number;
  low_pass_hz: number;
  surround_deg: number;
  lfe_db: number;
  mute: boolean;
  solo: boolean;
}

/** A velocity layer: its velocity, where it was measured in the clip, and the number of its modes. */
export interface LayerState {
  velocity_db: number;
  time_s: number | null;
  modes: number;
}

/** Another sound that sounds with every hit of a sound, so long after it and so much louder. */
export interface PartState {
  id: string;
  sound_id: string;
  offset_s: number;
  gain_db: number;
  mute: boolean;
}

/** A sound with its own modes and residual, and the macros over them; ``is_default``: nothing was chosen for it. ``is_unrecognised``: the picture did not tell what it is, and its hits wait for the user's choice. ``detail`` is from 0, imagined, to 1, as measured. */
export interface SoundState {
  id: string;
  name: string;
  origin: string;
  origin_note: string;
  is_default: boolean;
  is_unrecognised: boolean;
  fit: number | null;
  modes: ModesState;
  residual: ResidualState;
  macros: MacrosState;
  detail: number;
  detail_seed: number;
  variation: number;
  strip: StripState;
  color: string;
  layers: LayerState[];
  parts: PartState[];
}

/** A hit's offsets from its sound. */
export interface HitOffsetsState {
  pitch_cents: number;
  decay_ratio: number;
  residual_db: number;
}

/** A hit; ``touched`` once the user has edited it, ``found_s`` where it was detected, None for one added by hand. */
export interface HitState {
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
  offsets: HitOffsetsState;
  found_s: number | null;
  name: string;
  group: string;
  distance_m: number;
  stroke: StrokeState | null;
}

/** Levels of the rendered track and of the clip's own sound, width of noise and room (0 to 1), and the limiter. */
export interface MixState {
  gain_db: number;
  clip_gain_db: number;
  width: number;
  limit: boolean;
}

/** Settings of the sampler. */
export interface RenderState {
  checkpoint: string;
  steps: number;
  guidance: number;
  seed: number;
  variation: number;
}

/** Settings of the onset detection. */
export interface DetectionState {
  source: "video" | "audio" | "both";
  threshold: number;
}

/** A named place in the clip. */
export interface MarkerState {
  id: string;
  time_s: number;
  name: string;
}

/** Kinds of files and options of a project's last export. */
export interface ExportSettings {
  what: string[];
  options: ExportOptions;
}

/** A document as the browser shows it; ``export`` is how it was exported last, None for never. */
export interface ProjectState {
  name: string;
  saved: boolean;
  clip: ClipState;
  sounds: SoundState[];
  hits: HitState[];
  mix: MixState;
  render: RenderState;
  detection: DetectionState;
  markers: MarkerState[];
  export: ExportSettings | null;
}

/** The document as it stands; ``undo`` and ``redo`` are labels, None where there is nothing to undo or redo. ``handled`` is the highest number of this tab's changes that is in the document or was refused, ``undo_gesture`` the gesture of the entry that undo reverts. */
export interface DocumentState {
  type: "document";
  revision: number;
  project: ProjectState | null;
  undo: string | null;
  redo: string | null;
  handled: number;
  undo_gesture: string | null;
}

/** Progress of an activity. */
export interface Status {
  type: "status";
  phase: "idle" | "opening" | "detecting" | "analysing" | "sampling" | "exporting" | "done" | "cancelled" | "error";
  done: number;
  total: number;
  message: string;
  elapsed_s: number;
}

/** Where an array can be fetched: its address, its rate and its number of values. */
export interface BulkArray {
  url: string;
  rate_hz: number;
  count: number;
}

/** Available bulk data of the clip; ``lag_s`` is the lag of its picture behind its sound. */
export interface Media {
  type: "media";
  curve: BulkArray | null;
  waveform: BulkArray | null;
  filmstrip: boolean;
  lag_s: number | null;
}

/** Render key of a hit, by which its samples are fetched, their number, and how many of them precede the hit. */
export interface RenderedSound {
  key: string;
  length: number;
  lead: number;
}

/** The hits (by id) whose sound is ready. */
export interface Rendered {
  type: "rendered";
  hits: Record<string, RenderedSound>;
}

/** An error or refusal, in one sentence. */
export interface ErrorNotice {
  type: "error";
  message: string;
}

/** Information that is no error. */
export interface Note {
  type: "note";
  message: string;
}

/** The clip of a project is not in its place and is asked for: its name and length; None once it is found. */
export interface ClipWanted {
  type: "clip_wanted";
  name: string | null;
  duration_s: number;
}

/** Names of the files of an export, and those of them that an earlier export left. ``asks``: an export waits for what becomes of these. ``fault`` is why there are no names. */
export interface ExportPlan {
  type: "export_plan";
  names: string[];
  existing: string[];
  asks: boolean;
  fault: string;
}

/** A file to download; ``warning`` says what is wrong with it, "" where nothing is. */
export interface ExportedFile {
  name: string;
  url: string;
  note: string;
  warning: string;
}

/** The files of an export; ``is_current``: whether they are of the project as it is now. ``again``: told to a tab that joins, of an export before; without files where another document was opened. */
export interface Exported {
  type: "exported";
  files: ExportedFile[];
  is_current: boolean;
  again: boolean;
}

/** Render key of one strike: of a sound (its id), a preset (``preset:NAME``) or a candidate (``candidate:ID``). */
export interface Audition {
  type: "audition";
  sound_id: string;
  key: string;
}

/** Render key of a hit as it would sound with another seed. */
export interface TakeRendered {
  type: "take";
  hit_id: string;
  seed: number;
  key: string;
}

/** The result of a morph. */
export interface MorphPreviewed {
  type: "morph_preview";
  sound_id: string;
  amount: number;
  sound: SoundState;
}

/** A clip of the queue; ``message`` is what is done to it, or why it failed; ``fraction`` is the share done. ``warning`` is what is to be known of the clip, or wrong with what is written of it. */
export interface QueueItem {
  id: string;
  name: string;
  phase: "waiting" | "rendering" | "done" | "failed" | "cancelled";
  fraction: number;
  message: string;
  files: ExportedFile[];
  warning: string;
}

/** The queue as it stands; ``report`` is the address of the page about its clips, "" while there is none. */
export interface QueueState {
  type: "queue";
  items: QueueItem[];
  report: string;
}

/** A search result; ``score`` from 0 to 1. */
export interface CandidateInfo {
  id: string;
  name: string;
  material: string;
  score: number;
  why: string;
  source: string;
  licence: string;
}

/** Search results, best first; with the parsed words, or the prediction from the picture and its confidence. From the picture, ``crop`` is the analysed part, a data address of an image, and ``materials`` the names of the bank's materials, likeliest first. Where ``certain`` is false the prediction is not used: there are no candidates. */
export interface SearchAnswer {
  type: "search_results";
  by: "words" | "sound" | "picture" | "new";
  request: number | null;
  candidates: CandidateInfo[];
  understood: [string, string][] | null;
  unknown: string[] | null;
  seen: string | null;
  confidence: number | null;
  certain: boolean | null;
  crop: string | null;
  materials: string[] | null;
}

/** Number of sounds in the bank and of the user's own among them; names of added, duplicate and unreadable ones. ``pictures`` is whether there is a network that draws pictures of sounds. */
export interface Bank {
  type: "bank";
  sounds: number;
  own: number;
  added: string[];
  duplicates: [string, string][];
  broken: [string, string][];
  pictures: boolean;
}

/** A hit without a place in the new clip, by its timecode in the former one, its sound and its name. */
export interface LostHit {
  timecode: string;
  sound: string;
  name: string;
}

/** A marker without a place in the new clip, by its timecode in the former one and its name. */
export interface LostMarker {
  timecode: string;
  name: string;
}

/** What became of the hits: how many moved, how many more where shots are shown again, and what is lost. ``left_out`` hits and markers were of shots that the former clip repeats and the new one does not. */
export interface Conformed {
  type: "conformed";
  moved: number;
  copied: number;
  lost: LostHit[];
  lost_markers: LostMarker[];
  left_out: number;
}

/** Loudness of the track by EBU R 128; None where it is undefined, and then ``fault`` says why. */
export interface LoudnessMeasured {
  type: "loudness";
  integrated_lufs: number | null;
  range_lu: number | null;
  true_peak_dbtp: number | null;
  short_term_lufs: number | null;
  fault: string | null;
}

/** Share of the measurement that is done, 0 to 1. */
export interface SyncProgressed {
  type: "sync_progress";
  fraction: number;
}

/** A blow seen at ``time_s`` and heard ``offset_s`` later (negative: earlier). ``grade`` is by BT.1359 and half a frame. ``hit_id`` is the hit that is heard, None in the clip's own sound. */
export interface SyncHit {
  time_s: number;
  offset_s: number;
  confidence: number;
  grade: "in step" | "too small to notice" | "detected" | "unacceptable";
  hit_id: string | null;
}

/** A blow that is only seen, or only heard; ``hit_id`` is the hit that is heard. */
export interface SyncLone {
  time_s: number;
  confidence: number;
  hit_id: string | null;
}

/** What the meter found; ``lag_s`` > 0: the sound comes late; it holds at ``middle_s``; None where it is unknown. */
export interface SyncMeasured {
  type: "sync_measured";
  what: "hits" | "clip";
  lag_s: number | null;
  confidence: number;
  drift_s_per_s: number;
  middle_s: number;
  hits: SyncHit[];
  seen_not_heard: SyncLone[];
  heard_not_seen: SyncLone[];
}

/** The measurement ended without a result. */
export interface SyncStopped {
  type: "sync_stopped";
}

/** One version: stereo samples by their key, and the gain that makes it as loud as the others. ``loudness_lufs`` is the highest momentary loudness (EBU R 128), None for silence. */
export interface Version {
  name: "now" | "before" | "clip";
  key: string;
  loudness_lufs: number | null;
  gain_db: number;
}

/** All versions of a span of the clip; ``changes`` are the labels of the edits that are heard here, newest first. */
export interface Versions {
  type: "versions";
  hits: string[];
  back: number;
  start_s: number;
  end_s: number;
  changes: string[];
  versions: Version[];
}

/** Share of the film that is done, 0 to 1. */
export interface AnimaticProgressed {
  type: "animatic_progress";
  fraction: number;
}

/** The film to download, where it is struck, and at how many of the hits the striker comes down. */
export interface AnimaticMade {
  type: "animatic_made";
  name: string;
  url: string;
  at_x: number;
  at_y: number;
  hits: number;
  struck: number;
}

/** It ended without a film. */
export interface AnimaticStopped {
  type: "animatic_stopped";
}

/** Share of the pictures' drawing that is done, 0 to 1. */
export interface PicturingProgressed {
  type: "picturing_progress";
  fraction: number;
}

/** Pictures of a sound, data addresses of images. */
export interface SoundPictured {
  type: "sound_pictured";
  sound_id: string;
  pictures: string[];
}

/** The drawing ended without pictures. */
export interface PicturingStopped {
  type: "picturing_stopped";
}

/** Pictures of candidates by their ids, data addresses of images; "" for one that has none. */
export interface CandidatesPictured {
  type: "candidates_pictured";
  pictures: [string, string][];
}

/** Share of the storyboard that is done, 0 to 1. */
export interface StoryboardProgressed {
  type: "storyboard_progress";
  fraction: number;
}

/** The storyboard to download, and its panels. */
export interface StoryboardMade {
  type: "storyboard_made";
  name: string;
  url: string;
  panels: number;
}

/** It ended without one. */
export interface StoryboardStopped {
  type: "storyboard_stopped";
}

export type ServerMessage =
  | Welcome
  | DocumentState
  | Status
  | Media
  | Rendered
  | ErrorNotice
  | Note
  | ClipWanted
  | ExportPlan
  | Exported
  | Audition
  | TakeRendered
  | MorphPreviewed
  | QueueState
  | SearchAnswer
  | Bank
  | Conformed
  | LoudnessMeasured
  | SyncProgressed
  | SyncMeasured
  | SyncStopped
  | Versions
  | AnimaticProgressed
  | AnimaticMade
  | AnimaticStopped
  | PicturingProgressed
  | SoundPictured
  | PicturingStopped
  | CandidatesPictured
  | StoryboardProgressed
  | StoryboardMade
  | StoryboardStopped;
