"""Every reader of files from outside, each as a function that reads a file as the app or the command line does.

A function returns where the file is good, raises BadInput where it refuses it, and asserts what must hold of all that
was read: finite values, bounded sizes, and that what is saved opens again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from engine.core.cache import Cache, read_bundle
from engine.core.checkpoint import CONFIG, WEIGHTS
from engine.document.edits.messages import apply_message
from engine.document.edits.values import PhysicsOps
from engine.document.history import History, commit
from engine.document.project import Project
from engine.document.serialization import project_from_json, project_to_json
from engine.document.storage import SUFFIX, list_autosaves, load_autosave, load_project
from engine.lab.evaluation.robustness import mutations
from engine.lab.evaluation.robustness.mutations import Mutation
from engine.lab.evaluation.robustness.seeds import make_project
from engine.physics.model import physics_from_json, physics_to_json

READ_S = 20
"""Seconds of a clip's sound and frames of its picture that are read."""


@dataclass(frozen=True)
class Reader:
    """A reader; ``file`` is what is mutated in ``folder`` of the seeds, "" for any one of its files."""

    name: str
    folder: str
    mutations: tuple[Mutation, ...]
    read: Callable[[Path], None]
    file: str = ""
    weight: int = 1


def read_clip(path: Path) -> None:
    """Open a clip, read pictures and sound, and save and reopen its document."""
    from engine.media.frames import iter_frames, make_filmstrip
    from engine.media.sound import iter_clip_audio
    from engine.pipeline.open_clip import open_clip

    opened = open_clip(path)
    _check_project(opened.project)
    for time_s, frame in islice(iter_frames(path, 72), 25 * READ_S):
        assert time_s >= 0.0 and frame.size
    assert make_filmstrip(path, [0.0, opened.info.duration_s / 2], 32)
    if opened.info.has_audio:
        for block in islice(iter_clip_audio(path, 48_000, 1.0), READ_S):
            assert np.isfinite(block).all()


def read_sound(path: Path) -> None:
    """Read a recording."""
    from engine.media.sound import read_recording

    samples, rate_hz = read_recording(path)
    assert samples.ndim == 2 and len(samples) and rate_hz > 0 and np.isfinite(samples).all()


def read_project(path: Path) -> None:
    """Open a project without its clip; what is saved of it opens again and can be rendered."""
    from engine.pipeline.render import hit_keys, hit_physics

    project = load_project(path, allow_missing_clip=True)
    _check_project(project)
    hit_keys(project, "")
    for hit in project.hits[:20]:
        hit_physics(project, hit)


def _check_project(project: Project) -> None:
    text = json.dumps(project_to_json(project), allow_nan=False)
    assert project_from_json(json.loads(text)) == project


def read_physics(path: Path) -> None:
    """Read physics as ``synthesize`` does, and make a little of its sound."""
    from engine.cli.console import read_json
    from engine.physics.synthesis import synthesize

    physics = physics_from_json(read_json(str(path)), path.name)
    assert physics_from_json(json.loads(json.dumps(physics_to_json(physics), allow_nan=False))) == physics
    if all(power_db < 60.0 for power_db in (*physics.modes.power_db, *physics.residual.power_db)):
        assert np.isfinite(synthesize(physics, 0.02)).all()


def read_csv(path: Path) -> None:
    """Read onsets."""
    from engine.media.export.markers import read_onsets

    onsets = read_onsets(path, 10.0)
    assert all(0.0 <= time_s <= 10.0 for time_s, _ in onsets)


def read_spotting_list(path: Path) -> None:
    """Read a spotting list of any format."""
    from engine.media.spotting.read import read_spotting

    placed = read_spotting(path, Fraction(25), 10.0, "01:00:00:00")
    assert all(0.0 <= spot.time_s <= 10.0 for spot in placed.spots)


def read_presets(path: Path) -> None:
    """Read presets."""
    from engine.physics.presets import load_presets

    load_presets.__wrapped__(path)


