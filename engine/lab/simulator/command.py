"""The ``simulate`` command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from engine.core.errors import BadInput
from engine.lab.simulator.demo.projects import make_demos, renew_hits, renew_onsets
from engine.lab.simulator.takes import parse_size, write_takes


def main(args: Sequence[str]) -> int:
    """The ``simulate`` command: takes to train on, or with ``--demo`` the demo clips and their projects."""
    parser = argparse.ArgumentParser(
        prog="launch.py simulate",
        description="Make takes of things being struck, with sound and exact truth, in the Greatest Hits layout.",
    )
    parser.add_argument("--out", metavar="DIR", help="folder of the takes; with --demo, of the demo clips")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="how many takes (default 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="what they are drawn from (default 0)")
    parser.add_argument("--size", default="224x126", metavar="WxH", help="their picture (default 224x126)")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="T", help="their length (default: 5 to 7 s each)")
    parser.add_argument("--jobs", "--workers", type=int, default=0, metavar="J", help="processes (default: one a core)")
    parser.add_argument("--demo", action="store_true", help="remake the demo clips in assets/ and their projects")
    parser.add_argument("--projects", action="store_true", help="keep the demo clips and remake only their projects")
    parser.add_argument("--onsets", action="store_true", help="look for the demos' onsets anew, and keep all else")
    parser.add_argument("--hits", action="store_true", help="render the demos' hits anew, and keep all else")
    parser.add_argument("--device", default="auto", help=argparse.SUPPRESS)
    parser.add_argument("--ckpt-dir", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--data-dir", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(list(args))
    if options.onsets or options.hits:
        if options.onsets:
            renew_onsets()
        if options.hits:
            renew_hits()
        return 0
    if options.demo or options.projects:
        make_demos(options.out, options.projects, options.device, options.ckpt_dir)
        return 0
    if not options.out:
        parser.error("give the takes a folder with --out DIR, or make the demo clips with --demo or --projects")
    for name, value, least in (("--count", options.count, 1), ("--seed", options.seed, 0), ("--jobs", options.jobs, 0)):
        if value < least:
            raise BadInput(f"{name} {value} makes no sense; give {least} or more")
    if options.seconds and not 2.0 <= options.seconds <= 600.0:
        raise BadInput(f"--seconds {options.seconds:g} cannot be filmed; give 2 to 600")
    size = parse_size(options.size)
    write_takes(Path(options.out), options.count, options.seed, size, options.jobs, options.seconds)
    return 0
