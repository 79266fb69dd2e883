"""Segment the hit in a recording: channel, onset, re-strike, clipping."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft as fast_fourier

from engine.core.units import power_to_db

_CLICK_S = 0.005
_CLICK_FALL = 0.03  # a click is 15 dB down after 5 ms
_CLICK_SHARE = 0.5  # of the energy that follows a click, at most
_SUSTAIN_S = 0.05
_SPAN_S, _LEAST_SPANS, _HIGHEST_HUM_HZ = 0.02, 10, 300.0  # a period of hum
_STEP_S = 0.0025
_RANGE_DB = 60.0
_JUMP_DB = 5.0
_MIN_BANDS = 5  # of 12: a new strike raises most bands, beating modes only their own
_MIN_RESTRIKE_S = 0.04  # anything earlier is part of the same hit
_FRAME, _LEAST_FRAMES = 2048, 8  # samples; frames of which most hold no hit
_DISTINCT, _LEAST_DISTINCT = 20.0, 0.0001  # power over the lower quartile; share of all power
_LEAST_KEPT = 0.3  # of the power of the transient part, in the mix
_MIN_RUN, _MIN_PEAKS, _MIN_LONG_PEAKS = 3, 4, 2
_LEAST_QUIET, _LEAST_OFFSET = 1024, 0.005  # samples before the onset; share of the peak


def mix_down(samples: np.ndarray) -> np.ndarray:
    """Mix a recording [N] or [N, C] to one channel [N]: the first principal component of its channels.

    Equal channels, and one beside silent ones, are returned unchanged. Unlike a mean, it does not cancel inverted
    channels. Where most of a hit would be lost, since hum is equal in channels in which the hit is inverted, the
    component is computed from the transient part alone.
    """
    x = np.asarray(samples, dtype=np.float64)
    if x.ndim == 1:
        return x
    if x.shape[1] == 1:
        return x[:, 0]
    weight = np.linalg.eigh(x.T @ x)[1][:, -1]
    distinct = _measure_distinct(x)
    most, strongest = (result[..., -1] for result in np.linalg.eigh(distinct))
    if weight @ distinct @ weight < _LEAST_KEPT * most:
        weight = strongest
    weight = weight * np.sign(weight[np.argmax(np.abs(weight))])
    result: np.ndarray = x @ weight / np.abs(weight).sum()
    return result


def _measure_distinct(x: np.ndarray) -> np.ndarray:
    """Covariance [C, C] of channels [N, C] over the cells far above the usual level at their frequency."""
    frames = x[: len(x) - len(x) % _FRAME].reshape(-1, _FRAME, x.shape[1])
    if len(frames) < _LEAST_FRAMES:
        return np.zeros((x.shape[1], x.shape[1]))
    spectrum = fast_fourier.rfft(frames * np.hanning(_FRAME)[:, None], axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=2)
    values = spectrum[power > _DISTINCT * np.percentile(power, 25, axis=0)]
    covariance: np.ndarray = (values.T @ values.conj()).real
    return covariance if np.trace(covariance) > _LEAST_DISTINCT * power.sum() else 0.0 * covariance


def find_onset(samples: np.ndarray, sample_rate_hz: int) -> float:
    """Time in seconds of the hit's attack in a mono recording, to under 1 ms; 0 where the recording starts with it.

    The first attack that is not a click. A click decays within 5 ms and is followed by more energy: it is handling
    noise before the hit.
    """
    x = np.asarray(samples, dtype=np.float64)
    if x.size == 0:
        return 0.0
    start = first = _first_attack(x, sample_rate_hz)
    for _ in range(4):
        after = _after_click(x, start, sample_rate_hz)
        if after is None:
            return start / sample_rate_hz
        start = after + _first_attack(x[after:], sample_rate_hz)
    return first / sample_rate_hz


def _first_attack(x: np.ndarray, rate: int) -> int:
    if _has_loud_hum(x, rate):  # it changes more slowly than a hit
        x = np.diff(x, prepend=x[0])
    reach = max(1, round(0.0005 * rate))
    energy = np.convolve(np.square(x), np.ones(reach) / reach)[: x.size]
    peak = float(energy.max())
    if peak <= 0.0:
        return 0
    background = float(np.percentile(energy, 10))
    loud = int(np.argmax(energy > max(0.05 * peak, min(20.0 * background, 0.5 * peak))))
    start = max(0, loud - round(0.01 * rate))
    before = energy[max(0, start - round(0.02 * rate)) : start]
    quiet = max(float(before.max()) * 2.0 if before.size else 0.0, 0.0005 * peak)
    index = loud
    while index > start and energy[index - 1] > quiet:
        index -= 1
    return max(0, index)


def _has_loud_hum(x: np.ndarray, rate: int) -> bool:
    """Whether low steady sound of x [N] comes within 26 dB of its loudest 20 ms."""
    span = max(1, round(_SPAN_S * rate))
    if x.size < _LEAST_SPANS * span:
        return False
    spans = x[: x.size - x.size % span].reshape(-1, span)
    level = np.square(spans).mean(axis=1)
    quiet = level <= np.percentile(level, 20)
    slope = float(np.square(np.diff(spans[quiet], axis=1)).mean())
    background = float(level[quiet].mean())
    return background > 0.0025 * float(level.max()) and slope < (2.0 * np.pi * _HIGHEST_HUM_HZ / rate) ** 2 * background


def _after_click(x: np.ndarray, start: int, rate: int) -> int | None:
    """First sample after a click that starts at ``start``; None where the hit starts there."""
    short, long = max(1, round(_CLICK_S * rate)), round(_SUSTAIN_S * rate)
    energy = np.concatenate([[0.0], np.cumsum(np.square(x[start:]))])
    if energy.size <= 3 * short + 1:
        return None
    click = energy[short]
    is_short = energy[2 * short] - energy[short] < _CLICK_FALL * click
    most = float((energy[long:] - energy[:-long])[short:].max()) if energy.size > long + short else energy[-1] - click
    return start + 2 * short if is_short and click < _CLICK_SHARE * most else None


def find_restrike(hit: np.ndarray, sample_rate_hz: int) -> float | None:
    """Seconds from the onset until the object is struck again; None where it is not.

    ``hit`` [N] mono, sample 0 = onset. A second strike raises the level of most bands by several decibels within 10 ms
    over the maximum of the 25 ms before; beating modes do not.
    """
    step = max(1, round(_STEP_S * sample_rate_hz))
    window = 4 * step
    if hit.size < 2 * window + round(_MIN_RESTRIKE_S * sample_rate_hz):
        return None
    weight = np.hanning(window + 2)[1:-1].astype(np.float32) ** 2
    frames = sliding_window_view(hit.astype(np.float32), window)[::step] * weight
    size = fast_fourier.next_fast_len(window, real=True)
    spectrum = fast_fourier.rfft(frames, size)
    power = spectrum.real**2 + spectrum.imag**2
    edges = np.unique(np.round(np.geomspace(2.0, power.shape[1], 13)).astype(int))
    bands = np.add.reduceat(power, edges[:-1], axis=1)
    level = power_to_db(bands + 1e-20)
    past = 10  # frames, of which the last three overlap the rise
    max_before = sliding_window_view(level, past - 3, axis=0)[: len(level) - past].max(axis=2)
    rise = level[past:] - max_before
    loud = np.maximum(level[past:], max_before)
    # a band's weight falls with its level under the maximum, and is 0 at its own noise floor
    noise = np.percentile(level, 10, axis=0) + 6.0
    weight = np.clip(1.0 - (level.max() - loud) / _RANGE_DB, 0.0, 1.0) * (loud > noise)
    jump = (np.clip(rise, -6.0, 15.0) * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 0.5)
    times_s = (np.arange(jump.size) + past) * step / sample_rate_hz
    most_bands_rise = ((rise > _JUMP_DB) & (weight > 0.1)).sum(axis=1) >= _MIN_BANDS
    strikes = np.flatnonzero((jump > _JUMP_DB) & most_bands_rise & (times_s > _MIN_RESTRIKE_S))
    return float(times_s[strikes[0]]) + 0.7 * window / sample_rate_hz if strikes.size else None


def remove_offset(samples: np.ndarray, onset: int = 0) -> np.ndarray:
    """Samples [N] less a constant offset, measured before the onset, or in all where that is too short.

    What differs between the halves is rumble and no offset. One under half a percent of the peak is inaudible and
    stays.
    """
    measured = samples[:onset] if onset >= _LEAST_QUIET else samples
    early, late = (float(half.mean()) for half in np.array_split(measured, 2))
    offset = 0.5 * (early + late)
    least = max(abs(early - late), _LEAST_OFFSET * float(np.abs(samples).max()))
    return samples - offset if abs(offset) > least else samples


def find_clipped(hit: np.ndarray) -> np.ndarray:
    """Mask [N] of the clipped samples of a hit [N] or [N, C], in any channel.

    Those within 0.01 % of the maximum or of the minimum, which an offset moves apart, where several peaks reach it. A
    decaying sound does not return to its maximum, so four peaks of equal height mean clipping, and so do two that
    last three samples.
    """
    result = np.zeros(len(hit), dtype=bool)
    for channel in np.atleast_2d(hit.T):
        lengths: list[int] = []
        sides = [_find_flat(side * channel) for side in (1.0, -1.0)]
        for flat in sides:
            steps = np.diff(np.concatenate([[0], flat.astype(np.int8), [0]]))
            runs = (np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)).tolist()
            if len(runs) > 1 or max(runs, default=0) >= _MIN_RUN:
                lengths += runs
            else:
                flat[:] = False  # the one peak of a side that is not clipped
        if len(lengths) >= _MIN_PEAKS or sum(length >= _MIN_RUN for length in lengths) >= _MIN_LONG_PEAKS:
            result |= sides[0] | sides[1]
    return result


def _find_flat(side: np.ndarray) -> np.ndarray:
    """Mask of the samples at the maximum, if that is above 0."""
    level = float(side.max(initial=0.0))
    return side > (1.0 - 1e-4) * level if level > 0.0 else np.zeros(side.size, dtype=bool)
