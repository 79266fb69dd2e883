"""Project files (``*.struck.json``): written whole or not at all, checked when read, found again elsewhere.

Standard library only; whoever wants the clip checked by content gives a function that digests a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput
from engine.core.files import make_write_error, write_file
from engine.document.project import Project
from engine.document.serialization import project_from_json, project_to_json

SUFFIX = ".struck.json"
MAX_FILE_BYTES = 64 * 2**20
MAX_SEARCHED_FILES = 2000

DigestOf = Callable[[str], str]
"""Content digest of the file at a path; may raise BadInput or OSError for a file that is no clip."""


def save_project(project: Project, path: str | Path, portable: bool = False) -> Path:
    """Write a project file atomically and return its path; BadInput when the place cannot be written.

    The clip's place is stored twice, absolute and relative to the file; ``portable`` stores the
    relative one alone, for projects that ship with their clip.
    """
    path = Path(path)
    value = project_to_json(project)
    value["clip"]["relative_path"] = _relative_path(project.clip.path, path.parent)
    if portable:
        value["clip"]["path"] = value["clip"]["relative_path"]
    _write(path, value)
    return path


def load_project(
    path: str | Path,
    search: Iterable[str | Path] = (),
    digest_of: DigestOf | None = None,
    allow_missing_clip: bool = False,
) -> Project:
    """Read a project file and find its clip: where it was, beside the project, or in the ``search`` folders.

    With ``digest_of`` only a file of the right content will do, under whatever name. Raises BadInput
    for a file that is missing, broken, foreign, too large or of a newer Struck, and for a clip that
    is nowhere, unless ``allow_missing_clip``: then the clip keeps its old path.
    """
    path = Path(path)
    value = _read(path)
    project = project_from_json(value, str(path))
    clip = value.get("clip")
    relative = clip.get("relative_path") if isinstance(clip, Mapping) else None
    return _relink(project, relative, path, [Path(folder) for folder in search], digest_of, allow_missing_clip)


@dataclass(frozen=True)
class Autosave:
    """What a session left behind: its document, and the file it was last saved to if there is one."""

    session_id: str
    path: Path
    modified_s: float
    clip_path: str
    saved_path: str | None


def autosave(folder: str | Path, project: Project, session_id: str, saved_path: str | None = None) -> Path:
    """Write a session's document to its own file in ``folder``, atomically; BadInput when that fails."""
    path = autosave_path(folder, session_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot make the folder {path.parent}: {_reason(error)}; choose another") from None
    value = project_to_json(project)
    value["session"] = {"saved_path": saved_path}
    _write(path, value)
    return path


def autosave_path(folder: str | Path, session_id: str) -> Path:
    """Where a session's document lies; BadInput for an id that is no id."""
    if not (
        0 < len(session_id) <= 64 and session_id.isascii() and session_id.replace("-", "").replace("_", "").isalnum()
    ):
        raise BadInput(f"session id {session_id[:40]!r} is not made of letters, digits, - and _; reload the page")
    return Path(folder) / f"{session_id}{SUFFIX}"


def load_autosave(
    folder: str | Path, session_id: str, digest_of: DigestOf | None = None
) -> tuple[Project, str | None] | None:
    """A session's document and the file it was saved to, or None when there is none to be read."""
    path = autosave_path(folder, session_id)
    if not path.exists():
        return None
    try:
        value = _read(path)
        project = _relink(project_from_json(value, str(path)), None, path, [], digest_of, True)
    except BadInput:
        return None
    return project, _saved_path(value)


def list_autosaves(folder: str | Path) -> list[Autosave]:
    """The readable autosaves of a folder, newest first; broken ones are passed over."""
    found = []
    for path in _files(Path(folder)):
        if not path.name.endswith(SUFFIX):
            continue
        try:
            value = _read(path)
            project = project_from_json(value, str(path))
            modified_s = path.stat().st_mtime
        except (BadInput, OSError):
            continue
        name = path.name[: -len(SUFFIX)]
        found.append(Autosave(name, path, modified_s, project.clip.path, _saved_path(value)))
    return sorted(found, key=lambda entry: entry.modified_s, reverse=True)


def _saved_path(value: Mapping[str, Any]) -> str | None:
    session = value.get("session")
    saved = session.get("saved_path") if isinstance(session, Mapping) else None
    return saved if isinstance(saved, str) else None


# --- the file ---------------------------------------------------------------------------------


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.is_dir():
            raise BadInput(f"{path} is a folder; choose a project file, *{SUFFIX}")
        with open(path, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist; check the name") from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {_reason(error)}; choose another file") from None
    if len(data) > MAX_FILE_BYTES:
        raise BadInput(
            f"{path} is larger than {MAX_FILE_BYTES >> 20} MB, which no Struck project is; choose another file"
        )
    if not data.strip():
        raise BadInput(f"{path} is empty; open another copy of the project")
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadInput(f"{path} is broken or not a Struck project; open another copy of it") from None
    if not isinstance(value, dict):
        raise BadInput(f"{path} is not a Struck project; choose a *{SUFFIX} file")
    return value


def _write(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give the name of a file")
    try:
        write_file(path, text.encode(), sync=True)
    except OSError as error:
        raise make_write_error(path, error) from None


# --- the clip ---------------------------------------------------------------------------------


def _relative_path(clip_path: str, folder: Path) -> str:
    try:
        return Path(os.path.relpath(clip_path, folder)).as_posix()
    except ValueError:  # another drive
        return Path(clip_path).name


def _relink(
    project: Project, relative: Any, path: Path, search: list[Path], digest_of: DigestOf | None, allow_missing: bool
) -> Project:
    clip = project.clip
    seen: set[Path] = set()
    for candidate in _places(clip.path, relative, path, search, by_content=digest_of is not None):
        place = candidate.absolute()
        if place not in seen:
            seen.add(place)
            if place.is_file() and _is_clip(place, clip.digest, digest_of):
                return replace(project, clip=replace(clip, path=os.path.normpath(place)))
    if allow_missing:
        return project
    if digest_of is not None and Path(clip.path).is_file():
        raise BadInput(
            f"the clip {clip.path} is no longer the one {path.name} was made with; put the old one beside it"
        )
    raise BadInput(f"the clip {clip.path} of {path.name} is not to be found; put {_name(clip.path)} beside the project")


def _is_clip(path: Path, digest: str, digest_of: DigestOf | None) -> bool:
    if digest_of is None or not digest:
        return True
    try:
        return digest_of(str(path)) == digest
    except (OSError, BadInput):
        return False


def _places(clip_path: str, relative: Any, path: Path, search: list[Path], by_content: bool) -> Iterator[Path]:
    """Where the clip may be, likeliest first; every file with its suffix when content can tell."""
    name = _name(clip_path)
    if Path(clip_path).is_absolute():
        yield Path(clip_path)
    if isinstance(relative, str) and "\0" not in relative:
        yield path.parent / relative
    folders = [path.parent, *search]
    for folder in folders:
        yield folder / name
    if by_content:
        suffix = Path(name).suffix.lower()
        for folder in folders:
            yield from (file for file in _files(folder) if file.suffix.lower() == suffix)


def _files(folder: Path) -> list[Path]:
    """Files of a folder by name, the first MAX_SEARCHED_FILES; none if it cannot be read."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return []
    return [folder / name for name in names[:MAX_SEARCHED_FILES]]


def _name(clip_path: str) -> str:
    """Last part of a path written on any system."""
    return clip_path.replace("\\", "/").rsplit("/", 1)[-1]
