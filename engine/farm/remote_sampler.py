"""A clip's side of the farm's samplers: sends hits in small pieces, and again where a sampler is gone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import Cancelled
from engine.farm.sampler_actor import SamplerDescription, SamplerSettings
from engine.physics.detail import Detail
from engine.physics.model import Context, Modes, Residual
from engine.pipeline.hit_to_sample import HitToSample, gather_hits

HITS_A_CALL = {"cpu": 1, "cuda": 8}
"""What a device samples at once: an answer holds so many sounds, each of at most some megabytes."""


class RemoteSampler:
    """As the sampler of a checkpoint, on several machines."""

    def __init__(self, ray: Any, actors: Sequence[Any], first: int, checkpoint: str, found: SamplerDescription) -> None:
        import torch

        self.digest, self.device, self.trouble = found.digest, torch.device(found.device), ""
        self._ray, self._actors, self._checkpoint = ray, list(actors), checkpoint
        self._turns = itertools.count(first)

    def sample(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        steps: int = 4,
        guidance: float = 1.0,
        on_step: Callable[[int, int], None] | None = None,
        contexts: Sequence[Context] | None = None,
        details: Sequence[Detail] | None = None,
    ) -> list[np.ndarray]:
        """Sounds of hits, as ``Sampler.sample``. Raises Cancelled where all samplers are gone."""
        total = len(physics)
        hits = gather_hits(physics, seeds, contexts, details)
        settings = SamplerSettings(self._checkpoint, steps, guidance)
        size = HITS_A_CALL.get(self.device.type, 1)
        pieces = [hits[start : start + size] for start in range(0, total, size)]
        turns = [next(self._turns) for _ in pieces]
        calls = [self._actor(turn).sample.remote(settings, piece) for turn, piece in zip(turns, pieces, strict=True)]
        sounds: list[np.ndarray] = []
        for turn, piece, call in zip(turns, pieces, calls, strict=True):

            def send(other: int, turn: int = turn, piece: Sequence[HitToSample] = piece, call: Any = call) -> Any:
                return self._actor(turn + other).sample.remote(settings, piece) if other else call

            # Copies: what is read from the object store is held there for as long as it is used.
            sounds += [np.array(sound) for sound in get_from_any(self._ray, send, len(self._actors))]
            if on_step is not None:
                on_step(len(sounds), total)
        return sounds

    def _actor(self, turn: int) -> Any:
        return self._actors[turn % len(self._actors)]


def find_remote_sampler(
    ray: Any, actors: Sequence[Any], first: int, checkpoint: str, folder: str | Path | None, device_name: str
) -> tuple[RemoteSampler | None, list[str]]:
    """The farm's samplers as one, and notes for the user, as ``find_sampler``; ``first`` is whose turn is the first.

    The samplers have folder and device of their own. Raises BadInput as theirs do, Cancelled where all are gone.
    """
    found = get_from_any(
        ray, lambda other: actors[(first + other) % len(actors)].describe.remote(checkpoint), len(actors)
    )
    return (RemoteSampler(ray, actors, first, checkpoint, found) if found.digest else None), list(found.notes)


def get_from_any(ray: Any, send: Callable[[int], Any], count: int) -> Any:
    """The answer of the first of ``count`` actors that lives; ``send`` asks one. Raises Cancelled where none does."""
    for other in range(count):
        try:
            return ray.get(send(other))
        except (ray.exceptions.RayActorError, ray.exceptions.ObjectLostError):
            continue
        except ray.exceptions.RayTaskError as error:
            raise getattr(error, "cause", None) or error from None
    raise Cancelled("every sampler of the farm is gone")
