"""The speed of a stroke from the picture, of a square that swings to and fro."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.document.project import Clip, Hit
from engine.physics.model import Stroke
from engine.pipeline import follow_picture as module

CLIP = Clip("/c.mp4", "d", 4.0, Fraction(25), 320, 180)
HIT = Hit("h1", 1.0, "s1", 1, stroke=Stroke(2.0, (1.0,)))
SWING_S = 1.0


def film(place: Callable[[float], float]) -> Any:
    """Frames of a noisy ground with a textured square of 32 pixels whose left edge is at ``place(time_s)``."""
    ground = np.random.default_rng(1).integers(60, 80, (180, 320)).astype(np.uint8)
    square = np.random.default_rng(2).integers(120, 250, (8, 8)).repeat(4, 0).repeat(4, 1).astype(np.uint8)

    def frames(path: str, height: int, start_s: float, end_s: float) -> Iterator[tuple[float, np.ndarray]]:
        for number in range(round(CLIP.duration_s * 25)):
            if start_s <= number / 25 < end_s:
                frame = ground.copy()
                left = round(place(number / 25))
                frame[70:102, left : left + 32] = square
                yield number / 25, frame

    return frames


def test_the_speed_is_that_of_what_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    swing_px = 60.0
    monkeypatch.setattr(module, "iter_frames", film(lambda t: 150 + swing_px * np.sin(2 * np.pi * t / SWING_S)))
    stroke = module.follow_picture(CLIP, HIT)
    at_s = np.linspace(0.0, 2.0, len(stroke.speeds))
    expected = np.abs(np.cos(2 * np.pi * at_s / SWING_S))
    assert max(stroke.speeds) == 1.0 and stroke.length_s == 2.0
    assert np.corrcoef(stroke.speeds, expected)[0, 1] > 0.9
    # At the turns it stands nearly still, in between it is near its fastest.
    assert np.interp([0.25, 0.75, 1.25], at_s, stroke.speeds).max() < 0.4
    assert np.interp([0.5, 1.0, 1.5], at_s, stroke.speeds).min() > 0.6


def test_a_still_picture_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "iter_frames", film(lambda t: 150.0))
    with pytest.raises(BadInput, match="nothing moves"):
        module.follow_picture(CLIP, HIT)
