"""Frames, networks and entries that are small and known, for tests of vision."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from engine.bank.bank import EMBEDDING_SIZE, STRIKERS, Entry
from engine.core.checkpoint import CONFIG, WEIGHTS
from engine.lab.data.vision.hits import KEPT_NEAR, KEPT_WIDE, HitFrames, LabelledHit
from engine.physics.model import MATERIALS, Modes, Physics
from engine.vision.crops import WIDE_COLUMNS, WIDE_ROWS
from engine.vision.network import VisionConfig, VisionNetwork
from engine.vision.predict import HitPrediction, ObjectPrediction, VisionModel

SMALL = VisionConfig(locator=8, widths=(8, 8, 8, 8), hidden=16)


def make_frames(count: int, rate_hz: float, height: int = 72) -> list[tuple[float, np.ndarray]]:
    """Frames whose gray level is their number."""
    return [(k / rate_hz, np.full((height, 128, 3), k, np.uint8)) for k in range(count)]


def make_model(seed: int = 0) -> VisionModel:
    """An untrained small network."""
    torch.manual_seed(seed)
    return VisionModel(VisionNetwork(SMALL).eval().requires_grad_(False))


def make_hit_prediction(contact: tuple[float, float], direction: int, material: str = "wood") -> HitPrediction:
    """A hit at a place, its embedding along one axis."""
    logits = np.where(np.asarray(MATERIALS) == material, 4.0, 0.0)
    embedding = np.zeros(EMBEDDING_SIZE, np.float32)
    embedding[direction] = 1.0
    return HitPrediction(
        logits, np.zeros(len(STRIKERS)), 0.0, embedding, np.zeros(4), contact, np.zeros((4, 4, 3), np.uint8)
    )


def make_prediction(material: str, embedding: np.ndarray | None = None) -> ObjectPrediction:
    """An object that is of a material with a probability of 0.9."""
    chances = {name: 0.9 if name == material else 0.1 / (len(MATERIALS) - 1) for name in MATERIALS}
    flat = np.full(EMBEDDING_SIZE, EMBEDDING_SIZE**-0.5, np.float32)
    return ObjectPrediction(chances, 0.2, "stick", (0.5, 0.5), flat if embedding is None else embedding, 0.9)


def make_entry(name: str, hz: float, material: str, group: str = "") -> Entry:
    """An entry of two modes."""
    modes = Modes((hz, 2.1 * hz), (0.0, -6.0), (20.0, 40.0), (0.0, 0.0))
    return Entry(name, Physics(modes), material, 0.2, group=group or name)


def make_squares(count: int, seed: int) -> HitFrames:
    """Hits on squares somewhere in the picture, wood where they are red and metal where they are blue."""
    random = np.random.default_rng(seed)
    hits, wide, near = [], [], []
    for k in range(count):
        x, y, red = random.uniform(0.25, 0.75), random.uniform(0.25, 0.75), bool(k % 2)
        frame = random.integers(90, 110, (126, 224, 3)).astype(np.uint8)
        rows = slice(int(126 * y) - 18, int(126 * y) + 18)
        columns = slice(int(224 * x) - 18, int(224 * x) + 18)
        frame[rows, columns] = (200, 40, 40) if red else (40, 40, 200)
        near.append(np.stack([frame] * len(KEPT_NEAR)))
        wide.append(np.zeros((len(KEPT_WIDE), WIDE_ROWS, WIDE_COLUMNS), np.uint8))
        name, material = f"take {k}", "wood" if red else "metal"
        hits.append(LabelledHit(name, "", "", name, name, False, 1.0, 1.0, "hit", material, 0.2, "stick", x, y))
    return HitFrames(tuple(hits), tuple(wide), tuple(near))


def write_backbone(folder: Path, features: int = 6) -> Path:
    """A made-up backbone of a convolution, a residual connection and a wider convolution."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    weights = {
        "a.weight": torch.randn(4, 3, 3, 3),
        "b.weight": torch.randn(4, 1, 3, 3),
        "c.weight": torch.randn(6, 4, 1, 1),
    }
    weights |= {f"n.{k}": torch.ones(4) for k in ("weight", "bias", "running_mean", "running_var")}
    save_file(weights, str(folder / WEIGHTS))
    layers = [
        {"conv": "a", "norm": "n", "stride": 2, "act": "relu"},
        {"maxpool": 3, "stride": 2},
        {"keep": "x"},
        {"conv": "b", "act": "silu"},
        {"add": "x", "act": "relu"},
        {"conv": "c", "same": True},
    ]
    config = {"format": 1, "kind": "backbone", "input_size": 32, "mean": [0.5] * 3, "std": [0.25] * 3}
    (folder / CONFIG).write_text(json.dumps({**config, "features": features, "layers": layers}))
    return folder
