"""The API's page for people: every route with its fields, without scripts and without other sites."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; background: #0e1116; color: #e7ebf0; margin: 32px auto; max-width: 900px }
body { padding: 0 16px } a { color: #6cb6ff } h1 { font-size: 24px } h2 { font-size: 15px; margin: 0 0 4px }
section { border: 1px solid #262d38; border-radius: 10px; background: #161a21; padding: 14px 18px; margin: 12px 0 }
h2 b { color: #ffb454; display: inline-block; min-width: 66px } code, h2 { font-family: ui-monospace, monospace }
p { margin: 4px 0; color: #b8c2cf } table { border-collapse: collapse; margin-top: 6px; font-size: 13px }
td { padding: 3px 14px 3px 0; vertical-align: top; color: #93a0b0 }
td:first-child { font-family: ui-monospace, monospace; color: #e7ebf0 }
details { margin-top: 6px } summary { cursor: pointer; color: #93a0b0 }
""".strip()


def write_page(api: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    schemas = api["components"]["schemas"]
    routes = [
        _describe_route(method, path, operation, schemas)
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    ]
    answer = f"<section><h2>Answer</h2>{_list_fields(schemas['Answer'], schemas)}</section>"
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Struck API</title>\n<style>\n{_STYLE}\n'
        f"</style>\n<h1>Struck API, version 1</h1>\n<p>{_text(api['info']['description'])}</p>\n"
        f'<p><a href="openapi.json">openapi.json</a></p>\n{"".join(routes)}{answer}\n</html>\n'
    )


def _describe_route(method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    rows = [
        (parameter["name"], f"{_name_type(parameter['schema'])}, in the {parameter['in']}", _default(parameter))
        for parameter in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {})
    parts = []
    for content_type, content in body.get("content", {}).items():
        schema = content["schema"]
        if schema.get("format") == "binary":
            parts.append(f"<p>Body: the bytes of the file ({html.escape(content_type)}).</p>")
            continue
        parts.append(f"<p>Body: JSON. {html.escape(body.get('description', ''))}</p>")
        for choice in schema.get("oneOf", [schema]):
            chosen = _find(choice, schemas)
            fields = _list_fields(chosen, schemas)
            kind = chosen.get("properties", {}).get("kind", {}).get("const")
            about = html.escape(str(chosen.get("description", "")))
            parts.append(f"<details><summary>{kind}: {about}</summary>{fields}</details>" if kind else fields)
    title = f"<h2><b>{method.upper()}</b> {html.escape(path)}</h2>"
    return f"<section>{title}<p>{_text(operation.get('description', ''))}</p>{_table(rows)}{''.join(parts)}</section>\n"


def _list_fields(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> str:
    rows = []
    for name, field in schema.get("properties", {}).items():
        inner = _find(field, schemas)
        rows.append((name, _name_type(field), str(inner.get("description", "")) or _default({"schema": field})))
        if depth == 0 and name == "options":
            rows += [(f"options.{part}", _name_type(value), _default({"schema": value}))
                     for part, value in inner.get("properties", {}).items()]  # fmt: skip
    return _table(rows)


def _find(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, or the one that it refers to."""
    return schemas.get(schema["$ref"].rpartition("/")[2], {}) if "$ref" in schema else schema


def _name_type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(map(_name_type, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_name_type(schema['items'])}" if "items" in schema else "list"
    kind = schema.get("type", "value")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _default(parameter: Mapping[str, Any]) -> str:
    default = parameter["schema"].get("default")
    shown = f"{default} by default" if default not in (None, "") and not isinstance(default, dict) else ""
    return ", ".join(words for words in (str(parameter.get("description", "")), shown) if words)


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>" if rows else ""


def _text(text: str) -> str:
    """Prose with code between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
