"""Tables of the sampler's evaluation: metrics by system, fraction of the gap closed, control, takes, few steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.lab.evaluation.sampler.shape import MEASURES
from engine.lab.evaluation.sampler.sounds import DISTANCES, ITSELF, NEAREST, PAPER, PRIOR, REAL, Case, Row
from engine.lab.evaluation.sampler.takes import VARIED
from engine.lab.metrics.distribution import (
    classification_accuracy,
    compare_sets,
    estimate_mean,
    gap_closed_percent,
    kl_divergence,
    standardize,
)
from engine.lab.metrics.material_classifier import MaterialClassifier, Prediction, classify, material_class

FIGURES = ("kid", "frechet_distance", "kl_of_means", "kl_per_sound", "accuracy_percent", "spectrum_db", "envelope_db")
MOST_FEATURES, RECORDINGS_A_FEATURE = 32, 8
FEWEST_HELD_OUT = 10
TITLES = {
    REAL: "real: another take",
    PRIOR: "prior alone",
    NEAREST: "nearest training recording",
    PAPER: "the paper's method, reduced width",
    "prior_again": "prior, other noise",
    "other_seed": "another seed",
}


def name_system(system: str) -> str:
    """Label of a system in tables."""
    if system == VARIED:
        return "sampler, variation 100 %"
    if not system.startswith("sampler_"):
        return TITLES.get(system, system)
    steps, _, material = system.removeprefix("sampler_").partition("_")
    return f"sampler, {steps} step{'s' * (steps != '1')}{', with material' * bool(material)}"


def choose_scored(cases: Sequence[Case], classifier: MaterialClassifier) -> tuple[list[str], dict[str, int]]:
    """Classes with enough held-out recordings, and the counts of those left out."""
    counts = Counter(material_class(case.recording) or "unknown" for case in cases)
    scored = [name for name in classifier.classes if counts[name] >= FEWEST_HELD_OUT]
    return scored, {name: count for name, count in counts.most_common() if name not in scored}


def tabulate_systems(
    cases: Sequence[Case],
    measured: Sequence[dict[str, Row]],
    systems: Sequence[str],
    classifier: MaterialClassifier,
    training: np.ndarray,
    scored: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """A row of figures by system, each with its 95 % interval.

    ``measured`` holds the rows of each case; ``training`` are training recordings' features [M, 32], by which features
    are standardized. Real: as a set, recordings against recordings; one by one, another take of the same object.
    """
    groups = [case.recording.group for case in cases]
    labels = [material_class(case.recording) for case in cases]
    kept = max(2, min(MOST_FEATURES, len(cases) // RECORDINGS_A_FEATURE))
    itself = _classify_system(classifier, measured, ITSELF)
    real = standardize(itself.features, training, kept)
    prior = np.array([rows[PRIOR].distances for rows in measured]) if PRIOR in measured[0] else None
    table: dict[str, dict[str, Any]] = {}
    for system in systems:
        there = [system in rows for rows in measured]
        predicted = _classify_system(classifier, measured, system)
        made = itself if system == REAL else predicted
        features = standardize(made.features, training, kept)
        apart = kl_divergence(itself.posterior, predicted.posterior)
        right, each = classification_accuracy(made.posterior, labels, classifier.classes, scored)
        distances = np.array(
            [rows[system].distances if system in rows else np.full(len(DISTANCES), np.nan) for rows in measured]
        )
        figures: dict[str, Any] = compare_sets(real, features, itself.posterior, made.posterior, groups)
        figures["kl_per_sound"] = estimate_mean(np.where(there, apart, np.nan), groups)
        figures["accuracy_percent"] = estimate_mean(100.0 * right, groups)
        figures |= {name: estimate_mean(distances[:, k], groups) for k, name in enumerate(DISTANCES)}
        if prior is not None and system not in (PRIOR, REAL):
            figures["gain_on_prior_db"] = estimate_mean(prior[:, 0] - distances[:, 0], groups)
        row: dict[str, Any] = {"system": name_system(system), "recordings": sum(there), "features": kept}
        for name, figure in figures.items():
            row[name] = None if figure is None else round(figure[0], 4)
            row[f"{name}_interval"] = None if figure is None else [round(v, 4) for v in figure[1:]]
        table[system] = {**row, "accuracy_by_class": each}
    return table


def _classify_system(classifier: MaterialClassifier, measured: Sequence[dict[str, Row]], system: str) -> Prediction:
    """Predictions for a system's sounds; for the recording itself where a system has none."""
    return classify(classifier, np.stack([rows.get(system, rows[ITSELF]).spectrogram for rows in measured]))


