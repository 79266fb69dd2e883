// @ts-check
// The sheet of velocity layers: what a sound is when struck softer or harder, measured from several hits in one press.

import { createButton, make, newGesture } from "../widgets/controls.js";
import { formatDb } from "../widgets/format.js";
import { formatTimecode } from "../timeline/timecode.js";
import { createSheet } from "./sheet.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { AudioEngine, Store } from "../state/types.d.ts" */

const [SOFTEST_DB, HARDEST_DB] = [-60, 12];

/**
 * @param {HTMLElement} app
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Arranging} arranging
 */
export function createLayersSheet(app, store, audio, arranging) {
  const words = make("p", "ins-quiet arr-words");
  const list = make("ul", "arr-layers");
  const clear = createButton("Delete all", { title: "Leave only the sound itself", onPress: () => remove(sound()?.layers.map((_, k) => k) ?? []) });
  const apply = createButton("Measure", { title: "Analyse each of these hits by itself (Enter)", onPress: measure });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: "Velocity layers",
    content: [words, list, make("div", "ins-row", {}, clear, make("span", "st-space"), apply)],
    apply, onShow: show, onEnter: measure,
  });

  /** The sound of the chosen hits, else the one on show. */
  function sound() {
    const project = store.view?.project;
    const id = arranging.chosen()[0]?.sound_id ?? store.selection.soundId ?? project?.sounds[0]?.id;
    return project?.sounds.find((one) => one.id === id) ?? null;
  }

  /** The hits to measure: several chosen ones of the sound, else all that strike it. */
  function sources() {
    const id = sound()?.id;
    const chosen = arranging.chosen().filter((hit) => hit.sound_id === id);
    const hits = chosen.length > 1 ? chosen : (store.view?.project?.hits ?? []).filter((hit) => hit.sound_id === id);
    return hits.filter((hit) => !hit.stroke);
  }

  function measure() {
    const own = sound();
    const hits = sources().map(({ id }) => id);
    if (own && hits.length && store.view?.project?.clip.has_audio) store.send({ type: "measure_layers", sound_id: own.id, hits });
  }

  /** @param {number[]} indices */
  function remove(indices) {
    const own = sound();
    if (own && indices.length) store.edit({ kind: "delete_layers", sound_id: own.id, indices }, newGesture());
  }

  /** @param {number} velocity_db */
  function hear(velocity_db) {
    const own = sound();
    if (!own) return;
    audio.resume();
    store.send({ type: "strike", sound_id: own.id, velocity_db: Math.min(HARDEST_DB, Math.max(SOFTEST_DB, velocity_db)) });
  }

  function show() {
    const own = sound();
    const project = store.view?.project;
    const hits = sources();
    const layers = own?.layers ?? [];
    const isImagined = layers.length > 0 && own !== null && own.detail < 1;
    words.textContent = !own ? "No sound yet."
      : isImagined ? `${own.name} is partly imagined (Detail), so its layers are not heard until Detail is back at 100 %.`
        : layers.length ? `Hits of ${own.name} are morphed between these by their velocity. Modes and noise in the Sound tab are those of 0 dB.`
          : `${own.name} is one sound, softened and hardened by a law. Layers take it from hits of the clip that were softer and harder.`;
    const rows = [...layers.map((layer, k) => ({ ...layer, place: k })), ...(own ? [{ velocity_db: 0, time_s: null, modes: own.modes.frequency_hz.length, place: -1 }] : [])].sort((a, b) => a.velocity_db - b.velocity_db);
    list.replaceChildren(...rows.map(({ velocity_db, time_s, modes, place }) => {
      const from = place < 0 ? "the sound itself" : time_s === null || !project ? "" : `hit at ${formatTimecode(time_s, project.clip)}`;
      const text = `${formatDb(velocity_db, true)}`;
      return make("li", "", {},
        make("button", "ins-button", { type: "button", textContent: "▶", title: `Hear it at ${text}`, "aria-label": `Hear it at ${text}`, onclick: () => hear(velocity_db) }),
        make("span", "arr-layer-db", { textContent: text }), make("span", "ins-quiet", { textContent: `${from} · ${modes} ${modes === 1 ? "mode" : "modes"}` }),
        place < 0 ? make("span") : make("button", "ins-button", { type: "button", textContent: "×", title: "Delete this layer", "aria-label": `Delete the layer at ${text}`, onclick: () => remove([place]) }));
    }));
    clear.hidden = !layers.length;
    apply.disabled = !hits.length || !project?.clip.has_audio;
    apply.textContent = project?.clip.has_audio === false ? "The clip has no sound" : hits.length === 1 ? "Measure its hit" : `Measure its ${hits.length} hits`;
  }

  const cleanup = store.watch(() => [store.view?.project?.sounds, store.view?.project?.hits], () => sheet.isOpen && show());
  return {
    open: sheet.open,
    dispose() {
      sheet.dispose();
      cleanup();
    },
  };
}
