"""The vision network: normalisation, heatmaps, colour statistics, and the key map of stored weights."""

from __future__ import annotations

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from engine.core.checkpoint import CONFIG, WEIGHTS, count_parameters
from engine.vision.network import (
    COLOUR_FEATURES,
    CONTRAST_FLOOR,
    HUES,
    VisionNetwork,
    colour_statistics,
    decode_heatmaps,
    normalize_frames,
)
from engine.vision.predict import VISION_CHECKPOINT, load_vision_model


def test_frames_are_normalised_by_each_hit_s_own_mean_and_deviation() -> None:
    frames = torch.tensor([[[[10.0, 30.0]]], [[[100.0, 100.0]]]])
    std = math.sqrt(200.0)  # unbiased, of 10 and 30
    wanted = torch.tensor([[[[-10.0, 10.0]]], [[[0.0, 0.0]]]]) / torch.tensor(
        [std + CONTRAST_FLOOR, CONTRAST_FLOOR]
    ).view(2, 1, 1, 1)
    assert torch.allclose(normalize_frames(frames), wanted)


def test_a_place_is_read_where_the_heatmap_is_highest() -> None:
    heatmaps = torch.zeros(2, 18, 32)
    heatmaps[0, 4, 20] = 9.0
    heatmaps[1, 15, 3:5] = 9.0
    contacts = decode_heatmaps(heatmaps)
    assert torch.allclose(contacts, torch.tensor([[20.5 / 32, 4.5 / 18], [4.0 / 32, 15.5 / 18]]), atol=0.01)


def test_colour_statistics_of_an_even_crop_are_its_colour() -> None:
    colour = torch.tensor([0.8, 0.2, 0.2])
    statistics = colour_statistics(colour.view(1, 1, 1, 3, 1, 1).expand(1, 1, 3, 3, 16, 16))
    assert statistics.shape == (1, 1, COLOUR_FEATURES)
    mean, std, histograms, texture = statistics[0, 0].split((4, 4, HUES + 8, COLOUR_FEATURES - HUES - 16))
    saturation = (0.8 - 0.2) / (0.8 + 0.1)
    assert ((mean + 2.0) / 4.0).tolist() == pytest.approx([0.8, 0.2, 0.2, saturation], abs=1e-5)
    assert ((std + 1.0) / 8.0).tolist() == pytest.approx([1e-3] * 4, abs=1e-5)  # the root of the floor of the variance
    hues = (histograms[:HUES] + 1.0) / 4.0
    assert int(hues.argmax()) == 0 and float(hues[0]) == pytest.approx(saturation, abs=1e-5)  # red
    assert texture.tolist() == pytest.approx([math.log(0.003) + 4.0] * len(texture), abs=1e-4)


def test_texture_tells_stripes_across_from_stripes_down() -> None:
    stripes = torch.zeros(1, 1, 1, 3, 16, 16)
    stripes[..., ::2] = 1.0
    across, down = colour_statistics(stripes)[0, 0, 8 + HUES + 8 :][:2].tolist()
    assert across == pytest.approx(math.log(1.0 + 0.003) + 4.0) and down == pytest.approx(math.log(0.003) + 4.0)


def test_the_network_is_small() -> None:
    assert count_parameters(VisionNetwork()) < 2_000_000


def test_stored_weights_of_former_names_are_those_of_the_network() -> None:
    """The checkpoint that ships has the names and the kind of before; a few are followed by hand."""
    stored = load_file(str(VISION_CHECKPOINT / WEIGHTS))
    assert json.loads((VISION_CHECKPOINT / CONFIG).read_text())["kind"] == "sight"
    network = load_vision_model(VISION_CHECKPOINT).network
    assert network.encoder is not None
    pairs = {
        "finder.enter.weight": network.locator.proj_in.weight,
        "finder.leave.bias": network.locator.head.bias,
        "finder.norms.2.weight": network.locator.norms[2].weight,
        "eye.layers.6.weight": network.encoder.convs[6].weight,
        "eye.breadth": network.encoder.centre_bias,
        "head.spread": network.head.std,
        "head.enter.2.weight": network.head.proj_in[2].weight,
        "head.material.bias": network.head.material.bias,
        "tower.deepen.1.weight": network.physics_encoder.block[1].weight,
        "tower.embed.bias": network.physics_encoder.to_embedding.bias,
        "sharpness": network.logit_scale,
    }
    assert len(stored) == len(network.state_dict())
    for name, value in pairs.items():
        assert torch.equal(stored[name].float(), value), name
