"""What the sync meter reports of a clip and a sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.onsets.track import Onset
from engine.sync.matching import Pair, fit_line, match_onsets
from engine.sync.score_map import ScoreMap, find_line


@dataclass(frozen=True)
class LoneOnset:
    """A blow that is only seen (at a time of the picture) or only heard (at a time of the sound)."""

    time_s: float
    confidence: float


@dataclass(frozen=True)
class SyncReport:
    """How a clip's picture and a sound lie to each other.

    ``lag_s`` > 0: the sound comes late; it is that of the middle of the clip, None where nothing can be told.
    ``confidence`` 0 to 1: the probability that the lag is right to 25 ms. ``drift_s_per_s``: by how much the lag grows
    in a second, 0 where chance explains it.
    """

    lag_s: float | None
    confidence: float
    drift_s_per_s: float
    middle_s: float
    hits: tuple[Pair, ...]
    seen_not_heard: tuple[LoneOnset, ...]
    heard_not_seen: tuple[LoneOnset, ...]


def make_report(
    scores: ScoreMap, seen: Sequence[Onset], heard: Sequence[Onset], duration_s: float, certainty: float
) -> SyncReport:
    """The report of onsets seen and heard, with the lag that ``scores`` speak for.

    A second pass matches along the line that the first one's pairs have.
    """
    line = find_line(scores, certainty)
    if line is None:
        only_seen = [onset for onset in seen if onset.strength >= 0.5]
        only_heard = [onset for onset in heard if onset.strength >= 0.5 and onset.time_s < duration_s]
        return SyncReport(None, 0.0, 0.0, 0.5 * duration_s, (), _to_lone(only_seen), _to_lone(only_heard))
    pairs, _, _ = match_onsets(seen, heard, line)
    line = fit_line(pairs, line)
    pairs, only_seen, only_heard = match_onsets(seen, heard, line)
    within = [o for o in only_heard if 0.0 <= o.time_s - float(line.offset_at(o.time_s)) <= duration_s]
    lag_s, middle_s = float(line.lag_s), line.middle_s
    return SyncReport(lag_s, line.confidence, line.drift, middle_s, tuple(pairs), _to_lone(only_seen), _to_lone(within))


def _to_lone(onsets: Sequence[Onset]) -> tuple[LoneOnset, ...]:
    return tuple(LoneOnset(onset.time_s, onset.strength) for onset in onsets)


def report_to_json(report: SyncReport) -> dict[str, object]:
    """The report as a JSON value: seconds to a tenth of a millisecond, confidences to a thousandth."""
    return {
        "lag_s": None if report.lag_s is None else round(report.lag_s, 4),
        "confidence": round(report.confidence, 3),
        "drift_s_per_s": round(report.drift_s_per_s, 6),
        "hits": [
            {"time_s": round(p.time_s, 4), "offset_s": round(p.offset_s, 4), "confidence": round(p.confidence, 3)}
            for p in report.hits
        ],
        "seen_not_heard": [_lone_to_json(lone) for lone in report.seen_not_heard],
        "heard_not_seen": [_lone_to_json(lone) for lone in report.heard_not_seen],
    }


def _lone_to_json(lone: LoneOnset) -> dict[str, float]:
    return {"time_s": round(lone.time_s, 4), "confidence": round(lone.confidence, 3)}
