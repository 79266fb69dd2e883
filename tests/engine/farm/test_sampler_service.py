"""Editors that share a sampler hear what their own gives, in turn, and go on with their own where it is away."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import uvicorn

from engine.core.errors import BadInput
from engine.farm.fair_batcher import FairBatcher
from engine.farm.sampler_service import make_app
from engine.physics.detail import Detail
from engine.physics.model import Context, Modes, Residual
from engine.pipeline import sampler_wire, shared_sampler
from engine.pipeline.hit_to_sample import HitToSample
from engine.pipeline.sampler_wire import WireSettings
from engine.pipeline.shared_sampler import SharedSampler

TOKEN = "a token of the studio"
NOISE = Residual((100.0, 1000.0, 8000.0), (-30.1, -1 / 3), (50.0, 2**0.5), None)
PHYSICS = (Modes((440.1, 881 / 3), (-0.1, -20.0), (5.0, 1e-7), (0.0, 3.14), (False, False)), NOISE)


class NumberSampler:
    """Gives sounds that tell their seed and velocity, and keeps the sizes of its batches."""

    def __init__(self, digest: str = "one") -> None:
        self.digest, self.batches, self.trouble = digest, list[int](), ""

    def sample(self, physics: Sequence[Any], seeds: Sequence[int], *rest: Any) -> list[np.ndarray]:
        self.batches.append(len(seeds))
        if 13 in seeds:
            raise RuntimeError("an unlucky hit")
        if self.batches == [1]:
            time.sleep(0.2)  # others come in meanwhile
        gains = [context.velocity_db or 1.0 for context in rest[3]]
        return [np.arange(seed + 2, dtype=np.float32) * gain for seed, gain in zip(seeds, gains, strict=True)]


@pytest.fixture
def service() -> Iterator[tuple[str, NumberSampler]]:
    """Address and sampler of a service that runs."""
    sampler = NumberSampler()
    find = {"sampler": sampler}.get
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        app = make_app(FairBatcher(find), find, TOKEN)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]})
        thread.start()
        yield f"http://127.0.0.1:{held.getsockname()[1]}", sampler
        server.should_exit = True
        thread.join()


def connect(url: str, user: str = "me", token: str = TOKEN, digest: str = "one") -> tuple[SharedSampler, NumberSampler]:
    local = NumberSampler(digest)
    return SharedSampler(local, "sampler", url, token, user), local


def test_hits_travel_without_loss() -> None:
    hit = HitToSample(PHYSICS, 2**31 - 1, Context(-1 / 3, "wood", (0.1, 1 / 7)), Detail(3, None, False, True, 0.1, 0.3))
    settings = WireSettings("sampler", "one", "code", 4, 1.1)
    assert sampler_wire.decode_request(sampler_wire.encode_request("me", settings, [hit])) == ("me", settings, [hit])
    sounds = [np.arange(3, dtype=np.float32), np.zeros(0, np.float32), np.ones(5, np.float32)]
    data = sampler_wire.encode_sounds(sounds)
    for sound, found in zip(sounds, sampler_wire.decode_sounds(data, 3), strict=True):
        np.testing.assert_array_equal(found, sound)
    for torn in (data[:-1], data[:-4], b"", data[:6]):
        with pytest.raises(ValueError):
            sampler_wire.decode_sounds(torn, 3)
    for wrong in (b"", b"{}", b'{"user": "a", "settings": {}, "hits": [1]}', b"[[[["):
        with pytest.raises(BadInput):
            sampler_wire.decode_request(wrong)


def test_editors_are_sampled_together(service: tuple[str, NumberSampler]) -> None:
    """Each gets its own sounds; 40 hits of two editors take fewer batches than hits."""
    url, sampler = service
    found: dict[str, list[np.ndarray]] = {}

    def edit(user: str, first: int) -> None:
        shared, local = connect(url, user)
        seeds = list(range(first, first + 20))
        found[user] = shared.sample([PHYSICS] * 20, seeds, contexts=[Context(float(k + 1)) for k in range(20)])
        assert not local.batches and not shared.trouble

    editors = [threading.Thread(target=edit, args=args) for args in (("a", 20), ("b", 50))]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    for user, first in (("a", 20), ("b", 50)):
        for k, sound in enumerate(found[user]):
            np.testing.assert_array_equal(sound, np.arange(first + k + 2, dtype=np.float32) * (k + 1))
    assert sum(sampler.batches) == 40 and len(sampler.batches) <= 4


def test_who_may_not_or_does_not_fit_samples_alone(service: tuple[str, NumberSampler]) -> None:
    url, sampler = service
    cases = (
        (connect(url, token="another"), "its token is another one"),
        (connect(url, digest="two"), "its checkpoint 'sampler' is another one"),
        (connect("http://127.0.0.1:9"), "the shared sampler is away"),
    )
    for (shared, local), reason in cases:
        (sound,) = shared.sample([PHYSICS], [5])
        assert len(sound) == 7 and local.batches == [1] and reason in shared.trouble
        shared.sample([PHYSICS], [5])
        assert local.batches == [1, 1]
    assert not sampler.batches


def test_another_version_is_refused(service: tuple[str, NumberSampler], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_sampler, "digest_code", lambda: "older")
    shared, local = connect(service[0])
    shared.sample([PHYSICS], [5])
    assert local.batches == [1] and "another version of Struck" in shared.trouble


def test_a_hit_that_fails_ends_no_other() -> None:
    async def run() -> list[Any]:
        sampler = NumberSampler()
        batcher = FairBatcher({"sampler": sampler}.get)
        settings = WireSettings("sampler", "one", "", 4, 1.0)
        jobs = [
            batcher.sample(user, settings, [HitToSample(PHYSICS, seed, Context(), Detail())])
            for user, seed in (("a", 1), ("b", 13))
        ]
        return list(await asyncio.gather(*jobs, return_exceptions=True))

    good, bad = asyncio.run(run())
    assert len(good[0]) == 3 and isinstance(bad, RuntimeError)


def test_users_take_turns() -> None:
    """One hit of a user is in the next batch, however many of another's wait; a batch has one kind of settings."""

    async def run() -> None:
        batcher = FairBatcher(lambda _: None, batch_hits=8)
        loop = asyncio.get_running_loop()
        usual, other = WireSettings("s", "d", "", 4, 1.0), WireSettings("s", "d", "", 8, 1.0)

        def put(user: str, count: int, settings: WireSettings = usual) -> None:
            waiting = [
                (settings, HitToSample(PHYSICS, len(user), Context(), Detail()), loop.create_future())
                for _ in range(count)
            ]
            batcher._waiting.setdefault(user, deque()).extend(waiting)

        put("a", 100)
        put("bb", 1)
        put("ccc", 3)
        put("dddd", 2, other)
        seeds = [hit.seed for _, hit, _ in batcher.take()]
        assert sorted(seeds) == [1] * 4 + [2] + [3] * 3
        later = [batcher.take() for _ in range(2)]
        assert sorted(len({one[0] for one in batch}) for batch in later) == [1, 1]
        assert any(len(batch) == 2 and batch[0][0] == other for batch in later)
        while batch := batcher.take():
            assert {one[1].seed for one in batch} == {1}
        assert batcher.waiting == 0

    asyncio.run(run())
