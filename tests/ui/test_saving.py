"""Project files of several tabs: none overwrites another's, and what was saved is said."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import ui.server
from engine.core.paths import ASSETS
from engine.document.storage import load_project
from tests.clips import make_clip
from tests.ui_tab import Tab, make_context, wait_until
from ui import session_registry
from ui.context import AppContext
from ui.session import Session

pytestmark = pytest.mark.slow


def open_clip(context: AppContext, session_id: str, clip: Path) -> Tab:
    tab = Tab(Session(context, session_id))
    tab.ask("open", path=str(clip))
    tab.settle()
    assert not tab.errors
    return tab


def said(tab: Tab) -> str:
    return str(tab.last("note")["message"])


@pytest.fixture
def project_file(tmp_path: Path) -> Path:
    """A project beside its clip, as a user keeps it."""
    shutil.copy(ASSETS / "demo_silent.mp4", tmp_path / "film.mp4")
    project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
    project["clip"] |= {"path": str(tmp_path / "film.mp4"), "relative_path": "film.mp4"}
    (tmp_path / "film.struck.json").write_text(json.dumps(project))
    return tmp_path / "film.struck.json"


def test_clips_of_one_name_get_a_file_each_and_keep_it(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    tabs = []
    for number in (1, 2, 3):
        (tmp_path / str(number)).mkdir()
        clip = make_clip(tmp_path / str(number) / "take.mp4", count=25 + number)
        tabs.append(open_clip(context, f"session-{number}", clip))
    for _ in range(2):
        for tab in tabs:
            tab.edit("set_mix", gain_db=-1.0)
            tab.ask("save")
    folder = context.home / "projects"
    names = ["take.struck.json", "take 2.struck.json", "take 3.struck.json"]
    assert {path.name for path in folder.iterdir()} == set(names)
    for number, (tab, name) in enumerate(zip(tabs, names, strict=True), 1):
        assert load_project(folder / name).clip.path == str(tmp_path / str(number) / "take.mp4")
        assert said(tab) == f"Saved {folder / name}" and not tab.errors
    other = make_clip(tmp_path / "take.mp4", count=40)
    tabs[0].ask("open", path=str(other))  # another document in the same tab is another file
    tabs[0].settle()
    tabs[0].ask("save")
    assert load_project(folder / names[0]).clip.path == str(tmp_path / "1" / "take.mp4")
    assert load_project(folder / "take 4.struck.json").clip.path == str(other)


def test_two_tabs_on_one_project_are_told_and_the_second_is_saved_beside(tmp_path: Path, project_file: Path) -> None:
    context = make_context(tmp_path)
    first, second = open_clip(context, "first-tab", project_file), open_clip(context, "second-tab", project_file)
    assert not first.heard("note") and "open in another tab" in said(second)
    first.edit("set_mix", gain_db=-3.0)
    first.ask("save")
    assert said(first) == f"Saved {project_file}" and first.last("document")["project"]["saved"]
    second.edit("set_mix", gain_db=-7.0)
    second.ask("save")
    beside = project_file.with_name("film 2.struck.json")
    assert "was changed by another tab" in said(second) and str(beside) in said(second)
    assert load_project(project_file).mix.gain_db == -3.0 and load_project(beside).mix.gain_db == -7.0
    second.edit("set_mix", gain_db=-8.0)
    second.ask("save")
    assert load_project(beside).mix.gain_db == -8.0 and not list(tmp_path.glob("film 3*"))


def test_a_restarted_session_knows_what_it_saved(tmp_path: Path, project_file: Path) -> None:
    context = make_context(tmp_path)
    before = open_clip(context, "kept-tab", project_file)
    before.edit("set_mix", gain_db=-3.0)
    before.ask("save")
    before.session.keep()
    after = Tab(Session(make_context(tmp_path), "kept-tab"))
    assert after.session.resume()
    after.edit("set_mix", gain_db=-4.0)
    after.ask("save")
    assert said(after) == f"Saved {project_file}" and load_project(project_file).mix.gain_db == -4.0
    after.session.keep()
    project_file.write_text(project_file.read_text().replace("-4.0", "-5.0"))  # another program, while this one is off
    later = Tab(Session(make_context(tmp_path), "kept-tab"))
    assert later.session.resume()
    later.ask("save")
    assert "was changed by another" in said(later) and load_project(project_file).mix.gain_db == -5.0


def test_where_others_can_reach_the_app_each_session_saves_in_its_own_folder(tmp_path: Path) -> None:
    context = make_context(tmp_path, listen=True)
    tabs = [Tab(Session(context, f"public-{k}")) for k in range(2)]
    for tab in tabs:
        tab.open_demo()
        tab.ask("save")
        assert said(tab) == "Saved demo_sound.struck.json" and not tab.errors
    files = list((context.home / "projects").rglob("*.json"))
    assert len(files) == 2 and files[0].parent != files[1].parent


def test_a_second_tab_of_a_session_is_told_of_the_first(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.server, "SECOND_TAB_AFTER_S", 0.0)
    address = "ws://127.0.0.1/struck/ws?session=doubled&tab="
    with client.websocket_connect(f"{address}one") as first:
        first.receive_json()  # it has joined the session: only then is there a first tab to be told of
        with client.websocket_connect(f"{address}two") as second:
            while (message := second.receive_json())["type"] != "note":
                pass
            assert "another tab shows this project too" in message["message"]


def test_a_failed_autosave_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = Tab(Session(make_context(tmp_path), "full-disk"))
    tab.open_demo()
    tab.session.keep()
    folder = tmp_path / "data" / "sessions"
    kept = folder / "full-disk.struck.json"
    with monkeypatch.context() as patched:
        patched.setattr("engine.document.storage.write_file", refuse)
        tab.edit("set_mix", gain_db=-2.0)
        for _ in range(3):
            tab.session.keep()
        tab.session.keep(is_last=True)
    assert len(tab.errors) == 1 and "no space" in tab.errors[0]
    tab.session.keep()  # not yet: it is tried every few seconds
    tab.session.keep(is_last=True)
    assert json.loads(kept.read_text())["mix"]["gain_db"] == -2.0


def test_work_that_could_not_be_kept_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_registry, "IDLE_S", 0.0)
    monkeypatch.setattr(session_registry, "SWEEP_S", 0.01)
    sessions = session_registry.SessionRegistry(make_context(tmp_path))
    tab = Tab(sessions.get("full-disk"))
    tab.open_demo()
    with monkeypatch.context() as patched:
        patched.setattr("engine.document.storage.write_file", refuse)
        tab.edit("set_mix", gain_db=-2.0)
        wait_until(lambda: tab.errors)
        tab.session.leave(tab)  # type: ignore[arg-type]
        time.sleep(0.5)
        assert sessions.find("full-disk") is tab.session
    monkeypatch.setattr(tab.session._autosave, "_not_before", 0.0)
    wait_until(lambda: sessions.find("full-disk") is None)
    assert json.loads((tmp_path / "data" / "sessions" / "full-disk.struck.json").read_text())["mix"]["gain_db"] == -2.0
    sessions.close()


def test_a_project_opened_through_a_link_is_the_same_file(tmp_path: Path, project_file: Path) -> None:
    context = make_context(tmp_path)
    link = tmp_path / "link.struck.json"
    link.symlink_to(project_file)
    first, second = open_clip(context, "first-tab", project_file), open_clip(context, "second-tab", link)
    assert "open in another tab" in said(second)
    first.edit("set_mix", gain_db=-3.0)
    first.ask("save")
    second.edit("set_mix", gain_db=-7.0)
    second.ask("save")
    assert load_project(project_file).mix.gain_db == -3.0
    assert load_project(tmp_path / "link 2.struck.json").mix.gain_db == -7.0


def refuse(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")
