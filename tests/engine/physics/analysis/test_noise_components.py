"""The noise of a hit: its decays, whose each is, how it comes in, and a recording without its room."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import fftconvolve

from engine.core.dsp import band_levels_db
from engine.core.units import LN_60_DB, SILENCE_DB
from engine.physics.analysis.analyze import analyze_hit, fit_rise
from engine.physics.analysis.band_decays import fit_decays
from engine.physics.analysis.modes import drop_echoes
from engine.physics.analysis.noise_components import name_components, room_decay
from engine.physics.analysis.residual import fit_residual
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.noise import expected_power, synthesize_residual
from engine.physics.synthesis import synthesize
from tests.sounds import BELL, NOISE, PLATE, RATE, make_modes, reference

LENGTH = 67_200
EDGES_HZ = np.asarray(NOISE.edges_hz)
BANDS = len(NOISE.power_db)
DRY = replace(NOISE, room=None)


def average_levels(edges_s: np.ndarray, power: list[float], decay: list[float]) -> np.ndarray:
    """Mean square in each frame of a sum of decays."""
    span = np.diff(edges_s)
    fall = [p * -np.diff(np.exp(-2.0 * d * edges_s)) / (2.0 * d * span) for p, d in zip(power, decay, strict=True)]
    return np.sum(fall, axis=0)


def sort_bands(*rows: tuple[list[float], list[float]]) -> Residual:
    """``name_components`` of bands that have the decays of these rows in turn: powers and decays, the fastest first."""
    power, decay = np.zeros((BANDS, 3)), np.ones((BANDS, 3))
    for band in range(BANDS):
        powers, decays = rows[band % len(rows)]
        power[band, : len(powers)], decay[band, : len(decays)] = powers, decays
    return name_components(EDGES_HZ, power, decay)


def make_room(t60_s: float, direct_over_room_db: float, seed: int) -> np.ndarray:
    """An impulse response: the direct sound, and from 3 ms on noise that decays alike at all frequencies."""
    time = np.arange(round(1.5 * t60_s * RATE)) / RATE
    tail = np.random.default_rng(seed).standard_normal(time.size) * np.exp(-LN_60_DB / t60_s * time) * (time >= 0.003)
    response = tail * 10.0 ** (-direct_over_room_db / 20.0) / np.sqrt(np.square(tail).sum())
    response[0] = 1.0
    return response


def make_struck(seed: int) -> np.ndarray:
    """A plate and the burst of the contact, in no room."""
    time = np.arange(LENGTH)
    noise = np.random.default_rng(seed).standard_normal(LENGTH)
    return reference(PLATE, LENGTH) + 0.1 * noise * np.exp(-time / 150.0) * (time < 2000)


def distance_db(wanted: np.ndarray, got: np.ndarray) -> float:
    """Mean difference of band levels over 20 ms, where either is within 60 dB of the peak."""
    one, other = (band_levels_db(sound, RATE) for sound in (wanted, got))
    floor = float(one.max()) - 60.0
    heard = (one > floor) | (other > floor)
    return float(np.abs(np.maximum(one, floor) - np.maximum(other, floor))[heard].mean())


# --- decays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("power", "decay"),
    [([1.0], [30.0]), ([1.0, 1e-3], [60.0, 8.0]), ([1.0, 1e-2, 1e-5], [200.0, 40.0, 5.0])],
    ids=["one", "two", "three"],
)
def test_the_decays_of_a_band_are_recovered(power: list[float], decay: list[float], rng: np.random.Generator) -> None:
    """Levels as noise of 4 kHz shows them: gamma variables of as many degrees as width times duration."""
    edges_s = np.concatenate([[0.0], np.cumsum(np.minimum(0.004 * 1.12 ** np.arange(60), 0.05))])
    edges_s = np.tile(edges_s[edges_s < 1.5], (4, 1))
    weight = np.maximum(1.0, 4000.0 * np.diff(edges_s))
    level = average_levels(edges_s[0], power, decay) * rng.gamma(weight) / weight
    found, rate = fit_decays(edges_s, level, weight, np.full(4, 1e-12), 1.5)
    count = len(power)
    assert ((found > 0.0).sum(axis=1) == count).all()
    assert np.abs(rate[:, :count] / decay - 1.0).max() < 0.15
    assert np.abs(10.0 * np.log10(found[:, :count] / power)).max() < 2.5


def test_a_steady_background_is_no_decay(rng: np.random.Generator) -> None:
    edges_s = np.tile(np.linspace(0.0, 1.4, 60), (4, 1))
    weight = np.full((4, 59), 50.0)
    level = (average_levels(edges_s[0], [1.0], [20.0]) + 1e-4) * rng.gamma(weight) / weight
    found, rate = fit_decays(edges_s, level, weight, np.full(4, 3e-4), 1.5)
    assert ((found > 0.0).sum(axis=1) == 1).all()
    assert np.abs(rate[:, 0] / 20.0 - 1.0).max() < 0.1


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


# --- whose they are -------------------------------------------------------------------------------


def test_decays_are_named_by_their_order_and_speed() -> None:
    """What is faster than 150 per second and followed is the contact's; of the rest the slower is the tail."""
    for powers, decays, names in [
        ([1.0], [30.0], ["strike"]),
        ([1.0], [900.0], ["strike"]),
        ([1.0, 0.6], [400.0, 60.0], ["attack", "strike"]),
        ([1.0, 0.6], [90.0, 60.0], ["strike", "tail"]),
        ([1.0, 0.7, 0.6], [400.0, 60.0, 50.0], ["attack", "strike", "tail"]),
    ]:
        found = sort_bands((powers, decays))
        assert [name for name, _ in found.components] == names
        for (_, stage), power, decay in zip(found.components, powers, decays, strict=True):
            assert np.allclose(stage.power_db, 10.0 * math.log10(power)) and np.allclose(stage.decay_per_s, decay)


