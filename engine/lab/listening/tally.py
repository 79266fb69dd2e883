"""Answers of a listening test: kept in a file after each one, and summarised with intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput
from engine.core.files import make_write_error, write_file
from engine.lab.listening.plan import ABX, COMPARISONS, PREFERENCE, ListeningConfig, Trial

TALLY_VERSION = 1
ALL = "all"
_HEADS = {ABX: "right", PREFERENCE: "the first chosen"}


def mark_answer(trial: Trial, choice: str, plays: Mapping[str, int], time_s: float) -> dict[str, Any]:
    """An answer as a row of the tally; ``hit`` is a right answer, or in a preference the comparison's first system."""
    first = COMPARISONS[trial.comparison][0]
    hit = choice == trial.x if trial.x else trial.system(choice) == first
    return {**asdict(trial), "choice": choice, "hit": bool(hit), "plays": dict(plays), "time_s": round(time_s, 2)}


def summarize(answers: Sequence[Mapping[str, Any]], task: str) -> list[dict[str, Any]]:
    """Share of hits by comparison and level, and over all levels, with its 95 % Wilson interval and binomial p.

    ``p`` is the chance of as many hits by guessing: at least as many in ABX, as far from half in a preference.
    """
    rows = []
    for comparison in COMPARISONS:
        own = [answer for answer in answers if answer["comparison"] == comparison]
        levels = list(dict.fromkeys(answer["level"] for answer in own))
        for level in [*levels, *([ALL] if len(levels) > 1 else [])]:
            hits = [bool(answer["hit"]) for answer in own if level in (answer["level"], ALL)]
            test = binomtest(sum(hits), len(hits), 0.5, "greater" if task == ABX else "two-sided")
            # the interval is two-sided whatever the test asks
            low, high = binomtest(sum(hits), len(hits)).proportion_ci(0.95, "wilson")
            rows.append(
                {
                    "comparison": comparison,
                    "level": level,
                    "answers": len(hits),
                    "hits": sum(hits),
                    "share": round(sum(hits) / len(hits), 4),
                    "interval": [round(float(low), 4), round(float(high), 4)],
                    "p": float(f"{test.pvalue:.3g}"),
                }
            )
    return rows


def write_tally(path: Path, config: ListeningConfig, answers: Sequence[Mapping[str, Any]]) -> None:
    """Write the tally, whole or not at all. Raises BadInput where it cannot be written."""
    table = {
        "version": TALLY_VERSION,
        "config": _to_json(config),
        "answers": list(answers),
        "summary": summarize(answers, config.task),
    }
    try:
        write_file(path, (json.dumps(table, indent=1) + "\n").encode(), sync=True)
    except OSError as error:
        raise make_write_error(path, error) from None


def resume(path: Path, config: ListeningConfig, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Answers given in an earlier session of the same test; none where there is no file.

    Raises BadInput for a file of another test and for one that is no tally.
    """
    if not path.exists():
        return []
    table = read_tally(path)
    before, now = table["config"], _to_json(config)
    other = next((name for name in now if before.get(name) != now[name]), None)
    if other is not None:
        raise BadInput(
            f"{path} holds a test with {other} {_show(before.get(other))} and this one has {_show(now[other])}; "
            "give the same options to go on with it, or another --out"
        )
    answers: list[dict[str, Any]] = table["answers"]
    kept = [{name: answer.get(name) for name in asdict(trial)} for answer, trial in zip(answers, trials, strict=False)]
    if len(answers) > len(trials) or kept != [asdict(trial) for trial in trials[: len(answers)]]:
        raise BadInput(f"{path} does not hold this test's trials (it was changed by hand); give another --out")
    return answers


def read_tally(path: Path) -> dict[str, Any]:
    """The content of a tally. Raises BadInput for what is none."""
    try:
        table = read_json_file(path)
        if table["version"] == TALLY_VERSION and isinstance(table["config"]["task"], str):
            summarize(table["answers"], table["config"]["task"])
            return dict(table)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({(error.strerror or 'no reason').lower()}); check the path") from None
    except (ValueError, KeyError, TypeError):
        pass
    raise BadInput(f"{path} is not the tally of a listening test; give a file that `listen --out` wrote")


def pool_tallies(paths: Sequence[Path]) -> tuple[list[dict[str, Any]], str]:
    """The summary of several tallies of one task together, and the task. Raises BadInput where tasks differ."""
    tables = [read_tally(path) for path in paths]
    tasks = {table["config"]["task"] for table in tables}
    if len(tasks) > 1:
        raise BadInput(f"the tallies are of different tasks ({', '.join(sorted(tasks))}); summarise each on its own")
    task = tasks.pop()
    return summarize([answer for table in tables for answer in table["answers"]], task), task


def format_summary(rows: Sequence[Mapping[str, Any]], task: str) -> str:
    """The summary as a table."""
    head = ("comparison", "detail", "answers", _HEADS.get(task, "hits"), "95 % interval", "p")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        low, high = row["interval"]
        lines.append(
            f"| {row['comparison']} | {row['level']} | {row['answers']} | {100 * row['share']:.0f} % "
            f"| {100 * low:.0f} to {100 * high:.0f} % | {row['p']:.2g} |"
        )
    return "\n".join(lines) + "\n"


def _to_json(config: ListeningConfig) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}


def _show(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
