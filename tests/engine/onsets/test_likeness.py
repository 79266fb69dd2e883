"""Likeness to a clip's own hits, on made features: what looks like them gains, and few tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.onsets.likeness import ENOUGH_HITS, LEAST_HITS, MOST_LOG_ODDS, fit_discriminant, weigh_by_likeness
from engine.onsets.peaks import pick_peaks

FRAMES, FEATURES = 600, 24
CLEAR, DOUBTFUL = 3.0, -0.5
"""Log odds of hits that the network is sure of, and of candidates under the threshold."""


def make_clip(
    rng: np.random.Generator, hits: int, alike: tuple[int, ...], unlike: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """Times, outputs and features of noise, with clear hits, and candidates that look like them or do not."""
    look = 4.0 * rng.standard_normal(FEATURES)
    features = rng.standard_normal((FRAMES, FEATURES))
    outputs = np.zeros((FRAMES, 3))
    outputs[:, 0] = -6.0
    clear = 20 + 25 * np.arange(hits)
    outputs[clear, 0] = CLEAR
    for at in (*alike, *unlike):
        outputs[at, 0] = DOUBTFUL
    features[[*clear, *alike]] += look
    return np.arange(FRAMES) / 25.0, outputs, torch.from_numpy(features)[None].half()


def test_what_looks_like_the_clip_s_hits_gains_and_what_does_not_loses(rng: np.random.Generator) -> None:
    times_s, outputs, features = make_clip(rng, 12, alike=(410, 450), unlike=(470, 510))
    weighed = weigh_by_likeness(times_s, outputs, features, 0.5)
    gain = weighed[:, 0] - outputs[:, 0]
    assert (gain[[410, 450]] > 0.6).all() and (gain[[470, 510]] < -0.6).all()
    assert np.abs(gain).max() <= MOST_LOG_ODDS + 1e-12
    assert np.array_equal(weighed[:, 1:], outputs[:, 1:])
    threshold = -0.1
    kept = {at for at, _ in pick_peaks(times_s, weighed) if weighed[at, 0] > threshold}
    assert {410, 450} <= kept and not {470, 510} & kept and len(kept) == 14


def test_few_clear_hits_change_little_and_too_few_nothing(rng: np.random.Generator) -> None:
    for hits in (LEAST_HITS - 1, LEAST_HITS, ENOUGH_HITS):
        times_s, outputs, features = make_clip(rng, hits, alike=(410,), unlike=(510,))
        gain = weigh_by_likeness(times_s, outputs, features, 0.5)[:, 0] - outputs[:, 0]
        most = min(1.0, hits / ENOUGH_HITS) * MOST_LOG_ODDS if hits >= LEAST_HITS else 0.0
        assert np.abs(gain).max() <= most + 1e-12 and (most == 0.0 or gain[410] > 0.4 * most)


def test_views_are_averaged_and_long_clips_taken_in_parts(rng: np.random.Generator) -> None:
    times_s, outputs, features = make_clip(rng, 12, alike=(410,), unlike=(510,))
    apart = 0.5 * torch.randn(features.shape, generator=torch.Generator().manual_seed(1)).half()
    two = torch.cat((features + apart, features - apart))
    expected = weigh_by_likeness(times_s, outputs, features, 0.5)
    assert weigh_by_likeness(times_s, outputs, two, 0.5) == pytest.approx(expected, abs=0.02)
    many = 12  # copies one after another: the discriminant is the same, of a twelfth of the frames without hits
    longer = weigh_by_likeness(
        np.arange(many * FRAMES) / 25.0, np.tile(outputs, (many, 1)), features.repeat(1, many, 1), 0.5
    )
    assert np.abs(longer[:FRAMES, 0] - longer[-FRAMES:, 0]).max() < 1e-9
    assert np.abs(longer[:FRAMES, 0] - expected[:, 0]).max() < 0.3


def test_no_other_direction_separates_better(rng: np.random.Generator) -> None:
    """Fisher's criterion: distance of the means over the standard deviation within."""
    mix = rng.standard_normal((6, 6))
    hits, others = rng.standard_normal((400, 6)) @ mix + 1.0, rng.standard_normal((900, 6)) @ mix
    weights, at_hits, elsewhere = fit_discriminant(hits, others)
    assert at_hits > elsewhere

    def separate(direction: np.ndarray) -> float:
        one, other = hits @ direction, others @ direction
        return float((one.mean() - other.mean()) / np.sqrt(400 * one.var() + 900 * other.var()))

    best = separate(weights)
    for _ in range(200):
        assert abs(separate(rng.standard_normal(6))) < best
    for axis in np.eye(6):  # a little shrunk, so that it is nearly a maximum
        assert separate(weights + 0.3 * np.linalg.norm(weights) * axis) < 1.02 * best


def test_silence_and_still_film_are_left_alone() -> None:
    times_s, outputs = np.arange(FRAMES) / 25.0, np.zeros((FRAMES, 3))
    outputs[::30, 0] = 5.0
    still = torch.zeros((1, FRAMES, FEATURES), dtype=torch.float16)
    assert np.array_equal(weigh_by_likeness(times_s, outputs, still, 0.5), outputs)
    assert weigh_by_likeness(times_s[:0], outputs[:0], still[:, :0], 0.5).shape == (0, 3)
