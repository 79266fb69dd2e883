"""What is asked of one document never reaches another that is opened meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.document.edits.settings import set_mix
from tests.ui_tab import Tab, check_sentence, make_context, wait_until
from ui.jobs import Job
from ui.session import Session


@pytest.fixture
def tab(tmp_path: Path) -> Tab:
    tab = Tab(Session(make_context(tmp_path), "leaving-tab"))
    tab.open_demo("sound")
    return tab


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[threading.Event]:
    """A function that works when the block ends, and tells when it was called."""
    called, goes_on, real = threading.Event(), threading.Event(), getattr(owner, name)

    def wait(*values: Any) -> Any:
        called.set()
        goes_on.wait(60.0)
        return real(*values)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, wait)
        try:
            yield called
        finally:
            goes_on.set()


def check_untouched(tab: Tab) -> None:
    tab.settle()
    project, shown = tab.session.require_project(), tab.last("document")
    assert "silent" in project.clip.path and project.mix.gain_db == 0.0
    assert shown["undo"] is None and not tab.errors


@pytest.mark.parametrize("wanted", [{}, {"integrated_lufs": -23.0}])
def test_a_level_that_waits_for_sounds_is_not_given_to_the_next_document(
    tab: Tab, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, float]
) -> None:
    with held(monkeypatch, tab.session.renderer, "wait") as called:
        tab.ask("fit_level", **wanted)
        assert called.wait(60.0)
        tab.ask("open_demo", name="silent")
        wait_until(lambda: "silent" in tab.session.require_project().clip.path and not tab.session.worker.busy)
    check_untouched(tab)


def test_hits_are_not_snapped_in_the_next_document(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.pipeline import snap_hits

    with held(monkeypatch, snap_hits, "nearest_transient") as called:
        tab.ask("snap_hits", hits=[hit.id for hit in tab.session.require_project().hits])
        assert called.wait(60.0)
        tab.ask("open_demo", name="silent")
        wait_until(lambda: "silent" in tab.session.require_project().clip.path and not tab.session.worker.busy)
    check_untouched(tab)
    assert not tab.heard("note")


def test_no_job_of_any_kind_changes_or_answers_another_document(tab: Tab) -> None:
    session, edit = tab.session, set_mix(gain_db=-3.0)
    goes_on = threading.Event()
    begun: list[Job] = []
    refused: list[str] = []

    def run(job: Job) -> None:
        begun.append(job)
        goes_on.wait(60.0)
        for attempt in (lambda: session.commit(edit), lambda: session.show_provisional(edit, "g"), session.set_media):
            try:
                attempt()
            except BaseException as error:
                refused.append(type(error).__name__)
        job.check()

    workers = session._workers()
    for worker in workers:
        worker.start(run)
        worker.start(run, replace_others=False)  # it only waits
    wait_until(lambda: len(begun) == len(workers))
    session.show(session.require_project())
    assert {worker.waiting for worker in workers} == {1}
    goes_on.set()
    tab.settle()
    assert refused == ["Cancelled"] * 3 * len(workers)
    assert tab.last("document")["undo"] is None and session.provisional is None and not tab.errors


def test_a_closed_document_gets_nothing_any_more(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    with held(monkeypatch, tab.session.renderer, "wait") as called:
        tab.ask("fit_level")
        assert called.wait(60.0)
        tab.ask("export", what=["markers"])
        tab.ask("close")
    tab.settle()
    assert tab.last("document")["project"] is None and not tab.errors and not tab.heard("exported")


def test_a_folder_that_is_saved_meanwhile_is_not_taken_for_the_next_document_s(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.pipeline import collect

    with held(monkeypatch, collect, "collect_project") as called:
        tab.ask("collect_project")
        assert called.wait(60.0)
        tab.ask("open_demo", name="silent")
        wait_until(lambda: "silent" in tab.session.require_project().clip.path and not tab.session.worker.busy)
    tab.settle()
    assert tab.session.saved_as is None and "demo_sound" in tab.last("note")["message"] and not tab.errors


def test_a_change_of_the_clip_before_is_refused(tab: Tab) -> None:
    clip = tab.session.require_project().clip.digest
    tab.open_demo("silent")
    hit = tab.session.require_project().hits[0]
    moved = {"kind": "move_hits", "ids": [hit.id], "delta_s": 0.1}
    tab.ask("edit", edit=moved, gesture=None, number=1, clip=clip)
    (said,) = tab.errors
    check_sentence(said)
    shown = tab.last("document")
    assert shown["undo"] is None
    tab.ask("edit", edit=moved, gesture=None, number=2, clip=tab.session.require_project().clip.digest)
    assert tab.last("document")["undo"] == "Move hit"
    tab.ask("undo", number=3, clip=clip)
    assert tab.last("document")["undo"] == "Move hit" and len(tab.errors) == 2


def test_what_was_sampled_of_a_document_is_not_told_of_the_next(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.pipeline import render

    real, calls = render.sample_hits, []
    second, goes_on = threading.Event(), threading.Event()

    def sample(*values: Any) -> Any:
        calls.append(values)
        if len(calls) == 2:  # the first hits are done
            second.set()
            goes_on.wait(60.0)
        return real(*values)

    monkeypatch.setattr(render, "sample_hits", sample)
    tab.edit("set_render", variation=0.3)
    assert second.wait(60.0)
    tab.ask("open_demo", name="silent")
    wait_until(lambda: "silent" in tab.session.require_project().clip.path and not tab.session.worker.busy)
    goes_on.set()
    tab.settle()
    assert tab.last("status")["message"] == "" and "done" not in tab.phases


def test_an_edit_of_the_former_clip_is_refused_as_such(tab: Tab) -> None:
    digest = tab.session.require_project().clip.digest
    tab.open_demo("silent")
    before = tab.session.project
    edit = {"kind": "set_hits", "ids": ["of the former"], "values": {"mute": True}}
    tab.ask("edit", edit=edit, gesture=None, clip=digest, number=1)
    assert "another clip was opened meanwhile" in tab.errors[-1] and tab.session.project == before
    check_sentence(tab.errors[-1])
