"""Hits of many users sampled in common batches, one of each user in turn."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from engine.pipeline.hit_to_sample import HitToSample, sample_hits

BATCH_HITS = 32
"""Hits that are sampled before what has come in meanwhile is looked at."""

FindSampler = Callable[[str], Any]
"""The sampler of a checkpoint by name, None where there is none."""


class BatchSettings(Protocol):
    """What hits of one batch have in common."""

    @property
    def checkpoint(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def guidance(self) -> float: ...


Waiting = tuple[BatchSettings, HitToSample, "asyncio.Future[np.ndarray]"]


class FairBatcher:
    """Owns the hits that wait: a batch takes one of each user in turn, so that nobody waits for another's long list."""

    def __init__(self, find_sampler: FindSampler, batch_hits: int = BATCH_HITS) -> None:
        self._find_sampler, self._batch_hits = find_sampler, batch_hits
        self._waiting: OrderedDict[str, deque[Waiting]] = OrderedDict()
        self._working: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Hits that wait."""
        return sum(len(own) for own in self._waiting.values())

    async def sample(self, user: str, settings: BatchSettings, hits: Sequence[HitToSample]) -> list[np.ndarray]:
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


def answer(future: asyncio.Future[Any], result: Any) -> None:
    """Set a result, or the error that it is, unless the call has been given up."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
