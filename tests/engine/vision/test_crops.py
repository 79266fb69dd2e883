"""The frames and crops taken of a hit are those at its time and place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.vision.crops import (
    CROP,
    FRAME_S,
    NEAR_STEPS,
    WIDE_COLUMNS,
    WIDE_ROWS,
    WIDE_STEPS,
    cut_crops,
    gather_views,
    shrink_gray,
)
from tests.frames import make_frames


def test_the_span_is_that_of_the_paper() -> None:
    assert pytest.approx(1.0 / 29.97, rel=1e-4) == FRAME_S
    assert WIDE_STEPS == (-11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9) and NEAR_STEPS == (-11, 0, 8)


@pytest.mark.parametrize("rate_hz", [25.0, 29.97, 60.0])
def test_views_hold_the_frames_nearest_to_their_moments(rate_hz: float) -> None:
    frames = make_frames(round(3.0 * rate_hz), rate_hz)
    views = list(gather_views(frames, [1.0, 1.3, 1.31]))
    assert [view.time_s for view in views] == [1.0, 1.3, 1.31]
    for view in views:
        for steps, shown in ((WIDE_STEPS, view.wide), (NEAR_STEPS, view.near)):
            at_s = shown.reshape(len(steps), -1).mean(axis=1) / rate_hz
            wanted_s = view.time_s + np.asarray(steps) * FRAME_S
            assert np.abs(at_s - wanted_s).max() <= 0.5 / rate_hz + 1e-6
    assert views[0].wide.shape == (len(WIDE_STEPS), WIDE_ROWS, WIDE_COLUMNS)


def test_the_first_and_last_frame_stand_for_those_beyond_the_clip() -> None:
    views = list(gather_views(make_frames(20, 30.0), [0.0, 0.66]))
    assert len(views) == 2 and views[0].near.min() == 0 and views[1].near.max() == 19
    assert list(gather_views([], [0.5])) == []


def test_no_more_frames_are_read_than_a_hit_needs() -> None:
    given = iter(make_frames(250, 30.0))
    first = next(gather_views(given, [1.0, 7.0]))
    assert first.time_s == 1.0
    assert next(given)[0] < 1.0 + 12 * FRAME_S + 0.1


def test_gray_frames_are_the_luma_of_areas() -> None:
    frame = np.zeros((2 * WIDE_ROWS, 2 * WIDE_COLUMNS, 3), np.uint8)
    frame[0, 0] = (200, 100, 50)  # a quarter of the first area
    frame[:, -2:] = 90
    gray = shrink_gray(frame)
    assert gray.shape == (WIDE_ROWS, WIDE_COLUMNS) and gray.dtype == np.uint8
    assert gray[0, 0] == round((0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 4)
    assert (gray[:, -1] == 90).all() and not gray[1:, :-1].any()


@pytest.mark.parametrize("scale", [0.4, -0.4])
def test_a_crop_is_centred_where_the_contact_is(scale: float) -> None:
    frame = torch.zeros(1, 1, 3, 72, 128)
    x, y = 90, 30
    frame[..., y - 1 : y + 2, x - 1 : x + 2] = 1.0
    contact = torch.tensor([[(x + 0.5) / 128, (y + 0.5) / 72]])
    crop = cut_crops(frame, contact, torch.tensor([[scale]]))[0, 0, 0, 0]
    rows, columns = torch.nonzero(crop > 0.5, as_tuple=True)
    assert abs(float(rows.float().mean()) + 0.5 - CROP / 2) < 1.0
    assert abs(float(columns.float().mean()) + 0.5 - CROP / 2) < 1.0


def test_a_crop_of_the_whole_is_the_picture_and_a_quarter_turn_turns_it() -> None:
    frame = torch.rand(1, 1, 3, 8, 8)
    contact, whole = torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0]])
    plain = cut_crops(frame, contact, whole, size=8)
    assert torch.allclose(plain[:, 0], frame, atol=1e-5)
    turned = cut_crops(frame, contact, whole, torch.tensor([torch.pi / 2]), size=8)
    assert torch.allclose(turned[:, 0], frame.rot90(1, (-2, -1)), atol=1e-4)


def test_a_mirrored_crop_is_the_crop_of_the_mirrored_picture() -> None:
    frame = torch.rand(1, 2, 3, 72, 128)
    contact, scales = torch.tensor([[0.7, 0.4]]), torch.tensor([[0.5]])
    one = cut_crops(frame, contact, -scales)
    other = cut_crops(frame.flip(-1), torch.tensor([[0.3, 0.4]]), scales)
    assert torch.allclose(one, other, atol=1e-4)