def test_a_slow_decay_that_bands_share_is_the_room() -> None:
    """Whatever each band of the object does before: alone, after a strike, after a strike and its tail."""
    found = sort_bands(
        ([1.0, 1e-3], [60.0, 9.0]), ([1.0, 1e-3], [300.0, 9.5]), ([1.0, 0.5, 1e-3], [300.0, 40.0, 8.6]), ([1e-3], [9.2])
    )
    assert found.room is not None and found.attack is not None and found.tail is None
    assert min(found.room.power_db) == max(found.room.power_db) == pytest.approx(-30.0)
    assert min(found.room.decay_per_s) > 8.5 and max(found.room.decay_per_s) < 9.6
    assert found.decay_per_s[0] == 60.0 and found.decay_per_s[1] == 300.0 and found.decay_per_s[2] == 40.0
    assert found.attack.decay_per_s[2] == 300.0 and found.power_db[3] == SILENCE_DB
    decay = room_decay(found, np.array([100.0, 3000.0, 20_000.0]))
    assert ((decay > 8.5) & (decay < 9.6)).all()


def test_slow_decays_that_differ_or_begin_at_the_top_are_the_objects() -> None:
    unlike = sort_bands(*(([1.0, 1e-3], [60.0, slow]) for slow in (3.0, 12.0, 5.0, 20.0)))
    alone = sort_bands(([1.0], [9.0]))
    for found in (unlike, alone):
        assert found.room is None
        assert np.isnan(room_decay(found, np.array([1000.0]))).all()
    assert unlike.tail is not None and unlike.tail.decay_per_s[:4] == (3.0, 12.0, 5.0, 20.0)
    assert [name for name, _ in sort_bands(([], [])).components] == ["strike"]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_room_is_found_with_its_decay(seed: int) -> None:
    shared = replace(NOISE, room=NoiseComponent((-52.0,) * BANDS, (9.0,) * BANDS))
    found = fit_residual(synthesize_residual(shared, LENGTH, RATE, seed), Modes(), RATE)
    decay = room_decay(found, np.array([500.0, 1000.0, 4000.0, 12_000.0]))
    assert np.abs(decay / 9.0 - 1.0).max() < 0.15


@pytest.mark.parametrize("decay", [12.0, 20.0, 30.0])
def test_noise_that_rings_by_itself_is_no_room(decay: float, rng: np.random.Generator) -> None:
    """Smooth over the bands and as slow as a room, but nothing faster is beside it."""
    own = Residual(
        NOISE.edges_hz,
        tuple(-30.0 - 0.3 * k for k in range(BANDS)),
        tuple(decay * (1.0 + 0.02 * k) for k in range(BANDS)),
    )
    sound = synthesize_residual(own, LENGTH, RATE, 0) + 3e-5 * rng.standard_normal(LENGTH)
    found = fit_residual(sound, Modes(), RATE, bands=BANDS)
    assert found.room is None
    assert np.abs(np.divide(found.decay_per_s, own.decay_per_s)[6:] - 1.0).max() < 0.2


