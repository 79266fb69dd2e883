// @ts-check
// What is done to the chosen hits from keys, menus and the list: copies, moves with or without what follows, deletion.

import { recall, remember } from "../state/remembered.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { createKeyRun, newGesture } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
import { CLIPBOARD_KIND, copyHits, duplicateShift, inOrder, placeCopies, readCopies, withLater, writeCopies } from "./copies.js";
import { limitShift } from "../timeline/picking.js";
/** @import { AddHits } from "../state/protocol.d.ts" */
/** @import { HitCopy } from "./copies.js" */
/** @import { Hit, Player, Store } from "../state/types.d.ts" */

const REMEMBERED = "struck.ripple";
const SAME_S = 1e-6;
const TYPED = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";

/** @typedef {ReturnType<typeof createArranging>} Arranging */

/**
 * @param {Store} store
 * @param {Player} player
 */
export function createArranging(store, player) {
  let ripple = recall(REMEMBERED, "session") === "1";
  /** @type {HitCopy[]} */
  let copied = [];
  /** @type {{known: Set<string>, count: number, at_s?: number, then?: (ids: string[]) => void} | null} */
  let adding = null; // until the hits that are being added arrive
  const runs = { time: createKeyRun(), strength: createKeyRun() };

  const chosen = () => store.view?.project?.hits.filter((hit) => store.selection.hits.has(hit.id)) ?? [];
  const ids = () => chosen().map((hit) => hit.id);

  /**
   * The gesture of a key that is pressed again and again; what moves in time is one, what changes in strength another.
   * @param {number} at_ms the key's time stamp
   * @param {"time" | "strength"} [what]
   */
  const nudgeGesture = (at_ms, what = "time") => runs[what].at(at_ms);

  // --- copies -------------------------------------------------------------------------------------

  /** Keep copies of the chosen hits in this tab; whether there were any. */
  function copy() {
    if (!chosen().length) return false;
    copied = copyHits(requireProject(store), store.selection.hits);
    return true;
  }

  function cut() {
    if (copy()) deleteChosen();
  }

  /** Put what was copied at the playhead, and choose it. */
  function paste() {
    if (store.view?.project && copied.length) add(placeCopies(store.view.project, copied, player.time_s, "paste"));
  }

  /** Put copies of the chosen hits behind them, and choose those. */
  function duplicate() {
    const hits = inOrder(chosen());
    if (!hits.length) return;
    const project = requireProject(store);
    add(placeCopies(project, copyHits(project, store.selection.hits), hits[0].time_s + duplicateShift(hits), "duplicate"));
  }

  /**
   * @param {{edit: AddHits, left: number, missing?: string[]}} placed
   * @param {(ids: string[]) => void} [then] once the hits are there and chosen
   */
  function add({ edit, left, missing = [] }, then) {
    const total = edit.hits.length + left;
    if (left) store.emit("note", { type: "note", message: t("arranging.of_hits_would", { left, total }) });
    if (!edit.hits.length) return;
    if (missing.length) store.emit("note", { type: "note", message: t("arranging.no_sound_named", { names: missing.join(", ") }) });
    chooseLater({ count: edit.hits.length, then });
    store.edit(edit, newGesture());
  }

  /**
   * Choose the hits that an edit is about to add, once they are there.
   * @param {{count: number, at_s?: number, then?: (ids: string[]) => void}} expected ``at_s`` where others may come too
   */
  function chooseLater(expected) {
    adding = { ...expected, known: new Set(requireProject(store).hits.map((hit) => hit.id)) };
  }

  function chooseAdded() {
    if (!adding) return;
    const { known, count, at_s, then } = adding;
    const added = store.view?.project?.hits.filter((hit) => !known.has(hit.id) && (at_s === undefined || Math.abs(hit.time_s - at_s) < SAME_S)) ?? [];
    if (added.length < count) {
      if (!store.isSending) adding = null; // refused, or undone at once
      return;
    }
    adding = null;
    store.select({ hits: new Set(added.map((hit) => hit.id)), soundId: added[0].sound_id });
    then?.(added.map((hit) => hit.id));
  }

  // --- moves --------------------------------------------------------------------------------------

  /** The hits that a move of the chosen ones moves. */
  const moving = () => {
    const hits = chosen();
    return ripple && hits.length ? withLater(requireProject(store).hits, store.selection.hits) : hits;
  };

  /**
   * Shift the chosen hits, with ripple all later ones too, as far as the clip's ends allow.
   * @param {number} delta_s
   * @param {string} [gesture]
   */
  function move(delta_s, gesture = newGesture()) {
    const hits = moving();
    if (!hits.length) return;
    const allowed_s = limitShift(hits.map((hit) => hit.time_s), delta_s, requireProject(store).clip.duration_s);
    if (allowed_s) store.edit({ kind: "move_hits", ids: hits.map((hit) => hit.id), delta_s: allowed_s }, gesture);
  }

  /**
   * Move one hit, with ripple all later ones too.
   * @param {Hit} hit
   * @param {number} delta_s
   */
  function moveOne(hit, delta_s) {
    const { clip, hits } = requireProject(store);
    const moved = ripple ? withLater(hits, new Set([hit.id])) : [hit];
    const shift_s = limitShift(moved.map(({ time_s }) => time_s), delta_s, clip.duration_s);
    if (Math.abs(shift_s - delta_s) > 1e-6) store.emit("note", { type: "note", message: t("arranging.ripple_stops", { shift_s: shift_s.toFixed(3) }) });
    store.edit({ kind: "move_hits", ids: moved.map(({ id }) => id), delta_s: shift_s }, newGesture());
  }

  function deleteChosen() {
    if (ids().length) store.edit(ripple ? { kind: "delete_hits", ids: ids(), ripple } : { kind: "delete_hits", ids: ids() }, newGesture());
  }

  /** @param {boolean} value */
  function setRipple(value) {
    ripple = value;
    remember(REMEMBERED, value ? "1" : "0", "session");
    store.emit("ripple", ripple);
  }

  // --- choosing -----------------------------------------------------------------------------------

  function selectAll() {
    store.select({ hits: new Set(requireProject(store).hits.map((hit) => hit.id)) });
  }

  /** Choose every hit that strikes a sound of the chosen ones; without any, of the sound on show. */
  function selectSound() {
    const struck = new Set(chosen().map((hit) => hit.sound_id));
    if (!struck.size && store.selection.soundId) struck.add(store.selection.soundId);
    const hits = requireProject(store).hits.filter((hit) => struck.has(hit.sound_id));
    if (hits.length) store.select({ hits: new Set(hits.map((hit) => hit.id)) });
  }

  // --- groups -------------------------------------------------------------------------------------

  /** Make the chosen hits one group, which is chosen, moved and copied as one. */
  function group() {
    if (ids().length > 1) store.edit({ kind: "group_hits", ids: ids() }, newGesture());
  }

  function ungroup() {
    if (chosen().some((hit) => hit.group)) store.edit({ kind: "ungroup_hits", ids: ids() }, newGesture());
  }

  // --- the clipboard ------------------------------------------------------------------------------

  /** @param {Event} event */
  const isForHits = (event) => Boolean(store.view?.project) && !(event.target instanceof Element && event.target.closest(`${TYPED}, [role=dialog]`)) && !getSelection()?.toString();

  /** @param {ClipboardEvent} event */
  function onCopy(event) {
    if (!isForHits(event) || !copy()) return;
    const { own, text } = writeCopies(copied, requireProject(store));
    event.clipboardData?.setData(CLIPBOARD_KIND, own);
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    if (event.type === "cut") deleteChosen();
  }

  /** @param {ClipboardEvent} event */
  function onPaste(event) {
    if (!isForHits(event)) return;
    copied = readCopies(event.clipboardData?.getData(CLIPBOARD_KIND) ?? "") ?? copied;
    paste();
    event.preventDefault();
  }

  const scope = createScope();
  scope.add(store.watch(() => [store.view?.project?.hits, store.isSending], chooseAdded));
  scope.add(store.on("left", () => { adding = null; })); // the next clip's hits are others
  scope.listen(document, "copy", onCopy);
  scope.listen(document, "cut", onCopy);
  scope.listen(document, "paste", onPaste);

  return {
    chosen, add, chooseLater, copy, cut, paste, duplicate, move, moveOne, moving, nudgeGesture, deleteChosen, setRipple, selectAll, selectSound, group, ungroup,
    get ripple() { return ripple; },
    /** Whether hits are under way that will be chosen. */
    get isAdding() { return adding !== null; },
    get canPaste() { return copied.length > 0; },
    dispose: scope.dispose,
  };
}
