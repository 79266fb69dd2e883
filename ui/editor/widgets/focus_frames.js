// Focus frames are for those who go about by keyboard: Tab shows them, a press of the pointer hides them.

/** @param {HTMLElement} app */
export function createFocusFrames(app) {
  /** @param {PointerEvent} event */
  const onKey = (event) => event.key === "Tab" && app.classList.add("by-keys");
  const onPress = () => app.classList.remove("by-keys");
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("pointerdown", onPress, true);
  return {
    dispose() {
      document.removeEventListener("keydown", onKey, true);
      document.removeEventListener("pointerdown", onPress, true);
    },
  };
}
