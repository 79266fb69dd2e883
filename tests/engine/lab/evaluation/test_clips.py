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
        assert row["middle_db"] == pytest.approx(6.0, abs=0.2) and row["tail_db"] > 20.0 and abs(row["attack_ms"]) < 0.3
    table = tabulate_clips([{"systems": {"prior": {"each": rows, "lowered_db": 0.0}}}])
    assert table[0]["hits"] == 2 and any(line.startswith("| peak, dB | 6.0") for line in format_clips(table))
