// @ts-check
// Sentences that the server makes, in the language shown: the commonest states and names of edits. Others, and errors, stay English.

import { LANGUAGE, t } from "./t.js";
/** @import { TextKey } from "./t.js" */

/** Each sentence, its text and what its brackets hold; a count that it leaves out is 1. @type {[RegExp, TextKey, ...string[]][]} */
const SENTENCES = [
  [/^Sampling (\d+) of (\d+)$/, "server.sampling_of", "done", "total"],
  [/^Sampled (\d+) of \d+ hits?$/, "server.sampled", "count"],
  [/^Sampled (\d+) of \d+ hits? \(prior only(?:: no checkpoint)?\)$/, "server.sampled_prior_only", "count"],
  [/^Sampling stopped$/, "server.sampling_stopped"],
  [/^Stopped$/, "server.stopped"],
  [/^Export stopped$/, "server.export_stopped"],
  [/^Opening (.+)$/, "server.opening", "name"],
  [/^Analysing (.+)$/, "server.analysing", "name"],
  [/^Looking at what is struck$/, "server.looking_at_what_is_struck"],
  [/^Add hit$/, "server.add_hit"],
  [/^Record take$/, "server.record_take"],
  [/^Detect hits$/, "server.detect_hits"],
  [/^Move (?:(\d+) )?hits?$/, "server.move_hits", "count"],
  [/^Delete (?:(\d+) )?hits?$/, "server.delete_hits", "count"],
  [/^Add (?:(\d+) )?hits?$/, "server.add_hits", "count"],
  [/^Paste (?:(\d+) )?hits?$/, "server.paste_hits", "count"],
  [/^Duplicate (?:(\d+) )?hits?$/, "server.duplicate_hits", "count"],
  [/^Import (?:(\d+) )?hits?$/, "server.import_hits", "count"],
  [/^Import (?:(\d+) )?hits? in place of (\d+)$/, "server.import_hits_in_place", "count", "former"],
  [/^Make pattern of (?:(\d+) )?hits?$/, "server.make_pattern", "count"],
  [/^Quantise (?:(\d+) )?hits?$/, "server.quantise_hits", "count"],
  [/^Group (?:(\d+) )?hits?$/, "server.group_hits", "count"],
  [/^Ungroup (?:(\d+) )?hits?$/, "server.ungroup_hits", "count"],
  [/^Set velocity of (?:(\d+) )?hits?$/, "server.set_velocity", "count"],
  [/^Set level of (?:(\d+) )?hits?$/, "server.set_level", "count"],
  [/^Set pan of (?:(\d+) )?hits?$/, "server.set_pan", "count"],
  [/^Set time of (?:(\d+) )?hits?$/, "server.set_time", "count"],
  [/^Set sound of (?:(\d+) )?hits?$/, "server.set_sound", "count"],
  [/^Set mute of (?:(\d+) )?hits?$/, "server.set_mute", "count"],
  [/^Set pitch of (?:(\d+) )?hits?$/, "server.set_pitch", "count"],
  [/^Set decay of (?:(\d+) )?hits?$/, "server.set_decay", "count"],
  [/^Set residual of (?:(\d+) )?hits?$/, "server.set_residual", "count"],
  [/^Set distance of (?:(\d+) )?hits?$/, "server.set_distance", "count"],
  [/^Set scrape of (?:(\d+) )?hits?$/, "server.set_stroke", "count"],
  [/^Set name of (?:(\d+) )?hits?$/, "server.set_name", "count"],
  [/^Set group of (?:(\d+) )?hits?$/, "server.set_group", "count"],
  [/^Set level of the sound$/, "server.strip_level"],
  [/^Set distance of the sound$/, "server.strip_distance"],
  [/^Set room of the sound$/, "server.strip_room"],
  [/^Set high pass of the sound$/, "server.strip_high_pass"],
  [/^Set low pass of the sound$/, "server.strip_low_pass"],
  [/^Set direction of the sound$/, "server.strip_direction"],
  [/^Set LFE of the sound$/, "server.strip_lfe"],
  [/^Set seed of (?:(\d+) )?hits?$/, "server.set_seed", "count"],
  [/^Set pan of the sound$/, "server.strip_pan"],
  [/^Set mute of the sound$/, "server.strip_mute"],
  [/^Set solo of the sound$/, "server.strip_solo"],
  [/^Move threshold$/, "server.move_threshold"],
  [/^Change mix$/, "server.change_mix"],
  [/^Change colour$/, "server.change_colour"],
  [/^Change sampler settings$/, "server.change_sampler_settings"],
  [/^Draw new seeds$/, "server.draw_new_seeds"],
  [/^Add mode$/, "server.add_mode"],
  [/^Change (?:(\d+) )?modes?$/, "server.change_modes", "count"],
  [/^Delete (?:(\d+) )?modes?$/, "server.delete_modes", "count"],
  [/^Mute (?:(\d+) )?modes?$/, "server.mute_modes", "count"],
  [/^Unmute (?:(\d+) )?modes?$/, "server.unmute_modes", "count"],
  [/^Change (?:(\d+) )?bands? of the attack$/, "server.change_attack", "count"],
  [/^Change (?:(\d+) )?bands? of the strike noise$/, "server.change_strike", "count"],
  [/^Change (?:(\d+) )?bands? of the tail$/, "server.change_tail", "count"],
  [/^Change (?:(\d+) )?bands? of the room$/, "server.change_room", "count"],
  [/^Take modes of (.+)$/, "server.take_modes", "name"],
  [/^Take noise of (.+)$/, "server.take_noise", "name"],
  [/^Take room of (.+)$/, "server.take_room", "name"],
  [/^Take modes and noise of (.+)$/, "server.take_modes_and_noise", "name"],
  [/^Take modes and room of (.+)$/, "server.take_modes_and_room", "name"],
  [/^Take noise and room of (.+)$/, "server.take_noise_and_room", "name"],
  [/^Rename sound$/, "server.rename_sound"],
  [/^Replace sound$/, "server.replace_sound"],
  [/^Add sound$/, "server.add_sound"],
  [/^Delete sound$/, "server.delete_sound"],
  [/^Merge (\d+) sounds?$/, "server.merge_sounds", "count"],
  [/^Add a part$/, "server.add_part"],
  [/^Move a part$/, "server.move_part"],
  [/^Level of a part$/, "server.level_of_part"],
  [/^Mute a part$/, "server.mute_part"],
  [/^Unmute a part$/, "server.unmute_part"],
  [/^Another sound for a part$/, "server.sound_of_part"],
  [/^Remove part$/, "server.remove_part"],
  [/^New sound of parts$/, "server.join_sounds"],
  [/^Bake macros into (.+)$/, "server.bake_macros", "name"],
  [/^Reset macros of (.+)$/, "server.reset_macros", "name"],
  [/^Mass of (.+)$/, "server.mass_of", "name"],
  [/^Hardness of (.+)$/, "server.hardness_of", "name"],
  [/^Damping of (.+)$/, "server.damping_of", "name"],
  [/^Position of (.+)$/, "server.position_of", "name"],
  [/^Roughness of (.+)$/, "server.roughness_of", "name"],
  [/^Room of (.+)$/, "server.room_of", "name"],
  [/^Detail of (.+)$/, "server.detail_of", "name"],
  [/^Variation of (.+)$/, "server.variation_of", "name"],
  [/^Add marker$/, "server.add_marker"],
  [/^Move marker$/, "server.move_marker"],
  [/^Delete marker$/, "server.delete_marker"],
  [/^Analyse the clip's sound$/, "server.analyse_clip"],
  [/^Choose default sound$/, "server.choose_default_sound"],
  [/^Delete (?:(\d+) )?hits? and close the gap$/, "server.delete_and_close", "count"],
  [/^Delete (?:(\d+) )?velocity layers?$/, "server.delete_layers", "count"],
  [/^Change detection source$/, "server.detection_source"],
  [/^Change the rise$/, "server.change_rise"],
  [/^Estimate from the picture$/, "server.estimate_from_picture"],
  [/^Follow the picture with (?:(\d+) )?scrapes?$/, "server.follow_picture", "count"],
  [/^Keep headroom$/, "server.keep_headroom"],
  [/^Make (?:(\d+) )?velocity layers?$/, "server.make_layers", "count"],
  [/^Morph (.+) into a new sound$/, "server.morph_new", "name"],
  [/^Morph (.+) towards (.+)$/, "server.morph_towards", "name", "other"],
  [/^Give (?:(\d+) )?hits? (?:its own sound|their own sounds)$/, "server.own_sounds", "count"],
  [/^Remove (\d+) parts$/, "server.remove_parts", "count"],
  [/^Rename marker$/, "server.rename_marker"],
  [/^Snap (?:(\d+) )?hits? to transients$/, "server.snap_hits", "count"],
  [/^Change sound track$/, "server.sound_track"],
  [/^Strike with (?:(\d+) )?hits? instead$/, "server.strike_instead", "count"],
  [/^Strike (.+)$/, "server.strike_preset", "name"],
  [/^Use (.+)$/, "server.use_sound", "name"],
];

/** What a sound comes from, in the same form. @type {[RegExp, TextKey, ...string[]][]} */
const SOURCES = [
  [/^from the clip's sound$/, "server.from_the_clip"],
  [/^from the clip's sound at ([\d.]+) s$/, "server.from_the_clip_at", "time_s"],
  [/^from the clip's sound, ([\d.]+) to ([\d.]+) s$/, "server.from_the_clip_between", "start_s", "end_s"],
  [/^from a recording$/, "server.from_a_recording"],
  [/^from a physics file$/, "server.from_a_physics_file"],
  [/^from the picture$/, "server.from_the_picture"],
  [/^from words$/, "server.from_words"],
  [/^from (.+)$/, "server.from_file", "name"],
  [/^a preset$/, "server.a_preset"],
  [/^default preset until the clip's sound is analysed: (.+)$/, "server.preset_until_analysed", "name"],
  [/^default preset, since the clip has no sound of its own: (.+)$/, "server.preset_since_silent", "name"],
  [/^default preset, since the struck object was not recognised in the picture: (.+)$/, "server.preset_since_unsure", "name"],
  [/^default preset, since there is no audible hit in the clip's sound: (.+)$/, "server.preset_since_inaudible", "name"],
  [/^morph of (.+), (\d+) %$/, "server.morph_of", "names", "percent"],
];

/**
 * A sentence of the server in the language shown; as it is in English, and where it is not known.
 * @param {string} sentence
 * @param {typeof t} [say]
 */
export const translate = (sentence, say) => (say || LANGUAGE !== "en" ? find(SENTENCES, sentence, say ?? t) : sentence);

/**
 * What a sound comes from, in the language shown, with what was borrowed behind; names and credits stay.
 * @param {string} note
 * @param {typeof t} say
 */
export function translateSource(note, say = t) {
  const [origin, ...borrowed] = note.split("; ");
  const before = origin.startsWith("was: ") ? say("server.was", { origin: find(SOURCES, origin.slice(5), say) }) : find(SOURCES, origin, say);
  return [before, ...borrowed].join("; ");
}

/**
 * @param {[RegExp, TextKey, ...string[]][]} known
 * @param {string} sentence
 * @param {typeof t} say
 */
function find(known, sentence, say) {
  for (const [form, key, ...names] of known) {
    const found = sentence.match(form);
    if (found) return say(key, Object.fromEntries(names.map((name, i) => [name, found[i + 1] ?? 1])));
  }
  return sentence;
}