def tabulate_gap(table: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """For each metric, the fraction of the gap from the paper's method to real recordings that each system closes."""
    rows = []
    for figure in FIGURES:
        paper, real = (table[system][figure] for system in (PAPER, REAL))
        if paper is None or real is None:
            continue
        worse = (paper < real) if figure == "accuracy_percent" else (paper > real)
        others = [system for system in table if system not in (PAPER, REAL)]
        shares = {
            name_system(system): gap_closed_percent(paper, table[system][figure], real) if worse else None
            for system in others
            if table[system][figure] is not None
        }
        rows.append(
            {
                "figure": figure,
                "paper": paper,
                "real": real,
                "closed_percent": {name: None if v is None else round(v, 1) for name, v in shares.items()},
            }
        )
    return rows


# --- Markdown -------------------------------------------------------------------------------------


def _cell(row: dict[str, Any], key: str, digits: int) -> str:
    value, interval = row.get(key), row.get(f"{key}_interval")
    if value is None:
        return ""
    text = f"{value:.{digits}f}"
    return text if interval is None else f"{text} ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(r) + " |" for r in rows)]


def write_systems(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Figures by system as Markdown."""
    head = (
        "system",
        "KID",
        "Fréchet distance",
        "KL of means",
        "KL per sound",
        "accuracy, %",
        "spectrum, dB",
        "envelope, dB",
    )
    digits = (3, 2, 3, 2, 0, 2, 2)
    cells = [[row["system"], *(_cell(row, f, d) for f, d in zip(FIGURES, digits, strict=True))] for row in rows]
    mel = [
        [
            row["system"],
            _cell(row, "gain_on_prior_db", 2),
            _cell(row, "log_mel_db", 2),
            _cell(row, "log_mel_active_db", 2),
        ]
        for row in rows
    ]
    return [*_table(head, cells), "", *_table(("system", "gain on prior, dB", "log-mel, dB", "active"), mel)]


def write_classes(rows: Sequence[dict[str, Any]], left_out: dict[str, int]) -> list[str]:
    """Accuracy by class as Markdown, and the classes that are not scored."""
    classes = list(rows[0]["accuracy_by_class"]) if rows else []
    cells = [[row["system"], *(_share(row["accuracy_by_class"].get(name)) for name in classes)] for row in rows]
    rest = ", ".join(f"{name} ({count})" for name, count in left_out.items())
    note = f"Classes with fewer than {FEWEST_HELD_OUT} held-out recordings are left out: {rest or 'none'}."
    return [*((*_table(("accuracy by class", *classes), cells), "") if classes else ()), note]


def write_gap(gap: Sequence[dict[str, Any]]) -> list[str]:
    """The shares of the gap as Markdown; "none" where the paper's method is as near as real recordings are."""
    if not gap:
        return []
    systems = list(gap[0]["closed_percent"])
    cells = []
    for row in gap:
        shares = [row["closed_percent"].get(name) for name in systems]
        cells.append(
            [
                row["figure"],
                f"{row['paper']:.3f}",
                f"{row['real']:.3f}",
                *("none" if s is None else f"{s:.0f} %" for s in shares),
            ]
        )
    return _table(("gap closed", "paper", "real", *systems), cells)


def write_control(control: dict[str, Any]) -> list[str]:
    """Control as Markdown."""
    keys = ("frequency_percent", "decay_percent", "both_percent", "steady_frequency_percent", "steady_decay_percent")
    head = (
        "re-analysed",
        "modes",
        "within 5 cents",
        "and decay within 10 %",
        "steady modes",
        "within 5 cents",
        "and decay within 10 %",
    )
    modes = [
        [name_system(r["system"]), str(r["modes"]), _share(r[keys[0]]), _share(r[keys[2]]), str(r["steady_modes"]),
         _share(r[keys[3]]), _share(r["steady_both_percent"])]
        for r in control["modes"]
    ]  # fmt: skip
    mute, dry = control["muting"], control["drying"]
    lines = [*_table(head, modes), ""]
    if mute["objects"]:
        lines.append(
            f"A muted mode is gone in {_share(mute['gone_percent'])} of {mute['objects']} objects: it falls by "
            f"{mute['median_fall_db']} dB to {mute['median_over_residual_db']} dB over the residual (medians)."
        )
    if dry["objects"]:
        lines.append(
            f"Of {dry['objects']} rooms {_share(dry['dry_percent'])} are removed: the late level falls by "
            f"{dry['median_got_db']} dB, that of the prior by {dry['median_wanted_db']} dB (medians)."
        )
    turns = [
        [
            r["change"],
            r["measure"],
            str(r["objects"]),
            _share(r["right_percent"]),
            str(r["median_wanted"]),
            str(r["median_got"]),
        ]
        for r in control["changes"]
        if r["objects"]
    ]
    return [
        *lines,
        "",
        *_table(("change", "measure", "objects", "right", "median in the prior", "in the sound"), turns),
    ]


def write_outside(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Control by an independent measurement, as Markdown."""
    head = ("measured", "objects", "modes", "within 5 cents", "decay within 10 %", "cents", "decay error", "unread")
    names = {"bare": "modes alone (the measurement's own error)"}
    cells = [
        [
            names.get(r["system"]) or name_system(r["system"]),
            str(r["objects"]),
            str(r["modes"]),
            *("{:.1f} % ({:.1f} to {:.1f})".format(*r[key]) for key in ("frequency_percent", "decay_percent")),
            f"{r['median_cents']:.2f}",
            f"{r['median_decay_error_percent']:.1f} %",
            str(r["unread"]),
        ]
        for r in rows
    ]
    return _table(head, cells)


def write_shapes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Attack time, brightness and decay, relative to the recordings, as Markdown."""
    head = ("made - recorded", "system", "recordings", "recorded attack, ms", *MEASURES.values())
    cells = [
        [
            r["kind"],
            name_system(r["system"]),
            str(r["recordings"]),
            f"{r['recorded_attack_ms']:.2f}",
            *("" if r[m] is None else "{:.2f} ({:.2f} to {:.2f})".format(*r[m]) for m in MEASURES),
        ]
        for r in rows
    ]
    return _table(head, cells)


def write_takes(takes: Sequence[dict[str, Any]]) -> list[str]:
    """Takes as Markdown."""
    kinds = ("spectrum", "envelope", "features")
    head = ("takes", "objects", *(f"{k}, {part}" for k in kinds for part in ("within", "between", "ratio")))
    parts = [f"{k}_{part}" for k in kinds for part in ("within", "between", "ratio")]
    rows = [
        ["real: repeated hits" if r["system"] == REAL else name_system(r["system"]), str(r["objects"])]
        + ["" if r[p] is None else f"{r[p]:.2f}" for p in parts]
        for r in takes
    ]
    return _table(head, rows)


def write_steps(steps: Sequence[dict[str, Any]]) -> list[str]:
    """Few steps as Markdown."""
    most = steps[0]["most"] if steps else 0
    head = (f"from {most} steps, same seed", "spectrum, dB", "envelope, dB", "correlation", "nearer than another seed")
    rows = [
        [name_system(r["system"]), f"{r['spectrum_db']:.2f}", f"{r['envelope_db']:.2f}", f"{r['correlation']:.3f}",
         "" if r["system"] == "other_seed" else _share(r["nearer_than_seed_percent"])]
        for r in steps
    ]  # fmt: skip
    return _table(head, rows)
