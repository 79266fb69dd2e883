"""Mixing the channels of a recording to mono without losing what is in them: one set of weights for all of it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator

import numpy as np

BLOCK_S = 0.2
"""Length of the blocks whose levels and spectra are compared."""

_MOST_BLOCKS = 64
_FULL_SHARE = 0.5
"""A channel whose loudest block has at least this share of the power of the loudest channel's counts in full."""
_RANGE_DB = 40.0
_MOST_LOSS_DB = 20.0
_DISTINCT, _LEAST_DISTINCT = 10.0, 0.001
"""Power over the background's at which a value stands out; share of all power that has to, to be looked at alone."""
_LEAST_GAIN_DB = 4.5
"""A loss this much smaller than that of the sum decides for another mix. Independent channels of equal level
differ by 3 dB, a delayed copy by 6 dB, an inverted one by more."""

_TIE_DB = 2.0
"""Of mixes that differ by less, the first is taken."""


def choose_weights(pieces: Iterable[np.ndarray], sample_rate_hz: int) -> np.ndarray:
    """Weights [C] of the channels for a mono mix of pieces [n, C] of a recording: ``piece @ weights``.

    Channels of about one level are averaged, so that equal ones keep their level; faint or silent ones count less, so
    that a sound in one channel keeps its own. Where the sum would cancel what the channels hold (inverted or delayed
    copies), a channel is inverted or the fullest channel is taken alone. Memory does not grow with the recording.
    """
    size = max(2, round(BLOCK_S * sample_rate_hz))
    loudest, blocks = _find_loudest(_iter_blocks(pieces, size))
    if loudest is None or len(loudest) == 1:
        return np.ones(1, np.float32)
    top = float(loudest.max())
    if top <= 0.0:
        return np.full(len(loudest), 1.0 / len(loudest), np.float32)
    share = np.minimum(1.0, loudest / top / _FULL_SHARE)
    spectra = np.stack([np.fft.rfft(block.T * np.hanning(size)) for block in blocks], axis=1)
    cross = np.fft.irfft((spectra * spectra[np.argmax(loudest)].conj()).sum(axis=1), size)
    signs = np.where(cross[:, 0] < 0.0, -1.0, 1.0)
    plain = share / share.sum()
    # Of copies with a delay the first counts, so that a hit keeps its time.
    lags = (np.argmax(np.abs(cross), axis=1) + size // 2) % size
    singles = np.eye(len(loudest))[np.argsort(lags, kind="stable")]
    mixes = [plain, plain * signs, *singles]
    losses_db = _measure_losses(spectra, mixes)
    good = np.flatnonzero(losses_db < losses_db.min() + _TIE_DB)
    weights = plain if losses_db[0] - losses_db.min() < _LEAST_GAIN_DB else mixes[good[0]]
    return np.asarray(weights, np.float32)


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


def _find_loudest(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray | None, list[np.ndarray]]:
    """Mean square [C] of each channel's loudest block, and the loudest blocks of all; None without any block."""
    kept: list[tuple[float, int, np.ndarray]] = []
    loudest: np.ndarray | None = None
    for number, block in enumerate(blocks):
        power = np.mean(np.square(block, dtype=np.float64), axis=0)
        if not np.isfinite(power).all():
            continue
        if loudest is None:
            loudest = power
        if len(power) != len(loudest):
            continue
        loudest = np.maximum(loudest, power)
        entry = (float(power.max()), -number, block)
        if len(kept) < _MOST_BLOCKS:
            heapq.heappush(kept, (*entry[:2], block.copy()))
        elif entry[:2] > kept[0][:2]:
            heapq.heapreplace(kept, (*entry[:2], block.copy()))
    return loudest, [block for _, _, block in kept]


def _measure_losses(spectra: np.ndarray, mixes: list[np.ndarray]) -> np.ndarray:
    """Root mean square of the loss in dB of each mix against the strongest channel, over spectra [C, blocks, bins].

    A value counts by its magnitude, and only where it stands out of its bin's background, if any does: neither hum
    nor noise, of which some is lost in every mix, outweighs the hits.
    """
    power = np.square(np.abs(spectra)).max(axis=0)
    used = power > 10.0 ** (-_RANGE_DB / 10.0) * float(power.max())
    distinct = used & (power > _DISTINCT * np.median(power, axis=0))
    if power[distinct].sum() > _LEAST_DISTINCT * power[used].sum():
        used = distinct
    level = np.sqrt(power[used])
    losses = []
    for weights in mixes:
        kept = np.square(np.abs(np.tensordot(weights, spectra[:, used], 1))) / power[used]
        loss_db = np.clip(-10.0 * np.log10(np.maximum(kept, 1e-12)), 0.0, _MOST_LOSS_DB)
        losses.append(math.sqrt(float((np.square(loss_db) * level).sum() / level.sum())))
    return np.array(losses)
