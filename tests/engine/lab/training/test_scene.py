"""Packs of scenes, InfoNCE, and recall among candidates."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.errors import BadInput
from engine.lab.data.scene.pack import ScenePack, crop_picture, join_packs, make_pack, read_pack, split_pack, write_pack
from engine.lab.evaluation.scene.scores import measure_recall, recall_by_chance
from engine.lab.training.scene.train import contrast
from engine.scene.hearing import BANDS, FRAMES
from engine.scene.network import SIDE


def make_scenes(count: int) -> ScenePack:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    sounds = random.uniform(-90, -10, (count, BANDS, FRAMES))
    return make_pack(list(pictures), list(sounds), ["wood"] * count, [f"sim_0_{k // 2}" for k in range(count)])


def test_a_pack_is_read_as_it_was_written_and_groups_are_never_divided(tmp_path: Path) -> None:
    pack = join_packs([make_scenes(40), make_scenes(6)])
    write_pack(tmp_path / "pack.npz", pack)
    again = read_pack(tmp_path / "pack.npz")
    assert all(np.array_equal(getattr(again, name), getattr(pack, name)) for name in ("pictures", "sounds", "groups"))
    learnt, held_out = split_pack(pack)
    assert len(learnt) + len(held_out) == len(pack) and len(held_out)
    assert not set(learnt.groups.tolist()) & set(held_out.groups.tolist())
    more, _ = split_pack(pack.take(slice(0, 30)))
    assert set(more.groups.tolist()) <= set(learnt.groups.tolist())  # a larger pack moves no group to the other side
    with pytest.raises(BadInput, match="too small"):
        split_pack(pack.take(slice(0, 1)))
    with pytest.raises(BadInput, match="no pack of scenes"):
        read_pack(tmp_path / "none.npz")


def test_a_picture_is_cropped_around_what_is_struck() -> None:
    frame = np.zeros((60, 200, 3), np.uint8)
    frame[:, 150:152] = 255
    columns = crop_picture(frame, 151 / 200).mean(axis=(0, 2))
    assert columns.argmax() in (SIDE // 2 - 1, SIDE // 2)
    assert crop_picture(frame, 0.0).max() == 0 and crop_picture(frame, 1.0).shape == (SIDE, SIDE, 3)


def test_infonce_is_the_logarithm_of_the_pairs_where_all_are_alike_and_less_where_they_fit() -> None:
    same = torch.nn.functional.normalize(torch.ones(8, 4), dim=1)
    apart = torch.arange(8)
    assert float(contrast(same, same, apart, 0.1)) == pytest.approx(math.log(8), abs=1e-5)
    assert float(contrast(torch.eye(8), torch.eye(8), apart, 0.1)) < 0.001
    assert float(contrast(same, same, torch.zeros(8), 0.1)) == pytest.approx(0.0, abs=1e-6)  # no negatives


def test_recall_is_one_of_perfect_scores_and_chance_of_equal_ones() -> None:
    groups = np.array([f"g{k}" for k in range(40)])
    assert measure_recall(np.eye(40), groups, 20, 0)["recall@1"] == 1.0
    assert measure_recall(-np.eye(40), groups, 20, 0)["recall@10"] == 0.0
    chance = recall_by_chance(groups, 20)
    assert chance["recall@1"] == pytest.approx(0.05) and chance["recall@10"] == pytest.approx(0.5)
    equal = measure_recall(np.zeros((40, 40)), groups, 20, 0)
    assert equal["recall@5"] == pytest.approx(0.25, abs=0.06)
