"""Modes by known answers: estimation against what was put in, and what is made of the estimates."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.paths import ROOT
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.clustering import CLUSTER_DB, cluster_sounds, sound_distances
from engine.physics.analysis.cramer_rao import cramer_rao
from engine.physics.analysis.damped_sinusoids import refine_jointly, solve_amplitudes
from engine.physics.analysis.modes import fit_modes
from engine.physics.analysis.residual import fit_residual
from engine.physics.macros import apply_hit_offsets
from engine.physics.model import Modes, Physics, Residual, physics_from_json, physics_to_json
from engine.physics.noise import expected_power, synthesize_residual
from engine.physics.synthesis import ring_time_s, synthesize
from tests.sounds import BELL, NOISE, RATE, assert_found, make_modes, noisy, reference

DATA = ROOT.parent / "shared" / "data" / "audio"


def test_modes_are_recovered_at_40_db(rng: np.random.Generator) -> None:
    sound = noisy(reference(BELL, 65_536), 40.0, rng)
    modes = fit_modes(sound.astype(np.float32), RATE)
    assert_found(modes, BELL, cents=0.6, decay=0.05, power_db=0.3, phase=0.05)
    strong = [p for p in modes.power_db if p > -40.0]
    assert len(strong) == len(BELL)


def test_refined_modes_scatter_as_the_bound_says() -> None:
    """In white noise, begun near the truth: no unbiased estimate can be nearer (Cramér and Rao), and this one is."""
    four = make_modes([440.0, 452.0, 3000.0, 9000.0], [-10.0, -12.0, -30.0, -20.0], [6.0, 10.0, 50.0, 300.0], [0.3] * 4)
    bound = cramer_rao(four, 19_200, RATE, 1e-3)
    true = np.stack([four.frequency_hz, four.decay_per_s], axis=1)
    errors = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        sound = reference(four, 19_200) + 1e-3 * rng.standard_normal(19_200)
        poles = true * (1.0 + np.array([2e-4, 0.03]) * rng.standard_normal((4, 2)))
        poles, found, _ = refine_jointly(sound, RATE, poles, solve_amplitudes(sound, RATE, poles), steps=8)
        power = 20.0 * np.log10(np.abs(found)) - np.asarray(four.power_db)
        phase = np.angle(found * np.exp(-0.3j))
        apart = (poles - true).T
        errors.append([apart[0] / bound.frequency_hz, apart[1] / bound.decay_per_s])
        errors[-1] += [power / bound.power_db, phase / bound.phase_rad]
    scatter = np.sqrt(np.square(errors).mean(axis=(0, 2)))  # of frequency, decay, power and phase
    assert (scatter > 0.75).all() and (scatter < 1.25).all(), scatter


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_modes_do_not_depend_on_the_rate(rate: int, rng: np.random.Generator) -> None:
    low = make_modes([300.0, 811.0, 2203.0, 5100.0], [-10.0, -8.0, -14.0, -20.0], [3.0, 8.0, 20.0, 40.0], [0.1] * 4)
    sound = reference(low, rate, rate) + 1e-4 * rng.standard_normal(rate)
    assert_found(fit_modes(sound, rate), low, cents=0.5, decay=0.03, power_db=0.3, phase=0.05)


@pytest.mark.parametrize("centre_hz", [300.0, 1000.0, 4000.0])
def test_pairs_8_hz_apart_are_told_apart(centre_hz: float, rng: np.random.Generator) -> None:
    pair = make_modes([centre_hz, centre_hz + 8.0], [-10.0, -13.0], [3.0, 4.0], [0.5, -0.5])
    modes = fit_modes(noisy(reference(pair, 65_536), 40.0, rng), RATE)
    assert_found(modes, pair, cents=2.0, decay=0.06, power_db=0.5, phase=0.1)


def test_fast_and_slow_decays(rng: np.random.Generator) -> None:
    wide = make_modes([900.0, 5000.0, 400.0], [-6.0, -8.0, -20.0], [900.0, 1300.0, 0.345], [0.0, 0.4, 1.0])
    modes = fit_modes(reference(wide, 2 * RATE) + 1e-5 * rng.standard_normal(2 * RATE), RATE)
    assert_found(modes, wide, cents=25.0, decay=0.1, power_db=1.0, phase=0.15)


def test_short_sound_of_a_tenth_of_a_second(rng: np.random.Generator) -> None:
    tick = make_modes([1200.0, 3100.0], [-6.0, -10.0], [60.0, 90.0], [0.0, 1.0])
    modes = fit_modes(noisy(reference(tick, 4800), 40.0, rng), RATE)
    assert_found(modes, tick, cents=3.0, decay=0.06, power_db=0.6, phase=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("frequency_hz", [50.0, 400.0, 3000.0, 16_000.0])
@pytest.mark.parametrize("decay", [0.5, 10.0, 100.0])
def test_one_mode_anywhere(frequency_hz: float, decay: float, rng: np.random.Generator) -> None:
    alone = make_modes([frequency_hz], [-10.0], [decay], [0.5])
    modes = fit_modes(reference(alone, RATE) + 1e-3 * rng.standard_normal(RATE), RATE)
    k = int(np.argmax(modes.power_db))
    assert modes.frequency_hz[k] == pytest.approx(frequency_hz, rel=1e-3)
    assert modes.decay_per_s[k] == pytest.approx(decay, rel=0.05)
    assert max([p for i, p in enumerate(modes.power_db) if i != k], default=-99.0) < -55.0


@pytest.mark.slow
def test_hum_is_no_mode(rng: np.random.Generator) -> None:
    time = np.arange(-RATE // 4, 2 * RATE) / RATE
    hum = 10 ** (-32 / 20) * np.sin(2 * math.pi * 100.0 * time) + 1e-3 * np.sin(2 * math.pi * 50.0 * time)
    hit = np.concatenate([np.zeros(RATE // 4), reference(BELL, 2 * RATE)])
    physics, _ = analyze_hit(hit + hum + 1e-4 * rng.standard_normal(hit.size), RATE)
    assert min(physics.modes.frequency_hz) > 200.0
    assert_found(physics.modes, BELL, cents=1.0, decay=0.06, power_db=0.5, phase=math.pi)
    assert ring_time_s(physics) < 4.0
    faint, _ = analyze_hit((hit + 0.1 * hum)[RATE // 4 :], RATE, onset_s=0.0)  # nothing is known from before
    assert min(faint.modes.frequency_hz) > 200.0


def test_modes_alike_do_not_cancel(rng: np.random.Generator) -> None:
    """A tone that swells before it dies is no sum of vast opposite modes."""
    time = np.arange(RATE) / RATE
    swell = 0.5 * np.minimum(1.0, time / 0.02) * np.exp(-12.0 * time) * np.sin(2 * math.pi * 700.0 * time)
    modes = fit_modes(swell + 1e-4 * rng.standard_normal(RATE), RATE)
    assert max(modes.power_db) < 6.0


def test_most_audible_modes_are_kept(rng: np.random.Generator) -> None:
    modes = fit_modes(noisy(reference(BELL, 48_000), 50.0, rng), RATE, max_modes=3)
    assert len(modes) == 3
    assert any(abs(f - 523.25) < 1.0 for f in modes.frequency_hz)


def test_noise_is_not_modes() -> None:
    noise = synthesize_residual(NOISE, 48_000, RATE, seed=3)
    assert len(fit_modes(noise, RATE)) <= 16
    white = np.random.default_rng(0).standard_normal(48_000) * 0.1
    assert len(fit_modes(white, RATE)) <= 8


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(4800),
        np.ones(4800),
        np.full(240, 0.5),
        np.zeros(0),
        np.clip(reference(BELL, 24_000) * 20.0, -1.0, 1.0),
        np.concatenate([[1.0], np.zeros(2400)]),
        np.full(9600, 1e-30),
    ],
    ids=["silence", "constant", "short constant", "empty", "clipped", "click", "denormal"],
)
def test_odd_input_gives_valid_physics(sound: np.ndarray) -> None:
    modes = fit_modes(sound, RATE)
    residual = fit_residual(sound, modes, RATE)
    text = json.dumps(physics_to_json(Physics(modes, residual)), allow_nan=False)
    assert physics_from_json(json.loads(text)).modes == modes


def test_analysis_refuses_what_holds_no_hit() -> None:
    for sound, reason in [
        (np.zeros(4800), "silent"),
        (np.ones(50), "shorter than 5 ms"),
        (np.array([0.0, math.nan] * 4800), "not finite"),
    ]:
        with pytest.raises(BadInput, match=reason):
            analyze_hit(sound, RATE)
    physics, fit = analyze_hit(reference(BELL, 240), RATE)  # 5 ms is enough
    assert 0.0 <= fit <= 1.0 and all(map(math.isfinite, physics.modes.decay_per_s))


def test_analysis_of_a_synthesis_returns_it() -> None:
    quiet = replace(NOISE, power_db=tuple(p - 20.0 for p in NOISE.power_db), room=None)
    truth = Physics(BELL, quiet, RATE, 0.0)
    physics, fit = analyze_hit(synthesize(truth, 1.4, seed=2), RATE, onset_s=0.0)
    assert_found(physics.modes, BELL, cents=1.0, decay=0.06, power_db=0.5, phase=0.1)
    assert fit > 0.7
    frequency = np.arange(0.5, 24_000.0)
    wanted, got = (expected_power(r, frequency, np.array([0.01])).sum() for r in (quiet, physics.residual))
    assert abs(10 * math.log10(got / wanted)) < 2.5


def test_gain_and_shift_carry_through_analysis(rng: np.random.Generator) -> None:
    hit = noisy(reference(BELL, 48_000), 55.0, rng)
    delayed = np.concatenate([1e-5 * rng.standard_normal(9600), hit])
    plain, _ = analyze_hit(hit, RATE)
    later, _ = analyze_hit(delayed, RATE)
    louder, _ = analyze_hit(hit * 0.1, RATE)
    assert later.onset_s - plain.onset_s == pytest.approx(0.2, abs=0.001)
    for physics, change_db in ((later, 0.0), (louder, -20.0)):
        moved = replace(BELL, power_db=tuple(p + change_db for p in BELL.power_db))
        assert_found(physics.modes, moved, cents=1.0, decay=0.06, power_db=0.5, phase=math.pi)


def test_physics_survives_json() -> None:
    physics, _ = analyze_hit(reference(BELL, 24_000), RATE)
    assert physics_from_json(json.loads(json.dumps(physics_to_json(physics)))) == physics


def test_tweaks_do_what_they_say() -> None:
    modes, residual = apply_hit_offsets(
        BELL, NOISE, pitch_cents=1200.0, decay_ratio=2.0, residual_db=3.0, velocity_db=-6.0
    )
    assert modes.frequency_hz[0] == pytest.approx(2 * BELL.frequency_hz[0])
    assert modes.decay_per_s[0] == pytest.approx(2 * BELL.decay_per_s[0])
    assert modes.power_db[0] == pytest.approx(BELL.power_db[0] - 6.0)
    assert residual.power_db[0] == pytest.approx(NOISE.power_db[0] - 3.0)
    assert residual.room is not None and NOISE.room is not None
    assert residual.room.power_db[0] == pytest.approx(NOISE.room.power_db[0] - 3.0)
    assert apply_hit_offsets(BELL, NOISE) == (BELL, NOISE)


def make_strikes(modes: Modes, residual: Residual, count: int, seed: int) -> list[Physics]:
    """Analyses of one object struck harder and softer, each time a little elsewhere."""
    rng = np.random.default_rng(seed)
    strikes = []
    for k in range(count):
        moved = tuple(p + d for p, d in zip(modes.power_db, rng.normal(0.0, 1.5, len(modes)), strict=True))
        level = float(rng.uniform(-15.0, 0.0))
        struck = apply_hit_offsets(replace(modes, power_db=moved), residual, velocity_db=level)
        strikes.append(analyze_hit(synthesize(Physics(*struck), 0.6, seed=seed + k), RATE)[0])
    return strikes


@pytest.mark.slow
def test_hits_of_one_object_are_grouped() -> None:
    wood = make_modes([310.0, 920.0, 1500.0], [-8.0, -12.0, -20.0], [45.0, 70.0, 110.0], [0.0] * 3)
    bell_above = replace(BELL, frequency_hz=tuple(f * 1.12 for f in BELL.frequency_hz))
    faint = replace(NOISE, power_db=tuple(p - 15.0 for p in NOISE.power_db), room=None)
    hits = make_strikes(BELL, faint, 3, 10) + make_strikes(wood, NOISE, 3, 20) + make_strikes(bell_above, faint, 2, 30)
    hits += make_strikes(Modes(), NOISE, 2, 40)
    assert cluster_sounds(hits) == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert cluster_sounds(hits[:1]) == [0] and cluster_sounds([]) == []


@pytest.mark.slow
def test_real_repeats_are_alike_and_materials_are_not() -> None:
    names = {
        "stomp": [f"body_percussion/stomp_l_vl1_rr{k}.flac" for k in (1, 2, 3)],
        "wood": [f"kenney_impact/footstep_wood_00{k}.flac" for k in (0, 1, 2)],
        "glass": ["kenney_impact/impactGlass_medium_000.flac"],
    }
    if DATA.is_dir():
        import soundfile

        hits = [analyze_hit(*soundfile.read(DATA / name))[0] for group in names.values() for name in group]
    else:
        wood = make_modes([310.0, 920.0], [-8.0, -12.0], [45.0, 70.0], [0.0] * 2)
        low = make_modes([70.0, 120.0], [-8.0, -12.0], [25.0, 30.0], [0.0] * 2)
        hits = make_strikes(low, replace(NOISE, room=None), 3, 1) + make_strikes(wood, NOISE, 3, 2)
        hits += make_strikes(BELL, Residual(), 1, 3)
    assert cluster_sounds(hits) == [0, 0, 0, 1, 1, 1, 2]
    distance = sound_distances(hits)
    assert distance[:3, :3].max() < 1.5 * CLUSTER_DB < distance[:3, 6].min()


def test_resampling_keeps_the_modes() -> None:
    low = make_modes([300.0, 2203.0], [-10.0, -14.0], [3.0, 20.0], [0.1] * 2)
    moved = resample(reference(low, 44_100, 44_100).astype(np.float32), 44_100, RATE)
    assert_found(fit_modes(moved, RATE), low, cents=0.5, decay=0.03, power_db=0.3, phase=0.1)
