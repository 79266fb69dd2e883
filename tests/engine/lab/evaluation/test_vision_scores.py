"""Measures of ``evaluate vision`` on predictions with known results; reading of labelled hits."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.bank.bank import Entry, make_bank
from engine.core.errors import BadInput
from engine.lab.data.vision.hits import LabelledHit, list_real_hits, list_simulated_hits
from engine.lab.evaluation.vision.evaluate import read_left_out
from engine.lab.evaluation.vision.scores import (
    EvaluatedHits,
    Reference,
    choose_classes,
    measure_retrieval,
    tabulate_distances,
    tabulate_materials,
    without_groups,
)
from engine.physics.model import MATERIALS, Modes, Physics

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


def test_perfect_answers_are_all_right_and_wrong_ones_none() -> None:
    hits = make_hits(32)
    right = np.asarray([[float(name == hit.material) for name in MATERIALS] for hit in hits])
    table = tabulate_materials({"vision": right, "sound": -right}, hits, ["metal", "wood"])
    assert table["vision"]["top1"] == [100.0, 100.0, 100.0] and table["vision"]["balanced"] == 100.0
    assert table["sound"]["top1"][0] == 0.0 and table["sound"]["top5"][0] == 100.0
    assert table["chance"]["top1"][0] == 50.0 and table["most frequent"]["top1"][0] == 50.0


def test_the_closest_entry_is_nearer_than_a_random_one() -> None:
    entries = [
        Entry(f"{hz}", make_physics(hz), "wood" if hz < 900 else "metal") for hz in (200.0, 400.0, 1600.0, 6400.0)
    ]
    bank = make_bank(entries)
    hits = make_hits(4)
    descriptors = bank.descriptors[[0, 2, 1, 3]]
    seen = EvaluatedHits(tuple(hits), (), descriptors, ())
    known = Reference((), np.zeros((0, 4)), np.zeros(0, int), bank)
    measured = measure_retrieval(seen, known, {"joint": np.asarray([[0, 1], [2, 0], [3, 1], [0, 3]])})
    assert np.allclose(measured["closest"], 0.0, atol=0.02)
    assert np.allclose(measured["joint"][:2], 0.0, atol=0.02) and measured["joint"][2] > 1.0
    assert np.allclose(measured["joint, best of five"], 0.0, atol=0.02)
    table = tabulate_distances(measured, hits)
    assert table["closest"] is not None and table["random"] is not None and table["closest"][0] < table["random"][0]


def test_what_is_held_out_is_not_in_the_bank() -> None:
    entries = [Entry("a", make_physics(200.0), group="clip/2015-02-16"), Entry("b", make_physics(300.0), group="cup")]
    assert [entry.name for entry in without_groups(make_bank(entries), ["2015-02-16"]).entries] == ["b"]


def test_a_fold_says_what_it_has_not_seen(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"training": {"left_out": ["2015-02-16"]}}))
    assert read_left_out(tmp_path) == ["2015-02-16"]
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadInput, match="--leave-out"):
        read_left_out(tmp_path)


def test_contacts_that_cannot_be_seen_are_no_hits(tmp_path: Path) -> None:
    contact = {"action": "hit", "impulse_n_s": 1.0, "speed_m_per_s": 1.0, "struck": "gravel", "by": "stick"}
    contact |= {"x": 0.25, "y": 0.75, "in_picture": True, "in_sight": True, "size_m": 0.2}
    changes: list[dict[str, Any]] = [
        {},
        {"in_picture": False},
        {"in_sight": False},
        {"speed_m_per_s": 0.01},
        {"time_s": 4.05, "impulse_n_s": 0.1},
    ]
    contacts = [{**contact, "time_s": float(k), **change} for k, change in enumerate(changes)]
    contacts[4]["time_s"] = 0.05  # of two at once the stronger
    (tmp_path / "a.truth.json").write_text(json.dumps({"contacts": contacts}))
    (tmp_path / "a_times.txt").write_text("0.0 gravel hit static\n")
    (tmp_path / "a_mic.mp4").write_bytes(b"")
    (hit,) = list_simulated_hits(tmp_path)
    assert (hit.time_s, hit.material, hit.striker, hit.x, hit.y) == (0.0, "ground", "stick", 0.25, 0.75)
    assert hit.apart_s == pytest.approx(0.05)


def test_labels_that_name_no_material_are_no_hits(tmp_path: Path) -> None:
    rows = ["video,t_label,material,action,t_audio_onset,delta", "2015-02-16-a.mp4,1.0,tile,hit,1.02,0.02",
            "2015-02-16-a.mp4,2.0,None,hit,2.0,0.0", "2015-02-16-a.mp4,3.0,leaf,scratch,,"]  # fmt: skip
    (tmp_path / "greatest_hits_labels.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "2015-02-16-a.mp4").write_bytes(b"")
    hits = list_real_hits(tmp_path)
    assert [(hit.material, hit.time_s, hit.group, bool(hit.sound)) for hit in hits] == [
        ("ceramic", 1.02, "2015-02-16", True),
        ("ground", 3.0, "2015-02-16", False),
    ]
    assert hits[0].apart_s == pytest.approx(0.98) and math.isnan(hits[0].x)
    with pytest.raises(BadInput, match="missing"):
        list_real_hits(tmp_path / "nothing")
