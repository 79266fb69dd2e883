"""JSON made in pieces is the JSON of the whole."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from engine.core.json_pieces import encode_json
from engine.core.paths import ASSETS


@dataclass(frozen=True)
class _Point:
    x: float
    names: tuple[str, ...]


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_the_text_is_that_of_the_whole_value(ensure_ascii: bool) -> None:
    demo = json.loads((ASSETS / "demo_sound.struck.json").read_text(encoding="utf-8"))
    odd = {"": [], "é\n": {}, "a": {"b": {"c": {"d": [[1, {"e": None}], "x"]}}}, "p": _Point(0.1, ("名", "\ud800"))}
    for value in (demo, {"type": "document", "project": demo}, odd, [odd, demo], None, 3, "x", [], {}):
        whole = json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"), default=vars)
        assert encode_json(value, ensure_ascii) == whole


@pytest.mark.parametrize(
    "value", [float("nan"), [float("inf")], {"a": {"b": [float("-inf")]}}, {"a": {"b": {"c": float("nan")}}}]
)
def test_numbers_that_json_lacks_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_json(value)
