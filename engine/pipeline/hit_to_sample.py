"""A hit on its way to a sampler in another process or on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.physics.detail import Detail
from engine.physics.model import Context, Modes, Residual


@dataclass(frozen=True)
class HitToSample:
    """All that a hit's samples depend on beside the settings."""

    physics: tuple[Modes, Residual]
    seed: int
    context: Context
    detail: Detail


def gather_hits(
    physics: Sequence[tuple[Modes, Residual]],
    seeds: Sequence[int],
    contexts: Sequence[Context] | None,
    details: Sequence[Detail] | None,
) -> list[HitToSample]:
    """The hits that ``Sampler.sample`` is asked for."""
    known = contexts if contexts is not None else [Context()] * len(physics)
    given = details if details is not None else [Detail()] * len(physics)
    return [HitToSample(*values) for values in zip(physics, seeds, known, given, strict=True)]


def sample_hits(sampler: Any, hits: Sequence[HitToSample], steps: int, guidance: float) -> list[np.ndarray]:
    """Sounds of hits, as ``Sampler.sample`` gives them."""
    sounds: list[np.ndarray] = sampler.sample(
        [hit.physics for hit in hits],
        [hit.seed for hit in hits],
        steps,
        guidance,
        None,
        [hit.context for hit in hits],
        [hit.detail for hit in hits],
    )
    return sounds
