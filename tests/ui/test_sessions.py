"""Sessions of the server: opening, sampling where the latest wins, many at once, and what is kept of them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from engine.core.paths import CHECKPOINTS
from engine.document.serialization import project_to_json
from engine.media.export.loudness import can_measure
from engine.media.sound import read_clip_audio
from engine.pipeline.events import DetectionProgress
from engine.pipeline.headroom import peak_dbtp
from tests.clips import make_clicks, make_clip
from tests.ui_tab import DEMO_HITS, WAIT_S, Tab, check_sentence, make_context, wait_until
from ui.handlers import open_first
from ui.kept_sessions import kept_sessions
from ui.protocol.codec import encode
from ui.protocol.events import DocumentState, Note, ServerMessage
from ui.send_queue import CoalescingSendQueue
from ui.server import create_app
from ui.session import Session

# --- the demo and real clips ------------------------------------------------------------------


@pytest.mark.slow
def test_the_demo_is_there_without_looking_for_hits_or_sampling(tmp_path: Path) -> None:
    context = make_context(tmp_path, checkpoint_folder=CHECKPOINTS)
    tab = Tab(Session(context, "demo"))
    tab.open_demo()
    assert not tab.errors
    assert set(tab.phases) == {"idle"}
    assert len(tab.last("rendered")["hits"]) == DEMO_HITS == len(tab.last("document")["project"]["hits"])
    assert tab.last("media")["curve"] and tab.last("media")["waveform"]


@pytest.mark.slow
def test_a_clip_becomes_hits_and_sounds_in_one_step_of_the_history(tab: Tab, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clicks.mp4", sounds=[(0.0, make_clicks([0.5, 1.2], 2.0))])
    before = len(tab.phases)
    tab.ask("open", path=str(clip))
    tab.settle()
    assert not tab.errors
    view = tab.last("document")["project"]
    times_s = [hit["time_s"] for hit in view["hits"]]
    for wanted_s in (0.5, 1.2):
        assert min(abs(time_s - wanted_s) for time_s in times_s) < 0.02
    assert len(tab.last("rendered")["hits"]) == len(times_s)
    told = [phase for phase in dict.fromkeys(tab.phases[before:]) if phase != "idle"]
    assert told[:3] == ["opening", "detecting", "analysing"] and "sampling" in told
    assert tab.phases[-1] == "done"
    tab.ask("undo")
    tab.settle()
    assert not tab.session.require_project().hits and tab.last("document")["undo"] is None


@pytest.mark.slow
def test_another_sound_track_can_be_chosen_and_taken_back(tab: Tab, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "two.mp4", sounds=[(0.0, make_clicks([t], 2.0)) for t in (0.4, 1.3)])

    def check(track: int, time_s: float) -> None:
        tab.settle()
        shown = tab.last("document")["project"]["clip"]
        assert (shown["audio_track"], len(shown["audio_tracks"])) == (track, 2) and shown["playable"]
        assert [hit.time_s for hit in tab.session.require_project().hits] == pytest.approx([time_s], abs=0.02)
        played = tab.session.media_path()
        assert played is not None
        sound = read_clip_audio(played, 48_000)
        assert np.argmax(np.abs(sound)) / 48_000 == pytest.approx(time_s, abs=0.02)

    tab.ask("open", path=str(clip))
    check(0, 0.4)
    tab.edit("set_source", source="audio")
    tab.settle()
    tab.edit("set_track", track=1)
    check(1, 1.3)
    tab.edit("set_track", track=7)
    assert "no sound track 7" in tab.errors[-1]
    tab.ask("undo")
    check(0, 0.4)
    tab.edit("set_threshold", threshold=0.45)  # chooses among the onsets of the track that is back
    check(0, 0.4)
    assert len(tab.errors) == 1


@pytest.mark.slow
def test_a_clip_without_a_constant_frame_rate_is_told_of(tab: Tab, tmp_path: Path) -> None:
    times_s = np.cumsum([0.02 + 0.04 * (k % 3) for k in range(30)]) - 0.02
    sounds = [(0.0, make_clicks([0.4], 1.5))]
    clip = make_clip(tmp_path / "phone.mp4", times_s=times_s.tolist(), count=30, sounds=sounds)
    tab.ask("open", path=str(clip))
    tab.settle()
    (note,) = [told["message"] for told in tab.told if told["type"] == "note"]
    assert note.startswith("phone.mp4 has no constant frame rate") and not tab.errors
    assert tab.last("document")["project"]["clip"]["uneven"] == note  # the note goes, and the rate stays marked


@pytest.mark.slow
def test_one_undo_takes_back_a_source_and_what_was_found_in_it(tab: Tab, tmp_path: Path) -> None:
    """Deleted hits stay deleted in another source, and thresholds choose from the curve of the source that is back."""
    clip = make_clip(tmp_path / "still.mp4", count=60, sounds=[(0.0, make_clicks([0.6, 1.4], 2.4))])
    tab.ask("open", path=str(clip))
    tab.settle()
    first, second = tab.session.require_project().hits
    tab.edit("delete_hits", ids=[second.id])
    before, curve = tab.session.require_project(), tab.session.track.curve.values.copy()
    tab.edit("set_source", source="audio")
    tab.settle()
    assert [hit.time_s for hit in tab.session.require_project().hits] == pytest.approx([first.time_s], abs=0.02)
    tab.edit("set_source", source="video")
    tab.settle()
    assert not np.array_equal(tab.session.track.curve.values, curve)
    tab.ask("undo")
    tab.ask("undo")
    tab.settle()
    assert tab.session.require_project() == before
    assert np.array_equal(tab.session.track.curve.values, curve)
    tab.edit("set_threshold", threshold=0.4)
    assert [hit.time_s for hit in tab.session.require_project().hits] == pytest.approx([first.time_s], abs=0.02)


def search_for_ever(*_: Any) -> Iterator[DetectionProgress]:
    while True:
        yield DetectionProgress(0.5)
        time.sleep(0.01)


@pytest.mark.slow
def test_no_threshold_is_offered_where_the_search_in_another_source_was_stopped(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The curve of the source before is not shown on: its thresholds would choose nothing."""
    clip = make_clip(tmp_path / "short.mp4", count=60, sounds=[(0.0, make_clicks([0.6, 1.4], 2.4))])
    tab.ask("open", path=str(clip))
    tab.settle()
    assert tab.last("media")["curve"]
    with monkeypatch.context() as patched:
        patched.setattr("engine.pipeline.process.detect_onsets", search_for_ever)
        tab.edit("set_source", source="audio")
        wait_until(lambda: tab.last("status")["message"] == "Looking for hits, 50 %")
        tab.ask("cancel")
        tab.settle()
    assert tab.last("status")["phase"] == "cancelled" and tab.last("media")["curve"] is None
    tab.ask("detect")
    tab.settle()
    assert tab.last("media")["curve"] and not tab.errors


