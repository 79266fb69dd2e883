"""The sampler on a GPU: seeds are bit-stable, batch mates do not matter; the sound of the CPU and without capture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import signal

from engine.diffusion.sampler import Sampler, load_sampler
from engine.physics.model import Modes, Residual

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

CHECKPOINTS = Path(__file__).resolve().parents[3] / "checkpoints"
EDGES = (100.0, 1000.0, 8000.0)
HITS = [
    (Modes((440.0 * k,), (-10.0,), (8.0 * k,), (0.3,), (False,)), Residual(EDGES, (-40.0, -44.0), (30.0, 60.0 * k)))
    for k in (1, 2, 3, 5)
]
SEEDS = (3, 1, 4, 1)
TOLERANCE_DB = 1.0


@pytest.fixture(scope="module")
def on_gpu() -> Sampler:
    return load_sampler(CHECKPOINTS, "sampler", torch.device("cuda"))


def test_seeds_are_bit_stable(on_gpu: Sampler) -> None:
    first, again = (on_gpu.sample(HITS, SEEDS) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(on_gpu.sample(HITS[:1], (7,))[0], first[0])


def test_batch_mates_do_not_matter(on_gpu: Sampler) -> None:
    together = on_gpu.sample(HITS, SEEDS)
    turned = on_gpu.sample(HITS[::-1], SEEDS[::-1])[::-1]
    alone = [on_gpu.sample([hit], [seed])[0] for hit, seed in zip(HITS, SEEDS, strict=True)]
    assert all(np.array_equal(a, b) for a, b in zip(together, turned, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))


def test_the_cpu_makes_the_same_sound_within_a_decibel(on_gpu: Sampler) -> None:
    on_cpu = load_sampler(CHECKPOINTS, "sampler", torch.device("cpu"))
    for ours, theirs in zip(on_gpu.sample(HITS, SEEDS), on_cpu.sample(HITS, SEEDS), strict=True):
        assert len(ours) == len(theirs)
        powers = [np.abs(signal.stft(wave, 48_000, nperseg=2048)[2]) ** 2 for wave in (ours, theirs)]
        levels_db = [10.0 * np.log10(p[:1024].reshape(32, 32, -1).sum(axis=1) + 1e-12) for p in powers]
        audible = levels_db[1] > levels_db[1].max() - 50.0
        assert np.abs(levels_db[0] - levels_db[1])[audible].mean() < TOLERANCE_DB


def test_the_captured_network_makes_the_same_sound(on_gpu: Sampler) -> None:
    captured = on_gpu.sample(HITS, SEEDS)
    assert on_gpu.velocity is not on_gpu.network
    uncaptured = load_sampler(CHECKPOINTS, "sampler", torch.device("cuda"))
    uncaptured.velocity = uncaptured.network
    for ours, theirs in zip(captured, uncaptured.sample(HITS, SEEDS), strict=True):
        assert np.sqrt(np.mean((ours - theirs) ** 2)) < 1e-3 * np.sqrt(np.mean(theirs**2))
