"""The onset network's loss: what of the velocity it asks for, and that the whole of it moves the right way."""

from __future__ import annotations

import torch

from engine.lab.data.onsets.batches import OnsetBatch
from engine.lab.training.onsets.objective import onset_loss


def make_batch(velocity: torch.Tensor) -> OnsetBatch:
    """Two excerpts of 12 frames with hits at frames 3 and 8, each with the velocity given for it [2, 2]."""
    frames = torch.zeros(2, 12, 8, 8)
    target, near = torch.zeros(2, 12), torch.zeros(2, 12)
    values = torch.full((2, 12), torch.nan)
    for column, at in enumerate((3, 8)):
        target[:, at] = near[:, at] = 1.0
        values[:, at] = velocity[:, column]
    interval_s = torch.full((2, 12), 1 / 30)
    return OnsetBatch(frames, interval_s, target, torch.ones(2, 12), torch.zeros(2, 12), near, values)


def find(velocity: torch.Tensor) -> torch.Tensor:
    """A network's output, right but for the velocity at both hits [2, 2]."""
    found = torch.zeros(2, 12, 3)
    found[..., 0] = -8.0
    for column, at in enumerate((3, 8)):
        found[:, at, 0] = 8.0
        found[:, at, 2] = velocity[:, column]
    return found


def test_a_level_that_is_wrong_for_all_hits_of_an_excerpt_costs_less_than_their_order() -> None:
    truth = torch.tensor([[0.2, 0.8], [0.7, 0.3]])
    right, louder, reversed_ = (
        float(onset_loss(find(v), make_batch(truth))) for v in (truth, truth + 0.3, truth.flip(1))
    )
    assert right < louder < reversed_
    relative = [float(onset_loss(find(v), make_batch(truth), velocity_weight=0.0)) for v in (truth, truth + 0.3)]
    assert abs(relative[0] - relative[1]) < 1e-6


def test_velocities_that_are_not_known_have_no_gradient() -> None:
    found = find(torch.full((2, 2), 0.5)).requires_grad_()
    batch = make_batch(torch.tensor([[0.2, torch.nan], [torch.nan, torch.nan]]))
    onset_loss(found, batch).backward()
    assert found.grad is not None
    assert torch.isfinite(found.grad).all()
    assert found.grad[0, 3, 2] != 0.0
    assert not found.grad[0, 8, 2] and not found.grad[1, :, 2].any()
