"""The sampler's checkpoints. Nothing slow is imported before a network is loaded."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.checkpoint import CheckpointKind, build_config, digest_checkpoint, read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    from engine.diffusion.unet import VelocityNetwork

SAMPLER = CheckpointKind(
    "sampler",
    version=1,  # changes when the spectrogram, the condition or the process changes what weights mean
    remedy="restore it, choose another (--ckpt-dir) or train one with `launch.py train sampler`",
    key_map={"rows": "freq_embedding", "shrink": "downsample", "grow": "upsample"},
    added=("context.weight", "detail.weight"),  # of files from before either conditioning: zeros change nothing
)


def save_velocity_network(folder: Path, network: VelocityNetwork, training: dict[str, Any]) -> None:
    """Write the sampler's weights in eight bits, and the configuration that they belong to."""
    import torch

    write_checkpoint(folder, SAMPLER, network, torch.int8, {"network": asdict(network.config), "training": training})


def load_velocity_network(folder: Path) -> tuple[VelocityNetwork, str]:
    """The network of a checkpoint, and a digest of its content; BadInput, with the reason, where it cannot be used."""
    from engine.diffusion.unet import NetworkConfig, VelocityNetwork

    network, _ = read_checkpoint(
        folder, SAMPLER, lambda config: VelocityNetwork(build_config(NetworkConfig, config["network"]))
    )
    return network, digest_checkpoint(folder)
