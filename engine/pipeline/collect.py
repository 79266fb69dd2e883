"""A project as a folder of its own: the document, its clip, and the recordings that its sounds were measured from."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.core.files import check_folder, make_write_error, replace_file
from engine.core.names import make_file_stem
from engine.document.project import Project
from engine.document.storage import SUFFIX, save_project
from engine.media.export.wave import write_wave
from engine.media.sound import read_recording

RECORDINGS = "recordings"
MOST_NUMBERED = 1000
_BLOCK_BYTES = 8 << 20
_SPARE_BYTES = 64 << 20
_MOST_RECORDED_BYTES = 16 << 20
"""Of a recording beside a project: 6 s at 192 kHz take 5 MB."""


def collect_project(
    project: Project,
    inside: str | os.PathLike[str],
    name: str,
    cache: Cache,
    on_progress: Callable[[float], None] = lambda part: None,
) -> Path:
    """Write a new folder of a name in another folder, with everything the project needs; returns the project file.

    The clip lies beside the project file, where it is found on any machine. ``on_progress`` is called with the part
    that is copied, and may raise to stop; then nothing stays. Raises BadInput where the clip is missing or the folder
    cannot be written.
    """
    clip = Path(project.clip.path)
    if not clip.is_file():
        raise BadInput(f"the clip {clip.name} is not there to be collected; put it back first")
    outer = check_folder(inside)
    folder = _make_folder(outer, make_file_stem(name, f" {MOST_NUMBERED}"))
    try:
        _copy(clip, folder / clip.name, on_progress)
        for sound in project.sounds:
            kept = cache.get(sound.source.recording) if sound.source.recording else None
            if kept is not None and kept.ndim == 1 and len(kept) > 1:
                (folder / RECORDINGS).mkdir(exist_ok=True)
                stem = make_file_stem(sound.source.name or sound.name, f" {sound.source.recording}.wav")
                place = folder / RECORDINGS / f"{stem} {sound.source.recording}.wav"
                write_wave(place, kept[1:], int(kept[0]), 32)
        path = folder / f"{folder.name}{SUFFIX}"
        collected = replace(project, clip=replace(project.clip, path=str(folder / clip.name)))
        return save_project(collected, path, portable=True)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise make_write_error(folder, error) from None
        raise


def restore_recordings(project: Project, project_file: str | os.PathLike[str], cache: Cache) -> None:
    """Put the recordings of a collected project into the cache, where comparisons look for them; damaged ones stay."""
    folder = Path(project_file).parent / RECORDINGS
    for sound in project.sounds:
        key = sound.source.recording
        if not key or not key.isalnum() or not folder.is_dir() or cache.get(key) is not None:
            continue
        for path in folder.glob(f"*{key}.wav"):
            kept = _read_kept(path)
            if kept is not None and hashlib.sha256(kept.tobytes()).hexdigest() == key:
                cache.put(key, kept)


def _read_kept(path: Path) -> np.ndarray | None:
    """The rate and samples of a recording as ``keep_samples`` keeps them; None where this is none of its files."""
    try:
        if os.path.getsize(path) > _MOST_RECORDED_BYTES:
            return None
        samples, rate_hz = read_recording(path)
    except (OSError, BadInput):
        return None
    return np.concatenate([[rate_hz], samples[:, 0]]).astype(np.float32) if samples.shape[1] == 1 else None


def _make_folder(outer: Path, stem: str) -> Path:
    """A new folder: ``stem``, else ``stem 2``, ``stem 3`` and so on."""
    for number in range(1, MOST_NUMBERED):
        folder = outer / (stem if number == 1 else f"{stem} {number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise make_write_error(folder, error) from None
    raise BadInput(f"{outer} holds {MOST_NUMBERED} folders named like {stem}; choose another folder")


def _copy(source: Path, target: Path, on_progress: Callable[[float], None]) -> None:
    size = source.stat().st_size
    if shutil.disk_usage(target.parent).free < size + _SPARE_BYTES:
        raise BadInput(
            f"{source.name} ({size / 1e6:.1f} MB) does not fit on the disk of {target.parent}; make room first"
        )
    copied = 0
    with replace_file(target) as partial, open(source, "rb") as content, open(partial, "wb") as copy:
        while block := content.read(_BLOCK_BYTES):
            copy.write(block)
            copied += len(block)
            on_progress(copied / max(1, size))
