"""A backbone of one's own computes what the same layers of PyTorch do, and misfits are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine.core.checkpoint import WEIGHTS
from engine.core.errors import BadInput
from engine.vision.backbone import load_backbone, run_layers
from engine.vision.crops import FRAME_S, gather_views
from engine.vision.network import VisionNetwork
from engine.vision.predict import (
    VisionModel,
    load_vision_model,
    open_backbone,
    pool_hits,
    predict_hits,
    save_vision_model,
)
from tests.frames import SMALL, make_frames, write_backbone


def test_features_are_those_of_the_same_layers_in_pytorch(tmp_path: Path) -> None:
    backbone = load_backbone(write_backbone(tmp_path))
    weights = load_file(str(tmp_path / WEIGHTS))
    first = nn.Conv2d(3, 4, 3, 2, 1, bias=False)
    norm = nn.BatchNorm2d(4)
    depthwise, last = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.Conv2d(4, 6, 1, bias=False)
    for layer, name in ((first, "a"), (depthwise, "b"), (last, "c")):
        layer.weight.data = weights[f"{name}.weight"]
    for part in ("weight", "bias", "running_mean", "running_var"):
        getattr(norm, part).data = weights[f"n.{part}"]
    crops = torch.rand(2, 2, 3, 3, 32, 32)
    with torch.inference_mode():
        x = nn.MaxPool2d(3, 2, 1)(norm.eval()(first((crops.flatten(0, 2) - 0.5) / 0.25)).relu())
        maps = last((x + nn.SiLU()(depthwise(x))).relu())
        wanted = maps.mean(dim=(2, 3)).view(2, 2, 3, 6).mean(dim=2).flatten(1)
    assert torch.allclose(backbone.encode(crops), wanted, atol=1e-5)


def test_same_padding_is_tensorflow_s() -> None:
    maps, kernel = torch.arange(16.0).view(1, 1, 4, 4), torch.zeros(1, 1, 3, 3)
    kernel[0, 0, 0, 0] = 1.0  # with stride 2 on 4 pixels TensorFlow pads none before and one after
    found = run_layers(({"conv": "k", "stride": 2, "same": True},), {"k.weight": kernel}, maps)
    assert torch.equal(found, maps[..., ::2, ::2])


def test_a_model_on_a_backbone_is_saved_by_its_folder_and_predicts(tmp_path: Path) -> None:
    backbone = load_backbone(write_backbone(tmp_path / "mine"))
    torch.manual_seed(0)
    network = VisionNetwork(replace(SMALL, features=12)).eval().requires_grad_(False)
    save_vision_model(tmp_path / "vision", VisionModel(network, 1.0, backbone), {})
    model = load_vision_model(tmp_path / "vision")
    assert model.backbone is not None and model.backbone.name == str((tmp_path / "mine").resolve())
    hit_predictions = predict_hits(model, list(gather_views(make_frames(60, 1.0 / FRAME_S), [1.0])))
    prediction = pool_hits(hit_predictions, model.temperature)
    assert len(hit_predictions) == 1 and sum(prediction.material.values()) == pytest.approx(1.0)
    assert np.isfinite(prediction.embedding).all()


def test_a_backbone_that_does_not_fit_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="features") as refused:
        load_backbone(write_backbone(tmp_path, features=7))
    assert "docs/vision.md" in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(BadInput, match="backbone"):
        load_backbone(tmp_path / "nothing")


def test_a_backbone_of_absurd_size_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    folder = write_backbone(tmp_path, features=200_000)
    config = json.loads((folder / "config.json").read_text()) | {"input_size": 1024, "layers": [{"conv": "wide"}]}
    (folder / "config.json").write_text(json.dumps(config))
    save_file({"wide.weight": torch.zeros(200_000, 3, 1, 1)}, str(folder / WEIGHTS))
    with pytest.raises(BadInput, match="feature maps are too large"):
        load_backbone(folder)
    (folder / "config.json").write_text(json.dumps(config | {"layers": [{"keep": "x"}] * 1001}))
    with pytest.raises(BadInput, match="more than 1000 layers"):
        load_backbone(folder)


@pytest.mark.parametrize("name", ["/nowhere/backbone", "x" * 100_000, "a\0b"])
def test_a_vision_network_whose_backbone_is_gone_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="put its folder back") as refused:
        open_backbone(name)
    assert len(str(refused.value)) < 400
