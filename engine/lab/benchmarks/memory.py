"""Whether memory grows over many renders: memory of the process before, during and after."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from engine.core.cache import Cache
from engine.document.project import Clip, Hit, Project, RenderSettings, Sound
from engine.document.source import Source
from engine.lab.benchmarks.machine import find_resident_mb
from engine.physics.model import Modes, Residual
from engine.pipeline.render import HitSampler, render_hits
from engine.pipeline.track import place_hits

WARM_UP = 30
EVERY = 10
CACHE_BYTES = 1 << 20
"""A cache that is full before the counting begins, since a cache that fills up grows by intent."""

MOST_KB_PER_RENDER = 8.0
"""A hit's shortest sound is 60 KB, the network's pictures are megabytes: what leaks is more than this."""

ALLOCATOR_MB = 4.0
"""Memory that the allocator takes or returns by itself; a few renders that grow by less tell nothing."""


@dataclass(frozen=True)
class Growth:
    """Memory held (MiB) at the start and the end of ``renders``, and its slope between, a straight line through all."""

    renders: int
    start_mb: float
    end_mb: float
    slope_kb_per_render: float

    @property
    def grows(self) -> bool:
        """Whether memory grows steadily, and by more than the allocator's noise."""
        return self.slope_kb_per_render > MOST_KB_PER_RENDER and self.end_mb - self.start_mb > ALLOCATOR_MB


def measure_growth(
    sampler: HitSampler | None, renders: int, on_render: Callable[[int, int], None] | None = None
) -> Growth | None:
    """Render a short hit anew, ``renders`` times, after some that do not count; None where memory cannot be read."""
    cache = Cache(None, memory_bytes=CACHE_BYTES)
    done: list[int] = []
    held_mb: list[float] = []
    for turn in range(-WARM_UP, renders + 1):
        if turn >= 0 and (turn % EVERY == 0 or turn == renders):
            gc.collect()
            resident = find_resident_mb()
            if resident is None:
                return None
            done.append(turn)
            held_mb.append(resident)
        if turn < renders:
            project = make_project(turn + WARM_UP)
            place_hits(project, render_hits(project, sampler, cache))
        if on_render is not None and turn > 0:
            on_render(turn, renders)
    return Growth(renders, held_mb[0], held_mb[-1], find_slope(done, held_mb) * 1024.0)


def make_project(turn: int) -> Project:
    """One short hit, another one each turn, so that nothing comes out of the cache."""
    modes = Modes((700.0 + turn,), (-12.0,), (80.0,), (0.0,), (False,))
    noise = Residual((200.0, 2000.0, 16_000.0), (-40.0, -45.0), (80.0, 120.0))
    sound = Sound("s1", "Tap", modes, noise, Source("hand"))
    hit = Hit("h1", 0.05, "s1", turn)
    clip = Clip("", "", 0.5, Fraction(25), 16, 16)
    return replace(Project(clip, (sound,), (hit,)), render=RenderSettings(steps=1))


def find_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Slope of the straight line through points, by least squares; 0 for fewer than two."""
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 else 0.0
