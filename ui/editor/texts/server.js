// @ts-check
// Sentences that the server makes, in the language shown: the commonest states and names of edits. Others, and errors, stay English.

import { t } from "./t.js";
/** @import { TextKey } from "./t.js" */

/** Each sentence, its text and what its brackets hold. @type {[RegExp, TextKey, ...string[]][]} */
const SENTENCES = [
  [/^Sampling (\d+) of (\d+)$/, "server.sampling_of", "done", "total"],
  [/^Sampled (\d+) of \d+ hits?$/, "server.sampled", "count"],
  [/^Sampled (\d+) of \d+ hits? \(prior only\)$/, "server.sampled_prior_only", "count"],
  [/^Sampling stopped$/, "server.sampling_stopped"],
  [/^Stopped$/, "server.stopped"],
  [/^Export stopped$/, "server.export_stopped"],
  [/^Opening (.+)$/, "server.opening", "name"],
  [/^Analysing (.+)$/, "server.analysing", "name"],
  [/^Looking at what is struck$/, "server.looking_at_what_is_struck"],
  [/^Add hit$/, "server.add_hit"],
  [/^Record take$/, "server.record_take"],
  [/^Detect hits$/, "server.detect_hits"],
  [/^Move (\d+) hits?$/, "server.move_hits", "count"],
  [/^Delete (\d+) hits?$/, "server.delete_hits", "count"],
  [/^Add (\d+) hits?$/, "server.add_hits", "count"],
  [/^Paste (\d+) hits?$/, "server.paste_hits", "count"],
  [/^Duplicate (\d+) hits?$/, "server.duplicate_hits", "count"],
  [/^Import (\d+) hits?$/, "server.import_hits", "count"],
  [/^Make pattern of (\d+) hits?$/, "server.make_pattern", "count"],
  [/^Quantise (\d+) hits?$/, "server.quantise_hits", "count"],
  [/^Group (\d+) hits?$/, "server.group_hits", "count"],
  [/^Ungroup (\d+) hits?$/, "server.ungroup_hits", "count"],
  [/^Set velocity of (\d+) hits?$/, "server.set_velocity", "count"],
  [/^Set level of (\d+) hits?$/, "server.set_level", "count"],
  [/^Set pan of (\d+) hits?$/, "server.set_pan", "count"],
  [/^Set time of (\d+) hits?$/, "server.set_time", "count"],
  [/^Set sound of (\d+) hits?$/, "server.set_sound", "count"],
  [/^Set mute of (\d+) hits?$/, "server.set_mute", "count"],
  [/^Set pitch of (\d+) hits?$/, "server.set_pitch", "count"],
  [/^Move threshold$/, "server.move_threshold"],
  [/^Change mix$/, "server.change_mix"],
  [/^Change colour$/, "server.change_colour"],
  [/^Change sampler settings$/, "server.change_sampler_settings"],
  [/^Draw new seeds$/, "server.draw_new_seeds"],
  [/^Add mode$/, "server.add_mode"],
  [/^Change (\d+) modes?$/, "server.change_modes", "count"],
  [/^Delete (\d+) modes?$/, "server.delete_modes", "count"],
  [/^Mute (\d+) modes?$/, "server.mute_modes", "count"],
  [/^Unmute (\d+) modes?$/, "server.unmute_modes", "count"],
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
];

/**
 * A sentence of the server in the language shown; as it is where it is not known.
 * @param {string} sentence
 */
export function translate(sentence) {
  for (const [form, key, ...names] of SENTENCES) {
    const found = sentence.match(form);
    if (found) return t(key, Object.fromEntries(names.map((name, i) => [name, found[i + 1]])));
  }
  return sentence;
}
