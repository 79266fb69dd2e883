"""Arranging hits in time: several new ones at once, closing gaps, frames, grids and peaks."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.document.edits.arranging import draw_hits, nearest_of
from engine.document.edits.messages import apply_message
from engine.document.history import History, commit, undo
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.seeds import derive_seed
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import Source
from engine.physics.model import Modes, Residual

NTSC = Fraction(30000, 1001)
RESIDUAL = Residual((0.0, 24000.0), (-40.0,), (60.0,))


def make_project(*times_s: float) -> Project:
    clip = Clip("/clips/drum.mp4", "d1", 8.0, NTSC, 640, 360, "01:00:00;00", True)
    sounds = tuple(Sound(f"s{k}", f"Sound {k}", Modes(), RESIDUAL, Source("clip")) for k in (1, 2))
    hits = tuple(Hit(f"h{k}", time_s, f"s{1 + k % 2}", 10 + k) for k, time_s in enumerate(times_s, 1))
    return Project(clip, sounds, hits)


def do(project: Project, **message: Any) -> Project:
    return apply_message(project, message).apply(project)


def times_of(project: Project) -> dict[str, float]:
    return {hit.id: hit.time_s for hit in project.hits}


def test_several_hits_are_added_in_one_entry_of_the_history() -> None:
    project = make_project(1.0, 2.0)
    copies = [
        {"time_s": 3.0, "sound_id": "s2", "velocity_db": -6.0, "gain_db": 1.5, "pan": 0.5, "mute": True},
        {"time_s": 4.0, "sound_id": "s9", "pitch_cents": 40.0, "name": "cup  on table"},
    ]
    edit = apply_message(project, {"kind": "add_hits", "hits": copies, "how": "paste"})
    history = commit(History(project), edit)
    assert history.undo_label == "Paste 2 hits" and undo(history).now == project
    first, second = history.now.hit("h3"), history.now.hit("h4")
    assert (first.sound_id, first.velocity_db, first.gain_db, first.pan, first.mute) == ("s2", -6.0, 1.5, 0.5, True)
    assert second.sound_id == project.hit("h2").sound_id  # a sound of another project: that of the nearest hit
    assert (second.offsets.pitch_cents, second.name) == (40.0, "cup on table")
    assert first.seed == derive_seed(0, "h3") != second.seed  # a copy is another take
    assert first.touched and first.found_s is None


@pytest.mark.parametrize("time_s", [-0.1, 8.1, None, float("nan")])
def test_a_hit_that_would_lie_outside_the_clip_is_refused_with_all_others(time_s: Any) -> None:
    with pytest.raises(BadInput):
        do(make_project(1.0), kind="add_hits", hits=[{"time_s": 2.0}, {"time_s": time_s}])


def test_names_are_kept_in_the_file_and_files_without_names_are_as_before() -> None:
    project = do(make_project(1.0, 2.0), kind="set_hits", ids=["h1"], values={"name": "  latch "})
    stored = project_to_json(project)
    assert [hit.get("name") for hit in stored["hits"]] == ["latch", None]
    assert project_from_json(stored) == project
    assert do(project, kind="set_hits", ids=["h1"], values={"name": " "}).hit("h1").name == ""


def test_a_ripple_delete_puts_what_followed_in_the_place_of_what_is_gone() -> None:
    project = do(make_project(1.0, 2.0, 3.5, 4.0, 6.0), kind="delete_hits", ids=["h2", "h4"], ripple=True)
    # h3 stands where h2 was, 1.5 s earlier; h5 where h4 would be by then.
    assert times_of(project) == {"h1": 1.0, "h3": 2.0, "h5": 2.5}
    assert not project.hit("h1").touched and project.hit("h3").touched and project.hit("h3").found_s == 3.5
    assert project.detection.dismissed_onsets_s == (2.0, 4.0)
    last = do(make_project(1.0, 2.0), kind="delete_hits", ids=["h2"], ripple=True)
    assert times_of(last) == {"h1": 1.0}
    plain = do(make_project(1.0, 2.0, 3.5), kind="delete_hits", ids=["h2"])
    assert times_of(plain) == {"h1": 1.0, "h3": 3.5}


def test_quantising_to_frames_is_exact_at_any_rate_and_stays_in_the_clip() -> None:
    frame_s = float(1 / NTSC)
    project = do(make_project(0.3 * frame_s, 61.6 * frame_s, 7.999), kind="quantize_hits", ids=["h1", "h2", "h3"])
    assert times_of(project) == {"h1": 0.0, "h2": float(62 / NTSC), "h3": float(239 / NTSC)}
    assert float(240 / NTSC) > 8.0  # the frame nearest to the last one begins after the clip's end
    again = do(project, kind="quantize_hits", ids=["h1", "h2", "h3"])
    assert again == project  # nothing moves twice


def test_quantising_to_a_grid_goes_the_part_of_the_way_that_strength_tells() -> None:
    message = {"kind": "quantize_hits", "ids": ["h1", "h2"], "interval_s": 0.5, "offset_s": 0.1}
    full = do(make_project(1.0, 1.9), **message)
    assert times_of(full) == pytest.approx({"h1": 1.1, "h2": 2.1})
    half = do(make_project(1.0, 1.9), **message, strength=0.5)
    assert times_of(half) == pytest.approx({"h1": 1.05, "h2": 2.0})
    assert do(make_project(1.0, 1.9), **message, strength=0.0) == make_project(1.0, 1.9)
    # The nearest line lies past the end of the clip.
    assert times_of(do(make_project(7.9), **message | {"ids": ["h1"], "interval_s": 5.0})) == {"h1": 7.9}


def test_quantising_to_peaks_leaves_hits_alone_that_have_none_near() -> None:
    edit = draw_hits(["h1", "h2", "h3"], nearest_of([1.04, 0.9, 5.0], reach_s=0.1))
    assert times_of(edit.apply(make_project(1.0, 2.0, 5.0))) == {"h1": 1.04, "h2": 2.0, "h3": 5.0}
    assert edit.label == "Quantise 3 hits"


def test_markers_are_set_moved_renamed_and_kept_in_the_file() -> None:
    project = do(make_project(1.0), kind="add_marker", time_s=3.0, name="  door  opens ")
    project = do(project, kind="add_marker", time_s=2.0)
    assert [(m.id, m.time_s, m.name) for m in project.markers] == [("m2", 2.0, "Marker 2"), ("m1", 3.0, "door opens")]
    project = do(project, kind="set_marker", marker_id="m2", time_s=99.0)
    project = do(project, kind="set_marker", marker_id="m1", name="")
    assert [(m.id, m.time_s, m.name) for m in project.markers] == [("m1", 3.0, "door opens"), ("m2", 8.0, "Marker 2")]
    stored = project_to_json(project)
    assert project_from_json(stored) == project
    assert "markers" not in project_to_json(make_project(1.0))
    assert [m.id for m in do(project, kind="delete_marker", marker_id="m1").markers] == ["m2"]
    for broken in ([{"id": "m1", "time_s": 9.0, "name": "x"}], [stored["markers"][0]] * 2, "m1", [{"id": "m1"}]):
        with pytest.raises(BadInput):
            project_from_json(stored | {"markers": broken})
    for message in ({"kind": "set_marker", "marker_id": "m9"}, {"kind": "delete_marker", "marker_id": 3}):
        with pytest.raises(BadInput):
            do(project, **message)
