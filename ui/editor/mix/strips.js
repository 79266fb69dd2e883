// @ts-check
// The sounds as channels of a mixer: colour, name, mute, solo, level and pan of each; the chosen one has its strip below.

import { t } from "../texts/t.js";
import { soundColor, formatDb, formatPan, parseDb, parsePan } from "../widgets/format.js";
import { createSlider, make, newGesture, openMenu } from "../widgets/controls.js";
/** @import { SoundState, StripValues } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/** @type {[string, string][]} */
export const PALETTE = [[t("strips.teal"), "#2fb5a8"], [t("strips.violet"), "#9a7bf0"], [t("strips.coral"), "#f0655c"], [t("strips.blue"), "#4f9fea"], [t("strips.amber"), "#d99321"], [t("strips.green"), "#4caf6d"], [t("strips.pink"), "#e06aa8"], [t("strips.slate"), "#7d8da3"]];

/**
 * Send or hold new values of a strip.
 * @param {Store} store
 * @param {() => string | null} soundId
 */
export function createStripEdit(store, soundId) {
  let gesture = "";
  return {
    /** @param {string} id */
    begin(id) { gesture = id; },
    /** @param {StripValues} values */
    hold(values) {
      const id = soundId();
      if (id) store.hold({ kind: "set_strip", sound_id: id, values });
    },
    /** @param {StripValues} values */
    commit(values, by = gesture || newGesture()) {
      const id = soundId();
      if (id) store.edit({ kind: "set_strip", sound_id: id, values }, by);
    },
  };
}

/**
 * @param {Store} store
 * @param {{chosen: () => string | null, choose: (soundId: string) => void}} host
 */
export function createStrips(store, { chosen, choose }) {
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map();
  const list = make("div", "mix-strips", { role: "group", "aria-label": t("strips.sounds") });

  /** @param {string} id */
  function createRow(id) {
    const edit = createStripEdit(store, () => id);
    const now = () => /** @type {SoundState} */ (store.view?.project?.sounds.find((sound) => sound.id === id));
    /** @type {HTMLButtonElement} */
    const dot = make("button", "ins-dot-button", { type: "button", title: t("strips.colour_of_the"), "aria-haspopup": "menu", onclick: () => openColors(dot, id) }, make("i", "ins-dot"));
    const name = make("button", "mix-name", { type: "button", title: t("strips.show_its_strip"), onclick: () => choose(id) });
    /**
     * @param {"mute" | "solo"} what
     * @param {string} letter
     * @param {string} title
     */
    const toggle = (what, letter, title) => make("button", `mix-toggle is-${what}`, { type: "button", textContent: letter, title, onclick: () => edit.commit({ [what]: !now().strip[what] }, newGesture()) });
    const mute = toggle("mute", "M", t("strips.mute_the_sound"));
    const solo = toggle("solo", "S", t("strips.solo_only_such"));
    const level = createSlider({
      label: t("common.level"), help: t("hit.gain_in_the"), min: -60, max: 24, neutral: 0, format: (v) => formatDb(v, true), read: parseDb, onStart: edit.begin,
      onInput: (gain_db) => edit.hold({ gain_db }), onCommit: (gain_db) => edit.commit({ gain_db }),
    });
    const pan = createSlider({
      label: t("common.pan"), help: t("hit.balance_both_channels"), min: -1, max: 1, step: 0.01, neutral: 0, format: formatPan, read: parsePan, onStart: edit.begin,
      onInput: (value) => edit.hold({ pan: value }), onCommit: (value) => edit.commit({ pan: value }),
    });
    const element = make("div", "mix-strip", {}, dot, name, mute, solo, level.element, pan.element);

    return {
      element,
      /** @param {SoundState} sound */
      show(sound) {
        const { strip } = sound;
        const project = store.view?.project;
        element.style.setProperty("--sound", project ? soundColor(project, id) : "");
        element.classList.toggle("is-on", chosen() === id);
        element.classList.toggle("is-quiet", strip.mute || Boolean(project?.sounds.some((s) => s.strip.solo) && !strip.solo));
        name.textContent = sound.name;
        name.setAttribute("aria-pressed", String(chosen() === id));
        dot.setAttribute("aria-label", t("strips.colour_of", { name: sound.name }));
        for (const [button, on, what] of /** @type {[HTMLElement, boolean, string][]} */ ([[mute, strip.mute, t("common.mute")], [solo, strip.solo, t("strips.solo")]])) {
          button.classList.toggle("is-on", on);
          button.setAttribute("aria-pressed", String(on));
          button.setAttribute("aria-label", `${what} ${sound.name}`);
        }
        level.set(strip.gain_db);
        pan.set(strip.pan);
      },
    };
  }

  /**
   * @param {HTMLElement} anchor
   * @param {string} id
   */
  function openColors(anchor, id) {
    /** @param {string} color */
    const set = (color) => store.edit({ kind: "set_color", sound_id: id, color }, newGesture());
    openMenu(anchor, [...PALETTE.map(([text, color]) => ({ text, color, choose: () => set(color) })), { text: t("strips.by_its_place"), choose: () => set("") }]);
  }

  function show() {
    const sounds = store.view?.project?.sounds ?? [];
    const ids = sounds.map(({ id }) => id);
    for (const [id, row] of rows) {
      if (ids.includes(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    sounds.forEach((sound, place) => {
      const row = rows.get(sound.id) ?? createRow(sound.id);
      rows.set(sound.id, row);
      row.show(sound);
      // A row that is in its place is not touched: what is typed there would be entered.
      if (list.children[place] !== row.element) list.insertBefore(row.element, list.children[place] ?? null);
    });
  }

  return { element: list, show };
}
