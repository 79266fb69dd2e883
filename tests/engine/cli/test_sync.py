"""``sync``: the demo's sound moved by a known time, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.paths import ASSETS
from engine.media.sound import read_clip_audio
from tests.command_line import refuse, run

DEMO = ASSETS / "demo_sound.mp4"


@pytest.mark.slow
def test_a_sound_that_was_moved_is_measured_and_a_deleted_blow_is_named(tmp_path: Path) -> None:
    truth = [onset["time_s"] for onset in json.loads((ASSETS / "demo_sound.truth.json").read_text("utf-8"))["onsets"]]
    sound = read_clip_audio(DEMO, 48_000)
    end_s = truth[-1] - 0.05
    sound[round(end_s * 48_000) :] = 0.0
    late, report = tmp_path / "late.wav", tmp_path / "report.json"
    soundfile.write(late, np.concatenate((np.zeros(round(0.12 * 48_000), np.float32), sound)), 48_000)
    assert run("sync", DEMO, late, "--json", report) == 0
    told = json.loads(report.read_text("utf-8"))
    assert told["lag_s"] == pytest.approx(0.12, abs=0.015) and told["confidence"] > 0.9
    assert len(told["hits"]) == len(truth) - 1 and told["drift_s_per_s"] == 0.0
    assert [lone["time_s"] for lone in told["seen_not_heard"]] == pytest.approx(truth[-1:], abs=0.02)
    assert told["heard_not_seen"] == []


def test_what_has_no_sound_or_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    silent_clip = ASSETS / "demo_silent.mp4"
    assert "no sound to compare" in refuse(capsys, "sync", silent_clip)
    assert "missing.wav" in refuse(capsys, "sync", silent_clip, tmp_path / "missing.wav")
    assert "--track" in refuse(capsys, "sync", DEMO, DEMO, "--track", 0)
    (tmp_path / "none").mkdir()
    assert "no synchformer" in refuse(capsys, "sync", silent_clip, "--desync", tmp_path / "none")  # before the rest
