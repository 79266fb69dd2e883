"""Unsaved work of closed tabs and ended processes: offered to the next visit, whole, until it is saved or forgotten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.core.errors import BadInput
from engine.core.file_lock import hold_lock
from engine.core.paths import ASSETS
from engine.document.edits.values import Edit, with_hits
from tests.clips import make_clip
from tests.ui_tab import Tab, make_context
from ui.handlers import open_first
from ui.kept_sessions import forget_session, kept_sessions, mark_running, note_open_sessions
from ui.protocol.events import KeptSession
from ui.server import create_app
from ui.session import Session
from ui.session_registry import SessionRegistry
from ui.welcome import recent


def close_tab(tab: Tab) -> None:
    tab.session.leave(tab)  # type: ignore[arg-type]
    tab.session.keep()


def edited_demo(session: Session) -> Tab:
    tab = Tab(session)
    tab.open_demo()
    tab.edit("set_mix", gain_db=-1.0)
    return tab


@pytest.mark.slow
def test_edited_work_of_a_closed_tab_is_offered_and_untouched_demos_are_not(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    edited = edited_demo(Session(context, "edited-one"))
    for tab in (edited, Tab(Session(context, "untouched"))):
        if tab is not edited:
            tab.open_demo()
        close_tab(tab)
    (kept,) = kept_sessions(context)
    assert isinstance(kept, KeptSession)
    assert (kept.session, kept.name, kept.hits, kept.saved_as) == ("edited-one", "demo_sound", 12, None)
    assert kept.clip_there and 0 <= kept.age_s < 60
    visit = Tab(Session(context, "next-visit"))
    open_first(visit.session)
    visit.settle()
    assert visit.session.project is None  # the start page offers the list
    goes_on = Tab(Session(context, "edited-one"))
    open_first(goes_on.session)
    goes_on.settle()
    assert goes_on.session.require_project() == edited.session.require_project()


@pytest.mark.slow
def test_what_is_saved_or_forgotten_is_offered_no_more(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    saved, forgotten = edited_demo(Session(context, "saved-one")), edited_demo(Session(context, "forgotten"))
    saved.ask("save")
    for tab in (saved, forgotten):
        close_tab(tab)
    assert [kept.session for kept in kept_sessions(context)] == ["forgotten"]
    saved.ask("forget_session", session="forgotten")
    assert not kept_sessions(context) and not saved.errors
    saved.edit("set_mix", gain_db=-3.0)
    close_tab(saved)
    (kept,) = kept_sessions(context)
    assert kept.saved_as == "demo_sound.struck.json"


@pytest.mark.slow
def test_work_that_a_tab_shows_is_not_offered_nor_forgotten(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    sessions = SessionRegistry(context)
    tab = edited_demo(sessions.get("watched-one"))
    tab.session.keep()
    assert not kept_sessions(context)
    tab.ask("forget_session", session="watched-one")
    assert "open in another tab" in tab.errors[-1]
    close_tab(tab)
    assert [kept.session for kept in kept_sessions(context)] == ["watched-one"]
    sessions.close()


@pytest.mark.slow
def test_nothing_is_offered_where_others_can_reach_the_app(tmp_path: Path) -> None:
    close_tab(edited_demo(Session(make_context(tmp_path), "private-one")))
    assert kept_sessions(make_context(tmp_path)) and not kept_sessions(make_context(tmp_path, listen=True))


def test_a_process_that_did_not_end_by_itself_is_noticed_once(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    left = context.folder("running") / "12345-1"
    with hold_lock(left), TestClient(create_app(context)):
        assert not context.crashed  # another Struck runs beside this one
    with mark_running(context):
        assert context.crashed and not left.exists()
    after = make_context(tmp_path)
    with mark_running(after):
        assert not after.crashed


def test_uploads_and_saved_projects_stand_among_the_recent_files_once(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    tab = Tab(Session(context, "uploader-1"))
    for folder in ("aaaa", "bbbb"):
        place = tab.session.folder("uploads") / folder
        place.mkdir()
        shutil.copy(make_clip(tmp_path / "take.mp4", count=10), place / "take.mp4")
        tab.ask("open", path=f"upload:{folder}/take.mp4")
        tab.settle()
    assert [Path(path).parent.name for path in recent(context)] == ["bbbb"]
    tab.ask("save")
    assert Path(recent(context)[0]).name == "take.struck.json" and len(recent(context)) == 2
    assert not any(Path(path).is_relative_to(ASSETS) for path in recent(context))


@pytest.mark.slow
def test_work_that_another_running_process_shows_is_neither_offered_nor_forgotten(tmp_path: Path) -> None:
    here, there = make_context(tmp_path), make_context(tmp_path)
    close_tab(edited_demo(Session(here, "shown-there")))
    with mark_running(there), mark_running(here):
        there.watched_sessions = lambda: {"shown-there"}
        note_open_sessions(there)
        assert not kept_sessions(here)
        with pytest.raises(BadInput, match="open in another tab"):
            forget_session(here, "shown-there")
        there.watched_sessions = set
        note_open_sessions(there)
        assert [kept.session for kept in kept_sessions(here)] == ["shown-there"]
        there.watched_sessions = lambda: {"shown-there"}
        note_open_sessions(there)
    assert [kept.session for kept in kept_sessions(here)] == ["shown-there"]  # that process has ended
    assert not list(here.folder("running").iterdir()) and not here.crashed


@pytest.mark.slow
def test_unsaved_work_is_kept_where_another_document_takes_its_place(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    tab = edited_demo(Session(context, "one-tab"))
    first = tab.session.require_project()
    tab.open_demo("silent")
    assert any(note["message"].startswith("demo_sound is kept with its unsaved changes") for note in tab.heard("note"))
    (kept,) = tab.last("welcome")["kept"]
    assert (kept["name"], kept["hits"], kept["saved_as"]) == ("demo_sound", 12, None)
    tab.open_demo("sound")  # the silent one was not touched
    tab.edit("set_mix", gain_db=-2.0)
    tab.ask("save")
    tab.ask("close")
    assert len(kept_sessions(context)) == 1 and not tab.errors
    goes_on = Tab(Session(context, kept["session"]))
    open_first(goes_on.session)
    goes_on.settle()
    assert goes_on.session.require_project() == first
    goes_on.ask("close")
    assert [one.name for one in kept_sessions(context)] == ["demo_sound", "demo_sound"]


@pytest.mark.slow
def test_where_others_can_reach_the_app_a_tab_is_offered_its_own_work_alone(tmp_path: Path) -> None:
    context = make_context(tmp_path, listen=True)
    tab = edited_demo(Session(context, "own-work"))
    tab.open_demo("silent")
    (kept,) = tab.last("welcome")["kept"]
    other = Tab(Session(context, "other-one"))
    other.session.send_welcome()
    assert other.last("welcome")["kept"] == []
    other.ask("forget_session", session=kept["session"])
    assert "open in another tab" in other.errors[-1]
    tab.ask("forget_session", session=kept["session"])
    assert tab.last("welcome")["kept"] == [] and not tab.errors


@pytest.mark.slow
def test_a_document_that_cannot_be_kept_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context(tmp_path)
    tab = edited_demo(Session(context, "full-disk"))
    first = tab.session.require_project()

    def fail(*_: object) -> None:
        raise BadInput("the autosave cannot be written (no space left on device); choose another place")

    monkeypatch.setattr("ui.session_autosave.autosave", fail)
    tab.ask("open_demo", name="silent")
    tab.settle()
    assert tab.session.require_project() is first
    assert "no space left on device" in tab.errors[-1] and f"{tab.session.name} stays open" in tab.errors[-1]
    # What failed is shown until the user goes on.
    assert tab.last("status")["phase"] == "error"
    tab.edit("set_mix", gain_db=-1.0)
    tab.settle()
    assert tab.last("status")["phase"] != "error"


@pytest.mark.slow
def test_what_is_removed_by_a_program_is_not_kept(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    sessions = SessionRegistry(context)
    tab = edited_demo(sessions.get("program-1"))
    close_tab(tab)
    sessions.remove("program-1")
    assert not kept_sessions(context)
    sessions.close()


@pytest.mark.slow
def test_hits_found_before_a_search_is_cancelled_stay(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    tab = Tab(Session(context, "stopped-1"))
    tab.open_demo()
    hits = tab.session.require_project().hits
    for former in ((), hits[:2]):
        tab.session.show(with_hits(tab.session.require_project(), former))
        tab.session.show_provisional(Edit("Detect hits", lambda project: with_hits(project, hits)), "analysis 1")
        tab.ask("cancel")
        tab.settle()
        assert tab.session.require_project().hits == (former if former else hits)
        assert tab.last("document")["undo"] == (None if former else "Detect hits")
