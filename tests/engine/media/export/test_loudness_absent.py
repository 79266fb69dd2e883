"""Where PyAV tells nothing of a frame, as the last one for Python 3.10, sound is written without its loudness."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.media.export import loudness


def test_without_metadata_of_frames_loudness_is_undefined(monkeypatch: pytest.MonkeyPatch) -> None:
    tone = (0.1 * np.sin(0.1 * np.arange(48_000))).astype(np.float32)
    assert math.isfinite(loudness.measure_loudness(tone, 48_000).integrated_lufs)
    monkeypatch.setattr(loudness, "AudioFrame", object)
    assert all(map(math.isnan, loudness.measure_loudness(tone, 48_000)))
