"""Attributes read from the file names of recordings."""

from __future__ import annotations

from pathlib import Path

from engine.lab.data.bank.names import read_name


def test_names_tell_what_things_are() -> None:
    told = {
        "berklee_olpc/eating_chips1_0": ("Eating chips", "food"),
        "berklee_olpc/plastic_bottle_2_0": ("Plastic bottle", "plastic"),
        "kenney_impact/impactGlass_light_003": ("Glass light", "glass"),
        "dice_box/dicehit_coin2": ("Die on coin", "metal"),
    }
    labels = {"food": "metal", "plastic": "glass", "glass": "glass", "metal": "metal(coin)"}
    for name, (title, material) in told.items():
        found = read_name(Path(f"{name}.flac"), labels[material])
        assert (found.name, found.material) == (title, material)
    assert read_name(Path("berklee_olpc/bell_mallet1_0.flac"), "metal(bell/cymbal)").striker == "mallet"
