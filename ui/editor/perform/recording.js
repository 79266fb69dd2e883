// @ts-check
// Recording while the clip runs: pre-roll, the passing playhead, and played hits as edits of the document.

import { t } from "../texts/t.js";
import { newGesture } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
import { createTake } from "./take.js";
/** @import { EditMessage } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Player, Store } from "../state/types.d.ts" */
/** @import { Recording } from "./settings.js" */

const CLICK_APART_S = 1; // of the count before a picture that cannot roll in
const LONGEST_WAKE_MS = 1000; // without a device to play on, the audio may never wake
const TAKE_LABEL = t("recording.record_take"); // of its entry in the history, as the server names it
const BUSY = ["opening", "detecting", "analysing"];

/**
 * @param {object} host
 * @param {Store} host.store
 * @param {AudioEngine} host.audio
 * @param {Player} host.player
 * @param {() => Recording} host.settings
 * @param {() => void} host.changed the phase, or the number of recorded hits
 */
export function createRecording({ store, audio, player, settings, changed }) {
  const take = createTake(newGesture);
  /** @type {{rolls_ms: number, timer?: ReturnType<typeof setTimeout>, clicks: {stop: () => void}[]} | null} */
  let count = null; // the count before the picture rolls
  /** @type {string | undefined} */
  let digest; // of the clip that the take is of

  const hits = () => store.view?.project?.hits ?? [];
  const shown = () => store.view?.project?.clip.digest;

  /**
   * @param {readonly EditMessage[]} edits
   * @param {string} gesture
   */
  function apply(edits, gesture) {
    if (shown() === digest) for (const edit of edits) store.edit(edit, gesture); // else another clip has come up meanwhile
  }

  /** Why nothing can be recorded now; "" if it can. */
  function whyNot() {
    if (!store.view?.project) return t("recording.nothing_can_be_recorded");
    if (BUSY.includes(store.status.phase)) return t("recording.nothing_can_be");
    return store.view.project.sounds.length ? "" : t("recording.nothing_can_be_recorded_yet");
  }

  function endCount() {
    if (!count) return;
    clearTimeout(count.timer);
    for (const click of count.clicks) click.stop();
    count = null;
  }

  function begin() {
    const why = whyNot();
    if (why) {
      store.emit("note", { type: "note", message: why });
      return;
    }
    audio.resume().catch(() => {});
    digest = shown();
    const { mode, preroll_s } = settings();
    const duration_s = store.view?.project?.clip.duration_s ?? 0;
    if (player.playing) {
      take.begin({ start_s: player.time_s, from_s: player.time_s, mode, duration_s });
    } else {
      const start_s = player.isLooping && player.range ? player.range.start_s : player.time_s;
      const roll_s = Math.min(preroll_s, start_s);
      take.begin({ start_s, from_s: start_s - preroll_s, mode, duration_s });
      player.seek(start_s - roll_s);
      if (preroll_s > roll_s) countIn(preroll_s - roll_s);
      else player.play();
    }
    audio.hush(take.isReplaced);
    changed();
  }

  /** @param {number} wait_s */
  async function countIn(wait_s) {
    const now = () => performance.now() + 1000 * wait_s;
    /** @type {NonNullable<typeof count>} */
    const own = { rolls_ms: now(), clicks: [] };
    count = own;
    await Promise.race([audio.resume().catch(() => {}), new Promise((done) => setTimeout(done, LONGEST_WAKE_MS))]);
    if (count !== own) return; // ended before its clock ran
    for (let left_s = wait_s; left_s > 0.05; left_s -= CLICK_APART_S) own.clicks.push(audio.live.click(wait_s - left_s + 0.05, left_s <= CLICK_APART_S));
    own.rolls_ms = now();
    own.timer = setTimeout(() => player.play(), 1000 * wait_s);
  }

  function end() {
    endCount();
    if (take.phase === "off") return;
    apply(take.reach(player.time_s, hits()), take.gesture);
    take.end();
    audio.hush(() => false);
    changed();
  }

  const scope = createScope();
  scope.add(store.watch(() => [shown()], () => void (shown() !== digest && end())));
  scope.add(store.on("time", (head) => {
    if (take.phase === "off" || !head.playing) return;
    const before = take.phase;
    apply(take.reach(head.time_s, hits()), take.gesture);
    if (take.phase !== before) changed();
  }));
  scope.add(store.on("round", ({ start_s, end_s }) => {
    const { edits, gesture } = take.goRound(end_s, start_s, hits());
    apply(edits, gesture);
    changed();
  }));
  scope.add(store.on("playing", (isPlaying) => {
    if (isPlaying) endCount();
    else if (take.phase !== "off" && !count) end();
  }));
  scope.add(endCount);

  return {
    get phase() { return take.phase; },
    /** What the take brought, in a sentence; "" once something else was done, or the take was undone. */
    get words() {
      const recorded = take.countIn(hits());
      if (take.phase === "recording") return describe(recorded);
      return recorded && store.view?.undo === TAKE_LABEL ? describe(recorded) : "";
    },
    /** Seconds of the clip until recording begins; 0 while it goes on. */
    get left_s() {
      if (take.phase !== "preroll") return 0;
      return Math.max(0, take.start_s - time_s());
    },
    time_s,
    toggle: () => (take.phase === "off" ? begin() : end()),
    giveUpCount: () => void (count && end()),
    /** @param {{time_s: number, sound_id: string, velocity_db: number}} hit that was heard as it was played, when it was meant */
    strike(hit) {
      const edits = take.strike(hit, hits());
      if (!edits.length) return;
      for (const edit of edits) if (edit.kind === "play_hit") audio.wasPlayed(edit);
      apply(edits, take.gesture);
      changed();
    },
    dispose: scope.dispose,
  };

  /** Clip time that is heard now; before the picture rolls, how long it will still stand is taken off. */
  function time_s() {
    if (count) return player.time_s - Math.max(0, count.rolls_ms - performance.now()) / 1000;
    return player.playing ? audio.now_s() : player.time_s;
  }
}

/** @param {number} count */
const describe = (count) => (count ? t("recording.hits_recorded_undo", { count }) : t("recording.play_nothing_is"));