@pytest.mark.slow
def test_a_stopped_search_can_be_taken_up(tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make_clip(tmp_path / "long.mp4", count=60, sounds=[(0.0, make_clicks([0.6, 1.4], 2.4))])
    with monkeypatch.context() as patched:
        patched.setattr("engine.pipeline.process.detect_onsets", search_for_ever)
        tab.ask("open", path=str(clip))
        wait_until(lambda: tab.last("status")["message"] == "Looking for hits, 50 %")
        (tmp_path / "no.struck.json").write_text("{}")
        for name in ("no.struck.json", "none.mp4"):  # what cannot be opened ends no search
            tab.ask("open", path=str(tmp_path / name))
        assert "is not a Struck project" in tab.errors[0] and "there is no such file" in tab.errors[1]
        assert tab.session.worker.busy and tab.last("status")["phase"] == "detecting"
        tab.ask("cancel")
        tab.settle()
    assert (tab.last("status")["phase"], tab.last("status")["message"]) == ("cancelled", "Stopped")
    assert tab.session.name == "long" and not tab.session.require_project().hits and len(tab.errors) == 2
    tab.ask("detect")
    tab.settle()
    assert len(tab.session.require_project().hits) >= 2 and tab.last("media")["curve"] and len(tab.errors) == 2


@pytest.mark.slow
def test_only_the_chosen_hits_are_measured_again(tab: Tab) -> None:
    project = tab.session.require_project()
    chosen, other = [hit for hit in project.hits if hit.sound_id == project.hits[0].sound_id][:2]
    tab.edit("set_modes", sound_id=chosen.sound_id, indices=[0], frequency_hz=[5000.0])
    tab.ask("analyse", hits=[chosen.id])
    tab.settle()
    assert not tab.errors
    after = tab.session.require_project()
    assert after.hit(other.id).sound_id == other.sound_id  # the edited sound stays with the rest
    assert after.sound(after.hit(chosen.id).sound_id).origin == "clip"


@pytest.mark.slow
def test_a_silent_clip_gets_a_preset_that_says_so(tab: Tab, tmp_path: Path) -> None:
    tab.ask("open", path=str(make_clip(tmp_path / "mute.mp4")))
    tab.settle()
    tab.edit("add_hit", time_s=0.5, velocity_db=0.0)
    (sound,) = tab.last("document")["project"]["sounds"]
    assert sound["origin"] == "preset" and sound["is_default"]
    preset = tab.session.context.presets()[-1]
    tab.ask("audition_preset", name=preset.name)
    tab.settle()
    assert tab.last("audition")["sound_id"] == f"preset:{preset.name}"
    tab.edit("apply_preset", sound_id=None, name=preset.name)
    (sound,) = tab.last("document")["project"]["sounds"]
    assert not sound["is_default"]
    assert not tab.errors


def test_the_clip_asked_for_last_is_the_one_that_opens(tab: Tab, tmp_path: Path) -> None:
    clips = [make_clip(tmp_path / f"clip{k}.mp4", count=25 + k) for k in range(4)]
    for clip in clips:
        tab.ask("open", path=str(clip))
    tab.settle()
    assert tab.last("document")["project"]["clip"]["name"] == "clip3.mp4"
    assert not tab.errors


# --- many sessions ----------------------------------------------------------------------------


@pytest.mark.slow
def test_twenty_sessions_do_not_mix(client: TestClient) -> None:
    sessions = client.app.state.sessions  # type: ignore[attr-defined]
    tabs = [Tab(sessions.get(f"crowd-{k}")) for k in range(20)]

    def work(number: int) -> None:
        tab = tabs[number]
        tab.ask("open_demo", name="sound" if number % 2 else "silent")
        tab.settle()
        for step in range(3):
            tab.edit("add_hit", time_s=0.1 * number + 0.01 * step, velocity_db=-float(number))
        tab.edit("rename_sound", sound_id=tab.session.require_project().sounds[0].id, name=f"Thing {number}")
        tab.ask("undo")
        tab.settle()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    for number, tab in enumerate(tabs):
        assert not tab.errors
        project = tab.last("document")["project"]
        assert project["name"] == ("demo_sound" if number % 2 else "demo_silent")
        added = [hit for hit in project["hits"] if hit["velocity_db"] == -float(number) and hit["strength"] == 1.0]
        assert {round(hit["time_s"], 6) for hit in added} >= {round(0.1 * number + 0.01 * k, 6) for k in range(3)}
        documents = [message["project"] for message in tab.heard("document") if message["project"]]
        names = {sound["name"] for document in documents for sound in document["sounds"]}
        assert {name for name in names if name.startswith("Thing")} == {f"Thing {number}"}
        assert not project["sounds"][0]["name"].startswith("Thing")
        assert set(tab.last("rendered")["hits"]) == {hit["id"] for hit in project["hits"]}
    before = [json.dumps(project_to_json(tab.session.require_project())) for tab in tabs]
    assert len(set(before)) == 20


def test_two_tabs_of_one_session_see_the_same(tab: Tab) -> None:
    other = Tab(tab.session)
    assert other.last("document") == tab.last("document") and other.last("rendered") == tab.last("rendered")
    tab.edit("set_mix", gain_db=-2.0)
    assert other.last("document") == tab.last("document")
    assert other.last("document")["project"]["mix"]["gain_db"] == -2.0


def test_a_slow_tab_gets_the_newest_state_and_every_message() -> None:
    async def fill() -> list[ServerMessage]:
        send_queue = CoalescingSendQueue(asyncio.get_running_loop())
        for k in range(5):
            send_queue.put(DocumentState(k, None, None, None))
            send_queue.put(Note(str(k)))
        return await send_queue.take()

    told = [json.loads(encode(message)) for message in asyncio.run(fill())]
    assert [m["revision"] for m in told if m["type"] == "document"] == [4]
    assert [m["message"] for m in told if m["type"] == "note"] == list("01234")


def test_a_tab_that_hears_nothing_for_long_still_gets_the_newest_state() -> None:
    async def fill() -> list[ServerMessage]:
        send_queue = CoalescingSendQueue(asyncio.get_running_loop())
        for k in range(1000):
            send_queue.put(DocumentState(k, None, None, None))
            send_queue.put(Note(str(k)))
        return await send_queue.take()

    told = asyncio.run(fill())
    assert [message.revision for message in told if isinstance(message, DocumentState)] == [999]
    assert len(told) < 300


# --- what is kept -----------------------------------------------------------------------------


@pytest.mark.slow
def test_edits_are_kept_and_a_restart_takes_them_up(tmp_path: Path) -> None:
    def start() -> tuple[TestClient, Any]:
        app = create_app(make_context(tmp_path))
        return TestClient(app, base_url="http://127.0.0.1"), app

    client, app = start()
    with client:
        tab = Tab(app.state.sessions.get("kept-tab"))
        tab.open_demo()
        tab.edit("add_hit", time_s=1.25, velocity_db=-4.0)
        tab.settle()
        before = tab.session.project
        saved = tmp_path / "mine.struck.json"
        tab.ask("save", path=str(saved))
        assert saved.is_file() and tab.last("document")["project"]["saved"]
        tab.edit("set_mix", gain_db=-1.0)
        wait_until(lambda: not tab.session.dirty)  # kept by itself, without being asked
        after = tab.session.project
    client, app = start()
    with client:
        session = app.state.sessions.get("kept-tab")
        tab = Tab(session)
        open_first(session)
        tab.settle()
        assert session.project == after != before
        assert session.saved_as == saved and not tab.errors
        assert len(tab.last("rendered")["hits"]) == len(after.hits)
        tab.ask("open", path=str(saved))
        tab.settle()
        assert session.project == before
        (kept,) = kept_sessions(session.context)  # the change of the mix, which no file has
        assert kept.saved_as == saved.name
        tab.ask("forget_session", session=kept.session)

        other = Tab(app.state.sessions.get("fresh-tab"))
        open_first(other.session)
        other.settle()
        assert other.session.name == "demo_sound" and len(other.session.require_project().hits) == DEMO_HITS


@pytest.mark.slow
def test_a_torn_autosave_and_a_lost_clip_do_not_stop_the_start(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    (context.home / "sessions" / "torn-tab.struck.json").write_text('{"version": 1, "clip": {')
    torn = Tab(Session(context, "torn-tab"))
    open_first(torn.session)
    torn.settle()
    assert torn.session.name == "demo_sound" and not torn.errors

    clip = make_clip(tmp_path / "gone.mp4", sounds=[(0.0, make_clicks([0.5], 2.0))])
    before = Tab(Session(context, "lost-tab"))
    before.ask("open", path=str(clip))
    before.settle()
    before.session.keep()
    clip.unlink()
    lost = Tab(Session(context, "lost-tab"))
    open_first(lost.session)
    lost.settle()
    assert lost.session.project == before.session.project
    (said,) = lost.errors
    check_sentence(said)
    assert "gone.mp4" in said


# --- levels -----------------------------------------------------------------------------------


def test_one_press_fits_the_level_and_undo_takes_it_back(tab: Tab) -> None:
    tab.ask("fit_level")
    tab.settle()
    project = tab.session.require_project()
    mixed = tab.session.renderer.mix()
    assert mixed is not None and peak_dbtp(*mixed) == pytest.approx(-1.0, abs=0.02)
    assert project.mix.gain_db != 0.0 and tab.last("document")["undo"] == "Fit to −1 dBTP"
    tab.ask("undo")
    assert tab.session.require_project().mix.gain_db == 0.0
    if can_measure():
        tab.ask("fit_level", integrated_lufs=-30.0)
        tab.settle()
        assert tab.last("document")["undo"] == "Set loudness to −30 LUFS"
        tab.ask("measure_loudness")
        while tab.session.meter.busy:
            time.sleep(0.01)
        assert tab.last("loudness")["integrated_lufs"] == pytest.approx(-30.0, abs=0.1)
    tab.edit("delete_hits", ids=[hit.id for hit in project.hits])
    tab.ask("fit_level")
    tab.settle()
    check_sentence(tab.errors.pop())


@pytest.mark.slow
def test_a_fresh_analysis_never_clips_and_is_one_entry_of_the_history(tab: Tab, tmp_path: Path) -> None:
    ring = np.exp(-np.arange(24_000) / 4000.0) * np.sin(2 * np.pi * 900 * np.arange(24_000) / 48_000)
    sound = np.zeros(96_000)
    for start in (20_000, 24_000, 28_000, 60_000):
        sound[start : start + 24_000] += ring
    clip = make_clip(tmp_path / "loud.mp4", sounds=[(0.0, np.clip(2.0 * sound, -1, 1).astype(np.float32))])
    tab.ask("open", path=str(clip))
    tab.settle()
    mixed = tab.session.renderer.mix()
    assert mixed is not None and mixed[0].hits and peak_dbtp(*mixed) <= -0.99
    tab.ask("undo")
    assert not tab.session.require_project().hits and tab.last("document")["undo"] is None
