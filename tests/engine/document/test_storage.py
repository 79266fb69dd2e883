"""Project files: round trips, atomic writes, clips found again, and one sentence for each kind of broken file."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.core.paths import ROOT
from engine.document import serialization as project_json
from engine.document import storage
from engine.document.project import Clip, Detection, Hit, HitOffsets, Mix, Project, RenderSettings, Sound
from engine.document.source import Source
from engine.document.storage import autosave, list_autosaves, load_autosave, load_project, save_project
from engine.physics.model import Macros, Modes, NoiseComponent, Residual

CONTENT = b"not a film, but it will do"


def digest_of(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def make_project(folder: Path) -> Project:
    path = folder / "crate söng.mp4"
    path.write_bytes(CONTENT)
    clip = Clip(str(path), digest_of(str(path)), 7.3, Fraction(24000, 1001), 1280, 720, "10:00:00:00", True)
    modes = Modes((0.1 + 0.2, 440.0), (-3.3, -20.0), (1 / 3, 9.0), (0.0, -1.5), (True, False))
    residual = Residual((0.0, 100.0, 20000.0), (-50.0, -60.0), (10.0, 30.0), NoiseComponent((-80.0, -90.0), (1.0, 2.0)))
    return Project(
        clip,
        (
            Sound(
                "s1",
                "Crate “A”",
                modes,
                residual,
                Source("clip", time_s=0.25, recording="ab", borrowed=(("noise", "Bell"),)),
                0.75,
            ),
            Sound("s2", "b", Modes(), Residual(), Source("hand"), macros=Macros(mass=1 / 3, room=-1.0)),
        ),
        (
            Hit("h1", 0.5, "s1", 2**31 - 1, -3.0, 1.0, -0.25, True, HitOffsets(12.5, 0.5, -3.0), 0.7, True),
            Hit("h2", 7.3, "s2", 0),
        ),
        Mix(-3.0, -6.0),
        RenderSettings("", 8, 1.5, 99),
        Detection("audio", 0.35),
    )


def test_a_saved_project_is_the_same_project(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    path = save_project(project, tmp_path / "one.struck.json")
    assert load_project(path, digest_of=digest_of) == project
    assert json.loads(path.read_text(encoding="utf-8"))["clip"]["frame_rate"] == "24000/1001"
    assert [p.name for p in tmp_path.iterdir() if "tmp" in p.name] == []


def test_a_file_from_before_macros_has_none_and_a_sound_without_any_says_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    value = project_json.project_to_json(project)
    assert "macros" not in value["sounds"][0] and value["sounds"][1]["macros"]["room"] == -1.0
    del value["sounds"][1]["macros"]
    assert {sound.macros for sound in project_json.project_from_json(value).sounds} == {Macros()}


def test_detail_and_variation_are_written_where_they_were_chosen(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    changed = replace(project.sounds[1], detail=0.4, detail_seed=7, variation=0.25)
    value = project_json.project_to_json(replace(project, sounds=(project.sounds[0], changed)))
    assert not {"detail", "detail_seed", "variation"} & set(value["sounds"][0])
    assert [value["sounds"][1][name] for name in ("detail", "detail_seed", "variation")] == [0.4, 7, 0.25]
    assert project_json.project_from_json(value).sounds == (project.sounds[0], changed)


def test_saving_again_replaces_and_a_failure_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path)
    path = save_project(project, tmp_path / "one.struck.json")
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(BadInput, match="no space left"):
        save_project(replace(project, hits=()), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("target", ["missing/one.struck.json", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match=r"folder|missing"):
        save_project(make_project(tmp_path), tmp_path / target)


def test_the_clip_is_found_beside_the_project_under_any_name_and_in_given_folders(tmp_path: Path) -> None:
    home, away, shelf = tmp_path / "home", tmp_path / "away", tmp_path / "shelf"
    for folder in (home, away, shelf):
        folder.mkdir()
    project = make_project(home)
    old = save_project(project, home / "one.struck.json")
    moved = away / "one.struck.json"
    old.rename(moved)
    clip = home / "crate söng.mp4"

    clip = clip.rename(away / clip.name)
    assert load_project(moved).clip.path == str(clip)
    clip = clip.rename(away / "renamed.mp4")
    (away / "crate söng.mp4").write_bytes(b"another film under the same name")
    assert load_project(moved, digest_of=digest_of).clip.path == str(clip)
    clip = clip.rename(shelf / "anything.mp4")
    assert load_project(moved, [shelf], digest_of).clip.path == str(clip)
    clip.unlink()
    with pytest.raises(BadInput, match=r"crate söng\.mp4"):
        load_project(moved, [shelf], digest_of)
    assert load_project(moved, [shelf], digest_of, allow_missing_clip=True) == project


def test_a_clip_that_changed_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    path = save_project(project, tmp_path / "one.struck.json")
    Path(project.clip.path).write_bytes(b"edited")
    with pytest.raises(BadInput, match="no longer the one"):
        load_project(path, digest_of=digest_of)


def test_a_portable_project_names_no_place_of_this_machine(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    path = save_project(project, tmp_path / "demo.struck.json", portable=True)
    assert str(tmp_path) not in path.read_text(encoding="utf-8")
    assert load_project(path) == project


def test_autosaves_are_per_session_and_broken_ones_are_passed_over(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    folder = tmp_path / "autosave"
    autosave(folder, project, "tab-1", "/films/one.struck.json", handled={"page": 3, "": 2})
    path = autosave(folder, replace(project, hits=()), "tab_2")
    os.utime(path, (1, 1))
    (folder / "tab3.struck.json").write_text('{"format": "struck-project"')
    assert [(a.session_id, a.saved_path) for a in list_autosaves(folder)] == [
        ("tab-1", "/films/one.struck.json"),
        ("tab_2", None),
    ]
    assert load_autosave(folder, "tab-1") == (
        project, "/films/one.struck.json", "", False, True, {"page": 3, "": 2},
    )  # fmt: skip
    assert load_autosave(folder, "tab4") is None
    with pytest.raises(BadInput, match=r"^the autosave of this tab is broken .*; it lies now in ") as caught:
        load_autosave(folder, "tab3")
    (aside,) = folder.glob("damaged-*.json")
    assert str(aside) in str(caught.value) and "tab3" not in str(caught.value)
    assert aside.read_text() == '{"format": "struck-project"' and load_autosave(folder, "tab3") is None
    assert list_autosaves(tmp_path / "nowhere") == []
    for bad in ("", "../up", "a/b", "x" * 65, "é"):
        with pytest.raises(BadInput):
            autosave(folder, project, bad)


def test_an_autosave_without_its_clip_still_opens(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    autosave(tmp_path / "a", project, "s")
    Path(project.clip.path).unlink()
    assert load_autosave(tmp_path / "a", "s") == (project, None, "", False, True, {})


def test_older_versions_migrate_and_newer_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path)
    value = project_json.project_to_json(project)
    old = {key: v for key, v in value.items() if key != "hits"} | {"version": 0, "strikes": value["hits"]}
    monkeypatch.setitem(
        project_json.MIGRATIONS, 0, lambda v: {k: x for k, x in v.items() if k != "strikes"} | {"hits": v["strikes"]}
    )
    monkeypatch.setitem(project_json.MIGRATIONS, 1, lambda v: v)
    assert project_json.project_from_json(old) == project
    with pytest.raises(BadInput, match="newer Struck"):
        project_json.project_from_json(value | {"version": 3})
    with pytest.raises(BadInput, match="version"):
        project_json.project_from_json(value | {"version": -1})


@pytest.mark.parametrize(
    "data",
    [b"", b"   \n", b"{", b"[1]", b"\xff\xfe\x00", b"null", b"{}", b'{"format": "other"}', b"[" * 100_000, b"RIFFWAVE"],
    ids=lambda data: repr(data[:20]),
)
def test_files_that_are_no_project(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.struck.json"
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        load_project(path)
    assert "x.struck.json" in str(caught.value) and "\n" not in str(caught.value)


def test_missing_folders_and_huge_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        load_project(tmp_path / "none.struck.json")
    with pytest.raises(BadInput, match="folder"):
        load_project(tmp_path)
    path = save_project(make_project(tmp_path), tmp_path / "one.struck.json")
    monkeypatch.setattr(storage, "MAX_FILE_BYTES", 100)
    with pytest.raises(BadInput, match="larger"):
        load_project(path)


DAMAGE = [
    ("clip", None),
    ("clip.frame_rate", "0/0"),
    ("clip.frame_rate", 25),
    ("clip.duration_s", float("nan")),
    ("clip.duration_s", -1),
    ("clip.width", 1.5),
    ("sounds", {}),
    ("sounds.0.id", "s2"),
    ("sounds.0.source.kind", "heaven"),
    ("sounds.0.source.time_s", "soon"),
    ("sounds.0.source.borrowed", [["noise"]]),
    ("sounds.0.source.edited", 1),
    ("sounds.0.modes.power_db", [1.0]),
    ("sounds.0.modes.decay_per_s", [1.0, float("inf")]),
    ("sounds.0.modes.frequency_hz", [-1.0, 5.0]),
    ("sounds.0.residual.edges_hz", [5.0, 4.0, 3.0]),
    ("sounds.0.fit", "good"),
    ("sounds.1.macros", [1]),
    ("sounds.1.macros.mass", 1.01),
    ("sounds.1.macros.room", "dry"),
    ("sounds.1.detail", 1.01),
    ("sounds.1.detail", None),
    ("sounds.1.detail_seed", -1),
    ("sounds.1.variation", -0.1),
    ("hits", None),
    ("hits.0", 7),
    ("hits.0.id", "h2"),
    ("hits.0.sound_id", "s7"),
    ("hits.0.sound_id", {}),
    ("hits.0.time_s", 7.4),
    ("hits.0.time_s", True),
    ("hits.0.seed", 2**31),
    ("hits.0.pan", "left"),
    ("hits.0.offsets", 0),
    ("hits.0.offsets.decay_ratio", 0),
    ("mix.gain_db", float("nan")),
    ("render.steps", 0),
    ("detection.source", "nose"),
    ("version", "1"),
    ("version", True),
]


@pytest.mark.parametrize(("place", "value"), DAMAGE, ids=lambda v: repr(v))
def test_damage_is_named_in_one_sentence(tmp_path: Path, place: str, value: object) -> None:
    path = save_project(make_project(tmp_path), tmp_path / "one.struck.json")
    whole = json.loads(path.read_text(encoding="utf-8"))
    *parents, last = place.split(".")
    inner = whole
    for key in parents:
        inner = inner[int(key)] if key.isdigit() else inner[key]
    inner[int(last) if last.isdigit() else last] = value
    path.write_text(json.dumps(whole))
    with pytest.raises(BadInput) as caught:
        load_project(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_the_document_modules_need_only_the_standard_library() -> None:
    import subprocess
    import sys

    names = "engine.document.storage, engine.document.history"
    code = f"import sys, {names}; print(*(name in sys.modules for name in ('numpy', 'torch')))"
    root = ROOT
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "False"]


def test_a_link_that_leads_nowhere_hides_no_other_autosave(tmp_path: Path) -> None:
    autosave(tmp_path, make_project(tmp_path), "good")
    (tmp_path / f"loop{storage.SUFFIX}").symlink_to(f"loop{storage.SUFFIX}")
    (tmp_path / f"lost{storage.SUFFIX}").symlink_to("nothing")
    (tmp_path / f"folder{storage.SUFFIX}").mkdir()
    assert [found.session_id for found in list_autosaves(tmp_path)] == ["good"]
