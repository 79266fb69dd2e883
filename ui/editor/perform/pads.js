// @ts-check
// The pads on screen, one for each sound: pressed higher up they strike harder, and a pen strikes by its pressure.

import { clamp } from "../audio/units.js";
import { t } from "../texts/t.js";
import { make } from "../widgets/controls.js";
import { soundColor } from "../widgets/format.js";
import { pointIn } from "../widgets/page_scale.js";
import { keyText, noteText } from "./notes.js";
/** @import { Project } from "../state/types.d.ts" */

const FLASH_MS = 180;

/**
 * @param {object} host
 * @param {(soundId: string, share: number | null, stamp_ms: number) => void} host.press how hard, 0 to 1, and when; null for a key
 */
export function createPads({ press }) {
  const element = make("div", "st-pads", { role: "group", "aria-label": t("common.pads") });
  /** @type {Map<string, {button: HTMLButtonElement, level: HTMLElement, timer?: ReturnType<typeof setTimeout>}>} */
  let pads = new Map();
  let shown = "";

  /**
   * @param {string} id
   * @param {string} name
   * @param {string} color
   * @param {string} key
   * @param {string} note
   */
  function makePad(id, name, color, key, note) {
    const level = make("i", "st-pad-level");
    const spoken = [t("pads.play", { name }), key && t("pads.key", { key }), note && `MIDI ${note}`].filter(Boolean).join(", ");
    const button = make("button", "st-pad", { type: "button", "aria-label": spoken, title: t("pads.higher_up_is"), style: `--sound: ${color}` }, level,
      make("span", "st-pad-top", {}, key ? make("kbd", "", { textContent: key }) : null, make("span", "st-pad-note", { textContent: note })),
      make("span", "st-pad-name", { textContent: name }));
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault(); // the focus stays where it is, and no text is dragged
      const height = button.offsetHeight;
      const share = event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 1 - pointIn(button, event).y / height;
      press(id, clamp(share, 0, 1), event.timeStamp);
    });
    button.addEventListener("click", (event) => {
      if (event.detail === 0) press(id, null, event.timeStamp); // by the keyboard, or by a screen reader
    });
    return { button, level };
  }

  return {
    element,
    /**
     * @param {Project | null} project
     * @param {Map<number, string>} notes sounds by MIDI note
     * @param {string | null} waiting the sound whose note is to be learnt
     */
    show(project, notes, waiting) {
      const sounds = project?.sounds ?? [];
      /** @param {string} id */
      const noteOf = (id) => [...notes].find(([, sound]) => sound === id)?.[0];
      const rows = sounds.map(({ id, name }, number) => {
        const note = noteOf(id);
        return { id, name, color: project ? soundColor(project, id) : "", key: keyText(number), note: note === undefined ? "" : noteText(note) };
      });
      const next = JSON.stringify(rows);
      if (next !== shown) {
        shown = next;
        pads = new Map(rows.map(({ id, name, color, key, note }) => [id, makePad(id, name, color, key, note)]));
        element.replaceChildren(...[...pads.values()].map(({ button }) => button));
      }
      for (const [id, { button }] of pads) button.classList.toggle("is-waiting", id === waiting);
    },
    /**
     * Show that a sound was struck.
     * @param {string} id
     * @param {number} share 0 to 1
     */
    flash(id, share) {
      const pad = pads.get(id);
      if (!pad) return;
      clearTimeout(pad.timer);
      pad.level.style.height = `${Math.round(100 * clamp(share, 0.06, 1))}%`;
      pad.button.classList.add("is-struck");
      pad.timer = setTimeout(() => pad.button.classList.remove("is-struck"), FLASH_MS);
    },
  };
}
