// @ts-check
// Seeds of takes: all different, and dealt so that no two neighbours are alike.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dealTakes, takeSeeds } from "../../../ui/editor/arrange/takes.js";

test("pages of takes never repeat a seed, and are the same again", () => {
  for (const own of [0, 1, 12345, 0x7fffffff]) {
    const seeds = Array.from({ length: 50 }, (_, page) => takeSeeds(own, page, 8)).flat();
    assert.equal(new Set(seeds).size, 400);
    assert.ok(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed <= 0x7fffffff));
    assert.deepEqual(takeSeeds(own, 3, 8), seeds.slice(24, 32));
  }
});

test("dealt takes differ from their neighbours and come equally often", () => {
  for (let seed = 0; seed < 200; seed++) {
    for (const takes of [[1, 2], [5, 6, 7], [1, 2, 3, 4, 5, 6, 7, 8]]) {
      const dealt = dealTakes(37, takes, seed);
      assert.equal(dealt.length, 37);
      dealt.slice(1).forEach((take, k) => assert.notEqual(take, dealt[k]));
      const counts = takes.map((take) => dealt.filter((one) => one === take).length);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
    }
  }
  assert.notDeepEqual(dealTakes(20, [1, 2, 3, 4], 1), dealTakes(20, [1, 2, 3, 4], 2));
});
