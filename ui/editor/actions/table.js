// @ts-check
// Every action of the editor: its name, its category and its usual keys. Keys, palette and the sheet of keys are made from it.

/**
 * @typedef {object} Action
 * @property {string} id
 * @property {string} category
 * @property {string} name
 * @property {readonly string[]} keys the usual ones; none where the palette is enough
 * @property {"hits" | "none"} [when] only while hits are selected, or none is; two such actions may share a key
 * @property {boolean} [repeats] again while the key is held
 * @property {boolean} [isAlways] without a clip too
 */
/** @typedef {typeof TABLE[number]["id"]} ActionId */

const TABLE = /** @type {const} */ ([
  { id: "play", category: "Playback", name: "Play or pause", keys: ["Space"] },
  { id: "frame_back", category: "Playback", name: "A frame back", keys: [","], repeats: true },
  { id: "frame_on", category: "Playback", name: "A frame on", keys: ["."], repeats: true },
  { id: "step_back", category: "Playback", name: "A frame back, no hit selected", keys: ["ArrowLeft"], when: "none", repeats: true },
  { id: "step_on", category: "Playback", name: "A frame on, no hit selected", keys: ["ArrowRight"], when: "none", repeats: true },
  { id: "ten_back", category: "Playback", name: "Ten frames back, no hit selected", keys: ["Shift+ArrowLeft"], when: "none", repeats: true },
  { id: "ten_on", category: "Playback", name: "Ten frames on, no hit selected", keys: ["Shift+ArrowRight"], when: "none", repeats: true },
  { id: "to_start", category: "Playback", name: "To the start", keys: ["Home"] },
  { id: "to_end", category: "Playback", name: "To the end", keys: ["End"] },
  { id: "shuttle_back", category: "Playback", name: "Run backwards; again for faster", keys: ["J"] },
  { id: "shuttle_hold", category: "Playback", name: "Hold; with it, the other two go by frames", keys: ["K"] },
  { id: "shuttle_on", category: "Playback", name: "Run forwards; again for faster", keys: ["L"] },
  { id: "half_speed", category: "Playback", name: "Half speed", keys: ["H"] },
  { id: "loop", category: "Playback", name: "Loop", keys: ["C"] },
  { id: "range_start", category: "Playback", name: "The loop begins here", keys: ["I"] },
  { id: "range_end", category: "Playback", name: "The loop ends here", keys: ["O"] },
  { id: "loop_whole", category: "Playback", name: "Loop the whole clip", keys: ["Shift+C"] },

  { id: "add_hit", category: "Timeline", name: "Add a hit at the playhead", keys: ["N"] },
  { id: "previous_hit", category: "Timeline", name: "Hit before", keys: ["["], repeats: true },
  { id: "next_hit", category: "Timeline", name: "Hit after", keys: ["]"], repeats: true },
  { id: "add_marker", category: "Timeline", name: "A marker at the playhead", keys: ["Shift+N"] },
  { id: "previous_marker", category: "Timeline", name: "Marker before", keys: ["{"], repeats: true },
  { id: "next_marker", category: "Timeline", name: "Marker after", keys: ["}"], repeats: true },
  { id: "zoom_in", category: "Timeline", name: "Zoom in at the playhead", keys: ["+", "="], repeats: true },
  { id: "zoom_out", category: "Timeline", name: "Zoom out", keys: ["-"], repeats: true },
  { id: "scroll_back", category: "Timeline", name: "Scroll back", keys: ["PageUp"], repeats: true },
  { id: "scroll_on", category: "Timeline", name: "Scroll on", keys: ["PageDown"], repeats: true },
  { id: "fit", category: "Timeline", name: "See all", keys: ["F"] },
  { id: "spectrogram", category: "Timeline", name: "The spectrogram in large", keys: ["S"] },
  { id: "choose_material", category: "Timeline", name: "Choose what is struck, for a silent clip", keys: [] },

  { id: "frame_earlier", category: "Selected hits", name: "A frame earlier", keys: ["ArrowLeft"], when: "hits", repeats: true },
  { id: "frame_later", category: "Selected hits", name: "A frame later", keys: ["ArrowRight"], when: "hits", repeats: true },
  { id: "ms_earlier", category: "Selected hits", name: "10 ms earlier", keys: ["Shift+ArrowLeft"], when: "hits", repeats: true },
  { id: "ms_later", category: "Selected hits", name: "10 ms later", keys: ["Shift+ArrowRight"], when: "hits", repeats: true },
  { id: "sample_earlier", category: "Selected hits", name: "A sample earlier", keys: ["Alt+ArrowLeft"], when: "hits", repeats: true },
  { id: "sample_later", category: "Selected hits", name: "A sample later", keys: ["Alt+ArrowRight"], when: "hits", repeats: true },
  { id: "harder", category: "Selected hits", name: "1 dB harder", keys: ["ArrowUp"], when: "hits", repeats: true },
  { id: "softer", category: "Selected hits", name: "1 dB softer", keys: ["ArrowDown"], when: "hits", repeats: true },
  { id: "bit_harder", category: "Selected hits", name: "0.1 dB harder", keys: ["Shift+ArrowUp"], when: "hits", repeats: true },
  { id: "bit_softer", category: "Selected hits", name: "0.1 dB softer", keys: ["Shift+ArrowDown"], when: "hits", repeats: true },
  { id: "hear", category: "Selected hits", name: "Hear the hit", keys: ["Enter"], when: "hits", repeats: true },
  { id: "takes", category: "Selected hits", name: "Other takes, to hear and keep", keys: ["V"], when: "hits" },
  { id: "compare", category: "Selected hits", name: "A/B: now against before an edit or the clip, equally loud", keys: ["X"], when: "hits" },
  { id: "mute", category: "Selected hits", name: "Mute", keys: ["M"], when: "hits" },
  { id: "snap", category: "Selected hits", name: "Snap to the nearest transient", keys: ["T"], when: "hits" },
  { id: "quantize", category: "Selected hits", name: "Quantise…", keys: ["Q"] },
  { id: "pattern", category: "Selected hits", name: "A bounce, roll or other pattern from there…", keys: ["B"] },
  { id: "scrape", category: "Selected hits", name: "A scrape or rub there…", keys: ["U"] },
  { id: "layers", category: "Selected hits", name: "Velocity layers of their sound…", keys: ["Y"] },
  { id: "ripple", category: "Selected hits", name: "Ripple: later hits move along", keys: ["P"] },
  { id: "duplicate", category: "Selected hits", name: "Duplicate", keys: ["Mod+D"], when: "hits" },
  { id: "group", category: "Selected hits", name: "Group: chosen, moved and copied as one", keys: ["Mod+G"], when: "hits" },
  { id: "ungroup", category: "Selected hits", name: "Ungroup", keys: ["Mod+Shift+G"], when: "hits" },
  { id: "detach", category: "Selected hits", name: "A sound of their own", keys: ["D"], when: "hits" },
  { id: "merge", category: "Selected hits", name: "Merge their sounds into one", keys: ["G"], when: "hits" },
  { id: "delete", category: "Selected hits", name: "Delete", keys: ["Delete", "Backspace"], when: "hits" },
  { id: "select_all", category: "Selected hits", name: "Select all", keys: ["Mod+A"] },
  { id: "select_sound", category: "Selected hits", name: "Select all of the sound", keys: ["A"] },
  { id: "select_none", category: "Selected hits", name: "Select none", keys: ["Escape"] },

  { id: "presets", category: "Panels", name: "Your presets: keep the sound, search, import, export", keys: ["Shift+P"] },

  { id: "pads", category: "Perform", name: "The pads", keys: ["E"] },
  { id: "record", category: "Perform", name: "Record what is played, or stop", keys: ["R"] },

  { id: "panel_hit", category: "Panels", name: "Hit", keys: [] },
  { id: "panel_list", category: "Panels", name: "List of hits", keys: [] },
  { id: "panel_sound", category: "Panels", name: "Sound", keys: [] },
  { id: "panel_find", category: "Panels", name: "Find a sound", keys: [] },
  { id: "panel_sampler", category: "Panels", name: "Sampler", keys: [] },
  { id: "panel_mix", category: "Panels", name: "Mix", keys: [] },

  { id: "open", category: "Project", name: "Open a clip or a project", keys: ["Mod+O"], isAlways: true },
  { id: "save", category: "Project", name: "Save", keys: ["Mod+S"] },
  { id: "save_folder", category: "Project", name: "Save as a folder, with clip and recordings", keys: [] },
  { id: "export", category: "Project", name: "Export…", keys: ["Mod+E"] },
  { id: "import_hits", category: "Project", name: "Import a spotting list…", keys: [] },
  { id: "conform", category: "Project", name: "Conform to a recut of the clip…", keys: [] },
  { id: "measure_sync", category: "Project", name: "Measure how far sound and picture are apart", keys: [] },
  { id: "undo", category: "Project", name: "Undo", keys: ["Mod+Z"], repeats: true },
  { id: "redo", category: "Project", name: "Redo", keys: ["Mod+Shift+Z", "Mod+Y"], repeats: true },
  { id: "detect", category: "Project", name: "Look for hits again", keys: [] },
  { id: "stop_work", category: "Project", name: "Stop sampling or looking", keys: [] },
  { id: "resume", category: "Project", name: "Sample the hits that are missing", keys: [] },

  { id: "palette", category: "Struck", name: "Search all actions", keys: ["Mod+K"], isAlways: true },
  { id: "help", category: "Struck", name: "Keys and gestures", keys: ["?"], isAlways: true },
  { id: "dark", category: "Struck", name: "Dark theme", keys: [], isAlways: true },
  { id: "light", category: "Struck", name: "Light theme", keys: [], isAlways: true },
  { id: "system_theme", category: "Struck", name: "Theme of the system", keys: [], isAlways: true },
  { id: "tour", category: "Struck", name: "Show the tour", keys: [] },
  { id: "about", category: "Struck", name: "About Struck: licences of code, weights and data", keys: [], isAlways: true },
]);

