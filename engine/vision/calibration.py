"""How sure sight may be: probabilities that mean what they say.

One temperature divides the logits (Guo et al., "On calibration of modern neural networks", ICML 2017); it is fitted on
hits that the network has not learnt from.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

HIGHEST_TEMPERATURE = 20.0


def to_probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of logits [..., K] over a temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    shares = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    result: np.ndarray = shares / shares.sum(axis=-1, keepdims=True)
    return result


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """The temperature at which logits [N, K] make classes [N] likeliest, 0.2 to HIGHEST_TEMPERATURE; 1 of no hits."""
    if not len(classes):
        return 1.0

    def surprise(exponent: float) -> float:
        chances = to_probabilities(logits, float(np.exp(exponent)))[np.arange(len(classes)), classes]
        return -float(np.log(chances + 1e-12).mean())

    found = minimize_scalar(surprise, bounds=(np.log(0.2), np.log(HIGHEST_TEMPERATURE)), method="bounded")
    return float(np.exp(found.x))


def measure_calibration(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error, 0 to 1: how far confidences [N] lie from the share that is right, by bins of both.

    Bins hold as many hits each, so that none is empty; NaN of no hits.
    """
    if not len(confidence):
        return float("nan")
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [len(part) * abs(float(confidence[part].mean() - right[part].mean())) for part in parts]
    return float(sum(gaps) / len(order))
