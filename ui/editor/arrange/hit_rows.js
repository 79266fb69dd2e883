// @ts-check
// The list of hits as rows: their order, what a click or a step chooses, which of them are in sight.

import { clamp } from "../audio/units.js";
/** @import { Hit, Project } from "../state/types.d.ts" */

/** @typedef {"number" | "time" | "seconds" | "velocity" | "sound" | "name" | "group"} ColumnName */
/** @typedef {{hit: Hit, number: number, sound: string}} HitRow ``number`` counts hits by time, from 1 */
/** @typedef {{column: ColumnName, isDown: boolean}} Order */

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** @type {Partial<Record<ColumnName, (a: HitRow, b: HitRow) => number>>} */
const COMPARE = {
  velocity: (a, b) => a.hit.velocity_db - b.hit.velocity_db,
  sound: (a, b) => words.compare(a.sound, b.sound),
  group: (a, b) => Number(!a.hit.group) - Number(!b.hit.group) || words.compare(a.hit.group, b.hit.group),
  name: (a, b) => Number(!a.hit.name) - Number(!b.hit.name) || words.compare(a.hit.name, b.hit.name), // those without come last
};

/**
 * Rows of a project's hits in an order; equal ones by time.
 * @param {Pick<Project, "hits" | "sounds">} project
 * @param {Order} order
 * @returns {HitRow[]}
 */
export function orderRows({ hits, sounds }, { column, isDown }) {
  const names = new Map(sounds.map(({ id, name }) => [id, name]));
  const byTime = [...hits].sort((a, b) => a.time_s - b.time_s || words.compare(a.id, b.id));
  const rows = byTime.map((hit, i) => ({ hit, number: i + 1, sound: names.get(hit.sound_id) ?? "" }));
  const compare = COMPARE[column] ?? (() => 0);
  const sign = isDown ? -1 : 1;
  return rows.sort((a, b) => sign * (compare(a, b) || a.number - b.number));
}

/**
 * What is chosen after a click on a row: it alone; with ``toggles`` it more or less; with ``extends`` all from the anchor
 * to it.
 * @param {readonly HitRow[]} rows
 * @param {Set<string>} chosen
 * @param {number} at
 * @param {number} anchor
 * @param {{toggles?: boolean, extends?: boolean}} how
 */
export function chooseRow(rows, chosen, at, anchor, { toggles = false, extends: isRange = false }) {
  const { id } = rows[at].hit;
  if (isRange) {
    const [first, last] = [Math.min(at, anchor), Math.max(at, anchor)];
    return new Set([...(toggles ? chosen : []), ...rows.slice(first, last + 1).map((row) => row.hit.id)]);
  }
  if (!toggles) return new Set([id]);
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return next;
}

/**
 * The rows to draw: those in sight and a few beyond, so that a small scroll finds them drawn.
 * @param {number} count
 * @param {number} rowHeight_px
 * @param {number} scrolled_px
 * @param {number} height_px
 */
export function rowsInSight(count, rowHeight_px, scrolled_px, height_px, spare = 6) {
  const first = clamp(Math.floor(scrolled_px / rowHeight_px) - spare, 0, Math.max(0, count));
  const end = clamp(Math.ceil((scrolled_px + height_px) / rowHeight_px) + spare, first, count);
  return { first, end };
}
