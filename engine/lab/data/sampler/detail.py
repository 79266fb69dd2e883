"""Levels of detail in training, typical physics of materials, and pairs of takes of one object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, power_to_db
from engine.diffusion.conditioning import name_material
from engine.lab.data.sampler.hits import AnalysedHit
from engine.physics.detail import (
    Detail,
    gather_bands,
    list_sounds,
    measure_level_db,
    measure_size,
    reduce_detail,
)
from engine.physics.model import Modes, NoiseComponent, Residual

ANY_MATERIAL = ""
_RATIOS = (1e-3, 0.5, 1.5, 5.0, 100.0)
_FEWEST_HITS, _FAINTEST_DB = 8, -60.0
_ALIKE_CENTS, _ALIKE_MODES, _ALIKE_SHARE = 50.0, 8, 0.5

Typical = Mapping[str, NoiseComponent]
"""For each material, levels in dB and decays of four bands, of an object whose size is 0 octaves, level 0 dB."""


@dataclass(frozen=True)
class DetailConfig:
    """Fractions of the examples by level of detail; the others have a random level.

    A fraction ``full`` has all parameters, ``typical`` material and size alone, ``takes`` the physics of another take
    of the same object, where there is one. The size is given in a fraction ``size``.
    """

    full: float = 0.35
    typical: float = 0.15
    takes: float = 0.2
    size: float = 0.5
    modes: tuple[int | None, ...] = (0, 1, 2, 4, 8, 8, 16, 32, None)
    bands: tuple[int | None, ...] = (4, 8, 8, 16, None)
    fine: float = 0.5


def draw_detail(config: DetailConfig, size_octaves: float, rng: np.random.Generator) -> Detail:
    """A random level of detail; half of the reduced ones include the envelope, half the attack."""
    size = float(size_octaves + rng.normal(0.0, 0.1)) if rng.random() < config.size else None
    if rng.random() < config.full / (1.0 - config.typical):
        return Detail(size_octaves=size)
    modes = config.modes[int(rng.integers(len(config.modes)))]
    bands = config.bands[int(rng.integers(len(config.bands)))]
    return Detail(modes, bands, bool(rng.random() < config.fine), bool(rng.random() < config.fine), size)


TYPICAL = Detail(modes=0, bands=len(_RATIOS) - 1, envelope=False, attack=False)
"""The detail of a typical physics, but for its size."""

LEVELS = {
    "as measured": Detail(),
    "8 modes, 8 bands": Detail(modes=8, bands=8, envelope=False, attack=False),
    "1 mode, 4 bands": Detail(modes=1, bands=4, envelope=False, attack=False),
    "material and size": TYPICAL,
}
"""The levels of detail that are evaluated, by name."""


def measure_typical(hits: Sequence[AnalysedHit]) -> dict[str, NoiseComponent]:
    """Median levels and decays of each material, and of all hits together, by bands relative to an object's size."""
    rows: dict[str, list[tuple[tuple[float, ...], tuple[float, ...]]]] = {}
    for hit in hits:
        scale = 1000.0 * 2.0 ** -measure_size(hit.modes, hit.residual)
        sounds = list_sounds(hit.modes, hit.residual)
        found = gather_bands(sounds, [ratio * scale for ratio in _RATIOS])
        level_db = measure_level_db(hit.modes, hit.residual)
        slow = tuple(decay / (scale / 1000.0) for decay in found.decay_per_s)
        row = (tuple(power - level_db for power in found.power_db), slow)
        for name in {name_material(hit.material), ANY_MATERIAL}:
            rows.setdefault(name, []).append(row)
    typical = {}
    for name, found_rows in sorted(rows.items()):
        if len(found_rows) >= _FEWEST_HITS or name == ANY_MATERIAL:
            powers = np.maximum(np.median([power for power, _ in found_rows], axis=0), _FAINTEST_DB)
            decays = np.exp(np.median(np.log([decay for _, decay in found_rows]), axis=0))
            typical[name] = NoiseComponent(tuple(map(float, powers)), tuple(map(float, decays)))
    return typical


