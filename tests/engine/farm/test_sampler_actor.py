"""The farm's sampler without Ray: calls that come in together are one batch, and a fault ends its own clip alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadInput, StruckError
from engine.farm.fair_batcher import BATCH_HITS
from engine.farm.installation import check_installation, digest_installation
from engine.farm.sampler_actor import SamplerActor, SamplerSettings
from engine.physics.detail import Detail
from engine.physics.model import Context
from engine.pipeline.hit_to_sample import HitToSample
from tests.samplers import MODES, NOISE


class SeedSampler:
    """Gives a hit's seed as its sound; keeps the sizes of its batches; refuses the seed 13."""

    digest = "d"

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def sample(self, physics: Sequence[Any], seeds: Sequence[int], *settings: Any) -> list[np.ndarray]:
        self.sizes.append(len(seeds))
        if 13 in seeds:
            raise StruckError("unlucky")
        return [np.full(2, seed, np.float32) for seed in seeds]


@pytest.fixture
def sampler(monkeypatch: pytest.MonkeyPatch) -> SeedSampler:
    made = SeedSampler()
    monkeypatch.setattr("engine.farm.sampler_actor.find_sampler", lambda *given: (made, ["a note"]))
    return made


def ask(*calls: tuple[SamplerSettings, Sequence[int]]) -> list[Any]:
    """What an actor answers to calls that come in at one time, or raises."""

    async def run() -> list[Any]:
        actor = SamplerActor(None, "cpu", "")
        hits = [[HitToSample((MODES, NOISE), seed, Context(), Detail()) for seed in seeds] for _, seeds in calls]
        tasks = [actor.sample(call[0], own) for call, own in zip(calls, hits, strict=True)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(run())


def test_calls_with_the_same_settings_are_one_batch_and_each_gets_its_own(sampler: SeedSampler) -> None:
    many = range(20, 20 + BATCH_HITS)
    one, two = SamplerSettings("sampler", 1, 1.0), SamplerSettings("sampler", 2, 1.0)
    answers = ask((one, (1, 2)), (two, (3,)), (one, (4,)), (one, ()), (one, many))
    assert [[int(sound[0]) for sound in sounds] for sounds in answers] == [
        [1, 2],
        [3],
        [4],
        [],
        [*many],
    ]
    # The long call fills the batch of the first, none of which waits for it; its rest comes last.
    assert sampler.sizes == [BATCH_HITS, 1, 3]


def test_a_fault_ends_the_call_that_caused_it(sampler: SeedSampler) -> None:
    settings = SamplerSettings("sampler", 1, 1.0)
    good, bad = ask((settings, (1,)), (settings, (13,)))
    assert int(good[0][0]) == 1 and isinstance(bad, StruckError)
    (alone,) = ask((settings, (13,)))
    assert isinstance(alone, StruckError)


def test_a_machine_with_another_version_is_said(tmp_path: Any) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"1")
    digest = digest_installation(str(tmp_path))
    check_installation(digest, str(tmp_path))
    with pytest.raises(BadInput, match="has another version of Struck or of its checkpoints; install the same"):
        check_installation(digest[::-1], str(tmp_path))
    with pytest.raises(BadInput, match=r"of the farm has no folder .*; mount it there under the same path"):
        check_installation(digest, str(tmp_path / "none"))
