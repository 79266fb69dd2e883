"""Analysis of a clip's recorded hits as tasks of the farm, one a sound."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.errors import BadInput
from engine.physics.analysis.analyze import analyze_hits

if TYPE_CHECKING:
    from engine.physics.model import Physics

LEAST_SOUNDS = 4
"""Fewer are analysed where the clip is: the start of a task is longer."""

MOST_WAITING = 8
"""Recordings of a clip that are under way at a time, each of at most 1.5 s."""


def analyze_remotely(
    ray: Any, hits: Sequence[np.ndarray], sample_rate_hz: int, *, quiet: np.ndarray | None
) -> Iterator[Physics | BadInput]:
    """``analyze_hits``, each hit on whichever machine is free; Ray repeats what a lost machine had not finished."""
    if len(hits) < LEAST_SOUNDS:
        yield from analyze_hits(hits, sample_rate_hz, workers=1, quiet=quiet)
        return
    task = ray.remote(num_cpus=1)(_analyze)
    background = ray.put(quiet)
    waiting: deque[Any] = deque()
    for hit in hits:
        if len(waiting) == MOST_WAITING:
            yield ray.get(waiting.popleft())
        waiting.append(task.remote(hit, sample_rate_hz, background))
    while waiting:
        yield ray.get(waiting.popleft())


def _analyze(hit: np.ndarray, sample_rate_hz: int, quiet: np.ndarray | None) -> Physics | BadInput:
    return next(analyze_hits([hit], sample_rate_hz, workers=1, quiet=quiet))
