// @ts-check
// Every action of the editor: its name, its category and its usual keys. Keys, palette and the sheet of keys are made from it.

import { t } from "../texts/t.js";

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
  { id: "play", category: t("table.playback"), name: t("table.play_or_pause"), keys: ["Space"] },
  { id: "frame_back", category: t("table.playback"), name: t("table.a_frame_back"), keys: [","], repeats: true },
  { id: "frame_on", category: t("table.playback"), name: t("table.a_frame_on"), keys: ["."], repeats: true },
  { id: "step_back", category: t("table.playback"), name: t("table.a_frame_back_no"), keys: ["ArrowLeft"], when: "none", repeats: true },
  { id: "step_on", category: t("table.playback"), name: t("table.a_frame_on_no"), keys: ["ArrowRight"], when: "none", repeats: true },
  { id: "ten_back", category: t("table.playback"), name: t("table.ten_frames_back"), keys: ["Shift+ArrowLeft"], when: "none", repeats: true },
  { id: "ten_on", category: t("table.playback"), name: t("table.ten_frames_on"), keys: ["Shift+ArrowRight"], when: "none", repeats: true },
  { id: "to_start", category: t("table.playback"), name: t("common.to_the_start"), keys: ["Home"] },
  { id: "to_end", category: t("table.playback"), name: t("common.to_the_end"), keys: ["End"] },
  { id: "shuttle_back", category: t("table.playback"), name: t("table.run_backwards_again"), keys: ["J"] },
  { id: "shuttle_hold", category: t("table.playback"), name: t("table.hold_with_it"), keys: ["K"] },
  { id: "shuttle_on", category: t("table.playback"), name: t("table.run_forwards_again"), keys: ["L"] },
  { id: "half_speed", category: t("table.playback"), name: t("table.half_speed"), keys: ["H"] },
  { id: "loop", category: t("table.playback"), name: t("common.loop"), keys: ["C"] },
  { id: "range_start", category: t("table.playback"), name: t("table.the_loop_begins"), keys: ["I"] },
  { id: "range_end", category: t("table.playback"), name: t("table.the_loop_ends"), keys: ["O"] },
  { id: "loop_whole", category: t("table.playback"), name: t("common.loop_the_whole"), keys: ["Shift+C"] },

  { id: "add_hit", category: t("common.timeline"), name: t("table.add_a_hit"), keys: ["N"] },
  { id: "previous_hit", category: t("common.timeline"), name: t("table.hit_before"), keys: ["["], repeats: true },
  { id: "next_hit", category: t("common.timeline"), name: t("table.hit_after"), keys: ["]"], repeats: true },
  { id: "add_marker", category: t("common.timeline"), name: t("table.a_marker_at"), keys: ["Shift+N"] },
  { id: "previous_marker", category: t("common.timeline"), name: t("table.marker_before"), keys: ["{"], repeats: true },
  { id: "next_marker", category: t("common.timeline"), name: t("table.marker_after"), keys: ["}"], repeats: true },
  { id: "zoom_in", category: t("common.timeline"), name: t("table.zoom_in_at"), keys: ["+", "="], repeats: true },
  { id: "zoom_out", category: t("common.timeline"), name: t("table.zoom_out"), keys: ["-"], repeats: true },
  { id: "scroll_back", category: t("common.timeline"), name: t("table.scroll_back"), keys: ["PageUp"], repeats: true },
  { id: "scroll_on", category: t("common.timeline"), name: t("table.scroll_on"), keys: ["PageDown"], repeats: true },
  { id: "fit", category: t("common.timeline"), name: t("table.see_all"), keys: ["F"] },
  { id: "spectrogram", category: t("common.timeline"), name: t("common.the_spectrogram_in"), keys: ["S"] },
  { id: "choose_material", category: t("common.timeline"), name: t("table.choose_what_is"), keys: [] },

  { id: "frame_earlier", category: t("table.selected_hits"), name: t("table.a_frame_earlier"), keys: ["ArrowLeft"], when: "hits", repeats: true },
  { id: "frame_later", category: t("table.selected_hits"), name: t("table.a_frame_later"), keys: ["ArrowRight"], when: "hits", repeats: true },
  { id: "ms_earlier", category: t("table.selected_hits"), name: t("table.10_ms_earlier"), keys: ["Shift+ArrowLeft"], when: "hits", repeats: true },
  { id: "ms_later", category: t("table.selected_hits"), name: t("table.10_ms_later"), keys: ["Shift+ArrowRight"], when: "hits", repeats: true },
  { id: "sample_earlier", category: t("table.selected_hits"), name: t("table.a_sample_earlier"), keys: ["Alt+ArrowLeft"], when: "hits", repeats: true },
  { id: "sample_later", category: t("table.selected_hits"), name: t("table.a_sample_later"), keys: ["Alt+ArrowRight"], when: "hits", repeats: true },
  { id: "harder", category: t("table.selected_hits"), name: t("table.1_db_harder"), keys: ["ArrowUp"], when: "hits", repeats: true },
  { id: "softer", category: t("table.selected_hits"), name: t("table.1_db_softer"), keys: ["ArrowDown"], when: "hits", repeats: true },
  { id: "bit_harder", category: t("table.selected_hits"), name: t("table.0_1_db"), keys: ["Shift+ArrowUp"], when: "hits", repeats: true },
  { id: "bit_softer", category: t("table.selected_hits"), name: t("table.0_1_db_softer"), keys: ["Shift+ArrowDown"], when: "hits", repeats: true },
  { id: "hear", category: t("table.selected_hits"), name: t("table.hear_the_hit"), keys: ["Enter"], when: "hits", repeats: true },
  { id: "takes", category: t("table.selected_hits"), name: t("table.other_takes_to"), keys: ["V"], when: "hits" },
  { id: "compare", category: t("table.selected_hits"), name: t("table.a_b_now"), keys: ["X"], when: "hits" },
  { id: "mute", category: t("table.selected_hits"), name: t("common.mute"), keys: ["M"], when: "hits" },
  { id: "snap", category: t("table.selected_hits"), name: t("table.snap_to_the"), keys: ["T"], when: "hits" },
  { id: "quantize", category: t("table.selected_hits"), name: t("common.quantise"), keys: ["Q"] },
  { id: "pattern", category: t("table.selected_hits"), name: t("table.a_bounce_roll"), keys: ["B"] },
  { id: "scrape", category: t("table.selected_hits"), name: t("table.a_scrape_or"), keys: ["U"] },
  { id: "layers", category: t("table.selected_hits"), name: t("table.velocity_layers_of"), keys: ["Y"] },
  { id: "ripple", category: t("table.selected_hits"), name: t("table.ripple_later_hits"), keys: ["P"] },
  { id: "duplicate", category: t("table.selected_hits"), name: t("common.duplicate"), keys: ["Mod+D"], when: "hits" },
  { id: "group", category: t("table.selected_hits"), name: t("table.group_chosen_moved"), keys: ["Mod+G"], when: "hits" },
  { id: "ungroup", category: t("table.selected_hits"), name: t("table.ungroup"), keys: ["Mod+Shift+G"], when: "hits" },
  { id: "detach", category: t("table.selected_hits"), name: t("table.a_sound_of"), keys: ["D"], when: "hits" },
  { id: "merge", category: t("table.selected_hits"), name: t("table.merge_their_sounds"), keys: ["G"], when: "hits" },
  { id: "delete", category: t("table.selected_hits"), name: t("sound.delete"), keys: ["Delete", "Backspace"], when: "hits" },
  { id: "select_all", category: t("table.selected_hits"), name: t("table.select_all"), keys: ["Mod+A"] },
  { id: "select_sound", category: t("table.selected_hits"), name: t("table.select_all_of"), keys: ["A"] },
  { id: "select_none", category: t("table.selected_hits"), name: t("table.select_none"), keys: ["Escape"] },

  { id: "parts", category: t("table.panels"), name: t("table.parts_of_the"), keys: ["Shift+Y"] },
  { id: "presets", category: t("table.panels"), name: t("table.your_presets_keep"), keys: ["Shift+P"] },

  { id: "pads", category: t("common.perform"), name: t("table.the_pads"), keys: ["E"] },
  { id: "record", category: t("common.perform"), name: t("table.record_what_is"), keys: ["R"] },

  { id: "panel_hit", category: t("table.panels"), name: t("common.hit"), keys: [] },
  { id: "panel_list", category: t("table.panels"), name: t("table.list_of_hits"), keys: [] },
  { id: "panel_sound", category: t("table.panels"), name: t("common.sound"), keys: [] },
  { id: "panel_find", category: t("table.panels"), name: t("common.find_a_sound"), keys: [] },
  { id: "panel_sampler", category: t("table.panels"), name: t("common.sampler"), keys: [] },
  { id: "panel_mix", category: t("table.panels"), name: t("common.mix"), keys: [] },

  { id: "open", category: t("table.project"), name: t("common.open_a_clip"), keys: ["Mod+O"], isAlways: true },
  { id: "save", category: t("table.project"), name: t("common.save"), keys: ["Mod+S"] },
  { id: "save_folder", category: t("table.project"), name: t("common.save_as_a"), keys: [] },
  { id: "export", category: t("table.project"), name: t("table.export"), keys: ["Mod+E"] },
  { id: "import_hits", category: t("table.project"), name: t("table.import_a_spotting"), keys: [] },
  { id: "conform", category: t("table.project"), name: t("common.conform_to_a"), keys: [] },
  { id: "measure_sync", category: t("table.project"), name: t("table.measure_how_far"), keys: [] },
  { id: "make_animatic", category: t("table.project"), name: t("animatic.from_a_still"), keys: [] },
  { id: "storyboard", category: t("table.project"), name: t("storyboard.storyboard_of"), keys: [] },
  { id: "undo", category: t("table.project"), name: t("table.undo"), keys: ["Mod+Z"], repeats: true },
  { id: "redo", category: t("table.project"), name: t("table.redo"), keys: ["Mod+Shift+Z", "Mod+Y"], repeats: true },
  { id: "detect", category: t("table.project"), name: t("table.look_for_hits"), keys: [] },
  { id: "stop_work", category: t("table.project"), name: t("table.stop_sampling_or"), keys: [] },
  { id: "resume", category: t("table.project"), name: t("table.sample_the_hits"), keys: [] },

  { id: "palette", category: "Struck", name: t("common.search_all_actions"), keys: ["Mod+K"], isAlways: true },
  { id: "help", category: "Struck", name: t("common.keys_and_gestures"), keys: ["?"], isAlways: true },
  { id: "dark", category: "Struck", name: t("table.dark_theme"), keys: [], isAlways: true },
  { id: "light", category: "Struck", name: t("table.light_theme"), keys: [], isAlways: true },
  { id: "system_theme", category: "Struck", name: t("table.theme_of_the"), keys: [], isAlways: true },
  { id: "english", category: "Struck", name: "English", keys: [], isAlways: true },
  { id: "german", category: "Struck", name: "Deutsch", keys: [], isAlways: true },
  { id: "japanese", category: "Struck", name: "日本語", keys: [], isAlways: true },
  { id: "tour", category: "Struck", name: t("table.show_the_tour"), keys: [] },
  { id: "about", category: "Struck", name: t("table.about_struck_licences"), keys: [], isAlways: true },
]);

