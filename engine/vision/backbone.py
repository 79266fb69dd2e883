"""The user's own pretrained image network: a folder of weights and a list of layers, without code to execute.

The folder holds ``model.safetensors``, a state dict of any library, and ``config.json``: ``input_size``, ``mean`` and
``std`` of the colours (0 to 1), ``features``, the width of the pooled features, and ``layers``, the operations from a
picture to the feature map that is pooled. docs/vision.md says how to make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from engine.core.checkpoint import CheckpointKind, read_config, read_weights, refuse

BACKBONE = CheckpointKind("backbone", version=1, remedy="see docs/vision.md")
ACTIVATIONS = {"": lambda x: x, "relu": F.relu, "relu6": F.relu6, "gelu": F.gelu, "silu": F.silu}
OPERATIONS = ("conv", "maxpool", "keep", "add")
_MOST_LAYERS = 1000
_MOST_VALUES = 1 << 27
"""Of one feature map of one picture."""


@dataclass(frozen=True)
class BackboneConfig:
    """Input, output and layers of a backbone."""

    input_size: int  # pixels of a square input's side
    mean: tuple[float, float, float]  # of the colours, 0 to 1
    std: tuple[float, float, float]
    features: int  # channels of the feature map
    layers: tuple[dict[str, Any], ...]  # operations in order, see ``run_layers``


@dataclass(frozen=True, eq=False)
class Backbone:
    """A backbone's configuration, its weights by name, and what it is called in a checkpoint."""

    config: BackboneConfig
    weights: dict[str, torch.Tensor]
    name: str  # of a pretrained one, or its folder

    @torch.inference_mode()
    def encode(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops [B, S, N, 3, P, P] of colours 0 to 1 to [B, S * features], averaged over a hit's N frames."""
        batch, scales, count = crops.shape[:3]
        mean, std = (torch.tensor(v, device=crops.device).view(3, 1, 1) for v in (self.config.mean, self.config.std))
        normalized = ((crops.flatten(0, 2) - mean) / std).contiguous(memory_format=torch.channels_last)
        maps = run_layers(self.config.layers, self.weights, normalized)
        pooled = maps.float().mean(dim=(2, 3)).view(batch, scales, count, -1).mean(dim=2)
        return pooled.flatten(1)


def run_layers(
    layers: tuple[dict[str, Any], ...], weights: dict[str, torch.Tensor], maps: torch.Tensor
) -> torch.Tensor:
    """Feature maps [B, C, H, W] through a list of layers.

    ``{"conv": NAME, "norm": NAME, "stride": 1, "act": "relu", "same": false, "eps": 1e-5}``: convolution, batch
    normalisation by stored statistics and activation, all but the first optional; groups follow from the weights'
    shape, and ``same`` pads as TensorFlow does. ``{"maxpool": 3, "stride": 2}``: pooling. ``{"keep": NAME}`` stores the
    maps under a name; ``{"add": NAME, "act": "relu"}`` adds them, through a convolution where the same layer has one.
    """
    kept: dict[str, torch.Tensor] = {}
    for layer in layers:
        if "keep" in layer:
            kept[layer["keep"]] = maps
        elif "maxpool" in layer:
            size = int(layer["maxpool"])
            maps = F.max_pool2d(maps, size, int(layer.get("stride", size)), size // 2)
        elif "add" in layer:
            other = kept.pop(layer["add"])
            maps = maps + (_convolve({**layer, "act": ""}, weights, other) if "conv" in layer else other)
            maps = ACTIVATIONS[layer.get("act", "")](maps)
        else:
            maps = _convolve(layer, weights, maps)
        if maps.is_meta and maps.numel() > _MOST_VALUES:
            raise ValueError("its feature maps are too large")
    return maps


def _convolve(layer: dict[str, Any], weights: dict[str, torch.Tensor], maps: torch.Tensor) -> torch.Tensor:
    kernel, bias = weights[layer["conv"] + ".weight"], weights.get(layer["conv"] + ".bias")
    size, stride = kernel.shape[-1], int(layer.get("stride", 1))
    groups = maps.shape[1] // kernel.shape[1]
    padding = size // 2
    if layer.get("same"):
        rows, columns = (max(0, (-(-n // stride) - 1) * stride + size - n) for n in maps.shape[-2:])
        maps = F.pad(maps, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        padding = 0
    maps = F.conv2d(maps, kernel, bias, stride, padding, 1, groups)
    norm = layer.get("norm")
    if norm:
        mean, variance, scale, shift = (
            weights[f"{norm}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")
        )
        maps = F.batch_norm(maps, mean, variance, scale, shift, eps=float(layer.get("eps", 1e-5)))
    return ACTIVATIONS[layer.get("act", "")](maps)


def fold_norms(
    layers: tuple[dict[str, Any], ...], weights: dict[str, torch.Tensor]
) -> tuple[tuple[dict[str, Any], ...], dict[str, torch.Tensor]]:
    """The same function with each batch normalisation folded into its convolution, which is faster."""
    folded_layers: list[dict[str, Any]] = []
    folded: dict[str, torch.Tensor] = {}
    for layer in layers:
        if "conv" in layer:
            name, norm = layer["conv"], layer.get("norm")
            kernel = weights[f"{name}.weight"]
            bias = weights.get(f"{name}.bias", torch.zeros(len(kernel)))
            if norm:
                mean, variance, scale, shift = (
                    weights[f"{norm}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")
                )
                gain = scale / torch.sqrt(variance + float(layer.get("eps", 1e-5)))
                kernel, bias = kernel * gain[:, None, None, None], (bias - mean) * gain + shift
            folded |= {f"{name}.weight": kernel, f"{name}.bias": bias}
        folded_layers.append({key: value for key, value in layer.items() if key != "norm"})
    return tuple(folded_layers), folded


def load_backbone(folder: Path) -> Backbone:
    """Load a backbone and run it on one random picture; BadInput, with the reason, where it does not fit."""
    stored, weights = read_config(folder, BACKBONE), read_weights(folder, BACKBONE)
    try:
        if len(stored["layers"]) > _MOST_LAYERS:
            raise ValueError(f"there are more than {_MOST_LAYERS} layers")
        layers = tuple(dict(layer) for layer in stored["layers"])
        for layer in layers:
            if not any(name in layer for name in OPERATIONS) or layer.get("act", "") not in ACTIVATIONS:
                raise ValueError(f"the layer {str(layer)[:60]} is not understood")
        mean, std = (tuple(float(v) for v in stored[name]) for name in ("mean", "std"))
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0.0 or not 16 <= int(stored["input_size"]) <= 1024:
            raise ValueError("give three means, three deviations above 0, and an input_size from 16 to 1024")
        config = BackboneConfig(int(stored["input_size"]), mean, std, int(stored["features"]), layers)  # type: ignore[arg-type]
        backbone = Backbone(config, weights, str(folder.resolve()))
        side = config.input_size  # the sizes of all maps are found first, which takes no memory
        run_layers(layers, {k: v.to("meta") for k, v in weights.items()}, torch.empty(1, 3, side, side, device="meta"))
        found = backbone.encode(torch.rand(1, 1, 1, 3, config.input_size, config.input_size))
        if found.shape[1] != config.features or not torch.isfinite(found).all():
            raise ValueError(f"it gives {found.shape[1]} features instead of {config.features} finite ones")
    except Exception as error:  # whatever a user's file makes the libraries raise
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise refuse(folder, BACKBONE, reason) from None
    return backbone
