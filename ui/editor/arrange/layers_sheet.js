// @ts-check
// The sheet of velocity layers: what a sound is when struck softer or harder, measured from several hits in one press.

import { t } from "../texts/t.js";
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
  const clear = createButton(t("layers_sheet.delete_all"), { title: t("layers_sheet.leave_only_the"), onPress: () => remove(sound()?.layers.map((_, k) => k) ?? []) });
  const apply = createButton(t("common.measure"), { title: t("layers_sheet.analyse_each_of"), onPress: measure });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("common.velocity_layers"),
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
    words.textContent = !own ? t("common.no_sound_yet")
      : isImagined ? t("layers_sheet.is_partly_imagined", { name: own.name })
        : layers.length ? t("layers_sheet.hits_of_are", { name: own.name })
          : t("layers_sheet.is_one_sound", { name: own.name });
    const rows = [...layers.map((layer, k) => ({ ...layer, place: k })), ...(own ? [{ velocity_db: 0, time_s: null, modes: own.modes.frequency_hz.length, place: -1 }] : [])].sort((a, b) => a.velocity_db - b.velocity_db);
    list.replaceChildren(...rows.map(({ velocity_db, time_s, modes, place }) => {
      const from = place < 0 ? t("layers_sheet.the_sound_itself") : time_s === null || !project ? "" : t("layers_sheet.hit_at", { time_s: formatTimecode(time_s, project.clip) });
      const text = `${formatDb(velocity_db, true)}`;
      return make("li", "", {},
        make("button", "ins-button", { type: "button", textContent: "▶", title: t("layers_sheet.hear_it_at", { text }), "aria-label": t("layers_sheet.hear_it_at", { text }), onclick: () => hear(velocity_db) }),
        make("span", "arr-layer-db", { textContent: text }), make("span", "ins-quiet", { textContent: `${from} · ${t("layers_sheet.modes", { count: modes })}` }),
        place < 0 ? make("span") : make("button", "ins-button", { type: "button", textContent: "×", title: t("layers_sheet.delete_this_layer"), "aria-label": t("layers_sheet.delete_the_layer", { text }), onclick: () => remove([place]) }));
    }));
    clear.hidden = !layers.length;
    apply.disabled = !hits.length || !project?.clip.has_audio;
    apply.textContent = project?.clip.has_audio === false ? t("layers_sheet.the_clip_has") : t("layers_sheet.measure_its_hits", { count: hits.length });
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
