"""Cluster hits of one object by the similarity of their physics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from engine.core.dsp import erb_edges, hz_to_erb
from engine.core.units import db_to_power, power_to_db
from engine.physics.model import Modes, Physics
from engine.physics.noise import expected_power

ALIKE_DB = 6.0
"""Sounds whose distance stays under this are one object; see ``sound_distances``."""

_BANDS = 32
_TIMES_S = np.array([0.004, 0.02, 0.05, 0.1, 0.2, 0.4])
_RANGE_DB = 40.0
_PITCH_DB = 8.0  # what two sounds differ by when both ring and none of their strong modes agree


def group_alike(physics: Sequence[Physics], alike_db: float = ALIKE_DB) -> list[int]:
    """A label for each hit, equal for hits that sound alike at any loudness; numbered from 0 by first appearance.

    Average-linkage clustering of ``sound_distances``, cut at ``alike_db``.
    """
    if len(physics) < 2:
        return [0] * len(physics)
    tree = linkage(squareform(sound_distances(physics), checks=False), method="average")
    raw = fcluster(tree, t=alike_db, criterion="distance")
    names: dict[int, int] = {}
    return [names.setdefault(int(label), len(names)) for label in raw]


def sound_distances(physics: Sequence[Physics]) -> np.ndarray:
    """How different hits sound, [K, K] in decibels, 0 on the diagonal, level put aside.

    The mean difference of expected ERB-band levels over the first 0.4 s, where either is within 40 dB of its
    loudest, plus up to 8 dB where strong modes ring at other pitches (see ``_shared_pitch``).
    """
    pictures = [_band_picture(p) for p in physics]
    strong = [_strong_modes(p.modes) for p in physics]
    tonal = [_tonal_share(p) for p in physics]
    count = len(physics)
    distance = np.zeros((count, count))
    for i in range(count):
        for j in range(i):
            apart = _picture_distance(pictures[i], pictures[j])
            apart += _PITCH_DB * 0.5 * (tonal[i] + tonal[j]) * (1.0 - _shared_pitch(strong[i], strong[j]))
            distance[i, j] = distance[j, i] = apart
    return distance


def _band_picture(physics: Physics) -> np.ndarray:
    """Expected levels [bands, times] in dB, each hit's loudest cell at 0 dB."""
    top = min(16_000.0, physics.sample_rate_hz / 2.0)
    edges = erb_edges(40.0, top, _BANDS)
    fine = np.linspace(edges[:-1], edges[1:], 8, endpoint=False, axis=1)
    fine += (edges[1:] - edges[:-1])[:, None] / 16.0
    density = expected_power(physics.residual, fine.ravel(), _TIMES_S).reshape(_BANDS, 8, -1).mean(axis=1)
    power = density * np.diff(edges)[:, None]
    modes = physics.modes
    if len(modes):
        frequency = np.asarray(modes.frequency_hz)
        heard = ~np.asarray(modes.mute_mask, dtype=bool)
        level = 0.5 * db_to_power(np.asarray(modes.power_db)) * heard
        ring = level[:, None] * np.exp(-2.0 * np.outer(modes.decay_per_s, _TIMES_S))
        # a mode spreads over neighbouring bands, so that a small detuning at an edge matters little
        near = hz_to_erb(frequency)[:, None] - (hz_to_erb(edges[1:]) + hz_to_erb(edges[:-1]))[None, :] / 2.0
        spread = np.exp(-0.5 * np.square(near / 0.8))
        power = power + (spread / np.maximum(spread.sum(axis=1, keepdims=True), 1e-12)).T @ ring
    smooth = power.copy()
    smooth[1:] += 0.35 * power[:-1]
    smooth[:-1] += 0.35 * power[1:]
    levels = power_to_db(smooth + 1e-30)
    picture: np.ndarray = levels - levels.max()
    return picture


def _picture_distance(one: np.ndarray, other: np.ndarray) -> float:
    one, other = np.maximum(one, -_RANGE_DB), np.maximum(other, -_RANGE_DB)
    active = np.maximum(one, other) > -_RANGE_DB
    if not active.any():
        return 0.0
    difference = (one - other)[active]
    weight = (np.maximum(one, other)[active] + _RANGE_DB) / _RANGE_DB  # what is loud matters more
    offset = np.clip(float((weight * difference).sum() / weight.sum()), -6.0, 6.0)
    return float((weight * np.minimum(np.abs(difference - offset), 20.0)).sum() / weight.sum())


def _strong_modes(modes: Modes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies, half widths in Hz and weights (softened energy) of the modes that carry the pitch."""
    if not len(modes):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    frequency, decay = np.asarray(modes.frequency_hz), np.asarray(modes.decay_per_s)
    energy = db_to_power(np.asarray(modes.power_db)) * np.minimum(1.0, 20.0 / np.maximum(decay, 1e-3))
    energy = energy * ~np.asarray(modes.mute_mask, dtype=bool)
    keep = energy > energy.max() * 1e-2
    return frequency[keep], decay[keep] / (2.0 * np.pi), np.sqrt(energy[keep])


def _tonal_share(physics: Physics) -> float:
    """Share of the hit's energy over 0.3 s that rings in modes slow enough to have a pitch (T60 over 0.15 s)."""
    modes, residual = physics.modes, physics.residual

    def energy(power_db: Sequence[float], decay_per_s: Sequence[float]) -> np.ndarray:
        rate = 2.0 * np.maximum(np.asarray(decay_per_s, dtype=np.float64), 1e-3)
        return np.asarray(db_to_power(np.asarray(power_db, dtype=np.float64)) * -np.expm1(-0.3 * rate) / rate)

    rings = 0.5 * energy(modes.power_db, modes.decay_per_s) if len(modes) else np.zeros(0)
    pitched = float(rings[np.asarray(modes.decay_per_s) < 46.0].sum()) if len(modes) else 0.0
    total = float(rings.sum() + energy(residual.power_db, residual.decay_per_s).sum())
    return pitched / total if total > 0.0 else 0.0


def _shared_pitch(
    one: tuple[np.ndarray, np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> float:
    """Share of the strong modes' weight that has a partner on the other side, 0 to 1.

    Partners lie within half a semitone, or where modes die too fast for that to be heard, within half their width.
    """
    if not one[0].size or not other[0].size:
        return 0.0
    cents = np.abs(1200.0 * np.log2(one[0][:, None] / other[0][None, :]))
    width_hz = np.minimum(one[1][:, None], other[1][None, :])
    near = np.maximum(50.0, 1200.0 * np.log2(1.0 + width_hz / one[0][:, None]))
    closeness = np.clip(1.5 - cents / near, 0.0, 1.0)
    mine = float((closeness.max(axis=1) * one[2]).sum() / one[2].sum())
    theirs = float((closeness.max(axis=0) * other[2]).sum() / other[2].sum())
    return min(mine, theirs)
