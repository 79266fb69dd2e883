"""The transient nearest to a hit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.pipeline.open_clip import open_clip
from engine.pipeline.snap_hits import find_transients, nearest_transient
from tests.clips import make_clicks, make_clip

RATE_HZ = 48_000


def struck(times_s: list[float], duration_s: float = 0.3) -> np.ndarray:
    """Rings that begin at given times, over a steady hiss."""
    rng = np.random.default_rng(1)
    sound = 0.002 * rng.standard_normal(round(duration_s * RATE_HZ))
    for time_s in times_s:
        first = round(time_s * RATE_HZ)
        n = np.arange(len(sound) - first)
        sound[first:] += 0.5 * np.exp(-n / 1500) * np.sin(2 * np.pi * 1800 * n / RATE_HZ + 0.5)
    return sound.astype(np.float32)


def test_transients_are_found_to_the_millisecond_and_steady_sound_has_none() -> None:
    found = find_transients(struck([0.05, 0.12, 0.2]))
    assert found == pytest.approx([0.05, 0.12, 0.2], abs=0.001)
    assert not len(find_transients(struck([])))
    assert not len(find_transients(np.zeros(4800, np.float32)))


def test_the_nearest_one_is_taken_and_only_within_reach(tmp_path: Path) -> None:
    clip = open_clip(
        make_clip(tmp_path / "a.mp4", count=50, sounds=[(0.0, make_clicks([0.5, 0.56, 1.4], 2.0))])
    ).project.clip
    assert nearest_transient(clip, 0.49) == pytest.approx(0.5, abs=0.002)
    assert nearest_transient(clip, 0.545) == pytest.approx(0.56, abs=0.002)
    assert nearest_transient(clip, 1.0) is None


def test_a_silent_clip_has_the_onsets_of_its_picture(tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "b.mp4")).project.clip
    assert nearest_transient(clip, 0.5, [0.2, 0.62, 0.9]) == 0.62
    assert nearest_transient(clip, 0.5, []) is None
