"""Samples to write: an array, or an object that computes samples when sliced, for long tracks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from engine.core.errors import StruckError


class Samples(Protocol):
    """Float samples [N] or [N, C], full scale 1: an array, or an object that computes them when sliced, in order."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, span: slice, /) -> Any: ...


class OverCounted:
    """Samples that count those over full scale while they are read: ``over``, since the last read from the start."""

    def __init__(self, samples: Samples) -> None:
        self.shape, self.over = samples.shape, 0
        self._samples = samples

    def __getitem__(self, span: slice) -> np.ndarray:
        """Samples of a span."""
        part = np.asarray(self._samples[span], np.float32)
        self.over = int(np.count_nonzero(np.abs(part) > 1.0)) + (self.over if span.start else 0)
        return part


class HeldAtFullScale:
    """Samples as a file of integers holds them."""

    def __init__(self, samples: Samples) -> None:
        self.shape = samples.shape
        self._samples = samples

    def __getitem__(self, span: slice) -> np.ndarray:
        """Samples of a span."""
        return np.clip(np.asarray(self._samples[span], np.float32), -1.0, 1.0)


def count_channels(samples: Samples) -> int:
    """Channels of samples [N] or [N, C]."""
    return samples.shape[1] if len(samples.shape) == 2 else 1


def iter_blocks(samples: Samples, block: int) -> Iterator[np.ndarray]:
    """Samples as float32 [up to ``block``, C]; StruckError where one is not finite."""
    channels = count_channels(samples)
    for start in range(0, samples.shape[0], block):
        part = np.asarray(samples[start : start + block], np.float32).reshape(-1, channels)
        if not np.isfinite(part).all():
            raise StruckError("the sound holds values that are not finite, so no file was written; render it again")
        yield part
