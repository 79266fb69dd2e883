"""The noise of a strike that no mode explains: decaying band noise in two stages, strike and room."""

from __future__ import annotations

import numpy as np
from scipy import fft as fast_fourier
from scipy.special import digamma

from engine.dsp import erb_edges
from engine.parameters import Modes, Residual, Room
from engine.physics.modes import synthesize_modes
from engine.units import SILENCE_DB

_CROSSFADE = 0.25  # of the narrower neighbour, on either side of an inner edge
_DECAYS = np.geomspace(1.5, 1500.0, 16)
_LOW, _HIGH = float(np.log(1.5)), float(np.log(3000.0))
_FASTEST_ROOM_PER_S = 300.0
_MISFIT = 0.1  # variance of log power that no draw of noise explains: sounds are not sums of exponentials
_EARNED = 12.0  # by how much a second decay must lessen the squared error


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
    """Share of each band at each frequency, [B, F]: cross-faded over inner edges, summing to 1 between the ends.

    The integral of a band's share over frequency is its width, so levels stay true.
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


def fit_residual(samples: np.ndarray, modes: Modes, sample_rate_hz: int, bands: int = 32) -> Residual:
    """Estimate the band noise that is left of a hit once its modes are taken away.

    ``samples`` [N] mono, sample 0 = onset. Each band's power over time is fitted by a sum of two decays and a
    steady background; the background is the recording's and is left out; the slower decay, where it is
    significant, is the room.
    """
    x = np.asarray(samples, dtype=np.float64)
    edges = erb_edges(20.0, sample_rate_hz / 2.0, bands)
    if not x.size or not np.isfinite(x).all():
        return Residual()
    rest = x - synthesize_modes([modes], x.size, sample_rate_hz)[0].numpy().astype(np.float64)
    power = np.zeros(bands)
    decay = np.full(bands, 50.0)
    room_power = np.full(bands, SILENCE_DB)
    room_decay = np.full(bands, 10.0)
    size = fast_fourier.next_fast_len(x.size + sample_rate_hz // 10, real=True)
    spectrum = fast_fourier.rfft(rest, size)
    gain = np.sqrt(band_shares(edges, np.fft.rfftfreq(size, 1.0 / sample_rate_hz)))
    for band in range(bands):
        wave = fast_fourier.irfft(spectrum * gain[band], size)
        frames_s, level, weight = _frame_power(wave, x.size, sample_rate_hz, edges[band + 1] - edges[band])
        (power[band], decay[band]), (room_power[band], room_decay[band]) = _fit_decays(frames_s, level, weight)
    room = None
    if (room_power > SILENCE_DB).any():
        room = Room(_numbers(room_power), _numbers(room_decay))
    return Residual(_numbers(edges), _numbers(power), _numbers(decay), room)


def _frame_power(
    wave: np.ndarray, length: int, rate: int, width_hz: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean square of a band in frames that lengthen with time: their edges, levels and degrees of freedom.

    What the filter smeared to before the onset belongs to the first frame.
    """
    first_s = max(0.004, 0.5 / width_hz)
    edges_s = [0.0]
    while edges_s[-1] < length / rate:
        edges_s.append(edges_s[-1] + min(max(first_s, 0.12 * edges_s[-1]), 0.1))
    if len(edges_s) > 2:
        edges_s = edges_s[:-1]
    edges = np.minimum(np.round(np.array(edges_s) * rate).astype(int), length)
    energy = np.concatenate([[0.0], np.cumsum(wave**2)])
    total = np.diff(energy[edges])
    total[0] += energy[-1] - energy[(length + wave.size) // 2]
    samples = np.maximum(np.diff(edges), 1)
    return edges / rate, total / samples, np.maximum(1.0, width_hz * samples / rate)


def _fit_decays(
    edges_s: np.ndarray, level: np.ndarray, weight: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two decays and a background for one band: (power dB, decay) of strike and of room.

    A coarse search over pairs of decays starts a least squares of the logarithm of power, since ears hear levels;
    each frame weighs by how well its level is known. The second decay must earn its place.
    """
    top = float(level.max(initial=0.0))
    if top < 1e-20 or level.size < 3:
        mean = float(level[:1].sum())
        return (_db(mean), 50.0), (SILENCE_DB, 10.0)
    level = level / top + 1e-12
    target = np.log(level) - (digamma(weight) - np.log(weight))
    trust = 1.0 / np.sqrt(1.0 / weight + _MISFIT)
    fits = []
    for start in _search_decays(edges_s, level):
        fits.append(_polish(start, edges_s, target, trust))
    (one, cost_one), (two, cost_two) = fits
    if two[1] < two[3]:  # the faster decay is the strike's
        two = two[[2, 3, 0, 1, 4]]
    if cost_one - cost_two < _EARNED or two[3] > np.log(_FASTEST_ROOM_PER_S) or two[2] < two[0] - 12.0:
        return (_db(np.exp(one[0]) * top), float(np.exp(one[1]))), (SILENCE_DB, 10.0)
    return (
        (_db(np.exp(two[0]) * top), float(np.exp(two[1]))),
        (_db(np.exp(two[2]) * top), float(np.exp(two[3]))),
    )


def _search_decays(edges_s: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starting points [log power, log decay, log power, log decay, log background] for one decay and for two."""
    span = np.diff(edges_s)
    rate = 2.0 * _DECAYS[:, None]
    shapes = (np.exp(-rate * edges_s[:-1]) - np.exp(-rate * edges_s[1:])) / (rate * span)
    slow, fast = np.triu_indices(len(_DECAYS), 2)
    flat = np.broadcast_to(np.ones_like(span), (len(slow), span.size))
    alone = np.stack([shapes, np.zeros_like(shapes), flat[: len(_DECAYS)]], axis=1)
    choices = np.concatenate([alone, np.stack([shapes[fast], shapes[slow], flat], axis=1)])
    parts = np.full(choices.shape[:2], 0.3)
    parts[: len(_DECAYS), 1] = 0.0
    parts[:, 2] = max(float(level.min()), 1e-9)
    for _ in range(12):  # multiplicative steps towards the least Itakura-Saito divergence
        model = np.einsum("pkt,pk->pt", choices, parts) + 1e-12
        up = np.einsum("pkt,pt->pk", choices, level / model**2)
        down = np.einsum("pkt,pt->pk", choices, 1.0 / model)
        parts *= np.sqrt(up / np.maximum(down, 1e-30))
    model = np.einsum("pkt,pk->pt", choices, parts) + 1e-12
    cost = np.square(np.log(level / model)).sum(axis=1)
    one = int(np.argmin(cost[: len(_DECAYS)]))
    two = int(np.argmin(cost[len(_DECAYS) :]))
    logs = np.log(np.maximum(parts, 1e-9))
    low = -60.0  # no second decay
    first = np.array([logs[one, 0], np.log(_DECAYS[one]), low, 1.0, logs[one, 2]])
    pair = logs[len(_DECAYS) + two]
    second = np.array([pair[0], np.log(_DECAYS[fast[two]]), pair[1], np.log(_DECAYS[slow[two]]), pair[2]])
    return first, second


def _polish(
    start: np.ndarray, edges_s: np.ndarray, target: np.ndarray, trust: np.ndarray
) -> tuple[np.ndarray, float]:
    """Levenberg-Marquardt on the logarithm of power; the start's form (one decay or two) is kept."""
    free = np.array([0, 1, 4]) if start[2] < -50.0 else np.arange(5)
    bounds = np.array([(-30.0, 4.0), (_LOW, _HIGH), (-60.0, 4.0), (_LOW, _HIGH), (-30.0, 1.0)])
    best, damping = start.copy(), 0.01
    error, slope = _log_error(best, edges_s, target, trust)
    cost = float(error @ error)
    for _ in range(12):
        columns = slope[:, free]
        normal = columns.T @ columns
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-3), columns.T @ error)
        trial = best.copy()
        trial[free] = np.clip(best[free] + np.clip(step, -1.5, 1.5), bounds[free, 0], bounds[free, 1])
        trial_error, trial_slope = _log_error(trial, edges_s, target, trust)
        trial_cost = float(trial_error @ trial_error)
        if trial_cost < cost:
            done = cost - trial_cost < 1e-3
            best, error, slope, cost, damping = trial, trial_error, trial_slope, trial_cost, damping * 0.3
            if done:
                break
        else:
            damping *= 5.0
    return best, cost


def _log_error(
    value: np.ndarray, edges_s: np.ndarray, target: np.ndarray, trust: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted error of log power in each frame [T], and the slope of the model [T, 5]."""
    span = np.diff(edges_s)
    parts, slopes = [], []
    for power, decay in ((value[0], value[1]), (value[2], value[3])):
        rate = 2.0 * np.exp(decay)
        fall = np.exp(-rate * edges_s)
        mean = np.exp(power) * -np.diff(fall) / (rate * span)
        turn = np.exp(power) * np.diff(edges_s * fall) / span  # d mean / d log rate, less the mean itself
        parts.append(mean)
        slopes += [mean, turn - mean]
    floor = np.full_like(span, np.exp(value[4]))
    model = parts[0] + parts[1] + floor + 1e-13
    error = trust * (target - np.log(model))
    return error, np.stack([*slopes, floor], axis=1) * (trust / model)[:, None]


def _db(mean_square: float) -> float:
    return max(SILENCE_DB, 10.0 * float(np.log10(mean_square + 1e-30)))


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
