"""Pool of training examples: workers augment hits continuously, the trainer samples from the pool."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import torch

from engine.core.errors import StruckError
from engine.diffusion.conditioning import name_material
from engine.diffusion.spectrogram import FRAME_COUNTS
from engine.lab.data.sampler.augment import Augmentation, vary_hit
from engine.lab.data.sampler.examples import Batch, Example, make_batch, make_example
from engine.lab.data.sampler.hits import AnalysedHit, open_hits

BATCH_FRAMES = 512
_PAUSE_S = 0.05


@dataclass(frozen=True)
class PoolConfig:
    """How many fresh examples are kept, and how hits are varied, mixed and chosen.

    ``together`` is the share of mixtures: of two objects at once, or of two blows up to ``longest_delay`` frames apart.
    Hits are drawn by the ``evenness`` of materials: 0 as often as there are recordings, 1 all materials alike.
    """

    size: int = 480
    enough: int = 48
    together: float = 0.12
    longest_delay: int = 60
    evenness: float = 0.3
    augmentation: Augmentation = field(default_factory=Augmentation)


class ExamplePool:
    """A store of examples that workers renew while it is drawn from; the trainer waits for the first few alone.

    An example is used until a newer one takes its place, so a fast trainer sees some more than once, each time at
    another phase and against other noise; a slow one lets the workers rest. ``made`` counts examples, ``drawn`` their
    uses.
    """

    def __init__(self, folder: Path, config: PoolConfig, seed: int, workers: int = 1) -> None:
        self.config, self.made, self.drawn = config, 0, 0
        self._rng = np.random.default_rng([seed, 1])
        self._examples: list[Example] = []
        self._lock, self._ready = threading.Lock(), threading.Event()
        context = multiprocessing.get_context("spawn")
        self._queue: multiprocessing.Queue[Example | str] = context.Queue(maxsize=8)
        self._closing, self._fault = False, ""
        environment = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        os.environ.update(environment)
        self._workers = [
            context.Process(target=_work, args=(folder, config, [seed, 2, k], self._queue), daemon=True)
            for k in range(workers)
        ]

    def __enter__(self) -> ExamplePool:
        for worker in self._workers:
            worker.start()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        for worker in self._workers:
            worker.terminate()
            worker.join()

    def _read(self) -> None:
        while not self._closing:
            if self.made - self.drawn > self.config.size:  # fresh ones enough: leave the cores to the trainer
                time.sleep(_PAUSE_S)
                continue
            try:
                example = self._queue.get(timeout=0.5)
            except queue.Empty:
                if not any(worker.is_alive() for worker in self._workers):
                    self._fault = self._fault or "every worker ended"
                    self._ready.set()
                continue
            if isinstance(example, str):
                self._fault = example
                self._ready.set()
                continue
            with self._lock:
                if len(self._examples) < self.config.size:
                    self._examples.append(example)
                else:
                    self._examples[self.made % self.config.size] = example
                self.made += 1
                if self.made >= self.config.enough:
                    self._ready.set()

    def draw(self) -> list[Example]:
        """Examples of one length, of about BATCH_FRAMES frames together; lengths by how many frames there are of each.

        Waits until there are enough; StruckError when the workers cannot make any.
        """
        self._ready.wait()
        if self._fault:
            raise StruckError(f"no training examples can be made ({self._fault}); delete the hits folder and try again")
        with self._lock:
            by_length = {n: [e for e in self._examples if e.arrays.shape[-1] == n] for n in FRAME_COUNTS}
        share = np.array([len(by_length[n]) * n for n in FRAME_COUNTS], float)
        frames = int(self._rng.choice(FRAME_COUNTS, p=share / share.sum()))
        size = max(1, BATCH_FRAMES // frames)
        there = by_length[frames]
        chosen = self._rng.choice(len(there), size, replace=len(there) < size)
        self.drawn += size
        return [there[int(k)] for k in chosen]

    def batches(self, device: torch.device) -> Iterator[Batch]:
        """Endless training batches."""
        while True:
            yield make_batch(self.draw(), device, self._rng)


def vary_example(
    hits: Sequence[AnalysedHit], chances: np.ndarray, config: PoolConfig, rng: np.random.Generator
) -> Example:
    """One example: a varied hit, or two that sound together."""
    first, second = (hits[int(k)] for k in rng.choice(len(hits), 2, p=chances))
    if rng.random() >= config.together:
        return make_example([vary_hit(first, config.augmentation, rng)], seed=int(rng.integers(2**31)))
    if rng.random() < 0.5:
        second = first  # the same object struck again, else two objects at once or one after the other
    delay = int(rng.integers(0, config.longest_delay)) if second is first or rng.random() < 0.5 else 0
    pair = [vary_hit(first, config.augmentation, rng), vary_hit(second, config.augmentation, rng)]
    return make_example(pair, [0, delay], int(rng.integers(2**31)))


def weigh_hits(hits: Sequence[AnalysedHit], evenness: float) -> np.ndarray:
    """The chance of each hit to be drawn, [N]: that of its material, by its count to the power of 1 - evenness."""
    names = [name_material(hit.material) for hit in hits]
    weights = np.array([names.count(name) ** -evenness for name in names])
    result: np.ndarray = weights / weights.sum()
    return result


def _work(folder: Path, config: PoolConfig, seed: list[int], output: multiprocessing.Queue[Example | str]) -> None:
    """Make examples until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer ends its workers
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        torch.set_num_threads(1)
        rng = np.random.default_rng(seed)
        hits = [hit for hit in open_hits(folder) if not hit.held_out]
        if not hits:
            output.put("no recording is left to train on beside the held-out ones")
            return
        chances = weigh_hits(hits, config.evenness)
        while True:
            output.put(vary_example(hits, chances, config, rng))
    except Exception as error:
        output.put(f"{type(error).__name__}: {str(error)[:120]}")
