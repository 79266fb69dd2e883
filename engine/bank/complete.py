"""Complete a coarse physics with the fine structure of a similar measured object, the donor, chosen by the seed.

A coarse physics gives the level and decay of each wide band. Its fine structure (further modes, the levels of
narrow bands, the attack, the fine envelope) is taken from a donor with similar coarse physics, transposed to
the same size and corrected band by band to the given levels and decays. Like texture transfer, this keeps the
joint statistics of real objects, which independent draws of each parameter would lose.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, db_to_power
from engine.physics.detail import (
    Detail,
    gather_bands,
    list_noise,
    list_ringing,
    list_sounds,
    measure_level_db,
    measure_size,
    split_modes,
    take_modes,
    thin_edges,
)
from engine.physics.loudness import measure_loudness_db
from engine.physics.model import Modes, NoiseComponent, Residual

NEIGHBOURS = 10
"""A donor is drawn from so many of the most similar objects."""

_RATIOS = tuple(2.0**k for k in (-10.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 10.0))
_FLOOR_DB = -60.0
_DB_PER_OCTAVE, _DB_PER_DECAY, _DB_PER_MATERIAL = 4.0, 3.0, 6.0
_MOST_GAIN_DB, _MOST_DECAY = 24.0, 4.0
_CORRECTIONS, _FINEST_BANDS = 3, 24
_NEAREST_CENTS = 30.0
_MOST_ROOM_DB = -30.0


@dataclass(frozen=True)
class Donor:
    """A measured object that provides fine structure: its physics, material, size and coarse levels and decays."""

    modes: Modes
    residual: Residual
    material: str
    size_octaves: float
    vector: np.ndarray


def describe_donor(modes: Modes, residual: Residual, material: str) -> Donor:
    """A physics as a donor."""
    size = measure_size(modes, residual)
    return Donor(modes, residual, material, size, describe_coarse(modes, residual, size))


def is_dry(modes: Modes, residual: Residual) -> bool:
    """Whether an object's room is not heard, as one that lends to others needs.

    In a wet recording the room is mistaken for the object's own decay, and damping would not be heard.
    """
    own, room = (
        sum(power / decay for _, _, power, decay in sounds)
        for sounds in (list_sounds(modes, residual), list_noise(residual, "room"))
    )
    return room <= db_to_power(_MOST_ROOM_DB) * own


def describe_coarse(modes: Modes, residual: Residual, size_octaves: float) -> np.ndarray:
    """Levels in dB against the whole, and log2 decays, in eight bands relative to the size, float64 [16]."""
    scale = 1000.0 * 2.0**-size_octaves
    found = gather_bands(list_sounds(modes, residual), [ratio * scale for ratio in _RATIOS])
    levels = np.asarray(found.power_db) - measure_level_db(modes, residual)
    return np.concatenate([np.maximum(levels, _FLOOR_DB), np.log2(np.maximum(found.decay_per_s, 0.1))])


def complete_physics(
    modes: Modes, residual: Residual, detail: Detail, material: str, donors: Sequence[Donor], seed: int
) -> tuple[Modes, Residual]:
    """A reduced physics completed to a whole one; the seed chooses the donor.

    ``detail`` is the level to which the physics was reduced. Given modes stay as they are; level and energy of each
    given band stay. A physics at full detail, and any physics without donors, is returned unchanged.
    """
    if detail.is_full or not donors:
        return modes, residual
    size = measure_size(modes, residual) if detail.size_octaves is None else detail.size_octaves
    donor = choose_donor(modes, residual, detail, material, size, donors, seed)
    return lend_detail(modes, residual, detail, transpose(donor, 2.0 ** (donor.size_octaves - size)))


def choose_donor(
    modes: Modes,
    residual: Residual,
    detail: Detail,
    material: str,
    size_octaves: float,
    donors: Sequence[Donor],
    seed: int,
) -> Donor:
    """One of the donors most like a coarse physics; where no more than a material is given, any of the material.

    Seeds that follow one another take each of them once before one comes again.
    """
    alike = [donor for donor in donors if donor.material == material] if material else []
    if is_typical(detail):
        pool = alike or list(donors)
        distance = np.array([abs(donor.size_octaves - size_octaves) for donor in pool])
        return pool[_choose_nearest(distance, seed)]
    wanted = describe_coarse(modes, residual, size_octaves)
    bands = len(wanted) // 2
    loudness = np.maximum(wanted[:bands] - _FLOOR_DB, 0.0) + 1.0
    weights = loudness / loudness.sum()
    vectors = np.stack([donor.vector for donor in donors])
    sizes = np.array([donor.size_octaves for donor in donors])
    distance = (
        np.abs(vectors[:, :bands] - wanted[:bands]) @ weights
        + _DB_PER_DECAY * np.abs(vectors[:, bands:] - wanted[bands:]) @ weights
        + _DB_PER_OCTAVE * np.abs(sizes - size_octaves)
    )
    if material:
        distance += _DB_PER_MATERIAL * np.array([donor.material != material for donor in donors])
    return donors[_choose_nearest(distance, seed)]


def _choose_nearest(distance: np.ndarray, seed: int) -> int:
    """Index of one of the NEIGHBOURS nearest: seeds go round all of them, in an order that is not that of distance."""
    nearest = np.argsort(distance, kind="stable")[:NEIGHBOURS]
    order = np.random.default_rng(17).permutation(len(nearest))
    return int(nearest[order[seed % len(nearest)]])


def is_typical(detail: Detail) -> bool:
    """Whether no more than material and size is given."""
    return detail.modes == 0 and detail.bands is not None and detail.bands <= 4 and not detail.attack


def transpose(donor: Donor, ratio: float) -> Donor:
    """A donor ``ratio`` times as small: all its frequencies and decays are that much higher."""
    frequency = tuple(f * ratio for f in donor.modes.frequency_hz)
    modes = replace(donor.modes, frequency_hz=frequency, decay_per_s=tuple(d * ratio for d in donor.modes.decay_per_s))
    kept = [k for k, f in enumerate(frequency) if 20.0 < f < 0.45 * SAMPLE_RATE_HZ]
    residual = donor.residual.scaled(decay_ratio=ratio, pitch_ratio=ratio)
    return replace(donor, modes=take_modes(modes, kept), residual=residual)


def lend_detail(modes: Modes, residual: Residual, detail: Detail, donor: Donor) -> tuple[Modes, Residual]:
    """The given modes and bands with the fine structure of a donor."""
    if is_typical(detail):
        raise_db = measure_loudness_db(modes, residual) - measure_loudness_db(donor.modes, donor.residual)
        return raise_modes(donor.modes, raise_db), donor.residual.scaled(raise_db)
    missing = detail.modes is not None and len(modes) >= detail.modes
    extra = list_further_modes(donor.modes, modes, detail.modes or 0) if missing else Modes()
    noise = donor.residual
    if detail.attack:
        noise = replace(noise, attack=None, rise_s=residual.rise_s)
    if detail.envelope:
        noise = replace(noise, envelope_db=residual.envelope_db)
    noise = replace(noise, room=None)
    edges = thin_edges(residual.edges_hz, min(_FINEST_BANDS, len(residual.edges_hz) - 1))
    own = [band for name, _ in residual.components if name != "room" for band in list_noise(residual, name)]
    wanted = gather_bands(own, edges)
    for _ in range(_CORRECTIONS):
        rest = [band for name, _ in noise.components for band in list_noise(noise, name)] + list_ringing(extra)
        extra, noise = correct_bands(extra, noise, edges, gather_bands(rest, edges), wanted)
    whole = Modes(
        modes.frequency_hz + extra.frequency_hz,
        modes.power_db + extra.power_db,
        modes.decay_per_s + extra.decay_per_s,
        modes.phase_rad + extra.phase_rad,
        modes.mute_mask + extra.mute_mask,
    )
    room = list_noise(residual, "room")
    noise = noise.with_component("room", gather_bands(room, noise.edges_hz) if room else None)
    return take_modes(whole, sorted(range(len(whole)), key=lambda k: whole.frequency_hz[k])), noise


def list_further_modes(modes: Modes, given: Modes, count: int) -> Modes:
    """A donor's modes without its ``count`` strongest and those that coincide with given ones."""
    _, further = split_modes(modes, count)
    kept = [
        k
        for k, frequency in enumerate(further.frequency_hz)
        if all(1200.0 * abs(math.log2(frequency / max(other, 1.0))) > _NEAREST_CENTS for other in given.frequency_hz)
    ]
    return take_modes(further, kept)


