"""Decode and check the browser's messages; encode the server's."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from engine.core import bounded_json
from engine.core.errors import BadInput, quote
from engine.core.json_pieces import encode_json
from ui.protocol.events import ServerMessage
from ui.protocol.requests import ClientMessage

MAX_BYTES = 4 << 20
"""Of a message; the longest sets four values of each of MAX_HITS hits."""
NAMES = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def parse_json(text: str) -> Any:
    """The value of a JSON text. BadInput for one that a message may not be."""
    try:
        return bounded_json.parse_json(text, MAX_BYTES)
    except ValueError as reason:
        raise BadInput(f"a message of this page cannot be used ({reason}); reload the page") from None


def decode(raw: Any) -> ClientMessage:
    """The message of a JSON value. BadInput, in one sentence, for an unknown type or a field missing or ill-typed."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("type"), str):
        raise BadInput("the message has no type; reload the page")
    message = tagged_types(ClientMessage, "type").get(raw["type"])
    if message is None:
        raise BadInput(f"message {quote(raw['type'])} is not known; reload the page")
    given = {name: value for name, value in raw.items() if name != "type"}
    return decode_fields(message, given, f"message {raw['type']}")


def encode(message: ServerMessage) -> str:
    """The JSON text of a message."""
    return encode_json({"type": message.type, **vars(message)})


def to_mapping(value: Any) -> Any:
    """A decoded value as plain JSON values, without the fields that were left out; an edit with its kind."""
    if is_dataclass(value):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        return kind | {name: to_mapping(v) for name, v in vars(value).items() if v is not None}
    if isinstance(value, Mapping):
        return {name: to_mapping(v) for name, v in value.items()}
    return [to_mapping(v) for v in value] if isinstance(value, tuple) else value


@cache
def tagged_types(union: Any, tag: str) -> dict[str, Any]:
    """The dataclasses of a union by their class variable ``type`` or ``kind``."""
    return {getattr(cls, tag): cls for cls in get_args(union)}


@cache
def field_types(cls: Any) -> dict[str, Any]:
    """Types of a dataclass's fields, without class variables."""
    return {name: hint for name, hint in get_type_hints(cls).items() if get_origin(hint) is not ClassVar}


def is_optional(hint: Any) -> bool:
    """Whether a type is ``X | None``."""
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def without_none(hint: Any) -> Any:
    """``X`` of ``X | None``."""
    rest = tuple(arg for arg in get_args(hint) if arg is not type(None))
    return rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007


def decode_fields(cls: Any, given: Mapping[str, Any], where: str) -> Any:
    """A dataclass from plain JSON values; ``where`` names them in the sentence of a BadInput."""
    hints = field_types(cls)
    for name in given:
        if name not in hints:
            raise BadInput(f"{where} has no {quote(name)}; reload the page")
    values = {}
    for field in fields(cls):
        if field.name in given:
            values[field.name] = _decode(hints[field.name], given[field.name], where, field.name)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise BadInput(f"{where} lacks {field.name}; reload the page")
    return cls(**values)


def _decode(hint: Any, value: Any, where: str, name: str) -> Any:
    if is_optional(hint):
        return None if value is None else _decode(without_none(hint), value, where, name)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Union:
        return _decode_edit(hint, value, where)
    if origin is Literal:
        if value not in args:
            _refuse(value, f"one of {', '.join(args)}", where, name)
        return value
    if origin is tuple:
        if not isinstance(value, list):
            _refuse(value, "a list", where, name)
        return tuple(_decode(args[0], item, where, name) for item in value)
    if is_dataclass(hint) or hint is Mapping or origin is not None:
        if not isinstance(value, Mapping):
            _refuse(value, "an object", where, name)
        if is_dataclass(hint):
            return decode_fields(hint, value, f"{where}: {name}")
        return {key: _decode(args[1], item, where, name) for key, item in value.items()}
    if hint is float and type(value) is int and abs(value) < 1e300:
        value = float(value)
    if type(value) is not hint or (hint is float and not math.isfinite(value)):
        _refuse(value, NAMES[hint], where, name)
    return value


def _decode_edit(union: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise BadInput(f"{where} has no edit but {quote(value)}; reload the page")
    kind = value.get("kind")
    cls = tagged_types(union, "kind").get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise BadInput(f"edit {quote(kind)} is not known; reload the page")
    return decode_fields(cls, {n: v for n, v in value.items() if n != "kind"}, f"edit {kind}")


def _refuse(value: Any, wanted: str, where: str, name: str) -> None:
    raise BadInput(f"{where}: {name} is {quote(value)}, not {wanted}; reload the page")
