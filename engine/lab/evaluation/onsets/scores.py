"""Scores of detected onsets against labelled and audible ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.lab.metrics.event_score import f1_of, score
from engine.onsets.track import Onset

TOLERANCES_S = (0.025, 0.05, 0.1)
SHIFTS_S = np.arange(-0.12, 0.1201, 0.01)
"""Shifts of a whole clip's detections, tried to align its picture with its sound."""

RESAMPLES = 2000
CHUNK_S = 2.0
FOLEY_TOLERANCE_S = 0.1

LEAST_PAIRS = 8
"""A clip with fewer hits has no correlation of its own."""

Detector = Callable[["Clip"], Sequence[float]]


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip with its true onsets and each detector's candidates.

    Recall is measured on ``labelled_s``, precision on ``audible_s``; ``action`` and ``velocity`` (0..1, NaN unknown)
    are of the labelled ones; ``velocity_seen`` is what the network reads at each of them, own lag removed.
    ``foley_s`` are the onsets of the CondFoleyGen protocol, librosa's with delta 0.3.
    ``lag_s`` is the usual delay of the picture behind the sound in other days' clips of its frame rate.
    ``rhythm_tracks`` are the network's candidates, own lag removed, with each of ``nested.RHYTHMS``. In simulated
    takes ``kinds`` describe the labelled hits and ``distractors`` are times by name (``kinds.py``).
    """

    name: str
    day: str
    duration_s: float
    frame_s: float
    labelled_s: list[float]
    audible_s: list[float]
    action: list[str]
    velocity: list[float]
    foley_s: list[float]
    tracks: dict[str, list[Onset]] = field(default_factory=dict)
    velocity_seen: list[float] = field(default_factory=list)
    lag_s: float = 0.0
    rhythm_tracks: list[list[Onset]] = field(default_factory=list)
    kinds: list[dict[str, str]] = field(default_factory=list)
    distractors: dict[str, list[float]] = field(default_factory=dict)


def measure(clips: Sequence[Clip], find: Detector, tolerance_s: float | None) -> dict[str, float]:
    """Precision on audible onsets, recall on labelled ones, and their F1, pooled over clips.

    A tolerance of None is one frame of the clip.
    """
    right, found, recalled, labelled = count_matches(clips, find, tolerance_s).sum(axis=0).tolist()
    precision, recall = right / max(found, 1), recalled / max(labelled, 1)
    return {"precision": precision, "recall": recall, "f1": f1_of(precision, recall)}


def count_matches(clips: Sequence[Clip], find: Detector, tolerance_s: float | None) -> np.ndarray:
    """Numbers of correct and of all detections, of recalled and of all labelled onsets of each clip, [clips, 4]."""
    rows = []
    for clip in clips:
        times, within_s = find(clip), clip.frame_s if tolerance_s is None else tolerance_s
        audible = score(times, clip.audible_s, within_s)
        known = score(times, clip.labelled_s, within_s)
        rows.append((audible.matched, audible.found, known.matched, known.truth))
    return np.asarray(rows).reshape(-1, 4)


def estimate_interval(clips: Sequence[Clip], find: Detector, tolerance_s: float) -> tuple[float, float]:
    """95 % interval of F1: clips drawn with replacement, RESAMPLES times."""
    counts = count_matches(clips, find, tolerance_s)
    drawn = np.random.default_rng(0).integers(len(clips), size=(RESAMPLES, len(clips)))
    right, found, recalled, labelled = np.maximum(counts[drawn].sum(axis=1), 1e-9).T
    precision, recall = right / found, recalled / labelled
    low, high = np.percentile(2.0 * precision * recall / (precision + recall), (2.5, 97.5))
    return float(low), float(high)


def times_above(clip: Clip, source: str, threshold: float) -> list[float]:
    """Times of a source's candidates with at least the threshold's strength."""
    return [onset.time_s for onset in clip.tracks[source] if onset.strength >= threshold]


def choose_threshold(clips: Sequence[Clip], source: str) -> float:
    """The threshold with the best F1 of a source at 50 ms on these clips."""
    trials = np.linspace(0.02, 0.98, 49)
    return float(max(trials, key=lambda t: measure(clips, lambda clip: times_above(clip, source, t), 0.05)["f1"]))


def best_shift(clip: Clip, source: str, threshold: float) -> float:
    """The shift in seconds that best aligns a clip's picture with its sound, which were recorded apart."""
    times = times_above(clip, source, threshold)
    matches = [score([t + shift for t in times], clip.audible_s, 0.05).matched for shift in SHIFTS_S]
    return float(min(SHIFTS_S[np.flatnonzero(np.equal(matches, max(matches)))], key=abs))


