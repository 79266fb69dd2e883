"""The figures of ``evaluate vision`` as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MATERIAL_METHODS = {
    "chance": "chance",
    "most frequent": "most frequent class",
    "nearest": "nearest mean features (Su et al.)",
    "sound": "sound alone",
    "vision": "**vision**",
    "object": "**vision, pooled by object**",
    "both": "vision and sound",
}
RETRIEVAL_METHODS = {
    "random": "random entry",
    "random of the material": "random entry of the true material",
    "nearest": "nearest mean features (Su et al.)",
    "nearest, best of five": "– best of 5",
    "embedding": "joint embedding alone",
    "attributes": "material, size and striker alone",
    "joint": "both, highest score",
    "joint, best of five": "– best of 5",
    "proposed": "**both, least expected distance (proposed)**",
    "proposed, best of five": "**– best of 5**",
    "generated": "generated from material, size and striker",
    "closest": "nearest entry of the bank (oracle)",
}
SAMPLED_METHODS = {
    "most frequent": "most frequent class",
    "nearest": "nearest mean features (Su et al.)",
    "proposed": "**vision (proposed)**",
    "own": "physics analysed from the clip's own sound",
    "recorded": "(the clip's own sound, unprocessed)",
}


def write_report(result: dict[str, Any]) -> list[str]:
    """All tables, as lines of Markdown."""
    lines: list[str] = []
    titles = {
        "simulation": "Held-out simulated takes, trained on simulated takes",
        "real_from_simulation": "Real clips, trained on simulated takes alone",
        "real": "Real clips of held-out days",
    }
    for name, title in titles.items():
        if name in result:
            lines += [f"### {title}", "", *_write_part(result[name])]
    for name, title in (("calibration_simulation", "simulated takes"), ("calibration", "real clips")):
        if name in result:
            row = result[name]
            lines += [
                f"Calibration on {title}: temperature {row['temperature']:.2f}; expected calibration error "
                f"{100 * row['error_before']:.0f} % before, {100 * row['error_after']:.0f} % after; "
                f"accuracy among all 18 materials {100 * row['accuracy_of_all_materials']:.0f} %.",
                "",
            ]
    for name, title in (("listening_simulation", "Simulated takes"), ("listening", "Real clips")):
        if not result.get(name):
            continue
        part = result[name]
        rows = [
            [label, interval(accuracy["all"], 0), f"{accuracy['balanced']:.0f}"]
            for method, label in SAMPLED_METHODS.items()
            if (accuracy := part["accuracy"].get(method)) is not None
        ]
        lines += [
            f"{title}: {part['hits']} hits of {', '.join(part['classes'])}; the classifier has {part['of']} classes.",
            "",
        ]
        lines += _table(("physics from", "accuracy, %", "balanced accuracy, %"), rows)
    return lines


def _write_part(part: dict[str, Any]) -> list[str]:
    left_out = "; ".join(f"{name} ({reason})" for name, reason in part["left_out"].items()) or "none"
    lines = [
        f"{part['hits']} hits of {part['clips']} clips; "
        f"{len(part['classes'])} materials{': ' if part['classes'] else ''}{', '.join(part['classes'])}.",
        f"Left out for too few recordings: {left_out}.",
    ]
    if part.get("places"):
        error = part["places"]
        lines.append(
            f"Contact localisation: median error {100 * error['median']:.1f} % of the picture, "
            f"{100 * error['within_tenth']:.0f} % within 10 %."
        )
    rows = [
        [MATERIAL_METHODS[method], *(interval(row.get(name), 0) for name in ("top1", "top3", "balanced", "gain"))]
        for method in MATERIAL_METHODS
        if (row := part["materials"].get(method)) is not None
    ]
    heads = ("material from", "top-1, %", "top-3, %", "mean over classes, %", "**by object** less this, %")
    lines += ["", *(_table(heads, rows) if rows else [])]
    rows = [[label, interval(part["distances_db"].get(method), 1)] for method, label in RETRIEVAL_METHODS.items()
            if part["distances_db"].get(method)]  # fmt: skip
    return [*lines, *_table(("physics from", "descriptor distance, dB"), rows)]


def write_materials(part: dict[str, Any]) -> list[str]:
    """The tables of ``evaluate vision --materials`` as lines of Markdown."""
    lines = _write_part({**part, "distances_db": {}})[:-3]
    rows = [[name, interval(values, 0)] for name, values in part["ablations"].items()]
    lines += _table(("learnt from", "mean over classes, %"), rows)
    rows = [[f"{count} clips", interval(values, 0)] for count, values in part["curve"].items()]
    lines += _table(("pictures, and of the film", "mean over classes, %"), rows)
    contacts, calibration = part["contacts"], part["calibration"]
    return [
        *lines,
        f"Contacts of {contacts['hits']} hits labelled by eye: median error {100 * contacts['median']:.0f} % of the "
        f"picture, {100 * contacts['within_tenth']:.0f} % within 10 %. Mean over classes of these hits: "
        f"{interval(part['located'], 0)} % at located contacts, {interval(part['pointed_at'], 0)} % where pointed at.",
        "",
        f"Calibration: temperature {calibration['temperature']:.2f}; expected calibration error "
        f"{100 * calibration['error']:.0f} %; {100 * calibration['answered']:.0f} % of hits are answered, "
        f"{100 * calibration['accuracy_of_answers']:.0f} % of them rightly; of the others "
        f"{100 * calibration['accuracy_of_others']:.0f} % would be right.",
        "",
    ]


def interval(values: Sequence[float] | None, digits: int) -> str:
    """A mean with its 95 % interval as text."""
    if values is None:
        return "–"
    value, low, high = (f"{number:.{digits}f}" for number in values)
    return f"{value} ({low}–{high})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows), ""]
