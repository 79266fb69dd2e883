"""Features of labelled pictures of materials, training examples of the material head beside hits."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from engine.core.files import replace_file
from engine.lab.data.vision.pictures import read_material_pictures
from engine.physics.model import MATERIALS
from engine.vision.crops import CROP, NEAR_STEPS, cut_crops
from engine.vision.predict import VisionModel, trace_encoder

BATCH = 16


@dataclass(frozen=True)
class PictureSet:
    """Features [P, F] of pictures, and the index of each one's material in MATERIALS [P]."""

    features: torch.Tensor
    materials: torch.Tensor

    def set_among(self, features: torch.Tensor) -> PictureSet:
        """The pictures with the mean of their features moved to that of hits [views, N, F], which are filmed."""
        shift = features.flatten(0, 1).mean(dim=0) - self.features.mean(dim=0)
        return replace(self, features=self.features + shift)

    def sampling_weights(self, evenness: float = 0.7) -> np.ndarray:
        """Probability of drawing each picture, [P]: its material's count to the power -``evenness``."""
        index = self.materials.numpy()
        weight = np.bincount(index, minlength=len(MATERIALS)).astype(float)[index] ** -evenness
        chances: np.ndarray = weight / weight.sum()
        return chances


@torch.inference_mode()
def extract_picture_features(model: VisionModel, data: Path, work: Path) -> PictureSet:
    """Features of labelled pictures, each used as every crop of a hit; cached in the work folder."""
    files = sorted((data / "pictures").rglob("*.*"))
    names = [(path.relative_to(data).as_posix(), path.stat().st_size) for path in files]
    key = hashlib.sha256(json.dumps([trace_encoder(model), names]).encode()).hexdigest()[:16]
    path = work / "features" / f"pictures-{key}.npz"
    if path.is_file():
        with np.load(path) as stored:
            return PictureSet(torch.from_numpy(stored["features"]), torch.from_numpy(stored["materials"]))
    pictures = list(read_material_pictures(data))
    materials = torch.tensor([MATERIALS.index(picture.material) for picture in pictures])
    size = CROP if model.backbone is None else model.backbone.config.input_size
    rows = []
    for first in range(0, len(pictures), BATCH):
        crops = torch.cat([_cut(picture.pixels, size) for picture in pictures[first : first + BATCH]])
        rows.append(_encode(model, crops))
        if (first // BATCH) % 40 == 0:
            print(f"features: {first} of {len(pictures)} pictures", file=sys.stderr, flush=True)
    features = torch.cat(rows).float()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, features=features.numpy(), materials=materials.numpy())
    return PictureSet(features, materials)


def _cut(pixels: np.ndarray, size: int) -> torch.Tensor:
    """The middle square of a picture uint8 [H, W, 3] as a crop [1, 3, size, size] of colours 0 to 1."""
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()[None, None] / 255.0
    return cut_crops(picture, torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0]]), size=size)[:, 0, 0]


def _encode(model: VisionModel, crops: torch.Tensor) -> torch.Tensor:
    """Features [B, F] of one crop [B, 3, P, P] in place of every scale and frame."""
    config = model.network.config
    scales = len(config.scales)
    if model.backbone is not None:  # every scale has the same features: encode them once
        return model.backbone.encode(crops[:, None, None]).repeat(1, 1 if config.pool_scales else scales)
    return model.network.encode(crops[:, None, None].expand(-1, scales, len(NEAR_STEPS), -1, -1, -1))
