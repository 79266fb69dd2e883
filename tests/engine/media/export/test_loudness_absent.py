"""Where PyAV tells nothing of a frame, as the last one for Python 3.10, sound is written without its loudness.

A loudness that is asked for is refused, before any work.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.media.export import loudness
from engine.pipeline.events import RenderedHit
from engine.pipeline.loudness import fit_loudness
from tests.command_line import refuse
from tests.delivered_project import make_project


def test_without_metadata_of_frames_loudness_is_undefined(monkeypatch: pytest.MonkeyPatch) -> None:
    tone = (0.1 * np.sin(0.1 * np.arange(48_000))).astype(np.float32)
    assert math.isfinite(loudness.measure_loudness(tone, 48_000).integrated_lufs)
    monkeypatch.setattr(loudness, "AudioFrame", object)
    assert all(map(math.isnan, loudness.measure_loudness(tone, 48_000)))


def test_a_loudness_that_cannot_be_measured_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(loudness, "AudioFrame", object)
    tone = (0.1 * np.sin(0.1 * np.arange(48_000))).astype(np.float32)
    with pytest.raises(BadInput, match=r"install Struck with Python 3\.11 or later"):
        fit_loudness(make_project(times=(0.0,)), {"h0": RenderedHit("k", tone)}, -23.0)
    said = refuse(capsys, "render", tmp_path / "no clip.mp4", "--out", tmp_path / "t.wav", "--loudness", "-23")
    assert "loudness is not measured" in said  # before the clip is even looked for
