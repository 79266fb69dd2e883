"""Batches on a CPU: taken where pieces come out as alone, and one by one where they do not."""

from __future__ import annotations

import torch

from engine.diffusion.batched import BatchedNetwork
from engine.diffusion.sampler import split_batches
from engine.physics.model import Modes, Residual


class Network:
    """Doubles what it gets; with ``leaking`` a batch's pieces depend on one another."""

    def __init__(self, leaking: bool) -> None:
        self.leaking, self.sizes = leaking, list[int]()

    def __call__(self, values: torch.Tensor, angle: torch.Tensor, context: torch.Tensor | None) -> torch.Tensor:
        self.sizes.append(len(values))
        own = 2.0 * values + angle[:, None]
        return own + 1e-7 * values.sum() if self.leaking and len(values) > 1 else own


def test_a_batch_is_evaluated_at_once_where_its_ends_come_out_as_alone() -> None:
    network = Network(leaking=False)
    batched = BatchedNetwork(network)
    values, angle = torch.arange(12.0).view(4, 3), torch.arange(4.0)
    for _ in range(2):
        assert torch.equal(batched(values, angle, None), 2.0 * values + angle[:, None])
    assert network.sizes == [4, 1, 1, 4]  # tried once
    assert torch.equal(batched(values[:1], angle[:1], None), 2.0 * values[:1])


def test_where_they_do_not_each_is_evaluated_alone() -> None:
    network = Network(leaking=True)
    batched = BatchedNetwork(network)
    values, angle = torch.arange(12.0).view(4, 3), torch.arange(4.0)
    for _ in range(2):
        assert torch.equal(batched(values, angle, None), 2.0 * values + angle[:, None])
    assert network.sizes[0] == 4 and network.sizes[-4:] == [1, 1, 1, 1]
    assert network.sizes.count(4) == 1


def test_hits_are_split_into_the_largest_batches_of_one_length() -> None:
    short, long = (
        Modes((440.0,), (-20.0,), (60.0,), (0.0,), (False,)),
        Modes((440.0,), (-20.0,), (2.0,), (0.0,), (False,)),
    )
    hits = [(long if k in (1, 4) else short, Residual()) for k in range(13)]
    for sizes, wanted in (((8, 4, 2, 1), [2, 8, 2, 1]), ((1,), [1] * 13), ((8,), [2, 8, 3])):
        batches = list(split_batches(hits, sizes))
        assert [len(members) for _, members in batches] == wanted
        assert [frames for frames, _ in batches] == sorted((frames for frames, _ in batches), reverse=True)
        assert sorted(i for _, members in batches for i in members) == list(range(13))
        assert all(len({i in (1, 4) for i in members}) == 1 for _, members in batches)
