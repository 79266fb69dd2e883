// @ts-check
// Pointing at something in the picture: the next click on it says where, Escape leaves it.

/** @typedef {{x: number, y: number, time_s: number}} PicturePoint shares of the picture's width and height, and the time of the picture on show */

/**
 * Where in the picture an event lies, as shares of its width and height; null beside it.
 * @param {{clientX: number, clientY: number}} event
 * @param {{videoWidth: number, videoHeight: number, getBoundingClientRect: () => {left: number, top: number, width: number, height: number}}} video
 */
export function locateInPicture({ clientX, clientY }, video) {
  const { left, top, width, height } = video.getBoundingClientRect();
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight); // the picture is fitted whole
  if (!Number.isFinite(scale) || scale <= 0) return null;
  const x = 0.5 + (clientX - left - width / 2) / (scale * video.videoWidth);
  const y = 0.5 + (clientY - top - height / 2) / (scale * video.videoHeight);
  return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? { x, y } : null;
}

/**
 * @param {HTMLElement} stage that holds the picture
 * @param {HTMLVideoElement} video
 * @param {() => number} time_s of the picture on show
 */
export function createPointing(stage, video, time_s) {
  /** @type {((point: PicturePoint | null) => void) | null} */
  let waiting = null;

  /** @param {PicturePoint | null} point */
  function finish(point) {
    const picked = waiting;
    waiting = null;
    stage.classList.remove("is-pointing");
    picked?.(point);
  }

  /** @param {MouseEvent} event */
  function click(event) {
    const point = waiting && locateInPicture(event, video);
    if (waiting) event.stopImmediatePropagation(); // it neither plays nor pauses
    if (point) finish({ ...point, time_s: time_s() });
  }

  /** @param {KeyboardEvent} event */
  function leave(event) {
    if (event.key !== "Escape" || !waiting) return;
    event.stopPropagation();
    finish(null);
  }

  stage.addEventListener("click", click, true);
  window.addEventListener("keydown", leave, true);
  return {
    /**
     * Wait for a click; ``picked`` is given the point, or null where nobody points any more. Returns what stops waiting.
     * @param {(point: PicturePoint | null) => void} picked
     */
    pick(picked) {
      if (waiting) finish(null);
      waiting = picked;
      stage.classList.add("is-pointing");
      return () => waiting === picked && finish(null);
    },
    dispose() {
      finish(null);
      stage.removeEventListener("click", click, true);
      window.removeEventListener("keydown", leave, true);
    },
  };
}