def average_precision(clips: Sequence[Clip], source: str, tolerance_s: float) -> float:
    """Area under the precision-recall curve: precision on audible onsets, recall on labelled ones."""
    strengths = sorted({onset.strength for clip in clips for onset in clip.tracks[source]}, reverse=True)
    thresholds = strengths[:: max(1, len(strengths) // 80)]
    area = recall = 0.0
    for threshold in thresholds:
        now = measure(clips, lambda clip, t=threshold: times_above(clip, source, t), tolerance_s)  # type: ignore[misc]
        area += max(0.0, now["recall"] - recall) * now["precision"]
        recall = max(recall, now["recall"])
    return area


def match_pairs(found_s: Sequence[float], truth_s: Sequence[float], tolerance_s: float) -> list[tuple[int, int]]:
    """Pairs of found and true times, one to one, the closest first."""
    gaps = [
        (abs(f - t), i, j) for i, f in enumerate(found_s) for j, t in enumerate(truth_s) if abs(f - t) <= tolerance_s
    ]
    pairs: list[tuple[int, int]] = []
    used: tuple[set[int], set[int]] = (set(), set())
    for _, i, j in sorted(gaps):
        if i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            pairs.append((i, j))
    return pairs


def measure_timing(clips: Sequence[Clip], source: str, threshold: float) -> dict[str, float]:
    """Median signed and absolute timing errors in ms, the latter also about each clip's median; pairs within 100 ms."""
    signed, aligned = [], []
    for clip in clips:
        times = times_above(clip, source, threshold)
        errors = [times[i] - clip.labelled_s[j] for i, j in match_pairs(times, clip.labelled_s, 0.1)]
        signed += errors
        aligned += [error - float(np.median(errors)) for error in errors]
    if not signed:
        return {}
    return {
        "median_ms": 1000 * float(np.median(signed)),
        "median_absolute_ms": 1000 * float(np.median(np.abs(signed))),
        "median_absolute_in_step_ms": 1000 * float(np.median(np.abs(aligned))),
    }


def measure_recall_by_action(clips: Sequence[Clip], source: str, threshold: float) -> dict[str, float]:
    """Recall at 50 ms for each labelled action (hit, scratch, unknown)."""
    found: dict[str, int] = {}
    labelled: dict[str, int] = {}
    for clip in clips:
        times = times_above(clip, source, threshold)
        matched = {j for _, j in match_pairs(times, clip.labelled_s, 0.05)}
        for j, action in enumerate(clip.action):
            name = action or "unknown"
            labelled[name] = labelled.get(name, 0) + 1
            found[name] = found.get(name, 0) + (j in matched)
    return {name: found[name] / labelled[name] for name in sorted(labelled)}


def measure_velocity(clips: Sequence[Clip], source: str, threshold: float) -> dict[str, float]:
    """Correlation of estimated velocities with the level of the real hit: pooled, and the mean over clips.

    ``low`` and ``high`` are the 95 % interval of the mean: clips drawn with replacement.
    """
    by_clip = []
    for clip in clips:
        onsets = [onset for onset in clip.tracks[source] if onset.strength >= threshold]
        pairs = []
        for i, j in match_pairs([onset.time_s for onset in onsets], clip.labelled_s, 0.1):
            velocity = onsets[i].strength if onsets[i].velocity is None else onsets[i].velocity
            if np.isfinite(clip.velocity[j]):
                pairs.append((float(velocity or 0.0), clip.velocity[j]))
        by_clip.append(pairs)
    return _summarise(by_clip)


def measure_velocity_seen(clips: Sequence[Clip]) -> dict[str, float]:
    """``measure_velocity`` of what the network reads at every labelled hit, whether it finds the hit or not."""
    return _summarise([[*zip(clip.velocity_seen, clip.velocity, strict=True)] for clip in clips if clip.velocity_seen])


def _summarise(by_clip: Sequence[Sequence[tuple[float, float]]]) -> dict[str, float]:
    """Correlation of pairs (estimated, real): pooled, and mean with its interval over clips of LEAST_PAIRS or more."""
    pooled = [pair for pairs in by_clip for pair in pairs]
    each = [_correlate(pairs) for pairs in by_clip if len(pairs) >= LEAST_PAIRS]
    if not each:
        return {"pooled": _correlate(pooled), "mean_of_clips": 0.0, "low": 0.0, "high": 0.0}
    drawn = np.random.default_rng(0).integers(len(each), size=(RESAMPLES, len(each)))
    low, high = np.percentile(np.asarray(each)[drawn].mean(axis=1), (2.5, 97.5))
    return {"pooled": _correlate(pooled), "mean_of_clips": float(np.mean(each)), "low": float(low), "high": float(high)}


def _correlate(pairs: Sequence[tuple[float, float]]) -> float:
    estimated, real = np.asarray(pairs, float).reshape(-1, 2).T
    if len(estimated) < 3 or estimated.std() < 1e-9 or real.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(estimated, real)[0, 1])


def measure_foley(clips: Sequence[Clip], source: str, threshold: float) -> dict[str, float]:
    """The CondFoleyGen protocol in chunks of CHUNK_S: share with as many onsets as the real sound, and AP at 100 ms."""
    alike = chunks = truths = 0
    ranked: list[tuple[float, bool]] = []
    for clip in clips:
        for start_s in np.arange(0.0, clip.duration_s - CHUNK_S + 1e-6, CHUNK_S):
            truth = [t for t in clip.foley_s if start_s <= t < start_s + CHUNK_S]
            found = [o for o in clip.tracks[source] if start_s <= o.time_s < start_s + CHUNK_S]
            chunks, truths = chunks + 1, truths + len(truth)
            alike += sum(o.strength >= threshold for o in found) == len(truth)
            free = set(truth)
            for onset in sorted(found, key=lambda o: -o.strength):
                near = [t for t in free if abs(t - onset.time_s) <= FOLEY_TOLERANCE_S]
                ranked.append((onset.strength, bool(near)))
                if near:
                    free.remove(min(near, key=lambda t, o=onset: abs(t - o.time_s)))  # type: ignore[misc]
    ranked.sort(key=lambda pair: -pair[0])
    right = np.cumsum([matched for _, matched in ranked])
    precision = right / np.arange(1, len(ranked) + 1) if ranked else np.zeros(0)
    area = float(sum(p for p, (_, matched) in zip(precision, ranked, strict=True) if matched)) / max(truths, 1)
    return {"count_accuracy": alike / max(chunks, 1), "average_precision": area}
