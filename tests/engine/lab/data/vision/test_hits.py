"""Labelled hits: read from simulated takes and label tables, and limited for each object."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BadInput
from engine.lab.data.vision.hits import (
    is_certain_of_day,
    limit_hits_per_object,
    list_real_hits,
    list_simulated_hits,
    was_recorded_on,
)
from engine.lab.data.vision.pictures import read_material_pictures
from tests.frames import make_squares


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


def test_excerpts_are_hits_of_the_days_they_may_be_of(tmp_path: Path) -> None:
    (tmp_path / "greatest_hits_labels.csv").write_text("video,t_label,material,action,t_audio_onset,delta\n")
    folder = tmp_path / "video" / "su2023_page"
    folder.mkdir(parents=True)
    for number in (3, 20):
        (folder / f"physics_driven_diffusion_model_sample_{number}.mp4").write_bytes(b"")
    hits = list_real_hits(tmp_path)
    assert {hit.material for hit in hits} == {"rock", "wood"} and not any(hit.sound for hit in hits)
    assert all(0.0 <= hit.x <= 1.0 and 0.0 <= hit.y <= 1.0 for hit in hits)
    rock, wood = (next(hit for hit in hits if hit.material == name) for name in ("rock", "wood"))
    assert was_recorded_on(rock, ["2015-09-24"]) and not is_certain_of_day(rock)
    assert not was_recorded_on(wood, ["2015-09-24"]) and is_certain_of_day(wood)


def test_tiles_are_cut_from_a_sheet_and_empty_places_left_out(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    sheet = np.full((16 + 2 * 176, 16 + 2 * 144, 3), 255, np.uint8)
    tiles = random.integers(0, 255, (3, 128, 128, 3), dtype=np.uint8)
    for k, tile in enumerate(tiles):
        y, x = 16 + 176 * (k // 2), 16 + 144 * (k % 2)
        sheet[y : y + 128, x : x + 128] = tile
    (tmp_path / "pictures" / "ambientcg").mkdir(parents=True)
    Image.fromarray(sheet).save(tmp_path / "pictures" / "ambientcg" / "Carpet.webp", lossless=True)
    found = list(read_material_pictures(tmp_path))
    assert [picture.material for picture in found] == ["carpet"] * 3
    assert all(np.array_equal(picture.pixels, tile) for picture, tile in zip(found, tiles, strict=True))
    with pytest.raises(BadInput, match="pictures"):
        list(read_material_pictures(tmp_path / "nothing"))


def test_of_an_object_the_hits_before_the_longest_pauses_are_kept() -> None:
    hits = [replace(make_squares(1, 0).hits[0], time_s=float(k), apart_s=float(k % 3)) for k in range(6)]
    assert [hit.time_s for hit in limit_hits_per_object(hits, 2)] == [2.0, 5.0]
