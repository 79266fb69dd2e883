"""Compare a sound's physics with its recording: fit, spectra, decay curves and a spectrogram of the difference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import fft as fast_fourier

from engine.core.dsp import erb_edges, power_spectrogram
from engine.core.errors import BadInput
from engine.core.units import db_to_power, power_to_db
from engine.physics.analysis.analyze import measure_fit, single_hit
from engine.physics.analysis.background import NEAR_BACKGROUND_DB, measure_background
from engine.physics.analysis.segmentation import find_restrike, remove_offset
from engine.physics.comparison.diagnosis import Evidence, diagnose
from engine.physics.model import Modes, Physics, Residual
from engine.physics.noise import band_shares, envelope_gain, rise_gain
from engine.physics.synthesis import synthesize, synthesize_modes

LONGEST_S = 1.4
STEP_S = 0.005
POINTS = 256
BANDS = 48
ACTIVE_DB = 60.0
CLIP_DB = 24.0
FIT_RANGE_DB = 12.0
"""Distance at which ``measure_fit`` is 0."""

_LOWEST_HZ, _HIGHEST_HZ, _LOWEST_BAND_HZ = 20.0, 20_000.0, 40.0
_MIN_SHOWN_S, _MIN_STEPS = 0.1, 4
_FINE = 20  # subdivisions of a step for noise envelopes: a contact's noise decays within a millisecond
_FINE_BINS = 8  # subdivisions of a bin for noise densities
_FADE = 0.2  # share of the sound faded out, since truncation would spread its energy over all frequencies
_SILENT = 1e-16


@dataclass(frozen=True)
class Curves:
    """Levels in dB re a full-scale sine, float32, all of one length; the noise is its expectation.

    Without a recording ``measured`` is empty.
    """

    measured: np.ndarray
    model: np.ndarray
    modes: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True)
class Match:
    """Comparison of a recording with its physics.

    ``spectrum`` on ``frequency_hz`` [POINTS]: energy in a twelfth of an octave, as the level of a tone of 1 s
    with the same energy (a sound exposure level); ``stem_db`` on ``stem_hz`` [K] are the unmuted modes.
    ``level`` on ``time_s`` [T]: steps of STEP_S from the onset on. ``band_error_db`` [BANDS, T] is the model less the
    recording, clipped to CLIP_DB and NaN where both are ACTIVE_DB under the peak, with ``band_measured_db`` on
    ``band_edges_hz``; columns are centred on k STEP_S. ``rest_db`` [R] on ``noise_edges_hz`` is the energy of the
    recording less the modes, ``noise_db`` that of the model's noise by component. ``modes_share`` is the modes'
    share of the model's energy. ``fit`` is ``measure_fit``, ``error_db`` its distance in dB and ``chance_db`` that of
    two realisations of the model's noise; None without a recording.
    """

    frequency_hz: np.ndarray
    spectrum: Curves
    stem_hz: np.ndarray
    stem_db: np.ndarray
    time_s: np.ndarray
    level: Curves
    band_edges_hz: np.ndarray
    band_measured_db: np.ndarray
    band_error_db: np.ndarray
    noise_edges_hz: np.ndarray
    rest_db: np.ndarray
    noise_db: tuple[tuple[str, np.ndarray], ...]
    modes_share: float
    fit: float | None = None
    error_db: float | None = None
    chance_db: float | None = None
    diagnosis: str = ""


@dataclass(frozen=True)
class _Signals:
    """Signals to compare: samples of the recording and of the modes, and expected mean squares of the noise.

    ``noise`` is [R, steps * _FINE] on ``edges_hz`` for every component.
    """

    recording: np.ndarray | None
    modes: np.ndarray
    noise: dict[str, np.ndarray]
    edges_hz: np.ndarray
    steps: int
    rate_hz: int

    @property
    def all_noise(self) -> np.ndarray:
        return sum(self.noise.values(), np.zeros((max(0, len(self.edges_hz) - 1), self.steps * _FINE)))


def compare(hit: np.ndarray | None, physics: Physics, sample_rate_hz: int) -> Match:
    """Compare a recording from its onset on, [N] mono, with its physics; None describes the physics alone.

    Curves cover up to LONGEST_S; the fit is that of all samples up to a second hit. Raises BadInput for a recording
    that is empty, silent or not finite.
    """
    physics = replace(physics, sample_rate_hz=sample_rate_hz, onset_s=0.0)
    wave = None if hit is None else np.asarray(hit, dtype=np.float64)
    if wave is not None and (wave.ndim != 1 or not wave.any() or not np.isfinite(wave).all()):
        raise BadInput("the recording of this sound is empty, silent or torn; measure the sound again")
    if wave is not None:
        wave = remove_offset(wave)
    signals = _prepare_signals(wave, physics)
    frequency_hz, spectrum = _compare_spectra(signals)
    level = _compare_levels(signals)
    edges_hz = erb_edges(_LOWEST_BAND_HZ, min(_HIGHEST_HZ, 0.49 * sample_rate_hz), BANDS)
    measured, model = _compare_bands(signals, edges_hz)
    shown = _shown_steps(level)
    stem_hz, stem_db = _mode_energies(physics.modes, signals.steps * STEP_S, sample_rate_hz)
    of_modes, of_all = (float(np.sum(db_to_power(v))) for v in (level.modes, level.model))
    rest_db, noise_db = _compare_noise(signals)
    match = Match(
        frequency_hz=_to_float32(frequency_hz),
        spectrum=spectrum,
        stem_hz=stem_hz,
        stem_db=stem_db,
        time_s=_to_float32(np.arange(shown) * STEP_S),
        level=Curves(level.measured[:shown], level.model[:shown], level.modes[:shown], level.noise[:shown]),
        band_edges_hz=_to_float32(edges_hz),
        band_measured_db=np.zeros((0, 0), np.float32),
        band_error_db=np.zeros((0, 0), np.float32),
        noise_edges_hz=_to_float32(signals.edges_hz),
        rest_db=rest_db,
        noise_db=noise_db,
        modes_share=of_modes / of_all,
    )
    if wave is None or measured is None or signals.recording is None:
        return match
    hit_alone = single_hit(wave, sample_rate_hz)
    fit = measure_fit(hit_alone, physics)
    chance = measure_fit(synthesize(physics, len(hit_alone) / sample_rate_hz, seed=1).astype(np.float64), physics)
    background = measure_background(signals.recording, sample_rate_hz, edges_hz, measured.T, model.T)
    restrike_s = find_restrike(wave, sample_rate_hz)
    evidence = Evidence(
        edges_hz, measured, model, background, level.measured, level.model, match.modes_share, restrike_s, STEP_S
    )
    error_db = np.clip(_db(_smooth(model)) - _db(_smooth(measured)), -CLIP_DB, CLIP_DB)
    floor = max(measured.max(), model.max()) * db_to_power(-ACTIVE_DB)
    of_background = (_smooth(measured) < db_to_power(NEAR_BACKGROUND_DB) * background[:, None]) & (error_db < 0.0)
    error_db[(np.maximum(measured, model) < floor) | of_background] = np.nan
    return replace(
        match,
        band_measured_db=_to_float32(_db(_smooth(measured)[:, :shown])),
        band_error_db=_to_float32(error_db[:, :shown]),
        fit=fit,
        error_db=FIT_RANGE_DB * (1.0 - fit),
        chance_db=FIT_RANGE_DB * (1.0 - chance),
        diagnosis=diagnose(evidence),
    )


# --- signals --------------------------------------------------------------------------------------


def _prepare_signals(wave: np.ndarray | None, physics: Physics) -> _Signals:
    rate = physics.sample_rate_hz
    most = round(LONGEST_S / STEP_S)
    steps = most if wave is None else max(_MIN_STEPS, min(most, int(len(wave) / rate / STEP_S)))
    length = round(steps * STEP_S * rate)
    modes = synthesize_modes([physics.modes], length, rate)[0].numpy().astype(np.float64)
    modes *= rise_gain(np.arange(length) / rate, physics.residual.rise_s)
    recording = None if wave is None else np.pad(wave[:length], (0, max(0, length - len(wave))))
    noise = _noise_envelopes(physics.residual, steps)
    return _Signals(recording, modes, noise, np.asarray(physics.residual.edges_hz), steps, rate)


def _noise_envelopes(residual: Residual, steps: int) -> dict[str, np.ndarray]:
    """Expected mean square of every component by band, [R, steps * _FINE], including rise and fine envelope."""
    span_s = STEP_S / _FINE
    edges_s = np.arange(steps * _FINE + 1) * span_s
    rise = np.square(rise_gain(edges_s[:-1] + 0.5 * span_s, residual.rise_s))
    fine = np.square(envelope_gain(edges_s[:-1] + 0.5 * span_s, residual.envelope_db))
    envelopes = {}
    for name, component in residual.components:
        decay = np.maximum(np.asarray(component.decay_per_s), 1e-6)
        fall = np.exp(-2.0 * np.outer(decay, edges_s))
        mean = -np.diff(fall) / (2.0 * decay[:, None] * span_s)
        gain = rise if name == "room" else rise * fine
        envelopes[name] = db_to_power(np.asarray(component.power_db)[:, None]) * mean * gain
    return envelopes


def _sum_bands(power: np.ndarray, bin_hz: float, low_hz: np.ndarray, high_hz: np.ndarray) -> np.ndarray:
    """Power between frequencies, [..., P], of a spectrum [..., F] whose power is uniform within each bin."""
    summed = np.concatenate([np.zeros((*power.shape[:-1], 1)), np.cumsum(power, axis=-1)], axis=-1)

    def power_below(hz: np.ndarray) -> np.ndarray:
        place = np.clip(hz / bin_hz + 0.5, 0.0, power.shape[-1])
        whole = np.minimum(place.astype(int), power.shape[-1] - 1)
        part: np.ndarray = summed[..., whole] + (place - whole) * power[..., whole]
        return part

    return power_below(high_hz) - power_below(low_hz)


def _db(power: np.ndarray) -> np.ndarray:
    result: np.ndarray = power_to_db(np.maximum(power, _SILENT))
    return result


def _smooth(power: np.ndarray) -> np.ndarray:
    """Moving average over three columns."""
    padded = np.pad(power, ((0, 0), (1, 1)), mode="edge")
    result: np.ndarray = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3.0
    return result


def _to_float32(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def _curves(measured: np.ndarray | None, modes: np.ndarray, noise: np.ndarray) -> Curves:
    levels = np.zeros(0) if measured is None else _db(measured)
    return Curves(
        _to_float32(levels), _to_float32(_db(modes + noise)), _to_float32(_db(modes)), _to_float32(_db(noise))
    )


# --- curves ---------------------------------------------------------------------------------------


def _fade_out(length: int) -> np.ndarray:
    fade = np.ones(length)
    count = round(_FADE * length)
    fade[length - count :] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(1, count))
    return fade


def _compare_spectra(signals: _Signals) -> tuple[np.ndarray, Curves]:
    rate, length = signals.rate_hz, len(signals.modes)
    frequency_hz = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, 0.49 * rate), POINTS)
    low_hz, high_hz = frequency_hz * 2.0 ** (-1.0 / 24.0), frequency_hz * 2.0 ** (1.0 / 24.0)
    size = fast_fourier.next_fast_len(max(length, round(LONGEST_S * rate)), real=True)
    fade = _fade_out(length)

    def energy(samples: np.ndarray) -> np.ndarray:
        spectrum = fast_fourier.rfft(samples * fade, size)
        return _sum_bands(np.square(np.abs(spectrum)) * 4.0 / size / rate, rate / size, low_hz, high_hz)

    modes = energy(signals.modes)
    noise = np.zeros(POINTS)
    if len(signals.edges_hz) > 1:
        gain = np.square(_fade_out(signals.steps * _FINE))
        energies = 2.0 * (signals.all_noise * gain).sum(axis=1) * STEP_S / _FINE
        noise = (
            (energies / np.diff(signals.edges_hz)) @ band_shares(signals.edges_hz, frequency_hz) * (high_hz - low_hz)
        )
    return frequency_hz, _curves(None if signals.recording is None else energy(signals.recording), modes, noise)


def _compare_levels(signals: _Signals) -> Curves:
    starts = np.round(np.arange(signals.steps + 1) * STEP_S * signals.rate_hz).astype(int)

    def mean_square(samples: np.ndarray) -> np.ndarray:
        summed = np.concatenate([[0.0], np.cumsum(np.square(samples))])
        result: np.ndarray = 2.0 * np.diff(summed[np.minimum(starts, len(samples))]) / np.diff(starts)
        return result

    noise = 2.0 * signals.all_noise.sum(axis=0).reshape(signals.steps, _FINE).mean(axis=1)
    measured = None if signals.recording is None else mean_square(signals.recording)
    return _curves(measured, mean_square(signals.modes), noise)


def _shown_steps(level: Curves) -> int:
    """Number of steps until both are ACTIVE_DB under the peak, plus a margin of 20 ms."""
    loudest = np.maximum(level.model, level.measured) if len(level.measured) else level.model
    sounding = np.flatnonzero(loudest > loudest.max() - ACTIVE_DB)
    last = int(sounding[-1]) + 1 if sounding.size else 1
    return int(min(len(loudest), max(round(_MIN_SHOWN_S / STEP_S), last + round(0.02 / STEP_S))))


def _compare_bands(signals: _Signals, edges_hz: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Power of the recording and of the model in bands over time, [BANDS, steps]."""
    rate = signals.rate_hz
    window = int(2 ** round(np.log2(0.021 * rate)))
    hop_samples = STEP_S * rate
    hop = max(1, round(hop_samples))

    def power(samples: np.ndarray) -> np.ndarray:
        frames = power_spectrogram(samples, window, hop).astype(np.float64) / (window / 4.0) ** 2 / 1.5
        summed = _sum_bands(frames, rate / window, edges_hz[:-1], edges_hz[1:]).T
        nearest = np.minimum(np.round(np.arange(signals.steps) * hop_samples / hop).astype(int), summed.shape[1] - 1)
        return np.maximum(summed[:, nearest], 0.0)

    model = power(signals.modes)
    if len(signals.edges_hz) > 1:
        model = model + _expect_bands(signals, window, edges_hz)
    return (None if signals.recording is None else power(signals.recording)), model


