"""Takes of one object: the deviations that were asked for, repeatable by seed, none at 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.core.units import SILENCE_DB
from engine.physics.detail import measure_level_db
from engine.physics.model import ENVELOPE_RANGE_DB, LONGEST_RISE_S, Modes, NoiseComponent, Residual
from engine.physics.variation import (
    FULL,
    TakeSpread,
    draw_curve,
    fit_decay_trend,
    read_curve,
    vary_physics,
    weigh_by_decay,
)
from tests.sounds import NOISE, PLATE

SEEDS = 300


def test_no_variation_returns_the_very_physics() -> None:
    modes, residual = vary_physics(PLATE, NOISE, 0.0, 7)
    assert modes is PLATE and residual is NOISE


def test_a_seed_gives_one_take_and_other_seeds_others() -> None:
    takes = [vary_physics(PLATE, NOISE, 0.5, seed) for seed in range(20)]
    assert takes == [vary_physics(PLATE, NOISE, 0.5, seed) for seed in range(20)]
    assert len(set(takes)) == 20


@pytest.mark.slow
@pytest.mark.parametrize("variation", [0.3, 1.0])
def test_takes_deviate_as_much_as_was_asked(variation: float) -> None:
    """Level, pitch, decay and spectrum of many takes, against the deviations by their definition."""
    takes = [vary_physics(PLATE, NOISE, variation, seed) for seed in range(SEEDS)]
    within = pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * SEEDS))  # four standard errors of a standard deviation
    level_db = np.array([measure_level_db(*take) for take in takes]) - measure_level_db(PLATE, NOISE)
    assert level_db.std() / (variation * FULL.level_db) == within
    assert abs(level_db.mean()) < 4.0 * variation * FULL.level_db / np.sqrt(SEEDS)
    cents = 1200.0 * np.log2([np.divide(m.frequency_hz, PLATE.frequency_hz) for m, _ in takes])
    assert cents.std() / (variation * FULL.mode_cents) == within
    slowing = np.log([np.divide(m.decay_per_s, PLATE.decay_per_s) for m, _ in takes])
    expected = np.sqrt(FULL.decay**2 + FULL.decay_curve**2 + FULL.mode_decay**2)
    assert slowing.std() / (variation * expected) == within
    power_db = np.array([m.power_db for m, _ in takes])
    apart_db = (power_db[:, -1] - power_db[:, 0]).std()  # two modes whose own deviations and curve differ
    octaves = np.log2(PLATE.frequency_hz[-1] / PLATE.frequency_hz[0])
    curve = 2.0 * FULL.spectrum_db**2 * (1.0 - np.exp(-octaves / FULL.curve_octaves))
    ends = ((values[0], values[-1]) for values in (PLATE.frequency_hz, PLATE.decay_per_s))
    slow_db = weigh_by_decay(*ends, fit_decay_trend(PLATE, NOISE), FULL.slow_db)
    own = curve + 2.0 * FULL.mode_db**2 + (slow_db[0] - slow_db[1]) ** 2
    assert apart_db / (variation * np.sqrt(own)) == within


def test_what_rings_long_varies_against_what_is_over_at_once() -> None:
    """By as many decibels an octave of decay as was asked, in modes and noise alike, at the same level of the whole."""
    only = TakeSpread(**dict.fromkeys(TakeSpread.__dataclass_fields__, 0.0) | {"slow_db": 4.0, "curve_octaves": 3.0})
    slow_and_fast = Modes((300.0, 300.0), (-12.0, -12.0), (5.0, 20.0), (0.0, 0.0), (False, False))
    edges_hz, bands = NOISE.edges_hz, len(NOISE.power_db)
    slow, fast = (NoiseComponent((-40.0,) * bands, (decay,) * bands) for decay in (10.0, 40.0))
    residual = Residual(edges_hz, slow.power_db, slow.decay_per_s, attack=fast)
    tilts = []
    for seed in range(SEEDS):
        modes, noise = vary_physics(slow_and_fast, residual, 1.0, seed, replace(only, envelope_steps=1.0))
        assert noise.attack is not None
        tilts.append(modes.power_db[0] - modes.power_db[1])
        assert noise.power_db[0] - noise.attack.power_db[0] == pytest.approx(tilts[-1])  # two octaves as well
        assert measure_level_db(modes, noise) == pytest.approx(measure_level_db(slow_and_fast, residual), abs=1e-6)
        assert modes.decay_per_s == slow_and_fast.decay_per_s
    assert np.std(tilts) / (2.0 * 4.0) == pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * SEEDS))


def test_decays_that_follow_their_frequencies_vary_nothing_in_colour() -> None:
    """Bars of one damping, whose modes all decay as many cycles: none rings longer than is usual at its frequency."""
    hz = tuple(200.0 * 1.5**k for k in range(9))
    bar = Modes(hz, (-20.0,) * 9, tuple(0.02 * f for f in hz), (0.0,) * 9, (False,) * 9)
    trend = fit_decay_trend(bar, Residual())
    assert np.polyval(trend, np.log2(1000.0)) == pytest.approx(np.log2(20.0))
    assert weigh_by_decay(hz, bar.decay_per_s, trend, 5.0) == pytest.approx(np.zeros(9), abs=1e-9)
    assert weigh_by_decay((1000.0,), (10.0,), trend, 5.0) == pytest.approx([5.0])
    assert fit_decay_trend(Modes(), Residual()).tolist() == [0.0]
    tone = Modes((440.0,), (-10.0,), (8.0,), (0.0,), (False,))
    assert weigh_by_decay((440.0,), (8.0,), fit_decay_trend(tone, Residual()), 5.0) == pytest.approx([0.0])


def test_a_curve_is_correlated_over_its_octaves() -> None:
    rng = np.random.default_rng(3)
    curves = np.array([read_curve(draw_curve(rng, 3.0), (250.0, 500.0, 4000.0)) for _ in range(4000)])
    found = np.corrcoef(curves.T)
    assert curves.std(axis=0) == pytest.approx(1.0, abs=0.05)
    assert found[0, 1:] == pytest.approx(np.exp([-1.0 / 3.0, -4.0 / 3.0]), abs=0.05)


def test_the_room_rings_on_and_what_is_silent_stays_silent() -> None:
    bands = len(NOISE.power_db)
    mute = NoiseComponent((SILENCE_DB,) * bands, (30.0,) * bands)
    residual = replace(NOISE, attack=mute, rise_s=0.09, envelope_db=(-30.0, 18.0, 5.0))
    for seed in range(20):
        modes, varied = vary_physics(replace(PLATE, muted=(True, *(False,) * 5)), residual, 1.0, seed)
        assert varied.room is not None and residual.room is not None
        assert varied.room.decay_per_s == residual.room.decay_per_s
        assert varied.room.power_db != residual.room.power_db
        assert varied.attack is not None and set(varied.attack.power_db) == {SILENCE_DB}
        assert modes.muted == (True, *(False,) * 5)
        assert 0.0 <= varied.rise_s <= LONGEST_RISE_S
        assert all(ENVELOPE_RANGE_DB[0] <= value <= ENVELOPE_RANGE_DB[1] for value in varied.envelope_db)


def test_a_sound_of_modes_alone_or_of_nothing_varies_as_well() -> None:
    modes, residual = vary_physics(PLATE, Residual(), 1.0, 1)
    assert len(modes) == len(PLATE) and not residual.components
    assert vary_physics(Modes(), Residual(), 1.0, 1)[0] == Modes()
