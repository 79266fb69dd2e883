"""A recut clip keeps its hits: shots cut, moved, repeated and new, encoded and graded otherwise, each to the frame."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.document.project import Detection, Marker, Project
from engine.document.storage import save_project
from engine.media import recut
from engine.media.recut import Run, find_runs
from engine.pipeline.conform import conform
from engine.pipeline.open_clip import open_clip
from tests.command_line import refuse, run
from tests.recuts import RATE, draw_shot, make_project, write_clip


@pytest.fixture(scope="module")
def shots() -> list[list[np.ndarray]]:
    return [draw_shot(number, count) for number, count in enumerate((40, 30, 50, 25))]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, shots: list[list[np.ndarray]]) -> Project:
    path = write_clip(tmp_path_factory.mktemp("old") / "scene.mp4", [frame for shot in shots for frame in shot])
    # Shots begin at frames 0, 40, 70 and 120 of 145.
    return make_project(open_clip(path).project.clip, [0.0, 10.3, 39.9, 41.0, 50.5, 75.0, 90.25, 130.0])


def test_hits_move_with_their_shots(tmp_path: Path, old: Project, shots: list[list[np.ndarray]]) -> None:
    a, b, c, d = shots
    cut = [*c[10:], *a, *draw_shot(77, 20), *b[5:20], *d, *b[5:20]]  # moved, new, trimmed, repeated
    darker = [(0.7 * frame[::2, ::2] + 12).astype(np.uint8) for frame in cut]  # smaller, graded
    path = write_clip(tmp_path / "recut.avi", darker, "mpeg4", 400_000)
    marks = tuple(Marker(f"m{n}", float(n / RATE), str(n)) for n in (42, 95))
    result = conform(replace(old, markers=marks, detection=Detection("audio")), path)
    # By the edit list: c from 80 at 0, a at 40, b from 45 at 100 and at 140, d at 115.
    expected = {
        "h1": 40.0, "h2": 50.3, "h3": 79.9, "h5": 50.5 - 45 + 100, "h7": 90.25 - 80, "h8": 130 - 120 + 115,
        "h9": 50.5 - 45 + 140,
    }  # fmt: skip
    placed = {hit.id: hit.time_s * float(RATE) for hit in result.project.hits}
    assert placed == pytest.approx(expected, abs=1e-6)
    assert [hit.id for hit in result.lost] == ["h4", "h6"] and result.copied == 1
    again = result.project.hit("h9")
    assert (again.name, again.found_s) == ("hit 5", None) and again.seed != result.project.hit("h5").seed
    first = result.project.hit("h2")
    assert first.found_s == pytest.approx(first.time_s) and not first.touched
    assert [(m.id, round(m.time_s * float(RATE), 6)) for m in result.project.markers] == [("m95", 15.0)]
    assert [marker.id for marker in result.lost_markers] == ["m42"]
    assert result.project.clip.path == str(path)
    assert result.project.sounds[0].source.kind == "file"  # the new clip has no sound to compare with
    assert result.project.detection.source == "video"  # nor to find hits in


def test_markers_are_repeated_like_hits_and_what_is_there_already_is_not_lost_on_the_way_back(
    tmp_path: Path, old: Project, shots: list[list[np.ndarray]], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, c, d = shots
    marked = replace(old, markers=(Marker("m1", float(10 / RATE), "door"), Marker("m2", float(45 / RATE), "step")))
    path = write_clip(tmp_path / "twice.mp4", [*a, *b, *c, *d, *a])
    twice = conform(marked, path).project
    assert {m.id: (m.name, round(m.time_s * float(RATE), 6)) for m in twice.markers} == {
        "m1": ("door", 10.0), "m2": ("step", 45.0), "m3": ("door", 155.0),
    }  # fmt: skip
    back = conform(twice, old.clip.path)
    assert (back.lost, back.lost_markers, back.left_out, back.left_out_markers) == ((), (), 3, 1)
    assert [hit.id for hit in back.project.hits] == [hit.id for hit in old.hits]
    assert [marker.id for marker in back.project.markers] == ["m1", "m2"]
    louder = [replace(hit, gain_db=3.0) if hit.id == "h10" else hit for hit in twice.hits]  # one copy was changed
    save_project(replace(twice, hits=tuple(louder)), tmp_path / "twice.struck.json")
    assert run("conform", tmp_path / "twice.struck.json", old.clip.path, "--project", tmp_path / "o.struck.json") == 0
    printed = capsys.readouterr()
    assert [line.split()[1] for line in printed.out.splitlines()] == ["h10"]
    assert "no place for 1 hit; 2 hits and 1 marker left out, since the new clip shows once what was" in printed.err


def test_what_shares_nothing_is_refused(tmp_path: Path, old: Project) -> None:
    with pytest.raises(BadInput, match="shows nothing of"):
        conform(old, write_clip(tmp_path / "other.mp4", draw_shot(99, 30)))
    with pytest.raises(BadInput, match="itself"):
        conform(old, old.clip.path)


def walk(rng: np.random.Generator, count: int) -> np.ndarray:
    """Fingerprints [count, 144] of a shot that changes slowly."""
    steps = rng.normal(size=144) + np.cumsum(0.08 * rng.normal(size=(count, 144)), axis=0)
    return (steps / np.linalg.norm(steps, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("most_pairs", [recut._MOST_PAIRS, 20_000])
def test_runs_are_found_to_the_frame_through_noise(monkeypatch: pytest.MonkeyPatch, most_pairs: int) -> None:
    rng = np.random.default_rng(5)
    monkeypatch.setattr(recut, "_MOST_PAIRS", most_pairs)  # with fewer, every second frame is compared first
    old = np.concatenate([walk(rng, count) for count in (90, 61, 110)])
    cut = [(151, 0, 70), (91, 70, 60), (0, 130, 45)]
    new = np.concatenate([*(old[first : first + length] for first, _, length in cut), walk(rng, 25)])
    noisy = new + 0.02 * rng.normal(size=new.shape)
    noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
    runs = find_runs(old, noisy.astype(np.float32))
    assert [(run.old, run.new) for run in runs] == [(first, at) for first, at, _ in cut]
    assert all(abs(run.length - length) <= 1 for run, (_, _, length) in zip(runs, cut, strict=True))


def test_a_static_or_black_clip_has_no_cuts() -> None:
    still = np.tile(np.eye(1, 144, dtype=np.float32), (50, 1))
    assert find_runs(still, still) == [Run(0, 0, 50)]
    assert find_runs(np.zeros((50, 144), np.float32), np.zeros((50, 144), np.float32)) == []
    assert find_runs(still[:0], still) == find_runs(still, still[:0]) == []


def test_the_command_writes_the_project_and_lists_what_has_no_place(
    tmp_path: Path, old: Project, shots: list[list[np.ndarray]], capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "scene.struck.json", tmp_path / "recut.struck.json"
    save_project(old, source)
    recut_clip = write_clip(tmp_path / "recut.mp4", [*shots[2], *shots[0]])
    assert run("conform", source, recut_clip, "--project", out, "--json", tmp_path / "report.json") == 0
    printed = capsys.readouterr()
    assert [line.split()[1] for line in printed.out.splitlines()] == ["h4", "h5", "h8"]
    assert printed.out.startswith("00:00:01:11  h4  Bowl  hit 4") and "no place for 3 hits" in printed.err
    hits = {hit["id"]: hit["time_s"] * float(RATE) for hit in json.loads(out.read_text())["hits"]}
    assert hits == pytest.approx({"h1": 50.0, "h2": 60.3, "h3": 89.9, "h6": 5.0, "h7": 20.25}, abs=1e-6)
    assert [s["length_s"] for s in json.loads((tmp_path / "report.json").read_text())["stretches"]] == pytest.approx(
        [50 / float(RATE), 40 / float(RATE)]
    )
    assert "exists already" in refuse(capsys, "conform", source, recut_clip, "--project", out)
