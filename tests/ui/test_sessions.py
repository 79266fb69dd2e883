"""Sessions of the server: opening, sampling where the latest wins, many at once, and what is kept of them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from engine.core.paths import CHECKPOINTS
from engine.document.project import Hit
from engine.document.serialization import project_to_json
from engine.media.sound import read_clip_audio
from engine.physics.detail import Detail
from engine.physics.model import Context, Modes, Residual
from engine.pipeline.events import DetectionProgress
from engine.pipeline.headroom import peak_dbtp
from tests.clips import make_clicks, make_clip
from tests.ui_tab import DEMO_HITS, WAIT_S, Tab, check_sentence, make_context, wait_until
from ui.context import AppContext
from ui.handlers import open_first
from ui.protocol.codec import encode
from ui.protocol.events import DocumentState, Note, ServerMessage
from ui.renderer import Focus, sampling_order
from ui.send_queue import CoalescingSendQueue
from ui.server import create_app
from ui.session import Session

# --- the demo and real clips ------------------------------------------------------------------


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
    while tab.session.require_project().clip.audio_track:
        tab.ask("undo")
    check(0, 0.4)
    assert len(tab.errors) == 1


@pytest.mark.slow
def test_a_stopped_search_can_be_taken_up(tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def search_for_ever(*_: Any) -> Iterator[DetectionProgress]:
        while True:
            yield DetectionProgress(0.5)
            time.sleep(0.01)

    clip = make_clip(tmp_path / "long.mp4", count=60, sounds=[(0.0, make_clicks([0.6, 1.4], 2.4))])
    with monkeypatch.context() as patched:
        patched.setattr("engine.pipeline.process.detect_onsets", search_for_ever)
        tab.ask("open", path=str(clip))
        wait_until(lambda: tab.last("status")["message"] == "Looking for hits, 50 %")
        tab.ask("cancel")
        tab.settle()
    assert (tab.last("status")["phase"], tab.last("status")["message"]) == ("cancelled", "Stopped")
    assert tab.session.name == "long" and not tab.session.require_project().hits and not tab.errors
    tab.ask("detect")
    tab.settle()
    assert len(tab.session.require_project().hits) >= 2 and tab.last("media")["curve"] and not tab.errors


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


# --- rendering: latest wins, cancel -----------------------------------------------------------


class SlowSampler:
    """A sampler that takes a step only when it is let; it remembers what it finished."""

    digest = "slow"

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.begun: list[Modes] = []
        self.finished: list[Modes] = []

    def sample(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        steps: int = 4,
        guidance: float = 1.0,
        on_step: Callable[[int, int], None] | None = None,
        contexts: Sequence[Context] | None = None,
        details: Sequence[Detail] | None = None,
    ) -> list[np.ndarray]:
        self.begun += [modes for modes, _ in physics]
        for _ in range(steps):
            while not self.steps.acquire(timeout=0.01):
                if on_step is not None:
                    on_step(0, len(physics))
        self.finished += [modes for modes, _ in physics]
        return [np.full(480, 0.001 * seed, np.float32) for seed in seeds]


@pytest.fixture
def slow(context: AppContext, tmp_path: Path) -> Iterator[tuple[AppContext, SlowSampler]]:
    """A context of its own whose only sampler is slow."""
    sampler = SlowSampler()
    made = make_context(tmp_path)
    made.checkpoints = lambda: ("sampler",)  # type: ignore[method-assign]
    made.digest = lambda settings: sampler.digest if settings.checkpoint else ""  # type: ignore[method-assign]
    made.sampler = lambda settings: sampler if settings.checkpoint else None  # type: ignore[method-assign]
    yield made, sampler
    sampler.steps.release(1_000_000)


def open_with_sampler(context: AppContext, name: str) -> Tab:
    """A tab with the demo, whose hits are to be sampled."""
    tab = Tab(Session(context, name))
    tab.ask("open_demo", name="sound")
    wait_until(lambda: tab.session.project is not None)
    assert tab.session.require_project().render.checkpoint == "sampler"
    return tab


def test_the_newest_change_is_sampled_and_what_it_overtook_is_dropped(slow: tuple[AppContext, SlowSampler]) -> None:
    context, sampler = slow
    tab = open_with_sampler(context, "latest-wins")
    wait_until(lambda: sampler.begun)
    sampler.steps.release(10_000)
    tab.settle()
    while sampler.steps.acquire(blocking=False):
        pass
    sampler.begun.clear()
    sampler.finished.clear()
    sound_id = tab.session.require_project().hits[0].sound_id
    for hz in (3000.0, 3100.0, 3200.0):
        seen = len(sampler.begun)
        tab.edit("set_modes", sound_id=sound_id, indices=[0], frequency_hz=[hz])
        wait_until(lambda seen=seen: len(sampler.begun) > seen)  # it is being sampled when the next change comes
        assert tab.last("status")["phase"] == "sampling"
        assert "Sampling 0 of" in tab.last("status")["message"]
    sampler.steps.release(10_000)
    tab.settle()
    assert {modes.frequency_hz[0] for modes in sampler.begun} >= {3000.0, 3100.0, 3200.0}
    assert {modes.frequency_hz[0] for modes in sampler.finished} == {3200.0}
    project = tab.session.require_project()
    assert set(tab.last("rendered")["hits"]) == {hit.id for hit in project.hits}
    assert tab.last("status")["phase"] == "done" and not tab.errors
    assert tab.last("status")["done"] == tab.last("status")["total"] > 0


def test_cancelled_sampling_stays_stopped_until_it_is_asked_for(slow: tuple[AppContext, SlowSampler]) -> None:
    context, sampler = slow
    tab = open_with_sampler(context, "cancelled")
    wait_until(lambda: sampler.begun)
    tab.ask("cancel")
    tab.settle()
    assert tab.last("status") == {**tab.last("status"), "phase": "cancelled", "message": "Sampling stopped"}
    assert not sampler.finished and not tab.last("rendered")["hits"] and not tab.errors
    hits = tab.session.require_project().hits
    assert len(hits) == DEMO_HITS
    begun = len(sampler.begun)
    sampler.steps.release(10_000)
    tab.edit("move_hits", ids=[hits[0].id], delta_s=0.01)
    tab.edit("set_hits", ids=[hits[1].id], values={"velocity_db": -9.0})
    tab.settle()
    assert len(sampler.begun) == begun and tab.last("status")["phase"] == "cancelled"
    tab.ask("resume")
    tab.settle()
    assert len(tab.last("rendered")["hits"]) == DEMO_HITS and tab.last("status")["phase"] == "done"


def test_changed_hits_come_first_then_selected_ones_then_those_before_the_playhead() -> None:
    hits = [Hit(f"h{k}", float(k), f"s{k % 2}", k) for k in range(8)]
    order = [hit.id for hit in sampling_order(hits, Focus(4.0, frozenset({"h1"})), {"h0": 2, "h7": 2})]
    assert order == ["h7", "h0", "h1", "h4", "h5", "h6", "h3", "h2"]


def test_an_export_waits_for_the_last_hits_and_can_be_stopped(slow: tuple[AppContext, SlowSampler]) -> None:
    context, sampler = slow
    tab = open_with_sampler(context, "export-waits")
    wait_until(lambda: sampler.begun)
    tab.ask("export", what=["wav"])
    wait_until(lambda: tab.last("status")["phase"] == "exporting")
    tab.ask("cancel")
    tab.settle()
    assert "cancelled" in tab.phases and not tab.heard("exported") and not tab.errors
    tab.ask("export", what=["wav"])
    sampler.steps.release(1_000_000)
    tab.settle()
    assert [file["name"] for file in tab.last("exported")["files"]] == ["demo_sound.wav"] and not tab.errors


@pytest.mark.slow
def test_a_new_seed_and_another_number_of_steps_sample_anew(slow: tuple[AppContext, SlowSampler]) -> None:
    context, sampler = slow
    sampler.steps.release(1_000_000)
    tab = open_with_sampler(context, "seeded")
    tab.settle()
    for settings in ({"seed": 7}, {"steps": 6}, {"guidance": 1.5}):
        before = tab.last("rendered")["hits"]
        tab.edit("set_render", **settings)
        tab.settle()
        after = tab.last("rendered")["hits"]
        assert set(after) == set(before) and all(after[k]["key"] != before[k]["key"] for k in after), settings
    tab.ask("undo")
    tab.settle()
    assert tab.last("rendered")["hits"] == before
    assert not tab.errors


def test_moving_panning_and_muting_sample_nothing(slow: tuple[AppContext, SlowSampler]) -> None:
    context, sampler = slow
    sampler.steps.release(1_000_000)
    tab = open_with_sampler(context, "moved")
    tab.settle()
    sampled, hit_id = len(sampler.begun), tab.session.require_project().hits[0].id
    tab.edit("move_hits", ids=[hit_id], delta_s=0.05)
    tab.edit("set_hits", ids=[hit_id], values={"pan": -1.0, "gain_db": -6.0, "mute": True})
    tab.edit("set_mix", gain_db=-3.0)
    tab.settle()
    assert len(sampler.begun) == sampled and len(tab.last("rendered")["hits"]) == DEMO_HITS


# --- many sessions ----------------------------------------------------------------------------


@pytest.mark.slow
def test_twenty_sessions_do_not_mix(client: TestClient) -> None:
    sessions = client.app.state.sessions  # type: ignore[attr-defined]
    tabs = [Tab(sessions.get(f"crowd-{k}")[0]) for k in range(20)]

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


# --- what is kept -----------------------------------------------------------------------------


@pytest.mark.slow
def test_edits_are_kept_and_a_restart_takes_them_up(tmp_path: Path) -> None:
    def start() -> tuple[TestClient, Any]:
        app = create_app(make_context(tmp_path))
        return TestClient(app, base_url="http://127.0.0.1"), app

    client, app = start()
    with client:
        tab = Tab(app.state.sessions.get("kept-tab")[0])
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
        session, is_new = app.state.sessions.get("kept-tab")
        tab = Tab(session)
        open_first(session, is_new)
        tab.settle()
        assert session.project == after != before
        assert session.saved_as == saved and not tab.errors
        assert len(tab.last("rendered")["hits"]) == len(after.hits)
        tab.ask("open", path=str(saved))
        tab.settle()
        assert session.project == before

        other = Tab(app.state.sessions.get("fresh-tab")[0])
        open_first(other.session, True)
        other.settle()
        assert other.session.name == "demo_sound" and len(other.session.require_project().hits) == DEMO_HITS


@pytest.mark.slow
def test_a_torn_autosave_and_a_lost_clip_do_not_stop_the_start(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    (context.home / "sessions" / "torn-tab.struck.json").write_text('{"version": 1, "clip": {')
    torn = Tab(Session(context, "torn-tab"))
    open_first(torn.session, True)
    torn.settle()
    assert torn.session.name == "demo_sound" and not torn.errors

    clip = make_clip(tmp_path / "gone.mp4", sounds=[(0.0, make_clicks([0.5], 2.0))])
    before = Tab(Session(context, "lost-tab"))
    before.ask("open", path=str(clip))
    before.settle()
    before.session.keep()
    clip.unlink()
    lost = Tab(Session(context, "lost-tab"))
    open_first(lost.session, True)
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
