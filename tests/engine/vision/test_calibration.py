"""Temperature scaling: values by hand, and recovery of a known temperature."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.vision.calibration import expected_calibration_error, fit_temperature, to_probabilities


def test_probabilities_are_the_softmax_over_the_temperature() -> None:
    logits = np.asarray([[math.log(1.0), math.log(3.0)], [1000.0, 1000.0]])
    assert to_probabilities(logits) == pytest.approx(np.asarray([[0.25, 0.75], [0.5, 0.5]]))
    half = math.sqrt(3.0)
    assert to_probabilities(logits, 2.0)[0] == pytest.approx([1.0 / (1.0 + half), half / (1.0 + half)])


def test_the_calibration_error_of_two_bins_by_hand() -> None:
    confidence, right = np.asarray([0.9, 0.8, 0.3, 0.2]), np.asarray([1.0, 0.0, 0.0, 1.0])
    assert expected_calibration_error(confidence, right, 2) == pytest.approx(0.5 * 0.35 + 0.5 * 0.25)
    assert math.isnan(expected_calibration_error(np.zeros(0), np.zeros(0)))


def test_a_known_temperature_is_found() -> None:
    random = np.random.default_rng(0)
    true = random.normal(0.0, 2.0, (20_000, 4))
    chances = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    classes = (random.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(3.0 * true, classes) == pytest.approx(3.0, rel=0.05)
    assert fit_temperature(0.5 * true, classes) == pytest.approx(0.5, rel=0.05)
    assert fit_temperature(np.zeros((0, 4)), np.zeros(0, int)) == 1.0


def test_an_overconfident_network_is_calibrated() -> None:
    random = np.random.default_rng(0)
    classes = random.integers(0, 4, 4000)
    logits = random.normal(0.0, 1.0, (4000, 4)) + 1.5 * np.eye(4)[classes]
    temperature = fit_temperature(6.0 * logits, classes)
    right = logits.argmax(axis=1) == classes
    before, after = (to_probabilities(6.0 * logits, t).max(axis=1) for t in (1.0, temperature))
    assert expected_calibration_error(after, right) < 0.03 < 0.1 < expected_calibration_error(before, right)
