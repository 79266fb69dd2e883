"""Level of detail of a physics: all that was measured, a few modes and bands, or a material and a size.

The sampler is trained and renders at every level: given parameters are kept, the others are generated from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ, SILENCE_DB, db_to_power, power_to_db
from engine.physics.model import Modes, NoiseComponent, Residual

MOST_MODES = 64
MOST_BANDS = 48
_FASTEST_PER_S = LN_60_DB / 0.001


@dataclass(frozen=True)
class Detail:
    """Which part of a physics is given as conditioning; the default is all of it.

    ``modes`` and ``bands`` are the numbers of given modes and noise bands, None for all. ``envelope`` and ``attack``
    are whether the fine envelope and the onset (rise and contact burst) are given. ``size_octaves`` is the size in
    octaves under 1 kHz (``measure_size``), None where it is not given. ``variation`` is from 0, the same hit, to 1,
    another take of the same object.
    """

    modes: int | None = None
    bands: int | None = None
    envelope: bool = True
    attack: bool = True
    size_octaves: float | None = None
    variation: float = 0.0

    @property
    def is_full(self) -> bool:
        """Whether the whole physics is given."""
        return self.modes is None and self.bands is None and self.envelope and self.attack


def reduce_detail(modes: Modes, residual: Residual, detail: Detail) -> tuple[Modes, Residual]:
    """A physics reduced to a level of detail; the energy of dropped modes goes into the bands that they lie in.

    Bands are merged so that level at the onset and energy stay; the modes kept are those of most energy.
    """
    kept, dropped = split_modes(modes, detail.modes)
    if detail.bands is None and not len(dropped) and detail.envelope and detail.attack:
        return modes, residual
    edges = residual.edges_hz if len(residual.edges_hz) > 1 else (20.0, SAMPLE_RATE_HZ / 2)
    reduced = replace(
        residual,
        edges_hz=edges,
        power_db=residual.power_db or (SILENCE_DB,) * (len(edges) - 1),
        decay_per_s=residual.decay_per_s or (1.0,) * (len(edges) - 1),
    )
    if not detail.envelope:
        reduced = replace(reduced, envelope_db=())
    if not detail.attack:
        reduced = replace(reduced, attack=None, rise_s=0.0)
    if len(dropped):
        tail = list_noise(reduced, "tail") + list_ringing(dropped)
        reduced = reduced.with_component("tail", gather_bands(tail, edges))
    if detail.bands is not None and detail.bands < len(edges) - 1:
        coarse = thin_edges(edges, detail.bands)
        parts = {name: gather_bands(list_noise(reduced, name), coarse) for name, _ in reduced.components}
        reduced = replace(reduced, edges_hz=coarse, room=None, tail=None, attack=None,
                          power_db=parts["strike"].power_db, decay_per_s=parts["strike"].decay_per_s)  # fmt: skip
        for name in parts.keys() - {"strike"}:
            reduced = reduced.with_component(name, parts[name])
    return kept, reduced


def split_modes(modes: Modes, count: int | None) -> tuple[Modes, Modes]:
    """The ``count`` modes of most energy, and the other unmuted modes; both in the stored order."""
    sounding = [k for k, muted in enumerate(modes.mute_mask) if not muted]
    if count is None or len(sounding) <= count:
        return modes, Modes()
    by_energy = sorted(sounding, key=lambda k: mode_energy_db(modes, k), reverse=True)
    return take_modes(modes, sorted(by_energy[:count])), take_modes(modes, sorted(by_energy[count:]))


def take_modes(modes: Modes, which: Sequence[int]) -> Modes:
    """The modes of some indices, in that order."""
    columns = (modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad)
    frequency, power, decay, phase = (tuple(column[k] for k in which) for column in columns)
    return Modes(frequency, power, decay, phase, tuple(modes.mute_mask[k] for k in which))


def mode_energy_db(modes: Modes, place: int) -> float:
    """Energy of a mode, a^2 / (4 decay), in dB re 1 s."""
    return modes.power_db[place] - power_to_db(4.0 * max(modes.decay_per_s[place], 0.1))


Ringing = tuple[float, float, float, float]
"""Lower and upper edge in Hz, mean square at the onset, decay of the amplitude per second."""


def list_ringing(modes: Modes) -> list[Ringing]:
    """Modes as bands of no width: their mean square at the onset is a^2 / 2."""
    rows = zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, strict=True)
    return [(f, f, 0.5 * db_to_power(min(p, 120.0)), max(d, 0.1)) for f, p, d in rows]


def list_noise(residual: Residual, name: str) -> list[Ringing]:
    """The bands of a noise component; none where the residual has no such component."""
    component = residual.component(name)
    if component is None:
        return []
    edges = residual.edges_hz
    rows = zip(edges, edges[1:], component.power_db, component.decay_per_s, strict=False)
    return [(low, high, db_to_power(p), max(d, 0.1)) for low, high, p, d in rows if p > SILENCE_DB]


def gather_bands(ringing: Sequence[Ringing], edges_hz: Sequence[float]) -> NoiseComponent:
    """Merge modes and noise into bands, each with their level at the onset and the decay that keeps their energy."""
    low, high, power, decay = np.array(ringing, dtype=np.float64).reshape(-1, 4).T
    bottom, top = (np.asarray(edges, dtype=np.float64)[:, None] for edges in (edges_hz[:-1], edges_hz[1:]))
    width = np.maximum(high - low, 1e-9)
    overlap = np.clip(np.minimum(high, top) - np.maximum(low, bottom), 0.0, None) / width
    share = np.where(high > low, overlap, (bottom <= low) & (low < top))
    level, energy = share @ power, share @ (power / decay)
    power_db = power_to_db(np.maximum(level, db_to_power(SILENCE_DB)))
    decays = np.where(level > 0.0, np.minimum(level / np.maximum(energy, 1e-300), _FASTEST_PER_S), 1.0)
    return NoiseComponent(tuple(map(float, power_db)), tuple(map(float, decays)))


def thin_edges(edges_hz: Sequence[float], bands: int) -> tuple[float, ...]:
    """``bands`` + 1 of the edges, evenly spaced by index, the first and the last included."""
    count = len(edges_hz) - 1
    return tuple(edges_hz[round(k * count / bands)] for k in range(bands + 1))


def list_sounds(modes: Modes, residual: Residual) -> list[Ringing]:
    """All unmuted modes and all bands of all components but the room."""
    sounding, _ = split_modes(modes, len(modes))
    kept = take_modes(sounding, [k for k, muted in enumerate(sounding.mute_mask) if not muted])
    return list_ringing(kept) + [
        band for name, _ in residual.components if name != "room" for band in list_noise(residual, name)
    ]


def measure_size(modes: Modes, residual: Residual) -> float:
    """Size in octaves: how far the mean log frequency, weighted by energy, lies under 1 kHz; 0 for silence."""
    weights, total = 0.0, 0.0
    for low, high, power, decay in list_sounds(modes, residual):
        energy = power / decay
        centre = max(0.5 * (low + high) if high == low else math.sqrt(max(low, 20.0) * high), 20.0)
        total += energy * math.log2(centre / 1000.0)
        weights += energy
    return -total / weights if weights > 0.0 else 0.0


def measure_level_db(modes: Modes, residual: Residual) -> float:
    """Mean square of the whole sound at the onset, in dB."""
    total = sum(power for _, _, power, _ in list_sounds(modes, residual))
    return power_to_db(total) if total > 0.0 else SILENCE_DB


def choose_detail(amount: float) -> Detail:
    """The detail at a position of the *Detail* slider: 1 as measured, 0 material and size alone.

    In between, the number of modes is halved in steps from 63, that of bands from 32 to 4; the fine envelope is given
    down to 0.8, the attack down to 0.6.
    """
    if amount >= 1.0:
        return Detail()
    amount = max(amount, 0.0)
    return Detail(round(2.0 ** (6.0 * amount)) - 1, round(2.0 ** (2.0 + 3.0 * amount)), amount > 0.8, amount > 0.6)


def find_detail(modes: Modes, residual: Residual) -> float:
    """The lowest position of the slider that keeps all of a physics, so that only missing parts are completed.

    1 for a sound with a fine envelope, as recordings have, for one with more modes or bands than lower positions keep,
    and for one without noise.
    """
    if residual.envelope_db or not residual.power_db:
        return 1.0
    bands, has_attack = len(residual.power_db), residual.attack is not None or residual.rise_s > 0.0
    for percent in range(1, 100):
        detail = choose_detail(percent / 100.0)
        if detail.envelope:
            break
        keeps = len(modes) <= (detail.modes or 0) and bands <= (detail.bands or 0)
        if keeps and (detail.attack or not has_attack):
            return percent / 100.0
    return 1.0
