"""Hits of a clip look alike: each frame is weighed by its likeness to the clip's own clear hits.

The network was trained on other film. Where a clip has several hits that it is sure of, these show how a hit looks
there: a linear discriminant (Fisher 1936) between the encoder's features at these and at all other times tells weaker
candidates that look like them from those that do not. Nothing but the clip itself is learnt from.
"""

from __future__ import annotations

import numpy as np
import torch

from engine.onsets.peaks import pick_peaks, read_strengths

CLEAR_STRENGTH, DOUBTFUL_STRENGTH = 0.6, 0.1
"""Hits of at least the former are examples; about candidates over the latter nothing is an example of no hit."""
LEAST_HITS, LEAST_OTHERS, ENOUGH_HITS = 4, 20, 10
"""With fewer examples nothing is changed; with fewer than the last the change is smaller in proportion."""
MOST_LOG_ODDS = 1.5
_ABOUT_A_HIT = 3  # frames on either side
_MOST_OTHERS = 5000  # frames without a hit that are looked at, evenly spread over the clip
_OTHERS_A_HIT = 5.0  # weight of their covariance, at most, against that of the hits
_SHRINKAGE = 0.1  # of the covariance to a multiple of the identity, since there are fewer hits than features
_BLOCK = 4096


def weigh_by_likeness(
    times_s: np.ndarray, outputs: np.ndarray, features: torch.Tensor, calibrated_threshold: float
) -> np.ndarray:
    """The network's outputs [N, 3] with logits moved by likeness to the clip's clear hits, float64 [N, 3].

    ``features`` [views, N, F] are the encoder's. A frame like the hits gains up to MOST_LOG_ODDS, one like the rest of
    the clip loses as much, one half way between keeps its logit; clips with few clear hits are left as they are.
    """
    if len(outputs) < 4:
        return outputs
    strength = read_strengths(times_s, outputs, calibrated_threshold)
    peaks = np.array([at for at, _ in pick_peaks(times_s, outputs)], dtype=int)
    hits = peaks[strength[peaks] >= CLEAR_STRENGTH]
    near = np.zeros(len(outputs), dtype=bool)
    for at in peaks[strength[peaks] > DOUBTFUL_STRENGTH].tolist():
        near[max(0, at - _ABOUT_A_HIT) : at + _ABOUT_A_HIT + 1] = True
    others = np.flatnonzero(~near)
    if len(hits) < LEAST_HITS or len(others) < LEAST_OTHERS:
        return outputs
    others = others[:: -(-len(others) // _MOST_OTHERS)]
    weights, at_hits, elsewhere = fit_discriminant(_read_rows(features, hits), _read_rows(features, others))
    if not at_hits > elsewhere:
        return outputs
    score = np.concatenate(
        [_read_rows(features, slice(start, start + _BLOCK)) @ weights for start in range(0, features.shape[1], _BLOCK)]
    )
    likeness = 2.0 * (score - elsewhere) / (at_hits - elsewhere) - 1.0
    weighed = outputs.copy()
    weighed[:, 0] += min(1.0, len(hits) / ENOUGH_HITS) * np.clip(likeness, -MOST_LOG_ODDS, MOST_LOG_ODDS)
    return weighed


def fit_discriminant(hits: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Weights [F] of the linear discriminant between rows [K, F] and [L, F], and the mean scores of the two."""
    share = min(len(others), _OTHERS_A_HIT * len(hits))
    covariance = (len(hits) * np.cov(hits.T) + share * np.cov(others.T)) / (len(hits) + share)
    spread = float(np.trace(covariance)) / len(covariance)
    covariance = (1.0 - _SHRINKAGE) * covariance
    covariance.flat[:: len(covariance) + 1] += _SHRINKAGE * spread + 1e-12
    weights = np.linalg.solve(covariance, hits.mean(axis=0) - others.mean(axis=0))
    return weights, float((hits @ weights).mean()), float((others @ weights).mean())


def _read_rows(features: torch.Tensor, rows: np.ndarray | slice) -> np.ndarray:
    """Some frames' features, the mean of all views, float64 [K, F]."""
    chosen = features[:, rows if isinstance(rows, slice) else torch.from_numpy(rows).to(features.device)]
    result: np.ndarray = chosen.float().mean(dim=0).cpu().double().numpy()
    return result
