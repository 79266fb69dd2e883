"""TypeScript declarations of all messages, for the type checker of the editor's JavaScript."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from ui.protocol.codec import field_types, is_optional, without_none
from ui.protocol.edits import EditMessage
from ui.protocol.events import ServerMessage
from ui.protocol.requests import ClientMessage

PATH = Path(__file__).resolve().parents[1] / "editor" / "state" / "protocol.d.ts"
UNIONS = {"EditMessage": EditMessage, "ClientMessage": ClientMessage, "ServerMessage": ServerMessage}
HEAD = """// Messages between browser and server. Generated from ui/protocol by `python -m ui.protocol`; do not edit.
"""


def declare() -> str:
    """The text of ``protocol.d.ts``: one interface a dataclass, one union for edits and for each direction."""
    parts = [HEAD]
    known: set[Any] = set()
    for name, union in UNIONS.items():
        for cls in _reachable(union):
            if cls not in known:
                known.add(cls)
                parts.append(_interface(cls, optional=union is not ServerMessage))
        members = "".join(f"\n  | {cls.__name__}" for cls in get_args(union))
        parts.append(f"export type {name} ={members};\n")
    return "\n".join(parts)


def _reachable(hint: Any) -> Iterator[Any]:
    """The dataclasses that a type names, parts before wholes."""
    if is_dataclass(hint):
        parts: dict[str, Any] = field_types(hint)  # type: ignore[arg-type]
        for part in parts.values():
            yield from _reachable(part)
        yield hint
    for arg in get_args(hint):
        if get_origin(hint) is not Literal:
            yield from _reachable(arg)


def _interface(cls: Any, optional: bool) -> str:
    lines = [f"/** {' '.join((cls.__doc__ or '').split())} */", f"export interface {cls.__name__} {{"]
    for tag in ("type", "kind"):
        if hasattr(cls, tag):
            lines.append(f"  {tag}: {json.dumps(getattr(cls, tag))};")
    hints = field_types(cls)
    for field in fields(cls):
        mark = "?" if optional and (field.default is not MISSING or field.default_factory is not MISSING) else ""
        lines.append(f"  {field.name}{mark}: {_type(hints[field.name])};")
    return "\n".join([*lines, "}", ""])


def _type(hint: Any) -> str:
    if is_optional(hint):
        return f"{_type(without_none(hint))} | null"
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in args)
    if origin is Union:
        return next(name for name, union in UNIONS.items() if union == hint)
    if origin is tuple and args[-1] is Ellipsis:
        inner = _type(args[0])
        return f"{inner}[]" if " | " not in inner else f"({inner})[]"
    if origin is tuple:
        return f"[{', '.join(map(_type, args))}]"
    if origin is not None and issubclass(origin, Mapping):
        return f"Record<{_type(args[0])}, {_type(args[1])}>"
    if is_dataclass(hint):
        return hint.__name__  # type: ignore[union-attr]
    return {str: "string", bool: "boolean", int: "number", float: "number"}[hint]
