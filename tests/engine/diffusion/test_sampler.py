"""The sampler by what must hold for any weights."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import Cancelled
from engine.diffusion.sampler import Sampler, draw_start, open_workers
from engine.physics.model import Modes, Physics, Residual
from engine.physics.noise import synthesize_residual
from engine.physics.synthesis import synthesize
from tests.samplers import CPU, MODES, NOISE, RATE, SHORT, make_network


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(make_network(), "a digest", CPU)


@pytest.fixture(scope="module")
def untrained() -> Sampler:
    return Sampler(make_network(trained=False), "another digest", CPU)


def measure_db(sound: np.ndarray) -> float:
    return 10 * math.log10(float(np.mean(np.square(sound, dtype=np.float64))) + 1e-20)


def test_each_worker_beside_a_device_is_one_thread() -> None:
    """As many threads again for each of them as there are cores would all wait for one another."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with open_workers(torch.device("cuda")) as workers:
            assert workers is not None and workers.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as pool:  # another session samples at the same time, and ends later
            other = open_workers(torch.device("cuda"))
            with open_workers(torch.device("cuda")):
                pool.submit(other.__enter__).result()
            assert torch.get_num_threads() == 3
            pool.submit(other.__exit__, None, None, None).result()
            assert pool.submit(torch.get_num_threads).result() == 3
        assert torch.get_num_threads() == 3
        with open_workers(CPU) as none:
            assert none is None and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_workers_beside_a_device_make_the_sounds_that_are_made_without_them(
    sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More hits than are begun ahead, each length among them, in an order of which nothing may depend."""
    physics = [(MODES, NOISE), (SHORT, NOISE), (SHORT, Residual())] * 3
    seeds = list(range(9))
    alone = sampler.sample(physics, seeds, steps=1)
    begun: list[str] = []

    def begin(*given: object) -> object:
        begun.append(threading.current_thread().name)
        return draw_start(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("engine.diffusion.sampler.draw_start", begin)
    monkeypatch.setattr(Sampler, "batches", (2,))
    monkeypatch.setattr("engine.diffusion.sampler.open_workers", lambda _: open_workers(torch.device("cuda")))
    beside = sampler.sample(physics, seeds, steps=1)
    assert len(begun) == 9 and all("sampler" in name for name in begun)
    assert all(np.array_equal(one, other) for one, other in zip(alone, beside, strict=True))


@pytest.mark.slow
def test_without_training_it_is_the_prior(untrained: Sampler) -> None:
    quiet = [untrained.sample([(Modes(), NOISE)], [seed], steps=2)[0] for seed in range(12)]
    prior = [synthesize_residual(NOISE, len(quiet[0]), RATE, seed) for seed in range(12)]
    for start, end in ((48, 2400), (2400, 9600)):
        level_db, prior_db = (measure_db(np.concatenate([s[start:end] for s in sounds])) for sounds in (quiet, prior))
        assert level_db == pytest.approx(prior_db, abs=1.5)
    sound = untrained.sample([(MODES, Residual())], [5], steps=1)[0]
    clean = synthesize(Physics(MODES, Residual()), len(sound) / RATE)
    assert np.corrcoef(sound, clean)[0, 1] > 0.97


def test_modal_tail_goes_on_without_a_seam(untrained: Sampler) -> None:
    long = Modes((523.0,), (-12.0,), (1.2,), (0.5,), (False,))
    sound = untrained.sample([(long, Residual())], [1], steps=1)[0]
    clean = synthesize(Physics(long, Residual()), len(sound) / RATE)
    assert len(sound) > 4 * RATE
    seam = slice(int(1.2 * RATE), int(2.0 * RATE))
    residue = sound[seam] - clean[seam] * (sound[seam] @ clean[seam]) / (clean[seam] @ clean[seam])
    assert measure_db(residue) < measure_db(clean[seam]) - 14.0
    assert np.abs(np.diff(sound[seam])).max() < 1.6 * np.abs(np.diff(clean[seam])).max()
    assert np.abs(sound[-8:]).max() < 1e-4


@pytest.mark.slow
def test_a_seed_determines_the_sound_whatever_the_batch(sampler: Sampler) -> None:
    physics = [(MODES, NOISE), (SHORT, Residual()), (SHORT, NOISE)]
    together = sampler.sample(physics, [7, 8, 9], steps=2)
    alone = [sampler.sample([p], [seed], steps=2)[0] for p, seed in zip(physics, [7, 8, 9], strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert one.dtype == np.float32 and np.isfinite(one).all() and np.array_equal(one, other)
    assert not np.array_equal(together[1], sampler.sample([physics[1]], [80], steps=2)[0])


def test_a_gain_of_the_physics_is_a_gain_of_the_sound(sampler: Sampler) -> None:
    def raised(db: float) -> tuple[Modes, Residual]:
        room = NOISE.room
        assert room is not None
        noise = replace(
            NOISE,
            power_db=tuple(p + db for p in NOISE.power_db),
            room=replace(room, power_db=tuple(p + db for p in room.power_db)),
        )
        return replace(MODES, power_db=tuple(p + db for p in MODES.power_db)), noise

    quiet, loud = sampler.sample([raised(0.0), raised(20.0)], [4, 4], steps=1)
    assert np.abs(10.0 * quiet - loud).max() < 0.02 * np.abs(loud).max()


def test_muted_modes_and_silence(sampler: Sampler) -> None:
    silent = sampler.sample([(Modes(), Residual())], [1], steps=1)[0]
    assert np.abs(silent).max() < 1e-6
    muted = replace(MODES, muted=(True, True, True))
    one, other = sampler.sample([(muted, NOISE), (Modes(), NOISE)], [1, 1], steps=1)
    assert np.array_equal(one, other)


def test_progress_counts_hits_and_stops(sampler: Sampler) -> None:
    reports: list[tuple[int, int]] = []
    hits = [(SHORT, Residual())] * 3
    sampler.sample(hits, [1, 2, 3], steps=2, on_step=lambda done, total: reports.append((done, total)))
    assert reports[-1] == (3, 3) and reports == sorted(reports)

    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        sampler.sample([(SHORT, Residual())], [1], steps=2, on_step=stop)
