"""Onsets in sound: synthetic strikes at known times and levels, steady tones, silence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from engine.onsets.audio import detect_audio_onsets
from engine.onsets.track import OnsetTrack, pick, strength_to_velocity_db

RATE_HZ = 48_000


def times_of(track: OnsetTrack) -> list[float]:
    return [onset.time_s for onset in pick(track)]


def make_strikes(times_s: list[float], levels: list[float]) -> np.ndarray:
    sound = 1e-4 * np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32)
    t = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    for at, level in zip(times_s, levels, strict=True):
        first = int(at * RATE_HZ)
        sound[first : first + len(t)] += (level * np.cos(2 * np.pi * 900 * t) * np.exp(-20 * t)).astype(np.float32)
    return sound


def test_strikes_are_found_to_two_milliseconds() -> None:
    times = [0.5, 0.9, 1.6]
    sound = make_strikes(times, [0.5, 0.5, 0.5])
    found = times_of(detect_audio_onsets(sound, RATE_HZ))
    assert np.allclose(found, times, atol=2e-3)
    blocks = (sound[i : i + 7001] for i in range(0, len(sound), 7001))
    assert times_of(detect_audio_onsets(blocks, RATE_HZ)) == found


def test_a_harder_strike_is_stronger_and_faster() -> None:
    found = pick(detect_audio_onsets(make_strikes([0.3, 0.9, 1.5], [0.02, 0.1, 0.5]), RATE_HZ), 0.2)
    strengths = [onset.strength for onset in found]
    assert len(strengths) == 3 and strengths == sorted(strengths)
    velocities = [strength_to_velocity_db(strength) for strength in (0.0, *strengths, 1.0)]
    assert velocities == sorted(velocities) and velocities[-1] == 0.0 and velocities[0] < -12.0


def test_a_steady_tone_is_no_strike_and_silence_holds_nothing() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE_HZ) / RATE_HZ).astype(np.float32)
    assert [t for t in times_of(detect_audio_onsets(tone, RATE_HZ)) if t > 0.05] == []
    assert not detect_audio_onsets(np.zeros(RATE_HZ, np.float32), RATE_HZ).candidates


@pytest.mark.parametrize("begins_s", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("level", [0.003, 0.03, 0.1])
def test_a_steady_noise_that_begins_is_no_strike_and_those_in_it_are(begins_s: float, level: float) -> None:
    noise = level * np.random.default_rng(2).standard_normal(3 * RATE_HZ).astype(np.float32)
    noise[: int(begins_s * RATE_HZ)] = 0.0
    noise[: 2 * RATE_HZ] += make_strikes([0.9, 1.5], [0.8, 0.8])
    assert np.allclose(times_of(detect_audio_onsets(noise, RATE_HZ)), [0.9, 1.5], atol=0.01)


def test_a_strike_out_of_silence_is_one_whatever_rings_on() -> None:
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    for decay_per_s in (0.7, 3.0, 30.0):  # 0.7: a T60 of 10 s, as of a gong
        ring = 0.3 * np.exp(-decay_per_s * t) * np.sin(2 * np.pi * 300 * t)
        contact = 0.3 * np.exp(-1500 * t) * np.random.default_rng(3).standard_normal(len(t))
        sound = np.concatenate([np.zeros(RATE_HZ // 4), ring + contact]).astype(np.float32)
        assert np.allclose(times_of(detect_audio_onsets(sound, RATE_HZ)), [0.25], atol=5e-3)


@pytest.mark.parametrize("band_hz", [(20, 40), (25, 40), (20, 60)])
def test_rumble_is_no_strike_and_those_in_it_are(band_hz: tuple[float, float]) -> None:
    draws = np.random.default_rng(4).standard_normal(4 * RATE_HZ)
    rumble = sosfilt(butter(4, band_hz, "band", fs=RATE_HZ, output="sos"), draws)[RATE_HZ:]
    rumble = (0.3 * rumble / np.abs(rumble).max()).astype(np.float32)
    assert times_of(detect_audio_onsets(rumble, RATE_HZ)) == []
    rumble[: 2 * RATE_HZ] += make_strikes([0.9, 1.5], [0.8, 0.8])
    assert np.allclose(times_of(detect_audio_onsets(rumble, RATE_HZ)), [0.9, 1.5], atol=0.01)


def test_a_tone_under_the_lowest_hum_is_no_strike_whatever_phase_it_begins_at() -> None:
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    for frequency_hz in (20.0, 25.0, 31.5, 40.0):
        for phase_rad in np.arange(8) * np.pi / 4:
            tone = (0.3 * np.sin(2 * np.pi * frequency_hz * t + phase_rad)).astype(np.float32)
            assert times_of(detect_audio_onsets(tone, RATE_HZ)) == []
