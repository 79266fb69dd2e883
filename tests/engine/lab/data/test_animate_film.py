"""Motion measured in film is what moved, and what is unknown of it is not learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.animate.motion import CANVAS, GRID, WINDOW
from engine.animate.still import Still
from engine.core.errors import BadInput
from engine.lab.data.animate.film import _to_grid
from engine.lab.data.animate.flow import measure_flow
from engine.lab.data.animate.pack import MOST_BLOWS, MotionPack, factor_field, read_pack, write_pack
from engine.lab.training.animate.batches import BatchConfig, Takes

ROWS, COLUMNS = 144, 256


def make_scene() -> np.ndarray:
    """A picture with texture at several scales, uint8 [ROWS, COLUMNS, 3]."""
    random = np.random.default_rng(3)
    picture = np.zeros((ROWS, COLUMNS))
    for size in (4, 8, 16):
        coarse = random.normal(size=(ROWS // size + 2, COLUMNS // size + 2))
        y, x = np.arange(ROWS) / size, np.arange(COLUMNS) / size
        rows = np.array([np.interp(x, np.arange(coarse.shape[1]), row) for row in coarse])
        picture += np.array([np.interp(y, np.arange(coarse.shape[0]), column) for column in rows.T]).T
    return np.repeat(np.clip(120 + 30 * picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def test_a_thing_that_moves_a_camera_and_light_are_told_apart() -> None:
    scene = make_scene()
    moved = scene.copy()
    moved[40:104, 66:130] = scene[40:104, 64:128]  # a thing two pixels to the right
    shifted = np.roll(moved, 1, axis=0)  # a camera that shows all one pixel lower
    lit = np.clip(shifted * 2.0 ** (0.2 / 2.2), 0, 255).astype(np.uint8)
    seen = measure_flow(scene, [scene, lit])
    np.testing.assert_allclose(seen.camera, [[0, 0], [0, 1]], atol=0.1)
    np.testing.assert_allclose(seen.light, [0.0, 0.2], atol=0.05)
    field, known = _to_grid(seen, Still(scene))
    np.testing.assert_allclose(field[0], 0.0, atol=2e-3)
    inside = field[1][:, 6:12, 10:15]
    np.testing.assert_allclose(inside[0], 2 / ROWS, atol=3e-3)
    np.testing.assert_allclose(inside[1], 0.0, atol=3e-3)
    assert known[6:12, 10:15].all() and np.abs(field[1][:, :, 22:]).max() < 5e-3


def test_what_hides_behind_a_striker_is_unknown() -> None:
    scene = make_scene()
    hidden = scene.copy()
    hidden[:, 100:140] = 250
    _, known = _to_grid(measure_flow(scene, [hidden, hidden, scene]), Still(scene))
    assert known[:, 13:17].mean() < 0.1 and known[:, :10].mean() > 0.9


def test_a_picture_of_another_shape_is_known_within_its_edges_alone() -> None:
    square = np.ascontiguousarray(make_scene()[:, :ROWS])
    _, known = _to_grid(measure_flow(square, [square]), Still(square))
    columns = np.flatnonzero(known.any(axis=0))
    assert columns[0] == (GRID[1] - GRID[0]) // 2 and len(columns) == GRID[0]


def make_film_pack() -> MotionPack:
    """Two takes alike, one filmed, whose left half is unknown and whose camera goes to the right."""
    frames = 3 * WINDOW
    field = np.random.default_rng(0).normal(0.0, 0.01, (frames, 2, *GRID))
    patterns, curves = factor_field(field)
    known = np.ones((2, *GRID), np.uint8)
    known[1, :, : GRID[1] // 2] = 0
    answers = np.full((2, frames, 3), np.nan, np.float16)
    answers[1] = 0.1, 0.02, 0.0
    blows = np.full((2, MOST_BLOWS, 2), np.nan, np.float32)
    blows[:, 0] = 1.0, 1.0
    return MotionPack(
        np.zeros((2, *CANVAS, 3), np.uint8), np.zeros((2, frames, 4), np.float16),
        np.repeat(np.rint(127 * patterns).astype(np.int8)[None], 2, axis=0),
        np.repeat(curves[None].astype(np.float16), 2, axis=0), np.full((2, 2), 0.5, np.float32), blows,
        np.tile(np.array([0.3, 1500.0], np.float32), (2, 1)), known, answers,
    )  # fmt: skip


def test_a_film_lends_its_own_camera_and_no_path(tmp_path: Path) -> None:
    write_pack(tmp_path / "film.npz", make_film_pack())
    pack = read_pack(tmp_path / "film.npz")
    assert pack.filmed.tolist() == [False, True]
    takes = Takes(pack, torch.device("cpu"))
    random = torch.Generator().manual_seed(0)
    rows = torch.tensor([0, 1] * 16)
    (track, _), _, trust = takes.draw(rows, torch.zeros_like(rows), random, BatchConfig())
    assert trust.track[0::2].all() and not trust.track[1::2, :4].any() and trust.track[1::2, 4:].all()
    torch.testing.assert_close(track[1::2, 4], torch.full((16, WINDOW), 0.1), rtol=1e-3, atol=0)
    assert sorted(set(track[1::2, 5, 0].sign().tolist())) == [-1.0, 1.0]  # mirrored with the picture
    unknown = 1 - trust.cells[1::2, 0, 0]
    mirrored = track[1::2, 5, 0] < 0
    half = GRID[1] // 2
    assert unknown[mirrored][:, :, half:].all() and unknown[~mirrored][:, :, :half].all()
    assert trust.cells[0::2].all()


def test_takes_join_in_their_order() -> None:
    pack = make_film_pack()
    both = MotionPack.join([pack, replace(pack, places=pack.places + 0.1)])
    assert len(both) == 4 and both.places[:, 0].tolist() == pytest.approx([0.5, 0.5, 0.6, 0.6])


def test_an_older_pack_is_refused_with_what_to_do(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", stills=np.zeros((1, *CANVAS, 3)))
    with pytest.raises(BadInput, match="make one with"):
        read_pack(tmp_path / "old.npz")
