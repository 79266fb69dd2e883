"""Project files (``*.struck.json``): atomic writes, checked reads, clips found again where they were moved.

Standard library only: a caller that wants the clip verified by content passes a function that digests a file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from engine.core.bounded_json import check_size, parse_json
from engine.core.errors import BadInput
from engine.core.files import make_private_folder, make_write_error, write_file
from engine.core.json_pieces import encode_json
from engine.document.clip_search import DigestOf, base_name, beside, find_clip, list_files, named_places, relative_path
from engine.document.project import Project
from engine.document.serialization import project_from_json, project_to_json

SUFFIX = ".struck.json"
MAX_FILE_BYTES = 64 * 2**20
_AUTOSAVE = "the autosave of this tab"


class ClipMissing(BadInput):
    """The clip of a ``project``, which was read, was not found."""

    def __init__(self, message: str, project: Project) -> None:
        super().__init__(message)
        self.project = project


def save_project(project: Project, path: str | Path, portable: bool = False) -> Path:
    """Write a project file atomically and return its path; BadInput when the place cannot be written.

    The clip's place is stored twice, absolute and relative to the file; ``portable`` stores the
    relative one alone, for projects that ship with their clip.
    """
    path = Path(path)
    value = project_to_json(project)
    value["clip"]["relative_path"] = relative_path(project.clip.path, path.parent)
    if portable:
        value["clip"]["path"] = value["clip"]["relative_path"]
    _write(path, value)
    return path


def load_project(
    path: str | Path,
    search: Iterable[str | Path] = (),
    digest_of: DigestOf | None = None,
    allow_missing_clip: bool = False,
    confined: bool = False,
    content: bytes | None = None,
) -> Project:
    """Read a project file and find its clip: where it was, beside the project, or in the ``search`` folders.

    With ``digest_of`` only a file of the right content will do, under whatever name. ``confined`` looks
    beside the project and in the ``search`` folders alone, whatever paths the file names. ``content`` is the JSON where
    the file at ``path`` is another that holds it. Raises BadInput for a file that is missing, broken, foreign, too
    large or of a newer Struck, and ClipMissing for a clip that
    is nowhere, unless ``allow_missing_clip``: then the clip keeps its old path.
    """
    path = Path(path)
    value = _read(path) if content is None else _parse(path, content)
    project = project_from_json(value, str(path))
    clip = value.get("clip")
    relative = clip.get("relative_path") if isinstance(clip, Mapping) else None
    folders = [path.parent, *map(Path, search)]
    named = [] if confined else named_places(project.clip.path, relative, path)
    found = find_clip(project.clip, [*named, *beside(project.clip.path, folders, digest_of is not None)], digest_of)
    if found is not None:
        return replace(project, clip=replace(project.clip, path=os.path.normpath(found)))
    if allow_missing_clip:
        return project
    if not confined and digest_of is not None and os.path.isfile(project.clip.path):
        raise ClipMissing(
            f"the clip {project.clip.path} is no longer the one {path.name} was made with; put the old one beside it",
            project,
        )
    name = base_name(project.clip.path)
    raise ClipMissing(f"the clip {name} of {path.name} is not to be found; put {name} beside the project", project)


def is_project_file(path: str | Path) -> bool:
    """Whether a file is to be read as a project: by its ending, or by its content, since a name need not have one."""
    if str(path).lower().endswith(".json"):
        return True
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class Autosave:
    """An autosaved document of a session, and the file it was last saved to, if any.

    ``edited``: it holds changes that no project file does.
    """

    session_id: str
    path: Path
    modified_s: float
    clip_path: str
    saved_path: str | None
    edited: bool = True
    hit_count: int = 0
    sound_count: int = 0


class Kept(NamedTuple):
    """Content of an autosave: a document, the file it was saved to last, the digest of that file's content, whether the
    detection of its hits was unfinished, and whether it holds changes that no project file does."""

    project: Project
    saved_path: str | None = None
    saved_digest: str = ""
    unfinished: bool = False
    edited: bool = True
    handled: Mapping[str, int] = MappingProxyType({})


def autosave(
    folder: str | Path,
    project: Project,
    session_id: str,
    saved_path: str | None = None,
    saved_digest: str = "",
    unfinished: bool = False,
    edited: bool = True,
    handled: Mapping[str, int] = MappingProxyType({}),
) -> Path:
    """Write a session's document to its own file in ``folder``, atomically; BadInput when that fails.

    ``saved_path`` is the file that the session saved it to last, ``saved_digest`` the digest of what that holds;
    ``unfinished`` says that its hits are still being looked for, ``edited`` that it holds changes no project file does;
    ``handled`` are the highest numbers of the changes of browser tabs that are in it.
    """
    path = autosave_path(folder, session_id)
    try:
        make_private_folder(path.parent)
    except OSError as error:
        raise make_write_error(path, error) from None
    value = project_to_json(project)
    value["session"] = {
        "saved_path": saved_path,
        "saved_digest": saved_digest,
        "unfinished": unfinished,
        "edited": edited,
        "handled": dict(handled),
    }
    _write(path, value, indent=None)
    return path


def autosave_path(folder: str | Path, session_id: str) -> Path:
    """Where a session's document lies; BadInput for an id that is no id."""
    if not (
        0 < len(session_id) <= 64 and session_id.isascii() and session_id.replace("-", "").replace("_", "").isalnum()
    ):
        raise BadInput(f"session id {session_id[:40]!r} is not made of letters, digits, - and _; reload the page")
    return Path(folder) / f"{session_id}{SUFFIX}"


