"""Attributes of a struck object, the common form of descriptions and visual predictions; measured in physics too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.bank.bank import Entry
from engine.core.units import LN_60_DB, db_to_gain, db_to_power, power_to_db
from engine.physics.model import Modes, Physics, Residual

STRIKER_HARDNESS = {"stick": 0.3, "hammer": 0.7, "mallet": -0.4, "hand": -0.6, "fist": -0.5, "thing": 0.3}
PITCH_CENTRE_HZ, PITCH_OCTAVES = 700.0, 2.0
"""Mean frequency at pitch 0, and octaves from there to pitch 1 or -1."""

RING_T60_S = 0.3
"""T60 at ring 0; ten times as long at 1."""


@dataclass(frozen=True)
class Attributes:
    """What is known of the struck object and the striker; NaN, "" and an empty mapping mean unknown."""

    material: Mapping[str, float] = field(default_factory=dict)  # weights 0 to 1 of names of MATERIALS, 0 excludes
    size_m: float = math.nan
    hollow: float = math.nan  # 1 hollow, 0 solid
    striker: str = ""  # one of STRIKERS
    hardness: float = math.nan  # of the striker, -1 soft to 1 hard
    damping: float = math.nan  # -1 free to 1 damped
    room: float = math.nan  # -1 dry to 1 large hall
    pitch: float = math.nan  # -1 low to 1 high
    ring: float = math.nan  # -1 dead to 1 long ringing


def attributes_of(entry: Entry, measured: bool = True) -> Attributes:
    """Attributes of a bank entry; where ``measured``, with pitch and ring measured in its physics."""
    return Attributes(
        {entry.material: 1.0} if entry.material else {},
        entry.size_m if entry.size_m > 0.0 else math.nan,
        entry.hollow,
        entry.striker,
        pitch=measure_pitch(entry.physics) if measured else math.nan,
        ring=measure_ring(entry.physics) if measured else math.nan,
    )


def measure_pitch(physics: Physics) -> float:
    """Octaves of ``mean_frequency_hz`` above PITCH_CENTRE_HZ over PITCH_OCTAVES, -1 to 1; NaN without modes."""
    mean_hz = mean_frequency_hz(physics.modes)
    return max(-1.0, min(1.0, math.log2(mean_hz / PITCH_CENTRE_HZ) / PITCH_OCTAVES)) if mean_hz > 0.0 else math.nan


def mean_frequency_hz(modes: Modes) -> float:
    """Geometric mean frequency of the unmuted modes, with A-weighted amplitude over frequency as weights; NaN if none.

    The weights favour the lowest modes, but not inaudible rumble, which many recordings have.
    """
    muted = modes.mute_mask
    total = mean = 0.0
    for hz, power_db, off in zip(modes.frequency_hz, modes.power_db, muted, strict=True):
        if not off and hz > 0.0:
            weight = db_to_gain(power_db) * a_weighting(hz) / hz
            total += weight
            mean += weight * math.log(hz)
    return math.exp(mean / total) if total > 0.0 else math.nan


def a_weighting(hz: float) -> float:
    """Amplitude response of A-weighting (IEC 61672-1) at a frequency, without its +2 dB offset: 0.794 at 1 kHz."""
    square = hz * hz
    low = (square + 20.6**2) * math.sqrt((square + 107.7**2) * (square + 737.9**2))
    return 12194.0**2 * square**2 / (low * (square + 12194.0**2))


def measure_ring(physics: Physics) -> float:
    """Amplitude-weighted mean of log10(T60 / RING_T60_S) over the unmuted modes, -1 to 1; -1 without modes."""
    modes = physics.modes
    muted = modes.mute_mask
    rows = [
        (db_to_gain(p), math.log10(LN_60_DB / max(d, 0.1) / RING_T60_S))
        for p, d, off in zip(modes.power_db, modes.decay_per_s, muted, strict=True)
        if not off
    ]
    total = sum(weight for weight, _ in rows)
    if total <= 0.0:
        return -1.0
    return max(-1.0, min(1.0, sum(weight * ring for weight, ring in rows) / total))


def measure_energy_db(modes: Modes, residual: Residual) -> float:
    """Energy of the unmuted modes and the noise without its room, in dB re 1 s of mean square 1; -inf for silence."""
    muted = modes.mute_mask
    energy = sum(
        0.5 * db_to_power(p) / (2.0 * max(d, 0.5))
        for p, d, off in zip(modes.power_db, modes.decay_per_s, muted, strict=True)
        if not off
    )
    for name, component in residual.components:
        if name != "room":
            pairs = zip(component.power_db, component.decay_per_s, strict=True)
            energy += sum(db_to_power(p) / (2.0 * max(d, 0.5)) for p, d in pairs)
    return power_to_db(energy) if energy > 0.0 else -math.inf
