"""What a tab finds when it comes back: work that stopped goes on, and nothing is emptied or lost on the way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import engine.media.proxy
import engine.pipeline.headroom
from engine.core.errors import Cancelled
from engine.document.edits.settings import set_mix
from engine.document.project import Mix
from tests.clips import make_clicking_clip
from tests.ui_tab import Tab, make_context, open_tab, wait_until
from ui import headroom
from ui.handlers import open_first
from ui.jobs import Job
from ui.own_presets import OwnPresets
from ui.protocol.exporting import ExportOptions
from ui.server import create_app
from ui.session_registry import SessionRegistry


def test_a_queue_that_paused_twice_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = SessionRegistry(make_context(tmp_path)).get("queue-paused")
    queue = session.queue
    rendered: list[str] = []

    def render(entry: Any, job: Job) -> None:
        if session.watched:
            rendered.append(entry.source.name)
            queue._show(entry, phase="done")
            return
        queue._show(entry, phase="rendering")
        wait_until(lambda: job._cancelled.is_set())
        raise Cancelled

    monkeypatch.setattr(queue, "_render", render)
    queue.add([tmp_path / "a.mp4", tmp_path / "b.mp4"], ["wav"], ExportOptions())
    wait_until(lambda: queue.message().items[0].phase == "rendering")
    session.rest()
    wait_until(lambda: not queue.busy)
    session.rest()  # as the sweep does as long as no tab is there
    Tab(session)
    wait_until(lambda: rendered == ["a.mp4", "b.mp4"])


@pytest.mark.slow
def test_the_picture_waveform_and_curve_that_were_cut_short_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip that browsers cannot play; the tab goes while its proxy is made."""
    make_proxy = engine.media.proxy.make_proxy
    goes_on = threading.Event()

    def wait_first(source: Path, target: Path, progress: Any, track: int | None) -> None:
        while not goes_on.is_set():
            progress(0.1)
        make_proxy(source, target, progress, track)

    monkeypatch.setattr(engine.media.proxy, "make_proxy", wait_first)
    clip = make_clicking_clip(tmp_path / "clip.mkv")
    tab = Tab(SessionRegistry(make_context(tmp_path)).get("proxy-cut-short"))
    session = tab.session
    tab.ask("open", path=str(clip))
    wait_until(lambda: session.helper.busy and not session.worker.busy)
    assert session.project is not None
    session.leave(tab)  # type: ignore[arg-type]
    for _ in range(2):
        session.rest()
        wait_until(lambda: not session.helper.busy)
    session.set_media(curve=None, waveform=None)
    session.track = None
    goes_on.set()
    again = Tab(session)
    open_first(session)
    again.settle()
    media = again.last("media")
    assert again.last("document")["project"]["clip"]["media_url"] and media["waveform"] and media["curve"]


@pytest.mark.slow
def test_an_upload_before_the_tab_is_there_leaves_its_work(tmp_path: Path) -> None:
    app = create_app(make_context(tmp_path))
    with TestClient(app, base_url="http://127.0.0.1"):
        tab = Tab(app.state.sessions.get("upload-first"))
        tab.open_demo()
        tab.edit("add_hit", time_s=1.25, velocity_db=-4.0)
        work = tab.session.project
    app = create_app(make_context(tmp_path))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.post("/struck/upload?session=upload-first&name=list.csv", content=b"timecode\n00:00:01:00\n")
        assert answer.status_code == 200
        session = app.state.sessions.get("upload-first")
        again = Tab(session)
        assert not again.heard("document")  # a page that shows the work still is not emptied
        open_first(session)
        again.settle()
        assert session.project == work and all(message["project"] for message in again.heard("document"))


def test_a_level_set_while_headroom_is_computed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = open_tab(SessionRegistry(make_context(tmp_path)))
    session = tab.session
    tab.edit("set_mix", gain_db=0.0)
    monkeypatch.setattr(headroom, "Mix", lambda: mixed)
    mixed: Mix = session.require_project().mix

    def find_slowly(*_: object) -> object:
        tab.edit("set_mix", gain_db=-20.0)
        return set_mix(gain_db=-3.0)

    monkeypatch.setattr(engine.pipeline.headroom, "keep_headroom", find_slowly)
    session.headroom_gesture = "analysis 1"
    headroom.keep_headroom(session)
    assert session.require_project().mix.gain_db == -20.0


def test_presets_of_two_programs_are_all_kept(tmp_path: Path) -> None:
    from engine.document.presets import OwnPreset
    from engine.physics.presets import load_presets

    made = load_presets()[0]
    one, other = OwnPresets(tmp_path), OwnPresets(tmp_path)
    assert not one.list() and not other.list()  # both have read the file
    for presets, name in ((one, "of one"), (other, "of the other")):
        presets.put([OwnPreset(name, (), made.modes, made.residual, "", (), ())])
    assert [preset.name for preset in OwnPresets(tmp_path).list()] == ["of one", "of the other"]
    one.remove("of the other")
    assert [preset.name for preset in OwnPresets(tmp_path).list()] == ["of one"]


def test_pictures_and_sound_of_another_clip_are_not_given_for_one(client: TestClient, tab: Tab) -> None:
    digest, session = tab.session.require_project().clip.digest, tab.session.id
    film = f"/struck/filmstrip/{session}?start_s=0&end_s=1&count=2&height=32&v="
    sound = f"/struck/samples/{session}?start_s=0&end_s=0.1&v="
    for address in (f"{film}{digest[:12]}", f"{sound}{digest}-0"):
        assert client.get(address).status_code == 200
    tab.open_demo("silent")
    for address in (f"{film}{digest[:12]}", f"{sound}{digest}-0"):
        answer = client.get(address)
        assert answer.status_code == 409 and answer.headers["cache-control"] == "no-store"


def test_an_export_is_cancelled_alone(tab: Tab) -> None:
    """The analysis of a clip, here a job that waits, goes on."""
    started = threading.Event()

    def wait(job: Job) -> None:
        started.set()
        while True:
            job.check()

    work, export = tab.session.worker.start(wait), tab.session.exports.start(wait)
    wait_until(started.is_set)
    tab.ask("cancel", only_export=True)
    wait_until(export.finished.is_set)
    assert not work.finished.is_set()
    tab.ask("cancel")
    wait_until(work.finished.is_set)
