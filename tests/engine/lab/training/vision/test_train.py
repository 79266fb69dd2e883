"""A little training tells two colours apart: of the whole network, and of heads on a backbone's features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.bank.descriptor import DESCRIPTOR_SIZE
from engine.lab.data.vision.batches import draw_crops
from engine.lab.data.vision.hits import HitFrames
from engine.lab.training.vision.heads import HeadConfig, extract_hit_features, train_heads
from engine.lab.training.vision.train import Training, TrainingConfig
from engine.physics.model import MATERIALS
from engine.vision.backbone import load_backbone
from engine.vision.network import VisionNetwork
from engine.vision.predict import VisionModel
from tests.frames import SMALL, make_squares, write_backbone

pytestmark = pytest.mark.slow


def make_descriptors(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(-30.0, 10.0, (count, DESCRIPTOR_SIZE)).astype(np.float32)


def test_a_network_learns_two_colours(tmp_path: Path) -> None:
    config = TrainingConfig(steps=36, batch=8, locator_share=0.0, warmup_steps=4, learning_rate=8e-3, ema_decay=0.7)
    torch.manual_seed(0)
    training = Training(VisionNetwork(SMALL), config, tmp_path, torch.device("cpu"))
    training.run(make_squares(32, 0), HitFrames((), (), ()), make_descriptors(32))
    unseen = make_squares(16, 1)
    crops = draw_crops(unseen, np.arange(16), np.random.default_rng(0), None)
    with torch.inference_mode():
        materials = training.average.head(training.average.encode(crops)).material.argmax(dim=1)
    assert [MATERIALS[int(k)] for k in materials] == [hit.material for hit in unseen.hits]


def test_heads_on_a_backbone_learn_two_colours(tmp_path: Path) -> None:
    torch.manual_seed(0)
    backbone = load_backbone(write_backbone(tmp_path / "mine"))
    model = VisionModel(VisionNetwork(replace(SMALL, features=12)), 1.0, backbone)
    config = HeadConfig(steps=200, batch=16, views=2)
    known, unseen = make_squares(40, 0), make_squares(12, 1)
    features = extract_hit_features(model, known, tmp_path, config)
    assert features.shape == (2, 40, 12)
    cached = [path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()]
    assert torch.equal(features, extract_hit_features(model, known, tmp_path, config))
    assert [path.stat().st_mtime_ns for path in (tmp_path / "features").iterdir()] == cached
    train_heads(model.network, features, known, make_descriptors(40), config, tmp_path)
    asked = extract_hit_features(model, unseen, tmp_path, config)[0]
    with torch.inference_mode():
        materials = model.network.head(asked).material.argmax(dim=1)
    assert np.mean([MATERIALS[int(k)] == hit.material for k, hit in zip(materials, unseen.hits, strict=True)]) > 0.9
