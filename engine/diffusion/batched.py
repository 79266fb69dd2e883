"""The network for several hits at a time on a CPU, where each gets the bits that it gets alone."""

from __future__ import annotations

import torch

from engine.diffusion.captured import Velocity


class BatchedNetwork:
    """A network that evaluates batches at once, if their first and last piece come out as alone; else one by one.

    Whether they do depends on the processor's libraries and on the shape, so each shape is tried when it first comes.
    """

    def __init__(self, network: Velocity) -> None:
        self._network = network
        self._alike: dict[tuple[int, ...], bool] = {}

    def __call__(self, *inputs: torch.Tensor | None) -> torch.Tensor:
        first = inputs[0]
        assert first is not None
        if len(first) == 1:
            return self._network(*inputs)
        shape = tuple(first.shape)
        if self._alike.get(shape, True):
            batch = self._network(*inputs)
            if shape not in self._alike:
                ends = (0, len(first) - 1)
                self._alike[shape] = all(torch.equal(batch[k], self._evaluate(inputs, k)[0]) for k in ends)
            if self._alike[shape]:
                return batch
        return torch.cat([self._evaluate(inputs, k) for k in range(len(first))])

    def _evaluate(self, inputs: tuple[torch.Tensor | None, ...], index: int) -> torch.Tensor:
        return self._network(*(None if value is None else value[index : index + 1] for value in inputs))
