"""The trial of a clip in the editor: what it measures, on sounds made for it, and the trial itself on a made clip."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.core.paths import ASSETS
from engine.lab.benchmarks.growth import leave_sampler_out
from engine.lab.evaluation.editor.evaluate import find_faults, main
from engine.lab.evaluation.editor.measure import is_picture_untouched, measure_mode, measure_move

RATE_HZ = 48_000


def strike(at_s: float, frequency_hz: float, length_s: float = 2.0) -> np.ndarray:
    """A track [N, 2] with one ringing hit and a steady noise that no edit changes."""
    time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ - at_s
    rung = np.exp(-12.0 * np.maximum(time_s, 0.0)) * np.sin(2.0 * np.pi * frequency_hz * time_s) * (time_s >= 0.0)
    noise = 0.1 * np.random.default_rng(5).standard_normal(len(time_s))
    return np.repeat((rung + noise)[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("moved_s", [-0.1, -0.0213, 0.075])
def test_a_move_is_measured_to_a_sample(moved_s: float) -> None:
    without = strike(5.0, 640.0)  # it would sound after the track's end
    heard_s = measure_move(without, strike(0.8, 640.0), strike(0.8 + moved_s, 640.0), RATE_HZ)
    assert heard_s == pytest.approx(moved_s, abs=1.0 / RATE_HZ)


@pytest.mark.parametrize("put_hz", [310.0, 800.0, 5210.0])
def test_a_moved_mode_is_measured_to_a_part_in_a_thousand(put_hz: float) -> None:
    heard_hz = measure_mode(strike(0.5, 640.0), strike(0.5, put_hz), 0.5, 1.02 * put_hz, RATE_HZ)
    assert heard_hz == pytest.approx(put_hz, rel=1e-3)


def test_what_is_heard_otherwise_than_shown_is_a_fault() -> None:
    right = {
        "page_errors": [], "moved_ms": -40.0, "heard_moved_ms": -40.2, "mode_hz": 900.0, "heard_mode_hz": 901.0,
        "peak": 0.5, "wav_difference": 6e-8, "picture_untouched": True,
    }  # fmt: skip
    assert find_faults(right) == []
    wrong = {"heard_moved_ms": -42.0, "heard_mode_hz": 910.0, "wav_difference": 1e-3, "picture_untouched": False}
    assert [len(find_faults(right | {name: value})) for name, value in wrong.items()] == [1, 1, 1, 1]


@pytest.mark.browser
@pytest.mark.slow
def test_the_demo_is_opened_dragged_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = shutil.copyfile(ASSETS / "demo_sound.mp4", tmp_path / "bells.mp4")
    checkpoints = leave_sampler_out(tmp_path / "checkpoints")
    main([str(clip), "--ckpt-dir", str(checkpoints), "--out", str(tmp_path / "seen"), "--json", "-"])
    (result,) = json.loads(capsys.readouterr().out)
    assert result["hits"] == 12 and result["faults"] == [] and result["picture_untouched"]
    assert result["moved_ms"] < -20.0 and result["mode_hz"] > 1.05 * result["mode_was_hz"]
    assert len(list((tmp_path / "seen").glob("bells_*.png"))) == 4
    assert not is_picture_untouched(clip, ASSETS / "demo_silent.mp4")
