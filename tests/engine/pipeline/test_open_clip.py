"""Opening a clip gives a document with a waiting sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.document.edits.settings import set_source
from engine.document.project import Detection
from engine.document.source import SILENT, WAITING
from engine.pipeline.open_clip import match_clip, open_clip


def test_a_clip_opens_with_a_sound_that_waits_and_says_so(clip: Path, silent_clip: Path) -> None:
    project = open_clip(clip).project
    assert project.clip.frame_rate == 25 and project.clip.duration_s == pytest.approx(4.0)
    assert project.clip.has_audio and len(project.clip.digest) == 64 and not project.hits
    (sound,) = project.sounds
    assert sound.origin == "preset" and sound.source.reason == WAITING
    assert open_clip(silent_clip).project.sounds[0].source.reason == SILENT


def test_a_sound_that_is_not_there_is_no_source_of_hits(clip: Path, silent_clip: Path) -> None:
    project = open_clip(silent_clip).project
    stored = replace(project, detection=Detection("audio"))
    assert match_clip(stored).detection.source == "video"
    with pytest.raises(BadInput, match="the clip has no sound to detect hits in; choose the picture"):
        set_source("audio").apply(project)
    assert set_source("audio").apply(open_clip(clip).project).detection.source == "audio"


def test_no_clip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        open_clip(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(BadInput):
        open_clip(tmp_path / "text.mp4")
