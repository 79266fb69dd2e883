"""Checkpoints on disk: a folder with model.safetensors, config.json and CARD.md; no code is executed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from engine.diffusion.files import CONFIG, WEIGHTS, digest_checkpoint, list_checkpoints
from engine.diffusion.network import NetworkConfig, VelocityNetwork
from engine.errors import BadInput

__all__ = ["CONFIG", "FORMAT", "WEIGHTS", "list_checkpoints", "load_checkpoint", "save_checkpoint"]

FORMAT = 1
"""Changes when the spectrogram, the condition or the process changes what weights mean."""


def save_checkpoint(folder: Path, network: VelocityNetwork, training: dict[str, Any]) -> None:
    """Write weights in half precision and the configuration that they belong to."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().to(torch.float16).contiguous() for name, value in network.state_dict().items()}
    temporary = folder / (WEIGHTS + ".part")
    save_file(weights, str(temporary))
    temporary.replace(folder / WEIGHTS)
    config = {"format": FORMAT, "kind": "sampler", "network": asdict(network.config), "training": training}
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def load_checkpoint(folder: Path) -> tuple[VelocityNetwork, str]:
    """The network of a checkpoint, and a digest of its content.

    Raises BadInput, with the reason, for a checkpoint that is missing, damaged or of another format.
    """
    name = folder.name
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        network_config = dict(config["network"])
        network_config["channels"] = tuple(int(c) for c in network_config["channels"])
        found = (config["format"], config["kind"])
    except FileNotFoundError:
        where = f"was not found in {folder.parent}"
        raise BadInput(f"checkpoint {name!r} {where}; choose another or set --ckpt-dir") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        remedy = "restore the folder or choose another"
        raise BadInput(f"checkpoint {name!r}: {CONFIG} is damaged; {remedy}") from None
    if found != (FORMAT, "sampler"):
        raise BadInput(
            f"checkpoint {name!r} is of format {found[0]!r} ({found[1]!r}) and this Struck reads sampler format "
            f"{FORMAT}; choose another or retrain it with `launch.py train sampler`"
        )
    try:
        network = VelocityNetwork(NetworkConfig(**network_config))
        weights = load_file(str(folder / WEIGHTS))
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except Exception as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        remedy = "restore it or choose another"
        raise BadInput(f"checkpoint {name!r} does not fit this Struck ({reason}); {remedy}") from None
    return network, digest_checkpoint(folder)
