"""The Greatest Hits data set as its authors publish it: takes with ``_times.txt``, cut into single hits.

Owens et al., "Visually indicated sounds", CVPR 2016. A line of a times file is a time in seconds, a material, an action
and a reaction, such as ``2.106667 drywall hit static``. The simulator's output has the same layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import BadInput

TIMES = "_times.txt"
_SOUNDS = ("_denoised.wav", "_mic.wav", ".wav", "_mic.mp4", "_denoised.mp4", ".mp4")
_PICTURES = ("_denoised.mp4", "_mic.mp4", ".mp4", "_denoised_thumb.mp4")
_UNKNOWN = ("", "None")


@dataclass(frozen=True)
class Contact:
    """One annotated contact: time, material, action (``hit`` or ``scratch``) and reaction of the struck object."""

    time_s: float
    material: str
    action: str = ""
    reaction: str = ""


@dataclass(frozen=True)
class Take:
    """One recording of the data set: its contacts in order of time, and those of its files that exist."""

    name: str
    contacts: tuple[Contact, ...]
    sound: Path | None
    picture: Path | None


def is_greatest_hits(folder: Path) -> bool:
    """Whether a folder has the data set's layout."""
    return folder.is_dir() and next(folder.rglob("*" + TIMES), None) is not None


def list_takes(folder: Path) -> list[Take]:
    """All takes of a folder and the folders in it, by name. BadInput for a times file that cannot be read."""
    takes = []
    for path in sorted(folder.rglob("*" + TIMES)):
        name = path.name.removesuffix(TIMES)
        takes.append(Take(name, read_times(path), _find(path, name, _SOUNDS), _find(path, name, _PICTURES)))
    return takes


def read_times(path: Path) -> tuple[Contact, ...]:
    """The contacts of a times file, in order of time. BadInput, naming the line, where one is not understood."""
    contacts = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            time_s = float(words[0])
        except ValueError:
            time_s = float("nan")
        if not 0.0 <= time_s < 1e6:
            raise BadInput(f"{path} line {number}: {words[0][:30]!r} is no time in seconds; restore the file")
        rest = ["" if word in _UNKNOWN else word for word in words[1:4]]
        contacts.append(Contact(time_s, *rest))  # type: ignore[arg-type]
    return tuple(sorted(contacts, key=lambda contact: contact.time_s))


def cut_hits(contacts: Sequence[Contact], least_s: float = 0.15) -> list[tuple[float, float | None, str]]:
    """Spans of the hits, (start, end, material): each up to the next contact of any kind, None where it is the last.

    Scratches are left out, and hits followed by another contact within ``least_s``.
    """
    spans = []
    for index, contact in enumerate(contacts):
        end_s = contacts[index + 1].time_s if index + 1 < len(contacts) else None
        if contact.action in ("", "hit") and (end_s is None or end_s - contact.time_s >= least_s):
            spans.append((contact.time_s, end_s, contact.material))
    return spans


def _find(times: Path, name: str, endings: Sequence[str]) -> Path | None:
    return next((path for path in (times.with_name(name + ending) for ending in endings) if path.is_file()), None)
