"""What a killed process leaves behind: the last edit, and a search for hits that the next start finishes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import ui.session_registry
from engine.document.storage import load_autosave
from tests.clips import make_clicks, make_clip
from tests.ui_tab import DEMO_HITS, Tab, make_context, wait_until
from ui import clip_service
from ui.server import create_app
from ui.session import Session
from ui.session_registry import SessionRegistry

pytestmark = pytest.mark.slow


def test_an_edit_is_kept_at_once_and_not_at_the_next_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui.session_registry, "SWEEP_S", 1e6)
    context = make_context(tmp_path)
    sessions = SessionRegistry(context)
    tab = Tab(sessions.get("kept-at-once"))
    tab.open_demo()
    for number in range(1, 4):
        tab.edit("set_mix", gain_db=-1.0 * number)
        expected = tab.session.project

        def is_kept(expected: object = expected) -> bool:
            kept = load_autosave(context.folder("sessions"), "kept-at-once")
            return kept is not None and kept.project == expected

        wait_until(is_kept)
    sessions.close()


def test_what_was_acknowledged_is_kept_and_what_is_sent_again_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tab sends what was not acknowledged again after a restart, be it in the autosave or not."""
    monkeypatch.setattr(ui.session_registry, "KEEP_EVERY_S", 1e6)  # no round keeps anything
    folder = make_context(tmp_path).folder("sessions")

    def change(number: int) -> dict[str, object]:
        edit = {"kind": "add_hit", "time_s": 0.1 * number, "velocity_db": -3.0}
        return {"type": "edit", "number": number, "gesture": None, "edit": edit}

    def send(client: TestClient, *numbers: int) -> int:
        """Send changes and wait for the last to be acknowledged; how many hits the document has then."""
        with client.websocket_connect("ws://127.0.0.1/struck/ws?session=acknowledged&tab=page") as socket:
            while (message := socket.receive_json())["type"] != "document" or not message["project"]:
                pass
            for number in numbers:
                socket.send_json(change(number))
            while message["type"] != "document" or message["handled"] < numbers[-1]:
                message = socket.receive_json()
            kept = load_autosave(folder, "acknowledged")
            assert kept is not None and kept.handled == {"page": numbers[-1]}
            assert len(kept.project.hits) == len(message["project"]["hits"])
            return len(kept.project.hits)

    counts = []
    for numbers in ((1, 2), (2, 3)):
        app = create_app(make_context(tmp_path))
        with TestClient(app, base_url="http://127.0.0.1") as client:
            monkeypatch.setattr(app.state.sessions, "close", lambda: None)  # the process is killed
            counts.append(send(client, *numbers))
    assert counts == [DEMO_HITS + 2, DEMO_HITS + 3]


def test_a_search_for_hits_that_was_cut_short_is_finished_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "a.mp4", count=50, sounds=[(0.0, make_clicks([0.4, 1.1], 2.0))])
    reached: list[bool] = []

    def hang(*_: object) -> None:
        reached.append(True)
        time.sleep(1e6)

    with monkeypatch.context() as killed:
        killed.setattr("engine.pipeline.process.find_hits", hang)
        before = Tab(Session(make_context(tmp_path), "cut-short"))
        before.ask("open", path=str(clip))
        wait_until(lambda: reached)
        before.session.keep()
    after = Tab(Session(make_context(tmp_path), "cut-short"))
    assert after.session.resume() and not after.session.require_project().hits
    clip_service.resume_clip(after.session)
    after.settle()
    times_s = [hit.time_s for hit in after.session.require_project().hits]
    assert times_s == pytest.approx([0.4, 1.1], abs=0.02)
    after.session.keep()
    kept = load_autosave(after.session.context.folder("sessions"), "cut-short")
    assert kept is not None and not kept.unfinished and len(kept.project.hits) == 2


def test_hits_that_were_all_deleted_stay_deleted_after_a_restart(tmp_path: Path) -> None:
    before = Tab(Session(make_context(tmp_path), "deleted"))
    before.open_demo()
    before.edit("delete_hits", ids=[hit.id for hit in before.session.require_project().hits])
    before.session.keep()
    after = Tab(Session(make_context(tmp_path), "deleted"))
    assert after.session.resume()
    clip_service.resume_clip(after.session)
    after.settle()
    assert not after.session.require_project().hits


def test_a_clip_replaced_by_another_of_its_name_is_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", count=50, sounds=[(0.0, make_clicks([0.4, 1.1], 2.0))])
    tab = Tab(Session(make_context(tmp_path), "replaced"))
    tab.ask("open", path=str(clip))
    tab.settle()
    before = tab.session.require_project()
    whole = clip.read_bytes()
    make_clip(clip, count=40, sounds=[(0.0, make_clicks([0.7], 1.6))])
    tab.ask("detect")
    tab.settle()
    tab.ask("export", what=["mp4"])
    tab.settle()
    assert len(tab.errors) == 2
    assert all("a.mp4 is no longer the clip that the hits were made for; put" in error for error in tab.errors)
    assert tab.session.project == before and not list(tmp_path.rglob("*_struck.mp4"))
    tab.session.keep()
    after = Tab(Session(make_context(tmp_path), "replaced"))
    assert after.session.resume() and after.session.project == before
    clip_service.resume_clip(after.session)
    after.settle()
    assert ["a.mp4 is no longer the clip" in error for error in after.errors] == [True]
    clip.write_bytes(whole)
    tab.ask("export", what=["mp4"])
    tab.settle()
    assert len(tab.errors) == 2 and tab.heard("exported")


def test_a_clock_set_backwards_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context(tmp_path)
    tab = Tab(Session(context, "clock"))
    tab.open_demo()
    tab.ask("export", what=["markers"])
    tab.settle()
    tab.session.keep()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3e8)  # ten years
    context.tidy()
    (exported,) = context.home.rglob("*_markers.csv")
    assert exported.read_text().startswith("time_s")
    tab.edit("set_mix", gain_db=-5.0)
    tab.session.keep()
    kept = load_autosave(context.folder("sessions"), "clock")
    assert kept is not None and kept.project == tab.session.project
    tab.ask("export", what=["markers", "wav"], existing="replace")
    tab.settle()
    assert not tab.errors and len(tab.last("exported")["files"]) == 2
