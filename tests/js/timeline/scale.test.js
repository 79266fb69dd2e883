// @ts-check
// Where times and velocities lie on the timeline.

import assert from "node:assert/strict";
import { test } from "node:test";

import { secondsStep, tickSteps } from "../../../ui/editor/timeline/ruler.js";
import { createScale, layLanes, SOFTEST_DB, velocityScale } from "../../../ui/editor/timeline/scale.js";

/** @param {number} [width] */
function tenSeconds(width = 1028) {
  const scale = createScale();
  scale.setClip({ duration_s: 10, frame_rate: "25" });
  scale.setWidth(width);
  return scale;
}

test("a clip that fits lies between margins of 14 pixels", () => {
  const scale = tenSeconds();
  assert.ok(Math.abs(scale.x(0) - 14) < 1e-9);
  assert.ok(Math.abs(scale.x(10) - (1028 - 14)) < 1e-9);
  assert.ok(Math.abs(scale.time(scale.x(3.3)) - 3.3) < 1e-12);
});

test("zooming keeps what is under the pointer, and ends at 8 pixels a sample and where all fits", () => {
  const scale = tenSeconds();
  const at_s = scale.time(400);
  scale.zoom(3, 400);
  assert.ok(Math.abs(scale.time(400) - at_s) < 1e-9);
  assert.equal(scale.isFit, false);
  scale.zoom(1e9, 400);
  assert.equal(scale.px_per_s, 48000 * 8);
  scale.zoom(1e-9, 400);
  assert.equal(scale.isFit, true);
  assert.ok(Math.abs(scale.x(0) - 14) < 1e-9);
});

test("scrolling stops at the clip's ends", () => {
  const scale = tenSeconds();
  scale.zoom(10, 500);
  scale.scrollBy(-1e6);
  assert.ok(Math.abs(scale.x(0) - 14) < 1e-9);
  scale.scrollBy(1e6);
  assert.ok(Math.abs(scale.x(10) - (1028 - 14)) < 1e-9);
});

test("lanes fill the height without gaps, and a silent clip has none for its sound", () => {
  for (const hasSound of [true, false]) {
    const lanes = Object.values(layLanes(333, hasSound));
    assert.equal(lanes.length, hasSound ? 6 : 5);
    assert.equal(lanes[0].top, 0);
    lanes.slice(1).forEach((lane, i) => assert.equal(lane.top, lanes[i].top + lanes[i].height));
    const last = lanes[lanes.length - 1];
    assert.equal(last.top + last.height, 333);
  }
});

test("the lane of the onsets is never too low for its name and its choice", () => {
  for (const height of [220, 252, 300, 600]) assert.ok(layLanes(height, true).onsets.height >= 37, `${height}`);
});

test("velocity is linear in dB from 6 dB down to the softest, and clamped", () => {
  const velocity = velocityScale({ top: 100, height: 92 });
  const [loud, middle, soft] = [6, (6 + SOFTEST_DB) / 2, SOFTEST_DB].map(velocity.y);
  assert.ok(Math.abs(middle - (loud + soft) / 2) < 1e-9);
  assert.equal(velocity.y(20), loud);
  assert.equal(velocity.y(-60), soft);
  assert.ok(Math.abs(velocity.velocity_db(velocity.y(-12.5)) + 12.5) < 1e-9);
  assert.ok(Math.abs(velocity.velocity_db(loud + 10) - (6 - 10 * velocity.db_per_px)) < 1e-9);
});

test("ticks divide labels, labels are at least 112 pixels apart", () => {
  for (const rate of [24, 25, 30000 / 1001, 60]) {
    for (const px_per_s of [0.5, 4, 40, 400, 4000]) {
      const { label, middle, tick } = tickSteps(px_per_s, rate);
      assert.equal(label % middle, 0);
      assert.equal(middle % tick, 0);
      if (px_per_s >= 4) assert.ok((label / rate) * px_per_s >= 112, `${rate} ${px_per_s}`);
    }
  }
  assert.deepEqual(tickSteps(120, 25), { label: 25, middle: 25, tick: 5 });
});

test("seconds are labelled at 1, 2 or 5 times a power of ten, at least a label apart", () => {
  for (const px_per_s of [15000, 40000, 123456, 384000]) {
    const step = secondsStep(px_per_s);
    assert.ok(step * px_per_s >= 112 - 1e-6 && step * px_per_s < 112 * 2.6, String(step));
    const digit = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
    assert.ok([1, 2, 5, 10].some((times) => Math.abs(digit - times) < 1e-6), String(step));
  }
});
