// @ts-check
// What a look at the picture says, and where a click in a fitted picture lies in it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { describeLook } from "../../../ui/editor/panels/look.js";
import { locateInPicture, placeOverPicture } from "../../../ui/editor/panels/pointing.js";

/**
 * @param {number} videoWidth
 * @param {number} videoHeight
 */
const video = (videoWidth, videoHeight) => ({ videoWidth, videoHeight, getBoundingClientRect: () => ({ left: 100, top: 50, width: 400, height: 400 }) });

test("a click lies in the picture as it is fitted into its box, and nowhere beside it", () => {
  const wide = video(1920, 1080); // 400 by 225 pixels, 87.5 below the box's top
  assert.deepEqual(locateInPicture({ clientX: 300, clientY: 250 }, wide), { x: 0.5, y: 0.5 });
  const corner = locateInPicture({ clientX: 100, clientY: 137.5 }, wide);
  assert.ok(corner && Math.abs(corner.x) < 1e-9 && Math.abs(corner.y) < 1e-9);
  assert.equal(locateInPicture({ clientX: 300, clientY: 130 }, wide), null);
  const tall = video(540, 1080); // 200 by 400 pixels, 100 to the right of the box's left
  assert.deepEqual(locateInPicture({ clientX: 250, clientY: 350 }, tall), { x: 0.25, y: 0.75 });
  assert.equal(locateInPicture({ clientX: 150, clientY: 250 }, tall), null);
  assert.equal(locateInPicture({ clientX: 300, clientY: 250 }, video(0, 0)), null);
});

test("a place in the picture is where a click would have named it", () => {
  for (const [width, height] of [[1920, 1080], [540, 1080]]) {
    const shown = { ...video(width, height), clientWidth: 400, clientHeight: 400 };
    for (const place of [{ x: 0.5, y: 0.5 }, { x: 0.1, y: 0.9 }]) {
      const { x, y } = placeOverPicture(place, shown);
      const named = locateInPicture({ clientX: 100 + x, clientY: 50 + y }, shown);
      assert.ok(named && Math.abs(named.x - place.x) < 1e-9 && Math.abs(named.y - place.y) < 1e-9);
    }
  }
});

test("an uncertain prediction says so, and one that the user corrected names the user's material", () => {
  const unsure = describeLook({ seen: "wood (22 %)", confidence: 0.22, certain: false }, "");
  assert.match(unsure, /^The struck object was not recognised \(perhaps wood \(22 %\)\)/);
  assert.match(describeLook({ seen: "metal (70 %)", confidence: 0.7, certain: true }, ""), /^Metal \(70 %\)\. .* 70 % of cases/);
  assert.match(describeLook({ seen: "glass (100 %)", confidence: 1, certain: true }, "glass"), /^Glass, as you say/);
});
