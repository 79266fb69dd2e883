"""JSON bodies of requests: bounded, and checked for their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from engine.core.bounded_json import parse_json as parse_bounded
from engine.core.errors import BadInput, quote
from ui.protocol.codec import MAX_BYTES, NAMES
from ui.uploads import TooLarge


async def read_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request's body, empty without a body. Raises BadInput and TooLarge."""
    data = bytearray()
    async for block in request.stream():
        data += block
        if len(data) > MAX_BYTES:
            raise TooLarge(f"the body is larger than {MAX_BYTES >> 20} MB; send less at a time")
    if not data.strip():
        return {}
    try:
        value = await run_in_threadpool(parse_bounded, bytes(data), MAX_BYTES)
    except ValueError as reason:
        raise BadInput(f"the body cannot be used ({reason}); send a JSON object") from None
    if not isinstance(value, dict):
        raise BadInput("the body is not a JSON object; see /api/v1/docs")
    return value


def check_fields(body: Mapping[str, Any], types: Mapping[str, type]) -> None:
    """BadInput where a body has other fields than those named, or one of another type."""
    for name, value in body.items():
        if name not in types:
            raise BadInput(f"the body has {quote(name)}, which is no field; give some of {', '.join(types)}")
        wanted = types[name]
        fits = type(value) in ((int, float) if wanted is float else (wanted,))
        if value is not None and not fits:
            raise BadInput(f"{name} is {quote(value)}, not {NAMES[wanted]}; see /api/v1/docs")
