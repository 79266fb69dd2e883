// @ts-check
// Offsets over the clip: a dot a blow, the line of lag and drift, the limits of BT.1359 as bands.

import { t } from "../texts/t.js";
import { openCanvas } from "../widgets/canvas.js";
import { COLORS, SANS } from "../widgets/theme.js";
import { GRADE_COLORS } from "./meter.js";
/** @import { SyncMeasured } from "../state/protocol.d.ts" */

const EARLY_S = [-0.09, -0.045];
const LATE_S = [0.125, 0.185];
const LEAST_REACH_S = 0.12;

/**
 * Draw on a canvas of a size; returns the time at a place across it.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {SyncMeasured} found
 * @param {number} duration_s
 * @param {number} frame_s
 * @param {number | null} chosen_s
 */
export function drawOffsets(canvas, width, height, found, duration_s, frame_s, chosen_s) {
  const pen = openCanvas(canvas, width, height);
  const lag_s = found.lag_s ?? 0;
  const far = found.hits.map(({ offset_s }) => Math.abs(offset_s));
  const reach_s = 1.1 * Math.max(LEAST_REACH_S, ...far, Math.abs(lag_s) + Math.abs(found.drift_s_per_s) * 0.5 * duration_s);
  /** @param {number} offset_s */
  const y = (offset_s) => (height / 2) * (1 - offset_s / reach_s);
  /** @param {number} time_s */
  const x = (time_s) => (width * time_s) / Math.max(duration_s, 1e-9);
  pen.fillStyle = COLORS.plot;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = COLORS.plotFill;
  pen.globalAlpha = 0.4;
  pen.fillRect(0, y(LATE_S[0]), width, y(EARLY_S[1]) - y(LATE_S[0]));
  pen.fillStyle = COLORS.good;
  pen.globalAlpha = 0.2;
  pen.fillRect(0, y(frame_s / 2), width, y(-frame_s / 2) - y(frame_s / 2));
  pen.globalAlpha = 1;
  pen.strokeStyle = COLORS.tickStrong;
  pen.setLineDash([3, 4]);
  for (const limit_s of [EARLY_S[0], EARLY_S[1], LATE_S[0], LATE_S[1]]) line(0, y(limit_s), width, y(limit_s));
  pen.setLineDash([]);
  if (found.lag_s !== null) {
    pen.strokeStyle = COLORS.curve;
    line(0, y(lag_s - found.drift_s_per_s * found.middle_s), width, y(lag_s + found.drift_s_per_s * (duration_s - found.middle_s)));
  }
  for (const { time_s, offset_s, grade } of found.hits) {
    pen.fillStyle = COLORS[GRADE_COLORS[grade]];
    pen.beginPath();
    pen.arc(x(time_s), y(offset_s), time_s === chosen_s ? 5 : 3, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.fillStyle = COLORS.quiet;
  pen.font = `10px ${SANS}`;
  pen.fillText(t("drift_plot.late_ms", { reach_ms: Math.round(1000 * reach_s) }), 4, 11);
  pen.fillText(t("common.early"), 4, height - 4);

  /**
   * @param {number} x1
   * @param {number} y1
   * @param {number} x2
   * @param {number} y2
   */
  function line(x1, y1, x2, y2) {
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
    pen.stroke();
  }
}
