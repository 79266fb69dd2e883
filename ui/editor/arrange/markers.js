// @ts-check
// Markers on the timeline: a flag with a name at the top of the pictures, a line through all lanes.

import { clamp } from "../audio/units.js";
import { requireProject } from "../state/project.js";
import { t } from "../texts/t.js";
import { formatTimecode } from "../timeline/timecode.js";
import { make, newGesture } from "../widgets/controls.js";
import { watchDrags } from "../widgets/drag.js";
import { pointIn } from "../widgets/page_scale.js";
import { createScope } from "../widgets/scope.js";
/** @import { Marker, Player, Store, Timeline } from "../state/types.d.ts" */

const MOVED_PX = 3;

/**
 * The marker before or after a time.
 * @param {readonly Marker[]} markers
 * @param {number} time_s
 * @param {number} direction
 */
export function nextMarker(markers, time_s, direction) {
  const ordered = [...markers].sort((a, b) => direction * (a.time_s - b.time_s));
  return ordered.find((marker) => direction * (marker.time_s - time_s) > 1e-6) ?? null;
}

/**
 * @param {Store} store
 * @param {Player} player
 * @param {Timeline} timeline
 */
export function createMarkers(store, player, timeline) {
  const { scale, field } = timeline;
  const layer = make("div", "arr-markers");
  field.append(layer);
  /** @type {Map<string, {line: HTMLElement, flag: HTMLElement}>} */
  const shown = new Map();
  /** @type {Set<string> | null} */
  let known = null; // until the marker that was added arrives, to be named
  let giveUp = () => {}; // the name that is typed

  const all = () => store.view?.project?.markers ?? [];
  /** @param {string} id */
  const find = (id) => all().find((marker) => marker.id === id);

  // --- showing ------------------------------------------------------------------------------------

  function follow() {
    const ids = new Set(all().map(({ id }) => id));
    for (const [id, { line }] of shown) {
      if (ids.has(id)) continue;
      line.remove();
      shown.delete(id);
    }
    for (const { id } of all()) if (!shown.has(id)) shown.set(id, create(id));
    const added = known && all().find(({ id }) => !known?.has(id));
    if (added) {
      known = null;
      rename(added.id);
    }
    place();
  }

  function place() {
    for (const { id, time_s, name } of all()) {
      const view = shown.get(id);
      if (!view) continue;
      const x = scale.x(time_s);
      view.line.hidden = x < -140 || x > scale.width;
      view.line.style.transform = `translateX(${Math.round(x)}px)`;
      if (view.flag.textContent !== name) view.flag.textContent = name;
      const clip = store.view?.project?.clip;
      view.flag.title = clip ? t("markers.drag_to_move", { name, time_s: formatTimecode(time_s, clip) }) : name;
    }
  }

  /** @param {string} id */
  function create(id) {
    const flag = make("button", "arr-flag", { type: "button", ondblclick: () => rename(id) });
    const line = make("div", "arr-marker", {}, flag);
    watchDrags(flag, (event) => {
      const marker = find(id);
      if (event.button !== 0 || !marker) return null;
      const from_x = pointIn(field, event).x;
      let to_s = marker.time_s;
      let isMoved = false;
      return {
        move(moved) {
          const by_px = pointIn(field, moved).x - from_x;
          isMoved ||= Math.abs(by_px) >= MOVED_PX;
          const wanted_s = marker.time_s + by_px / scale.px_per_s;
          to_s = clamp(moved.shiftKey ? Math.round(wanted_s * scale.rate) / scale.rate : wanted_s, 0, scale.duration_s);
          if (isMoved) store.hold({ kind: "set_marker", marker_id: id, time_s: to_s });
        },
        end() {
          if (isMoved) store.edit({ kind: "set_marker", marker_id: id, time_s: to_s }, newGesture());
          else player.seek(marker.time_s);
        },
        cancel: () => store.hold(null),
      };
    });
    flag.addEventListener("keydown", (event) => onKey(event, id));
    layer.append(line);
    return { line, flag };
  }

  // --- doing --------------------------------------------------------------------------------------

  /**
   * @param {KeyboardEvent} event
   * @param {string} id
   */
  function onKey(event, id) {
    const marker = find(id);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!marker || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") store.edit({ kind: "delete_marker", marker_id: id }, newGesture());
    else if (event.key === "Enter" || event.key === "F2") rename(id);
    else if (step) store.edit({ kind: "set_marker", marker_id: id, time_s: clamp(marker.time_s + (step * (event.shiftKey ? 10 : 1)) / scale.rate, 0, scale.duration_s) }, newGesture());
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} id */
  function rename(id) {
    const view = shown.get(id);
    const marker = find(id);
    if (!view || !marker) return;
    const input = make("input", "arr-flag-field", { type: "text", spellcheck: false, autocomplete: "off", value: marker.name, "aria-label": t("markers.name_of_the") });
    let isOver = false;
    /** @param {boolean} isWanted */
    const finish = (isWanted) => {
      if (isOver) return;
      isOver = true;
      const name = input.value.trim();
      input.remove();
      if (isWanted && name && name !== find(id)?.name) store.edit({ kind: "set_marker", marker_id: id, name }, newGesture());
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      finish(event.key === "Enter");
      view.flag.focus({ preventScroll: true });
    });
    input.addEventListener("blur", () => finish(true));
    giveUp = () => finish(false);
    view.line.append(input);
    input.focus({ preventScroll: true });
    input.select();
  }

  const scope = createScope();
  scope.add(store.watch(() => [store.view?.project?.markers], follow));
  scope.add(timeline.watchDraw(place));
  scope.add(store.on("left", () => { // the next clip's markers are others, of the same ids
    known = null;
    giveUp();
  }));
  scope.add(() => layer.remove());
  follow();

  return {
    /** Set a marker at the playhead; while the clip stands still its name is asked for. */
    add() {
      known = player.playing ? null : new Set(all().map(({ id }) => id));
      store.edit({ kind: "add_marker", time_s: clamp(player.time_s, 0, requireProject(store).clip.duration_s) }, newGesture());
    },
    /**
     * Go to the marker before or after the playhead.
     * @param {number} direction
     */
    go(direction) {
      const marker = nextMarker(all(), player.time_s, direction);
      if (!marker) return;
      player.seek(marker.time_s);
      timeline.reveal(marker.time_s);
    },
    dispose: scope.dispose,
  };
}
