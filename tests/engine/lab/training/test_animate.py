"""Training of the motion network goes on where it stopped; judges of animated stills."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.animate.motion import CANVAS, GRID, RATE_HZ, Blow
from engine.animate.network import MotionNetwork, MotionNetworkConfig, load_motion_network, save_motion_network
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.animate.pack import MOST_BLOWS, MotionPack
from engine.lab.data.clip_writer import write_clip
from engine.lab.evaluation.animate.judges import list_windows, match_blows, rel_sync
from engine.lab.evaluation.animate.scenes import LENGTH_S, list_film, list_takes
from engine.lab.training.animate.train import TrainingConfig, split_pack, train_network
from engine.lab.training.animate.train_swing import SwingTrainingConfig, train_swing
from engine.onsets.track import Onset

SMALL = MotionNetworkConfig(field_width=6, track_width=12, vector_width=8, dilations=(1,))


def make_pack(count: int) -> MotionPack:
    """Takes in which a tip swings down at 1 s, and one pattern follows it."""
    frames = int(LENGTH_S * RATE_HZ)
    random = np.random.default_rng(0)
    paths = np.zeros((count, frames, 4), np.float16)
    paths[:, :, 1] = -np.abs(np.arange(frames) / RATE_HZ - 1.0)
    blows = np.full((count, MOST_BLOWS, 2), np.nan, np.float32)
    blows[:, 0] = 1.0, 1.0
    curves = np.zeros((count, frames, 4), np.float16)
    curves[:, :, 0] = 0.02
    return MotionPack(
        random.integers(0, 255, (count, *CANVAS, 3), np.uint8), paths,
        np.full((count, 4, 2, *GRID), 127, np.int8), curves, np.full((count, 2), 0.5, np.float32), blows,
        np.tile(np.array([0.3, 1500.0], np.float32), (count, 1)),
        np.ones((count, *GRID), np.uint8), np.full((count, frames, 3), np.nan, np.float16),
    )  # fmt: skip


@pytest.mark.slow
def test_a_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def train(budget_s: float) -> dict[str, float]:
        config = TrainingConfig(size=2, budget_s=budget_s, checked=1)
        train_network([make_pack(3)], SMALL, config, tmp_path / "work", tmp_path / "out", torch.device("cpu"))
        state: dict[str, float] = torch.load(tmp_path / "work" / "state.pt", weights_only=True)
        return state

    first = train(0.01)
    again = train(first["spent_s"] + 0.01)
    assert again["step"] > first["step"] > 0 and again["spent_s"] > first["spent_s"]
    assert load_motion_network(tmp_path / "out").config.dilations == (1,)
    assert len((tmp_path / "work" / "log.jsonl").read_text().splitlines()) == 2


def test_a_take_of_a_pack_is_shown_as_it_moved() -> None:
    scene = list_takes(make_pack(1))[0]
    assert scene.motion is not None and scene.blows == (Blow(1.0, 1.0),)
    np.testing.assert_allclose(scene.motion.field, 0.02, rtol=0.01)
    assert np.hypot(*scene.motion.track[:, :2].T).argmin() == RATE_HZ
    np.testing.assert_allclose(scene.pixel, (scene.still.width / 2, scene.still.height / 2))


def test_a_picture_as_good_as_the_true_one_has_a_relative_sync_of_a_half() -> None:
    np.testing.assert_allclose(rel_sync(np.array([3.0, 0.0]), np.array([3.0, 5.0])), [0.5, 1 / (1 + np.exp(5))])


def test_blows_are_matched_both_ways() -> None:
    blows = [Blow(1.0, 1.0), Blow(3.0, 0.5)]
    recall, precision = match_blows([Onset(1.03, 0.9), Onset(2.0, 0.9), Onset(3.0, 0.1)], blows)
    assert (recall, precision) == (0.5, 0.5)
    assert np.isnan(match_blows([], blows)[1])
    assert list_windows([Blow(0.1, 1.0), Blow(4.5, 1.0)]) == [0.0]


@pytest.mark.slow
def test_a_training_of_the_swing_goes_on_and_leaves_the_rest_of_the_checkpoint(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_motion_network(tmp_path / "out", MotionNetwork(SMALL), {"minutes": 4.5})
    before = load_motion_network(tmp_path / "out").track_in.weight

    def train(budget_s: float) -> dict[str, float]:
        config = SwingTrainingConfig(size=2, window=24, budget_s=budget_s)
        train_swing(*split_pack(make_pack(3)), config, tmp_path / "work", tmp_path / "out", torch.device("cpu"))
        state: dict[str, float] = torch.load(tmp_path / "work" / "state.pt", weights_only=True)
        return state

    first = train(0.01)
    assert train(first["spent_s"] + 0.01)["step"] > first["step"] > 0
    again = load_motion_network(tmp_path / "out")
    assert again.swing is not None
    torch.testing.assert_close(again.track_in.weight, before, rtol=0, atol=0.01)

    begun = tmp_path / "begun"
    config = TrainingConfig(size=2, budget_s=0.01, checked=1)
    packs = [make_pack(3), replace(make_pack(3), answers=np.zeros((3, int(LENGTH_S * RATE_HZ), 3), np.float16))]
    train_network(packs, SMALL, config, tmp_path / "other", begun, torch.device("cpu"), tmp_path / "out")
    kept = load_motion_network(begun)
    assert kept.swing is not None and again.swing is not None
    for name, value in kept.swing.state_dict().items():
        torch.testing.assert_close(value, again.swing.state_dict()[name], rtol=0, atol=0.01)
    facts = json.loads((begun / "config.json").read_text())["training"]
    assert facts["began_with"]["minutes"] == 4.5 and facts["swing"]["takes"] == 2 and facts["filmed"] == 2
    assert {"film_held_out", "film_held_out_moved", "held_out"} <= set(facts)


def test_film_of_an_odd_width_has_frames_of_the_size_of_its_still(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    picture = random.integers(0, 255, (216, 290, 3), np.uint8)  # 145 columns at 108 rows
    sound = np.zeros(3 * SAMPLE_RATE_HZ, np.float32)
    sound[SAMPLE_RATE_HZ : SAMPLE_RATE_HZ + 4000] = random.normal(0.0, 0.3, 4000) * np.exp(-np.arange(4000) / 500)
    write_clip(tmp_path / "odd.mp4", (picture for _ in range(72)), Fraction(24), sound)
    (scene,) = list_film([tmp_path / "odd.mp4"])
    assert scene.still.width == 144 and {frame.shape for _, frame in scene.frames} == {scene.still.pixels.shape}
    assert len(scene.blows) == 1 and scene.blows[0].time_s == pytest.approx(1.0, abs=0.03)
