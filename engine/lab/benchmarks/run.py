"""``bench [NAME]``: speed and memory on this machine, all in one run, on a clip made on the fly."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from engine.cli.console import check_json_target, say, write_json
from engine.core.errors import BadInput
from engine.lab.benchmarks.clip import DURATION_S, HEIGHT, HITS, WIDTH, make_clip
from engine.lab.benchmarks.edit_to_ear import NAMES, format_table, measure
from engine.lab.benchmarks.machine import describe_machine, time_matrix_product

SAMPLER, ONSETS, SESSIONS, EDITS, LONG, TIMELINE = "sampler", "onsets", "sessions", "edits", "long", "timeline"
GROWTH, SERVICE, BESIDE = "growth", "sampler-service", "beside"
_OTHERS = (SAMPLER, ONSETS, SESSIONS, EDITS, LONG, TIMELINE, GROWTH, SERVICE, BESIDE)


def main(args: list[str]) -> int:
    """The command ``bench [NAME] [--json F]``; some names have options of their own. Raises BadInput."""
    if args[:1] == [SAMPLER]:
        from engine.lab.benchmarks.sampler import run

        return run(args[1:])
    if args[:1] == [ONSETS]:
        from engine.lab.benchmarks import onsets

        return onsets.run(args[1:], describe_machine())
    if args[:1] == [SESSIONS]:
        from engine.lab.benchmarks import sessions

        return sessions.run(args[1:])
    if args[:1] == [EDITS]:
        from engine.lab.benchmarks import edits

        return edits.run(args[1:])
    if args[:1] == [GROWTH]:
        from engine.lab.benchmarks import growth

        return growth.run(args[1:])
    if args[:1] == [SERVICE]:
        from engine.lab.benchmarks import sampler_service

        return sampler_service.run(args[1:])
    if args[:1] == [BESIDE]:
        from engine.lab.benchmarks import beside

        return beside.run(args[1:])
    if args[:1] == [LONG]:
        from engine.lab.benchmarks import long_clip

        return long_clip.run(args[1:])
    if args[:1] == [TIMELINE]:
        from engine.lab.benchmarks import timeline

        return timeline.run(args[1:])
    parser = argparse.ArgumentParser(prog="bench", description="Measure Struck on this machine.")
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help=f"one of {', '.join(NAMES)}, all when left out; or {', '.join(_OTHERS)}"
    )
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--ckpt-dir", default=None)
    parser.add_argument("--data-dir", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    if options.name is not None and options.name not in NAMES:
        raise BadInput(f"bench {options.name[:60]!r} is not known; choose one of {', '.join((*NAMES, *_OTHERS))}")
    check_json_target(options.json)
    wanted = NAMES if options.name is None else (options.name,)
    machine = describe_machine()
    say(f"{machine}; making a clip of {DURATION_S:.0f} s at {WIDTH} x {HEIGHT} with {HITS} hits")
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as folder:
        clip = Path(folder) / "bench.mp4"
        times_s = make_clip(clip)
        figures = measure(clip, times_s, wanted, options.device, options.ckpt_dir)
    report = {"machine": machine, "matrix_product_s": time_matrix_product(), "figures": [asdict(f) for f in figures]}
    if options.json != "-":
        sys.stdout.write(format_table(machine, figures))
    if options.json is not None:
        write_json(json.loads(json.dumps(report)), options.json, sys.stdout)
    return 0
