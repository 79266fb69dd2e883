"""Precision, recall and F1 of events matched one to one, against the largest matching found by another algorithm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from engine.lab.metrics.event_score import count_matches, f1_of, score


def test_a_true_event_is_matched_once() -> None:
    assert score([1.0, 1.01], [1.0], 0.05).matched == 1
    assert score([1.04, 1.09], [1.0, 1.05], 0.05).f1 == 1.0
    assert score([1.05], [1.0], 0.05).matched == 1 and score([1.0501], [1.0], 0.05).matched == 0


def test_precision_recall_and_f1() -> None:
    result = score([1.0, 2.0, 3.0, 4.0], [1.01, 2.3], 0.05)
    assert (result.precision, result.recall) == (0.25, 0.5)
    assert result.f1 == pytest.approx(2 * 0.25 * 0.5 / 0.75) and f1_of(0.0, 0.0) == 0.0


def test_nothing_to_find_and_nothing_found_is_right() -> None:
    assert score([], [], 0.05).f1 == 1.0
    assert score([1.0], [], 0.05).precision == 0.0 and score([], [1.0], 0.05).recall == 0.0


def test_no_matching_is_larger() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        found, truth = (rng.uniform(0.0, 2.0, rng.integers(1, 30)) for _ in range(2))
        near = csr_matrix(np.abs(found[:, None] - truth[None]) <= 0.05)
        largest = int((maximum_bipartite_matching(near, perm_type="column") >= 0).sum())
        assert count_matches(found.tolist(), truth.tolist(), 0.05) == largest
