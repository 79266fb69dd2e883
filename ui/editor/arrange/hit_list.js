// @ts-check
// The List tab: every hit as a row of a table, with cells to edit; what is chosen is shared with the timeline.

import { clamp } from "../audio/units.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { formatTimecode, parseTime } from "../timeline/timecode.js";
import { createButton, make, newGesture } from "../widgets/controls.js";
import { formatDb, parseDb, soundColor } from "../widgets/format.js";
import { explainTime } from "../widgets/refusal.js";
import { createScope } from "../widgets/scope.js";
import { editCell } from "./cell_editor.js";
import { HINT } from "../panels/hit.js";
import { chooseRow, orderRows, rowsInSight } from "./hit_rows.js";
/** @import { Arranging } from "./arranging.js" */
/** @import { Onward } from "./cell_editor.js" */
/** @import { ColumnName, HitRow, Order } from "./hit_rows.js" */
/** @import { Hit, Player, Project, Store } from "../state/types.d.ts" */

/**
 * @typedef {object} Column
 * @property {ColumnName} name
 * @property {string} title
 * @property {string} [help]
 * @property {(row: HitRow, project: Project) => string} text
 * @property {(text: string, hit: Hit) => boolean | string} [read] apply what was typed; false, or a sentence that says why, where it does not fit
 */

const ROW_PX = 26;
const STARTS_TYPING = /^[\d.+\u2212-]$/;

/**
 * @param {Store} store
 * @param {Arranging} arranging
 * @param {{player: Player, reveal: (time_s: number) => void, quantize: () => void, importHits: () => void}} host
 */
