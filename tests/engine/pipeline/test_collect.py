"""A project as a folder of its own, which opens wherever it is taken to."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.core.errors import BadInput, Cancelled
from engine.document.project import Project, Sound
from engine.document.source import Source
from engine.document.storage import load_project
from engine.media.open import digest_file
from engine.physics.model import Modes, Residual
from engine.pipeline.collect import collect_project, restore_recordings
from engine.pipeline.open_clip import open_clip
from engine.pipeline.recordings import find_recording, keep_samples
from tests.clips import make_clip


def make_project(folder: Path, cache: Cache) -> Project:
    (folder / "film").mkdir()
    project = open_clip(make_clip(folder / "film" / "take 1.mp4")).project
    ring = np.exp(-np.arange(9600) / 2000) * np.sin(np.arange(9600) / 9)
    sound = Sound("s9", "Bell", Modes(), Residual(), Source("file", name="bell.wav"))
    return replace(project, sounds=(keep_samples(ring, 48_000, sound, cache),))


def test_a_collected_project_opens_elsewhere_with_clip_and_recordings(tmp_path: Path) -> None:
    cache = Cache(None)
    project = make_project(tmp_path, cache)
    parts: list[float] = []
    path = collect_project(project, tmp_path / "out", "take 1", cache, parts.append)
    assert path == tmp_path / "out" / "take 1" / "take 1.struck.json" and parts[-1] == 1.0
    shutil.move(path.parent, tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "film")
    moved = tmp_path / "elsewhere" / path.name
    opened = load_project(moved, digest_of=digest_file)
    assert opened.clip.path == str(tmp_path / "elsewhere" / "take 1.mp4")
    assert replace(opened, clip=project.clip) == project
    other = Cache(None)
    restore_recordings(opened, moved, other)
    before, after = (find_recording(opened, opened.sounds[0], store) for store in (cache, other))
    assert np.array_equal(before.samples, after.samples) and before.sample_rate_hz == after.sample_rate_hz


def test_an_existing_folder_is_kept_and_what_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(None)
    project = make_project(tmp_path, cache)
    first = collect_project(project, tmp_path / "out", "take", cache)
    second = collect_project(project, tmp_path / "out", "take", cache)
    assert second.parent.name == "take 2" and first.is_file()

    def stop(part: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        collect_project(project, tmp_path / "out", "take", cache, stop)
    assert sorted(folder.name for folder in (tmp_path / "out").iterdir()) == ["take", "take 2"]


def test_a_missing_clip_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, Cache(None))
    shutil.rmtree(tmp_path / "film")
    with pytest.raises(BadInput, match="not there to be collected"):
        collect_project(project, tmp_path / "out", "take", Cache(None))


def test_a_recording_that_was_changed_is_not_taken(tmp_path: Path) -> None:
    cache = Cache(None)
    project = make_project(tmp_path, cache)
    path = collect_project(project, tmp_path, "take", cache)
    (recording,) = (path.parent / "recordings").iterdir()
    data = bytearray(recording.read_bytes())
    data[-5] ^= 0xFF
    recording.write_bytes(data)
    other = Cache(None)
    restore_recordings(project, path, other)
    assert other.get(project.sounds[0].source.recording) is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_in_place_of_a_recording_holds_nobody_up(tmp_path: Path) -> None:
    project = make_project(tmp_path, Cache(None))
    (tmp_path / "recordings").mkdir()
    os.mkfifo(tmp_path / "recordings" / f"Bell {project.sounds[0].source.recording}.wav")
    other = Cache(None)
    restore_recordings(project, tmp_path / "p.struck.json", other)
    assert other.get(project.sounds[0].source.recording) is None
