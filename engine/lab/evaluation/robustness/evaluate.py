"""``evaluate robustness``: give mutated files to every reader, or kill processes at work, and count the failures."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput
from engine.core.files import check_folder, check_target, write_file
from engine.lab.clean_processes import make_context
from engine.lab.evaluation.robustness.inputs import Input, clear_folder, draw_input, list_readers, write_input
from engine.lab.evaluation.robustness.readers import READERS
from engine.lab.evaluation.robustness.seeds import write_seeds
from engine.lab.evaluation.robustness.workers import Verdict, Worker

FAILURES = Path(".struck") / "robustness"
_SHOW_EVERY_S = 10.0


@dataclass
class Tally:
    """Verdicts of one reader by kind, its largest peak of memory, and its failures."""

    verdicts: Counter[str] = field(default_factory=Counter)
    peak_bytes: int = 0
    failures: list[tuple[str, Verdict]] = field(default_factory=list)

    def add(self, given: Input, verdict: Verdict) -> None:
        """Count one verdict."""
        self.verdicts[verdict.kind] += 1
        self.peak_bytes = max(self.peak_bytes, verdict.peak_bytes)
        if verdict.is_failure:
            self.failures.append((given.label, verdict))


def write_seeds_apart(folder: Path) -> None:
    """Write the seeds in a process of their own, since encoders start threads and keep memory."""
    process = make_context().Process(target=write_seeds, args=(folder,))
    process.start()
    process.join()
    if process.exitcode:
        raise BadInput(f"the seeds could not be written (exit status {process.exitcode}); look at the error above")


def judge_inputs(count: int, seed: int, name: str | None, work: Path) -> Iterator[tuple[Input, Verdict]]:
    """Inputs and verdicts, reader by reader in turn; ``work/in`` holds the input.

    ``work/seeds`` holds the seeds; where it is not there they are written.
    """
    readers = list_readers(name)
    seeds = work / "seeds"
    if not seeds.exists():
        write_seeds_apart(seeds)
    numbers: Counter[str] = Counter()
    worker = Worker()
    try:
        for turn in range(count):
            reader = readers[turn % len(readers)]
            yield judge_one(draw_input(reader, seeds, seed, numbers[reader.name]), seeds, work, worker)
            numbers[reader.name] += 1
    finally:
        worker.close()


def judge_one(given: Input, seeds: Path, work: Path, worker: Worker) -> tuple[Input, Verdict]:
    """An input and the verdict on it."""
    clear_folder(work / "in")
    return given, worker.judge(given.reader, write_input(given, seeds, work / "in"))


def main(args: Sequence[str]) -> int:
    """The command ``evaluate robustness``; returns 1 where there are failures, else 0."""
    parser = argparse.ArgumentParser(prog="evaluate robustness", description=(__doc__ or "").split(": ", 1)[-1])
    names = [reader.name for reader in READERS]
    parser.add_argument("--inputs", type=int, default=1000, metavar="N", help="of all readers together")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="other seeds give other inputs")
    parser.add_argument("--reader", choices=names, metavar="NAME", help=f"one reader alone: {', '.join(names)}")
    parser.add_argument("--number", type=int, metavar="K", help="with --reader: this input alone")
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="kill N working processes instead")
    parser.add_argument("--json", metavar="F", help="write counts and failures to a file")
    parser.add_argument("--failures", type=Path, default=FAILURES, metavar="DIR", help="where failing inputs are kept")
    for option in ("--device", "--data-dir", "--ckpt-dir"):
        parser.add_argument(option, help=argparse.SUPPRESS)
    options = parser.parse_args(list(args))
    if options.inputs < 1 or (options.number is not None and options.reader is None):
        raise BadInput("evaluate robustness needs at least one input, and --number needs --reader; correct the options")
    check_folder(options.failures)
    if options.json:
        check_target(options.json)
    if options.kills:
        return _run_kills(options.kills, options.seed)
    with tempfile.TemporaryDirectory(prefix="struck-robustness-") as folder:
        tallies = _run(options, Path(folder))
    _print_table(tallies)
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    for label, verdict in failures:
        print(f"{label}: {verdict.kind}: {verdict.text}")
    if options.json:
        write_file(options.json, json.dumps(_to_json(options, tallies), indent=1, ensure_ascii=False).encode())
    return 1 if failures else 0


def _run_kills(count: int, seed: int) -> int:
    from engine.lab.evaluation.robustness.kills import run_kills

    with tempfile.TemporaryDirectory(prefix="struck-kills-") as folder:
        try:
            totals = run_kills(count, seed, Path(folder))
        except AssertionError as error:
            print(f"failure: {error}")
            return 1
    print(f"{count} processes were killed; acknowledged before and found after: ", end="")
    print(", ".join(f"{number} times {name}" for name, number in totals.items()))
    return 0


def _run(options: argparse.Namespace, work: Path) -> dict[str, Tally]:
    if options.number is not None:
        results = _judge_number(options, work)
    else:
        results = judge_inputs(options.inputs, options.seed, options.reader, work)
    tallies: dict[str, Tally] = {}
    shown_s = time.monotonic()
    for done, (given, verdict) in enumerate(results, 1):
        tallies.setdefault(given.reader.name, Tally()).add(given, verdict)
        if verdict.is_failure or options.number is not None:
            _keep(given, work, options)
            print(f"{given.label}: {verdict.kind}: {verdict.text}", file=sys.stderr, flush=True)
        if time.monotonic() - shown_s > _SHOW_EVERY_S:
            shown_s = time.monotonic()
            print(f"{done} inputs", file=sys.stderr, flush=True)
    return tallies


def _judge_number(options: argparse.Namespace, work: Path) -> Iterator[tuple[Input, Verdict]]:
    write_seeds_apart(work / "seeds")
    (reader,) = {reader.name: reader for reader in list_readers(options.reader)}.values()
    worker = Worker()
    try:
        yield judge_one(draw_input(reader, work / "seeds", options.seed, options.number), work / "seeds", work, worker)
    finally:
        worker.close()


def _keep(given: Input, work: Path, options: argparse.Namespace) -> None:
    """Keep an input's folder under its seed and label."""
    kept = options.failures / f"{options.seed} {given.label}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(work / "in", kept, symlinks=True)


def _print_table(tallies: dict[str, Tally]) -> None:
    print("| reader | inputs | read | refused | failures | peak memory, MB |")
    print("|---|---|---|---|---|---|")
    for name, tally in tallies.items():
        counts = tally.verdicts
        print(f"| {name} | {counts.total()} | {counts['read']} | {counts['refused']} | {len(tally.failures)} | "
              f"{tally.peak_bytes / 2**20:.0f} |")  # fmt: skip
    total = sum((tally.verdicts for tally in tallies.values()), Counter())
    failures = sum(len(tally.failures) for tally in tallies.values())
    print(f"| all | {total.total()} | {total['read']} | {total['refused']} | {failures} | "
          f"{max((t.peak_bytes for t in tallies.values()), default=0) / 2**20:.0f} |")  # fmt: skip


def _to_json(options: argparse.Namespace, tallies: dict[str, Tally]) -> dict[str, Any]:
    return {
        "inputs": options.inputs,
        "seed": options.seed,
        "readers": {
            name: {
                "verdicts": dict(tally.verdicts),
                "peak_bytes": tally.peak_bytes,
                "failures": [{"input": label, "verdict": v.kind, "text": v.text} for label, v in tally.failures],
            }
            for name, tally in tallies.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
