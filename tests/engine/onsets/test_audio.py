"""Onsets in sound: synthetic strikes at known times and levels, steady tones, silence."""

from __future__ import annotations

import numpy as np

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
