"""What is known of a swing before it is generated: the tip is on the place at a blow, and an arm has mass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from engine.animate.motion import RATE_HZ

_STIFF = (0.1, 30.0)
"""Weight of squared accelerations at a contact and far from any: simulated swings hardly change by it."""
_FAR = 8.0  # frames from a contact that count as far
_SHORTEST = 0.15  # frames: of a contact just before a frame, so that it is not given all the weight


class ContactPath:
    """Paths of a striker over N frames whose tip meets the place, where it is 0, at contacts, and that are smooth.

    Of all such paths ``fit`` finds the one nearest to a path, squared accelerations being weighed against distances
    (Whittaker's smoother); the tip's velocity may jump at a contact alone, the hand's nowhere.
    """

    def __init__(self, times_s: Sequence[float], frames: int) -> None:
        met = np.array([now for time_s in times_s if 0.0 < (now := time_s * RATE_HZ) < frames - 1])
        self._tip = _smooth(met, frames)
        self._hand = _smooth(met, frames, meet=False)

    def fit(self, swing: torch.Tensor) -> torch.Tensor:
        """The nearest such path to one of tip and grip, [1, 4, N] in heights: the tip from the place, the grip from
        the tip."""
        given = swing[0].T.double().numpy()
        tip, hand = self._tip(given[:, :2]), self._hand(given[:, :2] + given[:, 2:])
        return torch.from_numpy(np.concatenate((tip, hand - tip), axis=1).T).to(swing)[None]


def _smooth(met: np.ndarray, frames: int, meet: bool = True) -> Callable[[np.ndarray], np.ndarray]:
    """The smoother of values [N, C] with contacts at ``met``, in frames, where they are 0 and may bend if they meet."""
    from scipy.sparse import csc_matrix, csr_matrix, eye
    from scipy.sparse.linalg import splu

    at = np.concatenate((np.arange(frames), met if meet else ()))
    order = np.argsort(at, kind="stable")
    at, column = at[order], np.where(order < frames, order, -1)
    away = np.abs(at[:, None] - met).min(axis=1, initial=np.inf)
    stiff = np.sqrt(_STIFF[0] * (_STIFF[1] / _STIFF[0]) ** np.minimum(away / _FAR, 1.0))
    before, after = np.maximum(np.diff(at)[:-1], _SHORTEST), np.maximum(np.diff(at)[1:], _SHORTEST)
    span = before + after
    bend = np.stack((2.0 / (before * span), -2.0 / (before * after), 2.0 / (after * span)))
    bend *= stiff[1:-1] * np.minimum(1.0, 0.5 * span) ** 2
    columns = np.stack((column[:-2], column[1:-1], column[2:]))
    rows = np.broadcast_to(np.arange(columns.shape[1]), columns.shape)
    kept = (columns >= 0) & (column[1:-1] >= 0)
    bends = csr_matrix((bend[kept], (rows[kept], columns[kept])), (columns.shape[1], frames))
    solver = splu(csc_matrix(eye(frames) + bends.T @ bends))
    return lambda values: np.asarray(solver.solve(np.ascontiguousarray(values)))
