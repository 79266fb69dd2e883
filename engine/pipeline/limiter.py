"""The master's true-peak limiter: one gain for all channels, which holds the track under -1 dBTP.

Where the true peak (ITU-R BS.1770: four times oversampled, here by the band-limited delay that places hits) would
exceed the ceiling, the gain in dB comes down over the 5 ms before (look-ahead and attack, a Hann window) and rises
again by 100 dB per second (release: 6 dB in 60 ms). What needs no limiting is left as it is, bit by bit.
``ui/editor/audio/limiter_worklet.js`` is the same in JavaScript.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage, signal

from engine.core.units import SAMPLE_RATE_HZ
from engine.media.export.samples import Samples
from engine.pipeline.placement import DELAY_TAPS, delay_kernel

CEILING_DBTP = -1.0
MARGIN_DB = 0.05
"""Peaks that the gain's own change and later conversions move end under the ceiling by this."""

LOOK_AHEAD_SAMPLES = 240
RELEASE_DB_PER_S = 100.0
OVERSAMPLING = 4
BLOCK_SAMPLES = 1 << 16

_REACH = DELAY_TAPS // 2
_RELEASE_DB = RELEASE_DB_PER_S / SAMPLE_RATE_HZ
_WINDOW = np.hanning(LOOK_AHEAD_SAMPLES + 3)[1:-1]
_WINDOW = _WINDOW / _WINDOW.sum()


class LimiterGain:
    """The gain that limits a track [N, C] at 48 kHz, by sample; found when it is first asked for."""

    def __init__(self, track: Samples) -> None:
        self._track = track
        self._blocks: dict[int, np.ndarray] | None = None  # those in which it is not 1 everywhere

    def apply(self, samples: np.ndarray, start: int) -> np.ndarray:
        """Samples [n, C] of the track, or of a part of it, that begin at ``start``, at the gain."""
        if self._blocks is None:
            self._blocks = _find_gains(self._track)
        limited = samples
        for number in range(start // BLOCK_SAMPLES, -(-(start + len(samples)) // BLOCK_SAMPLES)):
            gains = self._blocks.get(number)
            if gains is None:
                continue
            limited = limited if limited is not samples else samples.copy()
            first = number * BLOCK_SAMPLES
            low, high = max(start, first), min(start + len(samples), first + len(gains))
            limited[low - start : high - start] *= gains[low - first : high - first, None]
        return limited


class Limited:
    """A track [N, C], or a stem of it, at the gain of a limiter; made where it is sliced."""

    def __init__(self, track: Samples, gain: LimiterGain) -> None:
        self.shape = track.shape
        self._track, self._gain = track, gain

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, span: slice) -> np.ndarray:
        """Samples of a span with a step of 1."""
        return self._gain.apply(self._track[span], span.indices(len(self))[0])


def _find_gains(track: Samples) -> dict[int, np.ndarray]:
    """Gain of the blocks in which it is not 1 everywhere, float32, by their number."""
    needed = _find_needed(track)
    length, gains = int(track.shape[0]), {}
    lead = np.zeros(2 * LOOK_AHEAD_SAMPLES)  # before the track begins, which may be at a peak
    if 0 in needed:
        first = needed[0][:LOOK_AHEAD_SAMPLES]
        lead[LOOK_AHEAD_SAMPLES : LOOK_AHEAD_SAMPLES + len(first)] = first
    history = _hold(lead, LOOK_AHEAD_SAMPLES, 0.0)
    for number in range(-(-length // BLOCK_SAMPLES)):
        size = min(BLOCK_SAMPLES, length - number * BLOCK_SAMPLES)
        here, after = needed.pop(number, None), needed.get(number + 1)
        if here is None and after is None and not history.any():
            continue
        ahead = np.zeros(BLOCK_SAMPLES + LOOK_AHEAD_SAMPLES)
        if here is not None:
            ahead[: len(here)] = here
        if after is not None:
            ahead[BLOCK_SAMPLES : BLOCK_SAMPLES + len(after)] = after[:LOOK_AHEAD_SAMPLES]
        held = np.concatenate([history, _hold(ahead, size, float(history[-1]))])
        smooth, history = np.convolve(held, _WINDOW, "valid"), held[-LOOK_AHEAD_SAMPLES:]
        if smooth.any():
            gains[number] = (10.0 ** (smooth / 20.0)).astype(np.float32)
    return gains


def _hold(needed_db: np.ndarray, size: int, before_db: float) -> np.ndarray:
    """The least gain in dB within the look-ahead, [size], rising from ``before_db`` no faster than the release."""
    least = ndimage.minimum_filter1d(needed_db, LOOK_AHEAD_SAMPLES + 1, origin=-(LOOK_AHEAD_SAMPLES // 2))[:size]
    slope = _RELEASE_DB * np.arange(1, size + 1)
    return np.minimum(np.minimum(np.minimum.accumulate(least - slope), before_db) + slope, 0.0)


def _find_needed(track: Samples) -> dict[int, np.ndarray]:
    """Gain in dB, at most 0, that each sample needs for itself, of the blocks where some sample needs less than 0."""
    length = int(track.shape[0])
    needed = {}
    before = np.zeros((2 * _REACH, track.shape[1]), np.float32)
    ceiling = 10.0 ** ((CEILING_DBTP - MARGIN_DB) / 20.0)
    kernels = [delay_kernel(k / OVERSAMPLING).astype(np.float64) for k in range(1, OVERSAMPLING)]
    # A sample is known between its neighbours once _REACH more have come, so each block is finished with the next one.
    waiting = np.zeros((0, track.shape[1]), np.float32)
    for number in range(-(-length // BLOCK_SAMPLES)):
        start = number * BLOCK_SAMPLES
        block = waiting if number else np.asarray(track[:BLOCK_SAMPLES])
        waiting = np.asarray(track[start + BLOCK_SAMPLES : start + 2 * BLOCK_SAMPLES])
        after = np.zeros((_REACH, block.shape[1]), np.float32)
        after[: min(_REACH, len(waiting))] = waiting[:_REACH]
        whole = np.concatenate([before, block, after])
        before = whole[len(block) : len(block) + 2 * _REACH]
        if 2.0 * float(np.abs(whole).max(initial=0.0)) <= ceiling:
            continue  # between samples a peak is at most about 6 dB higher
        peak = np.abs(block).max(axis=1).astype(np.float64)
        for kernel in kernels:
            for channel in whole.T:
                # y[n] = x(n - DELAY_TAPS / 2 + 1 - fraction), so that of sample k is at k + DELAY_TAPS / 2 - 1
                between = signal.fftconvolve(channel.astype(np.float64), kernel)
                at = 2 * _REACH + _REACH - 1
                np.maximum(peak, np.abs(between[at : at + len(block)]), out=peak)
        if float(peak.max()) > ceiling:
            needed[number] = np.minimum(0.0, 20.0 * (math.log10(ceiling) - np.log10(np.maximum(peak, 1e-9))))
    return needed
