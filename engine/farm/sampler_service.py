"""A sampler for many editors over HTTP: their hits are sampled in common batches, in turn by user."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.core.errors import BadInput
from engine.farm.sampler_actor import answer
from engine.pipeline.hit_to_sample import HitToSample, sample_hits
from engine.pipeline.sampler_wire import (
    MOST_BYTES,
    MOST_HITS,
    WireSettings,
    decode_request,
    digest_code,
    encode_sounds,
)

FindSampler = Callable[[str], Any]
"""The sampler of a checkpoint by name, None where there is none."""
_MOST_WAITING = 4096

Waiting = tuple[WireSettings, HitToSample, "asyncio.Future[np.ndarray]"]


class FairBatcher:
    """Owns the hits that wait: a batch takes one of each user in turn, so that nobody waits for another's long list."""

    def __init__(self, find_sampler: FindSampler, batch_hits: int = MOST_HITS) -> None:
        self._find_sampler, self._batch_hits = find_sampler, batch_hits
        self._waiting: OrderedDict[str, deque[Waiting]] = OrderedDict()
        self._working: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Hits that wait."""
        return sum(len(own) for own in self._waiting.values())

    async def sample(self, user: str, settings: WireSettings, hits: Sequence[HitToSample]) -> list[np.ndarray]:
        """Sounds of a user's hits. What the sampler raises, this raises."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[np.ndarray]] = [loop.create_future() for _ in hits]
        own = self._waiting.setdefault(user, deque())
        own.extend((settings, hit, future) for hit, future in zip(hits, futures, strict=True))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return list(await asyncio.gather(*futures))

    def take(self) -> list[Waiting]:
        """The next batch: of all users in turn, with the settings of the first hit, without those given up."""
        batch: list[Waiting] = []
        passed = 0
        while self._waiting and len(batch) < self._batch_hits and passed < len(self._waiting):
            user, own = next(iter(self._waiting.items()))
            while own and own[0][2].done():
                own.popleft()
            if own and (not batch or own[0][0] == batch[0][0]):
                batch.append(own.popleft())
                passed = 0
            else:
                passed += 1
            self._waiting.move_to_end(user)
            if not own:
                del self._waiting[user]
                passed = 0
        return batch

    async def _work(self) -> None:
        while batch := self.take():
            try:
                sounds = await asyncio.to_thread(self._sample, batch)
            except Exception:
                for one in batch:  # so that an error ends none but the hit that caused it
                    try:
                        answer(one[2], (await asyncio.to_thread(self._sample, [one]))[0])
                    except Exception as error:
                        answer(one[2], error)
                continue
            for (_, _, future), sound in zip(batch, sounds, strict=True):
                answer(future, sound)

    def _sample(self, batch: Sequence[Waiting]) -> list[np.ndarray]:
        settings, hits = batch[0][0], [hit for _, hit, _ in batch]
        return sample_hits(self._find_sampler(settings.checkpoint), hits, settings.steps, settings.guidance)


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
