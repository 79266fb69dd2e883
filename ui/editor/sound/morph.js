// @ts-check
// The morph panel: a target, an amount, and a preview that follows; then this sound moves there, or a new one is made.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { parsePlain, soundColor } from "../widgets/format.js";
import { createButton, createSlider, make, newGesture } from "../widgets/controls.js";
import { boxOf, pageSize } from "../widgets/page_scale.js";
/** @import { MorphPreviewed } from "../state/protocol.d.ts" */
/** @import { DraftHost, Project, Sound, Store } from "../state/types.d.ts" */

/** @typedef {{text: string, group: string, note?: string, color?: string, field: {other: string} | {preset: string}}} Target */
/** @typedef {{element: HTMLDivElement, search: HTMLInputElement, show: () => void}} Panel */
/** @typedef {DraftHost & {changed: () => void, select: (soundId: string) => void, stems: () => HTMLElement}} MorphHost */

const ANSWER_MS = 4000;

/**
 * ``host``: {sound() -> the sound on show, changed(), preview(sound), committed(soundId), select(soundId),
 * stems() -> the element that shows the modes, which stays in sight}.
 * ``shown()`` is the morphed sound while the panel is open, else null.
 * @param {Store} store
 * @param {HTMLElement} anchor
 * @param {MorphHost} host
 */
