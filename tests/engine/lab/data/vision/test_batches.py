"""Training batches: targets, sampling weights, and augmentation that moves contacts with the picture."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.bank.bank import STRIKERS
from engine.lab.data.vision.batches import (
    Augmentation,
    augment_colours,
    draw_crops,
    draw_gray_frames,
    make_targets,
    sampling_weights,
)
from engine.lab.data.vision.hits import KEPT_WIDE, HitFrames
from engine.physics.model import MATERIALS
from engine.vision.crops import CROP, SCALES, WIDE_COLUMNS, WIDE_ROWS
from tests.frames import make_squares


def with_hits(frames: HitFrames, **changes: list[object]) -> HitFrames:
    """The frames with fields of their hits replaced, one value each."""
    hits = [
        replace(hit, **{name: values[k] for name, values in changes.items()})  # type: ignore[arg-type]
        for k, hit in enumerate(frames.hits)
    ]
    return HitFrames(tuple(hits), frames.wide, frames.near)


def test_unknown_labels_are_minus_one_or_nan() -> None:
    frames = with_hits(make_squares(2, 0), material=["", "glass"], striker=["stick", "spoon"], size_m=[0.5, math.nan])
    targets = make_targets(frames, [0, 1])
    assert targets.material.tolist() == [-1, MATERIALS.index("glass")]
    assert targets.striker.tolist() == [STRIKERS.index("stick"), -1]
    assert float(targets.size[0]) == pytest.approx(math.log(2.0)) and math.isnan(float(targets.size[1]))


def test_rare_materials_and_single_hits_are_drawn_more_often() -> None:
    frames = with_hits(
        make_squares(5, 0),
        material=["wood"] * 4 + ["glass"],
        object=["a", "a", "a", "a", "b"],
        real=[False] * 5,
    )
    wood, glass = 4**-0.5 * 4**-0.5, 1.0  # material's count and object's hits, each to the power -1/2
    wanted = np.asarray([wood] * 4 + [glass]) / (4 * wood + glass)
    assert sampling_weights(frames, 0.3) == pytest.approx(wanted)


def test_real_hits_have_their_share() -> None:
    frames = with_hits(make_squares(6, 0), real=[True] + [False] * 5)
    assert sampling_weights(frames, 0.3)[0] == pytest.approx(0.3)


def test_a_contact_moves_with_the_augmented_picture() -> None:
    x, y = 0.6, 0.4
    wide = np.full((len(KEPT_WIDE), WIDE_ROWS, WIDE_COLUMNS), 20, np.uint8)
    row, column = int(y * WIDE_ROWS), int(x * WIDE_COLUMNS)
    wide[:, row - 1 : row + 2, column - 1 : column + 2] = 255
    one = make_squares(1, 0)
    frames = HitFrames((replace(one.hits[0], x=x, y=y),), (wide,), one.near)
    for seed in range(6):
        torch.manual_seed(seed)
        gray, contacts = draw_gray_frames(frames, np.asarray([0]), np.random.default_rng(seed), Augmentation(late=0))
        px, py = contacts[0].tolist()
        if 0.1 < px < 0.9 and 0.1 < py < 0.9:
            mean = gray[0].mean(dim=0)
            top = int(mean.argmax())
            assert abs((top % WIDE_COLUMNS + 0.5) / WIDE_COLUMNS - px) < 0.06
            assert abs((top // WIDE_COLUMNS + 0.5) / WIDE_ROWS - py) < 0.1


def test_plain_crops_show_the_square_at_their_centre() -> None:
    frames = make_squares(2, 0)
    crops = draw_crops(frames, np.asarray([0, 1]), np.random.default_rng(0), None)
    assert crops.shape == (2, len(SCALES), 3, 3, CROP, CROP)
    centre = crops[:, 0, :, :, CROP // 2, CROP // 2].mean(dim=1) * 255.0
    assert torch.allclose(centre, torch.tensor([[40.0, 40.0, 200.0], [200.0, 40.0, 40.0]]), atol=1.0)


def test_recoloured_crops_differ_between_hits_and_keep_their_shape() -> None:
    torch.manual_seed(0)
    crops = torch.rand(1, 2, 3, 3, 16, 16).expand(4, -1, -1, -1, -1, -1)
    found = augment_colours(crops, Augmentation(noise=0.0), np.random.default_rng(0))
    assert found.shape == crops.shape
    means = found.mean(dim=(1, 2, 4, 5))
    assert float(means.std(dim=0).min()) > 0.005
