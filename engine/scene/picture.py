"""Features of pictures, by the pretrained image network that the vision network uses too."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from engine.vision.pretrained import INPUT_SIZE, load_pretrained

_BATCH = 16


@torch.inference_mode()
def encode_pictures(pictures: np.ndarray) -> torch.Tensor:
    """Features float32 [N, 1280] of pictures uint8 [N, H, W, 3]. Raises BadInput where the image network is missing."""
    backbone = load_pretrained()
    found = [torch.zeros(0, backbone.config.features)]
    for part in torch.from_numpy(np.ascontiguousarray(pictures)).split(_BATCH):
        colors = part.permute(0, 3, 1, 2).float() / 255.0
        large = F.interpolate(colors, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", align_corners=False)
        found.append(backbone.encode(large[:, None, None]))
    return torch.cat(found)
