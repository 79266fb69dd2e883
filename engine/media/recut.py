"""Find the runs of frames that a recut clip shares with the former one, by dynamic programming over fingerprints.

Viterbi search over the new clip's frames. The state is the frame of the former clip that is shown, or none; going on
frame by frame is free, a cut costs, and a frame costs as much as it differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_DIFFERENT = 0.3
"""Loss of correlation with which two pictures are wholly different."""

_NEW_COST = 0.5
"""Of a frame that is none of the former clip's, in frames that are wholly different."""

_CUT_COST = 0.5
_SHORTEST = 3
"""Frames of a run; shorter ones are chance."""

_MOST_PAIRS = 150_000_000
"""Of frames compared at once: more are compared at every second, third … frame first."""

_BLOCK = 256
_NONE = -1


@dataclass(frozen=True)
class Run:
    """``length`` frames of the new clip from ``new`` on that are those of the former clip from ``old`` on."""

    old: int
    new: int
    length: int


def find_runs(old: np.ndarray, new: np.ndarray, report: Callable[[float], None] = lambda _: None) -> list[Run]:
    """The runs that two clips share, by rising place in the new one; fingerprints [N, SIZE] and [M, SIZE]."""
    if not len(old) or not len(new):
        return []
    step = 1
    while (len(old) // step) * (len(new) // step) > _MOST_PAIRS:
        step += 1
    shown = _search_all(old[::step], new[::step], report)
    if step > 1:
        places = np.flatnonzero(shown != _NONE)
        around = np.arange(-step, step + 1)
        offsets = np.unique(((shown[places] - places) * step)[:, None] + around)
        shown = _search_offsets(old, new, offsets) if len(places) else np.full(len(new), _NONE)
    return _collect(shown)


def _search_all(old: np.ndarray, new: np.ndarray, report: Callable[[float], None]) -> np.ndarray:
    """Of each new frame the former one, or _NONE; every pair is compared."""
    count, total = len(old), len(new)
    stays = np.zeros((total, (count + 7) // 8), np.uint8)  # whether each state goes on from the frame before it
    before = np.full(total, _NONE, np.int64)  # the state from which a cut into this frame comes
    none_stays = np.zeros(total, bool)
    cost = np.zeros(0)
    none_cost = 0.0
    transposed = np.ascontiguousarray(old.T)
    for first in range(0, total, _BLOCK):
        block = _frame_costs(new[first : first + _BLOCK] @ transposed)
        for row, frame_cost in enumerate(block, first):
            if row == 0:  # any frame may be the first
                cost, none_cost = frame_cost.astype(np.float64), _NEW_COST
                continue
            best = int(np.argmin(cost))
            before[row] = best if cost[best] <= none_cost else _NONE
            cut_cost = min(float(cost[best]), none_cost) + _CUT_COST
            go_on = np.concatenate(([np.inf], cost[:-1]))
            stay = go_on <= cut_cost
            stays[row] = np.packbits(stay)
            none_stays[row] = none_cost <= cut_cost
            none_cost = min(none_cost, cut_cost) + _NEW_COST
            cost = np.where(stay, go_on, cut_cost) + frame_cost
        report(min(1.0, (first + _BLOCK) / total))
    shown = np.full(total, _NONE, np.int64)
    state = int(np.argmin(cost)) if cost.min() <= none_cost else _NONE
    for row in range(total - 1, -1, -1):
        shown[row] = state
        if state == _NONE:
            state = _NONE if none_stays[row] else int(before[row])
        elif stays[row, state >> 3] >> (7 - (state & 7)) & 1:
            state -= 1
        else:
            state = int(before[row])
    return shown


def _search_offsets(old: np.ndarray, new: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The same where former frames lie at one of some offsets from the new ones; the last state is none."""
    total, states = len(new), len(offsets)
    came = np.zeros((total, states + 1), np.int32)
    cost = np.zeros(states + 1)
    for row in range(total):
        places = row + offsets
        inside = (places >= 0) & (places < len(old))
        likeness = np.where(inside, old[np.clip(places, 0, len(old) - 1)] @ new[row], -1.0)
        best = int(np.argmin(cost))
        cuts = cost > cost[best] + _CUT_COST
        came[row] = np.where(cuts, best, np.arange(states + 1))
        cost = np.where(cuts, cost[best] + _CUT_COST, cost)
        cost[:states] += np.where(inside, _frame_costs(likeness), 1.0)
        cost[states] += _NEW_COST
    shown = np.full(total, _NONE, np.int64)
    state = int(np.argmin(cost))
    for row in range(total - 1, -1, -1):
        place = row + int(offsets[state]) if state < states else _NONE
        shown[row] = place if 0 <= place < len(old) else _NONE
        state = int(came[row, state])
    return shown


def _frame_costs(likeness: np.ndarray) -> np.ndarray:
    return np.clip((1.0 - likeness) / _DIFFERENT, 0.0, 1.0)


def _collect(shown: np.ndarray) -> list[Run]:
    runs: list[Run] = []
    first = 0
    for row in range(1, len(shown) + 1):
        if row < len(shown) and shown[row] != _NONE and shown[row] == shown[row - 1] + 1:
            continue
        if shown[first] != _NONE and row - first >= _SHORTEST:
            runs.append(Run(int(shown[first]), first, row - first))
        first = row
    return runs
