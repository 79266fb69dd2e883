"""Estimate modes and residual of a recorded hit, and how well they resynthesize it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import repeat

import numpy as np

from engine.core.dsp import band_edges_hz, band_levels_db
from engine.core.errors import BadInput
from engine.core.threads import one_blas_thread
from engine.core.units import db_to_power, power_to_db
from engine.physics.analysis.background import NEAR_BACKGROUND_DB, choose_quiet, find_steady, measure_background
from engine.physics.analysis.damped_sinusoids import synthesize_found
from engine.physics.analysis.envelope import fit_envelope
from engine.physics.analysis.modes import drop_echoes, fit_modes, restore_clipped
from engine.physics.analysis.noise_components import room_decay
from engine.physics.analysis.residual import fit_residual
from engine.physics.analysis.segmentation import find_clipped, find_onset, find_restrike, mix_down, remove_offset
from engine.physics.model import Modes, Physics, Residual
from engine.physics.noise import expected_level, rise_gain
from engine.physics.synthesis import synthesize

_MAX_ANALYSED_S = 6.0
_MIN_PARALLEL_HITS, _MAX_WORKERS = 64, 8
_BEFORE_S = 0.2
_MIN_RESTRIKE_S, _RESTRIKE_MARGIN_S = 0.08, 0.004
_MAX_UNRESTORED = 6
_RISES_S = (0.0, 0.002, 0.003, 0.004, 0.006, 0.008, 0.011, 0.015, 0.02, 0.03)
_RISE_SPAN_S, _MIN_RISE_BENEFIT_DB, _MAX_RISE_ERROR_DB, _MIN_RISE_GAIN = 0.04, 1.0, 20.0, 0.3
_LATEST_PEAK = 3.0
_SHORT_RISES_S = (0.0, 0.00015, 0.0002, 0.0003, 0.0004, 0.0006, 0.0008, 0.0012, 0.0016)
_SHORT_EDGES_S = (0.0, 0.000125, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005)
_MIN_SHORT_BENEFIT_DB = 1.5
_SILENT = 1e-20


def analyze_hit(
    samples: np.ndarray,
    sample_rate_hz: int,
    max_modes: int = 64,
    onset_s: float | None = None,
    quiet: np.ndarray | None = None,
) -> tuple[Physics, float]:
    """Physics of one recorded hit, and the fit of its resynthesis (0 to 1, see ``measure_fit``).

    ``samples`` [N] or [N, C] (see ``mix_down``). The hit ends where the object is struck again; clipped peaks are
    restored first. ``quiet`` [K, M] are stretches of the same recording with nothing but its background, which then is
    no part of the hit; by default what comes before the onset, if it is steady. Raises BadInput for a recording that is
    too short, silent or not finite.
    """
    physics, hit = _analyze(samples, sample_rate_hz, max_modes, onset_s, quiet)
    with one_blas_thread():
        return physics, measure_fit(hit, physics, quiet)


def _analyze(
    samples: np.ndarray, sample_rate_hz: int, max_modes: int, onset_s: float | None, quiet: np.ndarray | None
) -> tuple[Physics, np.ndarray]:
    """Physics of one recorded hit, and what was analysed, [N]: from its onset to the next, its peaks restored."""
    channels = np.asarray(samples, dtype=np.float64)
    if channels.ndim not in (1, 2) or not np.isfinite(channels).all():
        raise BadInput("the recording holds values that are not finite numbers; export it again")
    x = mix_down(channels)
    if x.size < 0.005 * sample_rate_hz:
        raise BadInput("the recording is shorter than 5 ms; give one whole hit")
    if float(np.ptp(x)) < 1e-5:  # at whatever offset
        raise BadInput("the recording is silent; give one with a hit in it")
    if onset_s is None:
        onset_s = find_onset(x, sample_rate_hz)
    start = min(max(0, round(onset_s * sample_rate_hz)), x.size - 1)
    x = remove_offset(x, start)
    hit = single_hit(x[start : start + round(_MAX_ANALYSED_S * sample_rate_hz)], sample_rate_hz)
    before = x[max(0, start - round(_BEFORE_S * sample_rate_hz)) : start]
    if quiet is None:
        quiet = choose_quiet(find_steady(before, sample_rate_hz), sample_rate_hz)
    with one_blas_thread():
        clipped = find_clipped(channels[start : start + hit.size])
        if np.count_nonzero(clipped) > _MAX_UNRESTORED:
            hit = restore_clipped(hit, clipped, sample_rate_hz, max_modes)
        physics = Physics(
            *_fit_modes_and_residual(hit, sample_rate_hz, max_modes, before, quiet), sample_rate_hz, float(onset_s)
        )
        rise_s = fit_rise(hit, physics)
        if rise_s > 0.0:
            without_rise = hit / np.maximum(rise_gain(np.arange(hit.size) / sample_rate_hz, rise_s), _MIN_RISE_GAIN)
            modes, residual = _fit_modes_and_residual(without_rise, sample_rate_hz, max_modes, before, quiet)
            physics = replace(physics, modes=modes, residual=replace(residual, rise_s=rise_s))
        else:  # too short to change modes or noise
            physics = replace(physics, residual=replace(physics.residual, rise_s=fit_short_rise(hit, physics)))
        envelope_db = fit_envelope(hit, physics.modes, physics.residual, sample_rate_hz)
        return replace(physics, residual=replace(physics.residual, envelope_db=envelope_db)), hit


def _fit_modes_and_residual(
    hit: np.ndarray, rate: int, max_modes: int, before: np.ndarray, quiet: np.ndarray | None
) -> tuple[Modes, Residual]:
    modes = fit_modes(hit, rate, max_modes, before)
    residual = fit_residual(hit, modes, rate, before=before, quiet=quiet)
    clean = drop_echoes(hit, modes, room_decay(residual, np.asarray(modes.frequency_hz)), rate)
    if len(clean) < len(modes):
        modes, residual = clean, fit_residual(hit, clean, rate, before=before, quiet=quiet)
    return modes, residual


def fit_rise(hit: np.ndarray, physics: Physics) -> float:
    """Rise time of a hit in seconds: grid search on levels of 1 ms in the first 40 ms; 0 for most hits.

    The rise is taken whose expected levels are nearest to the measured ones, if its mean absolute error is 1 dB less
    than without a rise.
    """
    rate = physics.sample_rate_hz
    step = max(1, round(0.001 * rate))
    length = min(hit.size, round(_RISE_SPAN_S * rate)) // step * step
    if length < 10 * step:
        return 0.0
    times_s = np.arange(length) / rate
    tonal = synthesize_found(physics.modes, length, rate)
    middle_s = times_s.reshape(-1, step).mean(axis=1)
    noise = expected_level(physics.residual, middle_s)
    measured = np.square(hit[:length]).reshape(-1, step).mean(axis=1)
    floor = 1e-6 * float(measured.max()) + 1e-20
    loudest_s = float(middle_s[int(np.argmax(measured))])
    errors = []
    for rise_s in _RISES_S:
        if rise_s > _LATEST_PEAK * loudest_s:  # so slow a rise would peak later
            break
        gain = rise_gain(times_s, rise_s)
        model = np.square(tonal * gain).reshape(-1, step).mean(axis=1) + noise * rise_gain(middle_s, rise_s) ** 2
        error_db = np.abs(power_to_db((measured + floor) / (model + floor)))
        errors.append(
            float(np.minimum(error_db, _MAX_RISE_ERROR_DB).mean()) + (_MIN_RISE_BENEFIT_DB if rise_s else 0.0)
        )
    return _RISES_S[int(np.argmin(errors))]


def fit_short_rise(hit: np.ndarray, physics: Physics) -> float:
    """Rise time of a hit in seconds, under 2 ms, due to the finite contact time; 0 where none fits better.

    Grid search on levels in the first 5 ms, in steps that widen from 0.125 ms; ``fit_rise`` resolves 1 ms. Without
    a rise the sound would begin with a click that its recording does not have.
    """
    rate = physics.sample_rate_hz
    edges = np.unique(np.round(np.array(_SHORT_EDGES_S) * rate).astype(int))
    length = int(edges[-1])
    if hit.size < length or len(edges) < len(_SHORT_EDGES_S):
        return 0.0
    times_s = np.arange(length) / rate
    tonal = synthesize_found(physics.modes, length, rate)
    noise = expected_level(physics.residual, times_s + 0.5 / rate)
    measured = np.add.reduceat(np.square(hit[:length]), edges[:-1]) / np.diff(edges)
    floor = 1e-5 * float(measured.max()) + 1e-20
    errors = []
    for rise_s in _SHORT_RISES_S:
        gain = np.square(rise_gain(times_s, rise_s))
        model = np.add.reduceat((np.square(tonal) + noise) * gain, edges[:-1]) / np.diff(edges)
        error_db = np.abs(power_to_db((measured + floor) / (model + floor)))
        errors.append(
            float(np.minimum(error_db, _MAX_RISE_ERROR_DB).mean()) + (_MIN_SHORT_BENEFIT_DB if rise_s else 0.0)
        )
    return _SHORT_RISES_S[int(np.argmin(errors))]


def analyze_hits(
    hits: Sequence[np.ndarray],
    sample_rate_hz: int,
    max_modes: int = 64,
    workers: int | None = None,
    quiet: np.ndarray | None = None,
) -> Iterator[Physics | BadInput]:
    """Physics of many hits, each [N] or [N, C] from its onset on, in order; a hit's BadInput is yielded.

    ``quiet`` is the background of them all. ``workers`` processes (by default one a core) are used for 64 hits or more,
    since their start takes seconds.
    """
    count = min(workers or os.cpu_count() or 1, _MAX_WORKERS)
    if len(hits) < _MIN_PARALLEL_HITS or count < 2:
        for hit in hits:
            yield _try_hit(hit, sample_rate_hz, max_modes, quiet)
        return
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn")) as pool:
        try:
            given = repeat(sample_rate_hz), repeat(max_modes), repeat(quiet)
            yield from pool.map(_try_hit, hits, *given, chunksize=2)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _try_hit(hit: np.ndarray, sample_rate_hz: int, max_modes: int, quiet: np.ndarray | None) -> Physics | BadInput:
    try:
        return _analyze(hit, sample_rate_hz, max_modes, 0.0, quiet)[0]
    except BadInput as error:
        return error


def single_hit(hit: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The hit [N] up to the next strike, if there is one later than 80 ms."""
    restrike_s = find_restrike(hit, sample_rate_hz)
    if restrike_s is None or restrike_s < _MIN_RESTRIKE_S:
        return hit
    return hit[: round((restrike_s - _RESTRIKE_MARGIN_S) * sample_rate_hz)]


