"""Mix the channels of a recording to mono without cancellation: one set of weights for the whole recording."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator

import numpy as np

from engine.core.units import db_to_power, power_to_db

BLOCK_S = 0.2
"""Length of the blocks whose levels and spectra are compared."""

_MOST_LOUD, _MOST_REGULAR = 64, 32
"""Blocks that are kept: the loudest, a share of each channel's, and some spread evenly, for the background."""

_FULL_SHARE = 0.5
"""A channel whose loudest block has at least this share of the power of the loudest channel's counts in full."""
_RANGE_DB = 40.0
_MOST_LOSS_DB = 30.0
_DISTINCT, _LEAST_DISTINCT = 10.0, 0.001
"""Power over the background's of a distinct value; share of all power from which distinct values alone count."""
_LOUDNESS = 0.15
"""Exponent by which the loss of a value counts, so that a hit 20 dB quieter counts by half as much."""

_LEAST_GAIN_DB = 4.0
"""A loss this much smaller than that of the sum decides for another mix. Independent channels of equal level
differ by 3 dB, a delayed copy by 6 dB, an inverted one by more."""

_LEAST_GAIN_OF_SIGNS_DB = 1.5
"""The same for a sum with signs, which loses as much as the sum does where channels are independent."""

_TIE_DB = 2.0
"""Of mixes that differ by less, the first is taken."""

_COPY = 0.7
"""Correlation, at the best lag, from which a channel is a copy of another."""
_GROUP_RANGE_DB = 30.0
"""Channels that have nothing within this of the loudest are in no group of copies."""


def choose_weights(pieces: Iterable[np.ndarray], sample_rate_hz: int) -> np.ndarray:
    """Weights [C] of the channels for a mono mix of pieces [n, C] of a recording: ``piece @ weights``.

    Channels of about one level are averaged, so that equal ones keep their level; faint or silent ones count less, so
    that a sound in one channel keeps its own. Where the sum would cancel what the channels hold (inverted or delayed
    copies), channels are inverted or one of each group of copies is used. Memory does not grow with the recording.
    """
    size = max(2, round(BLOCK_S * sample_rate_hz))
    blocks, regular = _keep_blocks(_iter_blocks(pieces, size))
    if not blocks or blocks[0].shape[1] == 1:
        return np.ones(1, np.float32)
    peak = max(float(np.abs(block).max()) for block in blocks)
    if peak <= 0.0:
        return np.full(blocks[0].shape[1], 1.0 / blocks[0].shape[1], np.float32)
    spectra = _transform(blocks, peak)
    power = np.square(np.abs(spectra))
    power *= _find_distinct(power, np.median(np.square(np.abs(_transform(regular, peak))), axis=1))
    spectra *= power.max(axis=0) > 0.0
    mixes = list(_list_mixes(spectra, power.sum(axis=2).max(axis=1)))
    losses_db = _measure_losses(spectra, power, mixes)
    chosen = 1 if losses_db[1] < losses_db[0] - _LEAST_GAIN_OF_SIGNS_DB else 0
    if losses_db[chosen] - losses_db.min() >= _LEAST_GAIN_DB:
        chosen = int(np.flatnonzero(losses_db < losses_db.min() + _TIE_DB)[0])
    return mixes[chosen].astype(np.float32)


