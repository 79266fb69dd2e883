"""Every reader of files from outside, each as a function that reads a file as the app or the command line does.

A function returns where the file is good, raises BadInput where it refuses it, and asserts what must hold of all that
was read: finite values, bounded sizes, and that what is saved opens again.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from engine.cli.manifest import MANIFEST_NAME
from engine.core.cache import Cache, read_bundle
from engine.core.errors import BadInput
from engine.document.edits.messages import apply_message
from engine.document.history import History, commit
from engine.document.project import Project
from engine.document.serialization import project_from_json, project_to_json
from engine.document.source import Source
from engine.document.storage import SUFFIX, list_autosaves, load_autosave, load_project
from engine.lab.evaluation.robustness import mutations
from engine.lab.evaluation.robustness.editor_readers import EDITOR_READERS
from engine.lab.evaluation.robustness.network_readers import NETWORK_READERS
from engine.lab.evaluation.robustness.reader import Reader
from engine.lab.evaluation.robustness.seed_documents import make_physics, make_presets, make_project
from engine.media.open import digest_file
from engine.physics.model import physics_from_json, physics_to_json

READ_S = 20
"""Seconds of a clip's sound and frames of its picture that are read."""


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


def read_own_presets(path: Path) -> None:
    """Read a person's own presets; the file that is written of them opens again."""
    from engine.document.preset_files import presets_to_bytes, read_presets

    presets = read_presets(path)
    again = path.with_name("again.json")
    again.write_bytes(presets_to_bytes(presets))
    assert read_presets(again) == presets


def read_manifest(path: Path) -> None:
    """Ask a batch's manifest what is done, begin and finish a clip by it, and write the report."""
    from engine.cli.batch_report import Outcome, write_report
    from engine.cli.manifest import Manifest

    manifest = Manifest(path.parent)
    keys = [letter * 64 for letter in "abc"]
    done = [outcome for key in keys if (outcome := manifest.find(key)) is not None]
    if not done:
        raise BadInput("no clip is known to be done; all are rendered")
    manifest.begin({key: ["clip.wav"] for key in keys if not manifest.owns(key)})
    manifest.finish(keys[2], Outcome("clip.mp4", "clip", ("clip.wav",)))
    assert ("clip.mp4", "clip") in manifest.list_names()
    write_report(path.parent / "report.html", done)
    assert Manifest(path.parent).owns(keys[2])


def read_list(path: Path) -> None:
    """Read a list of clips, and look at each as a batch does."""
    from engine.cli.batch import list_clips

    for clip in islice(list_clips([str(path)], path.parent / "out"), 20):
        with contextlib.suppress(BadInput):
            digest_file(clip)


def read_edit(path: Path) -> None:
    """Decode an edit message and apply it to a document, which can still be saved."""
    from engine.cli.console import read_json
    from engine.pipeline.physics_ops import PHYSICS_OPS

    project = make_project(Path("/nowhere"))
    presets = {preset.name: preset for preset in make_presets()}
    edit = apply_message(project, read_json(str(path)), presets, PHYSICS_OPS)
    _check_project(commit(History(past=(), now=project, future=()), edit).now)


def read_sounds_bundle(path: Path) -> None:
    """Read a bundle of rendered hits."""
    arrays = read_bundle(path)
    assert all(np.isfinite(array).all() and array.ndim == 1 for array in arrays.values())


def read_cache(path: Path) -> None:
    """Get the entry from the cache: a file that is not whole counts as absent."""
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

    bank = load_bank(path.parent)
    if len(bank):
        rank_by_physics(bank, make_physics(), 3)
        for entry in bank.entries:
            physics = physics_from_json(json.loads(json.dumps(physics_to_json(entry.physics), allow_nan=False)))
            assert physics.modes == entry.physics.modes


