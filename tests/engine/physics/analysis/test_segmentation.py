"""Segmentation of hits among clicks, hum, further hits and clipping, and the modes estimated from them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.physics.analysis.analyze import analyze_hit, single_hit
from engine.physics.analysis.modes import restore_clipped
from engine.physics.analysis.segmentation import find_clipped, find_onset, find_restrike, mix_down, remove_offset
from engine.physics.model import Modes
from tests.sounds import BELL, PLATE, RATE, assert_found, make_modes, reference

LENGTH = 67_200
AGAIN = replace(PLATE, phase_rad=(1.0, 2.0, -1.0, 0.5, 3.0, -2.0))


def quiet(length: int, rng: np.random.Generator, level: float = 1e-4) -> np.ndarray:
    return level * rng.standard_normal(length)


def click_before(hit: np.ndarray, lead_s: float, rng: np.random.Generator) -> np.ndarray:
    """A click of 1 ms, half as loud as full scale, ``lead_s`` before a hit that begins at 0.3 s."""
    before = np.zeros(round(0.3 * RATE))
    start = round((0.3 - lead_s) * RATE)
    before[start : start + 48] = 0.5 * rng.standard_normal(48) * np.hanning(48)
    return np.concatenate([before, hit])


def struck_again(level: float) -> np.ndarray:
    """The plate, and the plate once more 150 ms later, ``level`` times as loud."""
    start = round(0.15 * RATE)
    again = np.concatenate([np.zeros(start), reference(AGAIN, LENGTH - start)])
    return reference(PLATE, LENGTH) + level * again


def assert_exact(modes: Modes, truth: Modes) -> None:
    """The aims for clean sounds with room to spare, and little else within 30 dB."""
    assert_found(modes, truth, cents=0.2, decay=0.01, power_db=0.1, phase=0.05)
    strongest = max(truth.power_db)
    count = sum(p > strongest - 30.0 for p in truth.power_db)
    assert sum(p > strongest - 30.0 for p in modes.power_db) == count


# --- channels -------------------------------------------------------------------------------------


def test_equal_channels_come_out_as_they_are() -> None:
    hit = reference(BELL, 4800)
    for count in (1, 2, 5):
        assert np.allclose(mix_down(np.repeat(hit[:, None], count, axis=1)), hit, atol=1e-12)
    assert np.array_equal(mix_down(hit), hit)
    for count in (2, 6):
        alone = np.zeros((len(hit), count))
        alone[:, count // 3] = hit
        assert np.allclose(mix_down(alone), hit, atol=1e-12)


@pytest.mark.parametrize("gain", [-1.0, -0.5, 0.1, 2.0])
def test_no_channel_cancels_another(gain: float, rng: np.random.Generator) -> None:
    """What differs in level or sign alone keeps its shape and at least half of the louder channel's amplitude."""
    hit = reference(BELL, 24_000)
    mixed = mix_down(np.stack([hit, gain * hit], axis=1))
    share = float(mixed @ hit) / float(hit @ hit)
    assert np.abs(mixed - share * hit).max() < 1e-9
    assert 0.5 * max(1.0, abs(gain)) < abs(share) <= max(1.0, abs(gain))


