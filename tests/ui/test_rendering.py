"""Rendering in the background: the newest change wins, and sampling can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.document.edits.values import Edit
from engine.document.project import Hit
from engine.document.source import UNSURE, Source
from engine.physics.detail import Detail
from engine.physics.model import Context, Modes, Residual
from tests.ui_tab import DEMO_HITS, Tab, make_context, wait_until
from ui.context import AppContext
from ui.renderer import Focus, sampling_order
from ui.session import Session


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_hits_of_an_unrecognised_object_wait_until_it_is_named_or_asked_for(
    slow: tuple[AppContext, SlowSampler],
) -> None:
    context, sampler = slow
    sampler.steps.release(1_000_000)
    tab = open_with_sampler(context, "unrecognised")
    tab.settle()
    ids = {hit.id for hit in tab.session.require_project().hits}
    pitch_hz = iter((401.0, 402.0, 403.0))  # another at each time, so that it has never been sampled

    def forget_what_is_struck() -> tuple[str, set[str]]:
        """The first sound becomes the default of an object that the picture did not tell; its hits."""
        first = tab.session.require_project().sounds[0]
        modes = Modes((next(pitch_hz),), (-10.0,), (9.0,), (0.0,), (False,))
        unknown = replace(first, modes=modes, source=Source("preset", name="Bell", reason=UNSURE))
        tab.session.commit(Edit("Look", lambda project: replace(project, sounds=(unknown, *project.sounds[1:]))))
        tab.settle()
        return first.id, {hit.id for hit in tab.session.require_project().hits if hit.sound_id == first.id}

    def rendered() -> set[str]:
        return set(tab.last("rendered")["hits"])

    sound_id, waiting = forget_what_is_struck()
    assert waiting and rendered() == ids - waiting
    assert tab.last("document")["project"]["sounds"][0]["is_unrecognised"]
    tab.edit("move_hits", ids=sorted(waiting), delta_s=0.01)
    tab.settle()
    assert rendered() == ids - waiting  # an edit names nothing
    tab.edit("apply_preset", sound_id=sound_id, name="Cowbell")
    tab.settle()
    assert rendered() == ids
    forget_what_is_struck()
    tab.edit("set_macros", sound_id=sound_id, values={"damping": 0.3})
    tab.settle()
    assert rendered() == ids  # who shapes the sound has taken it
    forget_what_is_struck()
    tab.ask("export", what=["wav"])
    tab.settle()
    assert rendered() == ids and tab.heard("exported") and not tab.errors


def test_changed_hits_come_first_then_selected_ones_then_those_before_the_playhead() -> None:
    hits = [Hit(f"h{k}", float(k), f"s{k % 2}", k) for k in range(8)]
    order = [hit.id for hit in sampling_order(hits, Focus(4.0, frozenset({"h1"})), {"h0": 2, "h7": 2})]
    assert order == ["h7", "h0", "h1", "h4", "h5", "h6", "h3", "h2"]


@pytest.mark.slow
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


@pytest.mark.slow
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
