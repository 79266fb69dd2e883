"""How takes are told from film: the measures of an excerpt, and a classifier on excerpts whose difference is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.lab.evaluation.simulator.evaluate import ALL, check_groups, collect_excerpts, main, measure_gap
from engine.lab.evaluation.simulator.features import (
    MOTION,
    PICTURE,
    RHYTHM,
    Excerpt,
    measure_motion,
    measure_picture,
    measure_rhythm,
    read_excerpts,
)
from tests.conftest import ROOT

DEMO = ROOT / "assets/demo_sound.mp4"


def test_an_even_rhythm_has_its_gap_and_no_deviation() -> None:
    measured = measure_rhythm(np.arange(0.2, 4.9, 0.4), np.full(12, 0.8))
    assert measured["hits in 5 s"] == 12
    assert measured["gap, median, s"] == pytest.approx(0.4)
    assert measured["gap against the gap before, median log ratio"] == pytest.approx(0.0, abs=1e-9)
    assert measured["share of hits nearer than 0.25 s to another"] == 0.0
    close = measure_rhythm(np.array([1.0, 1.1, 3.0]), np.ones(3))
    assert close["share of hits nearer than 0.25 s to another"] == pytest.approx(2 / 3)
    assert all(np.isfinite(value) for value in measure_rhythm(np.zeros(0), np.zeros(0)).values())


def test_what_moves_is_measured_and_what_rests_is_not() -> None:
    times_s = np.arange(100) / 25.0
    still = np.full((100, 40, 60), 90, np.uint8)
    still[:, :20] = 160
    rest = measure_motion(times_s, still, np.array([1.0]))
    assert rest["change, mean"] == 0.0 and rest["share of still frames"] == 1.0
    moving = still.copy()
    for k in range(50, 60):  # a square that crosses a part of the picture from 2.0 s to 2.4 s
        moving[k, 5:15, 4 * (k - 50) : 4 * (k - 50) + 10] = 20
    crossed = measure_motion(times_s, moving, np.array([2.45]))
    assert crossed["share of still frames"] == pytest.approx(0.89, abs=0.02)
    assert crossed["change before a hit by mean"] > 5.0 > crossed["change after a hit by mean"]


def test_a_flat_picture_is_flat_and_a_noisy_one_is_not(rng: np.random.Generator) -> None:
    flat = np.full((30, 40, 60), 90, np.uint8)
    flat[:, :20] = 160
    noisy = np.clip(flat + rng.normal(0.0, 20.0, flat.shape), 0, 255).astype(np.uint8)
    assert measure_picture(flat)["flat area"] > 0.8 > 0.2 > measure_picture(noisy)["flat area"]
    assert measure_picture(noisy)["detail at 1 pixels"] > 2.0 * measure_picture(flat)["detail at 1 pixels"]


def make_excerpts(rng: np.random.Generator, simulated: bool, count: int, shift: float) -> list[Excerpt]:
    """Excerpts with one random feature of each kind, two of a group; that of the picture is shifted."""
    return [
        Excerpt(f"{simulated} {k // 2}", simulated, {
            RHYTHM: {"gap": float(rng.normal())},
            MOTION: {"change": float(rng.normal())},
            PICTURE: {"contrast": float(rng.normal() + shift)},
        })
        for k in range(count)
    ]  # fmt: skip


def test_what_differs_is_told_apart_and_what_does_not_is_not(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.lab.evaluation.simulator.evaluate.SPLITS", 2)  # a fit takes a third of a second
    monkeypatch.setattr("engine.lab.evaluation.simulator.evaluate.BOOTSTRAPS", 200)  # a thousand take over a second
    excerpts = make_excerpts(rng, False, 80, 0.0) + make_excerpts(rng, True, 60, 6.0)
    result = measure_gap(excerpts, repeats=1)
    assert (result["film"], result["takes"]) == (80, 60)
    assert result["kinds"][PICTURE][0] > 0.95 and result["kinds"][ALL][0] > 0.95
    mean, low, high = result["kinds"][RHYTHM]
    assert low <= 0.5 <= high or abs(mean - 0.5) < 0.1
    by_name = {row["name"]: row["auc"] for row in result["features"]}
    assert by_name["contrast"] > 0.99 and abs(by_name["gap"] - 0.5) < 0.15


def test_too_few_takes_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(BadInput, match="3 simulated takes have sound and 5 s or more, and 5 are needed"):
        check_groups(make_excerpts(rng, False, 20, 0.0) + make_excerpts(rng, True, 6, 0.0))
    with pytest.raises(BadInput, match="0 days or clips of film have sound"):
        check_groups([])


def test_a_clip_is_cut_into_excerpts_with_every_measure() -> None:
    (excerpt,) = list(read_excerpts(DEMO, "demo", False))
    assert excerpt.values[RHYTHM]["hits in 5 s"] >= 5
    assert all(np.isfinite(value) for kind in excerpt.values.values() for value in kind.values())


def test_folders_without_film_or_takes_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no clips in video"):
        collect_excerpts(tmp_path, [tmp_path], "greatest_hits", 1)
    with pytest.raises(BadInput, match="--jobs 0 is under 1"):
        main(["--sim", str(tmp_path), "--jobs", "0"])
