"""The OpenAPI description of the API: schemas of bodies and answers come from the messages' dataclasses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin

from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.routing import BaseRoute

from ui.protocol.animating import MakeAnimatic
from ui.protocol.codec import field_types
from ui.protocol.edits import EditMessage
from ui.protocol.events import ProjectState
from ui.protocol.exporting import Export

REFERENCE = "#/components/schemas/{model}"
JSON_TYPES = {str: "string", float: "number", bool: "boolean"}
DESCRIPTION = (
    "What the editor does, for programs: open a clip, detect its hits, choose physics, edit, render, export. Times are "
    'in seconds from the picture\'s first frame. Every refusal is `{"error": SENTENCE}`. Work goes on after the answer '
    "where it is 202; ask for the project again. The name and password of `--gradio-auth` go along as HTTP Basic."
)


def of_fields(fields: Mapping[str, type], usual: str) -> dict[str, Any]:
    """What a route says of a JSON body of optional fields; ``usual`` describes one without any."""
    properties = {name: {"type": JSON_TYPES[kind]} for name, kind in fields.items()}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {
        "requestBody": {"description": f"Without a body: {usual}.", "content": {"application/json": {"schema": schema}}}
    }


def of_type(content_type: str, message: Any = None) -> dict[str, Any]:
    """What a route says of a body that is a file, or a message or one of several."""
    if message is None:
        schema: dict[str, Any] = {"type": "string", "format": "binary"}
    elif is_dataclass(message):
        schema = {"$ref": REFERENCE.format(model=message.__name__)}  # type: ignore[union-attr]
    else:
        schema = {"oneOf": [{"$ref": REFERENCE.format(model=cls.__name__)} for cls in get_args(message)]}
    return {"requestBody": {"required": True, "content": {content_type: {"schema": schema}}}}


def describe_api(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document of the routes."""
    value = get_openapi(title="Struck", version="1", description=DESCRIPTION, routes=routes)
    roots = [*get_args(EditMessage), Export, MakeAnimatic, ProjectState]
    _, defined = TypeAdapter.json_schemas(
        [(cls, "validation", TypeAdapter(cls)) for cls in roots], ref_template=REFERENCE
    )
    schemas = {name.rpartition("__")[2]: schema for name, schema in defined["$defs"].items()}
    for cls in {part for root in roots for part in _list_parts(root)}:
        kind = getattr(cls, "kind", None)
        if kind is not None and cls.__name__ in schemas:  # a class variable, which JSON has as a field
            schema = schemas[cls.__name__]
            schema["properties"] = {"kind": {"const": kind}, **schema.get("properties", {})}
            schema["required"] = ["kind", *schema.get("required", [])]
    schemas["Answer"] = _ANSWER
    value.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    for path in value["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if status in ("200", "201") and "application/json" in content:
                    content["application/json"] = {"schema": {"$ref": REFERENCE.format(model="Answer")}}
    return value


_ANSWER: dict[str, Any] = {
    "type": "object",
    "description": "The project as it stands; null while no clip is open.",
    "properties": {
        "id": {"type": "string"},
        "busy": {"type": "boolean", "description": "whether detection, analysis, sampling or an export goes on"},
        "status": {"type": "object", "description": "phase, done, total, message, elapsed_s"},
        "notes": {"type": "array", "items": {"type": "string"}},
        "undo": {"type": ["string", "null"]},
        "redo": {"type": ["string", "null"]},
        "saved_as": {"type": ["string", "null"]},
        "files": {"type": "array", "items": {"type": "object"}, "description": "of an export: name, note, url"},
        "project": {"anyOf": [{"$ref": REFERENCE.format(model="ProjectState")}, {"type": "null"}]},
    },
}


def _list_parts(hint: Any) -> Iterator[Any]:
    """The dataclasses that a type names."""
    if is_dataclass(hint):
        parts: dict[str, Any] = field_types(hint)  # type: ignore[arg-type]
        for part in parts.values():
            yield from _list_parts(part)
        yield hint
    elif get_origin(hint) is not Literal:
        for arg in get_args(hint):
            yield from _list_parts(arg)