def measure_fit(hit: np.ndarray, physics: Physics, quiet: np.ndarray | None = None) -> float:
    """Fit of the resynthesis to a recording from its onset on: 1 - d / 12 dB, at least 0.

    d is the mean absolute difference of 64 ERB-band levels smoothed over 20 ms, where the recording is within
    60 dB of its maximum and 8 dB over its background: the level of ``quiet`` [K, M], and what stays at the end of the
    hit and is no part of the model. Two realisations of the same noise differ by 1 to 2 dB, so only modes alone
    reach 1.
    """
    rate = physics.sample_rate_hz
    resynthesis = synthesize(physics, hit.size / rate)[: hit.size]
    measured, model = (band_levels_db(y, rate) for y in (hit, resynthesis))
    background = measure_background(hit, rate, band_edges_hz(rate), db_to_power(measured), db_to_power(model))
    for stretch in () if quiet is None else quiet:
        background = np.maximum(background, db_to_power(band_levels_db(stretch, rate)).mean(axis=0))
    floor = np.maximum(measured.max() - 60.0, power_to_db(background + _SILENT) + NEAR_BACKGROUND_DB)
    active = measured > floor
    distance = np.abs(np.maximum(measured, floor) - np.maximum(model, floor))
    return max(0.0, 1.0 - float(distance[active].mean()) / 12.0) if active.any() else 1.0
