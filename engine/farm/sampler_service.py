"""A sampler for many editors over HTTP: their hits are sampled in common batches, in turn by user."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

from engine.core.errors import BadInput
from engine.farm.fair_batcher import FairBatcher, FindSampler
from engine.pipeline.sampler_wire import MOST_BYTES, decode_request, digest_code, encode_sounds

_MOST_WAITING = 4096


def make_app(batcher: FairBatcher, find_sampler: FindSampler, token: str) -> Any:
    """The service as an ASGI app: ``POST /sample``, for those who have the token."""
    from starlette.applications import Starlette
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    async def sample(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            return PlainTextResponse("its token is another one", 401)
        data = bytearray()
        try:
            async for piece in request.stream():
                data += piece
                if len(data) > MOST_BYTES:
                    return PlainTextResponse("these are too many hits at once", 413)
        except ClientDisconnect:
            return Response(status_code=400)
        try:
            user, settings, hits = await asyncio.to_thread(decode_request, bytes(data))
            sampler = await asyncio.to_thread(find_sampler, settings.checkpoint)
        except BadInput as error:
            return PlainTextResponse(str(error), 400)
        if settings.code != digest_code():
            return PlainTextResponse("it has another version of Struck", 409)
        if sampler is None or sampler.digest != settings.digest:
            return PlainTextResponse(f"its checkpoint {settings.checkpoint[:60]!r} is another one", 409)
        if batcher.waiting + len(hits) > _MOST_WAITING:
            return PlainTextResponse("too many hits wait", 503)
        sounds = await batcher.sample(user, settings, hits)
        return Response(encode_sounds(sounds), media_type="application/octet-stream")

    return Starlette(routes=[Route("/sample", sample, methods=["POST"])])
