"""Measures of ``evaluate vision`` on predictions whose results are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.bank.bank import Entry, make_bank
from engine.core.errors import BadInput
from engine.lab.data.vision.hits import LabelledHit
from engine.lab.evaluation.vision.evaluate import read_left_out
from engine.lab.evaluation.vision.scores import (
    EvaluatedHits,
    Reference,
    choose_classes,
    measure_localization,
    measure_retrieval,
    tabulate_distances,
    tabulate_materials,
    without_groups,
)
from engine.lab.evaluation.vision.tables import write_report
from engine.physics.model import MATERIALS, Modes, Physics
from tests.frames import make_hit_prediction

HIT = LabelledHit("take", "take.mp4", "", "day", "take/thing", True, 1.0, 1.0, "hit", "wood")


def make_hits(count: int) -> list[LabelledHit]:
    """Wood and metal in turn, four to a clip, two clips to a day."""
    names = ("wood", "metal")
    return [
        replace(HIT, clip=f"clip {k // 4}", group=f"day {k // 8}", time_s=float(k), material=names[k % 2])
        for k in range(count)
    ]


def make_physics(hz: float) -> Physics:
    return Physics(Modes((hz,), (0.0,), (20.0,), (0.0,)))


def test_materials_of_too_few_recordings_are_left_out_and_named() -> None:
    hits = [*make_hits(32), *(replace(HIT, material="water", time_s=float(k)) for k in range(20))]
    classes, left_out = choose_classes(hits)
    assert classes == ["metal", "wood"]
    assert left_out == {"water": "20 hits of 1 recording"}


def test_accuracies_of_perfect_and_of_opposite_predictions() -> None:
    hits = make_hits(32)
    right = np.asarray([[float(name == hit.material) for name in MATERIALS] for hit in hits])
    table = tabulate_materials({"vision": right, "sound": -right}, hits, ["metal", "wood"])
    assert table["vision"]["top1"] == [100.0] * 3 == table["vision"]["balanced"]
    assert table["sound"]["top1"][0] == 0.0 and table["sound"]["top3"][0] == 100.0
    assert table["chance"]["top1"][0] == 50.0 and table["most frequent"]["top1"][0] == 50.0


def test_without_a_material_of_enough_hits_the_report_says_so() -> None:
    hits = make_hits(3)
    classes, left_out = choose_classes(hits)
    scores = {"vision": np.zeros((3, len(MATERIALS)))}
    assert classes == [] and tabulate_materials(scores, hits, classes) == {}
    part = {"hits": 3, "clips": 1, "classes": [], "left_out": left_out, "materials": {}, "distances_db": {}}
    report = "\n".join(write_report({"real": part}))
    assert "3 hits of 1 clips; 0 materials." in report and "metal (1 hits of 1 recording)" in report
    assert "material from" not in report


def test_balanced_accuracy_is_the_mean_of_the_classes_accuracies() -> None:
    hits = [replace(HIT, material="wood", clip=f"{k}") for k in range(9)] + [replace(HIT, material="metal", clip="m")]
    always_wood = np.asarray([[float(name == "wood") for name in MATERIALS] for _ in hits])
    table = tabulate_materials({"vision": always_wood}, hits, ["metal", "wood"])
    assert table["vision"]["top1"][0] == pytest.approx(90.0) and table["vision"]["balanced"][0] == pytest.approx(50.0)
    table = tabulate_materials({"object": always_wood, "nearest": -always_wood}, hits, ["metal", "wood"])
    assert (
        table["nearest"]["gain"][0] == pytest.approx(0.0) == table["chance"]["gain"][0]
    )  # each is right of one of two


def test_the_closest_entry_is_nearer_than_a_random_one() -> None:
    frequencies_hz = (200.0, 400.0, 1600.0, 6400.0)
    bank = make_bank([Entry(f"{hz}", make_physics(hz), "wood" if hz < 900 else "metal") for hz in frequencies_hz])
    hits = make_hits(4)
    seen = EvaluatedHits(tuple(hits), (), bank.descriptors[[0, 2, 1, 3]], ())
    known = Reference((), np.zeros((0, 4)), np.zeros(0, int), bank)
    measured = measure_retrieval(seen, known, {"joint": np.asarray([[0, 1], [2, 0], [3, 1], [0, 3]])})
    assert np.allclose(measured["closest"], 0.0, atol=0.02)
    assert np.allclose(measured["joint"][:2], 0.0, atol=0.02) and measured["joint"][2] > 1.0
    assert np.allclose(measured["joint, best of five"], 0.0, atol=0.02)
    table = tabulate_distances(measured, hits)
    assert table["closest"] is not None and table["random"] is not None and table["closest"][0] < table["random"][0]


def test_localisation_errors_by_hand() -> None:
    hits = tuple(replace(HIT, x=x, y=0.5) for x in (0.5, 0.5, float("nan")))
    predictions = tuple(make_hit_prediction(contact, 0) for contact in ((0.5, 0.55), (0.8, 0.9), (0.1, 0.1)))
    found = measure_localization(EvaluatedHits(hits, predictions, np.zeros((3, 1)), ()))
    assert found["median"] == pytest.approx((0.05 + 0.5) / 2) and found["within_tenth"] == 0.5


def test_what_is_held_out_is_not_in_the_bank() -> None:
    entries = [Entry("a", make_physics(200.0), group="clip/2015-02-16"), Entry("b", make_physics(300.0), group="cup")]
    assert [entry.name for entry in without_groups(make_bank(entries), ["2015-02-16"]).entries] == ["b"]


def test_a_fold_lists_the_days_left_out(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"training": {"left_out": ["2015-02-16"]}}))
    assert read_left_out(tmp_path) == ["2015-02-16"]
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadInput, match="--leave-out"):
        read_left_out(tmp_path)