def scale_typical(typical: Typical, material: str, size_octaves: float, level_db: float) -> Residual:
    """The typical physics of a material at a size and level: four bands of noise."""
    component = typical.get(material, typical[ANY_MATERIAL])
    scale = 1000.0 * 2.0**-size_octaves
    edges = (20.0, *(float(np.clip(r * scale, 40.0 + k, 23_000.0 + k)) for k, r in enumerate(_RATIOS[1:-1])))
    power = tuple(p + level_db for p in component.power_db)
    decay = tuple(max(d * scale / 1000.0, 0.1) for d in component.decay_per_s)
    return Residual((*edges, SAMPLE_RATE_HZ / 2), power, decay)


def reduce_physics(hit: AnalysedHit, level: str, typical: Typical) -> tuple[Modes, Residual, Detail]:
    """A hit's physics at a level of detail, and that detail with its size filled in where it is given."""
    detail = LEVELS[level]
    if detail is not TYPICAL:
        return *reduce_detail(hit.modes, hit.residual, detail), detail
    size = measure_size(hit.modes, hit.residual)
    level_db = measure_level_db(hit.modes, hit.residual)
    residual = scale_typical(typical, name_material(hit.material), size, level_db)
    return Modes(), residual, replace(detail, size_octaves=size)


def reduce_hit(hit: AnalysedHit, typical: Typical, config: DetailConfig, rng: np.random.Generator
               ) -> tuple[AnalysedHit, Detail]:  # fmt: skip
    """A hit whose physics has been reduced to a level of detail drawn at random, and that level."""
    size = measure_size(hit.modes, hit.residual)
    if rng.random() < config.typical:
        given = float(size + rng.normal(0.0, 0.1))
        material = name_material(hit.material) if rng.random() < 0.8 else ANY_MATERIAL
        residual = scale_typical(typical, material, given, measure_level_db(hit.modes, hit.residual))
        return replace(hit, modes=Modes(), residual=residual), replace(TYPICAL, size_octaves=given)
    detail = draw_detail(config, size, rng)
    modes, residual = reduce_detail(hit.modes, hit.residual, detail)
    return replace(hit, modes=modes, residual=residual), detail


def pair_takes(hits: Sequence[AnalysedHit]) -> dict[int, list[int]]:
    """For each hit, by index, other takes of the same object: of its group, half of the strongest modes equal."""
    groups: dict[str, list[int]] = {}
    for place, hit in enumerate(hits):
        groups.setdefault(hit.group, []).append(place)
    strongest = [find_strongest(hit) for hit in hits]
    pairs: dict[int, list[int]] = {}
    for members in groups.values():
        for place in members:
            others = [k for k in members if k != place and share_modes(strongest[place], strongest[k]) >= _ALIKE_SHARE]
            if others:
                pairs[place] = others
    return pairs


def find_strongest(hit: AnalysedHit) -> np.ndarray:
    """Frequencies in Hz of the modes of most energy, most first, [K]."""
    power, decay = np.asarray(hit.modes.power_db), np.asarray(hit.modes.decay_per_s)
    order = np.argsort(-(power - power_to_db(np.maximum(decay, 0.1))))[:_ALIKE_MODES]
    result: np.ndarray = np.asarray(hit.modes.frequency_hz, dtype=np.float64)[order]
    return result


def share_modes(first_hz: np.ndarray, second_hz: np.ndarray) -> float:
    """The share of the first's frequencies that the second has within half a semitone; 0 where either has none."""
    if not first_hz.size or not second_hz.size:
        return 0.0
    cents = 1200.0 * np.abs(np.log2(first_hz[:, None] / second_hz[None, :]))
    return float((cents.min(axis=1) < _ALIKE_CENTS).mean())


def swap_physics(take: AnalysedHit, other: AnalysedHit) -> AnalysedHit:
    """A take with the physics of another take of the same object, at the take's own level."""
    raise_db = measure_level_db(take.modes, take.residual) - measure_level_db(other.modes, other.residual)
    modes = replace(other.modes, power_db=tuple(p + raise_db for p in other.modes.power_db))
    return replace(take, modes=modes, residual=other.residual.scaled(raise_db))
