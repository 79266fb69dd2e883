"""``bank --build``: analyse recordings, presets and simulated takes into the bank that ships."""

from __future__ import annotations

import argparse

from engine.bank.bank import BANK_PATH, load_bank, save_bank
from engine.cli.console import make_progress, say
from engine.core.errors import BadInput
from engine.core.paths import ROOT
from engine.lab.data.bank.build import (
    analyse_sources,
    assemble_bank,
    list_clips,
    list_presets,
    list_recorded,
    list_simulated,
)


def build(options: argparse.Namespace) -> None:
    """Analyse the given recordings, presets and takes, and write a bank of them. Raises BadInput."""
    if options.data is None or not options.data.is_dir():
        raise BadInput(f"--data {options.data or ''} is not a folder; give the one that holds MANIFEST.csv")
    if options.clips and options.out is None:
        raise BadInput("--clips has no licence to be shipped; say with --out where to write it")

    if options.clips:
        entries, sources = [], list_clips(options.data)
    else:
        entries, sources = list_presets(), [*list_recorded(options.data), *list_simulated(options.sim)]
        if options.keep_simulated:
            entries += [entry for entry in load_bank(options.keep_simulated).entries if entry.kind == "simulated"]
    show_progress = make_progress("analysing")
    work = options.work or ROOT / ".struck" / "build_bank"
    entries += analyse_sources(sources, work, lambda done, total: show_progress(done / max(total, 1)))
    folder = save_bank(assemble_bank(entries), options.out or BANK_PATH)
    say(f"wrote {len(entries)} hits to {folder}; {len(sources)} recordings and takes were analysed")
