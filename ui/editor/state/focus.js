// @ts-check
// Tells the server where the user is, so that it samples first what is near.

import { createScope } from "../widgets/scope.js";
/** @import { Store } from "./types.d.ts" */

const WAIT_MS = 300;
const MOVED_S = 0.5;
const MOST_HITS = 200;

/** @param {Store} store */
export function createFocus(store) {
  let time_s = 0;
  let told = "";
  /** @type {ReturnType<typeof setTimeout> | 0} */
  let timer = 0;

  function tell() {
    timer = 0;
    if (!store.view?.project || store.connection !== "open") return;
    const hits = [...store.selection.hits].slice(0, MOST_HITS);
    const focus = `${Math.round(time_s / MOVED_S)} ${hits.join()}`;
    if (focus === told) return;
    told = focus;
    store.send({ type: "focus", time_s, hits });
  }
  const tellSoon = () => void (timer ||= setTimeout(tell, WAIT_MS));

  const scope = createScope();
  scope.add(store.on("time", (now) => {
    time_s = now.time_s;
    tellSoon();
  }));
  scope.add(store.on("selection", tellSoon));
  scope.add(() => clearTimeout(timer));
  return { dispose: scope.dispose };
}
