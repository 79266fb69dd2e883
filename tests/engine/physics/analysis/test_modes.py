"""Modes of synthetic sounds are recovered; noise, reverberation and dependent poles give none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.core.dsp import resample
from engine.physics.analysis.modes import drop_echoes, fit_modes
from engine.physics.model import Modes, Residual
from engine.physics.noise import synthesize_residual
from tests.sounds import BELL, NOISE, PLATE, RATE, assert_found, make_modes, noisy, reference


@pytest.mark.slow
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
def test_pairs_8_hz_apart_are_resolved(centre_hz: float, rng: np.random.Generator) -> None:
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


def test_modes_alike_do_not_cancel(rng: np.random.Generator) -> None:
    """A tone with a slow attack is not fitted by large modes of opposite phase."""
    time = np.arange(RATE) / RATE
    swell = 0.5 * np.minimum(1.0, time / 0.02) * np.exp(-12.0 * time) * np.sin(2 * math.pi * 700.0 * time)
    modes = fit_modes(swell + 1e-4 * rng.standard_normal(RATE), RATE)
    assert max(modes.power_db) < 6.0


def test_most_audible_modes_are_kept(rng: np.random.Generator) -> None:
    modes = fit_modes(noisy(reference(BELL, 48_000), 50.0, rng), RATE, max_modes=3)
    assert len(modes) == 3
    assert any(abs(f - 523.25) < 1.0 for f in modes.frequency_hz)


@pytest.mark.slow
def test_noise_is_not_modes() -> None:
    noise = synthesize_residual(NOISE, 48_000, RATE, seed=3)
    assert len(fit_modes(noise, RATE)) <= 16
    white = np.random.default_rng(0).standard_normal(48_000) * 0.1
    assert len(fit_modes(white, RATE)) <= 8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_burst_at_the_attack_is_no_mode(seed: int) -> None:
    """A contact 10 dB louder than the modes, over within some milliseconds."""
    burst = Residual((1500.0, 3000.0, 5000.0), (-8.0, -6.0), (700.0, 900.0))
    sound = reference(PLATE, 24_000) * 0.3 + synthesize_residual(burst, 24_000, RATE, seed)
    modes = fit_modes(sound + 1e-4 * np.random.default_rng(seed).standard_normal(24_000), RATE)
    tallest = int(np.argmax(modes.power_db))
    assert modes.decay_per_s[tallest] < 100.0
    assert sum(d > 400.0 and p > max(modes.power_db) - 12.0 for d, p in _each(modes)) == 0


def _each(modes: Modes) -> list[tuple[float, float]]:
    return list(zip(modes.decay_per_s, modes.power_db, strict=True))


def test_resampling_keeps_the_modes() -> None:
    low = make_modes([300.0, 2203.0], [-10.0, -14.0], [3.0, 20.0], [0.1] * 2)
    moved = resample(reference(low, 44_100, 44_100).astype(np.float32), 44_100, RATE)
    assert_found(fit_modes(moved, RATE), low, cents=0.5, decay=0.03, power_db=0.3, phase=0.1)


def test_reverberation_of_a_mode_is_dropped() -> None:
    """Poles close beside a stronger mode that decay as the room does; not what is as strong, far or slow."""
    own = [(740.0, -9.0, 8.6), (2500.0, -14.0, 17.3), (2503.0, -18.0, 17.0), (742.0, -22.0, 2.0), (900.0, -30.0, 12.0)]
    echoes = [(738.0, -40.0, 12.0), (741.5, -44.0, 9.0), (2497.0, -44.0, 11.0)]
    rows = sorted(own + echoes)
    modes = make_modes(*(list(column) for column in zip(*rows, strict=True)), [0.3] * len(rows))
    hit = reference(modes, 67_200)
    kept = drop_echoes(hit, modes, np.full(len(modes), 10.0), RATE)
    assert len(kept) == len(own)
    for f, _, _ in own:
        assert min(abs(g - f) for g in kept.frequency_hz) < 0.5
    for f, p, _ in own:
        k = int(np.argmin(np.abs(np.subtract(kept.frequency_hz, f))))
        assert abs(kept.power_db[k] - p) < 1.5
    assert drop_echoes(hit, modes, np.full(len(modes), np.nan), RATE) is modes  # no room, no echo
