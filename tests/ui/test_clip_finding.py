"""The clip of a project that was moved or replaced is asked for, found by its content, and put in its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.core.paths import ASSETS
from engine.document.storage import load_project
from tests.clips import make_clip
from tests.ui_tab import Tab, check_sentence, make_context
from ui.session import Session

pytestmark = pytest.mark.slow


@pytest.fixture
def project_file(tmp_path: Path) -> Path:
    """A project whose clip lies under another name deep in another folder, among other clips."""
    project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
    project["clip"] |= {"path": str(tmp_path / "gone" / "film.mp4"), "relative_path": "film.mp4"}
    (tmp_path / "film.struck.json").write_text(json.dumps(project))
    (tmp_path / "shelf" / "deep").mkdir(parents=True)
    make_clip(tmp_path / "shelf" / "film.mp4", count=30)
    shutil.copy(ASSETS / "demo_silent.mp4", tmp_path / "shelf" / "deep" / "scene 4.MP4")
    return tmp_path / "film.struck.json"


def asked(tab: Tab) -> list[str | None]:
    return [message["name"] for message in tab.heard("clip_wanted")]


def test_a_project_opens_once_its_clip_is_found(tmp_path: Path, project_file: Path) -> None:
    tab = Tab(Session(make_context(tmp_path), "moved"))
    tab.ask("open", path=str(project_file))
    tab.settle()
    assert asked(tab) == ["film.mp4"] and tab.session.project is None
    assert tab.last("clip_wanted")["duration_s"] == pytest.approx(
        json.loads(project_file.read_text())["clip"]["duration_s"]
    )
    reasons = {
        "shelf/film.mp4": "is not the clip film.mp4 that",
        "nowhere": "neither a file nor a folder",
        "data": "none of 0",
    }
    for place, reason in reasons.items():
        tab.ask("find_clip", path=str(tmp_path / place))
        tab.settle()
        assert reason in tab.errors[-1] and tab.session.project is None
        check_sentence(tab.errors[-1])
    later = Tab(tab.session)  # a reload asks again
    assert asked(later) == ["film.mp4"]
    tab.ask("find_clip", path=str(tmp_path / "shelf"))
    tab.settle()
    found = tmp_path / "shelf" / "deep" / "scene 4.MP4"
    assert asked(tab) == ["film.mp4", None] and tab.session.require_project().clip.path == str(found)
    assert tab.last("document")["project"]["clip"]["playable"]
    tab.ask("save")
    assert load_project(project_file).clip.path == str(found)


def test_a_clip_that_moves_while_its_project_is_open_is_put_in_its_place(tmp_path: Path) -> None:
    shutil.copy(ASSETS / "demo_silent.mp4", tmp_path / "a.mp4")
    project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
    project["clip"] |= {"path": str(tmp_path / "a.mp4"), "relative_path": "a.mp4"}
    (tmp_path / "a.struck.json").write_text(json.dumps(project))
    tab = Tab(Session(make_context(tmp_path), "moving"))
    tab.ask("open", path=str(tmp_path / "a.struck.json"))
    tab.settle()
    tab.edit("set_mix", gain_db=-3.0)
    (tmp_path / "a.mp4").rename(tmp_path / "b.mp4")
    make_clip(tmp_path / "a.mp4", count=30)
    tab.ask("detect")
    tab.settle()
    assert asked(tab) == ["a.mp4"] and "a.mp4 is no longer the clip" in tab.errors[-1]
    tab.ask("find_clip", path=str(tmp_path / "b.mp4"))
    tab.settle()
    tab.ask("undo")  # the edit is undone, not the move
    now = tab.session.require_project()
    assert (now.mix.gain_db, now.clip.path) == (0.0, str(tmp_path / "b.mp4")) and asked(tab) == ["a.mp4", None]
    tab.ask("find_clip", path=str(tmp_path / "b.mp4"))
    assert "no project is waiting for its clip any more" in tab.errors[-1]
