"""JSON text of large values, made in pieces: during one call of the encoder the interpreter serves no other thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

_LEVELS = 3
"""Depth to which objects are taken apart: a message's document is in its second, the lists of that in its third."""


def encode_json(value: Any, ensure_ascii: bool = True) -> str:
    """The compact JSON text of a value; dataclasses are objects of their fields. Raises ValueError for NaN."""
    return _encode(value, json.JSONEncoder(
        ensure_ascii=ensure_ascii, allow_nan=False, separators=(",", ":"), default=vars
    ), _LEVELS)  # fmt: skip


def _encode(value: Any, encoder: json.JSONEncoder, levels: int) -> str:
    if levels and is_dataclass(value):
        value = vars(value)
    if levels and isinstance(value, Mapping):
        members = (f"{encoder.encode(str(key))}:{_encode(item, encoder, levels - 1)}" for key, item in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join([encoder.encode(item) for item in value])}]"
    return encoder.encode(value)
