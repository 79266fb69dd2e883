"""Tables of the onset detectors' scores."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from engine.lab.baselines.onset_pickers import place_grid
from engine.lab.evaluation.onsets.kinds import count_distracted, count_kinds, describe_kinds, keep_visible
from engine.lab.evaluation.onsets.misses import count_false, count_misses, describe_misses
from engine.lab.evaluation.onsets.nested import Choice, choose_by_other_days, describe_choices, find_as_chosen
from engine.lab.evaluation.onsets.scores import (
    TOLERANCES_S,
    Clip,
    Detector,
    average_precision,
    best_shift,
    choose_threshold,
    estimate_interval,
    measure,
    measure_foley,
    measure_recall_by_action,
    measure_timing,
    measure_velocity,
    measure_velocity_seen,
    times_above,
)
from engine.onsets.track import DEFAULT_THRESHOLD

SYNCFUSION = "SyncFusion's network, reduced"
LAG_REMOVED = "network, own lag removed"
"""The network's hits, shifted by the clip's own lag, estimated with its sound, as the editor does in one press."""
NO_RHYTHM = "no rhythm"
PICTURE_SOURCES = ("network", LAG_REMOVED, "motion")
"""Detectors on the picture whose default threshold is meaningful."""

Row = tuple[Any, ...]
"""A system's name, its threshold in words, its detector, and the clips it is evaluated on if not all."""

MAX_RATES, FAST_HZ = 3, 45.0


def tabulate(clips: Sequence[Clip], with_network: bool) -> dict[str, Any]:
    """Scores of clips by system and threshold, further figures by system, and scores of each clip."""
    sources = list(clips[0].tracks)
    pictures = [name for name in PICTURE_SOURCES if name in sources]
    shown = [name for name in (LAG_REMOVED, *PICTURE_SOURCES) if name in sources]
    nested = len({clip.day for clip in clips}) > 1 and all(clip.rhythm_tracks for clip in clips)
    chosen = choose_by_other_days(clips) if nested else {}
    return {
        "clips": len(clips),
        "seconds": round(sum(clip.duration_s for clip in clips), 1),
        "labelled": sum(len(clip.labelled_s) for clip in clips),
        "audible": sum(len(clip.audible_s) for clip in clips),
        "with_network": with_network,
        "systems": _score_systems(clips, sources, pictures, chosen),
        "chosen": describe_choices(clips, chosen) if chosen else {},
        "kinds": _score_kinds(clips, shown),
        "more": [
            _score_further(clips, name) for name in sources if name in (*pictures, "AV-Align flow peaks", SYNCFUSION)
        ],
        "velocity_seen": _round(measure_velocity_seen(clips)) if any(clip.velocity_seen for clip in clips) else {},
        "misses": _score_misses(clips, shown),
        "each": [_score_clip(clip, [name for name in sources if name in (*pictures, "audio")]) for clip in clips],
    }


def _score_systems(
    clips: Sequence[Clip], sources: Sequence[str], pictures: Sequence[str], chosen: dict[str, Choice]
) -> list[dict[str, Any]]:
    spacings = np.arange(0.1, 1.01, 0.05)

    def grid(clip: Clip, spacing_s: float) -> list[float]:
        return place_grid(clip.duration_s, spacing_s)

    spacing_s = float(max(spacings, key=lambda s: measure(clips, partial(grid, spacing_s=s), 0.05)["f1"]))
    systems: list[Row] = [(f"even grid, {spacing_s:.2f} s", "best spacing", partial(grid, spacing_s=spacing_s))]
    if "AV-Align flow peaks" in sources:
        systems.append(
            ("AV-Align flow peaks", "all", partial(times_above, source="AV-Align flow peaks", threshold=0.0))
        )
    for source in [name for name in ("AV-Align flow peaks", "flow drop", SYNCFUSION) if name in sources]:
        best = choose_threshold(clips, source)
        systems.append((source, f"best, {best:.2f}", partial(times_above, source=source, threshold=best)))
    names = [n for n in ("motion", "network", LAG_REMOVED, "audio", "both, motion", "both, network") if n in sources]
    for source in names:
        best = choose_threshold(clips, source)
        default = partial(times_above, source=source, threshold=DEFAULT_THRESHOLD)
        systems.append((source, f"default, {DEFAULT_THRESHOLD:.2f}", default))
        systems.append((source, f"best, {best:.2f}", partial(times_above, source=source, threshold=best)))
    at_default = f"default, {DEFAULT_THRESHOLD:.2f}"
    for source in [name for name in sources if name.endswith(NO_RHYTHM)]:
        systems.append((source, at_default, partial(times_above, source=source, threshold=DEFAULT_THRESHOLD)))
    if chosen:
        systems.append((LAG_REMOVED, "rhythm and threshold of other days", find_as_chosen(chosen)))
    days = {clip.day for clip in clips}
    for source in pictures:
        if any(clip.kinds for clip in clips):
            shown = [keep_visible(clip) for clip in clips]
            find = partial(times_above, source=source, threshold=DEFAULT_THRESHOLD)
            systems.append((f"{source}, hits in sight", at_default, find, *shown))
        if len(days) > 1:
            systems.append((source, "best on other days", _best_on_other_days(clips, source)))
        if source == "network" and any(clip.lag_s for clip in clips):
            lags = {clip.name: -clip.lag_s for clip in clips}
            systems.append(("network, usual lag removed", f"default, {DEFAULT_THRESHOLD:.2f}", _shifted(source, lags)))
        systems += _at_each_rate(clips, source)
        shifts = {clip.name: best_shift(clip, source, DEFAULT_THRESHOLD) for clip in clips}
        systems.append((f"{source}, aligned", f"default, {DEFAULT_THRESHOLD:.2f}", _shifted(source, shifts)))
    return [
        {"system": name, "threshold": threshold, "scores": _scores(chosen or clips, find)}
        for name, threshold, find, *chosen in systems
    ]


