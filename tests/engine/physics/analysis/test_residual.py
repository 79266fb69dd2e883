"""Noise components are recovered from one realisation, with and without background."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.physics.analysis.noise_components import room_decay
from engine.physics.analysis.residual import fit_residual
from engine.physics.model import Modes, NoiseComponent, Residual
from engine.physics.noise import synthesize_residual
from tests.sounds import BELL, NOISE, RATE, noise_power, reference


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
    later = float(noise_power(found, np.array([1.0]))[0])
    assert 10 * math.log10(later + 1e-20) < -75.0
    assert min(found.decay_per_s) >= 1.5


@pytest.mark.parametrize("seed", [0, 1])
def test_a_room_is_found_with_its_decay(seed: int) -> None:
    shared = replace(NOISE, room=NoiseComponent((-52.0,) * 24, (9.0,) * 24))
    found = fit_residual(synthesize_residual(shared, 67_200, RATE, seed), Modes(), RATE)
    decay = room_decay(found, np.array([500.0, 1000.0, 4000.0, 12_000.0]))
    assert np.abs(decay / 9.0 - 1.0).max() < 0.15


@pytest.mark.parametrize("decay", [12.0, 20.0, 30.0])
def test_noise_that_rings_by_itself_is_no_room(decay: float, rng: np.random.Generator) -> None:
    """Smooth over the bands and as slow as a room, but nothing faster is beside it."""
    own = Residual(
        NOISE.edges_hz,
        tuple(-30.0 - 0.3 * k for k in range(24)),
        tuple(decay * (1.0 + 0.02 * k) for k in range(24)),
    )
    sound = synthesize_residual(own, 67_200, RATE, 0) + 3e-5 * rng.standard_normal(67_200)
    found = fit_residual(sound, Modes(), RATE, bands=24)
    assert found.room is None
    assert np.abs(np.divide(found.decay_per_s, own.decay_per_s)[6:] - 1.0).max() < 0.2


def test_noise_beneath_modes_has_the_level_it_has_alone(rng: np.random.Generator) -> None:
    """White noise with one decay, made here: its mean square per band is its density times the width."""
    time = np.arange(48_000) / RATE
    noise = 0.01 * rng.standard_normal(48_000) * np.exp(-20.0 * time)
    found = fit_residual(reference(BELL, 48_000) + noise, BELL, RATE, bands=24)
    wanted_db = 10.0 * np.log10(1e-4 * np.diff(found.edges_hz) / (RATE / 2.0))
    assert np.abs(np.median(np.subtract(found.power_db, wanted_db)[6:])) < 1.0
    assert np.median(found.decay_per_s[6:]) == pytest.approx(20.0, rel=0.1)


def test_what_comes_before_the_onset_bounds_the_background(rng: np.random.Generator) -> None:
    """A decay too slow to tell from background is kept where the recording was silent before."""
    time = np.arange(12_000) / RATE
    slow = 0.01 * rng.standard_normal(12_000) * np.exp(-2.0 * time)
    kept = fit_residual(slow, Modes(), RATE, bands=12, before=1e-6 * rng.standard_normal(9600))
    total = float(noise_power(kept, np.array([0.1]))[0])
    assert 10.0 * math.log10(total / 1e-4) == pytest.approx(-20.0 * 0.2 / math.log(10.0), abs=1.5)