# --- without its room -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("t60_s", "direct_over_room_db"), [(0.6, 3.0), (1.0, 6.0)])
def test_a_sound_without_its_room_is_nearer_to_the_dry_one(t60_s: float, direct_over_room_db: float) -> None:
    """In each of three rooms of a kind, and by a seventh of the distance on average."""
    dry = make_struck(10)
    background = 3e-5 * np.random.default_rng(11).standard_normal(LENGTH)
    shares = []
    for seed in range(3):
        wet = fftconvolve(dry, make_room(t60_s, direct_over_room_db, seed))[:LENGTH] + background
        physics, _ = analyze_hit(wet, RATE, max_modes=128, onset_s=0.0)
        residual = physics.residual
        assert residual.room is not None
        t60 = LN_60_DB / room_decay(residual, np.array([500.0, 2000.0, 6000.0]))
        assert np.abs(t60 / t60_s - 1.0).max() < 0.15
        dried = synthesize(replace(physics, residual=replace(residual, room=None)), 1.4)
        shares.append(distance_db(dry, dried) / distance_db(dry, wet))
        assert distance_db(wet, synthesize(physics, 1.4)) < distance_db(wet, dry)
        for slow in PLATE.frequency_hz[:3]:  # what dies before the room does comes out as the room answers it
            assert min(abs(f - slow) for f in physics.modes.frequency_hz) < 3.0
    assert max(shares) < 1.0 and sum(shares) / len(shares) < 6.0 / 7.0


def test_the_room_s_answers_to_a_mode_are_dropped() -> None:
    """Poles close beside a stronger mode that decay as the room does; not what is as strong, far or slow."""
    own = [(740.0, -9.0, 8.6), (2500.0, -14.0, 17.3), (2503.0, -18.0, 17.0), (742.0, -22.0, 2.0), (900.0, -30.0, 12.0)]
    echoes = [(738.0, -40.0, 12.0), (741.5, -44.0, 9.0), (2497.0, -44.0, 11.0)]
    rows = sorted(own + echoes)
    modes = make_modes(*(list(column) for column in zip(*rows, strict=True)), [0.3] * len(rows))
    hit = reference(modes, LENGTH)
    kept = drop_echoes(hit, modes, np.full(len(modes), 10.0), RATE)
    assert len(kept) == len(own)
    for f, _, _ in own:
        assert min(abs(g - f) for g in kept.frequency_hz) < 0.5
    for f, p, _ in own:
        k = int(np.argmin(np.abs(np.subtract(kept.frequency_hz, f))))
        assert abs(kept.power_db[k] - p) < 1.5
    assert drop_echoes(hit, modes, np.full(len(modes), np.nan), RATE) is modes  # no room, no echo


# --- how it comes in ------------------------------------------------------------------------------


@pytest.mark.parametrize("modes", [Modes(), PLATE, BELL], ids=["noise", "plate", "bell"])
def test_a_rise_is_seen_where_the_physics_is_known(modes: Modes) -> None:
    for rise_s, low_s, high_s in [(0.0, 0.0, 0.0), (0.01, 0.007, 0.015), (0.02, 0.015, 0.03)]:
        sound = synthesize(Physics(modes, replace(DRY, rise_s=rise_s)), 0.5, seed=1).astype(np.float64)
        assert low_s <= fit_rise(sound, Physics(modes, DRY)) <= high_s


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_burst_that_comes_in_slowly_gets_its_rise_and_an_abrupt_one_none(seed: int, rng: np.random.Generator) -> None:
    background = 3e-5 * rng.standard_normal(LENGTH)
    for rise_s, low_s, high_s in [(0.0, 0.0, 0.0), (0.01, 0.005, 0.015), (0.02, 0.01, 0.03)]:
        sound = synthesize(Physics(Modes(), replace(DRY, rise_s=rise_s)), 1.4, seed=seed) + background
        found = analyze_hit(sound, RATE, onset_s=0.0)[0].residual
        assert low_s <= found.rise_s <= high_s
