"""Pool of training examples: workers augment hits continuously, the trainer samples from the pool."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np
import torch

from engine.core.errors import StruckError
from engine.diffusion.conditioning import name_material
from engine.diffusion.spectrogram import FRAME_COUNTS
from engine.lab.data.sampler.augment import Augmentation, vary_hit
from engine.lab.data.sampler.detail import DetailConfig, Typical, measure_typical, pair_takes, reduce_hit, swap_physics
from engine.lab.data.sampler.examples import Batch, Example, make_batch, make_example
from engine.lab.data.sampler.hits import AnalysedHit, open_hits

_PAUSE_S = 0.05


@dataclass(frozen=True)
class PoolConfig:
    """Number of examples in the pool, and how hits are augmented, mixed and sampled.

    ``together`` is the fraction of mixtures: two objects at once, or two blows up to ``longest_delay`` frames apart.
    ``evenness`` of materials: at 0 hits are drawn in proportion to their recordings, at 1 all materials equally. Each
    augmented hit is used at ``levels`` levels of detail. Batches have about ``batch_frames`` frames.
    """

    size: int = 480
    enough: int = 48
    together: float = 0.12
    longest_delay: int = 60
    evenness: float = 0.3
    levels: int = 2
    batch_frames: int = 512
    augmentation: Augmentation = field(default_factory=Augmentation)
    detail: DetailConfig = field(default_factory=DetailConfig)


@dataclass(frozen=True)
class Corpus:
    """The training hits, the probability of drawing each, [N], its other takes, and typical physics."""

    hits: Sequence[AnalysedHit]
    chances: np.ndarray
    takes: dict[int, list[int]]
    typical: Typical


class ExamplePool:
    """Pool of examples that workers replace while the trainer samples; the trainer waits for the first few alone.

    An example stays until a newer one replaces it, so a fast trainer uses some more than once, each time with
    another phase and other noise; workers pause for a slow one. ``made`` counts examples, ``drawn`` their
    uses. Examples are kept on the device.
    """

    def __init__(
        self, folder: Path, config: PoolConfig, seed: int, workers: int = 1, device: torch.device | str = "cpu"
    ) -> None:
        self.config, self.made, self.drawn = config, 0, 0
        self.device = torch.device(device)
        self._rng = np.random.default_rng([seed, 1])
        self._examples: dict[int, list[tuple[Example, torch.Tensor]]] = {frames: [] for frames in FRAME_COUNTS}
        self._oldest = dict.fromkeys(FRAME_COUNTS, 0)
        self._lock, self._ready = threading.Lock(), threading.Event()
        context = multiprocessing.get_context("spawn")
        self._queue: multiprocessing.Queue[list[Example] | str] = context.Queue(maxsize=8)
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
            if self.made - self.drawn > self.config.size:  # enough new examples: leave the cores to the trainer
                time.sleep(_PAUSE_S)
                continue
            try:
                fresh = self._queue.get(timeout=0.5)
            except queue.Empty:
                if not any(worker.is_alive() for worker in self._workers):
                    self._fault = self._fault or "every worker ended"
                    self._ready.set()
                continue
            if isinstance(fresh, str):
                self._fault = fresh
                self._ready.set()
                continue
            for example in fresh:
                self._keep(example)

    def _keep(self, example: Example) -> None:
        """Add an example, in place of the oldest of its length once the pool is full."""
        frames = example.arrays.shape[-1]
        kept = (replace(example, arrays=example.arrays[:, :1, :1]), torch.from_numpy(example.arrays).to(self.device))
        with self._lock:
            alike = self._examples[frames]
            if self.made < self.config.size or not alike:
                alike.append(kept)
            else:
                alike[self._oldest[frames] % len(alike)] = kept
                self._oldest[frames] += 1
            self.made += 1
            if self.made >= min(self.config.enough, self.config.size):
                self._ready.set()

    def draw(self) -> tuple[list[Example], torch.Tensor]:
        """Examples of one length and their arrays; lengths are drawn by how many frames there are of each.

        Waits until there are enough; StruckError when the workers cannot make any.
        """
        self._ready.wait()
        if self._fault:
            raise StruckError(f"no training examples can be made ({self._fault}); delete the hits folder and try again")
        with self._lock:
            share = np.array([len(self._examples[n]) * n for n in FRAME_COUNTS], float)
            frames = int(self._rng.choice(FRAME_COUNTS, p=share / share.sum()))
            size = max(1, self.config.batch_frames // frames)
            alike = self._examples[frames]
            chosen = [alike[int(k)] for k in self._rng.choice(len(alike), size, replace=len(alike) < size)]
        self.drawn += size
        return [example for example, _ in chosen], torch.stack([arrays for _, arrays in chosen])

    def batch(self, step: int = 0, part: int = 0) -> Batch:
        """A training batch; which one depends on what has been made by then."""
        examples, arrays = self.draw()
        return make_batch(examples, self.device, self._rng, arrays)


def vary_examples(corpus: Corpus, config: PoolConfig, rng: np.random.Generator) -> list[Example]:
    """Examples of one augmented hit, or of a mixture of two, at some levels of detail.

    Of a hit that has other takes, some examples have the physics of another take, augmented in the same way.
    """
    hits = corpus.hits
    one, two = (int(k) for k in rng.choice(len(hits), 2, p=corpus.chances))
    if rng.random() < config.together:
        return [_mix_example(hits[one], hits[two], config, rng)]
    state = rng.bit_generator.state
    hit = vary_hit(hits[one], config.augmentation, rng)
    other = hit
    if one in corpus.takes and rng.random() < config.detail.takes:
        same = np.random.default_rng()
        same.bit_generator.state = state
        take = corpus.takes[one][int(rng.integers(len(corpus.takes[one])))]
        other = swap_physics(hit, vary_hit(hits[take], config.augmentation, same))
    examples = []
    for _ in range(config.levels):
        reduced, detail = reduce_hit(other, corpus.typical, config.detail, rng)
        detail = replace(detail, variation=0.0 if other is hit else 1.0)
        examples.append(make_example([reduced], seed=int(rng.integers(2**31)), detail=detail))
    return examples


def _mix_example(first: AnalysedHit, second: AnalysedHit, config: PoolConfig, rng: np.random.Generator) -> Example:
    if rng.random() < 0.5:
        second = first  # the same object struck again, else two objects at once or one after the other
    delay = int(rng.integers(0, config.longest_delay)) if second is first or rng.random() < 0.5 else 0
    pair = [vary_hit(first, config.augmentation, rng), vary_hit(second, config.augmentation, rng)]
    return make_example(pair, [0, delay], int(rng.integers(2**31)))


def read_corpus(folder: Path, config: PoolConfig) -> Corpus:
    """The hits of a folder that are not held out, with their takes and typical physics."""
    hits = [hit for hit in open_hits(folder) if not hit.held_out]
    chances = weigh_hits(hits, config.evenness) if hits else np.zeros(0)
    return Corpus(hits, chances, pair_takes(hits), measure_typical(hits) if hits else {})


def weigh_hits(hits: Sequence[AnalysedHit], evenness: float) -> np.ndarray:
    """The probability of drawing each hit, [N]: that of its material, by its count to the power of 1 - evenness."""
    names = [name_material(hit.material) for hit in hits]
    weights = np.array([names.count(name) ** -evenness for name in names])
    result: np.ndarray = weights / weights.sum()
    return result


def _work(
    folder: Path, config: PoolConfig, seed: list[int], output: multiprocessing.Queue[list[Example] | str]
) -> None:
    """Make examples until terminated."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer ends its workers
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        torch.set_num_threads(1)
        rng = np.random.default_rng(seed)
        corpus = read_corpus(folder, config)
        if not corpus.hits:
            output.put("no recording is left to train on beside the held-out ones")
            return
        while True:
            output.put(vary_examples(corpus, config, rng))
    except Exception as error:
        output.put(f"{type(error).__name__}: {str(error)[:120]}")
