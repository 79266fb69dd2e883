"""Losses of the vision network against values by hand."""

from __future__ import annotations

import math

import pytest
import torch

from engine.bank.bank import EMBEDDING_SIZE, STRIKERS
from engine.bank.descriptor import descriptor_distance_db
from engine.lab.data.vision.batches import Targets
from engine.lab.training.vision.losses import (
    LossConfig,
    contrastive_loss,
    heatmap_loss,
    pairwise_distances_db,
    prediction_loss,
)
from engine.physics.model import MATERIALS
from engine.vision.network import VisionOutput


def test_a_flat_heatmap_costs_the_log_of_its_cells_and_hits_outside_nothing() -> None:
    flat = torch.zeros(2, 4, 8)
    inside = torch.tensor([[0.5, 0.5], [1.5, 0.5]])
    assert float(heatmap_loss(flat, inside)) == pytest.approx(math.log(32.0))
    assert float(heatmap_loss(flat, inside + 1.0)) == 0.0


def test_the_best_heatmap_is_a_gaussian_at_the_contact() -> None:
    x, y = torch.arange(8) + 0.5 - 2.0, torch.arange(4) + 0.5 - 3.0
    gaussian = -0.5 * (x[None, :] ** 2 + y[:, None] ** 2)
    contact = torch.tensor([[2.0 / 8, 3.0 / 4]])
    chances = torch.softmax(gaussian.flatten(), 0)
    entropy = float(-(chances * chances.log()).sum())
    assert float(heatmap_loss(gaussian[None], contact)) == pytest.approx(entropy, rel=1e-5)
    assert float(heatmap_loss(gaussian.roll(1, 1)[None], contact)) > entropy


def test_even_predictions_cost_the_logs_of_their_classes_and_unknown_ones_nothing() -> None:
    output = VisionOutput(
        torch.zeros(2, len(MATERIALS)), torch.zeros(2, len(STRIKERS)), torch.tensor([1.0, 5.0]), torch.zeros(2, 1)
    )
    unknown = float("nan")
    targets = Targets(torch.tensor([3, -1]), torch.tensor([-1, -1]), torch.tensor([0.0, unknown]), torch.zeros(2, 2))
    config = LossConfig(size_weight=0.5)
    wanted = math.log(len(MATERIALS)) + 0.5 * (1.0 - 0.5 * 0.3)  # smooth L1 past its quadratic part
    assert float(prediction_loss(output, targets, config)) == pytest.approx(wanted, rel=1e-5)


def test_the_contrastive_loss_of_two_sounds_by_hand() -> None:
    axes = torch.eye(2, EMBEDDING_SIZE)
    scale = torch.tensor(math.log(10.0))
    far = torch.tensor([[0.0, 1e6], [1e6, 0.0]])
    one_hot = math.log(1.0 + math.exp(-10.0))
    assert float(contrastive_loss(axes, axes, far, scale, 2.0)) == pytest.approx(one_hot, rel=1e-3)
    assert float(contrastive_loss(axes, axes.flip(0), far, scale, 2.0)) == pytest.approx(10.0 + one_hot, rel=1e-5)
    alike = torch.zeros(2, 2)  # indistinguishable sounds share the target
    assert float(contrastive_loss(axes, axes, alike, scale, 2.0)) == pytest.approx(5.0 + one_hot, rel=1e-5)


def test_pairwise_distances_are_those_of_descriptors() -> None:
    descriptors = torch.randn(4, 160)
    for row, distances in zip(descriptors, pairwise_distances_db(descriptors), strict=True):
        wanted = descriptor_distance_db(row.numpy(), descriptors.numpy())
        assert distances.tolist() == pytest.approx(wanted.tolist(), abs=2e-3)
