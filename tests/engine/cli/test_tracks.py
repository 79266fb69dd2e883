"""``--track``: another sound track of a clip, in detection, in the project and when that is opened again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.document.storage import load_project
from tests.clips import make_clicks, make_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "two.mp4", sounds=[(0.0, make_clicks([t], 2.0)) for t in (0.4, 1.3)])


def test_detection_uses_the_track_and_lists_all(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, time_s, used in (((), 0.4, 0), (("--track", "0"), 0.4, 0), (("--track", "1"), 1.3, 1)):
        assert main(["detect", str(clip), "--source", "audio", "--json", "-", *options]) == 0
        printed = capsys.readouterr()
        (onset,) = json.loads(printed.out)["onsets"]
        assert onset["time_s"] == pytest.approx(time_s, abs=0.005)
        assert f"sound tracks: 0 (aac, mono, default), 1 (aac, mono); using {used}" in printed.err


def test_a_track_that_is_not_there_is_refused(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", str(clip), "--track", "2"]) == 2
    assert "has no sound track 2; choose one of 0 (aac" in capsys.readouterr().err


@pytest.mark.slow
def test_the_project_remembers_its_track(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for track, time_s in ((0, 0.4), (1, 1.3)):
        path = tmp_path / f"{track}.struck.json"
        assert main(["render", str(clip), "--track", str(track), "--project", str(path)]) == 0
        project = load_project(path)
        assert project.clip.audio_track == track and [hit.time_s for hit in project.hits] == pytest.approx(
            [time_s], abs=0.01
        )
        assert ("audio_track" in json.loads(path.read_text())["clip"]) == bool(track)
        assert project.sounds[0].origin == "clip"
    assert main(["render", str(path), "--track", "1", "--markers", str(tmp_path / "m.csv")]) == 2
    assert "leave it out" in capsys.readouterr().err
