"""Interpolate two sounds: matched modes interpolate, unmatched modes cross-fade, noise moves band by band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from scipy.optimize import linear_sum_assignment

from engine.core.units import SILENCE_DB, gain_to_db
from engine.physics.model import MAX_MODES, NOISE_COMPONENTS, Modes, NoiseComponent, Residual
from engine.physics.noise_bands import rebin

MATCH_OCTAVES = 0.5
MATCH_DB = 20.0
MAX_MATCH_COST = 4.0  # an octave apart at the same level, or 40 dB at the same frequency
MAX_MATCHED_MODES = 512


def morph(a: tuple[Modes, Residual], b: tuple[Modes, Residual], amount: float) -> tuple[Modes, Residual]:
    """Interpolate two sounds; ``amount`` 0 gives exactly ``a``, 1 exactly ``b``.

    Matched modes interpolate geometrically in frequency and decay, linearly in dB and along the shorter arc in phase;
    unmatched ones fade linearly in amplitude. The modes of ``a`` come first in their order, then the unmatched ones of
    ``b``; muted modes are left out.
    """
    if amount <= 0.0:
        return a
    if amount >= 1.0:
        return b
    return _morph_modes(a[0], b[0], amount), _morph_residuals(a[1], b[1], amount)


def match_modes(a: Modes, b: Modes) -> list[tuple[int, int]]:
    """Matched modes as pairs of indices in a and b, ascending in a.

    The assignment of least total cost, (octaves / 0.5)^2 + (dB / 20)^2, with levels re each sound's strongest mode;
    pairs that cost MAX_MATCH_COST or more stay unmatched. Muted modes are left out, and all but the MAX_MATCHED_MODES
    strongest.
    """
    chosen_a, chosen_b = _strongest(a), _strongest(b)
    if not chosen_a or not chosen_b:
        return []
    (pitch_a, level_a), (pitch_b, level_b) = _coordinates(a, chosen_a), _coordinates(b, chosen_b)
    cost = ((pitch_a[:, None] - pitch_b[None, :]) / MATCH_OCTAVES) ** 2
    cost += ((level_a[:, None] - level_b[None, :]) / MATCH_DB) ** 2
    rows, columns = linear_sum_assignment(np.minimum(cost, MAX_MATCH_COST))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return sorted((chosen_a[i], chosen_b[j]) for i, j in pairs if cost[i, j] < MAX_MATCH_COST)


def _strongest(modes: Modes) -> list[int]:
    sounding = [k for k in range(len(modes)) if not modes.mute_mask[k] and modes.frequency_hz[k] > 0.0]
    return sorted(sorted(sounding, key=lambda k: -modes.power_db[k])[:MAX_MATCHED_MODES])


def _coordinates(modes: Modes, chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    level = np.array([modes.power_db[k] for k in chosen])
    return np.log2([modes.frequency_hz[k] for k in chosen]), level - level.max()


def _morph_modes(a: Modes, b: Modes, amount: float) -> Modes:
    partner = dict(match_modes(a, b))
    rows: list[tuple[float, float, float, float]] = []
    for i in range(len(a)):
        if i in partner:
            rows.append(_interpolate(_row(a, i), _row(b, partner[i]), amount))
        elif not a.mute_mask[i]:
            rows.append(_faded(_row(a, i), 1.0 - amount))
    matched = set(partner.values())
    rows += [_faded(_row(b, j), amount) for j in range(len(b)) if j not in matched and not b.mute_mask[j]]
    if len(rows) > MAX_MODES:
        kept = sorted(range(len(rows)), key=lambda k: -rows[k][1])[:MAX_MODES]
        rows = [rows[k] for k in sorted(kept)]
    frequency, power, decay, phase = (tuple(row[column] for row in rows) for column in range(4))
    return Modes(frequency, power, decay, phase, (False,) * len(rows))


def _row(modes: Modes, k: int) -> tuple[float, float, float, float]:
    phase = modes.phase_rad[k] if modes.phase_rad else 0.0
    return modes.frequency_hz[k], modes.power_db[k], modes.decay_per_s[k], phase


def _interpolate(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float], amount: float
) -> tuple[float, float, float, float]:
    angle = math.remainder(b[3] - a[3], 2.0 * math.pi)
    phase = math.remainder(a[3] + angle * amount, 2.0 * math.pi)
    return _geometric(a[0], b[0], amount), a[1] + (b[1] - a[1]) * amount, _geometric(a[2], b[2], amount), phase


def _faded(row: tuple[float, float, float, float], share: float) -> tuple[float, float, float, float]:
    return row[0], max(SILENCE_DB, row[1] + gain_to_db(share)), row[2], row[3]


def _geometric(a: float, b: float, amount: float) -> float:
    """Geometric interpolation of two numbers, linear where one of them is 0."""
    if a <= 0.0 or b <= 0.0:
        return a + (b - a) * amount
    value: float = a * (b / a) ** amount
    return value


def _morph_residuals(a: Residual, b: Residual, amount: float) -> Residual:
    """Interpolate each component on common bands in dB and log decay; one that a side lacks fades like a mode."""
    edges = _common_edges(a.edges_hz, b.edges_hz)
    pairs = zip_longest(a.envelope_db, b.envelope_db, fillvalue=0.0)
    envelope = tuple(x + (y - x) * amount for x, y in pairs)
    result = Residual(edges, rise_s=a.rise_s + (b.rise_s - a.rise_s) * amount, envelope_db=envelope)
    if edges:
        bands = len(edges) - 1
        result = replace(result, power_db=(SILENCE_DB,) * bands, decay_per_s=(50.0,) * bands)
    for name in NOISE_COMPONENTS:
        components = [lay_on_bands(residual, name, edges) for residual in (a, b)]
        if any(component is not None for component in components):
            result = result.with_component(name, _morph_component(components[0], components[1], amount))
    return result


def _common_edges(a: Sequence[float], b: Sequence[float]) -> tuple[float, ...]:
    """The finer of two band sets (the first, if alike), its ends moved out to those of the other."""
    if not a or not b or tuple(a) == tuple(b):
        return tuple(a or b)
    finer = b if len(b) > len(a) else a
    return (min(a[0], b[0]), *finer[1:-1], max(a[-1], b[-1]))


def lay_on_bands(residual: Residual, name: str, edges: Sequence[float]) -> NoiseComponent | None:
    """A residual's component of this name on other bands, see ``rebin``; None where it has none."""
    component = residual.component(name)
    if component is None or tuple(residual.edges_hz) == tuple(edges):
        return component
    return rebin(component, residual.edges_hz, edges)


def _morph_component(a: NoiseComponent | None, b: NoiseComponent | None, amount: float) -> NoiseComponent:
    present = a or b
    assert present is not None
    silent = NoiseComponent((SILENCE_DB,) * len(present.power_db), present.decay_per_s)
    bands = [
        _morph_band(first, second, amount)
        for first, second in zip(_bands(a or silent), _bands(b or silent), strict=True)
    ]
    return NoiseComponent(tuple(power for power, _ in bands), tuple(decay for _, decay in bands))


def _bands(component: NoiseComponent) -> list[tuple[float, float]]:
    return list(zip(component.power_db, component.decay_per_s, strict=True))


def _morph_band(a: tuple[float, float], b: tuple[float, float], amount: float) -> tuple[float, float]:
    if a[0] <= SILENCE_DB:
        return max(SILENCE_DB, b[0] + gain_to_db(amount)), b[1]
    if b[0] <= SILENCE_DB:
        return max(SILENCE_DB, a[0] + gain_to_db(1.0 - amount)), a[1]
    return a[0] + (b[0] - a[0]) * amount, _geometric(a[1], b[1], amount)
