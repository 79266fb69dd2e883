"""The physics as sound and as a file: against a slow reference, at any length, level true, nothing over Nyquist."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.physics.macros import apply_macros
from engine.physics.model import Macros, Modes, NoiseComponent, Physics, Residual
from engine.physics.noise import synthesize_residual
from engine.physics.presets import load_presets
from engine.physics.synthesis import ring_time_s, synthesize, synthesize_modes
from tests.sounds import BELL, NOISE, PLATE, RATE, make_modes, reference

MANY = make_modes(
    [float(f) for f in np.geomspace(40.0, 23_990.0, 300)],
    [-40.0] * 300,
    [float(d) for d in np.geomspace(0.2, 2500.0, 300)],
    [0.02 * k for k in range(300)],
)
FULL = replace(
    NOISE,
    tail=NoiseComponent(tuple(-45.0 - 0.5 * k for k in range(24)), tuple(15.0 + 0.2 * k for k in range(24))),
    attack=NoiseComponent((-25.0,) * 24, (400.0,) * 24),
    rise_s=0.008,
)


@pytest.mark.parametrize("length", [3, 4801, 70_001])
def test_a_batch_of_unlike_sounds_matches_the_slow_reference(length: int) -> None:
    """Lives of 3 ms to many seconds, none to 300 modes, in one batch: each is its own sum and that of itself alone."""
    brief = make_modes([5000.0], [-6.0], [2800.0], [0.5])
    steady = make_modes([60.0, 23_900.0], [-3.0, -30.0], [0.0, 3.0], [1.0, 2.0])
    sounds = [BELL, Modes(), MANY, brief, steady, PLATE]
    batch = synthesize_modes(sounds, length, RATE)
    assert batch.shape == (6, length) and batch.dtype == torch.float32
    for row, modes in zip(batch, sounds, strict=True):
        assert np.abs(row.numpy() - reference(modes, length)).max() < 3e-6
        assert (row - synthesize_modes([modes], length, RATE)[0]).abs().max() < 1e-6


def test_a_tail_never_stops_and_its_phase_stays_exact() -> None:
    modes = make_modes([9123.456, 50.1], [0.0, -3.0], [0.05, 0.0], [0.7, 2.0])
    sound = synthesize_modes([modes], 60 * RATE, RATE)[0].numpy()
    assert np.abs(sound[-4800:] - reference(modes, 4800, start=60 * RATE - 4800)).max() < 1e-6
    assert np.abs(sound[-4800:]).max() > 0.7
    undamped = make_modes([440.0], [-6.0], [0.0], [0.0])
    assert np.square(synthesize(Physics(undamped), 25.0)[-RATE:]).mean() == pytest.approx(0.5 * 10**-0.6, rel=1e-3)


def test_a_part_is_the_beginning_of_the_whole() -> None:
    """A longer sound does not change the shorter one."""
    whole = synthesize_modes([BELL], 48_000, RATE)
    assert torch.allclose(synthesize_modes([BELL], 7000, RATE), whole[:, :7000], atol=1e-7)


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


def test_a_sound_comes_in_over_its_rise() -> None:
    """A raised cosine over modes and noise alike, at the middle of each sample, and nothing else."""
    time = (np.arange(4800) + 0.5) / RATE
    gain = np.where(time < 0.01, 0.5 - 0.5 * np.cos(np.pi * time / 0.01), 1.0)
    slow, abrupt = (synthesize(Physics(BELL, replace(FULL, rise_s=s)), 0.1, seed=3) for s in (0.01, 0.0))
    assert np.abs(slow - abrupt * gain).max() < 1e-6
    assert np.array_equal(slow[480:], abrupt[480:])


def under_peak_db(part: np.ndarray, sound: np.ndarray) -> float:
    """Peak of a part of a sound in dB re the sound's own."""
    return float(20.0 * np.log10(np.abs(part).max() / np.abs(sound).max() + 1e-15))


def lost_db(physics: Physics) -> float:
    """Peak of what would still sound after the end that ``synthesize`` chooses, in dB re the sound's own."""
    sound = synthesize(physics)
    longer = synthesize(physics, sound.size / physics.sample_rate_hz + 0.5)
    return under_peak_db(longer[sound.size :], longer)


def test_what_the_longest_time_cuts_fades_and_does_not_step() -> None:
    """A mode with a T60 of 60 s is 20 dB down at 20 s; until a second before, it sounds as it does."""
    bowl = Physics(make_modes([440.0], [-12.0], [math.log(1000) / 60.0], [0.4]))
    sound, whole = synthesize(bowl), synthesize(bowl, 20.0)
    assert sound.size == whole.size == 20 * RATE
    assert under_peak_db(whole[-480:], whole) > -21.0
    assert np.array_equal(sound[:-RATE], whole[:-RATE])
    assert sound[-1] == pytest.approx(0.0, abs=1e-9) and under_peak_db(sound[-480:], sound) < -80.0
    assert under_peak_db(sound[-RATE // 2 :], sound) == pytest.approx(-25.5, abs=1.0)  # a slow fade


@pytest.mark.parametrize(
    "physics", [Physics(PLATE, FULL), Physics(residual=NOISE), Physics(make_modes([90.0], [0.0], [2500.0], [0.0]))]
)
def test_a_sound_ends_at_nothing_and_its_start_is_its_own(physics: Physics) -> None:
    sound = synthesize(physics)
    assert abs(float(sound[-1])) < 1e-9
    own = synthesize(physics, sound.size / RATE)
    kept = max(3 * sound.size // 4 - 1, sound.size - RATE // 50)
    assert np.array_equal(sound[:kept], own[:kept])


def test_what_is_never_heard_does_not_end_the_sound() -> None:
    """A loud mode or band at or above half the rate would lift the floor over the quiet mode that alone sounds."""
    quiet = make_modes([440.0], [-40.0], [4.0], [0.0])
    loud = make_modes([24_200.0, 440.0], [0.0, -40.0], [60.0, 4.0], [0.0, 0.0])
    above = Residual((24_000.0, 26_000.0), (0.0,), (500.0,))
    t60_s = math.log(1000) / 4.0
    for physics in (Physics(quiet), Physics(loud), Physics(quiet, above)):
        assert ring_time_s(physics) == pytest.approx(t60_s)
        assert lost_db(physics) < -59.0
    assert ring_time_s(Physics(replace(loud, muted=(True, True)), above)) == 0.0


def test_a_sound_that_rises_slowly_is_not_cut_while_it_rises() -> None:
    """What falls while the sound comes in is no measure of its level: the peak is."""
    fast = make_modes([2000.0, 5000.0], [-6.0, -12.0], [100.0, 200.0], [0.0, 0.0])
    for rise_s in (0.0, 0.002, 0.02, 0.1):
        assert lost_db(Physics(fast, Residual(rise_s=rise_s))) < -55.0
    jar = next(preset for preset in load_presets() if preset.name == "Glass, ringing")
    damped, noise = apply_macros(jar.modes, jar.residual, Macros(damping=1.0, hardness=-1.0))
    assert noise.rise_s > 0.01
    assert lost_db(Physics(damped, noise)) < -55.0


def test_a_tiny_rise_changes_next_to_nothing() -> None:
    abrupt = synthesize(Physics(BELL, replace(FULL, rise_s=0.0)), 0.1)
    for rise_s, change in ((1e-9, 1e-9), (1.1e-5, 0.01), (2e-5, 0.6)):
        slow = synthesize(Physics(BELL, replace(FULL, rise_s=rise_s)), 0.1)
        assert np.abs(slow - abrupt).max() <= change * np.abs(abrupt).max()
