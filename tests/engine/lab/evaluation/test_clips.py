"""What is measured of a track beside its clip is what was changed in it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from engine.document.project import Clip, Hit, Project, Sound
from engine.document.source import Source
from engine.lab.evaluation.clips.evaluate import compare_track, format_clips, tabulate_clips
from engine.physics.model import Modes, Residual
from tests.sounds import RATE


def test_a_louder_track_with_a_low_tail_is_told() -> None:
    clip = Clip("c.mp4", "", 4.0, Fraction(25), 64, 36, has_audio=True)
    sound = Sound("s1", "A", Modes(), Residual(), Source("clip", time_s=0.5))
    project = Project(clip, (sound,), (Hit("h1", 0.5, "s1", 1), Hit("h2", 2.5, "s1", 2)))
    own = 1e-4 * np.random.default_rng(0).standard_normal(4 * RATE)
    time_s = np.arange(RATE) / RATE
    strike = 0.3 * np.sin(2 * np.pi * 2500.0 * time_s) * np.exp(-60.0 * time_s)
    track = np.zeros(4 * RATE)
    for start in (RATE // 2, 5 * RATE // 2):
        own[start : start + RATE] += strike
        track[start : start + RATE] += 2.0 * strike + 0.01 * np.sin(2 * np.pi * 200.0 * time_s)
    rows = compare_track(project, own, track)
    assert len(rows) == 2
    for row in rows:
        assert row["peak_db"] == pytest.approx(6.0, abs=0.3) and row["energy_db"] == pytest.approx(6.0, abs=0.3)
        assert row["middle_db"] == pytest.approx(6.0, abs=0.2) and abs(row["attack_ms"]) < 0.3
        assert row["excess_db"] > 20.0
    table = tabulate_clips([{"systems": {"prior": {"each": rows, "lowered_db": 0.0}}}])
    assert table[0]["hits"] == 2 and any(line.startswith("| peak, dB | 6.0") for line in format_clips(table))


def test_treble_that_is_missing_is_told_whatever_the_level() -> None:
    clip = Clip("c.mp4", "", 2.0, Fraction(25), 64, 36, has_audio=True)
    project = Project(
        clip, (Sound("s1", "A", Modes(), Residual(), Source("clip", time_s=0.5)),), (Hit("h1", 0.5, "s1", 1),)
    )
    time_s = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * hz * time_s) * np.exp(-20.0 * time_s) for hz in (1500.0, 9000.0))
    own, track = 1e-5 * np.random.default_rng(0).standard_normal((2, 2 * RATE))
    own[RATE // 2 : RATE // 2 + RATE] += 0.2 * low + 0.02 * high
    track[RATE // 2 : RATE // 2 + RATE] += 0.4 * low + 0.02 * high
    (row,) = compare_track(project, own, track)
    assert row["high_db"] == pytest.approx(0.0, abs=0.1) and row["treble_db"] == pytest.approx(-6.0, abs=0.1)


def test_an_exact_copy_over_rumble_reads_0(rng: np.random.Generator) -> None:
    """Rumble that fluctuates as narrow bands do, and tails of its level: neither is told as a loss."""
    clip = Clip("c.mp4", "", 20.0, Fraction(25), 64, 36, has_audio=True)
    sound = Sound("s1", "A", Modes(), Residual(), Source("clip", time_s=1.5))
    hits = tuple(Hit(f"h{k}", 1.5 + 2.0 * k, "s1", k + 1) for k in range(9))
    track = np.zeros(20 * RATE)
    time_s = np.arange(RATE) / RATE
    for hit in hits:
        start = round(hit.time_s * RATE)
        track[start : start + RATE] += 0.2 * np.sin(2 * np.pi * 300.0 * time_s) * np.exp(-5.0 * time_s)
    spectrum = np.fft.rfft(rng.standard_normal(track.size))
    spectrum[np.fft.rfftfreq(track.size, 1 / RATE) > 200.0] = 0.0
    rumble = np.fft.irfft(spectrum, track.size)
    rows = compare_track(Project(clip, (sound,), hits), track + 0.01 * rumble / rumble.std(), track)
    tails = [row["tail_db"] for row in rows]
    assert len(tails) == 9 and abs(np.median(tails)) < 0.5
    assert max(row["excess_db"] for row in rows) < 1.0 and all(abs(row["energy_db"]) < 0.5 for row in rows)
