"""Project files of unknown origin: each opens or is refused in one sentence, and what opens can be saved and opened."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.core.units import LONGEST_CLIP_S
from engine.document.project import Project
from engine.document.serialization import project_from_json, project_to_json
from engine.document.storage import autosave, list_autosaves, load_autosave, load_project, save_project

DEMO = json.loads((ASSETS / "demo_silent.struck.json").read_text(encoding="utf-8"))
NASTY: list[Any] = [
    None, True, -1, 0, 2**31, 10**39, 10**400, -(10**400), 1e308, -0.0, float("nan"), float("inf"), "", "x" * 20_000,
    "\0", "\ud800", "../../../etc/passwd", "/dev/zero", "//host/share/a.mp4", "1e10000000", "1/" + "9" * 5000, [], {},
    [[]], [None] * 3, [1e400] * 2, {"a": {}}, ["x"] * 20_000, [0.5] * 5000,
]  # fmt: skip


def mutate(value: Any, rng: random.Random) -> Any:
    """The value with one node, at a random place, replaced, removed or doubled."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        copy = value.copy()
        key = rng.choice(list(copy) if isinstance(copy, dict) else range(len(copy)))
        copy[key] = mutate(copy[key], rng)
        return copy
    if isinstance(value, dict) and value and rng.random() < 0.3:
        gone = rng.choice(list(value))
        return {name: item for name, item in value.items() if name != gone}
    if isinstance(value, list) and value and rng.random() < 0.3:
        return value + value
    return rng.choice(NASTY)


def read(value: Any) -> Project | None:
    """The project of a JSON value; None where it is refused, in one short sentence."""
    try:
        return project_from_json(value, "one.struck.json")
    except BadInput as error:
        assert "\n" not in str(error) and len(str(error)) < 600
        return None


@pytest.mark.slow
def test_every_mutation_opens_or_is_refused_and_what_opens_is_saved_and_opened_again(tmp_path: Path) -> None:
    rng = random.Random(15)
    opened = 0
    for _ in range(400):
        project = read(mutate(DEMO, rng))
        if project is not None:
            opened += 1
            path = save_project(project, tmp_path / "again.struck.json")
            assert load_project(path, allow_missing_clip=True).sounds == project.sounds
    assert 20 < opened < 380


def test_every_cut_and_flip_of_the_bytes_is_refused_or_opens(tmp_path: Path) -> None:
    path = tmp_path / "one.struck.json"
    data = json.dumps(DEMO).encode()
    rng = random.Random(1)
    for _ in range(60):
        place = rng.randrange(len(data))
        flipped = data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
        path.write_bytes(flipped if rng.random() < 0.7 else data[:place])
        try:
            load_project(path, allow_missing_clip=True)
        except BadInput as error:
            assert "one.struck.json" in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("duration_s", LONGEST_CLIP_S + 1.0),
        ("frame_rate", "1e10000000"),
        ("frame_rate", "1/" + "9" * 5000),
        ("width", 10**400),
        ("start_timecode", "99:99:99:99"),
        ("path", "\ud800.mp4"),
        ("path", "x" * 50_000),
        ("digest", "x" * 50_000),
    ],
)
def test_a_clip_of_absurd_values_is_named(place: str, value: object) -> None:
    with pytest.raises(BadInput, match=rf"^one\.struck\.json: clip has {place} "):
        project_from_json({**DEMO, "clip": {**DEMO["clip"], place: value}}, "one.struck.json")


def test_a_name_given_twice_a_number_too_long_and_a_pipe_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.struck.json"
    text = json.dumps(DEMO)
    path.write_text(text[:-1] + ', "version": 1}')
    with pytest.raises(BadInput, match="it names 'version' twice"):
        load_project(path)
    path.write_text(text.replace('"seed": 0', '"seed": ' + "9" * 5000, 1))
    with pytest.raises(BadInput, match="it holds a number of 5000 digits"):
        load_project(path)
    if hasattr(os, "mkfifo"):
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(BadInput, match="is a device or a pipe"):
            load_project(path)


def test_a_clip_whose_name_is_not_utf8_is_saved_and_opened(tmp_path: Path) -> None:
    clip = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    try:
        clip.write_bytes(b"film")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    project = read(DEMO)
    assert project is not None
    project = replace(project, clip=replace(project.clip, path=str(clip)))
    path = save_project(project, tmp_path / os.fsdecode(b"proj\xe9.struck.json"))
    path.read_bytes().decode("utf-8")
    assert load_project(path) == project
    autosave(tmp_path / "sessions", project, "tab", str(path))
    assert load_autosave(tmp_path / "sessions", "tab") == (project, str(path), "", False, True, {})


def test_names_of_250_bytes_and_of_80_letters_can_be_saved(tmp_path: Path) -> None:
    project = read(DEMO)
    assert project is not None
    for stem in ("n" * 243, "鐘" * 80):
        path = save_project(project, tmp_path / f"{stem}.struck.json"[-255:])
        assert load_project(path, allow_missing_clip=True).sounds == project.sounds
    assert len(list(tmp_path.iterdir())) == 2


def test_one_bad_autosave_does_not_hide_the_others(tmp_path: Path) -> None:
    project = read(DEMO)
    assert project is not None
    autosave(tmp_path, project, "good")
    text = json.dumps(project_to_json(project))
    (tmp_path / "digits.struck.json").write_text(text.replace('"width": ', '"width": ' + "9" * 400, 1))
    (tmp_path / "deep.struck.json").write_text('{"format": ' + "[" * 900 + "]" * 900 + "}")
    (tmp_path / "zeros.struck.json").write_bytes(bytes(1000))
    (tmp_path / "folder.struck.json").mkdir()
    assert [found.session_id for found in list_autosaves(tmp_path)] == ["good"]


def test_a_confined_project_finds_its_clip_beside_it_alone(tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(b"film")
    (tmp_path / "uploads").mkdir()
    project = read(DEMO)
    assert project is not None
    project = replace(project, clip=replace(project.clip, path=str(tmp_path / "secret.mp4")))
    path = save_project(project, tmp_path / "uploads" / "one.struck.json")
    assert load_project(path).clip.path == str(tmp_path / "secret.mp4")
    said = []
    for there in (True, False):
        with pytest.raises(BadInput) as refused:
            load_project(path, confined=True, digest_of=lambda _: project.clip.digest)
        said.append(str(refused.value))
        if there:
            (tmp_path / "secret.mp4").unlink()
    assert said[0] == said[1]  # nobody learns what else lies on the machine
    (tmp_path / "uploads" / "secret.mp4").write_bytes(b"film")
    assert load_project(path, confined=True).clip.path == str(tmp_path / "uploads" / "secret.mp4")
