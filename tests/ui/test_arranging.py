"""Arranging over the app's messages: peaks of the onset curve, spotting lists, each one entry of the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.document.storage import save_project
from engine.pipeline.open_clip import open_clip
from tests.recuts import RATE, draw_shot, make_project, write_clip
from tests.ui_tab import Tab, check_sentence, make_context, open_tab
from ui.session_registry import SessionRegistry


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    context = make_context(tmp_path_factory.mktemp("app"))
    sessions = SessionRegistry(context)
    yield open_tab(sessions)


def times_of(tab: Tab) -> list[float]:
    return [hit.time_s for hit in tab.session.require_project().hits]


@pytest.mark.slow
def test_hits_are_drawn_to_peaks_and_come_from_lists(tab: Tab, tmp_path: Path) -> None:
    before = times_of(tab)
    peaks = [onset.time_s for onset in tab.session.track.candidates]
    ids = [hit.id for hit in tab.session.require_project().hits]
    tab.edit("move_hits", ids=ids, delta_s=0.04)
    tab.ask("draw_to_peaks", hits=ids, strength=0.5)
    nearest = [min(peaks, key=lambda peak: abs(peak - time_s - 0.04)) for time_s in before]
    expected = [time_s + 0.04 + 0.5 * (peak - time_s - 0.04) for time_s, peak in zip(before, nearest, strict=True)]
    assert times_of(tab) == pytest.approx(expected)
    assert tab.session.history is not None and tab.session.history.undo_label == f"Quantise {len(ids)} hits"

    spots = tmp_path / "spots.csv"
    sound = tab.session.require_project().sounds[-1]
    spots.write_text(f"time_s,velocity_db,name,sound\n1.5,-6,lid,{sound.name.upper()}\n2.5,,,\n99,,,\n")
    tab.ask("import_hits", path=str(spots))
    assert tab.session.history.undo_label == "Import 2 hits" and len(times_of(tab)) == len(before) + 2
    lid = next(hit for hit in tab.session.require_project().hits if hit.name == "lid")
    assert (lid.time_s, lid.velocity_db, lid.sound_id) == (1.5, -6.0, sound.id)
    assert tab.last("note")["message"] == "2 hits from spots.csv; 1 of 3 hits outside the clip left out"
    tab.ask("import_hits", path=str(spots), replace=True)
    assert times_of(tab) == [1.5, 2.5]
    assert tab.session.history.undo_label == f"Import 2 hits in place of {len(before) + 2}"
    words = f"{len(before) + 2} hits replaced by 2 hits from spots.csv; 1 of 3 hits outside the clip left out"
    assert tab.last("note")["message"] == words
    for _ in range(4):
        tab.ask("undo")
    assert times_of(tab) == before

    spots.write_text("time_s\nsoon\n")
    tab.ask("import_hits", path=str(spots))
    check_sentence(tab.errors[-1])
    tab.ask("import_hits", path=str(spots), frame_rate="fast")
    check_sentence(tab.errors[-1])
    assert times_of(tab) == before


@pytest.mark.slow
def test_a_recut_takes_the_place_of_the_clip_and_the_former_project_stays(tab: Tab, tmp_path: Path) -> None:
    shots = [draw_shot(0, 30), draw_shot(1, 30)]
    old = write_clip(tmp_path / "old.mp4", [*shots[0], *shots[1]])
    project = make_project(open_clip(old).project.clip, [5.0, 20.0, 40.0])
    source = tmp_path / "old.struck.json"
    save_project(project, source)
    stored = source.read_bytes()
    tab.ask("open", path=str(source))
    tab.settle()
    recut = write_clip(tmp_path / "recut.mp4", [*shots[1], *shots[0][10:]])
    tab.ask("conform", path=str(recut))
    tab.settle()
    told = tab.last("conformed")
    assert (told["moved"], told["copied"]) == (2, 0)
    assert told["lost"] == [{"timecode": "00:00:00:05", "sound": "Bowl", "name": "hit 1"}]
    shown = tab.last("document")["project"]
    assert shown["clip"]["name"] == "recut.mp4" and not shown["saved"]
    assert {hit["id"]: hit["time_s"] for hit in shown["hits"]} == pytest.approx(
        {"h3": 10 / float(RATE), "h2": 40 / float(RATE)}, abs=1e-6
    )
    assert tab.session.edited and tab.session.saved_as is None and source.read_bytes() == stored
    tab.ask("conform", path=str(recut))
    tab.settle()
    check_sentence(tab.errors[-1])
    assert tab.last("document")["project"]["hits"] == shown["hits"]