@pytest.mark.parametrize("signs", [(1,), (1, -1), (1, 0), (0, 0, -1, 1)])
@pytest.mark.parametrize("level", [0.03, 0.2, 0.6])
def test_hum_in_all_channels_hides_no_hit(signs: tuple[int, ...], level: float, rng: np.random.Generator) -> None:
    """Hum that is alike in all channels, 50 Hz with an overtone, where the hit is in some and inverted in others."""
    hit = np.concatenate([np.zeros(RATE // 4), reference(PLATE, 2 * RATE)])
    time_s = np.arange(hit.size) / RATE
    hum = level * np.abs(hit).max() * (np.sin(2 * np.pi * 50 * time_s) + 0.3 * np.sin(2 * np.pi * 100 * time_s + 1))
    mixed = mix_down(np.stack([sign * hit + hum + quiet(hit.size, rng) for sign in signs], axis=1))
    assert abs(float(mixed @ hit) / float(hit @ hit)) > 0.24
    assert find_onset(mixed, RATE) == pytest.approx(0.25, abs=0.002)


@pytest.mark.parametrize("gain", [-1.0, -0.5, 0.3])
def test_unequal_channels_give_the_modes_up_to_one_gain(gain: float, rng: np.random.Generator) -> None:
    hit = reference(PLATE, LENGTH)
    modes = analyze_hit(np.stack([hit, gain * hit], axis=1) + 1e-4 * rng.standard_normal((LENGTH, 2)), RATE)[0].modes
    nearest = [int(np.argmin(np.abs(np.subtract(modes.frequency_hz, f)))) for f in PLATE.frequency_hz]
    louder = [modes.power_db[k] - p for k, p in zip(nearest, PLATE.power_db, strict=True)]
    turned = math.pi if abs(math.remainder(modes.phase_rad[nearest[0]] - PLATE.phase_rad[0], math.tau)) > 1 else 0.0
    moved = replace(
        PLATE,
        power_db=tuple(p + louder[0] for p in PLATE.power_db),
        phase_rad=tuple(p + turned for p in PLATE.phase_rad),
    )
    assert_exact(modes, moved)


# --- onset ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack_s", [0.0, 0.001])
@pytest.mark.parametrize("noise_db", [-80.0, -50.0])
def test_onset_is_found_within_a_millisecond(attack_s: float, noise_db: float, rng: np.random.Generator) -> None:
    hit = reference(BELL, 24_000) * np.minimum(1.0, (np.arange(24_000) + 1) / RATE / max(attack_s, 1e-9))
    sound = np.concatenate([np.zeros(10_000), hit]) + 10 ** (noise_db / 20) * rng.standard_normal(34_000)
    assert find_onset(sound, RATE) == pytest.approx(10_000 / RATE, abs=0.001)


@pytest.mark.slow
@pytest.mark.parametrize("lead_s", [0.02, 0.06, 0.2])
def test_a_click_before_the_hit_is_not_the_hit(lead_s: float, rng: np.random.Generator) -> None:
    sound = click_before(reference(PLATE, LENGTH), lead_s, rng)
    sound += quiet(sound.size, rng)
    assert find_onset(sound, RATE) == pytest.approx(0.3, abs=0.001)
    physics, fit = analyze_hit(sound, RATE)
    assert_found(physics.modes, PLATE, cents=0.2, decay=0.01, power_db=0.1, phase=math.pi)
    assert fit > 0.9


def test_a_hit_that_is_short_itself_is_no_click(rng: np.random.Generator) -> None:
    tick = make_modes([1200.0, 3100.0], [-6.0, -10.0], [400.0, 600.0], [0.0, 1.0])
    click = np.concatenate([0.5 * rng.standard_normal(48), np.zeros(24_000)])
    for hit in (reference(tick, 24_000), click):
        sound = np.concatenate([np.zeros(4800), hit])
        assert find_onset(sound + quiet(sound.size, rng, 1e-5), RATE) == pytest.approx(0.1, abs=0.001)


def test_an_onset_at_the_start_or_in_nothing_is_0() -> None:
    assert find_onset(reference(BELL, 9600), RATE) == pytest.approx(0.0, abs=0.001)
    assert find_onset(np.zeros(0), RATE) == 0.0 and find_onset(np.zeros(4800), RATE) == 0.0


# --- struck again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 1.0, 2.0])
def test_a_second_hit_ends_what_is_analysed(level: float, rng: np.random.Generator) -> None:
    sound = struck_again(level) + quiet(LENGTH, rng)
    again_s = find_restrike(sound, RATE)
    assert again_s == pytest.approx(0.15, abs=0.01)
    assert single_hit(sound, RATE).size < round(0.15 * RATE) + 0.006 * RATE
    physics, _ = analyze_hit(sound, RATE, onset_s=0.0)
    assert_found(physics.modes, PLATE, cents=1.0, decay=0.02, power_db=0.2, phase=0.05)


@pytest.mark.parametrize(
    "frequency", [[440.0, 444.0], [440.0, 460.0], [300.0, 350.0, 3000.0, 3040.0], [1000.0, 1004.0]]
)
def test_modes_that_beat_are_not_struck_again(frequency: list[float], rng: np.random.Generator) -> None:
    count = len(frequency)
    modes = make_modes(frequency, [-6.0] * count, [3.45] * count, [0.0] * count)
    sound = reference(modes, LENGTH) + quiet(LENGTH, rng, 1e-5)
    assert find_restrike(sound, RATE) is None and single_hit(sound, RATE) is sound


def test_a_hit_alone_or_nothing_at_all_is_not_struck_again(rng: np.random.Generator) -> None:
    for modes in (BELL, PLATE, make_modes([900.0], [-6.0], [50.0], [0.0])):
        assert find_restrike(reference(modes, LENGTH) + quiet(LENGTH, rng), RATE) is None
    assert find_restrike(np.zeros(0), RATE) is None and find_restrike(quiet(LENGTH, rng), RATE) is None


# --- clipping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("frequency_hz", [100.0, 7130.0])
def test_peaks_of_one_height_are_clipped(frequency_hz: float) -> None:
    """Long flat ones of a low tone as well as those of a sample or two; a dying sound does not repeat its peak."""
    wave = reference(make_modes([frequency_hz], [0.0], [10.0], [-1.5]), 9600)
    assert np.array_equal(find_clipped(np.clip(wave, -0.7, 0.7)), np.abs(wave) > 0.7 * (1.0 - 1e-4))
    assert not find_clipped(wave).any()


def test_clipping_is_found_when_an_offset_moved_it_on_one_side_and_in_one_channel() -> None:
    wave = reference(make_modes([100.0], [0.0], [10.0], [-1.5]), 9600)
    moved = np.clip(wave, -0.7, 0.7) + 0.01
    assert np.array_equal(find_clipped(moved), np.abs(wave) > 0.7 * (1.0 - 1e-4))
    one_side = np.minimum(wave, 0.7)
    assert np.array_equal(find_clipped(one_side), wave > 0.7 * (1.0 - 1e-4))
    channels = np.stack([one_side, 0.5 * wave], axis=1)
    assert np.array_equal(find_clipped(channels), wave > 0.7 * (1.0 - 1e-4))


def test_an_offset_is_removed_and_what_has_none_stays() -> None:
    sound = np.concatenate([np.zeros(4800), reference(BELL, LENGTH)])
    np.testing.assert_allclose(remove_offset(sound + 0.1, 4800), sound, atol=1e-12)
    np.testing.assert_allclose(remove_offset(sound[4800:] + 0.1), sound[4800:], atol=1e-3)
    assert remove_offset(sound, 4800) is sound


def test_nothing_and_a_single_flat_peak_are_not_clipped() -> None:
    step = np.concatenate([np.full(20, 0.5), 0.4 * reference(BELL, 4800)])
    for sound in (np.zeros(0), np.zeros(100), reference(BELL, 9600), reference(PLATE, 9600), step):
        assert not find_clipped(sound).any()


@pytest.mark.slow
@pytest.mark.parametrize("truth", [BELL, PLATE], ids=["bell", "plate"])
def test_clipped_peaks_are_put_back(truth: Modes, rng: np.random.Generator) -> None:
    """Half of the peak is lost; the modes are those of the whole."""
    whole = reference(truth, LENGTH)
    limit = 0.5 * float(np.abs(whole).max())
    sound = np.clip(whole + quiet(LENGTH, rng), -limit, limit)
    clipped = find_clipped(sound)
    assert np.count_nonzero(clipped) > 100
    restored = restore_clipped(sound, clipped, RATE)
    assert np.array_equal(restored[~clipped], sound[~clipped])
    assert np.square(restored - whole)[clipped].mean() < 1e-3 * np.square(sound - whole)[clipped].mean()
    modes = analyze_hit(sound, RATE, onset_s=0.0)[0].modes
    assert_found(modes, truth, cents=2.0, decay=0.03, power_db=0.3, phase=0.1)


# --- whatever is recorded -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 96_000, 192_000])
def test_modes_up_to_0_45_of_any_rate(rate: int, rng: np.random.Generator) -> None:
    frequency = [share * rate for share in (0.01, 0.05, 0.13, 0.27, 0.36, 0.449)]
    power, decay = [-6.0, -12.0, -10.0, -20.0, -15.0, -20.0], [6.9, 8.6, 13.8, 23.0, 34.0, 46.0]
    truth = make_modes(frequency, power, decay, [0.3, -1.0, 2.0, 0.1, -2.0, 1.0])
    length = round(1.4 * rate)
    assert_exact(analyze_hit(reference(truth, length, rate) + quiet(length, rng), rate, onset_s=0.0)[0].modes, truth)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("truth", "noise"),
    [
        (make_modes([2000.0, 5000.0, 900.0], [-6.0, -10.0, -6.0], [1381.6, 863.5, 6.9], [0.3, 1.0, 2.0]), 1e-4),
        (make_modes([500.0, 1510.0, 2700.0], [-6.0, -20.0, -40.0], [0.3454] * 3, [0.3, 1.0, 2.0]), 3e-5),
        (make_modes([500.0, 1510.0, 6000.0], [-6.0, -66.0, -66.0], [6.9, 6.9, 23.0], [0.3, 1.0, -1.0]), 1e-6),
        (
            make_modes([440.0, 444.0, 1000.0, 1004.0], [-6.0, -10.0, -12.0, -12.0], [6.9] * 4, [0.3, 1.0, 2.0, -1.0]),
            1e-4,
        ),
    ],
    ids=["T60 5 ms", "T60 20 s", "60 dB under", "pairs 4 Hz apart"],
)
def test_modes_at_the_ends_of_what_there_is(truth: Modes, noise: float, rng: np.random.Generator) -> None:
    modes = analyze_hit(reference(truth, LENGTH) + quiet(LENGTH, rng, noise), RATE, onset_s=0.0)[0].modes
    assert_exact(modes, truth)


def test_hum_from_before_the_hit_is_none_of_its_modes(rng: np.random.Generator) -> None:
    time = np.arange(-RATE // 4, LENGTH) / RATE
    hum = 0.02 * np.sin(2.0 * np.pi * 50.0 * time) + 0.01 * np.sin(2.0 * np.pi * 1000.0 * time)
    sound = np.concatenate([np.zeros(RATE // 4), reference(PLATE, LENGTH)]) + hum + quiet(time.size, rng, 1e-3)
    physics, _ = analyze_hit(sound, RATE)
    assert min(abs(f - 1000.0) for f in physics.modes.frequency_hz) > 5.0 and min(physics.modes.frequency_hz) > 300.0
    assert_found(physics.modes, PLATE, cents=0.5, decay=0.03, power_db=0.2, phase=math.pi)