def read_edit(path: Path) -> None:
    """Decode an edit message and apply it to a document, which can still be saved."""
    from engine.cli.console import read_json
    from engine.physics.macros import apply_macros
    from engine.physics.morph import morph

    project = make_project(Path("/nowhere"))
    edit = apply_message(project, read_json(str(path)), ops=PhysicsOps(apply_macros, morph))
    _check_project(commit(History(past=(), now=project, future=()), edit).now)


def read_sounds_bundle(path: Path) -> None:
    """Read a bundle of rendered hits."""
    arrays = read_bundle(path)
    assert all(np.isfinite(array).all() and array.ndim == 1 for array in arrays.values())


def read_cache(path: Path) -> None:
    """Get the entry from the cache: a file that is not whole counts as absent."""
    from engine.core.errors import BadInput

    name = path.name
    place = path.parent / "cache" / name[:2] / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.name != place.name or not os.path.lexists(path):
        raise BadInput("there is no such entry; it is made again")
    path.rename(place)
    array = Cache(path.parent / "cache").get("key")
    place.rename(path)
    if array is None:
        raise BadInput("the entry is absent; it is made again")
    assert np.isfinite(array).all()


def read_autosaves(path: Path) -> None:
    """List a folder's autosaves, of which one is damaged, and load both."""
    folder = path.parent
    assert "good" in [found.session_id for found in list_autosaves(folder)]
    assert load_autosave(folder, "good") is not None
    load_autosave(folder, path.name[: -len(SUFFIX)])


def read_bank(path: Path) -> None:
    """Load a bank, search it, and open it as the person's own."""
    from engine.bank.bank import load_bank
    from engine.bank.search import rank_by_physics
    from engine.lab.evaluation.robustness.seeds import make_physics

    bank = load_bank(path.parent)
    if len(bank):
        rank_by_physics(bank, make_physics(), 3)
        for entry in bank.entries:
            physics = physics_from_json(json.loads(json.dumps(physics_to_json(entry.physics), allow_nan=False)))
            assert physics.modes == entry.physics.modes


def read_sampler(path: Path) -> None:
    """Load the sampler."""
    from engine.diffusion.checkpoint import load_velocity_network

    load_velocity_network(path.parent)


def read_onset_network(path: Path) -> None:
    """Load the onset network."""
    from engine.onsets.watch import load_onset_network

    load_onset_network(path.parent)


def read_generator(path: Path) -> None:
    """Load the generator."""
    from engine.bank.generate import load_generator

    load_generator(path.parent)


READERS = (
    Reader("clip", "clip", mutations.BYTES, read_clip, weight=6),
    Reader("sound", "sound", mutations.BYTES, read_sound, weight=4),
    Reader("project", "project", mutations.JSON, read_project, weight=3),
    Reader("physics", "physics", mutations.JSON, read_physics, weight=2),
    Reader("csv", "csv", mutations.CSV, read_csv),
    Reader("spotting", "spotting", mutations.BYTES, read_spotting_list, weight=2),
    Reader("presets", "presets", mutations.JSON, read_presets),
    Reader("edit", "edit", mutations.JSON, read_edit, weight=2),
    Reader("bundle", "bundle", mutations.ZIP, read_sounds_bundle),
    Reader("cache", "cache", mutations.BYTES, read_cache),
    Reader("autosave", "autosave", mutations.JSON, read_autosaves, f"tab{SUFFIX}"),
    Reader("bank", "bank", mutations.SAFETENSORS, read_bank, weight=2),
    Reader("sampler config", "sampler", mutations.JSON, read_sampler, CONFIG),
    Reader("sampler weights", "sampler", mutations.SAFETENSORS, read_sampler, WEIGHTS),
    Reader("onsets config", "onsets", mutations.JSON, read_onset_network, CONFIG),
    Reader("generator config", "generator", mutations.JSON, read_generator, CONFIG),
)
