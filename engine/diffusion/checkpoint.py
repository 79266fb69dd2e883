"""Checkpoints on disk: a folder with model.safetensors, config.json and CARD.md; no code is executed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from engine.core.checkpoint import write_checkpoint
from engine.core.errors import BadInput
from engine.diffusion.checkpoint_files import (
    CONFIG,
    FORMAT,
    KIND,
    WEIGHTS,
    digest_checkpoint,
    find_fault,
    list_checkpoints,
)
from engine.diffusion.unet import NetworkConfig, VelocityNetwork

__all__ = ["CONFIG", "FORMAT", "WEIGHTS", "list_checkpoints", "load_checkpoint", "save_checkpoint"]


def save_checkpoint(folder: Path, network: VelocityNetwork, training: dict[str, Any]) -> None:
    """Write the sampler's weights in half precision and the configuration that they belong to."""
    config = {"format": FORMAT, "kind": KIND, "network": asdict(network.config), "training": training}
    write_checkpoint(folder, network, torch.float16, config)


def load_checkpoint(folder: Path) -> tuple[VelocityNetwork, str]:
    """The network of a checkpoint, and a digest of its content.

    Raises BadInput, with the reason, for a checkpoint that is missing, damaged or of another format.
    """
    fault = find_fault(folder)
    if fault is not None:
        raise BadInput(fault)
    try:
        config = read_network_config(folder)
        with torch.device("meta"):  # takes no memory, whatever sizes the file asks for
            wanted = {name: tuple(value.shape) for name, value in VelocityNetwork(config).state_dict().items()}
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError, ZeroDivisionError):
        raise BadInput(_refuse(folder, f"{CONFIG} describes a network that it does not know")) from None
    try:
        weights = load_file(str(folder / WEIGHTS))
    except Exception as error:  # the library's own errors, and the system's
        raise BadInput(_refuse(folder, f"{WEIGHTS} is damaged: {str(error)[:80]}")) from None
    # Written before contexts were known: none of them changes anything.
    weights.setdefault("context.weight", torch.zeros(wanted["context.weight"]))
    misfit = find_misfit(weights, wanted)
    if misfit is not None:
        raise BadInput(_refuse(folder, misfit))
    network = VelocityNetwork(config)
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    return network, digest_checkpoint(folder)


def read_network_config(folder: Path) -> NetworkConfig:
    """The sizes of a checkpoint's network; KeyError, TypeError or ValueError where they are not understood."""
    values = json.loads((folder / CONFIG).read_bytes())["network"]
    return NetworkConfig(**{**values, "channels": tuple(int(c) for c in values["channels"])})


def find_misfit(weights: dict[str, torch.Tensor], wanted: dict[str, tuple[int, ...]]) -> str | None:
    """What the first wrong one among weights is; None where names and shapes are as wanted and all values finite."""
    for name, shape in wanted.items():
        if name not in weights:
            return f"{name} is missing"
        if tuple(weights[name].shape) != shape:
            return f"{name} is {_say_shape(tuple(weights[name].shape))} and not {_say_shape(shape)}"
        if not torch.isfinite(weights[name].float()).all():
            return f"{name} holds values that are not finite"
    extra = sorted(set(weights) - set(wanted))
    return f"{extra[0][:60]} is not known" if extra else None


def _say_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one value"


def _refuse(folder: Path, reason: str) -> str:
    return f"checkpoint {folder.name!r} does not fit this Struck ({reason}); restore it or choose another"
