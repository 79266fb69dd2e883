// @ts-check
// Key combinations as text, such as "Mod+Shift+Z"; Mod is Ctrl, on a Mac also ⌘.

import { t } from "../texts/t.js";

const IS_MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
/** @type {Record<string, string>} */
const SHOWN = {
  Mod: IS_MAC ? "⌘" : t("combos.ctrl"), Shift: "⇧", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", PageUp: t("combos.page_up"), PageDown: t("combos.page_down"),
  Backspace: "⌫", Space: t("combos.space"), Delete: t("combos.delete"), Home: t("combos.home"), End: t("combos.end"), Enter: t("combos.enter"),
};
/**
 * Whether a key is pressed with Ctrl or ⌘, as those are that save, open and undo.
 * @param {KeyboardEvent} event
 */
export const isCommand = (event) => event.ctrlKey || event.metaKey;

/**
 * Whether it is so where text is typed: with AltGr it is a character, and on a Mac Ctrl moves in the text.
 * @param {KeyboardEvent} event
 */
export const isCommandInText = (event) => (IS_MAC ? event.metaKey : event.ctrlKey) && !event.altKey;

const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Fn", "Dead", "Process", "Unidentified"]);
/** What browsers keep for themselves, or the page for its own use. */
const BROWSER = new Set(["W", "T", "N", "Q", "R", "L", "P", "H", "J", "Shift+T", "Shift+N", "Shift+W", "Shift+R", "Shift+I", "Shift+J", "0", "+", "-", "="].map((key) => `Mod+${key}`));
const CLIPBOARD = new Set(["Mod+C", "Mod+X", "Mod+V"]);

/** @typedef {Pick<KeyboardEvent, "key" | "code" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey"> & {getModifierState?: (name: string) => boolean}} KeyPress */

/**
 * The combination of a press; "" for a modifier alone. AltGr only chooses a character. A letter of another alphabet
 * is the one that a Latin keyboard has there.
 * @param {KeyPress} event
 */
export function comboOf(event) {
  let { key } = event;
  if (MODIFIERS.has(key)) return "";
  const isChosen = Boolean(event.getModifierState?.("AltGraph")) && key.length === 1;
  const isAlt = event.altKey && !isChosen;
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1];
  if (key === " ") key = "Space";
  else if (letter && (isAlt || key > "\u007f") && key.length === 1) key = letter;
  else if (key.length === 1) key = key.toUpperCase();
  const isMod = (event.ctrlKey || event.metaKey) && !isChosen;
  return [isMod && "Mod", isAlt && "Alt", event.shiftKey && "Shift", key].filter(Boolean).join("+");
}

/**
 * The combinations under which an action may stand for a press: "?" is written with Shift on most keyboards.
 * @param {string} combo
 */
export function candidatesOf(combo) {
  const key = combo.replace(/^.*\+(?=.)/s, "");
  return combo.startsWith("Shift+") && key.length === 1 && key.toLowerCase() === key.toUpperCase() ? [combo, key] : [combo];
}

/**
 * "Ctrl ⇧ Z", "←".
 * @param {string} combo
 */
export function formatCombo(combo) {
  const parts = combo.endsWith("++") ? [...combo.slice(0, -2).split("+"), "+"] : combo.split("+");
  return combo === "+" ? "+" : parts.map((part) => SHOWN[part] ?? part).join(" ");
}

/**
 * Why a combination cannot be an action's; "" where it can.
 * @param {string} combo
 */
export function refuseCombo(combo) {
  const shown = formatCombo(combo);
  if (BROWSER.has(combo) || /^(Mod\+)?F\d+$/.test(combo)) return t("combos.belongs_to_the", { shown });
  if (CLIPBOARD.has(combo)) return t("combos.copies_cuts_or", { shown });
  if (combo === "Tab" || combo === "Shift+Tab") return t("combos.tab_goes_from");
  if (/^(Shift\+)?\d$/.test(combo)) return t("combos.the_number_keys");
  return "";
}
