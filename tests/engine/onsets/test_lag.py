"""The lag between picture and sound, from onsets built to have one."""

from __future__ import annotations

import numpy as np
import pytest

from engine.onsets.fusion import fuse
from engine.onsets.lag import COST_PER_S, MAX_LAG_S, MIN_CONTRAST, MIN_STRENGTH, REFINE_S, STEP_S, WIDTH_S, estimate_lag
from engine.onsets.track import Onset, OnsetTrack, draw_curve

DURATION_S = 30.0


def make_track(times_s: np.ndarray, strength: float = 0.8) -> OnsetTrack:
    onsets = tuple(Onset(float(t), strength) for t in np.sort(times_s) if 0.0 <= t < DURATION_S)
    return OnsetTrack(draw_curve(np.zeros(round(100 * DURATION_S)), onsets), onsets)


@pytest.mark.parametrize("lag_s", [-0.09, 0.0, 0.013, 0.053, 0.15])
def test_the_lag_is_found_to_5_ms_among_missed_and_false_hits(lag_s: float) -> None:
    random = np.random.default_rng(1)
    heard_s = np.cumsum(random.uniform(0.25, 1.0, 40))
    seen_s = heard_s[random.random(40) < 0.75] + lag_s
    seen_s = seen_s + random.normal(0, 0.012, len(seen_s))
    false_s = random.uniform(0, 25, 8)
    found = estimate_lag(make_track(np.append(seen_s, false_s)), make_track(heard_s))
    assert found == pytest.approx(lag_s, abs=0.005)


@pytest.mark.slow
def test_unrelated_onsets_and_few_have_no_lag() -> None:
    random = np.random.default_rng(2)
    for _ in range(200):
        assert estimate_lag(*(make_track(random.uniform(0, 30, 30)) for _ in range(2))) is None
    assert estimate_lag(make_track(np.arange(1.0, 5.0)), make_track(np.arange(1.0, 5.0))) is None


def test_hits_of_a_late_picture_support_those_of_the_sound_and_come_in_step_with_them() -> None:
    heard_s = np.array([1.0, 1.7, 2.9, 3.6, 5.1, 6.0, 7.7])
    sound, picture = make_track(heard_s, 0.5), make_track(np.append(heard_s, 9.0) + 0.12, 0.99)
    track = fuse(picture, sound)
    assert track.lag_s == pytest.approx(0.12, abs=0.002)
    assert [onset.time_s for onset in track.candidates] == pytest.approx([*heard_s, 9.0], abs=0.002)
    assert all(onset.strength > 0.6 for onset in track.candidates[:-1])


def test_pairs_that_are_near_decide_as_all_pairs_do() -> None:
    """A slow reference that weighs every pair of onsets at every lag, as the method is described."""
    random = np.random.default_rng(3)
    for trial in range(40):
        heard_s = np.sort(random.uniform(0, 28, 40))
        shift_s = random.uniform(-0.19, 0.19)
        seen_s = np.append(heard_s + shift_s + random.normal(0, 0.02, 40) * (trial % 3), random.uniform(0, 28, 10))
        tracks = [
            OnsetTrack(
                make_track(times_s).curve, tuple(Onset(float(t), float(random.uniform(0.2, 1))) for t in times_s)
            )
            for times_s in (seen_s, heard_s)
        ]
        assert estimate_lag(*tracks) == pytest.approx(weigh_all_pairs(*tracks), abs=1e-9), trial


def weigh_all_pairs(picture: OnsetTrack, sound: OnsetTrack) -> float | None:
    seen, heard = ([o for o in track.candidates if o.strength >= MIN_STRENGTH] for track in (picture, sound))
    gaps_s = np.array([[a.time_s - b.time_s for b in heard] for a in seen])
    force = np.array([[a.strength * b.strength for b in heard] for a in seen])
    lags_s = np.arange(-MAX_LAG_S, MAX_LAG_S + STEP_S / 2, STEP_S)
    matched = np.array([(force * np.exp(-0.5 * ((gaps_s - lag) / WIDTH_S) ** 2)).max(axis=1).sum() for lag in lags_s])
    best = np.argmax(matched - COST_PER_S * np.abs(lags_s) * matched.max())
    if matched[best] - matched.mean() < MIN_CONTRAST * np.sqrt(matched.mean() * force.mean()):
        return None
    nearest_s = np.array([row[np.abs(row - lags_s[best]).argmin()] for row in gaps_s])
    return float(np.median(nearest_s[np.abs(nearest_s - lags_s[best]) < REFINE_S]))
