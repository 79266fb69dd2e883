// @ts-check
// What the timeline shows behind the hits, kept as a picture while the view stays: drawing it anew in each frame of a drag costs too much.

import { openCanvas } from "../widgets/canvas.js";

/**
 * @param {(context: CanvasRenderingContext2D) => void} draw
 */
export function createBackdrop(draw) {
  const picture = document.createElement("canvas");
  let drawn = "";
  return {
    /**
     * Put the picture on a canvas, drawn anew where the view is another.
     * @param {CanvasRenderingContext2D} context
     * @param {number} width
     * @param {number} height
     * @param {(string | number)[]} view all that the picture depends on, but for what ``forget`` is called
     */
    put(context, width, height, view) {
      const key = [width, height, devicePixelRatio, ...view].join("|");
      if (key !== drawn) draw(openCanvas(picture, width, height));
      drawn = key;
      context.save();
      context.resetTransform();
      context.drawImage(picture, 0, 0);
      context.restore();
    },
    /** What it shows has changed. */
    forget() {
      drawn = "";
    },
  };
}
