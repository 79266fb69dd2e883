"""The noise of a strike that no mode explains: decaying band noise in two stages, strike and room."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier

from engine.parameters import Residual

_CROSSFADE = 0.25  # of the narrower neighbour, on either side of an inner edge


def expected_power(residual: Residual, frequency_hz: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Power spectral density one expects of the residual, both stages, per Hz of one-sided frequency.

    ``frequency_hz`` [F], ``time_s`` [T] (0 = onset; 0 before it) -> float64 [F, T]. The sum over the Hz of
    a band is the band's mean square at that time.
    """
    frequency = np.asarray(frequency_hz, dtype=np.float64)
    time = np.asarray(time_s, dtype=np.float64)
    density = np.zeros((frequency.size, time.size))
    if len(residual.edges_hz) < 2:
        return density
    edges = np.asarray(residual.edges_hz)
    share = band_shares(edges, frequency) / np.diff(edges)[:, None]
    for power_db, decay in _stages(residual):
        mean_square = 10.0 ** (power_db / 10.0)[:, None] * np.exp(-2.0 * np.outer(decay, np.maximum(time, 0.0)))
        density += share.T @ mean_square
    density[:, time < 0.0] = 0.0
    return density


def synthesize_residual(residual: Residual, length_samples: int, sample_rate_hz: int, seed: int) -> np.ndarray:
    """One draw of the residual's noise, sample 0 = onset: float32 [length_samples], level true in expectation.

    The seed fixes the noise; nothing sounds above the last edge or half the sample rate.
    """
    if len(residual.edges_hz) < 2 or length_samples <= 0:
        return np.zeros(max(0, length_samples), dtype=np.float32)
    edges = np.asarray(residual.edges_hz)
    size = fast_fourier.next_fast_len(length_samples + 1024, real=True)
    frequency = np.fft.rfftfreq(size, 1.0 / sample_rate_hz)
    gain = np.sqrt(band_shares(edges, frequency) / np.diff(edges)[:, None] * (sample_rate_hz / 2.0)).astype(np.float32)
    time = np.arange(length_samples) / sample_rate_hz
    out = np.zeros(length_samples)
    for stage, (power_db, decay) in enumerate(_stages(residual)):
        # neighbours overlap, so even and odd bands need noise of their own for their powers to add
        for parity in (0, 1):
            noise = np.random.default_rng([seed, stage, parity]).standard_normal(size, dtype=np.float32)
            spectrum = fast_fourier.rfft(noise)
            for band in range(parity, len(power_db), 2):
                low = np.searchsorted(frequency, edges[max(0, band - 1)])
                high = np.searchsorted(frequency, edges[min(len(edges) - 1, band + 2)]) + 1
                shaped = np.zeros_like(spectrum)
                shaped[low:high] = spectrum[low:high] * gain[band, low:high]
                shaped[-1:] = 0.0  # nothing at Nyquist itself
                wave = fast_fourier.irfft(shaped, size)[:length_samples]
                out += wave * (10.0 ** (power_db[band] / 20.0) * np.exp(-decay[band] * time))
    return out.astype(np.float32)


def band_shares(edges_hz: np.ndarray, frequency_hz: np.ndarray) -> np.ndarray:
    """Share of each band at each frequency, [B, F]: 1 inside, cross-faded over inner edges, summing to 1 between the ends.

    A band's share sums to its width, so levels stay true.
    """
    width = np.diff(edges_hz)
    rise = np.zeros((len(edges_hz), len(frequency_hz)))
    for i, edge in enumerate(edges_hz):
        inner = 0 < i < len(edges_hz) - 1
        reach = _CROSSFADE * min(width[i - 1], width[i]) if inner else 0.0
        if reach > 0.0:
            rise[i] = 0.5 + 0.5 * np.sin(0.5 * np.pi * np.clip((frequency_hz - edge) / reach, -1.0, 1.0))
        else:
            rise[i] = frequency_hz >= edge
    shares: np.ndarray = rise[:-1] - rise[1:]
    return shares


def _stages(residual: Residual) -> list[tuple[np.ndarray, np.ndarray]]:
    stages = [(np.asarray(residual.power_db), np.asarray(residual.decay_per_s))]
    if residual.room is not None:
        stages.append((np.asarray(residual.room.power_db), np.asarray(residual.room.decay_per_s)))
    return stages
