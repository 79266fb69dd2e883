"""Physics by known answers: synthesis against a slow reference, estimation against what was put in."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.dsp import erb_edges, resample
from engine.errors import BadInput
from engine.parameters import Modes, Physics, Residual, Stage, physics_from_json, physics_to_json
from engine.physics.analysis import analyze_hit, find_onset, group_alike, ring_time_s, synthesize, tweak
from engine.physics.grouping import ALIKE_DB, sound_distances
from engine.physics.modes import fit_modes, synthesize_modes
from engine.physics.residual import expected_power, fit_residual, synthesize_residual

RATE = 48_000
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "audio"


def make_modes(frequency: list[float], power: list[float], decay: list[float], phase: list[float]) -> Modes:
    return Modes(tuple(frequency), tuple(power), tuple(decay), tuple(phase), (False,) * len(frequency))


def reference(modes: Modes, length: int, rate: int = RATE) -> np.ndarray:
    """The contract's sum, term by term in double precision."""
    time = np.arange(length) / rate
    sound = np.zeros(length)
    for f, p, d, phase in zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad, strict=True):
        if f < rate / 2:
            sound += 10 ** (p / 20) * np.cos(2 * math.pi * f * time + phase) * np.exp(-d * time)
    return sound


def noisy(sound: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """White noise added, measured against the first half second."""
    power = float(np.mean(np.square(sound[: RATE // 2])))
    return sound + rng.standard_normal(sound.size) * math.sqrt(power * 10 ** (-snr_db / 10))


BELL = make_modes(
    [211.3, 523.25, 1310.7, 2795.0, 4120.4, 7318.9, 12_044.0],
    [-14.0, -9.0, -12.0, -20.0, -25.0, -28.0, -34.0],
    [2.5, 4.0, 9.0, 15.0, 22.0, 60.0, 90.0],
    [0.3, -1.2, 2.0, 0.0, -2.9, 1.0, 0.5],
)
NOISE = Residual(
    tuple(map(float, erb_edges(20.0, 24_000.0, 24))),
    tuple(-30.0 - 0.4 * k for k in range(24)),
    tuple(40.0 + 3.0 * k for k in range(24)),
    Stage(tuple(-58.0 - 0.3 * k for k in range(24)), tuple(5.0 + 0.1 * k for k in range(24))),
)


def test_modes_match_slow_reference(rng: np.random.Generator) -> None:
    other = make_modes([60.0, 23_900.0], [-3.0, -30.0], [0.4, 3.0], [1.0, 2.0])
    batch = synthesize_modes([BELL, other], 70_001, RATE)
    assert batch.shape == (2, 70_001) and batch.dtype == torch.float32
    for row, modes in zip(batch.numpy(), (BELL, other), strict=True):
        assert np.abs(row - reference(modes, 70_001)).max() < 2e-6


def test_phase_stays_exact_over_twenty_seconds() -> None:
    modes = make_modes([9123.456], [0.0], [0.05], [0.7])
    sound = synthesize_modes([modes], 20 * RATE, RATE)[0].numpy()
    assert np.abs(sound[-4800:] - reference(modes, 20 * RATE)[-4800:]).max() < 1e-6


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257])
def test_modes_of_any_length(length: int) -> None:
    sound = synthesize_modes([BELL, Modes()], length, RATE)
    assert sound.shape == (2, length)
    assert np.abs(sound[0].numpy() - reference(BELL, length)).max(initial=0.0) < 2e-6
    assert not sound[1].any()


def test_nothing_sounds_at_or_above_nyquist_or_muted() -> None:
    high = make_modes([24_000.0, 30_000.0, 200_000.0], [0.0] * 3, [1.0] * 3, [0.0] * 3)
    assert not synthesize_modes([high], 4800, RATE).any()
    muted = replace(BELL, muted=(True,) * len(BELL))
    assert not synthesize_modes([muted], 4800, RATE).any()
    one = replace(BELL, muted=(True, False, True, True, True, True, True))
    alone = make_modes([523.25], [-9.0], [4.0], [-1.2])
    assert torch.equal(synthesize_modes([one], 4800, RATE), synthesize_modes([alone], 4800, RATE))


def test_gain_is_linear() -> None:
    louder = replace(BELL, power_db=tuple(p + 6.0 for p in BELL.power_db))
    ratio = 10 ** (6.0 / 20)
    difference = synthesize_modes([louder], 9600, RATE) - ratio * synthesize_modes([BELL], 9600, RATE)
    assert float(difference.abs().max()) < 1e-6


def assert_found(modes: Modes, truth: Modes, cents: float, decay: float, power_db: float, phase: float) -> None:
    """Every true mode has an estimate within the tolerances."""
    found = np.asarray(modes.frequency_hz)
    for f, p, d, angle in zip(truth.frequency_hz, truth.power_db, truth.decay_per_s, truth.phase_rad, strict=True):
        k = int(np.argmin(np.abs(found - f)))
        assert abs(1200 * math.log2(found[k] / f)) < cents, f
        assert abs(modes.decay_per_s[k] / d - 1) < decay, f
        assert abs(modes.power_db[k] - p) < power_db, f
        assert abs(math.remainder(modes.phase_rad[k] - angle, 2 * math.pi)) < phase, f


def test_modes_are_recovered_at_40_db(rng: np.random.Generator) -> None:
    sound = noisy(reference(BELL, 65_536), 40.0, rng)
    modes = fit_modes(sound.astype(np.float32), RATE)
    assert_found(modes, BELL, cents=0.6, decay=0.05, power_db=0.3, phase=0.05)
    strong = [p for p in modes.power_db if p > -40.0]
    assert len(strong) == len(BELL)


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


@pytest.mark.parametrize("frequency_hz", [50.0, 400.0, 3000.0, 16_000.0])
@pytest.mark.parametrize("decay", [0.5, 10.0, 100.0])
def test_one_mode_anywhere(frequency_hz: float, decay: float, rng: np.random.Generator) -> None:
    alone = make_modes([frequency_hz], [-10.0], [decay], [0.5])
    modes = fit_modes(reference(alone, RATE) + 1e-3 * rng.standard_normal(RATE), RATE)
    k = int(np.argmax(modes.power_db))
    assert modes.frequency_hz[k] == pytest.approx(frequency_hz, rel=1e-3)
    assert modes.decay_per_s[k] == pytest.approx(decay, rel=0.05)
    assert max([p for i, p in enumerate(modes.power_db) if i != k], default=-99.0) < -55.0


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


def test_residual_density_sums_to_band_power() -> None:
    frequency = np.arange(0.5, 24_000.0)
    density = expected_power(NOISE, frequency, np.array([-0.01, 0.0, 0.1]))
    assert density.shape == (24_000, 3) and not density[:, 0].any()
    room = NOISE.room
    assert room is not None
    for column, time in ((1, 0.0), (2, 0.1)):
        total = sum(
            10 ** (p / 10) * math.exp(-2 * d * time)
            for stage in (NOISE, room)
            for p, d in zip(stage.power_db, stage.decay_per_s, strict=True)
        )
        assert density[:, column].sum() == pytest.approx(total, rel=0.01)


def test_residual_level_is_true_in_expectation() -> None:
    draws = np.array([synthesize_residual(NOISE, 6000, RATE, seed) for seed in range(150)], dtype=np.float64)
    assert draws.dtype == np.float64 and draws.shape == (150, 6000)
    frequency = np.arange(0.5, 24_000.0)
    for start, end in ((0, 240), (2400, 2880), (4800, 5760)):
        wanted = expected_power(NOISE, frequency, np.arange(start, end) / RATE).sum(axis=0).mean()
        assert np.square(draws[:, start:end]).mean() == pytest.approx(wanted, rel=0.06)


def test_residual_keeps_under_its_last_edge() -> None:
    band = Residual((500.0, 2000.0), (-20.0,), (0.0,), None)
    spectrum = np.abs(np.fft.rfft(synthesize_residual(band, RATE, RATE, 1) * np.hanning(RATE))) ** 2
    assert spectrum[2100:].sum() < 1e-4 * spectrum.sum() and spectrum[:400].sum() < 1e-4 * spectrum.sum()
    beyond = Residual((30_000.0, 40_000.0), (-20.0,), (1.0,), None)
    assert not synthesize_residual(beyond, 4800, RATE, 1).any()
    assert not synthesize_residual(Residual(), 4800, RATE, 1).any()


def test_residual_and_room_are_recovered() -> None:
    sound = synthesize_residual(NOISE, 65_536, RATE, seed=5)
    found = fit_residual(sound, Modes(), RATE, bands=24)
    assert found.room is not None and NOISE.room is not None
    band = slice(6, 24)  # narrow low bands hold too little noise to know a decay by
    power = np.subtract(found.power_db, NOISE.power_db)[band]
    decay = np.divide(found.decay_per_s, NOISE.decay_per_s)[band]
    assert np.abs(np.median(power)) < 1.0 and np.abs(power).max() < 5.0
    assert np.abs(np.median(decay) - 1.0) < 0.05 and np.abs(decay - 1.0).max() < 0.35
    assert np.abs(np.subtract(found.room.power_db, NOISE.room.power_db)[band]).max() < 3.0
    assert np.abs(np.divide(found.room.decay_per_s, NOISE.room.decay_per_s)[band] - 1.0).max() < 0.15


def test_background_is_no_room(rng: np.random.Generator) -> None:
    dry = replace(NOISE, room=None)
    sound = synthesize_residual(dry, 65_536, RATE, seed=5) + 10 ** (-62 / 20) * rng.standard_normal(65_536)
    found = fit_residual(sound, Modes(), RATE, bands=24)
    later = expected_power(found, np.arange(0.5, 24_000.0), np.array([1.0])).sum()
    assert 10 * math.log10(later + 1e-20) < -75.0
    assert min(found.decay_per_s) >= 1.5


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


@pytest.mark.parametrize("attack_s", [0.0, 0.001])
@pytest.mark.parametrize("noise_db", [-80.0, -50.0])
def test_onset_is_found_within_a_millisecond(attack_s: float, noise_db: float, rng: np.random.Generator) -> None:
    hit = reference(BELL, 24_000) * np.minimum(1.0, (np.arange(24_000) + 1) / RATE / max(attack_s, 1e-9))
    sound = np.concatenate([np.zeros(10_000), hit]) + 10 ** (noise_db / 20) * rng.standard_normal(34_000)
    assert find_onset(sound, RATE) == pytest.approx(10_000 / RATE, abs=0.001)


def test_seed_touches_only_the_residual() -> None:
    tonal = Physics(BELL, Residual())
    assert np.array_equal(synthesize(tonal, 0.3, seed=1), synthesize(tonal, 0.3, seed=2))
    both = Physics(BELL, NOISE)
    one, same, other = (synthesize(both, 0.3, seed).astype(np.float64) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    noise = synthesize_residual(NOISE, one.size, RATE, 1)
    assert np.abs(one - noise - reference(BELL, one.size)).max() < 1e-5


def test_synthesis_lasts_until_60_db_and_at_most_20_s() -> None:
    single = Physics(make_modes([440.0], [-6.0], [10.0], [0.0]), Residual(), 44_100)
    assert synthesize(single).size == math.ceil(math.log(1000) / 10.0 * 44_100)
    assert ring_time_s(Physics(make_modes([440.0], [0.0], [0.0], [0.0]))) == 20.0
    assert synthesize(single, 0.5).dtype == np.float32 and synthesize(single, 0.5).size == 22_050
    assert synthesize(Physics()).size >= 1


def test_physics_survives_json() -> None:
    physics, _ = analyze_hit(reference(BELL, 24_000), RATE)
    assert physics_from_json(json.loads(json.dumps(physics_to_json(physics)))) == physics


def test_tweaks_do_what_they_say() -> None:
    modes, residual = tweak(BELL, NOISE, pitch_cents=1200.0, decay_ratio=2.0, residual_db=3.0, velocity_db=-6.0)
    assert modes.frequency_hz[0] == pytest.approx(2 * BELL.frequency_hz[0])
    assert modes.decay_per_s[0] == pytest.approx(2 * BELL.decay_per_s[0])
    assert modes.power_db[0] == pytest.approx(BELL.power_db[0] - 6.0)
    assert residual.power_db[0] == pytest.approx(NOISE.power_db[0] - 3.0)
    assert residual.room is not None and NOISE.room is not None
    assert residual.room.power_db[0] == pytest.approx(NOISE.room.power_db[0] - 3.0)
    assert tweak(BELL, NOISE) == (BELL, NOISE)


def make_strikes(modes: Modes, residual: Residual, count: int, seed: int) -> list[Physics]:
    """Analyses of one object struck harder and softer, each time a little elsewhere."""
    rng = np.random.default_rng(seed)
    strikes = []
    for k in range(count):
        moved = tuple(p + d for p, d in zip(modes.power_db, rng.normal(0.0, 1.5, len(modes)), strict=True))
        level = float(rng.uniform(-15.0, 0.0))
        struck = tweak(replace(modes, power_db=moved), residual, velocity_db=level)
        strikes.append(analyze_hit(synthesize(Physics(*struck), 0.6, seed=seed + k), RATE)[0])
    return strikes


def test_hits_of_one_object_are_grouped() -> None:
    wood = make_modes([310.0, 920.0, 1500.0], [-8.0, -12.0, -20.0], [45.0, 70.0, 110.0], [0.0] * 3)
    bell_above = replace(BELL, frequency_hz=tuple(f * 1.12 for f in BELL.frequency_hz))
    faint = replace(NOISE, power_db=tuple(p - 15.0 for p in NOISE.power_db), room=None)
    hits = make_strikes(BELL, faint, 3, 10) + make_strikes(wood, NOISE, 3, 20) + make_strikes(bell_above, faint, 2, 30)
    hits += make_strikes(Modes(), NOISE, 2, 40)
    assert group_alike(hits) == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert group_alike(hits[:1]) == [0] and group_alike([]) == []


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
    assert group_alike(hits) == [0, 0, 0, 1, 1, 1, 2]
    distance = sound_distances(hits)
    assert distance[:3, :3].max() < 1.5 * ALIKE_DB < distance[:3, 6].min()


def test_resampling_keeps_the_modes() -> None:
    low = make_modes([300.0, 2203.0], [-10.0, -14.0], [3.0, 20.0], [0.1] * 2)
    moved = resample(reference(low, 44_100, 44_100).astype(np.float32), 44_100, RATE)
    assert_found(fit_modes(moved, RATE), low, cents=0.5, decay=0.03, power_db=0.3, phase=0.1)
