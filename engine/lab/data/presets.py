"""Build assets/presets.json from recordings where there are good ones, else from material constants."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import gain_to_db
from engine.lab.data.plates import Plate, plate_modes, plate_noise
from engine.media.sound import read_recording
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Modes, Physics, physics_to_json
from engine.physics.presets import PRESETS_PATH
from engine.physics.synthesis import synthesize

MOST_MODES = 48
PEAK_DB = -6.0
FAINTEST_MODE_DB = -55.0  # under the strongest of its preset


@dataclass(frozen=True)
class Recipe:
    """One preset: a recording by its name in the corpus, or a plate by its constants."""

    name: str
    material: str
    recording: str = ""
    plate: Plate | None = None
    made_of: str = ""


GYPSUM = {"young_pa": 2.6e9, "density_kg_per_m3": 720.0, "poisson": 0.3}
GRANITE = {"young_pa": 55e9, "density_kg_per_m3": 2650.0, "poisson": 0.23}
CONCRETE = {"young_pa": 30e9, "density_kg_per_m3": 2400.0, "poisson": 0.2}
SPRUCE = {"young_pa": 9e9, "density_kg_per_m3": 480.0, "poisson": 0.3}
BOARD = {"young_pa": 1.5e9, "density_kg_per_m3": 180.0, "poisson": 0.34}
PAPER = {"young_pa": 0.3e9, "density_kg_per_m3": 800.0, "poisson": 0.2}
PORCELAIN = {"young_pa": 72e9, "density_kg_per_m3": 2400.0, "poisson": 0.23}


def _plate(constants: dict[str, Any], size_mm: tuple[float, float, float], **blow: Any) -> Plate:
    return Plate(**constants, size_m=(size_mm[0] / 1e3, size_mm[1] / 1e3, size_mm[2] / 1e3), **blow)


RECIPES = (
    Recipe("Wine glass", "glass", "berklee_olpc/wine_glass_1_0"),
    Recipe("Wine bottle", "glass", "berklee_olpc/wine_bottle1_0"),
    Recipe("Glass, ringing", "glass", "berklee_olpc/glasshit3_1"),
    Recipe("Drinking glass, tick", "glass", "berklee_olpc/glass_cup_2_0"),
    Recipe("Small glass", "glass", "kenney_impact/impactGlass_light_003"),
    Recipe("Wooden box", "wood", "berklee_olpc/wood_box_1_0"),
    Recipe("Hollow wood", "wood", "berklee_olpc/clonk2_0"),
    Recipe("Two-by-four, dropped", "wood", "berklee_olpc/boardSlam_2X4_2_0"),
    Recipe("Wooden pole", "wood", "berklee_olpc/wood_pole_1_0"),
    Recipe("Plank", "wood", "kenney_impact/impactPlank_medium_002"),
    Recipe("Mug", "ceramic", "berklee_olpc/hairbrush_on_mug2_0"),
    Recipe("Floor tile", "ceramic", "berklee_olpc/ceramictile4_0"),
    Recipe("Tile, tick", "ceramic", "berklee_olpc/Tile_pecking1_1"),
    Recipe(
        "Porcelain plate", "ceramic",
        plate=_plate(PORCELAIN, (190, 170, 4.5), loss=0.0012, support_loss_per_s=9.0, contact_s=0.00025, noise_db=-4.0,
                     noise_decay_per_s=160.0),
        made_of="porcelain plate 190 x 170 x 4.5 mm, E 72 GPa, 2400 kg/m3, loss factor 0.0012",
    ),
    Recipe("Frying pan", "metal", "berklee_olpc/pan_hit_2_0"),
    Recipe("Tin can", "metal", "berklee_olpc/tin_can_2_0"),
    Recipe("Hubcap", "metal", "berklee_olpc/hubcap_1_0"),
    Recipe("Trash can", "metal", "berklee_olpc/Trashcan_resonant_hit3_0"),
    Recipe("Cowbell", "metal", "berklee_olpc/cowbell1_big_0"),
    Recipe("Small bell", "metal", "berklee_olpc/bell_light_1_0"),
    Recipe("Fabric, pat", "cloth", "kenney_impact/impactSoft_medium_001"),
    Recipe("Cushion, thump", "cloth", "kenney_impact/impactSoft_heavy_004"),
    Recipe("Denim, slap", "cloth", "berklee_olpc/plastic_denim_2_0"),
    Recipe("Plastic bottle", "plastic", "berklee_olpc/plastic_bottle_2_0"),
    Recipe("Plastic jug", "plastic", "berklee_olpc/jug_1_0"),
    Recipe("Plastic container", "plastic", "berklee_olpc/dull_container_2_0"),
    Recipe("Plastic cup, dropped", "plastic", "berklee_olpc/cup_drop_2_0"),
    Recipe("Table-tennis ball", "plastic", "berklee_olpc/ping_pong_solo_1_0"),
    Recipe(
        "Drywall, between studs", "drywall",
        plate=_plate(GYPSUM, (1200, 400, 12.5), loss=0.014, support_loss_per_s=26.0, contact_s=0.0022, noise_db=-2.0,
                     noise_decay_per_s=70.0),
        made_of="gypsum board 1200 x 400 x 12.5 mm between studs, E 2.6 GPa, 720 kg/m3, loss factor 0.014",
    ),
    Recipe(
        "Drywall, over a stud", "drywall",
        plate=_plate(GYPSUM, (400, 240, 12.5), loss=0.03, support_loss_per_s=70.0, contact_s=0.0011, noise_db=-6.0,
                     noise_decay_per_s=120.0),
        made_of="gypsum board 400 x 240 x 12.5 mm held at a stud, E 2.6 GPa, 720 kg/m3, loss factor 0.03",
    ),
    Recipe(
        "Drywall, double board", "drywall",
        plate=_plate(GYPSUM, (1200, 600, 25.0), loss=0.03, support_loss_per_s=45.0, contact_s=0.0018, noise_db=-1.0,
                     noise_decay_per_s=90.0),
        made_of="gypsum board 1200 x 600 x 25 mm, two layers screwed together, E 2.6 GPa, 720 kg/m3, loss factor 0.03",
    ),
    Recipe("Carpet, footstep", "carpet", "kenney_impact/footstep_carpet_000"),
    Recipe("Carpet, soft step", "carpet", "kenney_impact/footstep_carpet_004"),
    Recipe(
        "Carpet on floorboards", "carpet",
        plate=_plate(SPRUCE, (900, 500, 20.0), loss=0.05, support_loss_per_s=38.0, contact_s=0.009, noise_db=-11.0,
                     noise_decay_per_s=45.0),
        made_of="spruce floor 900 x 500 x 20 mm, E 9 GPa, 480 kg/m3, under pile that spreads the blow over 9 ms",
    ),
    Recipe(
        "Carpet on concrete", "carpet",
        plate=_plate(CONCRETE, (2500, 2000, 120.0), loss=0.03, support_loss_per_s=60.0, contact_s=0.006, noise_db=8.0,
                     noise_decay_per_s=55.0),
        made_of="concrete floor 2.5 x 2 m x 120 mm, E 30 GPa, 2400 kg/m3, under pile that spreads the blow over 6 ms",
    ),
    Recipe("Deck of cards, slapped", "paper", "berklee_olpc/cards2_0"),
    Recipe(
        "Book, set down", "paper",
        plate=_plate(PAPER, (230, 150, 25.0), loss=0.12, support_loss_per_s=90.0, contact_s=0.0025, noise_db=-17.0,
                     noise_decay_per_s=110.0),
        made_of="closed book 230 x 150 x 25 mm, E 0.3 GPa, 800 kg/m3, loss factor 0.12",
    ),
    Recipe(
        "Cardboard box", "paper",
        plate=_plate(BOARD, (320, 260, 4.0), loss=0.05, support_loss_per_s=55.0, contact_s=0.0016, noise_db=-9.0,
                     noise_decay_per_s=95.0),
        made_of="corrugated board 320 x 260 x 4 mm, E 1.5 GPa, 180 kg/m3, loss factor 0.05",
    ),
    Recipe("Stone, knocked", "rock", "berklee_olpc/stone1_0"),
    Recipe("Pebble, tick", "rock", "berklee_olpc/stone2_0"),
    Recipe("Rock, pickaxe", "rock", "kenney_impact/impactMining_004"),
    Recipe(
        "Granite slab", "rock",
        plate=_plate(GRANITE, (450, 300, 30.0), loss=0.006, support_loss_per_s=22.0, contact_s=0.0003, noise_db=-2.0,
                     noise_decay_per_s=180.0),
        made_of="granite slab 450 x 300 x 30 mm, E 55 GPa, 2650 kg/m3, loss factor 0.006",
    ),
)  # fmt: skip

CREDITS = {
    "berklee_olpc": "OLPC Berklee Sound Library: {}, CC-BY 3.0",
    "kenney_impact": "Kenney Impact Sounds: {}, CC0",
}


def main(args: Sequence[str]) -> int:
    """Build the presets file from a corpus; prints a line for each preset to standard error."""
    parser = argparse.ArgumentParser(prog="presets", description="Build the table of preset sounds.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds audio/")
    parser.add_argument("--out", type=Path, default=PRESETS_PATH, help="file to write")
    options = parser.parse_args(list(args))
    rows = [build_preset(recipe, options.data / "audio") for recipe in RECIPES]
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    options.out.write_text(f'{{"version":1,"presets":[\n{text}\n]}}\n', encoding="utf-8")
    return 0


def build_preset(recipe: Recipe, audio_dir: Path) -> dict[str, Any]:
    """One preset as a JSON row, its peak at -6 dB re full scale. BadInput when its recording is missing."""
    if recipe.plate is not None:
        physics = Physics(plate_modes(recipe.plate, MOST_MODES), plate_noise(recipe.plate))
        note, fit = f"built from material constants: {recipe.made_of}", 1.0
    else:
        path = audio_dir / f"{recipe.recording}.flac"
        if not path.is_file():
            raise BadInput(f"{path} is missing; give the corpus folder with --data")
        samples, sample_rate_hz = read_recording(path)
        physics, fit = analyze_hit(samples, sample_rate_hz, max_modes=MOST_MODES)
        folder, name = recipe.recording.split("/")
        note = f"estimated from {CREDITS[folder].format(name)}"
    physics = _at_peak(replace(physics, modes=_audible(physics.modes)))
    modes, residual = physics.modes, physics.residual
    print(f"{recipe.material:8} {recipe.name:24} {len(modes):3} modes  fit {fit:.2f}  {note}", file=sys.stderr)
    value = physics_to_json(physics)
    return {
        "name": recipe.name,
        "material": recipe.material,
        "origin_note": note,
        "modes": _rounded_modes(value["modes"]),
        "residual": _rounded_residual(value["residual"]) if residual.edges_hz else {},
    }


def _audible(modes: Modes) -> Modes:
    if not len(modes):
        return modes
    kept = np.flatnonzero(np.asarray(modes.power_db) > max(modes.power_db) + FAINTEST_MODE_DB)
    frequency, power, decay, phase = (
        tuple(values[i] for i in kept)
        for values in (modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad)
    )
    return Modes(frequency, power, decay, phase, (False,) * kept.size)


def _at_peak(physics: Physics) -> Physics:
    """The same sound with its highest peak (of a few draws of its noise) at ``PEAK_DB``."""
    peak = max(float(np.abs(synthesize(physics, 1.0, seed)).max()) for seed in range(4))
    change = PEAK_DB - gain_to_db(max(peak, 1e-12))
    modes, residual = physics.modes, physics.residual
    louder = replace(modes, power_db=tuple(p + change for p in modes.power_db))
    return replace(physics, modes=louder, residual=residual.scaled(raise_db=change))


def _digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _rounded_modes(modes: dict[str, list[float]]) -> dict[str, list[float]]:
    return {
        "frequency_hz": [_digits(v, 6) for v in modes["frequency_hz"]],
        "power_db": [round(v, 2) for v in modes["power_db"]],
        "decay_per_s": [_digits(v, 4) for v in modes["decay_per_s"]],
        "phase_rad": [round(v, 2) for v in modes["phase_rad"]],
    }


def _rounded_residual(residual: dict[str, Any]) -> dict[str, Any]:
    def table(power: list[float], decay: list[float]) -> dict[str, list[float]]:
        floor = max(power) - 90.0
        return {
            "power_db": [round(max(v, floor), 1) for v in power],
            "decay_per_s": [_digits(v, 3) for v in decay],
        }

    components = {name: residual[name] for name in ("room", "tail", "attack") if residual.get(name)}
    return {
        "edges_hz": [_digits(v, 5) for v in residual["edges_hz"]],
        **table(residual["power_db"], residual["decay_per_s"]),
        **{name: table(component["power_db"], component["decay_per_s"]) for name, component in components.items()},
        "rise_s": residual.get("rise_s", 0.0),
        "envelope_db": [round(v, 1) for v in residual.get("envelope_db", [])],
    }
