"""Multi-exponential fit of each band's energy decay: up to three exponentials plus a noise floor, all bands at once."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

FASTEST_PER_S = 3000.0
_GRID = 11
_FASTEST_TAIL_PER_S = 300.0
_MISFIT = 0.1  # variance of log power that no draw of noise explains: sounds are not sums of exponentials
_EARNED = 12.0  # by how much a second decay must lessen the squared error
_POOR = 1.3  # squared error a frame with which two decays are not enough
_NONE = -60.0  # log power of a decay that is not there
_SILENT = 1e-20


def fit_decays(
    edges_s: np.ndarray, level: np.ndarray, weight: np.ndarray, most_background: np.ndarray, slowest_per_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares at time 0 and decays per second of up to three components, both [B, 3], the fastest first.

    Stages that a band has not are 0, at the end of its row. ``level`` [B, T] is the mean square in frames with
    ``edges_s`` [B, T + 1] and ``weight`` [B, T] degrees of freedom, 0 for frames that do not count. A coarse search
    over pairs of decays starts a least squares of the logarithm of power, since ears hear levels; each frame weighs by
    how well its level is known. Each further decay must earn its place. The background, at most ``most_background``
    [B], is left out.
    """
    top = level.max(axis=1, where=weight > 0.0, initial=_SILENT)
    scaled = np.where(weight > 0.0, level / top[:, None], 1.0) + 1e-12
    known = np.maximum(weight, 1e-3)
    target = np.log(scaled) - (digamma(known) - np.log(known))
    trust = (weight > 0.0) / np.sqrt(1.0 / known + _MISFIT)
    most = np.log(np.maximum(most_background / top, 1e-13))
    one, two = _search_decays(edges_s, scaled, weight > 0.0, np.exp(most), slowest_per_s)

    def polish(starts: list[np.ndarray], rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """All starting points of some bands at once, since small steps cost more than many bands."""
        every = np.tile(rows, len(starts))
        values, costs = _polish(
            np.concatenate(starts), edges_s[every], target[every], trust[every], most[every], slowest_per_s
        )
        return list(zip(np.split(values, len(starts)), np.split(costs, len(starts)), strict=True))

    (best, cost), (two, cost_two) = polish([one, two], np.arange(len(level)))
    best, cost = _better(best, cost, two, cost_two)
    rows = np.flatnonzero((best[:, 2] > 0.5 * _NONE) & (cost > _POOR * (weight > 0.0).sum(axis=1)))
    if rows.size:
        for three, cost_three in polish(_split(best[rows], slowest_per_s), rows):
            best[rows], cost[rows] = _better(best[rows], cost[rows], three, cost_three)
    power = np.where(best[:, 0:6:2] > 0.5 * _NONE, np.exp(best[:, 0:6:2]) * top[:, None], 0.0)
    power[top <= _SILENT] = 0.0
    decay = np.exp(best[:, 1:6:2])
    order = np.argsort(np.where(power > 0.0, -decay, np.inf), axis=1)
    return np.take_along_axis(power, order, axis=1), np.take_along_axis(decay, order, axis=1)


def _better(
    best: np.ndarray, cost: np.ndarray, other: np.ndarray, other_cost: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The other where its further decay earns its place: it lessens the error, is slow enough, and not lost."""
    power, decay = other[:, 0:6:2], other[:, 1:6:2]
    there = power > 0.5 * _NONE
    count = there.sum(axis=1) - (best[:, 0:6:2] > 0.5 * _NONE).sum(axis=1)
    slowest = np.where(there, decay, np.inf).min(axis=1)
    weakest = np.where(there, power, np.inf).min(axis=1)
    earned = cost - other_cost > _EARNED * np.maximum(count, 0.05)
    earned &= (slowest < np.log(_FASTEST_TAIL_PER_S)) & (weakest > power.max(axis=1) - 14.0)
    return np.where(earned[:, None], other, best), np.where(earned, other_cost, cost)


def _split(best: np.ndarray, slowest_per_s: float) -> list[np.ndarray]:
    """Starting points with a third decay: between the two, before both or after both."""
    starts = []
    fast, slow = np.maximum(best[:, 1], best[:, 3]), np.minimum(best[:, 1], best[:, 3])
    upper = np.maximum(best[:, 0], best[:, 2])
    lower = np.minimum(best[:, 0], best[:, 2])
    for decay, power in (
        (0.5 * (fast + slow), 0.5 * (upper + lower)),
        (np.minimum(fast + 1.4, np.log(0.5 * FASTEST_PER_S)), upper),
        (np.maximum(slow - 1.2, np.log(slowest_per_s)), lower - 3.0),
    ):
        start = best.copy()
        start[:, 4], start[:, 5] = power, decay
        starts.append(start)
    return starts


def _search_decays(
    edges_s: np.ndarray, level: np.ndarray, counts: np.ndarray, most: np.ndarray, slowest_per_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Starting points for one decay and for two, [B, 7]: log power and log decay of each of three, log background.

    Multiplicative steps towards the least Itakura-Saito divergence, for every pair of a grid of decays.
    """
    decays = np.geomspace(slowest_per_s, 0.5 * FASTEST_PER_S, _GRID)
    span = np.diff(edges_s)[:, None, :]
    fall = np.exp(-2.0 * decays[None, :, None] * edges_s[:, None, :])
    shapes = -np.diff(fall) / (2.0 * decays[None, :, None] * span)
    slow, fast = np.triu_indices(_GRID, 1)
    first = np.concatenate([shapes, shapes[:, fast]], axis=1)
    second = np.concatenate([np.zeros_like(shapes), shapes[:, slow]], axis=1)
    level = level[:, None, :]
    parts = [np.full(first.shape[:2], 0.3) for _ in range(3)]
    parts[2][:] = np.minimum(level.min(axis=2), most[:, None])
    for _ in range(8):
        model = _sum(parts, first, second)
        inverse = counts[:, None, :] / model
        ratio = inverse * inverse * level
        for part, shape in ((0, first), (1, second), (2, None)):
            up, down = (ratio, inverse) if shape is None else (ratio * shape, inverse * shape)
            parts[part] *= np.sqrt(up.sum(axis=2) / np.maximum(down.sum(axis=2), 1e-30))
        parts[2] = np.minimum(parts[2], most[:, None])
    known = counts[:, None, :] / counts.sum(axis=1)[:, None, None]
    gain = np.exp((np.log(level / _sum(parts, first, second)) * known).sum(axis=2))  # right on average, in decibels
    parts = [parts[0] * gain, parts[1] * gain, np.minimum(parts[2] * gain, most[:, None])]
    cost = (np.square(np.log(level / _sum(parts, first, second))) * known).sum(axis=2)
    rows = np.arange(len(level))
    alone, pair = cost[:, :_GRID].argmin(axis=1), _GRID + cost[:, _GRID:].argmin(axis=1)
    log = [np.log(np.maximum(part, 1e-9)) for part in parts]
    none = np.full(len(rows), _NONE)
    absent = [none, 1.0 + 0.0 * none]
    one = [log[0][rows, alone], np.log(decays[alone]), *absent, *absent, log[2][rows, alone]]
    strike, tail = np.log(decays[fast[pair - _GRID]]), np.log(decays[slow[pair - _GRID]])
    two = [log[0][rows, pair], strike, log[1][rows, pair], tail, *absent, log[2][rows, pair]]
    return np.stack(one, axis=1), np.stack(two, axis=1)


def _sum(parts: list[np.ndarray], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    result: np.ndarray = parts[0][..., None] * first + parts[1][..., None] * second + parts[2][..., None] + 1e-12
    return result


def _polish(
    start: np.ndarray,
    edges_s: np.ndarray,
    target: np.ndarray,
    trust: np.ndarray,
    most: np.ndarray,
    slowest_per_s: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt on the logarithm of power; the start's form, how many decays, is kept. Values, costs."""
    free = np.ones_like(start)
    for k in (2, 4):
        free[start[:, k] < 0.5 * _NONE, k : k + 2] = 0.0
    slow, fast = np.log(slowest_per_s), np.log(FASTEST_PER_S)
    low = np.array([-25.0, slow, -25.0, slow, -25.0, slow, -30.0])
    high = np.broadcast_to(np.array([4.0, fast, 4.0, fast, 4.0, fast, 1.0]), start.shape).copy()
    high[:, 6] = most
    best, damping = start.copy(), np.full(len(start), 0.01)
    error, slope = _log_error(best, edges_s, target, trust)
    cost = np.square(error).sum(axis=1)
    for _ in range(12):
        columns = slope * free[:, None, :]
        normal = np.einsum("bti,btj->bij", columns, columns)
        diagonal = np.einsum("bii->bi", normal)
        diagonal += damping[:, None] * (diagonal + 1e-3) + (1.0 - free)
        step = np.linalg.solve(normal, np.einsum("bti,bt->bi", columns, error)[..., None])[..., 0]
        trial = np.where(free > 0.0, np.clip(best + np.clip(step, -1.5, 1.5), low, high), best)
        trial_error, trial_slope = _log_error(trial, edges_s, target, trust)
        trial_cost = np.square(trial_error).sum(axis=1)
        better = trial_cost < cost
        settled = not (cost - trial_cost > 1e-3).any() and bool(better.any())
        best[better], error[better], slope[better] = trial[better], trial_error[better], trial_slope[better]
        cost = np.minimum(cost, trial_cost)
        damping *= np.where(better, 0.3, 5.0)
        if settled:
            break
    return best, cost


def _log_error(
    value: np.ndarray, edges_s: np.ndarray, target: np.ndarray, trust: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted error of log power in each frame [B, T], and the slope of the model [B, T, 7]."""
    span = np.diff(edges_s)
    slopes = []
    for k in (0, 2, 4):
        power, decay = value[:, k : k + 1], value[:, k + 1 : k + 2]
        rate = 2.0 * np.exp(decay)
        fall = np.exp(power - rate * edges_s)
        mean = -np.diff(fall) / (rate * span)
        slopes += [mean, np.diff(edges_s * fall) / span - mean]  # the latter by the logarithm of the rate
    slopes.append(np.broadcast_to(np.exp(value[:, 6:]), span.shape))
    model = slopes[0] + slopes[2] + slopes[4] + slopes[6] + 1e-13
    return trust * (target - np.log(model)), np.stack(slopes, axis=2) * (trust / model)[..., None]
