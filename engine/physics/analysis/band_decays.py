"""Multi-exponential fit of each band's energy decay: up to three exponentials plus a noise floor, all bands at once."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

MAX_DECAY_PER_S = 3000.0
_GRID = 11
_MAX_SLOWEST_PER_S = 300.0
_MODEL_VARIANCE = 0.1  # of log power, beside that of noise: real decays are not exact sums of exponentials
_MIN_GAIN = 12.0  # reduction of the squared error that justifies a further decay
_POOR_FIT = 1.3  # squared error per frame above which a third decay is tried
_ABSENT = -60.0  # log power that stands for a missing decay
_SILENT = 1e-20
_SETTLED, _MAX_DAMPING = 1e-2, 30.0  # a fit ends when it gains less, or when its steps are that short


def fit_decays(
    edges_s: np.ndarray,
    level: np.ndarray,
    weight: np.ndarray,
    max_background: np.ndarray,
    min_decay_per_s: float,
    min_background: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares at time 0 and decays per second of up to three exponentials a band, both [B, 3], the fastest first.

    Missing ones are 0, at the end of a row. ``level`` [B, T] is the mean square in frames of ``edges_s`` [B, T + 1]
    with ``weight`` [B, T] degrees of freedom, 0 for frames to ignore. Weighted least squares of log power
    (Levenberg-Marquardt), started from a grid search over pairs of decays; the weights are the inverse variances of the
    logarithm of a gamma variable. A further decay is kept where it reduces the error enough. The constant background,
    at most ``max_background`` [B], is fitted and discarded; where it is known to be at least ``min_background`` [B], a
    decay that starts under it is discarded as well, since nothing shows it.
    """
    top = level.max(axis=1, where=weight > 0.0, initial=_SILENT)
    scaled = np.where(weight > 0.0, level / top[:, None], 1.0) + 1e-12
    dof = np.maximum(weight, 1e-3)
    target = np.log(scaled) - (digamma(dof) - np.log(dof))
    inverse_std = (weight > 0.0) / np.sqrt(1.0 / dof + _MODEL_VARIANCE)
    least = np.zeros(len(level)) if min_background is None else np.minimum(min_background, max_background)
    log_background = np.log(np.maximum(np.stack([least, max_background], axis=1) / top[:, None], 1e-13))
    one, two = _initialize_decays(edges_s, scaled, weight > 0.0, np.exp(log_background), min_decay_per_s)

    def refine(starts: list[np.ndarray], rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Refine all starting points of some bands in one batch."""
        every = np.tile(rows, len(starts))
        data = (edges_s[every], target[every], inverse_std[every], log_background[every])
        values, costs = _refine_decays(np.concatenate(starts), *data, min_decay_per_s)
        return list(zip(np.split(values, len(starts)), np.split(costs, len(starts)), strict=True))

    (best, cost), (two, cost_two) = refine([one, two], np.arange(len(level)))
    best, cost = _select(best, cost, two, cost_two)
    rows = np.flatnonzero((best[:, 2] > 0.5 * _ABSENT) & (cost > _POOR_FIT * (weight > 0.0).sum(axis=1)))
    if rows.size:
        for three, cost_three in refine(_add_third_decay(best[rows], min_decay_per_s), rows):
            best[rows], cost[rows] = _select(best[rows], cost[rows], three, cost_three)
    power = np.where(best[:, 0:6:2] > 0.5 * _ABSENT, np.exp(best[:, 0:6:2]) * top[:, None], 0.0)
    power[(top <= _SILENT)[:, None] | (power < least[:, None])] = 0.0
    decay = np.exp(best[:, 1:6:2])
    order = np.argsort(np.where(power > 0.0, -decay, np.inf), axis=1)
    return np.take_along_axis(power, order, axis=1), np.take_along_axis(decay, order, axis=1)


def _select(
    best: np.ndarray, cost: np.ndarray, other: np.ndarray, other_cost: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the other fit where its further decay reduces the error enough, is slow enough and not too weak."""
    power, decay = other[:, 0:6:2], other[:, 1:6:2]
    present = power > 0.5 * _ABSENT
    count = present.sum(axis=1) - (best[:, 0:6:2] > 0.5 * _ABSENT).sum(axis=1)
    slowest = np.where(present, decay, np.inf).min(axis=1)
    weakest = np.where(present, power, np.inf).min(axis=1)
    accepted = cost - other_cost > _MIN_GAIN * np.maximum(count, 0.05)
    accepted &= (slowest < np.log(_MAX_SLOWEST_PER_S)) & (weakest > power.max(axis=1) - 14.0)
    return np.where(accepted[:, None], other, best), np.where(accepted, other_cost, cost)


def _add_third_decay(best: np.ndarray, min_decay_per_s: float) -> list[np.ndarray]:
    """Starting points with a third decay: between the two, faster than both, or slower than both."""
    starts = []
    fast, slow = np.maximum(best[:, 1], best[:, 3]), np.minimum(best[:, 1], best[:, 3])
    upper = np.maximum(best[:, 0], best[:, 2])
    lower = np.minimum(best[:, 0], best[:, 2])
    for decay, power in (
        (0.5 * (fast + slow), 0.5 * (upper + lower)),
        (np.minimum(fast + 1.4, np.log(0.5 * MAX_DECAY_PER_S)), upper),
        (np.maximum(slow - 1.2, np.log(min_decay_per_s)), lower - 3.0),
    ):
        start = best.copy()
        start[:, 4], start[:, 5] = power, decay
        starts.append(start)
    return starts


def _initialize_decays(
    edges_s: np.ndarray, level: np.ndarray, counts: np.ndarray, background: np.ndarray, min_decay_per_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Starting points with one and with two decays, [B, 7] each: three times log power and log decay, log background.

    For every pair of a grid of decays, multiplicative updates minimise the Itakura-Saito divergence (Févotte et al.
    2009); the pair of least squared log error is taken. ``background`` [B, 2] is its least and its greatest power.
    """
    decays = np.geomspace(min_decay_per_s, 0.5 * MAX_DECAY_PER_S, _GRID)
    edges_s = edges_s.T[:, :, None]
    fall = np.exp(-2.0 * decays * edges_s)
    shapes = -np.diff(fall, axis=0) / (2.0 * decays * np.diff(edges_s, axis=0))
    shapes = np.maximum(shapes, _SILENT).astype(np.float32)  # numbers even smaller take long
    slow, fast = np.triu_indices(_GRID, 1)
    first = np.concatenate([shapes, shapes[:, :, fast]], axis=2)
    second = np.concatenate([np.zeros_like(shapes), shapes[:, :, slow]], axis=2)
    level, valid = (values.T[:, :, None].astype(np.float32) for values in (level, counts))
    low, high = background[:, :1].astype(np.float32), background[:, 1:].astype(np.float32)
    parts = [np.full(first.shape[1:], 0.3, dtype=np.float32) for _ in range(3)]
    parts[2][:] = np.clip(level.min(axis=0), low, high)
    for _ in range(8):
        inverse = valid / _sum_model(parts, first, second)
        ratio = inverse * inverse
        ratio *= level
        for part, shape in ((0, first), (1, second)):
            up, down = (np.einsum("tbp,tbp->bp", values, shape) for values in (ratio, inverse))
            parts[part] *= np.sqrt(up / np.maximum(down, np.float32(1e-30)))
        parts[2] *= np.sqrt(ratio.sum(axis=0) / np.maximum(inverse.sum(axis=0), np.float32(1e-30)))
        parts[2] = np.clip(parts[2], low, high)
    weight = valid / valid.sum(axis=0)
    gain = np.exp((np.log(level / _sum_model(parts, first, second)) * weight).sum(axis=0))  # unbiased in dB
    parts = [parts[0] * gain, parts[1] * gain, np.clip(parts[2] * gain, low, high)]
    cost = (np.square(np.log(level / _sum_model(parts, first, second))) * weight).sum(axis=0)
    rows = np.arange(len(background))
    alone, pair = cost[:, :_GRID].argmin(axis=1), _GRID + cost[:, _GRID:].argmin(axis=1)
    log = [np.log(np.maximum(part, 1e-9)) for part in parts]
    none = np.full(len(rows), _ABSENT)
    absent = [none, 1.0 + 0.0 * none]
    one = [log[0][rows, alone], np.log(decays[alone]), *absent, *absent, log[2][rows, alone]]
    strike, tail = np.log(decays[fast[pair - _GRID]]), np.log(decays[slow[pair - _GRID]])
    two = [log[0][rows, pair], strike, log[1][rows, pair], tail, *absent, log[2][rows, pair]]
    return np.stack(one, axis=1), np.stack(two, axis=1)


def _sum_model(parts: list[np.ndarray], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    result: np.ndarray = parts[0] * first
    result += parts[1] * second
    result += parts[2] + np.float32(1e-12)
    return result


def _refine_decays(
    start: np.ndarray,
    edges_s: np.ndarray,
    target: np.ndarray,
    inverse_std: np.ndarray,
    log_background: np.ndarray,
    min_decay_per_s: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Levenberg-Marquardt on log power, as many decays as at the start: parameters [B, 7] and squared errors [B]."""
    free = np.ones_like(start)
    for k in (2, 4):
        free[start[:, k] < 0.5 * _ABSENT, k : k + 2] = 0.0
    slow, fast = np.log(min_decay_per_s), np.log(MAX_DECAY_PER_S)
    low = np.broadcast_to(np.array([-25.0, slow, -25.0, slow, -25.0, slow, -30.0]), start.shape).copy()
    high = np.broadcast_to(np.array([4.0, fast, 4.0, fast, 4.0, fast, 1.0]), start.shape).copy()
    low[:, 6], high[:, 6] = log_background.T
    best, damping = start.copy(), np.full(len(start), 0.01)
    error, jacobian = _log_error(best, edges_s, target, inverse_std)
    cost = np.square(error).sum(axis=1)
    rows = np.arange(len(start))  # those not settled yet
    for _ in range(12):
        columns = jacobian * free[rows, :, None]
        normal = columns @ columns.transpose(0, 2, 1)
        diagonal = np.einsum("bii->bi", normal)
        diagonal += damping[rows, None] * (diagonal + 1e-3) + (1.0 - free[rows])
        step = np.linalg.solve(normal, columns @ error[..., None])[..., 0]
        moved = np.clip(best[rows] + np.clip(step, -1.5, 1.5), low[rows], high[rows])
        trial = np.where(free[rows] > 0.0, moved, best[rows])
        trial_error, trial_jacobian = _log_error(trial, edges_s[rows], target[rows], inverse_std[rows])
        trial_cost = np.square(trial_error).sum(axis=1)
        gain = cost[rows] - trial_cost
        better = gain > 0.0
        best[rows[better]], cost[rows[better]] = trial[better], trial_cost[better]
        error[better], jacobian[better] = trial_error[better], trial_jacobian[better]
        damping[rows] *= np.where(better, 0.3, 5.0)
        stays = (gain > _SETTLED) | (~better & (damping[rows] < _MAX_DAMPING))
        if not stays.any():
            break
        rows, error, jacobian = rows[stays], error[stays], jacobian[stays]
    return best, cost


def _log_error(
    value: np.ndarray, edges_s: np.ndarray, target: np.ndarray, inverse_std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted error of log power in each frame [B, T], and the model's Jacobian [B, 7, T]."""
    span = np.diff(edges_s)
    jacobian = np.zeros((len(value), 7, span.shape[1]))
    jacobian[:, 6] = np.exp(value[:, 6:])
    model = jacobian[:, 6] + 1e-13
    for k in (0, 2, 4):
        power, decay = value[:, k : k + 1], value[:, k + 1 : k + 2]
        if not (power > 0.5 * _ABSENT).any():
            continue
        rate = 2.0 * np.exp(decay)
        fall = np.exp(power - rate * edges_s)
        mean = np.diff(fall) / (-rate * span)
        model += mean
        jacobian[:, k] = mean
        jacobian[:, k + 1] = np.diff(edges_s * fall) / span - mean  # by the log decay
    jacobian *= (inverse_std / model)[:, None, :]
    return inverse_std * (target - np.log(model)), jacobian
