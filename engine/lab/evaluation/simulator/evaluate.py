"""How unlike film the simulator's takes are: a classifier learns to tell them apart (``launch.py evaluate simulator``).

Accuracy is balanced and cross-validated by recording day (film) and take: 0.5 is chance, takes that cannot be told from
film. A second table names, feature by feature, what gives them away.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.cli.console import check_json_target, say, write_json
from engine.core.errors import BadInput
from engine.lab.data.greatest_hits import list_takes
from engine.lab.data.onsets.film import ENDINGS, find_days
from engine.lab.evaluation.simulator.features import EXCERPT_S, MOTION, PICTURE, RHYTHM, Excerpt, read_excerpts

GENERATED_SOUND = "su2023_page"
"""Film whose picture is real and whose sound is not: its onsets are not those of its hits."""
STRUCK = "greatest_hits"
SPLITS, REPEATS, BOOTSTRAPS = 5, 4, 1000
KINDS, ALL = (RHYTHM, MOTION, PICTURE), "all three"


def collect_excerpts(data: Path, folders: Sequence[Path], only: str, jobs: int) -> list[Excerpt]:
    """Excerpts of film with sound, in folders of ``data``/video that begin with ``only``, and of simulated takes."""
    paths = sorted(path for path in (data / "video").rglob("*") if path.suffix.lower() in ENDINGS)
    paths = [p for p in paths if p.parent.name != GENERATED_SOUND and p.parent.name.startswith(only)]
    if not paths:
        raise BadInput(f"{data} holds no clips in video/{only}*; give another folder with --data, or another --film")
    tasks: list[tuple[Path, str, bool, Path | None]] = [
        (path, (find_days(path.stem) or (path.stem,))[0], False, None) for path in paths
    ]
    for folder in folders:
        takes = [take for take in list_takes(folder) if take.sound is not None and take.picture is not None]
        if not takes:
            raise BadInput(f"{folder} holds no simulated takes; make some with `launch.py simulate`")
        tasks += [(take.sound, take.name, True, take.picture) for take in takes if take.sound is not None]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        found = list(pool.map(_read, tasks, chunksize=4))
    return [excerpt for part in found for excerpt in part]


def _read(task: tuple[Path, str, bool, Path | None]) -> list[Excerpt]:
    path, group, simulated, picture = task
    return list(read_excerpts(path, group, simulated, picture))


def to_matrix(excerpts: Sequence[Excerpt], kinds: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """The features of some kinds, float [excerpts, features], and their names."""
    names = [(kind, name) for kind in kinds for name in excerpts[0].values[kind]]
    rows = [[excerpt.values[kind][name] for kind, name in names] for excerpt in excerpts]
    return np.asarray(rows), [name for _, name in names]


def tell_apart(x: np.ndarray, simulated: np.ndarray, groups: Sequence[str], repeats: int = REPEATS) -> np.ndarray:
    """Probability of being simulated of each excerpt, by classifiers that learnt from none of its group, [excerpts].

    The mean of a logistic regression and of a random forest, over ``repeats`` ways of splitting.
    """
    total = np.zeros(len(x))
    for k in range(repeats):
        splits = StratifiedGroupKFold(SPLITS, shuffle=True, random_state=k)
        for learnt, held in splits.split(x, simulated, groups):
            for model in (
                make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=2000, class_weight="balanced")),
                RandomForestClassifier(100, min_samples_leaf=3, class_weight="balanced", random_state=k),
            ):
                model.fit(x[learnt], simulated[learnt])
                total[held] += model.predict_proba(x[held])[:, 1]
    return total / (2.0 * repeats)


def bootstrap_accuracy(
    simulated: np.ndarray, probability: np.ndarray, groups: Sequence[str], seed: int = 0
) -> tuple[float, float, float]:
    """Balanced accuracy and its 95 % interval over groups."""
    rng = np.random.default_rng(seed)
    guess = probability > 0.5
    names = sorted(set(groups))
    members = {name: np.flatnonzero(np.asarray(groups) == name) for name in names}
    drawn = []
    for _ in range(BOOTSTRAPS):
        index = np.concatenate([members[names[k]] for k in rng.integers(len(names), size=len(names))])
        if 0 < simulated[index].sum() < len(index):
            drawn.append(balanced_accuracy_score(simulated[index], guess[index]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(balanced_accuracy_score(simulated, guess)), float(low), float(high)


def check_groups(excerpts: Sequence[Excerpt]) -> None:
    """BadInput where there are too few days or takes to learn from some and to be tried on others."""
    for simulated, what in ((False, "days or clips of film"), (True, "simulated takes")):
        count = len({excerpt.group for excerpt in excerpts if excerpt.simulated == simulated})
        if count < SPLITS:
            raise BadInput(
                f"{count} {what} have sound and {EXCERPT_S:g} s or more, and {SPLITS} are needed; "
                "give more with --sim or --data"
            )


def measure_gap(excerpts: Sequence[Excerpt], repeats: int = REPEATS) -> dict[str, Any]:
    """How well a classifier tells takes from film by each kind of feature and by all, and each feature by itself."""
    simulated = np.asarray([excerpt.simulated for excerpt in excerpts])
    groups = [excerpt.group for excerpt in excerpts]
    result: dict[str, Any] = {"film": int((~simulated).sum()), "takes": int(simulated.sum())}
    result |= {"kinds": {}, "features": []}
    for name, chosen in [*((kind, (kind,)) for kind in KINDS), (ALL, KINDS)]:
        x, _ = to_matrix(excerpts, chosen)
        result["kinds"][name] = bootstrap_accuracy(simulated, tell_apart(x, simulated, groups, repeats), groups)
    for kind in KINDS:
        x, names = to_matrix(excerpts, (kind,))
        for k, name in enumerate(names):
            row = {"kind": kind, "name": name, "auc": float(roc_auc_score(simulated, x[:, k]))}
            for of, rows in (("film", ~simulated), ("takes", simulated)):
                row[of] = [float(quartile) for quartile in np.quantile(x[rows, k], [0.25, 0.5, 0.75])]
            result["features"].append(row)
    return result


def print_gap(result: dict[str, Any]) -> None:
    """Both tables, as Markdown on standard error."""
    print(f"\n{result['film']} excerpts of film, {result['takes']} of takes\n", file=sys.stderr)
    print("| told apart by | accuracy, 95 % |\n|---|---|", file=sys.stderr)
    for name, (mean, low, high) in result["kinds"].items():
        print(f"| {name} | {mean:.2f} ({low:.2f} to {high:.2f}) |", file=sys.stderr)
    print("\n| | area under ROC | film, quartiles | takes |\n|---|---|---|---|", file=sys.stderr)
    for row in sorted(result["features"], key=lambda row: -abs(row["auc"] - 0.5)):
        film, takes = (", ".join(f"{q:.3g}" for q in row[of]) for of in ("film", "takes"))
        print(f"| {row['kind']}: {row['name']} | {row['auc']:.2f} | {film} | {takes} |", file=sys.stderr)


def main(args: list[str]) -> None:
    """The command ``evaluate simulator``."""
    parser = argparse.ArgumentParser(prog="evaluate simulator", description="Tell simulated takes from film.")
    parser.add_argument("--data", default="../shared/data", help="folder of recordings and film")
    parser.add_argument("--sim", action="append", metavar="DIR", required=True, help="takes that `simulate` wrote")
    parser.add_argument("--film", default=STRUCK, metavar="BEGIN", help=f"folders of film that begin so ({STRUCK})")
    parser.add_argument("--jobs", type=int, default=2, metavar="J", help="clips read at once")
    parser.add_argument("--json", metavar="F", help="write the figures to a file, or - for standard output")
    options = parser.parse_args(args)
    if options.jobs < 1:
        raise BadInput(f"--jobs {options.jobs} is under 1; give a count of clips")
    check_json_target(options.json)
    excerpts = collect_excerpts(Path(options.data), [Path(f) for f in options.sim], options.film, options.jobs)
    check_groups(excerpts)
    say(f"{len(excerpts)} excerpts")
    result = measure_gap(excerpts)
    print_gap(result)
    if options.json:
        write_json(result, options.json, sys.stdout)