def load_autosave(folder: str | Path, session_id: str) -> Kept | None:
    """The autosave of a session, or None when there is none.

    One that cannot be read is renamed, so that the next does not overwrite it; BadInput says where it lies then.
    """
    path = autosave_path(folder, session_id)
    if not path.exists():
        return None
    try:
        value = _read(path)
        project = project_from_json(value, path.name)
    except BadInput as error:
        # The sentence is shown, and whoever knows an id can take the session over.
        reason = str(error).replace(str(path), _AUTOSAVE).replace(path.name, _AUTOSAVE)
        aside = path.with_name(f"damaged-{hashlib.sha256(session_id.encode()).hexdigest()[:16]}.json")
        try:
            os.replace(path, aside)
        except OSError:
            raise BadInput(reason) from None
        raise BadInput(f"{reason}; it lies now in {aside}") from None
    session = value.get("session")
    unfinished = isinstance(session, Mapping) and session.get("unfinished") is True
    digest = _saved_text(value, "saved_digest") or ""
    return Kept(project, _saved_path(value), digest, unfinished, _is_edited(value), _read_handled(session))


def _read_handled(session: Any) -> dict[str, int]:
    handled = session.get("handled") if isinstance(session, Mapping) else None
    numbers = handled.items() if isinstance(handled, Mapping) else ()
    return {tab: number for tab, number in numbers if type(number) is int and number > 0}


def list_autosaves(folder: str | Path) -> list[Autosave]:
    """The readable autosaves of a folder, newest first; broken ones are passed over."""
    found = [read_autosave(path) for path in list_files(Path(folder)) if path.name.endswith(SUFFIX)]
    return sorted((entry for entry in found if entry), key=lambda entry: entry.modified_s, reverse=True)


def read_autosave(path: Path) -> Autosave | None:
    """About the autosave of a session; None where it cannot be read."""
    try:
        value = _read(path)
        project = project_from_json(value, str(path))
        modified_s = path.stat().st_mtime
    except (BadInput, OSError):
        return None
    name = path.name[: -len(SUFFIX)]
    sounds = {hit.sound_id for hit in project.hits}
    saved, edited = _saved_path(value), _is_edited(value)
    return Autosave(name, path, modified_s, project.clip.path, saved, edited, len(project.hits), len(sounds))


def _is_edited(value: Mapping[str, Any]) -> bool:
    """Whether an autosave holds changes that no project file does; one of an older Struck, which did not say, does."""
    session = value.get("session")
    return not isinstance(session, Mapping) or session.get("edited") is not False


def _saved_path(value: Mapping[str, Any]) -> str | None:
    return _saved_text(value, "saved_path")


def _saved_text(value: Mapping[str, Any], name: str) -> str | None:
    session = value.get("session")
    saved = session.get(name) if isinstance(session, Mapping) else None
    return saved if isinstance(saved, str) else None


# --- the file ---------------------------------------------------------------------------------


def _read(path: Path) -> dict[str, Any]:
    try:
        if os.path.isdir(path):
            raise BadInput(f"{path} is a folder; choose a project file, *{SUFFIX}")
        if os.path.exists(path) and not os.path.isfile(path):
            raise BadInput(f"{path} is a device or a pipe; choose a project file, *{SUFFIX}")
        with open(path, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist; check the name") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise BadInput(f"{path} cannot be read ({reason}); choose another file") from None
    return _parse(path, data)


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    if len(data) > MAX_FILE_BYTES:
        raise BadInput(
            f"{path} is larger than {MAX_FILE_BYTES >> 20} MB, which no Struck project is; choose another file"
        )
    if not data.strip():
        raise BadInput(f"{path} is empty; open another copy of the project")
    try:
        value = parse_json(data, MAX_FILE_BYTES)
    except ValueError as reason:
        raise BadInput(f"{path} is broken or not a Struck project ({reason}); open another copy of it") from None
    if not isinstance(value, dict):
        raise BadInput(f"{path} is not a Struck project; choose a *{SUFFIX} file")
    return value


def _write(path: Path, value: Mapping[str, Any], indent: int | None = 1) -> None:
    if indent is None:
        text = encode_json(value, ensure_ascii=False)
    else:  # far slower
        text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    if os.path.isdir(path):
        raise BadInput(f"{path} is a folder; give the name of a file")
    # A path that is not UTF-8 holds lone surrogates, which JSON writes as \udce9: so does this error handler.
    data = text.encode("utf-8", "backslashreplace")
    try:
        check_size(data, MAX_FILE_BYTES)
    except ValueError as reason:
        raise BadInput(f"{path} could not be opened again ({reason}); remove sounds or hits first") from None
    try:
        write_file(path, data, sync=True)
    except (OSError, ValueError) as error:
        raise make_write_error(path, error) from None