def _expect_bands(signals: _Signals, window: int, edges_hz: np.ndarray) -> np.ndarray:
    """Expected band powers of the noise in the same transform: density and envelope convolved with the window's."""
    rate = signals.rate_hz
    shape = np.hanning(window + 1)[:-1]
    bin_hz, bins = rate / window, window // 2 + 1
    fine_hz = np.arange(bins * _FINE_BINS) * bin_hz / _FINE_BINS
    density = band_shares(signals.edges_hz, fine_hz) / np.diff(signals.edges_hz)[:, None]
    reach = 3 * _FINE_BINS
    lobe = np.square(np.abs(fast_fourier.fft(shape, window * _FINE_BINS)))
    lobe = np.concatenate([lobe[-reach:], lobe[: reach + 1]]) / lobe.sum()
    smeared = np.stack([np.convolve(row, lobe)[reach : reach + bins * _FINE_BINS : _FINE_BINS] for row in density])
    in_bands = _sum_bands(smeared * bin_hz, bin_hz, edges_hz[:-1], edges_hz[1:])
    part_s = STEP_S / _FINE
    taps = max(1, round(window / rate / part_s))
    weight = np.square(np.hanning(taps + 2)[1:-1])
    padded = np.pad(signals.all_noise, ((0, 0), (taps // 2, taps)))
    views = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=1)[:, : signals.steps * _FINE : _FINE]
    result: np.ndarray = 2.0 * in_bands.T @ (views @ (weight / weight.sum()))
    return result


def _compare_noise(signals: _Signals) -> tuple[np.ndarray, tuple[tuple[str, np.ndarray], ...]]:
    """Energies in the residual's bands: of the recording minus the modes, and of the model's noise components."""
    components = tuple(
        (name, _to_float32(_db(2.0 * part.sum(axis=1) * STEP_S / _FINE))) for name, part in signals.noise.items()
    )
    if signals.recording is None or len(signals.edges_hz) < 2:
        return np.zeros(0, np.float32), components
    rate, length = signals.rate_hz, len(signals.modes)
    size = fast_fourier.next_fast_len(length, real=True)

    def energy(samples: np.ndarray) -> np.ndarray:
        spectrum = np.square(np.abs(fast_fourier.rfft(samples, size))) * 4.0 / size / rate
        return _sum_bands(spectrum, rate / size, signals.edges_hz[:-1], signals.edges_hz[1:])

    # an inaccurate mode can leave a remainder louder than the recording, which is not noise
    rest = np.minimum(energy(signals.recording - signals.modes), energy(signals.recording))
    return _to_float32(_db(rest)), components


def _mode_energies(modes: Modes, duration_s: float, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequency of every unmuted mode, and its energy within a twelfth of an octave of its resonance curve."""
    muted = modes.mute_mask
    kept = [k for k, hz in enumerate(modes.frequency_hz) if not muted[k] and hz < rate_hz / 2]
    frequency_hz, decay = (np.asarray(v, dtype=np.float64)[kept] for v in (modes.frequency_hz, modes.decay_per_s))
    decay = np.maximum(decay, 1e-6)
    energy = db_to_power(np.asarray(modes.power_db)[kept]) * -np.expm1(-2.0 * decay * duration_s) / (2.0 * decay)
    energy *= 2.0 / np.pi * np.arctan(2.0 * np.pi * frequency_hz * (2.0 ** (1.0 / 24.0) - 1.0) / decay)
    return _to_float32(frequency_hz), _to_float32(_db(energy))