def read_still_picture(path: Path) -> None:
    """Read the picture that is animated."""
    from engine.animate.still import LEAST_PX, MOST_PX, fit_canvas, read_still, shrink_still

    still = read_still(path)
    assert all(LEAST_PX <= side <= MOST_PX and side % 2 == 0 for side in (still.height, still.width))
    assert np.isfinite(shrink_still(still, fit_canvas(still))).all()


def read_embedded(path: Path) -> None:
    """Open the project inside a sound file; what is saved of it opens again."""
    from engine.media.export.embedded import read_embedded_project

    content = read_embedded_project(path)
    if content is None:
        raise BadInput("there is no project inside; it is read as a recording")
    _check_project(load_project(path, allow_missing_clip=True, content=content))


def read_collected(path: Path) -> None:
    """Restore the recording that lies beside a collected project."""
    from engine.pipeline.collect import RECORDINGS, restore_recordings

    project = make_project(path.parent)
    key = path.name.removesuffix(".wav").rpartition(" ")[2]
    sound = replace(project.sounds[0], source=Source("file", recording=key))
    _move_into(path, path.parent / RECORDINGS)
    cache = Cache(None)
    restore_recordings(replace(project, sounds=(sound,)), path.parent / "p.struck.json", cache)
    if cache.get(key) is None:
        raise BadInput("the recording is absent; it is taken again by Replace")


def read_library(path: Path) -> None:
    """Read a recording that another user has put into the library."""
    from engine.bank.shared_bank import unpack_entry
    from engine.core.shared_store import SharedStore

    data = SharedStore(str(path.parent)).read(path.name)
    if data is None or not len(bank := unpack_entry(data)):
        raise BadInput("the entry is absent; it is left out")
    physics_from_json(json.loads(json.dumps(physics_to_json(bank.entries[0].physics), allow_nan=False)))


def read_library_sound(path: Path) -> None:
    """Get a sound from the library: a file that is not whole counts as absent."""
    from engine.core.shared_store import SharedStore

    _move_into(path, path.parent / "cache" / path.name[:2])
    array = Cache(None, shared=SharedStore(str(path.parent))).get("key")
    if array is None:
        raise BadInput("the sound is absent; it is made again")
    assert np.isfinite(array).all()


def _move_into(path: Path, folder: Path) -> None:
    """Move a file, if it is there, into a folder of its place, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        path.rename(folder / path.name)


READERS = (
    Reader("clip", "clip", mutations.BYTES, read_clip, weight=6),
    Reader("sound", "sound", mutations.BYTES, read_sound, weight=4),
    Reader("project", "project", mutations.JSON, read_project, weight=3),
    Reader("physics", "physics", mutations.JSON, read_physics, weight=2),
    Reader("csv", "csv", mutations.CSV, read_csv),
    Reader("spotting", "spotting", mutations.BYTES, read_spotting_list, weight=2),
    Reader("presets", "presets", mutations.JSON, read_presets),
    Reader("own presets", "own presets", mutations.JSON, read_own_presets),
    Reader("manifest", "manifest", mutations.JSON_LINES, read_manifest, MANIFEST_NAME),
    Reader("list", "list", mutations.CSV, read_list),
    Reader("edit", "edit", mutations.JSON, read_edit, weight=4),
    Reader("bundle", "bundle", mutations.ZIP, read_sounds_bundle),
    Reader("cache", "cache", mutations.BYTES, read_cache, keeps_name=True),
    Reader("autosave", "autosave", mutations.JSON, read_autosaves, f"tab{SUFFIX}"),
    Reader("bank", "bank", mutations.SAFETENSORS, read_bank, weight=2, keeps_name=True),
    Reader("still", "still", mutations.BYTES, read_still_picture, weight=2),
    Reader("embedded", "embedded", mutations.BYTES, read_embedded),
    Reader("collected", "collected", mutations.BYTES, read_collected, keeps_name=True),
    Reader("library bank", "bank", mutations.SAFETENSORS, read_library, keeps_name=True),
    Reader("library sound", "cache", mutations.BYTES, read_library_sound, keeps_name=True),
    *EDITOR_READERS,
    *NETWORK_READERS,
)
