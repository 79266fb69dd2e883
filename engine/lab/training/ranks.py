"""Processes that train one network together, started by torchrun; one process alone is the same with a count of 1.

A step learns from a global batch of ``parts``, each drawn from (seed, step, part) alone. Processes share the parts out,
and their gradients are summed; so neither what is learnt nor its order depends on the number of processes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

from engine.core.errors import BadInput

LONGEST_WAIT = timedelta(days=2)
"""How long a process waits for the others, who may be reading a corpus."""


@dataclass(frozen=True)
class Ranks:
    """This process's ``index`` among ``count``, and the number of parts of a global batch."""

    index: int = 0
    count: int = 1
    parts: int = 1

    @property
    def own_parts(self) -> range:
        """The parts of every global batch that this process computes."""
        return range(self.index, self.parts, self.count)

    @property
    def is_first(self) -> bool:
        """Whether this process writes state, log and checkpoint."""
        return self.index == 0

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter], *values: float) -> list[float]:
        """Replace gradients by their sums over all processes, in one message; returns the sums of ``values``.

        A parameter that has a gradient in no process keeps none.
        """
        if self.count == 1:
            return list(values)
        all_parameters = list(parameters)
        device = all_parameters[0].device
        known = [0.0 if parameter.grad is None else 1.0 for parameter in all_parameters]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in all_parameters]
        flat = torch.cat(
            [grad.reshape(-1).float() for grad in grads] + [torch.tensor([*known, *values], device=device)]
        )
        dist.all_reduce(flat)
        sizes = [parameter.numel() for parameter in all_parameters]
        *sums, rest = flat.split([*sizes, len(known) + len(values)])
        told = rest.tolist()
        for parameter, total, holders in zip(all_parameters, sums, told, strict=False):
            parameter.grad = total.view_as(parameter).to(parameter.dtype) if holders else None
        return told[len(known) :]

    def agree(self, values: Sequence[float], device: torch.device) -> list[float]:
        """The values of the first process, in all of them."""
        if self.count == 1:
            return list(values)
        held = torch.tensor(values, dtype=torch.float64).to(device if device.type == "cuda" else "cpu")
        dist.broadcast(held, 0)
        told: list[float] = held.tolist()
        return told

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            dist.barrier()

    @contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """The first process runs the block alone and the others after it, who find what it prepared on the disk."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()


def add_ranks_arguments(parser: argparse.ArgumentParser) -> None:
    """The option ``--parts`` of a training that several processes may share."""
    parts_help = "batches that make one step, shared out among torchrun's processes; 2 processes learn what 1 does"
    parser.add_argument("--parts", type=int, default=0, help=parts_help)


def join_ranks(parts: int, device: torch.device) -> Ranks:
    """Join the processes of torchrun, or train alone where it has not started this one. Raises BadInput.

    ``parts`` 0 is one part, alone; more than one process needs a number that is at least theirs.
    """
    count, index = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if parts < 0 or (count > 1 and parts < count):
        raise BadInput(
            f"--parts {parts} cannot be shared out among {count} processes; give a number of at least {count}, and the "
            "same one to go on with more or fewer processes"
        )
    if count > 1:
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
    return Ranks(index, count, max(1, parts))


def own_device(device: torch.device) -> torch.device:
    """The GPU of this process among those of its machine; another kind of device is everybody's."""
    if device.type != "cuda" or "LOCAL_RANK" not in os.environ:
        return device
    return torch.device("cuda", int(os.environ["LOCAL_RANK"]))


def seed_part(seed: int, step: int, part: int) -> np.random.Generator:
    """The random numbers of one part of one step; PyTorch's own generators, which dropout uses, are seeded alike."""
    random = np.random.default_rng((seed, step, part))
    torch.manual_seed(int(random.integers(1 << 62)))
    return random
