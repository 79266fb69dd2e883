// @ts-check
// A small document for tests.

/** @import { Hit, Project } from "../../../ui/editor/state/types.d.ts" */

/**
 * @param {string} id
 * @param {number} time_s
 * @returns {Hit}
 */
export const makeHit = (id, time_s) => ({
  id, time_s, sound_id: "s1", seed: 1, velocity_db: -6, gain_db: 0, pan: 0, mute: false, strength: 1, touched: false, found_s: time_s, name: "", group: "", distance_m: 0, stroke: null,
  offsets: { pitch_cents: 0, decay_ratio: 1, residual_db: 0 },
});

/** @returns {Project} */
export const makeProject = () => ({
  name: "clip", saved: false,
  clip: {
    name: "clip.mp4", duration_s: 4, frame_rate: "25", width: 64, height: 48, start_timecode: null, has_audio: true, audio_track: 0, audio_tracks: [],
    digest: "abc", media_url: null, picture_offset_s: 0, playable: false, uneven: "",
  },
  sounds: [{
    id: "s1", name: "Bell", origin: "clip", origin_note: "", is_default: false, is_unrecognised: false, fit: null,
    modes: { frequency_hz: [440, 1000], power_db: [-20, -30], decay_per_s: [4, 8], phase_rad: [0, 0], muted: [false, false] },
    residual: {
      edges_hz: [20, 200, 2000], power_db: [-40, -50], decay_per_s: [10, 20], attack: null, tail: { power_db: [-60, -70], decay_per_s: [3, 4] },
      room: null, rise_s: 0, envelope_db: [],
    },
    macros: { mass: 0, hardness: 0, damping: 0, position: 0, roughness: 0, room: 0, keep_loudness: false }, detail: 1, detail_seed: 0, variation: 0, color: "", layers: [], parts: [],
    strip: { gain_db: 0, pan: 0, distance_m: 1, room_db: -60, high_pass_hz: 0, low_pass_hz: 0, surround_deg: 0, lfe_db: -60, mute: false, solo: false },
  }],
  hits: [makeHit("h1", 1), makeHit("h2", 2), makeHit("h3", 3.5)],
  mix: { gain_db: 0, clip_gain_db: -6, width: 0, limit: false },
  render: { checkpoint: "sampler", steps: 8, guidance: 1, seed: 1, variation: 0 },
  detection: { source: "both", threshold: 0.5 },
  markers: [],
  export: null,
});
