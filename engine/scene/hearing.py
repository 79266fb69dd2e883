"""What the sound encoder hears: the log-mel spectrogram of the second after a hit, with its level."""

from __future__ import annotations

import functools

import numpy as np

from engine.core.errors import BadInput

BANDS, FRAMES = 64, 64
DURATION_S = 1.0
FLOOR_DB = -100.0
"""Level of silence, in dB of full scale."""
_LOWEST_HZ, _HIGHEST_HZ, _WINDOW_S, _LEAD_S = 50.0, 16_000.0, 0.025, 0.01


def hear_sound(samples: np.ndarray, rate_hz: int, onset_s: float = 0.0) -> np.ndarray:
    """Log-mel spectrogram of a mono sound [N] from an onset on, dB of full scale from FLOOR_DB, [BANDS, FRAMES].

    Bands above half the sample rate are silent. Raises BadInput for a sound that is silent or not finite.
    """
    first = round((onset_s - _LEAD_S) * rate_hz)
    span = round((DURATION_S + _WINDOW_S) * rate_hz)
    padded = np.zeros(span)
    part = np.asarray(samples, np.float64)[max(0, first) : max(0, first + span)]
    offset = max(0, -first)
    padded[offset : offset + len(part)] = part[: span - offset]
    if not np.isfinite(padded).all():
        raise BadInput("the sound holds values that are not finite; export it again")
    if not np.abs(padded).max() > 1e-6:
        raise BadInput("the sound is silent, so there is nothing to picture; give one that is heard")
    size = round(_WINDOW_S * rate_hz)
    starts = np.linspace(0, span - size, FRAMES).round().astype(int)
    window = np.hanning(size)
    spectrum = np.fft.rfft(np.stack([padded[start : start + size] for start in starts]) * window, axis=1)
    power = 4.0 * np.abs(spectrum) ** 2 / window.sum() ** 2
    level = 10.0 * np.log10(power @ _make_filters(rate_hz, size).T + 1e-12)
    return np.maximum(level.T, FLOOR_DB).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _make_filters(rate_hz: int, size: int) -> np.ndarray:
    """Triangles on the mel scale, [BANDS, size // 2 + 1]."""
    mel = np.linspace(_to_mel(_LOWEST_HZ), _to_mel(_HIGHEST_HZ), BANDS + 2)
    edges_hz = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    bins_hz = np.fft.rfftfreq(size, 1.0 / rate_hz)
    low, centre, high = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    # at least one bin wide, so that no low band is empty
    step = bins_hz[1]
    rise = (bins_hz - centre) / np.maximum(centre - low, step) + 1.0
    fall = (centre - bins_hz) / np.maximum(high - centre, step) + 1.0
    return np.asarray(np.maximum(0.0, np.minimum(rise, fall)))


def _to_mel(frequency_hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + frequency_hz / 700.0))
