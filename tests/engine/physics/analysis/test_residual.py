"""Noise components are recovered from one realisation, with and without background."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.physics.analysis.background import choose_quiet, find_steady
from engine.physics.analysis.noise_components import room_decay
from engine.physics.analysis.residual import fit_residual
from engine.physics.model import Modes, NoiseComponent, Residual
from engine.physics.noise import expected_power, synthesize_residual
from tests.sounds import BELL, NOISE, RATE, noise_power, reference


def test_residual_and_room_are_recovered() -> None:
    """By the median of five draws: a band of one draw may be off by 5 dB, as few swings of its noise are loud."""
    sounds = [synthesize_residual(NOISE, 65_536, RATE, seed) for seed in range(5)]
    found = [fit_residual(sound, Modes(), RATE, bands=24) for sound in sounds]
    rooms = [residual.room for residual in found if residual.room is not None]
    assert len(rooms) == 5 and NOISE.room is not None
    band = slice(6, 24)  # narrow low bands hold too little noise to know a decay by
    power = np.median([np.subtract(one.power_db, NOISE.power_db)[band] for one in found], axis=0)
    decay = np.median([np.divide(one.decay_per_s, NOISE.decay_per_s)[band] for one in found], axis=0)
    assert np.abs(np.median(power)) < 1.0 and np.abs(power).max() < 3.0
    assert np.abs(np.median(decay) - 1.0) < 0.05 and np.abs(decay - 1.0).max() < 0.35
    for room in rooms:
        assert np.abs(np.subtract(room.power_db, NOISE.room.power_db)[band]).max() < 3.0
        assert np.abs(np.divide(room.decay_per_s, NOISE.room.decay_per_s)[band] - 1.0).max() < 0.15


def test_background_is_no_room(rng: np.random.Generator) -> None:
    dry = replace(NOISE, room=None)
    sound = synthesize_residual(dry, 65_536, RATE, seed=5) + 10 ** (-62 / 20) * rng.standard_normal(65_536)
    found = fit_residual(sound, Modes(), RATE, bands=24)
    later = float(noise_power(found, np.array([1.0]))[0])
    assert 10 * math.log10(later + 1e-20) < -75.0
    assert min(found.decay_per_s) >= 1.5


def test_a_room_is_found_with_its_decay() -> None:
    """By the median of five draws, since a narrow band of one may be off by a sixth."""
    shared = replace(NOISE, room=NoiseComponent((-52.0,) * 24, (9.0,) * 24))
    sounds = [synthesize_residual(shared, 67_200, RATE, seed) for seed in range(5)]
    found = [fit_residual(sound, Modes(), RATE) for sound in sounds]
    decay = [room_decay(one, np.array([500.0, 1000.0, 4000.0, 12_000.0])) for one in found]
    assert np.abs(np.median(decay, axis=0) / 9.0 - 1.0).max() < 0.1
    assert np.abs(np.array(decay) / 9.0 - 1.0).max() < 0.25


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


def test_rumble_of_the_recording_is_no_part_of_the_hit() -> None:
    """Low noise that fluctuates as narrow bands do, known from stretches without a hit, leaves no slow decay behind."""
    length, dry, left_db, early_db = 48_000, replace(NOISE, room=None), [], []
    for seed in range(3):
        rumble = 0.03 * lowpass(np.random.default_rng(seed).standard_normal(4 * length), 200.0)
        sound = synthesize_residual(dry, length, RATE, seed) + rumble[:length]
        found = fit_residual(sound, Modes(), RATE, quiet=rumble[length:].reshape(-1, 9600))
        late = expected_power(found, np.linspace(30.0, 200.0, 50), np.array([0.6])).mean()
        left_db.append(10.0 * math.log10(late / (np.mean(np.square(rumble)) / 180.0) + 1e-12))
        middle = (np.linspace(400.0, 900.0, 50), np.array([0.01]))
        early_db.append(10.0 * math.log10(expected_power(found, *middle).mean() / expected_power(dry, *middle).mean()))
    assert np.median(left_db) < -30.0 and max(left_db) < -10.0
    assert np.median(early_db) == pytest.approx(0.0, abs=2.0)


def test_steady_stretches_are_told_from_what_dies_away_and_from_silence(rng: np.random.Generator) -> None:
    noise = rng.standard_normal(RATE)
    ringing = noise * np.exp(-8.0 * np.arange(RATE) / RATE)
    assert len(find_steady(1e-3 * noise, RATE)) >= 3
    assert not len(find_steady(ringing, RATE)) and not len(find_steady(np.zeros(RATE), RATE))
    mixed = np.concatenate([noise, 0.01 * noise, ringing])
    quiet = choose_quiet(find_steady(mixed, RATE), RATE)
    assert np.sqrt(np.mean(np.square(quiet))) == pytest.approx(0.01, rel=0.05)


def lowpass(noise: np.ndarray, cutoff_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(noise.size, 1 / RATE) > cutoff_hz] = 0.0
    sound: np.ndarray = np.fft.irfft(spectrum, noise.size)
    return sound
