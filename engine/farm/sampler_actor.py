"""The sampler on a machine of the farm: hits of many clips in common batches."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.farm.fair_batcher import FairBatcher
from engine.farm.installation import check_installation
from engine.pipeline.hit_to_sample import HitToSample
from engine.pipeline.load_sampler import find_sampler


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
    """Holds a device; calls that come in while it is busy are sampled together, hits of each in turn."""

    def __init__(self, checkpoint_folder: str | None, device: str, installation: str) -> None:
        self._checkpoint_folder, self._device, self._installation = checkpoint_folder, device, installation
        self._batcher, self._calls = FairBatcher(self._find), itertools.count()

    async def describe(self, checkpoint: str) -> SamplerDescription:
        """The sampler of a checkpoint. BadInput where it is damaged, or this machine's version is another."""
        check_installation(self._installation, self._checkpoint_folder)
        sampler, notes = await asyncio.to_thread(find_sampler, checkpoint, self._checkpoint_folder, self._device, False)
        if sampler is None:
            return SamplerDescription("", "cpu", tuple(notes))
        device: Any = getattr(sampler, "device", None)
        return SamplerDescription(sampler.digest, device.type if device is not None else "cpu", tuple(notes))

    async def sample(self, settings: SamplerSettings, hits: Sequence[HitToSample]) -> list[np.ndarray]:
        """Sounds of hits, as ``Sampler.sample`` gives them. What that raises ends the call that caused it alone."""
        return await self._batcher.sample(str(next(self._calls)), settings, hits)

    async def wait_until_gone(self) -> None:
        """Never returns: a call that ends tells that the actor does not exist any more."""
        await asyncio.Event().wait()

    def _find(self, checkpoint: str) -> Any:
        return find_sampler(checkpoint, self._checkpoint_folder, self._device, False)[0]
