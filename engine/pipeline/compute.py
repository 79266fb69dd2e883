"""Where a render computes: in its own process, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from engine.core.errors import BadInput
    from engine.physics.model import Physics
    from engine.pipeline.render import HitSampler

FindSampler = Callable[[str, "str | Path | None", str], "tuple[HitSampler | None, list[str]]"]
"""As ``engine.pipeline.load_sampler.find_sampler``."""


class AnalyzeHits(Protocol):
    """As ``engine.physics.analysis.analyze.analyze_hits``: physics of recorded hits, in order."""

    def __call__(
        self, hits: Sequence[np.ndarray], sample_rate_hz: int, *, quiet: np.ndarray | None
    ) -> Iterator[Physics | BadInput]: ...


@dataclass(frozen=True)
class Compute:
    """What analyses a clip's sounds and finds the sampler of its hits; None: this process."""

    analyze: AnalyzeHits | None = None
    find_sampler: FindSampler | None = None


HERE = Compute()