/** @type {readonly (Action & {id: ActionId})[]} */
export const ACTIONS = TABLE;

/** What the hands do besides: gestures, and keys of a single panel while it has the focus. @type {[string, [string, string][]][]} */
export const GESTURES = [
  [t("common.timeline"), [
    [t("table.double_click"), t("table.add_a_hit_or")], [t("table.drag_a_hit"), t("table.its_time_or")], [t("table.drag"), t("table.snap_to_frames")], [t("table.drag_beside"), t("table.select_with_a")],
    [t("table.click"), t("table.add_to_the")], [t("table.right_click"), t("table.menu_of_a")], [t("table.wheel"), t("common.zoom")], [t("common.wheel"), t("common.scroll")], [t("table.drag_on_clip"), t("table.mark_a_span")],
    [t("table.drag_the_playhead"), t("table.hear_what_it")],
  ]],
  [t("table.selected_hits"), [["Mod C, X, V", t("table.copy_cut_paste")], ["Alt click", t("table.one_hit_of")], [t("table.drag_a_scrapes"), t("table.its_length")]]],
  [t("common.perform"), [["1 … 0", t("table.strike_a_sound")], [t("table.press_a_pad"), t("table.higher_up_is")]]],
  [t("common.list"), [
    ["↑ ↓", t("table.row_before_or_after")], ["← →", t("table.cell_beside")], ["Enter", t("table.edit_the_cell")], ["Tab", t("table.enter_and_go")], ["0 … 9 + −", t("table.type_a_new")], ["Esc", t("table.give_up")],
  ]],
  [t("common.modes"), [
    [t("table.drag_2"), t("table.frequency_and_power")], [t("table.drag"), t("table.one_of_the")], [t("table.alt_drag"), t("table.decay")], [t("table.drag_beside"), t("table.select_with_a")], [t("table.double_click"), t("table.add_a_mode")],
    [t("table.wheel"), t("common.zoom")], ["[ ]", t("table.mode_beside")], ["← →", t("table.5_cents_with")], ["↑ ↓", t("table.0_5_db")], ["M", t("common.mute_2")], ["N", t("table.add_a_mode")], ["Delete", t("table.take_away")], ["Enter", t("table.strike")],
  ]],
  [t("table.macros_and_morph"), [
    [t("table.drag_2"), t("table.the_whole_object")], [t("table.double_click"), t("table.back_to_no")], ["← →", t("table.one_step")], [t("common.bake"), t("table.applies_macros_and")], [t("common.another"), t("table.takes_what_detail")], [t("table.morph"), t("table.towards_another_sound")],
  ]],
  [t("common.residual"), [[t("table.drag_2"), t("table.paint_the_bands")], [t("table.click_2"), t("table.choose_a_band")], [t("table.click"), t("table.choose_up_to")], ["[ ]", t("table.band_beside")], ["↑ ↓", t("table.1_db_with")], ["Mod A", t("table.choose_all")], ["Esc", t("table.choose_none")]]],
  [t("common.find"), [[t("table.press_a_row"), t("table.takes_it_and")], ["▶", t("table.hear_it_once")], ["☆", t("table.keep_it_at")], ["↑ ↓", t("table.row_before_or")], [t("table.drop_a_folder"), t("table.adds_its_recordings")]]],
  [t("common.match"), [[t("common.enlarge"), t("table.model_and_recording")], ["Esc", t("table.back")]]],
];
