"""Written clips hold the frames and the sound that they were given, both from 0 s."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.lab.data.clip_writer import write_clip

RATE = Fraction(30000, 1001)


def draw_frames() -> list[np.ndarray]:
    return [np.full((48, 64, 3), 40 + 8 * k, np.uint8) for k in range(20)]


def test_a_clip_holds_the_frames_and_sound_it_was_given(tmp_path: Path) -> None:
    sound = (0.5 * np.sin(np.arange(32_000) * 0.1)).astype(np.float32)
    write_clip(tmp_path / "a.mp4", draw_frames(), RATE, sound, {"crf": "10"})
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
        assert file.streams.video[0].average_rate == RATE
        shown = [(float(frame.time), float(frame.to_ndarray(format="gray").mean())) for frame in file.decode(video=0)]
    assert np.allclose([time_s for time_s, _ in shown], [k / float(RATE) for k in range(20)], atol=1e-4)
    assert np.allclose([grey for _, grey in shown], [40 + 8 * k for k in range(20)], atol=3.0)
    with av.open(str(tmp_path / "a.mp4")) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert len(heard) >= 32_000 and np.abs(heard[1000:31_000] - sound[1000:31_000]).max() < 0.05


def test_a_clip_without_sound_has_none_and_a_locked_place_is_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "b.mp4", iter(draw_frames()), Fraction(25))
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video"]
    with pytest.raises(BadInput, match="cannot be written"):
        write_clip(tmp_path / "none" / "c.mp4", draw_frames(), RATE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.mp4"]
