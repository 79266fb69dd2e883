"""What is struck, as far as one can tell: the common tongue of words and sight; sounds that fit, and fitting them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.bank.bank import Bank, Candidate, Entry
from engine.bank.text.lexicon import typical_size_m
from engine.core.units import LN_60_DB
from engine.physics.macros import apply_macros, change_room
from engine.physics.model import Macros, Modes, Physics, Residual, Stage

STRIKER_HARDNESS = {"stick": 0.3, "hammer": 0.7, "mallet": -0.4, "hand": -0.6, "fist": -0.5, "thing": 0.3}
PITCH_HZ, PITCH_OCTAVES = 700.0, 2.0
"""Pitch 0 and how far from it 1 is: of ``measure_heard_hz``."""

RING_T60_S = 0.3
"""T60 at ring 0; ten times as long at 1."""

ROOM_T60_S, ROOM_T60_SPAN, ROOM_AMOUNT = 0.5, 8.0, 0.7
WEIGHTS = {"material": 3.0, "name": 3.0, "size": 1.0, "hollow": 0.7, "striker": 0.5, "pitch": 1.0, "ring": 1.0}
MOST_MASS = 0.75
LOUDEST_CHANGE_DB = 20.0


@dataclass(frozen=True)
class Attributes:
    """What is struck and how; nan, "" and an empty mapping mean unknown.

    ``material`` gives weights 0 to 1 to names of MATERIALS, 0 to what it is not; ``hollow`` is 1 hollow, 0 solid;
    ``hardness`` the striker's, -1 soft to 1 hard; ``damping`` -1 free to 1 damped; ``room`` -1 dry to 1 a large hall;
    ``pitch`` -1 low to 1 high; ``ring`` -1 dead to 1 long ringing.
    """

    material: Mapping[str, float] = field(default_factory=dict)
    size_m: float = math.nan
    hollow: float = math.nan
    striker: str = ""
    hardness: float = math.nan
    damping: float = math.nan
    room: float = math.nan
    pitch: float = math.nan
    ring: float = math.nan


def rank_by_attributes(
    bank: Bank, attributes: Attributes, top: int, names: np.ndarray | None = None
) -> tuple[Candidate, ...]:
    """The ``top`` sounds that fit best, best first, one of a group, each adjusted by ``adjust_physics``.

    ``names`` [N], 0 to 1, tells how well each entry's name fits, where words named the thing. The score, 0 to 1, is the
    geometric mean of how well each known attribute fits, weighted by WEIGHTS. None where nothing known tells one sound
    from another, such as a room alone.
    """
    scores = score_entries(bank, attributes, names)
    taken: set[str] = set()
    chosen: list[Candidate] = []
    for k in np.argsort(-scores, kind="stable"):
        entry = bank.entries[int(k)]
        if len(chosen) == top or scores[k] <= 0.0:
            break
        if entry.group and entry.group in taken:
            continue
        taken.add(entry.group)
        score = float(scores[k])
        adjusted = adjust_physics(entry.physics, attributes, entry)
        why = explain(entry, score)
        chosen.append(Candidate(entry.name, entry.material, score, why, adjusted, entry.source, entry.licence))
    return tuple(chosen)


def score_entries(bank: Bank, attributes: Attributes, names: np.ndarray | None = None) -> np.ndarray:
    """How well every entry fits, 0 to 1, [N]; see ``rank_by_attributes``."""
    total, weights = np.zeros(len(bank.entries)), 0.0
    known = _describe_bank(bank)
    for name, fits in _fit_known(known, attributes, names).items():
        total += WEIGHTS[name] * np.log(np.clip(fits, 1e-3, 1.0))
        weights += WEIGHTS[name]
    result: np.ndarray = np.exp(total / weights) if weights else np.zeros(len(bank.entries))
    return result


def explain(entry: Entry, score: float) -> str:
    """Why an entry is a candidate, for people: "glass, about 25 cm, hollow, 84 % alike"."""
    size_m = entry.size_m or typical_size_m(entry.name)
    parts = [entry.material or "of unknown material"]
    if size_m > 0.0:
        parts.append(f"about {size_m:.1f} m" if size_m >= 1.0 else f"about {100.0 * size_m:.0f} cm")
    if not math.isnan(entry.hollow):
        parts.append("hollow" if entry.hollow >= 0.5 else "solid")
    return ", ".join((*parts, f"{100.0 * score:.0f} % alike"))


def adjust_physics(physics: Physics, attributes: Attributes, entry: Entry | None = None) -> Physics:
    """A sound moved to what is known of the struck thing, as loud as it was.

    Size and pitch move the mass, a harder or softer striker than the entry's the hardness, ring and damping the
    damping; a room replaces the sound's own. What the sound already is, or what is unknown, changes nothing.
    """
    modes, residual = physics.modes, physics.residual
    macros = Macros(
        mass=_wanted_mass(physics, attributes, entry),
        hardness=_wanted_hardness(attributes, entry),
        damping=_wanted_damping(physics, attributes),
        room=-1.0 if not math.isnan(attributes.room) else 0.0,
    )
    loudness_db = measure_loudness_db(modes, residual)
    modes, residual = apply_macros(modes, residual, macros)
    change_db = loudness_db - measure_loudness_db(modes, residual)
    if macros != Macros() and math.isfinite(change_db):
        change_db = max(-LOUDEST_CHANGE_DB, min(LOUDEST_CHANGE_DB, change_db))
        modes = replace(modes, power_db=tuple(p + change_db for p in modes.power_db))
        residual = residual.scaled(change_db)
    if attributes.room > -1.0:
        residual = add_room(modes, residual, attributes.room)
    return replace(physics, modes=modes, residual=residual)


def add_room(modes: Modes, residual: Residual, room: float) -> Residual:
    """The residual with a room of a size from -1 to 1 in place of its own: T60 0.5 s at 0, eight times as long at 1."""
    larger = change_room(modes, replace(residual, room=None), ROOM_AMOUNT)
    if larger.room is None:
        return residual
    slower = ROOM_T60_SPAN**-room
    return replace(larger, room=Stage(larger.room.power_db, tuple(d * slower for d in larger.room.decay_per_s)))


def measure_loudness_db(modes: Modes, residual: Residual) -> float:
    """Energy of the sound without its room, in dB; -inf for silence."""
    muted = modes.mute_mask
    energy = sum(
        0.5 * 10.0 ** (p / 10.0) / (2.0 * max(d, 0.5))
        for p, d, off in zip(modes.power_db, modes.decay_per_s, muted, strict=True)
        if not off
    )
    for name, stage in residual.stages:
        if name != "room":
            pairs = zip(stage.power_db, stage.decay_per_s, strict=True)
            energy += sum(10.0 ** (p / 10.0) / (2.0 * max(d, 0.5)) for p, d in pairs)
    return 10.0 * math.log10(energy) if energy > 0.0 else -math.inf


def measure_pitch(physics: Physics) -> float:
    """Place of the lowest modes that are heard well, -1 low to 1 high; nan without modes."""
    heard_hz = measure_heard_hz(physics.modes)
    return max(-1.0, min(1.0, math.log2(heard_hz / PITCH_HZ) / PITCH_OCTAVES)) if heard_hz > 0.0 else math.nan


def measure_heard_hz(modes: Modes) -> float:
    """Mean log frequency of the modes, weighed by amplitude as the ear does (curve A of IEC 61672) and by 1 / f; nan
    without modes. Rumble under the sound, which many recordings have, does not count."""
    muted = modes.mute_mask
    total = mean = 0.0
    for hz, power_db, off in zip(modes.frequency_hz, modes.power_db, muted, strict=True):
        if not off and hz > 0.0:
            weight = 10.0 ** (power_db / 20.0) * weigh_by_ear(hz) / hz
            total += weight
            mean += weight * math.log(hz)
    return math.exp(mean / total) if total > 0.0 else math.nan


def weigh_by_ear(hz: float) -> float:
    """Amplitude of curve A at a frequency, 1 / 1.2589 at 1 kHz."""
    square = hz * hz
    low = (square + 20.6**2) * math.sqrt((square + 107.7**2) * (square + 737.9**2))
    return 12194.0**2 * square**2 / (low * (square + 12194.0**2))


def measure_ring(physics: Physics) -> float:
    """How long the sound rings, -1 dead to 1 long, by the decay of its modes weighed by amplitude; -1 without modes."""
    modes = physics.modes
    muted = modes.mute_mask
    rows = [
        (10.0 ** (p / 20.0), math.log10(LN_60_DB / max(d, 0.1) / RING_T60_S))
        for p, d, off in zip(modes.power_db, modes.decay_per_s, muted, strict=True)
        if not off
    ]
    total = sum(weight for weight, _ in rows)
    if total <= 0.0:
        return -1.0
    return max(-1.0, min(1.0, sum(weight * ring for weight, ring in rows) / total))


def attributes_of(entry: Entry, heard: bool = True) -> Attributes:
    """What is known of an entry, and where ``heard``, its own pitch and ring."""
    return Attributes(
        {entry.material: 1.0} if entry.material else {},
        entry.size_m if entry.size_m > 0.0 else math.nan,
        entry.hollow,
        entry.striker,
        pitch=measure_pitch(entry.physics) if heard else math.nan,
        ring=measure_ring(entry.physics) if heard else math.nan,
    )


# --- how far to turn the macros -------------------------------------------------------------------


def _wanted_mass(physics: Physics, attributes: Attributes, entry: Entry | None) -> float:
    own_m = (entry.size_m or typical_size_m(entry.name)) if entry is not None else math.nan
    mass = 0.0
    if attributes.size_m > 0.0 and own_m > 0.0:
        mass = 0.5 * math.log(attributes.size_m / own_m, 4.0)  # things of one name differ in more than scale
    short = _short_of(attributes.pitch, measure_pitch(physics))
    return max(-MOST_MASS, min(MOST_MASS, mass - 0.5 * short))


def _wanted_hardness(attributes: Attributes, entry: Entry | None) -> float:
    wanted = attributes.hardness
    if math.isnan(wanted):
        wanted = STRIKER_HARDNESS.get(attributes.striker, math.nan)
    if math.isnan(wanted):
        return 0.0
    own = STRIKER_HARDNESS.get(entry.striker, 0.0) if entry is not None else 0.0
    return max(-1.0, min(1.0, 0.6 * (wanted - own)))


def _wanted_damping(physics: Physics, attributes: Attributes) -> float:
    damping = 0.0 if math.isnan(attributes.damping) else 0.6 * attributes.damping
    return max(-1.0, min(1.0, damping - 0.5 * _short_of(attributes.ring, measure_ring(physics))))


def _short_of(wanted: float, own: float) -> float:
    """How far a quality falls short of the wanted one in the wanted direction; 0 where it is or goes beyond."""
    if math.isnan(wanted) or math.isnan(own):
        return 0.0
    return max(0.0, wanted - own) if wanted > 0.0 else min(0.0, wanted - own)


# --- how well entries fit -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of a bank's entries, one array each; nan where unknown."""

    material: np.ndarray
    size_m: np.ndarray
    hollow: np.ndarray
    striker: np.ndarray
    pitch: np.ndarray
    ring: np.ndarray