def _at_each_rate(clips: Sequence[Clip], source: str) -> list[Row]:
    """Rows for the clips of each frame rate at the default threshold, of many rates for slow and for fast clips."""
    rates = sorted({round(1.0 / clip.frame_s, 2) for clip in clips})
    default = partial(times_above, source=source, threshold=DEFAULT_THRESHOLD)
    rows: list[Row] = []
    if len(rates) > MAX_RATES:
        fast = [clip for clip in clips if clip.frame_s < 1.0 / FAST_HZ]
        slow = [clip for clip in clips if clip.frame_s >= 1.0 / FAST_HZ]
        parts = [part for part in ((f"under {FAST_HZ:g} fps", slow), (f"over {FAST_HZ:g} fps", fast)) if part[1]]
        at_default = f"default, {DEFAULT_THRESHOLD:.2f}"
        return [(f"{source}, {len(part)} clips {name}", at_default, default, *part) for name, part in parts]
    if len(rates) < 2:
        return []
    for rate in rates:
        chosen = [clip for clip in clips if round(1.0 / clip.frame_s, 2) == rate]
        rows.append(
            (f"{source}, {len(chosen)} clips at {rate:g} fps", f"default, {DEFAULT_THRESHOLD:.2f}", default, *chosen)
        )
    return rows


def _best_on_other_days(clips: Sequence[Clip], source: str) -> Detector:
    thresholds = {
        day: choose_threshold([c for c in clips if c.day != day], source) for day in {clip.day for clip in clips}
    }
    return lambda clip: times_above(clip, source, thresholds[clip.day])


def _shifted(source: str, shifts: dict[str, float]) -> Detector:
    return lambda clip: [t + shifts[clip.name] for t in times_above(clip, source, DEFAULT_THRESHOLD)]


def _scores(clips: Sequence[Clip], find: Detector) -> dict[str, dict[str, float]]:
    scores = {f"{round(1000 * t)} ms": _round(measure(clips, find, t)) for t in TOLERANCES_S}
    return {**scores, "1 frame": _round(measure(clips, find, None))}


def _score_further(clips: Sequence[Clip], source: str) -> dict[str, Any]:
    threshold = DEFAULT_THRESHOLD if source in PICTURE_SOURCES else choose_threshold(clips, source)
    return {
        "system": source,
        "average_precision": {
            f"{round(1000 * t)} ms": round(average_precision(clips, source, t), 4) for t in TOLERANCES_S
        },
        "f1_interval": _f1_interval(clips, source, threshold),
        "timing": _round(measure_timing(clips, source, threshold)),
        "recall_by_action": _round(measure_recall_by_action(clips, source, threshold)),
        "foley": _round(measure_foley(clips, source, threshold)),
        "velocity": _round(measure_velocity(clips, source, threshold)),
        "velocity_of_any_strength": _round(measure_velocity(clips, source, 0.0)),
    }


def _score_misses(clips: Sequence[Clip], sources: Sequence[str]) -> dict[str, Any]:
    """Missed and false hits of the first of some detectors at the default threshold; empty without any."""
    if not sources:
        return {}
    given = (clips, sources[0], DEFAULT_THRESHOLD)
    return {"system": sources[0], "rows": count_misses(*given), "false": count_false(*given)}


