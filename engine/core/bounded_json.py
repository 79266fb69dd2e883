"""JSON of unknown origin, read in bounded memory: size, depth and numbers are checked, and no key may come twice."""

from __future__ import annotations

import json
import math
import os
from typing import Any, NoReturn

MAX_BYTES = 64 << 20
MAX_VALUES = 8_000_000
CONTAINER_VALUES = 10
"""What a list or an object counts for, since it takes so much more memory than a number."""
MAX_DEPTH = 32
MAX_DIGITS = 40

Keys = list[tuple[str, Any]]


def parse_json(data: bytes | str, max_bytes: int = MAX_BYTES) -> Any:
    """The value of a JSON text in UTF-8, with or without a byte order mark.

    Raises ValueError, whose message is a reason to show, for what is not JSON, is too large (``check_size``), is nested
    deeper than MAX_DEPTH, names a key of an object twice, or holds a number that is not finite or is an integer of more
    than MAX_DIGITS digits.
    """
    check_size(data, max_bytes)
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError("it is not UTF-8 text") from None
    try:
        value = json.loads(
            data,
            object_pairs_hook=_read_object,
            parse_int=_read_integer,
            parse_float=_read_number,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON, line {error.lineno}") from None
    except RecursionError:
        raise ValueError(_DEEP) from None
    _check_depth(value)
    return value


def check_size(data: bytes | str, max_bytes: int = MAX_BYTES) -> None:
    """ValueError where a JSON text is larger than ``max_bytes`` or holds too many values; both bound its memory."""
    if len(data) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes >> 10} KB")
    commas, lists, objects = (
        data.count(mark.encode()) if isinstance(data, bytes) else data.count(mark) for mark in (",", "[", "{")
    )
    if commas + CONTAINER_VALUES * (lists + objects) > MAX_VALUES:  # a little too many: strings may hold these too
        raise ValueError("it holds too many values")


def read_json_file(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> Any:
    """The value of a JSON file. Raises ValueError as ``parse_json`` does, and OSError."""
    with open(path, "rb") as file:
        return parse_json(file.read(max_bytes + 1), max_bytes)


_DEEP = f"it is nested deeper than {MAX_DEPTH} levels"


def _read_object(pairs: Keys) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        known: set[str] = set()
        for name, _ in pairs:
            if name in known:
                raise ValueError(f"it names {name[:40]!r} twice")
            known.add(name)
    return value


def _read_integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"it holds a number of {len(text)} digits")
    return int(text)


def _read_number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"it holds the number {text[:40]}, which is out of range")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is not a finite number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for outer in level for item in _contents(outer) if isinstance(item, (dict, list))]
        if not level:
            return
    raise ValueError(_DEEP)


def _contents(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
