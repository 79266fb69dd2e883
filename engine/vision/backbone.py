"""A person's own pretrained picture network: a folder of weights and a plan of layers, which execute no code.

The folder holds ``model.safetensors``, a state dict as any library wrote it, and ``config.json``: ``input_size``,
``mean`` and ``std`` of the colours (0 to 1), ``features``, the width of the pooled features, and ``layers``, the steps
from a picture to the map that is pooled. docs/sight.md tells how to make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from engine.core.checkpoint import CheckpointKind, read_config, read_weights, refuse

BACKBONE = CheckpointKind("backbone", version=1, remedy="see docs/sight.md")
ACTIVATIONS = {"": lambda x: x, "relu": F.relu, "relu6": F.relu6, "gelu": F.gelu, "silu": F.silu}
STEPS = ("conv", "maxpool", "keep", "add")


@dataclass(frozen=True)
class BackboneConfig:
    """What a backbone takes and gives: square pictures of ``input_size`` pixels in colours less ``mean`` over ``std``,
    and ``features`` numbers; ``layers`` are its steps, see ``run_layers``."""

    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    features: int
    layers: tuple[dict[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Backbone:
    """A backbone's configuration, its weights by name, and the folder it lies in."""

    config: BackboneConfig
    weights: dict[str, torch.Tensor]
    folder: Path

    @torch.inference_mode()
    def see(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops [B, S, N, 3, P, P] of colours 0 to 1 to [B, S * features], the mean over a hit's N frames."""
        batch, scales, count = crops.shape[:3]
        mean, std = (torch.tensor(v, device=crops.device).view(3, 1, 1) for v in (self.config.mean, self.config.std))
        given = ((crops.flatten(0, 2) - mean) / std).contiguous(memory_format=torch.channels_last)
        maps = run_layers(self.config.layers, self.weights, given)
        pooled = maps.float().mean(dim=(2, 3)).view(batch, scales, count, -1).mean(dim=2)
        return pooled.flatten(1)


def run_layers(
    layers: tuple[dict[str, Any], ...], weights: dict[str, torch.Tensor], maps: torch.Tensor
) -> torch.Tensor:
    """Maps [B, C, H, W] through the steps of a plan.

    ``{"conv": NAME, "norm": NAME, "stride": 1, "act": "relu", "same": false, "eps": 1e-5}`` convolves, normalises by
    stored statistics and bends, all but the first optional; channels in groups are told by the weights' shape, and
    ``same`` pads as TensorFlow does. ``{"maxpool": 3, "stride": 2}`` pools. ``{"keep": NAME}`` keeps the maps under a
    name; ``{"add": NAME, "act": "relu"}`` adds them, through a convolution where one is named in the same step.
    """
    kept: dict[str, torch.Tensor] = {}
    for step in layers:
        if "keep" in step:
            kept[step["keep"]] = maps
        elif "maxpool" in step:
            size = int(step["maxpool"])
            maps = F.max_pool2d(maps, size, int(step.get("stride", size)), size // 2)
        elif "add" in step:
            other = kept.pop(step["add"])
            maps = maps + (_convolve({**step, "act": ""}, weights, other) if "conv" in step else other)
            maps = ACTIVATIONS[step.get("act", "")](maps)
        else:
            maps = _convolve(step, weights, maps)
    return maps


def _convolve(step: dict[str, Any], weights: dict[str, torch.Tensor], maps: torch.Tensor) -> torch.Tensor:
    kernel, bias = weights[step["conv"] + ".weight"], weights.get(step["conv"] + ".bias")
    size, stride = kernel.shape[-1], int(step.get("stride", 1))
    groups = maps.shape[1] // kernel.shape[1]
    padding = size // 2
    if step.get("same"):
        rows, columns = (max(0, (-(-n // stride) - 1) * stride + size - n) for n in maps.shape[-2:])
        maps = F.pad(maps, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        padding = 0
    maps = F.conv2d(maps, kernel, bias, stride, padding, 1, groups)
    norm = step.get("norm")
    if norm:
        mean, variance, scale, lift = (
            weights[f"{norm}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")
        )
        maps = F.batch_norm(maps, mean, variance, scale, lift, eps=float(step.get("eps", 1e-5)))
    return ACTIVATIONS[step.get("act", "")](maps)


def load_backbone(folder: Path) -> Backbone:
    """A backbone from its folder, tried on one picture; BadInput, with the reason, where it does not fit."""
    told, weights = read_config(folder, BACKBONE), read_weights(folder, BACKBONE)
    try:
        layers = tuple(dict(step) for step in told["layers"])
        for step in layers:
            if not any(name in step for name in STEPS) or step.get("act", "") not in ACTIVATIONS:
                raise ValueError(f"the layer {str(step)[:60]} is not understood")
        mean, std = (tuple(float(v) for v in told[name]) for name in ("mean", "std"))
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0.0 or not 16 <= int(told["input_size"]) <= 1024:
            raise ValueError("give three means, three deviations above 0, and an input_size from 16 to 1024")
        config = BackboneConfig(int(told["input_size"]), mean, std, int(told["features"]), layers)  # type: ignore[arg-type]
        backbone = Backbone(config, weights, folder)
        found = backbone.see(torch.rand(1, 1, 1, 3, config.input_size, config.input_size))
        if found.shape[1] != config.features or not torch.isfinite(found).all():
            raise ValueError(f"it gives {found.shape[1]} features that are to be {config.features} finite ones")
    except Exception as error:  # whatever a person's file makes the libraries raise
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise refuse(folder, BACKBONE, reason) from None
    return backbone
