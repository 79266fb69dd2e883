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

CLUSTER_DB = 6.0
"""Distance under which sounds are clustered as one object; see ``sound_distances``."""

_BANDS = 32
_TIMES_S = np.array([0.004, 0.02, 0.05, 0.1, 0.2, 0.4])
_RANGE_DB = 40.0
_PITCH_DB = 8.0  # distance of two tonal sounds without a strong mode in common, beside that of their levels


def cluster_sounds(physics: Sequence[Physics], cluster_db: float = CLUSTER_DB) -> list[int]:
    """Cluster label of each hit, numbered from 0 by first appearance.

    Average-linkage clustering of the level-invariant ``sound_distances``, cut at ``cluster_db``.
    """
    if len(physics) < 2:
        return [0] * len(physics)
    tree = linkage(squareform(sound_distances(physics), checks=False), method="average")
    raw = fcluster(tree, t=cluster_db, criterion="distance")
    names: dict[int, int] = {}
    return [names.setdefault(int(label), len(names)) for label in raw]


def sound_distances(physics: Sequence[Physics]) -> np.ndarray:
    """Level-invariant distance of sounds, [K, K] in dB, symmetric, 0 on the diagonal.

    Weighted mean absolute difference of expected ERB-band levels over the first 0.4 s, within 40 dB of each maximum,
    plus up to 8 dB for tonal sounds whose strong modes lie at different frequencies (see ``_shared_pitch``).
    """
    levels = [_band_levels(p) for p in physics]
    strong = [_strong_modes(p.modes) for p in physics]
    tonal = [_tonal_share(p) for p in physics]
    count = len(physics)
    distance = np.zeros((count, count))
    for i in range(count):
        for j in range(i):
            apart = _level_distance(levels[i], levels[j])
            apart += _PITCH_DB * 0.5 * (tonal[i] + tonal[j]) * (1.0 - _shared_pitch(strong[i], strong[j]))
            distance[i, j] = distance[j, i] = apart
    return distance


def _band_levels(physics: Physics) -> np.ndarray:
    """Expected ERB-band levels [bands, times] in dB re their maximum."""
    top = min(16_000.0, physics.sample_rate_hz / 2.0)
    edges = erb_edges(40.0, top, _BANDS)
    fine = np.linspace(edges[:-1], edges[1:], 8, endpoint=False, axis=1)
    fine += (edges[1:] - edges[:-1])[:, None] / 16.0
    density = expected_power(physics.residual, fine.ravel(), _TIMES_S).reshape(_BANDS, 8, -1).mean(axis=1)
    power = density * np.diff(edges)[:, None]
    modes = physics.modes
    if len(modes):
        frequency = np.asarray(modes.frequency_hz)
        unmuted = ~np.asarray(modes.mute_mask, dtype=bool)
        level = 0.5 * db_to_power(np.asarray(modes.power_db)) * unmuted
        ring = level[:, None] * np.exp(-2.0 * np.outer(modes.decay_per_s, _TIMES_S))
        # a mode spreads over adjacent bands, so that a small detuning at an edge changes little
        near = hz_to_erb(frequency)[:, None] - (hz_to_erb(edges[1:]) + hz_to_erb(edges[:-1]))[None, :] / 2.0
        spread = np.exp(-0.5 * np.square(near / 0.8))
        power = power + (spread / np.maximum(spread.sum(axis=1, keepdims=True), 1e-12)).T @ ring
    smooth = power.copy()
    smooth[1:] += 0.35 * power[:-1]
    smooth[:-1] += 0.35 * power[1:]
    levels = power_to_db(smooth + 1e-30)
    relative: np.ndarray = levels - levels.max()
    return relative


def _level_distance(one: np.ndarray, other: np.ndarray) -> float:
    one, other = np.maximum(one, -_RANGE_DB), np.maximum(other, -_RANGE_DB)
    active = np.maximum(one, other) > -_RANGE_DB
    if not active.any():
        return 0.0
    difference = (one - other)[active]
    weight = (np.maximum(one, other)[active] + _RANGE_DB) / _RANGE_DB  # emphasises loud cells
    offset = np.clip(float((weight * difference).sum() / weight.sum()), -6.0, 6.0)
    return float((weight * np.minimum(np.abs(difference - offset), 20.0)).sum() / weight.sum())


def _strong_modes(modes: Modes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies, half bandwidths in Hz and weights (root of energy) of the modes within 20 dB of the strongest."""
    if not len(modes):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    frequency, decay = np.asarray(modes.frequency_hz), np.asarray(modes.decay_per_s)
    energy = db_to_power(np.asarray(modes.power_db)) * np.minimum(1.0, 20.0 / np.maximum(decay, 1e-3))
    energy = energy * ~np.asarray(modes.mute_mask, dtype=bool)
    keep = energy > energy.max() * 1e-2
    return frequency[keep], decay[keep] / (2.0 * np.pi), np.sqrt(energy[keep])


def _tonal_share(physics: Physics) -> float:
    """Share of the energy of the first 0.3 s that is in modes slow enough to have a pitch (T60 over 0.15 s)."""
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
    """Share of the strong modes' weight that is matched by a mode of the other sound, 0 to 1.

    Matched modes lie within half a semitone or within half their bandwidth, whichever is wider.
    """
    if not one[0].size or not other[0].size:
        return 0.0
    cents = np.abs(1200.0 * np.log2(one[0][:, None] / other[0][None, :]))
    width_hz = np.minimum(one[1][:, None], other[1][None, :])
    near = np.maximum(50.0, 1200.0 * np.log2(1.0 + width_hz / one[0][:, None]))
    closeness = np.clip(1.5 - cents / near, 0.0, 1.0)
    one_share = float((closeness.max(axis=1) * one[2]).sum() / one[2].sum())
    other_share = float((closeness.max(axis=0) * other[2]).sum() / other[2].sum())
    return min(one_share, other_share)
