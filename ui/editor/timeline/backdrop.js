// @ts-check
// A picture of what stays while the view does, such as all behind the hits: drawing it anew in each frame of a drag costs too much.

import { displayScale, openCanvas } from "../widgets/canvas.js";

/**
 * @param {(context: CanvasRenderingContext2D) => void} draw
 * @param {CanvasRenderingContext2DSettings} [settings] of the picture
 */
export function createBackdrop(draw, settings) {
  const picture = document.createElement("canvas");
  let drawn = "";
  return {
    /**
     * Put the picture on a canvas, drawn anew where the view is another.
     * @param {CanvasRenderingContext2D} context
     * @param {number} width
     * @param {number} height
     * @param {(string | number)[]} view all that the picture depends on, but for what ``forget`` is called
     * @param {number} [top]
     */
    put(context, width, height, view, top = 0) {
      const key = [width, height, displayScale(), ...view].join("|");
      if (key !== drawn) draw(openCanvas(picture, width, height, settings));
      drawn = key;
      context.save();
      context.resetTransform();
      context.drawImage(picture, 0, Math.round(top * displayScale()));
      context.restore();
    },
    /** What it shows has changed. */
    forget() {
      drawn = "";
    },
  };
}