/** @type {readonly (Action & {id: ActionId})[]} */
export const ACTIONS = TABLE;

/** What the hands do besides: gestures, and keys of a single panel while it has the focus. @type {[string, [string, string][]][]} */
export const GESTURES = [
  ["Timeline", [
    ["Double-click", "add a hit, or hear the one there"], ["Drag a hit", "its time, or its velocity up and down"], ["⇧ drag", "snap to frames"], ["Drag beside", "select with a box"],
    ["⇧ click", "add to the selection"], ["Right-click", "menu of a hit"], ["Wheel", "zoom"], ["⇧ wheel", "scroll"], ["⇧ drag on Clip", "mark a span of its sound and take it"],
    ["Drag the playhead", "hear what it passes"],
  ]],
  ["Selected hits", [["Mod C, X, V", "copy, cut, paste at the playhead"], ["Alt click", "one hit of a group"], ["Drag a scrape's end", "its length"]]],
  ["Perform", [["1 … 0", "strike a sound, with ⇧ harder"], ["Press a pad", "higher up is harder"]]],
  ["List", [
    ["↑ ↓", "row before or after, with ⇧ several"], ["← →", "cell beside"], ["Enter", "edit the cell"], ["Tab", "enter and go to the cell beside"], ["0 … 9 + −", "type a new value"], ["Esc", "give up"],
  ]],
  ["Modes", [
    ["Drag", "frequency and power"], ["⇧ drag", "one of the two"], ["Alt drag", "decay"], ["Drag beside", "select with a box"], ["Double-click", "add a mode"],
    ["Wheel", "zoom"], ["← →", "5 cents, with ⇧ 50"], ["↑ ↓", "0.5 dB, with ⇧ 5"], ["M", "mute"], ["N", "add a mode"], ["Delete", "take away"], ["Enter", "strike"],
  ]],
  ["Macros and morph", [
    ["Drag", "the whole object, over its own modes"], ["Double-click", "back to no change"], ["← →", "one step"], ["Bake", "applies macros and detail to the sound"], ["Another", "takes what Detail leaves out from another object"], ["Morph…", "towards another sound, or a new one between"],
  ]],
  ["Residual", [["Drag", "paint the bands"], ["Click", "choose a band"], ["⇧ click", "choose up to there"], ["↑ ↓", "1 dB, with ⇧ 6"], ["Mod A", "choose all"], ["Esc", "choose none"]]],
  ["Find", [["Press a row", "takes it and plays it with the picture"], ["▶", "hear it once; nothing changes"], ["☆", "keep it at the top"], ["↑ ↓", "row before or after"], ["Drop a folder", "adds its recordings to your bank"]]],
  ["Match", [["Enlarge", "model and recording, how near, and what is worst"], ["Esc", "back"]]],
];