def _iter_blocks(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Whole blocks [size, C]; the last is filled with zeros. A piece with another number of channels starts anew."""
    rest: np.ndarray | None = None
    for piece in pieces:
        held = piece if rest is None or rest.shape[1] != piece.shape[1] else np.concatenate((rest, piece))
        whole = len(held) - len(held) % size
        yield from held[:whole].reshape(-1, size, held.shape[1])
        rest = held[whole:]
    if rest is not None and len(rest):
        yield np.pad(rest, ((0, size - len(rest)), (0, 0)))


def _keep_blocks(blocks: Iterable[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The blocks [size, C] in which some channel is loudest, and blocks at regular distances."""
    heaps: list[list[tuple[float, int, np.ndarray]]] = []
    regular: list[np.ndarray] = []
    channels, step = 0, 1
    for number, block in enumerate(blocks):
        power = np.mean(np.square(block, dtype=np.float64), axis=0)
        channels = channels or len(power)
        if len(power) != channels or not np.isfinite(power).all():
            continue
        heaps = heaps or [[] for _ in power]
        held = block.copy()
        for heap, level in zip(heaps, power.tolist(), strict=True):
            heapq.heappush(heap, (level, -number, held))
            if len(heap) > max(1, _MOST_LOUD // channels):
                heapq.heappop(heap)
        if number % step == 0:
            regular.append(held)
        if len(regular) > _MOST_REGULAR:
            regular, step = regular[::2], 2 * step
    loud = {number: block for heap in heaps for _, number, block in heap}
    return list(loud.values()), regular


def _transform(blocks: list[np.ndarray], peak: float) -> np.ndarray:
    """Spectra [C, blocks, bins] of blocks [size, C], of which ``peak`` becomes full scale."""
    window = np.hanning(len(blocks[0])) / peak
    return np.stack([np.fft.rfft(block.T * window).astype(np.complex64) for block in blocks], axis=1)


def _weigh_by_level(levels: np.ndarray) -> np.ndarray:
    """Weights [C] of a sum, by the power of each channel's loudest block."""
    share = np.minimum(1.0, levels / float(levels.max()) / _FULL_SHARE)
    result: np.ndarray = share / share.sum()
    return result


def _find_distinct(power: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Mask of the power values [C, blocks, bins] far above the background [C, bins], or of all loud ones if few are.

    Hum and noise, of which every mix loses some, must not outweigh the hits.
    """
    used = power > db_to_power(-_RANGE_DB) * float(power.max())
    distinct = used & (power > _DISTINCT * background[:, None])
    result: np.ndarray = distinct if power[distinct].sum() > _LEAST_DISTINCT * power[used].sum() else used
    return result


def _list_mixes(spectra: np.ndarray, levels: np.ndarray) -> Iterator[np.ndarray]:
    """Weights [C] of the sum, of the sum with signs, and of other mixes that may lose less, the simplest first.

    ``levels`` [C]: power of the distinct values in each channel's loudest block.
    """
    channels = len(levels)
    at_zero, at_best, lags = _correlate(spectra)
    signs = _find_signs(at_zero, int(np.argmax(levels)))
    plain = _weigh_by_level(levels)
    yield plain
    yield plain * signs
    heard = levels > db_to_power(-_GROUP_RANGE_DB) * float(levels.max())
    aligned, chosen = np.zeros(channels), np.zeros(channels)
    for group in _find_groups(np.abs(at_zero) > _COPY, heard):
        aligned[group] = signs[group] / len(group)
    for group in _find_groups(at_best > _COPY, heard):
        loudest = group[np.argmax(levels[group])]
        # Of copies with a delay the first counts, so that a hit keeps its time.
        chosen[group[np.argmin(lags[group, loudest])]] = 1.0
    for weights in (aligned, chosen):
        yield weights / np.abs(weights).sum()
    loudest = int(np.argmax(levels))
    yield from np.eye(channels)[np.argsort(lags[:, loudest], kind="stable")]
    for weights in (plain, plain * signs):
        for channel in np.flatnonzero(heard):  # where some hits are inverted and others are not
            uneven = weights * np.where(np.arange(channels) == channel, 1.0, 0.5)
            yield uneven / np.abs(uneven).sum()


def _correlate(spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlations of the channels of spectra [C, blocks, bins], each [C, C]: at no lag, the largest, and its lag."""
    size = 2 * (spectra.shape[2] - 1)
    channels = len(spectra)
    at_zero, at_best, lags = np.eye(channels), np.eye(channels), np.zeros((channels, channels), int)
    energy = np.sqrt(np.square(np.abs(spectra)).sum(axis=(1, 2), dtype=np.float64)) + 1e-30
    for one in range(channels):
        for other in range(one):
            cross = (spectra[one] * spectra[other].conj()).sum(axis=0)
            curve = np.fft.irfft(cross, size) * size / 2.0 / (energy[one] * energy[other])
            best = int(np.argmax(np.abs(curve)))
            at_zero[one, other] = at_zero[other, one] = curve[0]
            at_best[one, other] = at_best[other, one] = abs(curve[best])
            lags[one, other] = (best + size // 2) % size - size // 2
            lags[other, one] = -lags[one, other]
    return at_zero, at_best, lags


def _find_signs(correlation: np.ndarray, first: int) -> np.ndarray:
    """1 or -1 for each channel, so that those most alike are added in phase: along a maximum spanning tree."""
    signs = np.zeros(len(correlation))
    signs[first] = 1.0
    while not signs.all():
        known, new = np.flatnonzero(signs), np.flatnonzero(signs == 0.0)
        between = correlation[np.ix_(known, new)]
        row, column = np.unravel_index(np.argmax(np.abs(between)), between.shape)
        signs[new[column]] = signs[known[row]] * (-1.0 if between[row, column] < 0.0 else 1.0)
    return signs


def _find_groups(alike: np.ndarray, used: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of the channels in use that are alike, directly or through others."""
    left = used.copy()
    while left.any():
        group = np.zeros(len(used), bool)
        grown = np.arange(len(used)) == np.argmax(left)
        while (grown != group).any():
            group, grown = grown, grown | (alike[grown].any(axis=0) & used)
        left &= ~group
        yield np.flatnonzero(group)


def _measure_losses(spectra: np.ndarray, power: np.ndarray, mixes: list[np.ndarray]) -> np.ndarray:
    """Root mean square of the loss in dB of each mix of spectra [C, blocks, bins], over octaves of blocks.

    ``power`` [C, blocks, bins] is 0 where a value does not count. An octave of a block is compared with that of the
    channel in which it has most, and counts by its magnitude.
    """
    octaves = np.unique(1 << np.arange(power.shape[2].bit_length())) - 1
    octaves = octaves[octaves < power.shape[2]]
    most = np.add.reduceat(power, octaves, axis=2).max(axis=0)
    counts = most > db_to_power(-_RANGE_DB) * float(most.max())
    weight = most[counts] ** _LOUDNESS
    losses = []
    for weights in mixes:
        mix = np.square(np.abs(np.tensordot(weights.astype(np.float32), spectra, 1)))
        kept = np.add.reduceat(mix, octaves, axis=1)[counts] / most[counts]
        loss_db = np.clip(-power_to_db(np.maximum(kept, 1e-12)), 0.0, _MOST_LOSS_DB)
        losses.append(math.sqrt(float((np.square(loss_db) * weight).sum() / weight.sum())))
    return np.array(losses)
