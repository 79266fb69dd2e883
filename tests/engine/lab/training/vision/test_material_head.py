"""The closed-form material head: materials that differ in one feature are told apart, by hits and by pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from engine.lab.training.vision.material_head import (
    MaterialFit,
    MaterialHeadConfig,
    even_out,
    set_material_head,
    solve_least_squares,
)
from engine.lab.training.vision.picture_set import PictureSet
from engine.physics.model import MATERIALS
from engine.vision.network import PredictionHead, VisionConfig
from tests.frames import make_squares

WOOD, METAL, GLASS = (MATERIALS.index(name) for name in ("wood", "metal", "glass"))


def test_least_squares_of_two_points_is_the_line_through_them() -> None:
    features, materials = np.asarray([[-1.0], [1.0]]), np.asarray([WOOD, METAL])
    slope, offset = solve_least_squares(features, materials, np.asarray([0.5, 0.5]), 0.0)
    scores = features @ slope + offset
    assert np.allclose(scores[0], np.eye(len(MATERIALS))[WOOD]) and np.allclose(
        scores[1], np.eye(len(MATERIALS))[METAL]
    )
    halved, _ = solve_least_squares(
        features, materials, np.asarray([0.5, 0.5]), 1.0
    )  # a penalty of the variance itself
    assert np.allclose(halved, 0.5 * slope)


def test_many_examples_of_a_material_count_no_more_than_few_of_another() -> None:
    index = np.asarray([WOOD] * 9 + [METAL])
    weight = even_out(index, np.ones(10), 1.0)
    assert weight[:9].sum() == weight[9] == 0.5


def test_pictures_and_hits_teach_materials_and_the_head_gives_the_same_logits() -> None:
    random = np.random.default_rng(0)
    centres = {WOOD: 0, METAL: 1, GLASS: 2}

    def draw(material: int) -> np.ndarray:
        row = random.normal(0.0, 0.3, 12)
        row[centres[material]] += 3.0
        return row

    pictured = [WOOD, GLASS] * 40
    pictures = PictureSet(torch.from_numpy(np.stack([draw(m) for m in pictured])).float(), torch.tensor(pictured))
    hits = [replace(hit, real=True) for hit in make_squares(20, 0).hits]  # wood and metal in turn
    features = np.stack([draw(MATERIALS.index(hit.material)) for hit in hits]).astype(np.float32)
    slope, offset = MaterialFit(pictures, MaterialHeadConfig(components=8)).fit(features, hits)
    asked = np.stack([draw(material) for material in (WOOD, METAL, GLASS)])
    logits = asked @ slope + offset
    assert logits.argmax(axis=1).tolist() == [WOOD, METAL, GLASS]
    head = PredictionHead(12, VisionConfig(hidden=4, linear_material=True)).eval()
    head.mean.copy_(torch.rand(12))
    head.std.copy_(torch.rand(12) + 0.5)
    set_material_head(head, slope, offset)
    assert np.allclose(head(torch.from_numpy(asked).float()).material.detach().numpy(), logits, atol=1e-3)