export function createHitList(store, arranging, { player, reveal, quantize, importHits }) {
  /** @type {Order} */
  let order = { column: "time", isDown: false };
  /** @type {HitRow[]} */
  let rows = [];
  let at = 0; // the row and column that have the keyboard
  let anchor = 0;
  let column = 1;
  let isEditing = false;
  /** @type {ReturnType<typeof createRow>[]} */
  const pool = []; // row elements, which show one row after another
  let ownChoice = false; // the selection is changed from here

  // --- columns ------------------------------------------------------------------------------------

  /**
   * The hits that an edit of one is for: all chosen ones if it is among them.
   * @param {Hit} hit
   */
  const meant = (hit) => (store.selection.hits.has(hit.id) ? arranging.chosen().map(({ id }) => id) : [hit.id]);
  /**
   * @param {string} text
   * @param {Hit} hit
   */
  function readTime(text, hit) {
    const { clip } = requireProject(store);
    const time_s = parseTime(text, clip, hit.time_s);
    if (time_s === null) return false;
    const why = explainTime(text, time_s, clip);
    if (why) return why;
    arranging.moveOne(hit, time_s - hit.time_s);
    return true;
  }
  /** @type {Column[]} */
  const COLUMNS = [
    { name: "number", title: "#", text: (row) => String(row.number) },
    { name: "time", title: t("hit_list.timecode"), help: HINT, text: ({ hit }, { clip }) => formatTimecode(hit.time_s, clip), read: readTime },
    { name: "seconds", title: t("hit_list.seconds"), help: HINT, text: ({ hit }) => hit.time_s.toFixed(4), read: readTime },
    { name: "velocity", title: t("hit_list.velocity"), text: ({ hit }) => formatDb(hit.velocity_db, true), read(text, hit) {
      const velocity_db = parseDb(text);
      if (velocity_db === null) return false;
      store.edit({ kind: "set_hits", ids: meant(hit), values: { velocity_db: clamp(velocity_db, -60, 12) } }, newGesture());
      return true;
    } },
    { name: "sound", title: t("common.sound"), text: (row) => row.sound, read(id, hit) {
      store.edit({ kind: "set_hits", ids: meant(hit), values: { sound_id: id } }, newGesture());
      return true;
    } },
    { name: "name", title: t("common.name"), text: ({ hit }) => hit.name, read(text, hit) {
      store.edit({ kind: "set_hits", ids: meant(hit), values: { name: text.trim() } }, newGesture());
      return true;
    } },
    { name: "group", title: t("hit_list.group"), help: t("hit_list.hits_of_one"), text: ({ hit }) => hit.group, read(text, hit) {
      store.edit({ kind: "set_hits", ids: meant(hit), values: { group: text.trim() } }, newGesture());
      return true;
    } },
  ];

  /** The last column in sight: groups are listed where there are any. */
  const lastColumn = () => COLUMNS.length - (store.view?.project?.hits.some((hit) => hit.group) ? 1 : 2);

  // --- elements -----------------------------------------------------------------------------------

  const paste = createButton(t("hit_list.paste"), { title: t("hit_list.put_what_was"), onPress: arranging.paste });
  const duplicate = createButton(t("common.duplicate"), { action: "duplicate", title: t("hit_list.copies_behind_the"), onPress: arranging.duplicate });
  const quantise = createButton(t("common.quantise"), { action: "quantize", title: t("hit_list.draw_the_chosen"), onPress: quantize });
  const bring = createButton(t("common.import"), { title: t("hit_list.hits_from_a"), onPress: importHits });
  const facts = make("span", "ins-quiet arr-facts");
  const tools = make("div", "ins-row arr-tools", {}, duplicate, paste, quantise, bring, facts);
  const heads = COLUMNS.map(({ name, title }) => make("button", `arr-cell is-${name}`, { type: "button", role: "columnheader", textContent: title, title: t("hit_list.sort_by", { column: title === "#" ? t("hit_list.number") : title }), onclick: () => sortBy(name) }));
  const head = make("div", "arr-row arr-table-head", { role: "row" }, ...heads);
  const inner = make("div", "arr-inner", { role: "rowgroup" });
  const body = make("div", "arr-body", {}, head, inner);
  const table = make("div", "arr-table", { role: "grid", "aria-label": t("common.hits_2"), "aria-multiselectable": "true", tabIndex: 0 }, body);
  const empty = make("p", "ins-empty");
  const element = make("div", "ins-panel arr-list", {}, tools, table, empty);

  // --- showing ------------------------------------------------------------------------------------

  function show() {
    const project = store.view?.project;
    const isEmpty = !project?.hits.length;
    table.hidden = isEmpty;
    empty.hidden = !isEmpty;
    bring.disabled = !project;
    empty.textContent = project ? t("hit_list.no_hits_yet") : t("hit_list.open_a_clip");
    if (!project || isEditing) return;
    rows = orderRows(project, order);
    at = clamp(at, 0, Math.max(0, rows.length - 1));
    anchor = clamp(anchor, 0, Math.max(0, rows.length - 1));
    body.classList.toggle("has-groups", lastColumn() === COLUMNS.length - 1);
    column = Math.min(column, lastColumn());
    table.setAttribute("aria-rowcount", String(rows.length + 1));
    COLUMNS.forEach(({ name }, i) => heads[i].setAttribute("aria-sort", name !== order.column ? "none" : order.isDown ? "descending" : "ascending"));
    inner.style.height = `${rows.length * ROW_PX}px`;
    const chosen = store.selection.hits.size;
    facts.textContent = chosen ? t("hit_list.selected_of_hits", { chosen, count: rows.length }) : t("common.hits", { count: rows.length });
    duplicate.disabled = quantise.disabled = !chosen;
    paste.disabled = !arranging.canPaste;
    draw();
  }

  function draw() {
    const project = store.view?.project;
    if (!project || isEditing) return;
    const { first, end } = rowsInSight(rows.length, ROW_PX, body.scrollTop, body.clientHeight - ROW_PX);
    while (pool.length < end - first) pool.push(createRow());
    // The same elements show other rows, so that a double click finds in place what the first click changed.
    if (inner.children.length !== end - first) inner.replaceChildren(...pool.slice(0, end - first).map((view) => view.element));
    rows.slice(first, end).forEach((row, i) => showInRow(pool[i], row, first + i, project));
    if (at >= first && at < end) table.setAttribute("aria-activedescendant", cellId(rows[at].hit, COLUMNS[column].name));
    else table.removeAttribute("aria-activedescendant");
  }

  /**
   * @param {Hit} hit
   * @param {ColumnName} name
   */
  const cellId = ({ id }, name) => `arr-${id}-${name}`;

  function createRow() {
    const dot = make("i", "ins-dot");
    const texts = COLUMNS.map(() => make("span", "arr-text"));
    const cells = COLUMNS.map(({ name }, i) => make("span", `arr-cell is-${name}`, { role: "gridcell" }, name === "sound" ? dot : null, texts[i]));
    return { element: make("div", "arr-row", { role: "row" }, ...cells), cells, texts, dot };
  }

  /**
   * @param {ReturnType<typeof createRow>} view
   * @param {HitRow} row
   * @param {number} index
   * @param {Project} project
   */
  function showInRow({ element: line, cells, texts, dot }, row, index, project) {
    const isChosen = store.selection.hits.has(row.hit.id);
    line.className = `arr-row${isChosen ? " is-on" : ""}${row.hit.mute ? " is-mute" : ""}`;
    line.style.top = `${index * ROW_PX}px`;
    line.setAttribute("aria-rowindex", String(index + 2));
    line.setAttribute("aria-selected", String(isChosen));
    dot.style.background = soundColor(project, row.hit.sound_id);
    COLUMNS.forEach((col, i) => {
      cells[i].id = cellId(row.hit, col.name);
      cells[i].classList.toggle("is-at", index === at && i === column);
      const text = col.text(row, project);
      if (texts[i].textContent !== text) texts[i].textContent = text;
    });
  }

  /** @param {ColumnName} name */
  function sortBy(name) {
    const same = order.column === name;
    order = { column: name, isDown: same ? !order.isDown : false };
    show();
    showRow(at);
  }

  /** @param {number} index */
  function showRow(index) {
    const top = index * ROW_PX;
    if (top < body.scrollTop) body.scrollTop = top;
    else if (top + 2 * ROW_PX > body.scrollTop + body.clientHeight) body.scrollTop = top + 2 * ROW_PX - body.clientHeight; // the head covers a row
  }

  // --- choosing -----------------------------------------------------------------------------------

  /**
   * @param {number} index
   * @param {{toggles?: boolean, extends?: boolean}} how
   */
  function go(index, how = {}) {
    if (!rows.length) return;
    at = clamp(index, 0, rows.length - 1);
    if (!how.extends) anchor = at;
    const hits = chooseRow(rows, store.selection.hits, at, anchor, how);
    const { hit } = rows[at];
    ownChoice = true;
    store.select({ hits, soundId: hit.sound_id });
    ownChoice = false;
    if (!player.playing) player.seek(hit.time_s);
    reveal(hit.time_s);
    showRow(at);
    draw();
  }

  /** What is chosen elsewhere comes into sight. */
  function followSelection() {
    if (!ownChoice) {
      const first = rows.findIndex(({ hit }) => store.selection.hits.has(hit.id));
      if (first >= 0 && !store.selection.hits.has(rows[at]?.hit.id)) {
        at = anchor = first;
        showRow(first);
      }
    }
    show();
  }

  // --- editing ------------------------------------------------------------------------------------

  /** @param {string | null} typed what begins the new text; null to change the old one */
  function edit(typed = null) {
    const col = COLUMNS[column];
    const row = rows[at];
    const project = store.view?.project;
    if (!row || !col.read || !project) return;
    showRow(at);
    draw();
    const cell = inner.querySelector(".arr-cell.is-at");
    if (!(cell instanceof HTMLElement)) return;
    isEditing = true;
    const { read } = col;
    /** @type {[string, string][] | null} */
    const choices = col.name === "sound" ? project.sounds.map((sound) => [sound.id, sound.name]) : null;
    editCell(cell, {
      label: t("hit_list.of_hit", { title: col.title, number: row.number }), help: col.help, text: typed ?? (choices ? row.hit.sound_id : col.text(row, project)), isNew: typed !== null, choices,
      read: (text) => read(text, row.hit),
      /** @param {Onward} where */
      done(where) {
        isEditing = false;
        show();
        const moved = rows.findIndex(({ hit }) => hit.id === row.hit.id);
        at = moved >= 0 ? moved : at;
        if (where === "right" || where === "left") column = clamp(column + (where === "right" ? 1 : -1), 1, lastColumn());
        if (where !== "away") table.focus({ preventScroll: true });
        if (where === "down" && store.selection.hits.size < 2 && at + 1 < rows.length) go(at + 1);
        else draw();
      },
    });
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (isEditing || event.target !== table || event.altKey) return;
    const page = Math.max(1, Math.floor(body.clientHeight / ROW_PX) - 2);
    const command = event.ctrlKey || event.metaKey;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length }[event.key];
    const across = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step && !command) go(at + step, { extends: event.shiftKey });
    else if (across && !command) {
      column = clamp(column + across, 0, lastColumn());
      draw();
    } else if (event.key === "Enter" || event.key === "F2") edit();
    else if (STARTS_TYPING.test(event.key) && !command && ["time", "seconds", "velocity"].includes(COLUMNS[column].name)) edit(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * The row and column under the pointer.
   * @param {MouseEvent} event
   */
  function placeOf(event) {
    const cell = event.target instanceof Element ? event.target.closest(".arr-cell") : null;
    const row = cell?.closest(".arr-inner > .arr-row");
    if (!cell || !row) return null;
    return { row: Number(row.getAttribute("aria-rowindex")) - 2, column: [...row.children].indexOf(cell) };
  }

  body.addEventListener("pointerdown", (event) => {
    const place = event.button === 0 && !isEditing ? placeOf(event) : null;
    if (!place) return;
    column = place.column;
    table.focus({ preventScroll: true });
    go(place.row, { toggles: event.ctrlKey || event.metaKey, extends: event.shiftKey });
    event.preventDefault();
  });
  inner.addEventListener("dblclick", () => edit()); // the cell itself was drawn anew by the first click
  body.addEventListener("scroll", draw, { passive: true });
  table.addEventListener("keydown", onKey);
  const scope = createScope();
  scope.add(store.on("selection", () => element.hidden || followSelection()));
  const observer = new ResizeObserver(draw);
  observer.observe(body);
  scope.add(() => observer.disconnect());

  return { element, show, dispose: scope.dispose };
}
