"""``detect``: when things are struck in a clip."""

from __future__ import annotations

import argparse
from typing import IO

from engine.cli.console import check_json_target, make_progress, say, write_json
from engine.core.units import format_frame_rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", metavar="CLIP", help="a video clip")
    parser.add_argument("--source", choices=("video", "audio", "both"), default="both", help="what to look at")
    parser.add_argument("--json", metavar="F", help="write onsets and curve as JSON to a file; - is standard output")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Detect hits and print them, or write JSON. Raises BadInput."""
    check_json_target(options.json)
    from engine.media.probe import probe

    info = probe(options.clip)
    from engine.onsets.track import pick
    from engine.pipeline.detect_onsets import detect, find_onset_network

    network = find_onset_network(options.ckpt_dir)
    track = detect(options.clip, options.source, on_progress=make_progress("detecting"), network=network)
    onsets = pick(track)
    say(f"{len(onsets)} hits in {info.duration_s:.3f} s")
    if options.json is None:
        stdout.writelines(f"{onset.time_s:10.4f} s   strength {onset.strength:.3f}\n" for onset in onsets)
        return
    value = {
        "frame_rate": format_frame_rate(info.frame_rate),
        "duration_s": info.duration_s,
        "onsets": [{"time_s": float(onset.time_s), "strength": float(onset.strength)} for onset in onsets],
        "curve": {"rate_hz": float(track.curve.rate_hz), "values": [round(float(v), 5) for v in track.curve.values]},
    }
    write_json(value, options.json, stdout)
