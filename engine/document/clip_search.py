"""Find the clip of a project: at the path in its file, beside it, or by content in other folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput
from engine.document.project import Clip

MAX_SEARCHED_FILES = 2000
MAX_WALKED_FILES = 200_000

DigestOf = Callable[[str], str]
"""Content digest of the file at a path; may raise BadInput or OSError for a file that is no clip."""


def search_clip(clip: Clip, place: Path, digest_of: DigestOf, check: Callable[[], None] = lambda: None) -> Path:
    """A document's clip, by its content: the file at a place, or one in a folder or in those inside.

    ``check`` is called before each file is read, and may raise Cancelled. Raises BadInput where it is not there.
    """
    name = base_name(clip.path)
    if os.path.isfile(place):
        check()
        if _is_clip(place, clip.digest, digest_of):
            return place.absolute()
        raise BadInput(f"{place.name} is not the clip {name} that the hits were made for; choose that one")
    if not os.path.isdir(place):
        raise BadInput(f"{place} is neither a file nor a folder; give the place of {name}, or a folder to search")
    files = _walk(place, name, any_name=bool(clip.digest))
    for file in files:
        check()
        if _is_clip(file, clip.digest, digest_of):
            return file.absolute()
    ending = Path(name).suffix or "any"
    raise BadInput(f"{name} is not in {place}: none of {len(files)} {ending} files there is it; choose another folder")


def _walk(folder: Path, name: str, any_name: bool) -> list[Path]:
    """Files in a folder and those inside that have a name's ending, that name first; links are not followed."""
    ending = Path(name).suffix.lower()
    found: list[Path] = []
    seen = 0
    for root, folders, names in os.walk(folder):
        folders.sort()
        seen += len(names)
        alike = (other for other in sorted(names) if other == name or (any_name and other.lower().endswith(ending)))
        found += [Path(root, other) for other in alike if os.path.isfile(os.path.join(root, other))]
        if seen > MAX_WALKED_FILES:
            raise BadInput(f"{folder} holds more than {MAX_WALKED_FILES} files; choose a folder inside it")
    return sorted(found, key=lambda file: file.name != name)


def relative_path(clip_path: str, folder: Path) -> str:
    """Path of a clip relative to a folder, with slashes; its name alone where it lies on another drive."""
    try:
        return Path(os.path.relpath(clip_path, folder)).as_posix()
    except ValueError:  # another drive
        return Path(clip_path).name


def find_clip(clip: Clip, places: Iterable[Path], digest_of: DigestOf | None) -> Path | None:
    """The first of the places that holds the clip, by content where ``digest_of`` is given."""
    seen: set[Path] = set()
    for candidate in places:
        place = candidate.absolute()
        if place not in seen:
            seen.add(place)
            if os.path.isfile(place) and _is_clip(place, clip.digest, digest_of):
                return place
    return None


def _is_clip(path: Path, digest: str, digest_of: DigestOf | None) -> bool:
    if digest_of is None or not digest:
        return True
    try:
        return digest_of(str(path)) == digest
    except (OSError, BadInput):
        return False


def named_places(clip_path: str, relative: Any, path: Path) -> Iterator[Path]:
    """The clip's paths in the project file; a path on another machine only if the project lies there too."""
    for named in (clip_path, relative):
        place = path.parent / named if isinstance(named, str) and named and "\0" not in named else None
        if place is None or (named == clip_path and not Path(named).is_absolute()):
            continue
        if not place.drive.startswith("\\\\") or place.drive == path.absolute().drive:
            yield place


def beside(clip_path: str, folders: Sequence[Path], by_content: bool) -> Iterator[Path]:
    """Files of the clip's name in folders, then, when content can tell, every file with its suffix."""
    name = base_name(clip_path)
    for folder in folders:
        yield folder / name
    if by_content:
        suffix = Path(name).suffix.lower()
        for folder in folders:
            yield from (file for file in list_files(folder) if file.suffix.lower() == suffix)


def list_files(folder: Path) -> list[Path]:
    """Files of a folder by name, the first MAX_SEARCHED_FILES; none if it cannot be read."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    files = (folder / name for name in names if os.path.isfile(folder / name))  # false for a link that leads nowhere
    return list(islice(files, MAX_SEARCHED_FILES))


def base_name(clip_path: str) -> str:
    """Last part of a path written on any system."""
    return clip_path.replace("\\", "/").rsplit("/", 1)[-1]
