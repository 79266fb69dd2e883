"""The sync meter on onsets built to have a lag, a drift, and blows that are missing on one side."""

from __future__ import annotations

import numpy as np
import pytest

from engine.onsets.track import Onset
from engine.sync.events import score_events
from engine.sync.limits import grade_offset
from engine.sync.matching import Pair, fit_line
from engine.sync.report import SyncReport, make_report, report_to_json
from engine.sync.score_map import Line

DURATION_S = 40.0


def make_onsets(times_s: np.ndarray, strength: float = 0.8) -> list[Onset]:
    return [Onset(float(time_s), strength) for time_s in np.sort(times_s) if time_s >= 0.0]


def measure(seen_s: np.ndarray, heard_s: np.ndarray) -> SyncReport:
    seen, heard = make_onsets(seen_s), make_onsets(heard_s)
    return make_report(score_events(seen, heard, DURATION_S), seen, heard, DURATION_S, 1.0)


def strike(seed: int, count: int = 40) -> np.ndarray:
    return 1.0 + np.cumsum(np.random.default_rng(seed).uniform(0.4, 1.2, count))


@pytest.mark.parametrize("lag_s", [-0.5, -0.05, 0.0, 0.08, 0.7])
def test_the_lag_is_found_to_5_ms_among_missed_and_false_blows(lag_s: float) -> None:
    random = np.random.default_rng(3)
    true_s = strike(1)
    seen_s = true_s[random.random(40) < 0.7]
    seen_s = np.append(seen_s + random.normal(0.0, 0.012, len(seen_s)), random.uniform(0, 30, 8))
    heard_s = np.append(true_s[random.random(40) < 0.8], random.uniform(0, 30, 8)) + lag_s
    report = measure(seen_s, heard_s)
    assert report.lag_s == pytest.approx(lag_s, abs=0.005) and report.confidence > 0.9
    assert report.drift_s_per_s == pytest.approx(0.0, abs=4e-4)


@pytest.mark.parametrize("drift", [0.001, 25 / 24 - 1, 0.004])
def test_a_sound_of_another_speed_drifts(drift: float) -> None:
    true_s = strike(2)
    random = np.random.default_rng(4)
    report = measure(true_s + random.normal(0.0, 0.008, 40), true_s + drift * (true_s - 20.0) + 0.03)
    assert report.drift_s_per_s == pytest.approx(drift, abs=3e-4)
    assert report.lag_s == pytest.approx(0.03 + drift * (report.middle_s - 20.0), abs=0.005)


def test_a_blow_that_is_late_deleted_or_added_is_told_and_the_others_stay_in_step() -> None:
    true_s = strike(5, 20)
    heard_s = np.append(np.delete(true_s, 7), 0.5 * (true_s[11] + true_s[12]))
    heard_s[3] += 0.15
    report = measure(true_s, heard_s)
    late = [hit for hit in report.hits if abs(hit.offset_s) > 0.05]
    assert [hit.time_s for hit in late] == pytest.approx([true_s[3]])
    assert late[0].offset_s == pytest.approx(0.15, abs=1e-6)
    assert [lone.time_s for lone in report.seen_not_heard] == pytest.approx([true_s[7]])
    assert [lone.time_s for lone in report.heard_not_seen] == pytest.approx([heard_s[-1]])
    assert len(report.hits) == 19 and report.lag_s == pytest.approx(0.0, abs=1e-6)


def test_a_weak_onset_far_off_the_line_is_no_late_blow() -> None:
    true_s = strike(9, 20)
    seen = [*make_onsets(np.delete(true_s, 8)), Onset(float(true_s[8]) - 0.12, 0.2)]
    seen.sort(key=lambda onset: onset.time_s)
    heard = make_onsets(true_s)
    report = make_report(score_events(seen, heard, DURATION_S), seen, heard, DURATION_S, 1.0)
    assert [lone.time_s for lone in report.heard_not_seen] == pytest.approx([true_s[8]])
    assert max(abs(hit.offset_s) for hit in report.hits) < 1e-6


def test_what_cannot_be_told_is_not_told() -> None:
    nothing, blows = np.zeros(0), strike(6, 5)
    silent = measure(blows, nothing)
    assert silent.lag_s is None and silent.confidence == 0.0 and len(silent.seen_not_heard) == 5
    assert [lone.time_s for lone in measure(nothing, blows).heard_not_seen] == pytest.approx(blows)
    rng = np.random.default_rng(7)
    sure = [measure(rng.uniform(0, 40, 30), rng.uniform(0, 40, 30)).confidence for _ in range(6)]
    assert np.mean(sure) < 0.8


def test_the_report_as_json() -> None:
    value = report_to_json(measure(strike(8), strike(8) + 0.04))
    assert set(value) == {"lag_s", "confidence", "drift_s_per_s", "hits", "seen_not_heard", "heard_not_seen"}
    assert value["lag_s"] == 0.04
    (first, *_), wanted = value["hits"], {"time_s": round(float(strike(8)[0]), 4), "offset_s": 0.04}  # type: ignore[misc]
    assert first["confidence"] == pytest.approx(0.8, abs=0.05) and {**first, **wanted} == first


def test_offsets_are_graded_by_half_a_frame_and_by_bt_1359() -> None:
    frame_s = 1 / 24
    graded = {
        -0.1: "unacceptable",
        -0.06: "detected",
        -0.03: "too small to notice",
        0.02: "in step",
        0.1: "too small to notice",
    }
    assert {offset_s: grade_offset(offset_s, frame_s) for offset_s in graded} == graded
    assert [grade_offset(s, frame_s) for s in (0.15, 0.2)] == ["detected", "unacceptable"]


@pytest.mark.parametrize(("count", "span_s", "strays"), [(17, 7.0, 0.0), (17, 7.0, 0.2), (40, 30.0, 0.1)])
def test_chance_tells_a_drift_as_rarely_as_it_claims(count: int, span_s: float, strays: float) -> None:
    """Hits without drift, of uneven confidence, some paired by chance: the test's own level is the oracle."""
    random = np.random.default_rng(6)
    told = 0
    for _ in range(400):
        times_s = np.sort(random.uniform(0.0, span_s, count))
        offsets_s = random.normal(0.0, 0.015, count)
        offsets_s = np.where(random.random(count) < strays, random.uniform(-0.1, 0.1, count), offsets_s)
        confidences = random.uniform(0.3, 1.0, count)
        pairs = [Pair(t, t + o, float(c)) for t, o, c in zip(times_s, offsets_s, confidences, strict=True)]
        told += fit_line(pairs, Line(0.0, 0.0, 0.5 * span_s, 1.0, 10.0)).drift != 0.0
    assert told <= 4  # 1.1 are expected, and more than 4 in less than one of 150 runs
