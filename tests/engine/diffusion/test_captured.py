"""The captured network: a capture for each shape, results of its own, and the network itself where a capture fails."""

from __future__ import annotations

import pytest
import torch

from engine.diffusion.captured import Capture, CapturedNetwork, Velocity


def double(noisy: torch.Tensor, context: torch.Tensor | None = None) -> torch.Tensor:
    return 2.0 * noisy if context is None else 2.0 * noisy + context


def record(network: Velocity, inputs: tuple[torch.Tensor | None, ...]) -> Capture:
    """As a graph: reads its inputs from fixed places and writes each result to the same one."""
    places = tuple(None if value is None else value.clone() for value in inputs)
    result = network(*places)
    return Capture(lambda: result.copy_(network(*places)), places, result)


def test_calls_give_results_of_their_own_and_each_shape_is_captured_once() -> None:
    captured = []

    def count(network: Velocity, inputs: tuple[torch.Tensor | None, ...]) -> Capture:
        captured.append([None if value is None else tuple(value.shape) for value in inputs])
        return record(network, inputs)

    network = CapturedNetwork(double, count)
    ones = torch.ones(2, 3)
    first, second = network(ones), network(5.0 * ones)
    with_context, long = network(ones, ones), network(torch.ones(2, 7), None)
    assert torch.equal(first, 2.0 * ones) and torch.equal(second, 10.0 * ones)
    assert torch.equal(with_context, 3.0 * ones) and torch.equal(long, torch.full((2, 7), 2.0))
    assert captured == [[(2, 3)], [(2, 3), (2, 3)], [(2, 7), None]]


def test_a_network_that_cannot_be_captured_is_called_itself() -> None:
    def fail(network: Velocity, inputs: tuple[torch.Tensor | None, ...]) -> Capture:
        raise RuntimeError("operation not permitted when stream is capturing")

    network = CapturedNetwork(double, fail)
    assert torch.equal(network(torch.ones(3)), torch.full((3,), 2.0))


def test_memory_that_ends_during_the_capture_is_for_the_sampler_to_hear() -> None:
    def fail(network: Velocity, inputs: tuple[torch.Tensor | None, ...]) -> Capture:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        CapturedNetwork(double, fail)(torch.ones(3))
