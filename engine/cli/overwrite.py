"""What the outputs of ``render`` would replace; without ``--overwrite`` nothing is."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.files import is_stream
from engine.core.names import to_text
from engine.core.words import counted
from engine.media.export.endings import find_media_folder


def find_existing(targets: Iterable[tuple[str, str]]) -> Iterator[Path]:
    """Files that are there already: the outputs, by option, and the sound files of stems, pieces and sessions."""
    for name, target in targets:
        path = Path(target)
        if name in ("stems", "pieces"):
            yield from find_sounds(path)
        elif not is_stream(path) and path.exists():
            yield path
        if name == "session":
            yield from find_sounds(find_media_folder(path))


def find_sounds(folder: Path) -> Iterator[Path]:
    """WAV files in a folder and in the folders in it."""
    if folder.is_dir():
        yield from sorted(folder.glob("*.wav"))
        yield from sorted(folder.glob("*/*.wav"))


def describe_others(folder: Path, written: Iterable[Path]) -> str:
    """A sentence about WAV files in a folder, and in those in it, that are none of those written now; "" without."""
    own = {path.resolve() for path in written}
    others = [path for path in find_sounds(folder) if path.resolve() not in own]
    if not others:
        return ""
    first = to_text(others[0].relative_to(folder))
    them = f"{first} and {counted(len(others) - 1, 'more file')}" if len(others) > 1 else first
    return f"{to_text(folder.resolve().name)} holds {them} of something else too, such as an earlier export"


def check_existing(options: argparse.Namespace, existing: Collection[Path], remedy: str = "other names") -> None:
    """BadInput that names files which would be replaced, unless ``--overwrite`` was given."""
    if existing and not options.overwrite:
        them = "them" if len(existing) > 1 else "it"
        raise BadInput(f"{describe_existing(existing)}; add --overwrite to replace {them}, or give {remedy}")


def describe_existing(existing: Collection[Path]) -> str:
    """A clause that says which files exist."""
    first, more = to_text(next(iter(existing))), len(existing) - 1
    if not more:
        return f"{first} exists already"
    return f"{first} and {counted(more, 'more file')} exist already"