def raise_modes(modes: Modes, raise_db: float) -> Modes:
    """Modes louder by some decibels."""
    return replace(modes, power_db=tuple(power + raise_db for power in modes.power_db))


def correct_bands(
    modes: Modes, residual: Residual, edges_hz: Sequence[float], found: NoiseComponent, wanted: NoiseComponent
) -> tuple[Modes, Residual]:
    """Modes and noise changed by the difference of two sets of band levels and decays, smoothly over frequency."""
    centres = np.log([math.sqrt(max(low, 20.0) * high) for low, high in itertools.pairwise(edges_hz)])
    silent = np.minimum(found.power_db, wanted.power_db) < -150.0
    gain_db = np.where(
        silent, 0.0, np.clip(np.subtract(wanted.power_db, found.power_db), -_MOST_GAIN_DB, _MOST_GAIN_DB)
    )
    ratio = np.log(np.clip(np.divide(wanted.decay_per_s, found.decay_per_s), 1.0 / _MOST_DECAY, _MOST_DECAY))
    ratio = np.where(silent, 0.0, ratio)

    def change(power_db: Sequence[float], decay: Sequence[float], at_hz: Sequence[float]
               ) -> tuple[tuple[float, ...], tuple[float, ...]]:  # fmt: skip
        where = np.log(np.maximum(at_hz, 1.0))
        powers = np.asarray(power_db) + np.interp(where, centres, gain_db)
        decays = np.asarray(decay) * np.exp(np.interp(where, centres, ratio))
        return tuple(map(float, powers)), tuple(map(float, np.clip(decays, 0.1, 5000.0)))

    power, decay = change(modes.power_db, modes.decay_per_s, modes.frequency_hz)
    changed = replace(modes, power_db=power, decay_per_s=decay)
    middles = [math.sqrt(max(a, 20.0) * b) for a, b in zip(residual.edges_hz, residual.edges_hz[1:], strict=False)]
    for name, component in residual.components:
        parts = change(component.power_db, component.decay_per_s, middles)
        residual = residual.with_component(name, NoiseComponent(*parts))
    return changed, residual
