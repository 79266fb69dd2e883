// @ts-check
// A sheet that measures latency: clicks, taps along with them, and how much later the taps came.

import { t } from "../texts/t.js";
import { elementsIn, focusedElement, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
import { measureTaps } from "./timing.js";
/** @import { AudioEngine } from "../state/types.d.ts" */
/** @import { Device } from "./timing.js" */

const APART_S = 0.6;
const COUNT_IN = 4;
const CLICKS = 12;
const FLASH_MS = 90;
const WAIT_S = 0.4; // before the first click, and after the last for its tap
/** @type {Record<Device, string>} */
const DEVICES = { keys: t("common.keys"), pads: t("calibration.pads"), midi: t("common.midi_device") };

/**
 * @param {HTMLElement} app
 * @param {AudioEngine} audio
 * @param {(device: Device, late_s: number) => void} use
 */
export function createCalibration(app, audio, use) {
  /** @type {{device: Device, stamp_ms: number}[]} */
  let taps = [];
  /** @type {{heard_ms: number, stop: () => void}[]} */
  let clicks = [];
  let frame = 0;
  let run = 0; // of the clicks: a start that waits for the audio gives up where another one or the end has come
  /** @type {{device: Device, late_s: number} | null} */
  let result = null;
  /** @type {HTMLElement | null} */
  let returnTo = null;

  const words = make("p", "st-tap-words", { role: "status" });
  const light = make("button", "st-tap-light", { type: "button", "aria-label": t("calibration.tap_here") }, make("span", "", { textContent: t("calibration.tap") }));
  const start = make("button", "st-button is-main", { type: "button", textContent: t("calibration.start_the_clicks"), onclick: begin });
  const take = make("button", "st-button is-main", { type: "button", hidden: true, onclick() {
    if (result) use(result.device, result.late_s);
    setOpen(false);
  } });
  const close = make("button", "st-close st-sheet-close", { type: "button", textContent: "×", title: t("common.close_esc"), "aria-label": t("common.close"), onclick: () => setOpen(false) });
  const sheet = make("div", "st-question st-tap", { role: "dialog", "aria-modal": "true", "aria-label": t("calibration.measure_latency_by") }, close,
    make("h2", "", { textContent: t("calibration.tap_along") }),
    make("p", "st-question-line", { textContent: t("calibration.four_clicks_count") }),
    light, words, make("div", "st-question-foot", {}, make("span", "st-space"), start, take));
  const page = make("div", "st-scrim", { hidden: true }, sheet);
  app.append(page);

  function stop() {
    run++;
    cancelAnimationFrame(frame);
    for (const click of clicks) click.stop();
    clicks = [];
  }

  async function begin() {
    stop();
    const own = run;
    await audio.resume().catch(() => {}); // the clicks need a clock that runs
    if (own !== run) return;
    taps = [];
    result = null;
    take.hidden = true;
    start.textContent = t("calibration.start_again");
    start.className = "st-button";
    clicks = Array.from({ length: COUNT_IN + CLICKS }, (_, k) => audio.live.click(WAIT_S + k * APART_S, k < COUNT_IN));
    light.focus({ preventScroll: true });
    const last_ms = clicks[clicks.length - 1].heard_ms + 1000 * WAIT_S;
    const follow = () => {
      const now_ms = performance.now();
      const heard = clicks.filter(({ heard_ms }) => heard_ms <= now_ms);
      light.classList.toggle("is-lit", heard.length > 0 && now_ms - heard[heard.length - 1].heard_ms < FLASH_MS);
      const text = heard.length <= COUNT_IN ? (heard.length ? t("calibration.count_in", { count: heard.length }) : t("calibration.listen")) : t("calibration.press_along_of", { count: heard.length - COUNT_IN, CLICKS });
      if (words.textContent !== text) words.textContent = text;
      if (now_ms < last_ms) frame = requestAnimationFrame(follow);
      else finish();
    };
    follow();
  }

  function finish() {
    light.classList.remove("is-lit");
    const device = mostUsed(taps.map(({ device: used }) => used));
    const measured = device && measureTaps(taps.filter(({ device: used }) => used === device).map(({ stamp_ms }) => stamp_ms / 1000), clicks.slice(COUNT_IN).map(({ heard_ms }) => heard_ms / 1000));
    clicks = [];
    if (!device || !measured) {
      words.textContent = t("calibration.fewer_than_six");
      return;
    }
    const late_ms = Math.round(1000 * measured.late_s);
    result = { device, late_s: late_ms / 1000 };
    words.textContent = t("calibration.your_presses_came", { device: DEVICES[device], late_ms: Math.abs(late_ms), order: late_ms < 0 ? t("calibration.before") : t("calibration.after"), spread_ms: Math.round(1000 * measured.spread_s), count: measured.count, CLICKS });
    take.textContent = t("calibration.take_ms_off", { late_ms });
    take.hidden = false;
    take.focus({ preventScroll: true });
  }

  /** @param {boolean} isOpen */
  function setOpen(isOpen) {
    if (page.hidden !== isOpen) return;
    page.hidden = !isOpen;
    if (isOpen) {
      returnTo = focusedElement();
      words.textContent = "";
      take.hidden = true;
      start.textContent = t("calibration.start_the_clicks");
      start.className = "st-button is-main";
      start.focus({ preventScroll: true });
    } else {
      stop();
      if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
    }
  }

  /**
   * @param {Device} device
   * @param {number} stamp_ms
   */
  function tap(device, stamp_ms) {
    if (clicks.length) taps.push({ device, stamp_ms });
  }

  page.addEventListener("pointerdown", (event) => event.target === page && setOpen(false));
  light.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    tap("pads", event.timeStamp);
  });
  const scope = createScope();
  scope.listen(document, "keydown", (event) => {
    if (page.hidden) return;
    event.stopPropagation();
    if (event.key === "Escape") setOpen(false);
    else if (event.key === "Tab") {
      const reachable = elementsIn(sheet, "button:not([hidden])");
      const at = reachable.findIndex((element) => element === focusedElement());
      reachable[(at + (event.shiftKey ? -1 : 1) + reachable.length) % reachable.length]?.focus();
      event.preventDefault();
    } else if (clicks.length && !event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.key === "Shift") return;
      event.preventDefault(); // no button is pressed by it
      tap("keys", event.timeStamp);
    }
  }, true);
  scope.add(stop);

  return {
    tap,
    open: () => setOpen(true),
    get isOpen() { return !page.hidden; },
    dispose: scope.dispose,
  };
}

/** @param {Device[]} devices */
function mostUsed(devices) {
  /** @param {Device} device */
  const uses = (device) => devices.filter((one) => one === device).length;
  return [...new Set(devices)].sort((a, b) => uses(b) - uses(a))[0] ?? null;
}
