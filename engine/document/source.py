"""Source of a sound as data; the text shown is derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

ORIGINS = ("clip", "reference", "picture", "text", "preset", "edited")
KINDS = ("clip", "span", "file", "physics", "bank", "picture", "text", "preset", "morph", "hand")
ORIGIN_OF_KIND = {
    "clip": "clip",
    "span": "reference",
    "file": "reference",
    "physics": "reference",
    "bank": "reference",
    "picture": "picture",
    "text": "text",
    "preset": "preset",
    "morph": "edited",
    "hand": "edited",
}

WAITING, SILENT, INAUDIBLE, UNSURE = "waiting", "silent", "inaudible", "unsure"
DEFAULT_REASONS = {
    WAITING: "default preset until the clip's sound is analysed",
    SILENT: "default preset, since the clip has no sound of its own",
    UNSURE: "default preset, since the struck object was not recognised in the picture",
    INAUDIBLE: "default preset, since there is no audible hit in the clip's sound",
}
"""Why a sound is the default preset."""


@dataclass(frozen=True)
class Source:
    """Where a sound comes from.

    ``kind`` is one of KINDS: a hit of the clip (``time_s``), a span of the clip's sound (``time_s`` to ``end_s``), a
    file (``name``), given physics, an entry of the bank, an estimate from the picture or from words, a preset, a morph
    of two (``parents``, ``amount`` 0 to 1), or made by hand. ``recording`` is the key under which the cache keeps the
    recording that was analysed. ``reason``, a key of DEFAULT_REASONS, says why it is the default preset. ``note`` is
    free text: a preset's credit, or an estimate from the picture or from words. ``borrowed`` holds (part, name) of
    parts taken from other sounds. ``edited``: its physics has been changed since.
    """

    kind: str
    time_s: float | None = None
    end_s: float | None = None
    name: str = ""
    recording: str = ""
    parents: tuple[str, ...] = ()
    amount: float | None = None
    reason: str = ""
    note: str = ""
    borrowed: tuple[tuple[str, str], ...] = ()
    edited: bool = False

    @property
    def origin(self) -> str:
        """One of ORIGINS: what the sound was made from, or ``edited`` once a person has changed its physics."""
        return "edited" if self.edited or self.borrowed else ORIGIN_OF_KIND[self.kind]


def describe_place(source: Source) -> str:
    """Name of a sound's recording: ``bell.wav``, ``the clip's sound, 0.40 to 1.30 s``; "" where it has none."""
    if source.kind == "clip":
        return "the clip's sound" + (f" at {source.time_s:.2f} s" if source.time_s is not None else "")
    if source.kind == "span" and source.time_s is not None and source.end_s is not None:
        return f"the clip's sound, {source.time_s:.2f} to {source.end_s:.2f} s"
    return source.name if source.kind == "file" else ""


def describe_source(source: Source) -> str:
    """Describe a sound's source as a phrase to show."""
    words = _describe_origin(source)
    if source.edited:
        words = f"was: {words}"
    for name, parts in groupby(source.borrowed, key=lambda pair: pair[1]):
        taken = f"{' and '.join(part for part, _ in parts)} of {name}"
        words = f"{words}; {taken}" if words else taken
    return words


def _describe_origin(source: Source) -> str:
    place = describe_place(source)
    if place:
        return f"from {place}"
    match source.kind:
        case "preset" if source.reason:
            return f"{DEFAULT_REASONS[source.reason]}: {source.name} ({source.note})"
        case "morph":
            return f"morph of {' and '.join(source.parents)}, {round(100.0 * (source.amount or 0.0))} %"
    return source.note or {
        "span": "from the clip's sound",
        "file": "from a recording",
        "physics": "from a physics file",
        "bank": "from a recording",
        "picture": "from the picture",
        "text": "from words",
        "preset": "a preset",
    }.get(source.kind, "")
