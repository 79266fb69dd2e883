"""Hits heard and seen, by known answers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from engine.onsets.audio import detect_in_sound
from engine.onsets.motion import detect_in_picture
from engine.onsets.track import pick

RATE_HZ = 48_000


def test_strikes_are_heard_to_two_milliseconds() -> None:
    times = [0.5, 0.9, 1.6]
    sound = 1e-4 * np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32)
    for at in times:
        t = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
        first = int(at * RATE_HZ)
        sound[first : first + len(t)] += (0.5 * np.cos(2 * np.pi * 900 * t) * np.exp(-20 * t)).astype(np.float32)
    found = [onset.time_s for onset in pick(detect_in_sound(sound, RATE_HZ))]
    assert np.allclose(found, times, atol=2e-3)
    blocks = (sound[i : i + 7001] for i in range(0, len(sound), 7001))
    assert [o.time_s for o in pick(detect_in_sound(blocks, RATE_HZ))] == found


def test_silence_and_black_hold_no_hits() -> None:
    assert not detect_in_sound(np.zeros(RATE_HZ, np.float32), RATE_HZ).candidates
    black = ((k / 25, np.zeros((90, 160), np.uint8)) for k in range(50))
    assert not detect_in_picture(black, Fraction(25), 2.0).candidates
