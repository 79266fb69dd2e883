// @ts-check
// What is made on a press: while it is, the button that stops it takes the place of the one that starts it.

/**
 * @param {() => HTMLElement} element where both buttons are
 * @param {HTMLElement} go
 * @param {HTMLElement} stop
 * @param {() => void} paint
 */
export function createMaking(element, go, stop, paint) {
  let isMaking = false;
  /** @param {boolean} value */
  function set(value) {
    isMaking = value;
    stop.hidden = !value;
    go.hidden = value;
    paint();
  }
  stop.hidden = true;
  return {
    get isMaking() { return isMaking; },
    /** @param {boolean} wasSent */
    begin(wasSent) {
      set(wasSent);
      (wasSent ? stop : go).focus({ preventScroll: true });
    },
    end() {
      const hadFocus = element().contains(document.activeElement);
      set(false);
      if (hadFocus) go.focus({ preventScroll: true });
    },
  };
}
