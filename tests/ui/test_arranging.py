"""Arranging over the app's messages: peaks of the onset curve, spotting lists, each one entry of the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
    for _ in range(4):
        tab.ask("undo")
    assert times_of(tab) == before

    spots.write_text("time_s\nsoon\n")
    tab.ask("import_hits", path=str(spots))
    check_sentence(tab.errors[-1])
    tab.ask("import_hits", path=str(spots), frame_rate="fast")
    check_sentence(tab.errors[-1])
    assert times_of(tab) == before