def _score_kinds(clips: Sequence[Clip], sources: Sequence[str]) -> dict[str, Any]:
    """Found and false hits of the first of some detectors by kind; empty for clips whose hits have none."""
    if not sources or not any(clip.kinds for clip in clips):
        return {}
    given = (clips, sources[0], DEFAULT_THRESHOLD)
    return {"system": sources[0], "rows": count_kinds(*given), "false": count_distracted(*given)}


def _f1_interval(clips: Sequence[Clip], source: str, threshold: float) -> dict[str, float]:
    """The 95 % interval of F1 at 50 ms at a threshold."""
    low, high = estimate_interval(clips, partial(times_above, source=source, threshold=threshold), 0.05)
    return _round({"low": low, "high": high})


def _score_clip(clip: Clip, sources: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"clip": clip.name, "labelled": len(clip.labelled_s), "audible": len(clip.audible_s)}
    for source in sources:
        row[source] = _round(measure([clip], partial(times_above, source=source, threshold=DEFAULT_THRESHOLD), 0.05))
    if "network" in clip.tracks:
        row["shift_ms"] = round(1000 * best_shift(clip, "network", DEFAULT_THRESHOLD))
    return row


def _round(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.items()}


def _format_velocity(found: dict[str, float]) -> str:
    return "{pooled:.2f} {mean_of_clips:.2f} ({low:.2f}–{high:.2f})".format(**found)


def print_tables(title: str, result: dict[str, Any]) -> None:
    """Print the figures as Markdown tables on standard error."""
    lines = [
        f"## {title}: {result['clips']}, {result['seconds']} s, {result['labelled']} labelled and "
        f"{result['audible']} audible onsets",
        "",
        "| source | threshold | P, R, F1 at ±25 ms | at ±50 ms | at ±100 ms | at ±1 frame |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["systems"]:
        cells = [f"{s['precision']:.2f} {s['recall']:.2f} **{s['f1']:.3f}**" for s in row["scores"].values()]
        lines.append(f"| {row['system']} | {row['threshold']} | {' | '.join(cells)} |")
    lines += [
        "",
        "| source | F1 at ±50 ms, 95 % | AP at ±25, ±50, ±100 ms | median error: signed, absolute, aligned | "
        "recall at ±50 ms | CondFoleyGen count, AP | velocity, pooled and by clip | and under the threshold |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["more"]:
        interval = "{low:.3f}–{high:.3f}".format(**row["f1_interval"])
        recall = ", ".join(f"{name} {value:.2f}" for name, value in row["recall_by_action"].items())
        precision = " ".join(f"{value:.3f}" for value in row["average_precision"].values())
        error = " ".join(f"{value:.0f} ms" for value in row["timing"].values())
        lines.append(
            f"| {row['system']} | {interval} | {precision} | {error} | {recall} | "
            f"{row['foley']['count_accuracy']:.3f} {row['foley']['average_precision']:.3f} | "
            f"{_format_velocity(row['velocity'])} | {_format_velocity(row['velocity_of_any_strength'])} |"
        )
    if seen := result["velocity_seen"]:
        lines += ["", f"Velocity at every labelled hit, found or not, pooled and by clip: {_format_velocity(seen)}."]
    if misses := result["misses"]:
        lines += ["", *describe_misses(misses["rows"], misses["false"], misses["system"])]
    if kinds := result["kinds"]:
        lines += ["", *describe_kinds(kinds["rows"], kinds["false"], kinds["system"])]
    if chosen := result["chosen"]:
        interval = "{low:.3f} to {high:.3f}".format(**chosen["f1_interval"])
        lines += ["", f"Rhythm and threshold of other days, F1 at ±50 ms, 95 %: {interval}. Chosen for each day:", ""]
        lines += [f"- {day}: {choice['threshold']}, {choice['rhythm']}" for day, choice in chosen["days"].items()]
    if result["clips"] <= 40:
        lines += ["", "| clip | " + " | ".join(name for name in result["each"][0] if name != "clip") + " |"]
        lines += ["|---" * len(result["each"][0]) + "|"]
        for row in result["each"]:
            cells = [f"{v['f1']:.2f}" if isinstance(v, dict) else str(v) for k, v in row.items() if k != "clip"]
            lines.append(f"| {row['clip']} | {' | '.join(cells)} |")
    print("\n".join(lines) + "\n", file=sys.stderr)
