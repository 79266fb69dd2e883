"""The presets that ship: complete, well-formed, with source and licence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.lab.data.plates import Plate, force_spectrum, plate_modes, plate_noise
from engine.lab.data.presets import RECIPES, build_preset
from engine.physics.model import Physics
from engine.physics.presets import PRESETS_PATH, load_presets
from engine.physics.synthesis import ring_time_s, synthesize

MATERIALS = {"glass", "wood", "ceramic", "metal", "cloth", "plastic", "drywall", "carpet", "paper", "rock"}


def test_every_material_has_several() -> None:
    presets = load_presets()
    counts = Counter(preset.material for preset in presets)
    assert set(counts) == MATERIALS and min(counts.values()) >= 3
    assert len({preset.name for preset in presets}) == len(presets)
    assert PRESETS_PATH.stat().st_size < 150_000


@pytest.mark.slow
@pytest.mark.parametrize("preset", load_presets(), ids=lambda preset: preset.name)
def test_preset_sounds_at_a_sensible_level(preset) -> None:  # type: ignore[no-untyped-def]
    physics = Physics(preset.modes, preset.residual)
    sound = synthesize(physics, 1.0, seed=7)
    assert -16.0 < 20 * np.log10(np.abs(sound).max()) < -1.0
    assert len(preset.modes) <= 48
    assert 0.03 < ring_time_s(physics) < 6.0
    assert preset.credit.startswith(("estimated from ", "built from material constants: "))


def test_notes_name_licences() -> None:
    for preset in load_presets():
        if preset.credit.startswith("estimated"):
            assert preset.credit.endswith((", CC-BY 3.0", ", CC0"))


@pytest.mark.slow
def test_plate_presets_are_built_as_shipped() -> None:
    shipped = {row["name"]: row for row in json.loads(PRESETS_PATH.read_text(encoding="utf-8"))["presets"]}
    assert list(shipped) == [recipe.name for recipe in RECIPES]
    for recipe in RECIPES:
        if recipe.plate is not None:
            row = build_preset(recipe, Path("."))
            assert row["modes"]["frequency_hz"] == shipped[recipe.name]["modes"]["frequency_hz"]


def test_plate_frequencies_are_those_of_theory() -> None:
    steel = Plate(210e9, 7800.0, 0.3, 0.001, (0.5, 0.4, 0.002), 5.0, 0.0003, 0.0, 100.0)
    modes = plate_modes(steel, 48)
    stiffness = 210e9 * 0.002**3 / (12 * (1 - 0.09))
    lowest = np.pi / 2 * np.sqrt(stiffness / (7800 * 0.002)) * (1 / 0.5**2 + 1 / 0.4**2)
    assert modes.frequency_hz[0] == pytest.approx(lowest)
    assert list(modes.frequency_hz) == sorted(modes.frequency_hz)
    thicker = plate_modes(Plate(210e9, 7800.0, 0.3, 0.001, (0.5, 0.4, 0.004), 5.0, 0.0003, 0.0, 100.0), 48)
    assert thicker.frequency_hz[0] == pytest.approx(2 * lowest)
    assert len(plate_noise(steel).power_db) == 32


def test_soft_blows_are_dull() -> None:
    frequency = np.array([10.0, 500.0, 5000.0])
    soft, hard = force_spectrum(frequency, 0.005), force_spectrum(frequency, 0.0002)
    assert soft[0] == pytest.approx(1.0, abs=0.05) and hard[0] == pytest.approx(1.0, abs=0.01)
    assert soft[2] < 0.01 < hard[2] and soft[1] < hard[1]


def test_broken_file_is_one_sentence(tmp_path: Path) -> None:
    good = json.loads(PRESETS_PATH.read_text(encoding="utf-8"))["presets"][0]
    rows = [
        {"name": "x"},
        {**good, "name": ["Bowl"] * 5000},
        {**good, "material": None},
        {**good, "origin_note": "x" * 10**6},
    ]
    for number, row in enumerate(rows):
        broken = tmp_path / f"{number}.json"
        broken.write_text(json.dumps({"presets": [row]}))
        with pytest.raises(BadInput, match=rf"^{number}\.json is damaged"):
            load_presets(broken)
    named = tmp_path / "named.json"
    named.write_text(json.dumps({"presets": [{**good, "name": "x\n" * 400, "modes": {"frequency_hz": [1.0]}}]}))
    with pytest.raises(BadInput) as refusal:
        load_presets(named)
    assert len(str(refusal.value)) < 200 and str(refusal.value).isprintable()
