"""Checkpoints of every network, small and untrained."""

from __future__ import annotations

import json
from pathlib import Path

from engine.core.checkpoint import CONFIG, WEIGHTS


def write_checkpoints(folder: Path) -> None:
    """Write a folder of each network, as small as its class permits, and one of a user's backbone."""
    from engine.animate.network import MotionNetwork, MotionNetworkConfig, save_motion_network
    from engine.bank.generate import Generator, GeneratorConfig, save_generator
    from engine.diffusion.checkpoint import save_velocity_network
    from engine.diffusion.unet import NetworkConfig, VelocityNetwork
    from engine.onsets.network import OnsetNetwork, OnsetNetworkConfig
    from engine.onsets.watch import save_onset_network
    from engine.scene.network import SceneConfig, SceneNetwork, save_scene_network
    from engine.sync.network import SyncNetwork, SyncNetworkConfig, save_sync_network
    from engine.vision.network import VisionConfig, VisionNetwork
    from engine.vision.predict import VisionModel, save_vision_model

    sampler = VelocityNetwork(NetworkConfig((8, 8), 1, 8, 8))
    save_velocity_network(folder / "sampler", sampler, {"hours": 0.1})
    network = OnsetNetwork(OnsetNetworkConfig((4, 4, 4, 4), 8, (1, 2)))
    save_onset_network(folder / "onsets", network, 0.4, {"hours": 0.1})
    save_generator(folder / "generator", Generator(GeneratorConfig(components=4, width=8, blocks=1)), {"hours": 0.1})
    save_sync_network(folder / "sync", SyncNetwork(SyncNetworkConfig(4, 4, (1,))), {"hours": 0.1})
    vision = VisionNetwork(VisionConfig(8, (8, 8, 8, 8), 8))
    save_vision_model(folder / "vision", VisionModel(vision, 1.5), {"hours": 0.1})
    motion = MotionNetwork(MotionNetworkConfig(6, 6, 8, (1,), swing_width=8, swing_dilations=(1,)))
    save_motion_network(folder / "animate", motion, {"hours": 0.1})
    scene = SceneNetwork(SceneConfig(4, (4, 4, 4, 4), 8, 8, 8, 8, 1))
    save_scene_network(folder / "scene", scene, {"hours": 0.1})
    _write_backbone(folder / "backbone")


def _write_backbone(folder: Path) -> None:
    """A folder as docs/vision.md describes it, with a layer of each kind."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    layers = [
        {"conv": "a", "norm": "n", "stride": 2, "act": "relu"}, {"maxpool": 3, "stride": 2}, {"keep": "x"},
        {"conv": "b", "act": "silu", "same": True}, {"add": "x", "act": "gelu"},
    ]  # fmt: skip
    norm = {f"n.{part}": torch.ones(4) for part in ("weight", "bias", "running_mean", "running_var")}
    kernels = {"a.weight": torch.ones(4, 3, 3, 3), "b.weight": torch.ones(4, 1, 3, 3), "b.bias": torch.zeros(4)}
    save_file(kernels | norm, str(folder / WEIGHTS))
    table = {
        "format": 1, "kind": "backbone", "input_size": 32, "mean": [0.5] * 3, "std": [0.25] * 3, "features": 4,
        "layers": layers,
    }  # fmt: skip
    (folder / CONFIG).write_text(json.dumps(table))