export function createMorph(store, anchor, host) {
  /** @type {Panel | null} */
  let panel = null;
  /** @type {Target | null} */
  let target = null;
  let amount = 0.5;
  /** @type {{text: string, sound: Sound} | null} */
  let made = null; // the server's answer
  /** @type {{text: string, amount: number, at_ms: number} | null} */
  let asked = null; // what was asked and not yet answered
  /** @type {Set<string> | null} */
  let known = null; // ids of the sounds before a new one was asked for

  /** @returns {Target[]} */
  const rows = () => [
    ...project().sounds.filter((s) => s.id !== host.sound().id).map((s) => ({ text: s.name, group: t("morph.this_project"), color: soundColor(project(), s.id), field: { other: s.id } })),
    ...(store.welcome?.presets ?? []).map((p) => ({ text: p.name, group: p.material, note: p.credit, field: { preset: p.name } })).sort((a, b) => a.group.localeCompare(b.group)),
  ];

  /** The document on show; the panel is open only while there is one. */
  function project() {
    return /** @type {Project} */ (store.view?.project);
  }

  /** Request the morph with the current settings; one request at a time, so that the latest wins. */
  function ask() {
    if (!panel || !target) return;
    const wanted = { sound_id: host.sound().id, amount, ...target.field };
    const text = JSON.stringify(wanted);
    if (made?.text === text || (asked && performance.now() - asked.at_ms < ANSWER_MS)) return;
    asked = { text, amount, at_ms: performance.now() };
    store.send({ type: "morph_preview", ...wanted });
  }

  /** @param {MorphPreviewed} message */
  function answer(message) {
    if (!asked || message.amount !== asked.amount) return; // a late one answers what was asked before
    made = { text: asked.text, sound: message.sound };
    asked = null;
    if (!panel || message.sound_id !== host.sound()?.id) return;
    host.changed();
    host.preview(made.sound);
    ask();
  }

  /** @param {Target} row */
  function choose(row) {
    target = row;
    panel?.show();
    ask();
  }

  /** @param {boolean} as_new */
  function commit(as_new) {
    if (!target) return;
    const { id } = host.sound();
    known = as_new ? new Set(project().sounds.map((s) => s.id)) : null;
    if (!as_new) host.committed(id);
    store.edit({ kind: "morph_sound", sound_id: id, amount, as_new, ...target.field }, newGesture());
    close();
  }

  function build() {
    const list = make("div", "ins-menu-list ins-morph-list", { role: "group", "aria-label": t("morph.what_to_morph") });
    const search = make("input", "ins-menu-search", { type: "text", placeholder: t("morph.find_a_sound"), spellcheck: false, "aria-label": t("morph.find_a_sound"), oninput: () => fill() });
    const slider = createSlider({
      label: t("morph.amount"), help: t("morph.how_far_0"), min: 0, max: 1, step: 0.01, format: (v) => `${Math.round(100 * v)} %`,
      read: (text) => { const value = parsePlain(text, ["%"]); return value === null ? null : clamp(value / 100, 0, 1); },
      onInput: (value) => { amount = value; ask(); },
      onCommit: (value) => { amount = value; slider.set(value); ask(); },
    });
    const here = createButton(t("morph.morph_this_sound"), { title: t("morph.move_this_sound"), onPress: () => commit(false) });
    const fresh = createButton(t("morph.make_a_new"), { title: t("morph.keep_this_sound"), onPress: () => commit(true) });
    const element = make("div", "ins-menu ins-morph", { role: "dialog", "aria-label": t("morph.morph") }, search, list, slider.element, make("div", "ins-row ins-morph-foot", {}, here, fresh));

    /** @type {Map<HTMLElement, Target>} */
    const options = new Map();

    function fill() {
      const wanted = rows().filter((row) => `${row.text} ${row.group}`.toLowerCase().includes(search.value.trim().toLowerCase()));
      /** @type {string | undefined} */
      let group;
      options.clear();
      list.replaceChildren();
      for (const row of wanted) {
        if (row.group !== group) list.append(make("div", "ins-menu-group", { textContent: group = row.group }));
        const option = make("button", "ins-menu-choose", { type: "button", title: row.note ?? "", onclick: () => choose(row) },
          row.color ? make("i", "ins-dot", { style: `background:${row.color}` }) : null, make("span", "ins-menu-text", { textContent: row.text }));
        options.set(option, row);
        list.append(make("div", "ins-menu-row", {}, option));
      }
      if (!wanted.length) list.append(make("p", "ins-empty", { textContent: t("common.nothing_of_that") }));
      show();
    }

    function show() {
      for (const [option, row] of options) {
        const isOn = JSON.stringify(row.field) === JSON.stringify(target?.field);
        option.parentElement?.classList.toggle("is-on", isOn);
        option.setAttribute("aria-pressed", String(isOn));
      }
      slider.set(target ? amount : null, target ? "—" : t("morph.choose_a_sound"));
      here.disabled = fresh.disabled = !target;
    }

    element.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (["ArrowDown", "ArrowUp"].includes(event.key) && (event.target === search || list.contains(/** @type {Node} */ (event.target)))) {
        const buttons = [...options.keys()];
        buttons[clamp(buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + (event.key === "ArrowDown" ? 1 : -1), 0, buttons.length - 1)]?.focus();
        event.preventDefault();
      }
    });
    fill();
    return { element, search, show };
  }

  /** @param {Event} event */
  const outside = (event) => {
    const at = /** @type {Node} */ (event.target);
    if (panel && !panel.element.contains(at) && !anchor.contains(at)) close();
  };

  /** @param {KeyboardEvent} event */
  const onEscape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
    anchor.focus();
  };

  function open() {
    if (panel) {
      close();
      return;
    }
    target = made = asked = null;
    amount = 0.5;
    panel = build();
    anchor.closest(".ins-root")?.append(panel.element);
    const place = boxOf(anchor);
    const page = pageSize();
    const width = panel.element.offsetWidth;
    panel.element.style.left = `${clamp(place.right - width, 8, page.width - width - 8)}px`;
    const top = Math.max(place.bottom, boxOf(host.stems()).bottom) + 6;
    panel.element.style.top = `${top}px`;
    panel.element.style.maxHeight = `${Math.max(220, page.height - top - 14)}px`;
    document.addEventListener("pointerdown", outside, true);
    document.addEventListener("keydown", onEscape, true);
    window.addEventListener("resize", close);
    anchor.setAttribute("aria-expanded", "true");
    panel.search.focus();
  }

  function close() {
    if (!panel) return;
    panel.element.remove();
    panel = made = null;
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", onEscape, true);
    window.removeEventListener("resize", close);
    anchor.setAttribute("aria-expanded", "false");
    host.changed();
  }

  /** Show the requested sound as soon as it arrives. */
  function follow() {
    if (!store.view?.project) close();
    const before = known;
    const fresh = before && store.view?.project?.sounds.find((s) => !before.has(s.id));
    if (!fresh) return;
    known = null;
    host.select(fresh.id);
    host.committed(fresh.id);
  }

  const cleanups = [store.on("morph_preview", answer), store.watch(() => [store.view?.project?.sounds], follow), store.on("error", () => { asked = known = null; })];
  return {
    open,
    shown: () => (panel && made && made.sound.id === host.sound()?.id ? made.sound : null),
    dispose() {
      close();
      for (const cleanup of cleanups) cleanup?.();
    },
  };
}
