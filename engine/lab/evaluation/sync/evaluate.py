"""Measure sync judges on clips never learnt from, and on simulated takes: ``launch.py evaluate sync``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.lab.data.onsets.fold_networks import Fold, open_folds
from engine.lab.data.sync.lags import measure_own_lag, usual_lag
from engine.lab.data.sync.takes import SyncTake, choose_unlearnt, read_real_takes, read_simulated_takes
from engine.lab.evaluation.sync.av_align import score_with_av_align
from engine.lab.evaluation.sync.judges import judge
from engine.lab.evaluation.sync.scores import (
    SHIFTS_S,
    Judged,
    avsync_accuracy,
    brier,
    cut_centres,
    cut_stretches,
    interval,
    lag_errors,
    pairwise_accuracy,
    rel_sync,
    whole_clip,
)
from engine.sync.network import SyncNetwork, load_sync_network
from engine.sync.score_map import LAGS_S

MAIN = ("greatest_hits_syncfusion", "greatest_hits_stable_v2a")
"""Folders of clips with the microphone's sound and known recording days."""
CERTAINTIES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0)
Judges = dict[str, dict[str, list[Judged]]]
Choose = Callable[[SyncTake], SyncNetwork | None]


def main(args: list[str]) -> None:
    """The command ``evaluate sync``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="evaluate sync", description="Measure the sync meter and its baselines.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--sim", type=Path, nargs="*", default=[], help="folders of unlearnt simulated takes")
    folds = "onset networks, each without some recording days; without them AV-Align alone is measured"
    parser.add_argument("--folds", type=Path, help=folds)
    parser.add_argument("--networks", type=Path, help="sync networks in folders of the same names as the folds")
    parser.add_argument("--work", type=Path, default=Path(".struck/train_sync"), help="where analysed clips are kept")
    parser.add_argument("--av-align", action="store_true", help="measure AV-Align too, which reads every picture again")
    parser.add_argument("--json", metavar="F", help="write the figures to a file")
    parser.add_argument("--ckpt-dir", type=Path, default=CHECKPOINTS, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    if options.folds is None and not options.av_align:
        raise BadInput("evaluate sync needs networks that left days out; give --folds, or --av-align for that alone")
    if options.folds is None:
        networks = open_folds(options.ckpt_dir / "onsets")
    else:
        networks = [fold for fold in open_folds(options.folds) if fold.clean or fold.left_out]

    def see(days: Sequence[str]) -> Fold:
        # AV-Align learns nothing: the network that ships, which knows the clips, tells lags alone.
        return networks[0] if options.folds is None else choose_unlearnt(networks, days)

    choose: Choose = open_sync_networks(options.networks) if options.networks else lambda _: None
    say = partial(print, file=sys.stderr, flush=True)
    real = read_real_takes(Path(options.data), see, options.work / "takes", say)
    own_s = [measure_own_lag(take) for take in real]
    known = [take for take in real if take.days and take.name.split("/")[0] in MAIN]
    if not known:
        raise BadInput(f"{options.data} has no clips of known days in {' or '.join(MAIN)}; give another folder")
    figures: dict[str, Any] = {}
    corrected = [(take, usual_lag(take, real, own_s)) for take in known]
    if options.folds is not None:
        figures["real, usual lag removed"] = measure(corrected, choose)
        figures["real, as recorded"] = measure([(take, 0.0) for take in known], choose)
    if options.av_align:
        figures["AV-Align"] = measure_av_align(corrected, Path(options.data) / "video", options.work / "takes")
    for folder in options.sim if options.folds is not None else ():
        made = read_simulated_takes(folder, networks, options.work / "takes", say)
        figures[f"simulated, {folder.name}"] = measure([(take, 0.0) for take in made], choose)
    for name, figure in figures.items():
        if name == "AV-Align":
            print(f"\n## AV-Align, pairwise accuracy, whole clips\n\n{figure}")
        else:
            print_figure(name, figure)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def open_sync_networks(folder: Path) -> Choose:
    """A function that gives, for a take, the sync network that left its day out. Raises BadInput for none."""
    found = []
    for place in sorted(path.parent for path in folder.glob("*/config.json")):
        training = json.loads((place / "config.json").read_text(encoding="utf-8")).get("training", {})
        found.append((load_sync_network(place), frozenset(training.get("left_out", ()))))
    if not found:
        raise BadInput(f"{folder} holds no sync network; train some with `launch.py train sync --fold NAME`")

    def choose(take: SyncTake) -> SyncNetwork | None:
        if not take.real:
            return found[0][0]
        return next((network for network, left_out in found if set(take.days) & left_out), None)

    return choose


def measure(takes: Sequence[tuple[SyncTake, float]], choose: Choose) -> dict[str, Any]:
    """Figures of every judge on takes with the lags at which they are in step."""
    judges: Judges = {}
    for take, lag_s in takes:
        for name, scores in judge(take, choose(take)).items():
            kept = judges.setdefault(name, {"clips": [], "stretches": [], "centres": []})
            kept["clips"].append(whole_clip(take, scores, lag_s))
            kept["stretches"] += cut_stretches(take, scores, lag_s)
            kept["centres"] += cut_centres(take, scores, lag_s)
    return {name: _measure_judge(kept) for name, kept in judges.items()}


def measure_av_align(takes: Sequence[tuple[SyncTake, float]], film: Path, work: Path) -> dict[str, Any]:
    """Pairwise accuracy of AV-Align on whole clips, and its mean where they are in step."""
    judged, values = [], []
    for take, lag_s in takes:
        path = next(film.glob(f"{take.name}.*"))
        scores = score_with_av_align(take, path, work)
        judged.append(whole_clip(take, scores, lag_s))
        values.append(float(np.interp(lag_s, LAGS_S, scores.values[0])))
    accuracy = {f"{1000 * s:.0f} ms": interval(judged, partial(pairwise_accuracy, shift_s=s)) for s in SHIFTS_S}
    return {"in step": float(np.mean(values)), **accuracy}


def _measure_judge(kept: dict[str, list[Judged]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"stretches": len(kept["stretches"]), "clips": len(kept["clips"])}
    for what in ("stretches", "clips"):
        figures[f"pairwise, {what}"] = {
            f"{1000 * s:.0f} ms": interval(kept[what], partial(pairwise_accuracy, shift_s=s)) for s in SHIFTS_S
        }
    figures["avsync"] = interval(kept["centres"], avsync_accuracy)
    figures["relsync"] = {f"{1000 * s:.0f} ms": float(np.mean(rel_sync(kept["centres"], s))) for s in (0.0, *SHIFTS_S)}
    best = min(CERTAINTIES, key=lambda c: brier(lag_errors(kept["stretches"], c)))
    errors = lag_errors(kept["stretches"], best)
    apart_ms = 1000.0 * np.abs([error_s for error_s, _ in errors])
    figures["lag"] = {
        "certainty": best,
        "brier": brier(errors),
        "median_error_ms": float(np.median(apart_ms)),
        "right_to_25_ms": float((apart_ms <= 25.0).mean()),
        "mean_confidence": float(np.mean([sure for _, sure in errors])),
        "clips_right_to_25_ms": float(np.mean([abs(e) <= 0.025 for e, _ in lag_errors(kept["clips"], best)])),
    }
    return figures


def print_figure(name: str, figure: dict[str, Any]) -> None:
    """Print the tables of a set of takes."""
    print(f"\n## {name}\n")
    for what in ("stretches", "clips"):
        count = next(iter(figure.values()))[what]
        print(f"| pairwise accuracy, {count} {what} | " + " | ".join(f"{1000 * s:.0f} ms" for s in SHIFTS_S) + " |")
        print("|---" * (len(SHIFTS_S) + 1) + "|")
        for judge_name, values in figure.items():
            cells = [f"{m:.3f} ({low:.2f}–{high:.2f})" for m, low, high in values[f"pairwise, {what}"].values()]
            print(f"| {judge_name} | " + " | ".join(cells) + " |")
        print()
    print("| judge | AVSync, ±5 of 31 | RelSync at " + ", ".join(next(iter(figure.values()))["relsync"]) + " | lag |")
    print("|---|---|---|---|")
    for judge_name, values in figure.items():
        m, low, high = values["avsync"]
        rel = " ".join(f"{value:.2f}" for value in values["relsync"].values())
        lag = values["lag"]
        words = (
            f"right to 25 ms in {lag['right_to_25_ms']:.2f} of stretches, {lag['clips_right_to_25_ms']:.2f} of clips; "
            f"median error {lag['median_error_ms']:.0f} ms; certainty {lag['certainty']}, Brier {lag['brier']:.3f}"
        )
        print(f"| {judge_name} | {m:.3f} ({low:.2f}–{high:.2f}) | {rel} | {words} |")
