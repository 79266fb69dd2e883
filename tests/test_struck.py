"""The Python package: the documented example, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import wavinfo

import struck
from engine.core.paths import ROOT
from engine.document.storage import load_project
from tests.struck_clip import STRIKES, make_sound, write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    write_clip(folder / "kitchen.mov", 4.0, make_sound()).rename(folder / "kitchen.mp4")
    (folder / "none").mkdir()
    return folder


@pytest.fixture
def project(folder: Path) -> Iterator[struck.OpenProject]:
    opened = struck.open(folder / "kitchen.mp4", checkpoint_folder=folder / "none")
    yield opened
    opened.close()


@pytest.mark.slow
def test_the_documented_example(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL)
    assert len(example.splitlines()) == 10
    (tmp_path / "kitchen.mp4").write_bytes((folder / "kitchen.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(example, names)
    track, project = names["track"], names["project"]
    assert track.shape == (4 * 48_000, 2) and np.abs(track).max() > 0.01
    written = soundfile.read("kitchen.wav", dtype="float32")[0]
    assert np.abs(written - np.clip(track, -1, 1)).max() <= 2**-23
    assert wavinfo.WavInfoReader("kitchen.wav").bext.time_reference == 3600 * 48_000
    stems = [soundfile.read(path)[0] for path in Path("stems").glob("*.wav")]
    assert np.abs(sum(stems) - written).max() <= len(stems) * 2**-23
    times_s = [hit.time_s for hit in project.hits]
    assert times_s[1:] == pytest.approx([strike[0] for strike in STRIKES[1:]], abs=0.02)
    assert load_project("kitchen.struck.json").hits == project.hits and Path("kitchen.rpp").is_file()


@pytest.mark.slow
def test_steps_are_undone_and_files_are_not_replaced(project: struck.OpenProject, tmp_path: Path) -> None:
    before = project.document
    hits = project.detect(source="audio", threshold=0.4)
    assert len(hits) == len(STRIKES) and project.document.detection.source == "audio"
    assert "Wine glass" in struck.presets()
    project.choose_physics(preset="Wine glass")
    (sound,) = project.sounds
    assert sound.name == "Wine glass"
    project.undo()
    assert project.sounds[0].name != "Wine glass" and project.hits == hits
    project.redo()
    assert project.sounds == (sound,)
    project.edit("delete_hits", ids=[hit.id for hit in hits])
    assert not project.render().any()
    assert project.export(tmp_path / "t.wav") == [tmp_path / "t.wav"]
    with pytest.raises(struck.BadInput, match=r"t\.wav exists already; pass overwrite=True"):
        project.export(tmp_path / "t.wav")
    project.export(tmp_path / "t.wav", overwrite=True)
    for _ in range(9):
        project.undo()
    assert project.document == before


def test_what_cannot_be_done_is_said(project: struck.OpenProject, folder: Path, tmp_path: Path) -> None:
    refused = [
        (lambda: struck.open(tmp_path / "no.mp4"), "no.mp4"),
        (lambda: struck.open(5), "the clip or project is 5, which is no path; give text or a pathlib.Path"),
        (lambda: project.edit("fly"), "edit 'fly' is not known; see /api/v1/docs of the editor"),
        (lambda: project.detect(threshold=7), "threshold 7 is out of range; give 0 to 1"),
        (lambda: project.choose_physics("s1", words=4), "words is 4, which is no text"),
        (lambda: project.choose_physics("s1", recording=4), "the recording is 4, which is no path"),
        (lambda: project.choose_physics("s1", physics=[1]), "physics is [1]; give a Physics, or what the JSON of"),
        (lambda: project.export(3), "what to write is 3, which is no path"),
        (lambda: project.export(tmp_path / "t.wav", takes="3"), "takes is '3', which is no whole number; correct it"),
        (lambda: project.export(tmp_path / "t.wav", two_pop="no"), "two_pop is 'no', which is no True or False"),
        (lambda: project.export(tmp_path / "t.wav", start_timecode=3), "start_timecode is 3, which is no text"),
        (lambda: project.export(tmp_path / "t.wav", tmp_path / "t.wav"), "are one place; give each its own"),
        (lambda: project.choose_physics(preset="Wine glass", words="tin"), "several sources of physics were given"),
        (lambda: project.choose_physics("s9", preset="Wine glass"), "s9"),
        (lambda: project.choose_physics("s1"), "a sound was named and no physics for it"),
        (lambda: project.export(), "nothing to write was named"),
        (lambda: project.export(tmp_path / "t.exe"), "'.exe' cannot be written"),
        (
            lambda: project.export(tmp_path / "t.wav", bit_depth=24),
            "'bit_depth' is no delivery option; they are sample_rate_hz, bits,",
        ),
        (
            lambda: struck.open(folder / "nothing.mp4", checkpoint_folder="/nope"),
            "checkpoint_folder /nope is not a folder",
        ),
        (lambda: struck.open(folder / "kitchen.mp4", track="0"), "track is '0', which is no whole number; correct it"),
        (lambda: struck.open(folder / "kitchen.mp4", data_folder=5), "data_folder is 5, which is no path"),
        (
            lambda: struck.open(folder / "kitchen.mp4", data_folder=folder / "kitchen.mp4"),
            "kitchen.mp4 is a file; give",
        ),
        (lambda: project.detect(source="audio", threshold=7), "threshold 7 is out of range; give 0 to 1"),
        (lambda: project.export(tmp_path / "t.wav", stems_by="room"), "kind of stems 'room' is not offered; choose"),
        (
            lambda: project.export(tmp_path / "t.wav", tmp_path / "t.rpp"),
            "there is no hit that sounds, so " + str(tmp_path / "t.rpp") + " would be empty; add one first",
        ),
        (lambda: struck.open(folder / "nothing.mp4", device="gpu"), "device 'gpu' is not known; use one of auto, cpu"),
        (
            lambda: project.choose_physics(project.sounds[0].id, physics={}),
            "physics has neither modes nor a residual",
        ),
        (lambda: project.export(folder / "kitchen.mp4", overwrite=True), "is the clip itself"),
        (lambda: project.save(tmp_path / "p.json"), "is no name of a project"),
    ]
    before = project.document
    for act, reason in refused:
        with pytest.raises(struck.BadInput, match=re.escape(reason)):
            act()
    assert project.document is before and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_stems_are_written_by_layer(project: struck.OpenProject, tmp_path: Path) -> None:
    project.edit("add_hit", time_s=0.25)
    project.export(stems=tmp_path / "s", stems_by="layer")
    assert {path.stem for path in (tmp_path / "s").iterdir()} == {"Modes", "Residual", "Room"}


def test_numbers_of_numpy_and_physics_as_json_are_taken(project: struck.OpenProject) -> None:
    before = project.document
    project.edit("add_hit", time_s=np.float32(0.25), velocity_db=np.int64(-3))
    (hit,) = (hit for hit in project.hits if hit not in before.hits)
    assert (hit.time_s, hit.velocity_db) == (0.25, -3.0)
    modes = {"frequency_hz": [440], "power_db": [-20], "decay_per_s": [9]}
    project.choose_physics(project.sounds[0].id, physics={"modes": modes})
    assert project.sounds[0].modes.frequency_hz == (440.0,)
    project.undo()
    project.undo()
    assert project.document == before
