"""Counterfactual measures against known changes, and that the direction of each is the one of physics."""

from __future__ import annotations

import numpy as np
import pytest

from engine.lab.evaluation.counterfactual.evaluate import (
    BRIGHTNESS,
    DECAY,
    PITCH,
    Turn,
    has_pitch,
    make_synthetic_hits,
    measure_moves,
    tabulate,
    turn_object,
    write_table,
)

RATE = 48_000


def ring(ratio: float = 1.0, slower: float = 1.0, length: int = RATE) -> np.ndarray:
    """Three modes, all ``ratio`` times as high and ``slower`` times as long."""
    time_s = np.arange(length) / RATE
    modes = ((300.0, 6.0, 1.0), (820.0, 9.0, 0.7), (1930.0, 14.0, 0.5))
    return sum(a * np.exp(-d * time_s / slower) * np.sin(2 * np.pi * f * ratio * time_s) for f, d, a in modes) * 0.1


def test_a_transposed_and_longer_sound_is_measured_as_such() -> None:
    moved = measure_moves(ring(), ring(ratio=2.0, slower=0.5))
    assert moved[PITCH] == pytest.approx(1200.0, abs=30.0) and moved[BRIGHTNESS] == pytest.approx(1200.0, abs=80.0)
    assert moved[DECAY] == pytest.approx(-10.0 * np.log10(2.0), abs=0.2)
    back = measure_moves(ring(ratio=2.0, slower=0.5), ring())
    assert back[PITCH] == -moved[PITCH] and back[DECAY] == pytest.approx(-moved[DECAY])
    assert measure_moves(ring(), ring()) == {PITCH: 0.0, BRIGHTNESS: 0.0, DECAY: 0.0}


@pytest.mark.slow
def test_made_up_objects_move_the_right_way() -> None:
    turns: list[Turn] = []
    for seed, hit in enumerate(make_synthetic_hits(4)):
        turns += turn_object((hit.modes, hit.residual), "all", seed, None, 4)
    assert all(turn.right for turn in turns), [turn for turn in turns if not turn.right]


def test_noise_has_no_pitch(rng: np.random.Generator) -> None:
    assert has_pitch(ring()) and not has_pitch(rng.standard_normal(RATE) * np.exp(-20.0 * np.arange(RATE) / RATE))


def test_shares_have_their_interval() -> None:
    turns = [Turn("p", "larger", PITCH, -600.0, k < 9) for k in range(10)]
    row, whole = tabulate(turns)
    assert (row["turns"], row["right"], row["median_moved"]) == (10, 0.9, -600.0)
    assert row["interval"] == pytest.approx([0.5958, 0.9821], abs=1e-3)  # Wilson, 9 of 10
    assert whole["change"] == "all"
    assert "| larger | pitch | 90 % (60 to 98) of 10 |" in write_table([row, whole])
