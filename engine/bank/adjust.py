"""Move a sound's physics towards given attributes, by the macro controls and a room."""

from __future__ import annotations

import math
from dataclasses import replace

from engine.bank.attributes import STRIKER_HARDNESS, Attributes, measure_energy_db, measure_pitch, measure_ring
from engine.bank.bank import Entry
from engine.bank.lexicon import typical_size_m
from engine.physics.macros import apply_macros, change_room
from engine.physics.model import Macros, Modes, NoiseComponent, Physics, Residual

ROOM_T60_S, ROOM_T60_SPAN, ROOM_AMOUNT = 0.5, 8.0, 0.7
MAX_MASS = 0.75
MAX_LEVEL_CHANGE_DB = 20.0


def adjust_physics(physics: Physics, attributes: Attributes, entry: Entry | None = None) -> Physics:
    """Physics moved towards the attributes at equal energy; unknown attributes and ones already met change nothing.

    Size and pitch set the mass macro, a striker harder or softer than the ``entry``'s the hardness, ring and damping
    the damping; a room replaces the sound's own.
    """
    modes, residual = physics.modes, physics.residual
    macros = Macros(
        mass=_mass(physics, attributes, entry),
        hardness=_hardness(attributes, entry),
        damping=_damping(physics, attributes),
        room=-1.0 if not math.isnan(attributes.room) else 0.0,
    )
    energy_db = measure_energy_db(modes, residual)
    modes, residual = apply_macros(modes, residual, macros)
    change_db = energy_db - measure_energy_db(modes, residual)
    if macros != Macros() and math.isfinite(change_db):
        change_db = max(-MAX_LEVEL_CHANGE_DB, min(MAX_LEVEL_CHANGE_DB, change_db))
        modes = replace(modes, power_db=tuple(p + change_db for p in modes.power_db))
        residual = residual.scaled(change_db)
    if attributes.room > -1.0:
        residual = add_room(modes, residual, attributes.room)
    return replace(physics, modes=modes, residual=residual)


def add_room(modes: Modes, residual: Residual, room: float) -> Residual:
    """The residual with another room: T60 0.5 s at ``room`` 0, eight times as long at 1, an eighth at -1."""
    larger = change_room(modes, replace(residual, room=None), ROOM_AMOUNT)
    if larger.room is None:
        return residual
    factor = ROOM_T60_SPAN**-room
    return replace(
        larger, room=NoiseComponent(larger.room.power_db, tuple(d * factor for d in larger.room.decay_per_s))
    )


def _mass(physics: Physics, attributes: Attributes, entry: Entry | None) -> float:
    own_m = (entry.size_m or typical_size_m(entry.name)) if entry is not None else math.nan
    mass = 0.0
    if attributes.size_m > 0.0 and own_m > 0.0:
        mass = 0.5 * math.log(attributes.size_m / own_m, 4.0)  # half: objects of one name differ in more than scale
    missing = _shortfall(attributes.pitch, measure_pitch(physics))
    return max(-MAX_MASS, min(MAX_MASS, mass - 0.5 * missing))


def _hardness(attributes: Attributes, entry: Entry | None) -> float:
    wanted = attributes.hardness
    if math.isnan(wanted):
        wanted = STRIKER_HARDNESS.get(attributes.striker, math.nan)
    if math.isnan(wanted):
        return 0.0
    own = STRIKER_HARDNESS.get(entry.striker, 0.0) if entry is not None else 0.0
    return max(-1.0, min(1.0, 0.6 * (wanted - own)))


def _damping(physics: Physics, attributes: Attributes) -> float:
    damping = 0.0 if math.isnan(attributes.damping) else 0.6 * attributes.damping
    return max(-1.0, min(1.0, damping - 0.5 * _shortfall(attributes.ring, measure_ring(physics))))


def _shortfall(wanted: float, own: float) -> float:
    """Signed difference missing towards a wanted value; 0 where it is reached, or either is unknown."""
    if math.isnan(wanted) or math.isnan(own):
        return 0.0
    return max(0.0, wanted - own) if wanted > 0.0 else min(0.0, wanted - own)
