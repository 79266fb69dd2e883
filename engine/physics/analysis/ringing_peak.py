"""Find the strongest peak of a hit's spectrum after its attack, if no mode accounts for it."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier

from engine.physics.analysis.poles import MAX_SHARE_OF_RATE

_ATTACK_S, _SPANS_S, _SHORTEST_S = 0.006, (0.04, 0.15, 0.5), 0.02
_LOWEST_HZ = 40.0  # rumble under it is louder than many a hit
_MIN_SHARE = 0.5  # of the power of the recording's own strongest peak
_STANDS_OUT = 30.0  # power over the median beside; white noise reaches 12
_BESIDE_OCTAVES, _BESIDE_WIDTHS = 0.25, 8
_SILENT = 1e-12
_LATER = 0.25  # of the window, between the two spectra that give the decay
_DECAY_RANGE_PER_S = (1.0, 250.0)


def find_ringing_peak(x: np.ndarray, remainder: np.ndarray, rate: int) -> np.ndarray | None:
    """Pole [1, 2] (Hz, decay per second) of the strongest peak in the remainder [N] of a hit [N]; None without one.

    Over one of three spans it has at least half the power of the strongest peak of the hit itself and exceeds the
    quarter octaves beside it: a resonance whose SNR by the poles' own weights is low, such as the loudest of a
    dense group. The decay is estimated from two windows.
    """
    start = round(_ATTACK_S * rate)
    spans = {min(x.size - start, round(span_s * rate)) for span_s in _SPANS_S}
    peaks = (_find_peak(x[start:], remainder[start:], rate, span) for span in sorted(spans, reverse=True))
    return next((peak for peak in peaks if peak is not None), None)


def _find_peak(x: np.ndarray, remainder: np.ndarray, rate: int, span: int) -> np.ndarray | None:
    if span < _SHORTEST_S * rate:
        return None
    later = round(_LATER * span)
    window = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, span - later))
    size = fast_fourier.next_fast_len(2 * span, real=True)
    inside = slice(round(_LOWEST_HZ * size / rate) + 1, round(MAX_SHARE_OF_RATE * size))

    def transform(signal: np.ndarray) -> np.ndarray:
        spectrum = fast_fourier.rfft(signal[: window.size] * window[: signal.size], size)[inside]
        return spectrum.real**2 + spectrum.imag**2

    power = transform(remainder)
    top = int(np.argmax(power))
    if power[top] <= max(_MIN_SHARE * float(transform(x).max()), _SILENT):
        return None
    place = top + inside.start
    reach = round(max(place * (2.0**_BESIDE_OCTAVES - 1.0), _BESIDE_WIDTHS * size / span))
    beside = (power[max(0, top - reach) : top + 1], power[top : top + reach + 1])
    if power[top] < _STANDS_OUT * max(float(np.median(part)) for part in beside):
        return None
    fall = 0.5 * np.log(power[top] / max(float(transform(remainder[later:])[top]), _SILENT))
    return np.array([[place * rate / size, np.clip(fall * rate / later, *_DECAY_RANGE_PER_S)]])
