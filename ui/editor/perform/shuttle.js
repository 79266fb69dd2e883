// @ts-check
// The shuttle: J, K and L run the clip backwards, hold it and run it forwards; half speed is its slow gear.

import { keysOf } from "../actions/bindings.js";
import { comboOf } from "../actions/combos.js";
import { createScope } from "../widgets/scope.js";
/** @import { Player, Store } from "../state/types.d.ts" */

const FASTEST = 8;
const HALF = 0.5;
const JUMP_S = 0.001; // the playhead was moved by something else

/**
 * The shuttle's pace after a press: twice as fast in the direction it goes, else plain speed in the other.
 * @param {number} pace 0 while it stands, below 0 backwards
 * @param {1 | -1} direction
 */
export const nextPace = (pace, direction) => (pace * direction > 0 ? direction * Math.min(FASTEST, Math.abs(pace) * 2) : direction);

/**
 * The key of a combination: those held with it may come and go before it is let go.
 * @param {string} combo
 */
const keyOf = (combo) => combo.replace(/^.*\+(?=.)/s, "");

/**
 * @param {Store} store
 * @param {Player} player
 */
export function createShuttle(store, player) {
  let pace = 0;
  let isHalf = false;
  let isHeld = false; // K is down: J and L step by frames
  let frame = 0;

  const gear = () => (isHalf ? HALF : 1);

  function show() {
    player.setPace(gear() * Math.max(1, pace));
    store.emit("pace", { pace: gear() * (pace || 1), isHalf });
  }

  function rest() {
    cancelAnimationFrame(frame);
    frame = 0;
    pace = 0;
    show();
  }

  /** Browsers play no picture backwards: it is moved from frame to frame, and heard as it is when dragged. */
  function runBack() {
    let last_ms = performance.now();
    let at_s = player.time_s;
    let shown_s = at_s;
    const move = (/** @type {number} */ now_ms) => {
      if (Math.abs(player.time_s - shown_s) > JUMP_S) at_s = player.time_s;
      at_s = Math.max(0, at_s + (gear() * pace * Math.max(0, now_ms - last_ms)) / 1000);
      last_ms = now_ms;
      if (!player.video.seeking) player.scrub(at_s);
      shown_s = player.time_s;
      if (at_s > 0) frame = requestAnimationFrame(move);
      else rest();
    };
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(move);
  }

  const scope = createScope();
  scope.add(store.on("playing", (isPlaying) => {
    if (isPlaying && pace < 0) rest(); // something else began to play
    if (!isPlaying && pace > 0) rest();
  }));
  scope.listen(document, "keyup", (event) => {
    if (keysOf("shuttle_hold").some((combo) => keyOf(combo) === keyOf(comboOf(event)))) isHeld = false;
  });
  scope.listen(window, "blur", () => (isHeld = false));
  scope.add(() => cancelAnimationFrame(frame));

  return {
    /** @param {1 | -1} direction */
    press(direction) {
      if (isHeld) {
        player.step(direction);
        return;
      }
      const wanted = nextPace(pace || (player.playing ? 1 : 0), direction);
      if (wanted > 0) {
        cancelAnimationFrame(frame);
        pace = wanted;
        show();
        if (!player.playing) player.play();
      } else {
        pace = 0;
        if (player.playing) player.pause();
        pace = wanted;
        show();
        runBack();
      }
    },
    /** Stand still; until the key is let go, the other two step by frames. */
    hold() {
      isHeld = true;
      if (player.playing) player.pause();
      rest();
    },
    toggleHalf() {
      isHalf = !isHalf;
      show();
    },
    get isHalf() { return isHalf; },
    dispose: scope.dispose,
  };
}
