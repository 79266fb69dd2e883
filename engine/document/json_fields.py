"""Checked access to a JSON object of a document: each value of its kind and range, else one sentence that names it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from engine.core.errors import BadInput, quote
from engine.core.units import parse_frame_rate, parse_timecode
from engine.document.edits.values import COLOR, MAX_SEED
from engine.document.project import Setting

MAX_BORROWED = 100
MAX_TEXT = 10_000
MAX_PATH = 40_000

_NONE = object()


class Fields:
    """Checked access to a JSON object; errors name the file and the place."""

    def __init__(self, value: Any, source: str, where: str) -> None:
        if not isinstance(value, Mapping):
            raise BadInput(f"{source}: {where} is missing or not an object; open another copy of the project")
        self.value, self.source, self.where = value, source, where

    def get(self, name: str, default: Any = _NONE) -> Any:
        value = self.value.get(name, default)
        if value is _NONE:
            raise BadInput(f"{self.source}: {self.where} lacks {name}; open another copy of the project")
        return value

    def _wrong(self, name: str, value: Any, wanted: str) -> BadInput:
        return BadInput(
            f"{self.source}: {self.where} has {name} {quote(value)}, not {wanted}; open another copy or correct it"
        )

    def number(self, name: str, low: float, high: float, default: Any = _NONE) -> float:
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise self._wrong(name, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, name: str, low: float, high: float, most: int) -> tuple[float, ...]:
        """A list of numbers, empty where it is missing."""
        values = self.get(name, [])
        if not isinstance(values, list) or len(values) > most:
            raise self._wrong(name, values, f"a list of at most {most} numbers")
        return tuple(Fields({name: value}, self.source, self.where).number(name, low, high) for value in values)

    def whole(self, name: str, low: int, high: int, default: Any = _NONE) -> int:
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(name, value, f"a whole number from {low} to {high}")
        return value

    def text(self, name: str, default: Any = _NONE) -> str:
        """A text to show: lone surrogates, which no encoding holds, become question marks."""
        value = self.get(name, default)
        if not isinstance(value, str) or "\0" in value or len(value) > MAX_TEXT:
            raise self._wrong(name, value, f"text of at most {MAX_TEXT} characters")
        return value.encode("utf-8", "replace").decode("utf-8")

    def color(self, name: str) -> str:
        """``#rrggbb``, or "" where there is none."""
        value = self.get(name, "")
        if not isinstance(value, str) or not COLOR.fullmatch(value):
            raise self._wrong(name, value, "a colour such as #4fd1c5")
        return value

    def path(self, name: str) -> str:
        """A file's path, which need not be UTF-8."""
        value = self.get(name)
        try:
            if isinstance(value, str) and "\0" not in value and len(os.fsencode(value)) <= MAX_PATH:
                return value
        except UnicodeEncodeError:  # no bytes of any path give these surrogates
            pass
        raise self._wrong(name, value, "the path of a file")

    def frame_rate(self, name: str) -> Fraction:
        text = self.text(name)
        try:
            return parse_frame_rate(text)
        except BadInput:
            raise self._wrong(name, text, "frames a second, such as 25/1") from None

    def timecode(self, name: str, rate: Fraction) -> str | None:
        """A timecode of a frame rate; None where there is none."""
        if self.get(name, None) is None:
            return None
        text = self.text(name)
        try:
            parse_timecode(text, rate)
        except BadInput:
            raise self._wrong(name, text, "a timecode of the clip's frame rate") from None
        return text

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of a few texts, empty where it is missing."""
        values = self.get(name, [])
        if not isinstance(values, list) or len(values) > MAX_BORROWED:
            raise self._wrong(name, values, "a short list of texts")
        return tuple(Fields({name: value}, self.source, self.where).text(name) for value in values)

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """A list of a few pairs of texts, empty where it is missing."""
        values = self.get(name, [])
        if not isinstance(values, list) or len(values) > MAX_BORROWED:
            raise self._wrong(name, values, "a short list of pairs of texts")
        pairs = [Fields({name: value}, self.source, self.where).texts(name) for value in values]
        if any(len(pair) != 2 for pair in pairs):
            raise self._wrong(name, values, "a short list of pairs of texts")
        return tuple((a, b) for a, b in pairs)

    def settings(self) -> tuple[tuple[str, Setting], ...]:
        """All values by name: a few texts, whole numbers and truths."""
        if len(self.value) > MAX_BORROWED or not all(re.fullmatch(r"\w{1,40}", name) for name in self.value):
            raise BadInput(f"{self.source}: {self.where} has other names than Struck gives; open another copy")
        return tuple((name, self._setting(name)) for name in self.value)

    def _setting(self, name: str) -> Setting:
        value = self.value[name]
        if isinstance(value, str):
            return self.text(name)
        return value if isinstance(value, bool) else self.whole(name, -MAX_SEED, MAX_SEED)

    def truth(self, name: str, default: Any = _NONE) -> bool:
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: Any = _NONE) -> str:
        value = self.get(name, default)
        if value not in choices:
            raise self._wrong(name, value, "one of " + ", ".join(choices))
        return str(value)
