"""The figures of ``evaluate vision`` as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WAYS = {
    "chance": "chance",
    "most frequent": "the most frequent class",
    "nearest": "nearest mean features (the paper's way)",
    "sound": "its own sound alone",
    "sight": "**sight**",
    "object": "**sight, hits of one object together**",
    "both": "sight and its own sound",
}
DISTANCES = {
    "random": "a random entry",
    "random of the material": "a random entry of the right material",
    "nearest": "nearest mean features (the paper's way)",
    "nearest, best of five": "the best of its first five",
    "embedding": "the joint embedding alone",
    "attributes": "material, size and striker alone",
    "joint": "both, the likeliest",
    "joint, best of five": "the best of its first five",
    "offered": "**both, the least far off on average: what is offered**",
    "offered, best of five": "**the best of its first five**",
    "generated": "generated for material, size and striker",
    "closest": "the nearest that the bank holds, by its own sound",
}
LISTENED = {
    "most frequent": "the most frequent class",
    "nearest": "nearest mean features (the paper's way)",
    "offered": "**sight**",
    "own": "its own sound, analysed",
    "recorded": "(the clip's own sound as it is)",
}


def write_report(result: dict[str, Any]) -> list[str]:
    """All tables, in order."""
    lines: list[str] = []
    titles = {
        "simulation": "Simulated takes not seen, network of simulated takes",
        "real_from_simulation": "Real clips, network of simulated takes alone",
        "real": "Real clips of days not learnt from",
    }
    for name, title in titles.items():
        if name in result:
            lines += [f"### {title}", "", *_write_part(result[name])]
    for name, title in (("calibration_simulation", "simulated takes"), ("calibration", "real clips")):
        if name in result:
            row = result[name]
            lines += [
                f"Confidence on {title}: temperature {row['temperature']:.2f}; expected calibration error "
                f"{100 * row['error_before']:.0f} % before, {100 * row['error_after']:.0f} % after; "
                f"right of all 18 materials: {100 * row['accuracy_of_all_materials']:.0f} %.",
                "",
            ]
    for name, title in (("listening_simulation", "Simulated takes"), ("listening", "Real clips")):
        if not result.get(name):
            continue
        part = result[name]
        rows = [[LISTENED[way], interval(part["accuracy"][way]["all"], 0), f"{part['accuracy'][way]['balanced']:.0f}"]
                for way in LISTENED if way in part["accuracy"]]  # fmt: skip
        lines += [
            f"{title}: {part['hits']} hits of {', '.join(part['classes'])}; the classifier knows {part['of']} classes.",
            "",
        ]
        lines += _table(("physics of", "recognised, %", "mean over classes, %"), rows)
    return lines


def _write_part(part: dict[str, Any]) -> list[str]:
    left_out = "; ".join(f"{name} ({reason})" for name, reason in part["left_out"].items()) or "none"
    lines = [
        f"{part['hits']} hits of {part['clips']} clips; "
        f"{len(part['classes'])} materials: {', '.join(part['classes'])}.",
        f"Left out for want of recordings: {left_out}.",
    ]
    if part.get("places"):
        away = part["places"]
        lines.append(
            f"Contacts are found {100 * away['median']:.1f} % of the picture off in the median, "
            f"{100 * away['within_tenth']:.0f} % within a tenth."
        )
    rows = [
        [WAYS[way], interval(row["top1"], 0), interval(row["top5"], 0), f"{row['balanced']:.0f}"]
        for way in WAYS
        if (row := part["materials"].get(way)) is not None
    ]
    lines += ["", *_table(("material by", "top-1, %", "top-5, %", "mean over classes, %"), rows)]
    rows = [[label, interval(part["distances_db"].get(way), 1)] for way, label in DISTANCES.items()
            if part["distances_db"].get(way)]  # fmt: skip
    return [*lines, *_table(("physics by", "distance from the true one, dB"), rows)]


def interval(values: Sequence[float] | None, digits: int) -> str:
    """A figure and its 95 % interval."""
    if values is None:
        return "–"
    value, low, high = (f"{number:.{digits}f}" for number in values)
    return f"{value} ({low}–{high})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows), ""]
