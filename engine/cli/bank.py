"""``bank``: list the bank's sounds, add or remove recordings of your own, build the bank that ships."""

from __future__ import annotations

import argparse
import importlib
from collections import Counter
from pathlib import Path
from typing import IO

from engine.cli.console import make_progress, say
from engine.core.errors import BadInput, StruckError
from engine.core.words import counted

_MAX_NAMES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=("add", "remove"), help="without one, the bank's contents are listed"
    )
    parser.add_argument("what", nargs="*", metavar="PATH|NAME", help="recordings or folders to add, names to remove")
    parser.add_argument("--all", action="store_true", help="with remove: every recording of your own")
    parser.add_argument("--build", action="store_true", help="build the bank that ships from a corpus")
    parser.add_argument("--data", type=Path, metavar="DIR", help="with --build: the folder with MANIFEST.csv")
    parser.add_argument("--sim", type=Path, nargs="+", default=[], metavar="DIR", help="with --build: simulated takes")
    parser.add_argument(
        "--keep-simulated", type=Path, metavar="BANK", help="with --build: simulated hits of a bank, in place of takes"
    )
    parser.add_argument(
        "--clips", action="store_true", help="with --build: hits of real clips alone, not to be shipped"
    )
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="with --build: where analyses are kept for the next run"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="with --build: the folder to write")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Run the action. Raises BadInput."""
    from engine.bank.user_bank import user_bank_folder

    _check_effect(options)
    if options.build:
        _build(options)
    elif options.action == "add":
        _add(options.what, user_bank_folder(options.data_dir))
    elif options.action == "remove":
        _remove(options.what, options.all, user_bank_folder(options.data_dir))
    else:
        _print_contents(user_bank_folder(options.data_dir), stdout)


def _check_effect(options: argparse.Namespace) -> None:
    """BadInput for an option of another action, which would seem to be obeyed."""
    if options.all and options.action != "remove":
        raise BadInput("bank: --all is for remove; leave it out, or name what to do")
    if options.build and options.action is not None:
        raise BadInput(f"bank: --build and {options.action} were both given; leave one of them out")
    for name in ("data", "sim", "keep_simulated", "clips", "work", "out"):
        if getattr(options, name) and not options.build:
            raise BadInput(f"bank: --{name.replace('_', '-')} is for --build; add it, or leave this out")


def _print_contents(folder: Path, stdout: IO[str]) -> None:
    from engine.bank.bank import KINDS
    from engine.bank.user_bank import open_bank

    bank, note = open_bank(folder)
    if note:
        say(note)
    kinds = [kind for kind in KINDS if any(entry.kind == kind for entry in bank.entries)]
    table = Counter((entry.material, entry.kind) for entry in bank.entries)
    totals = Counter(entry.material for entry in bank.entries)
    stdout.write("".join(f"{head:>12}" for head in ("material", *kinds, "all")) + "\n")
    for material, total in sorted(totals.items(), key=lambda item: (item[0] == "", -item[1])):
        counts = [table[material, kind] for kind in kinds]
        stdout.write("".join(f"{cell:>12}" for cell in (material or "unknown", *counts, total)) + "\n")
    sums = [sum(entry.kind == kind for entry in bank.entries) for kind in kinds]
    stdout.write("".join(f"{cell:>12}" for cell in ("all", *sums, len(bank))) + "\n")
    own = [entry.name for entry in bank.entries if entry.kind == "user"]
    if own:
        more = f" and {len(own) - _MAX_NAMES} more" if len(own) > _MAX_NAMES else ""
        stdout.write(f"your own ({folder}): {', '.join(own[:_MAX_NAMES])}{more}\n")


def _add(paths: list[str], folder: Path) -> None:
    if not paths:
        raise BadInput("bank add: name recordings, or folders that hold some")
    from engine.bank.bank import load_bank
    from engine.bank.user_bank import add_recordings

    try:
        shipped = load_bank()
    except StruckError as error:
        say(f"{error}; not compared with the sounds that ship")
        shipped = None
    show_progress = make_progress("listening")
    report = add_recordings(paths, folder, lambda done, total: show_progress(done / max(total, 1)), shipped)
    if report.note:
        say(report.note)
    for name in report.added:
        say(f"added {name}")
    for file, name in report.duplicates:
        say(f"{file}: already there as {name}")
    for file, reason in report.broken:
        say(f"{file}: {reason}")
    say(f"{len(report.added)} added, {len(report.duplicates)} already there, {len(report.broken)} broken")
    if not report.added and not report.duplicates:
        raise BadInput(f"nothing was added: {': '.join(report.broken[0])}")
    if report.broken:
        raise BadInput(f"{counted(len(report.broken), 'recording')} could not be added; see the messages above")


def _remove(names: list[str], everything: bool, folder: Path) -> None:
    if everything == bool(names):
        raise BadInput("bank remove: name what to remove, or give --all")
    from engine.bank.user_bank import remove_entries

    say(f"{remove_entries(None if everything else names, folder)} removed")


def _build(options: argparse.Namespace) -> None:
    importlib.import_module("engine.lab.data.bank.command").build(options)
