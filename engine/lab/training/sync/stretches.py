"""Stretches of picture and sound to train the sync network on: shifted, with hits deleted, added or out of order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from engine.lab.data.sync.takes import SyncTake
from engine.sync.bands import BANDS, RATE_HZ
from engine.sync.network import MAX_LAG, draw_heard, draw_seen

EDGE_S = 1.0
MASK_S = 0.18
"""Length of the sound that goes, or comes, with a deleted or added hit."""


@dataclass(frozen=True)
class StretchConfig:
    """Length, largest shift, and shares of the stretches that are changed in each way."""

    length_s: float = 4.0
    shift_s: float = 0.6
    width_s: float = 0.012  # of the target about the true lag
    foreign: float = 0.12  # sound of another clip
    disordered: float = 0.12  # its pieces between hits in another order
    changed: float = 0.5  # some hits deleted, some added
    without_bands: float = 0.3  # as of hits that are not rendered
    missed: float = 0.15  # of the blows seen


@dataclass(frozen=True)
class Drawn:
    """A training take with its channels drawn and the lag of its sound in steps."""

    take: SyncTake
    heard: np.ndarray  # [HEARD_CHANNELS, count]
    lag_s: float
    weight: float


def draw_take(take: SyncTake, lag_s: float, weight: float) -> Drawn:
    """Draw the sound of a take once; the picture is drawn anew for each stretch, with some blows missed."""
    count = round(take.duration_s * RATE_HZ) + 1
    return Drawn(take, draw_heard(take.heard, take.bands_db, count), lag_s, weight)


def draw_batch(
    takes: Sequence[Drawn], size: int, config: StretchConfig, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Seen [B, SEEN, T], heard [B, HEARD, T] and the target distribution [B, lags and none]."""
    weights = np.asarray([drawn.weight for drawn in takes])
    chosen = random.choice(len(takes), size=size, p=weights / weights.sum())
    rows = [_draw_stretch(takes, takes[k], config, random) for k in chosen]
    seen, heard, target = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
    return seen, heard, target


def _draw_stretch(
    takes: Sequence[Drawn], drawn: Drawn, config: StretchConfig, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = round(config.length_s * RATE_HZ)
    shift_s = float(random.uniform(-config.shift_s, config.shift_s))
    start_s = float(random.uniform(-EDGE_S, max(0.0, drawn.take.duration_s - config.length_s + EDGE_S)))
    kept = [onset for onset in drawn.take.seen if random.random() >= config.missed * random.random()]
    moved = [replace(onset, time_s=onset.time_s - start_s) for onset in kept]
    seen = draw_seen([onset for onset in moved if -EDGE_S < onset.time_s < config.length_s + EDGE_S], count)
    first = round((start_s + drawn.lag_s - shift_s) * RATE_HZ)
    shift_s = start_s + drawn.lag_s - first / RATE_HZ  # as far as the grid allows
    heard = _cut(drawn.heard, first, count)
    kind = random.random()
    target = np.zeros(2 * MAX_LAG + 2, np.float32)
    hits = np.flatnonzero(_peaks(heard[2 * BANDS]))
    if kind < config.foreign:
        other = takes[int(random.integers(len(takes)))]
        at = int(random.integers(max(1, other.heard.shape[1] - count)))
        heard = _cut(other.heard, at, count)
        related = other is drawn and abs(at - first) < 1.5 * MAX_LAG
    elif kind < config.foreign + config.disordered and len(hits) >= 4:
        heard, related = _disorder(heard, hits, random), False
    else:
        related = True
        if random.random() < config.changed:
            heard = _change(heard, hits, takes, random)
    if related and kind >= config.foreign and seen[0].max() > 0.1 and len(hits):
        lags_s = np.arange(-MAX_LAG, MAX_LAG + 1) / RATE_HZ
        bump = np.exp(-0.5 * ((lags_s - shift_s) / config.width_s) ** 2)
        target[:-1] = bump / bump.sum()
    else:
        target[-1] = 1.0
    if random.random() < config.without_bands:
        heard = heard.copy()
        heard[: 2 * BANDS], heard[-1] = 0.0, 0.0
    return seen, heard, target


def _cut(values: np.ndarray, first: int, count: int) -> np.ndarray:
    """Columns ``first`` to ``first + count``, zeros beyond the ends."""
    out = np.zeros((len(values), count), np.float32)
    start, end = max(0, first), min(values.shape[1], first + count)
    if start < end:
        out[:, start - first : end - first] = values[:, start:end]
    return out


def _peaks(curve: np.ndarray) -> np.ndarray:
    padded = np.pad(curve, 1)
    return (curve > 0.2) & (curve >= padded[:-2]) & (curve > padded[2:])


def _disorder(heard: np.ndarray, hits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The pieces between hits in another order."""
    cuts = np.unique(np.concatenate(([0], np.maximum(0, hits - 3), [heard.shape[1]])))
    pieces = [heard[:, a:b] for a, b in pairwise(cuts)]
    order = random.permutation(len(pieces))
    return np.concatenate([pieces[k] for k in order], axis=1)


def _change(heard: np.ndarray, hits: np.ndarray, takes: Sequence[Drawn], random: np.random.Generator) -> np.ndarray:
    """Some hits deleted, and some of another take added."""
    changed, length = heard.copy(), round(MASK_S * RATE_HZ)
    share = random.uniform(0.0, 0.5)
    for hit in hits:
        if random.random() < share:
            first = max(0, int(hit) - 4)
            floor = changed[:BANDS, max(0, first - 6) : first + 1].min(axis=1, keepdims=True)
            part = changed[:, first : first + length]
            part[:BANDS] = np.minimum(part[:BANDS], floor)
            part[BANDS : 2 * BANDS + 1] = 0.0
    other = takes[int(random.integers(len(takes)))].heard
    theirs = np.flatnonzero(_peaks(other[2 * BANDS]))
    for _ in range(int(random.integers(0, 4))):
        if not len(theirs):
            break
        piece = _cut(other, int(random.choice(theirs)) - 4, length)
        at = int(random.integers(changed.shape[1] - length))
        part = changed[: 2 * BANDS + 1, at : at + length]
        np.maximum(part, piece[: 2 * BANDS + 1], out=part)
    return changed