@functools.lru_cache(maxsize=4)
def _describe_bank(bank: Bank) -> _Known:
    entries = bank.entries
    sizes = [entry.size_m or typical_size_m(entry.name) for entry in entries]
    return _Known(
        np.array([entry.material for entry in entries]),
        np.array([size if size > 0.0 else math.nan for size in sizes]),
        np.array([entry.hollow for entry in entries], float),
        np.array([entry.striker for entry in entries]),
        np.array([measure_pitch(entry.physics) for entry in entries]),
        np.array([measure_ring(entry.physics) for entry in entries]),
    )


def _fit_known(known: _Known, attributes: Attributes, names: np.ndarray | None) -> dict[str, np.ndarray]:
    fits: dict[str, np.ndarray] = {}
    if attributes.material:
        fits["material"] = _fit_material(known.material, attributes.material)
    if names is not None:
        fits["name"] = 0.3 + 0.7 * names
    if attributes.size_m > 0.0:
        octaves = np.log2(attributes.size_m / known.size_m)
        fits["size"] = np.where(np.isnan(octaves), 0.5, np.exp(-0.5 * (octaves / 1.2) ** 2))
    if not math.isnan(attributes.hollow):
        away = np.abs(known.hollow - attributes.hollow)
        fits["hollow"] = np.where(np.isnan(away), 0.6, 1.0 - 0.7 * np.clip(away, 0.0, 1.0))
    if attributes.striker:
        unknown = np.where(known.striker == "", 0.7, 0.5)
        fits["striker"] = np.where(known.striker == attributes.striker, 1.0, unknown)
    for name, wanted, own in (("pitch", attributes.pitch, known.pitch), ("ring", attributes.ring, known.ring)):
        if not math.isnan(wanted):
            short = np.maximum(0.0, wanted - own) if wanted > 0.0 else np.maximum(0.0, own - wanted)
            fits[name] = np.where(np.isnan(short), 0.4, np.exp(-0.5 * (short / 0.5) ** 2))
    return fits


def _fit_material(own: np.ndarray, wanted: Mapping[str, float]) -> np.ndarray:
    """1 for the likeliest material, its share for others, little for those not named; none for what it is not."""
    most = max(wanted.values())
    if most <= 0.0:
        return np.where(np.isin(own, list(wanted)), 0.01, np.where(own == "", 0.7, 1.0))
    fit = np.where(own == "", 0.2, 0.05)
    for name, weight in wanted.items():
        fit = np.where(own == name, max(weight / most, 0.01), fit)
    return fit
