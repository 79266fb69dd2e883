"""Temperature scaling of class probabilities.

Guo et al., "On calibration of modern neural networks", ICML 2017: one temperature divides all logits; it is fitted on
hits that the network was not trained on.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.2, 20.0


def to_probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of logits [..., K] over a temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    shares = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    result: np.ndarray = shares / shares.sum(axis=-1, keepdims=True)
    return result


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """The temperature that minimises the negative log-likelihood of classes [N] under logits [N, K]; 1 for N = 0."""
    if not len(classes):
        return 1.0

    def negative_log_likelihood(log_temperature: float) -> float:
        chances = to_probabilities(logits, float(np.exp(log_temperature)))[np.arange(len(classes)), classes]
        return -float(np.log(chances + 1e-12).mean())

    bounds = (np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE))
    return float(np.exp(minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded").x))


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Mean absolute difference of confidence [N] and accuracy, ``right`` [N], in bins of equal count; NaN if empty."""
    if not len(confidence):
        return float("nan")
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [len(part) * abs(float(confidence[part].mean() - right[part].mean())) for part in parts]
    return float(sum(gaps) / len(order))
