"""The network as a captured CUDA graph: one launch a step in place of hundreds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import torch

Velocity = Callable[..., torch.Tensor]
"""The network, or what stands for it, called as ``VelocityNetwork.forward``."""

_WARM_UPS = 3
"""Calls before the capture, in which libraries choose their kernels and take their memory (PyTorch, CUDA semantics)."""


@dataclass(frozen=True)
class Capture:
    """A graph with the places that it reads its inputs from and writes its result to."""

    replay: Callable[[], None]
    inputs: tuple[torch.Tensor | None, ...]
    result: torch.Tensor


class CapturedNetwork:
    """A network on a CUDA device as a graph for each shape of its inputs; where a capture fails, the network itself.

    Threads may share it: calls are made one after another, and results are copies.
    """

    def __init__(self, network: Velocity, capture: Callable[..., Capture] | None = None) -> None:
        self._network, self._capture = network, capture or capture_graph
        self._captures: dict[object, Capture | None] = {}
        self._lock = threading.Lock()

    def __call__(self, *inputs: torch.Tensor | None) -> torch.Tensor:
        key = tuple(None if value is None else (value.shape, value.dtype) for value in inputs)
        with self._lock:
            if key not in self._captures:
                self._captures[key] = self._try_capture(inputs)
            captured = self._captures[key]
            if captured is None:
                return self._network(*inputs)
            for place, value in zip(captured.inputs, inputs, strict=True):
                if place is not None and value is not None:
                    place.copy_(value)
            captured.replay()
            return captured.result.clone()

    def _try_capture(self, inputs: tuple[torch.Tensor | None, ...]) -> Capture | None:
        try:
            return self._capture(self._network, inputs)
        except torch.OutOfMemoryError:
            raise  # the sampler goes on on the CPU
        except RuntimeError:
            return None


def capture_graph(network: Velocity, inputs: tuple[torch.Tensor | None, ...]) -> Capture:
    """Capture a call of the network on the current device. Raises RuntimeError where CUDA cannot."""
    places = tuple(None if value is None else value.clone() for value in inputs)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UPS):
            network(*places)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Other threads may allocate meanwhile: the capture minds its own thread alone.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = network(*places)
    return Capture(graph.replay, places, result)
