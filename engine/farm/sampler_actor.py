"""The sampler on a machine of the farm: hits of many clips in common batches."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.farm.installation import check_installation
from engine.pipeline.hit_to_sample import HitToSample, sample_hits
from engine.pipeline.load_sampler import find_sampler

MOST_HITS = 32
"""Hits that are sampled before what has come in meanwhile is looked at."""


@dataclass(frozen=True)
class SamplerSettings:
    """What hits of one batch have in common."""

    checkpoint: str
    steps: int
    guidance: float


@dataclass(frozen=True)
class SamplerDescription:
    """Digest and device of a sampler, with notes for the user; no digest where there is none."""

    digest: str
    device: str
    notes: tuple[str, ...]


class SamplerActor:
    """Holds a device; calls that come in while it is busy are sampled together."""

    def __init__(self, checkpoint_folder: str | None, device: str, installation: str) -> None:
        self._checkpoint_folder, self._device, self._installation = checkpoint_folder, device, installation
        self._waiting: list[tuple[SamplerSettings, Sequence[HitToSample], asyncio.Future[list[np.ndarray]]]] = []
        self._working: asyncio.Task[None] | None = None

    async def describe(self, checkpoint: str) -> SamplerDescription:
        """The sampler of a checkpoint. BadInput where it is damaged, or this machine's version is another."""
        check_installation(self._installation, self._checkpoint_folder)
        sampler, notes = await asyncio.to_thread(find_sampler, checkpoint, self._checkpoint_folder, self._device, False)
        if sampler is None:
            return SamplerDescription("", "cpu", tuple(notes))
        device: Any = getattr(sampler, "device", None)
        return SamplerDescription(sampler.digest, device.type if device is not None else "cpu", tuple(notes))

    async def sample(self, settings: SamplerSettings, hits: Sequence[HitToSample]) -> list[np.ndarray]:
        """Sounds of hits, as ``Sampler.sample`` gives them."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((settings, hits, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await future

    async def wait_until_gone(self) -> None:
        """Never returns: a call that ends tells that the actor does not exist any more."""
        await asyncio.Event().wait()

    async def _work(self) -> None:
        while self._waiting:
            calls, settings, hits = self._take()
            try:
                sounds = await asyncio.to_thread(self._sample, settings, hits)
            except Exception as error:
                await self._sample_apart(settings, calls, error)
                continue
            start = 0
            for own, future in calls:
                answer(future, sounds[start : start + len(own)])
                start += len(own)

    def _take(self) -> tuple[list[tuple[Sequence[HitToSample], asyncio.Future[Any]]], SamplerSettings, list[Any]]:
        """The calls that wait with the settings of the first, up to MOST_HITS of hits, and those."""
        settings = self._waiting[0][0]
        calls = []
        hits: list[HitToSample] = []
        for call in list(self._waiting):
            if call[0] == settings and (not hits or len(hits) + len(call[1]) <= MOST_HITS):
                self._waiting.remove(call)
                if not call[2].done():  # its clip may have been cancelled
                    calls.append(call[1:])
                    hits += call[1]
        return calls, settings, hits

    async def _sample_apart(
        self,
        settings: SamplerSettings,
        calls: Sequence[tuple[Sequence[HitToSample], asyncio.Future[Any]]],
        error: Exception,
    ) -> None:
        """Sample each call alone after an error, so that it ends none but the clip that caused it."""
        for hits, future in calls:
            try:
                answer(future, await asyncio.to_thread(self._sample, settings, hits) if len(calls) > 1 else error)
            except Exception as own:
                answer(future, own)

    def _sample(self, settings: SamplerSettings, hits: Sequence[HitToSample]) -> list[np.ndarray]:
        if not hits:
            return []
        sampler, _ = find_sampler(settings.checkpoint, self._checkpoint_folder, self._device, False)
        assert sampler is not None, "describe tells that there is one"
        return sample_hits(sampler, hits, settings.steps, settings.guidance)


def answer(future: asyncio.Future[Any], result: Any) -> None:
    """Set a result, or the error that it is, unless the call has been given up."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
