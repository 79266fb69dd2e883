"""Weights that others published, as safetensors files, brought into networks that are written anew here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput, quote

if TYPE_CHECKING:
    import torch


def read_published(place: Path, remedy: str) -> dict[str, torch.Tensor]:
    """The weights of a file by name, in float32, without counters. Raises BadInput, which ends with the ``remedy``."""
    import torch
    from safetensors.torch import load_file

    if not place.is_file():
        raise BadInput(f"{place.parent} has no {place.name}; {remedy}")
    try:
        weights = load_file(str(place))
    except Exception:  # the library's own errors, and the system's
        raise BadInput(f"{place} is damaged or no safetensors file; {remedy}") from None
    # "module." is the prefix of a network that several GPUs trained
    kept = {name.removeprefix("module."): value for name, value in weights.items() if "num_batches" not in name}
    return {name: value.to(torch.float32) for name, value in kept.items()}


def find_weight(weights: Mapping[str, torch.Tensor], name: str, place: Path, dims: int, remedy: str) -> torch.Tensor:
    """A weight whose shape tells a network's size. Raises BadInput where it is missing."""
    value = weights.get(name)
    if value is None or value.dim() != dims:
        raise BadInput(f"{place} has no {name} of {dims} dimensions, so it is another network; {remedy}")
    return value


def fill_network(network: torch.nn.Module, weights: Mapping[str, torch.Tensor], place: Path, remedy: str) -> None:
    """Give a network on the meta device its weights. Raises BadInput that names the first that does not fit."""
    wanted = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    for name, value in wanted.items():
        if name not in weights:
            raise BadInput(f"{place} has no {name}, so it is another network; {remedy}")
        if weights[name].shape != value.shape or not weights[name].isfinite().all():
            raise BadInput(f"{place}: {name} is of another shape or not finite; {remedy}")
    extra = sorted(set(weights) - set(wanted))
    if extra:
        raise BadInput(f"{place} has {quote(extra[0])}, which this network has not; {remedy}")
    network.load_state_dict(dict(weights), strict=False, assign=True)
