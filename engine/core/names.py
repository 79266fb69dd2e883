"""Names of files: as text to show, and as names that every file system takes."""

from __future__ import annotations

import os
import re
import unicodedata

LONGEST_NAME_BYTES = 255
"""Of one part of a path, on the usual file systems."""

_REFUSED = frozenset('<>:"/\\|?*')
"""Printable characters that a file's name must not hold on Windows; elsewhere fewer are refused."""
_JOINERS = frozenset("\u200c\u200d")
"""Format characters that Indic and Persian words and emoji are written with."""
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)


def to_text(name: str | os.PathLike[str]) -> str:
    """A path or name as printable Unicode.

    Bytes that are not UTF-8 and control characters, which a terminal would obey, become ``\\xe9``; other lone
    surrogates ``?``.
    """
    text = re.sub("[\0-\x1f\x7f-\x9f\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", os.fspath(name))
    return text.encode("utf-8", "replace").decode("utf-8")


def shorten_name(name: str, ending: str = "") -> str:
    """The name, cut at a character so that with its ending it is a file's name of at most 255 bytes."""
    room = LONGEST_NAME_BYTES - len(ending.encode("utf-8", "replace"))
    encoded = name.encode("utf-8", "replace")
    return name if len(encoded) <= room else encoded[:room].decode("utf-8", "ignore")


def make_file_stem(name: str, ending: str = "") -> str:
    """A name that every file system takes together with an ending: at most 80 characters, no separators, not empty."""
    stem = replace_refused(name, "_").strip(" .")[:80]
    stem = f"_{stem}" if not stem or _RESERVED.match(stem) else stem
    return shorten_name(stem, ending)


def replace_refused(name: str, mark: str) -> str:
    """A name with a mark in place of each run of characters that not every file system takes."""
    held = "".join(letter if _is_taken(letter) else "\0" for letter in name)
    return re.sub("\0+", mark, held)


def _is_taken(letter: str) -> bool:
    """Whether every file system takes a character, and shows it: no control, format or unassigned one is."""
    kind = unicodedata.category(letter)
    return letter in _JOINERS or not (letter in _REFUSED or kind[0] == "C" or kind in ("Zl", "Zp"))
