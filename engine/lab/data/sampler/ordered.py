"""Training examples in an order that depends on seed, step and part alone, and not on who makes them when.

An ``ExamplePool`` gives what its workers have made by then; here every part of a global batch has a window of examples
that slides by some groups a step, so any number of processes, and a run that is resumed, see the same batches.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import torch

from engine.core.errors import StruckError
from engine.diffusion.spectrogram import FRAME_COUNTS
from engine.lab.data.sampler.examples import Batch, Example, make_batch
from engine.lab.data.sampler.pool import Corpus, PoolConfig, read_corpus, vary_examples

AHEAD = 8
"""Groups of a part that are made before they are needed."""
SEED_OF_GROUPS, SEED_OF_BATCHES = 3, 4


@dataclass
class _Window:
    """The groups of examples that a part draws from: [first, first + len(groups)), and those on their way."""

    first: int = 0
    groups: deque[list[Example]] = field(default_factory=deque)
    coming: deque[Future[list[Example]]] = field(default_factory=deque)


class OrderedExamples:
    """Batches of the parts that a process computes; ``workers`` processes make examples ahead, 0 makes them here.

    A window starts with ``config.enough`` examples and grows, by ``fresh`` groups of ``config.levels`` examples a step,
    to ``config.size``.
    """

    def __init__(
        self,
        folder: Path,
        config: PoolConfig,
        seed: int,
        parts: Sequence[int],
        workers: int = 0,
        device: torch.device | str = "cpu",
        fresh: int = 1,
    ) -> None:
        self.folder, self.config, self.seed, self.fresh = folder, config, seed, fresh
        self.device, self.made, self.drawn = torch.device(device), 0, 0
        self._windows = {part: _Window() for part in parts}
        context = multiprocessing.get_context("spawn")
        self._workers = ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) if workers else None

    def __enter__(self) -> OrderedExamples:
        if not _read_corpus(self.folder, self.config).hits:
            raise StruckError("no recording is left to train on beside the held-out ones; give more with --data")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._workers:
            self._workers.shutdown(cancel_futures=True)

    def batch(self, step: int, part: int) -> Batch:
        """The batch of a part of a step; steps of a part are asked for in rising order."""
        examples = [example for group in self._slide(step, part).groups for example in group]
        rng = np.random.default_rng((self.seed, SEED_OF_BATCHES, part, step))
        share = np.array([sum(e.arrays.shape[-1] == n for e in examples) * n for n in FRAME_COUNTS], float)
        frames = int(rng.choice(FRAME_COUNTS, p=share / share.sum()))
        alike = [example for example in examples if example.arrays.shape[-1] == frames]
        size = max(1, self.config.batch_frames // frames)
        chosen = [alike[int(k)] for k in rng.choice(len(alike), size, replace=len(alike) < size)]
        self.drawn += size
        return make_batch(chosen, self.device, rng)

    def _slide(self, step: int, part: int) -> _Window:
        window = self._windows[part]
        enough = min(self.config.enough, self.config.size)
        most, start = (max(1, n // self.config.levels) for n in (self.config.size, enough))
        end = start + step * self.fresh
        first = max(0, end - max(most, start))
        if window.first + len(window.groups) + len(window.coming) < first:  # a run that goes on
            window.first = first
        while window.first + len(window.groups) < end:
            at = window.first + len(window.groups)
            if self._workers:
                wanted = range(at + len(window.coming), end + AHEAD)
                window.coming.extend(self._workers.submit(make_group, *self._job(part, n)) for n in wanted)
                window.groups.append(window.coming.popleft().result())
            else:
                window.groups.append(make_group(*self._job(part, at)))
            self.made += len(window.groups[-1])
        while window.first < first:
            window.groups.popleft()
            window.first += 1
        return window

    def _job(self, part: int, number: int) -> tuple[Path, PoolConfig, tuple[int, ...]]:
        return self.folder, self.config, (self.seed, SEED_OF_GROUPS, part, number)


@functools.lru_cache(maxsize=1)
def _read_corpus(folder: Path, config: PoolConfig) -> Corpus:
    return read_corpus(folder, config)


def make_group(folder: Path, config: PoolConfig, seed: tuple[int, ...]) -> list[Example]:
    """Examples of one augmented hit, or a mixture, drawn by a seed."""
    return vary_examples(_read_corpus(folder, config), config, np.random.default_rng(seed))
