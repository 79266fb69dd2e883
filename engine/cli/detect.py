"""``detect``: the times of the hits in a clip."""

from __future__ import annotations

import argparse
from typing import IO

from engine.cli.console import TRACK_HELP, check_json_target, make_progress, say, say_tracks, whole_number, write_json
from engine.core.units import format_frame_rate
from engine.core.words import counted
from engine.document.edits.values import MAX_TRACK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", metavar="CLIP", help="a video clip")
    parser.add_argument("--source", choices=("video", "audio", "both"), default="both", help="stream to analyse")
    parser.add_argument("--track", type=whole_number(0, MAX_TRACK), metavar="N", help=TRACK_HELP)
    parser.add_argument("--json", metavar="F", help="write onsets and curve as JSON to a file; - is standard output")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Detect hits and print them, or write JSON. Raises BadInput."""
    check_json_target(options.json)
    from engine.onsets.track import pick
    from engine.pipeline.detect_onsets import detect_onsets, find_onset_network
    from engine.pipeline.events import DetectionProgress, OnsetsFound
    from engine.pipeline.open_clip import open_clip

    opened = open_clip(options.clip, options.track)
    clip = opened.project.clip
    say_tracks(opened.info, clip.audio_track)
    report = make_progress("detecting")
    for event in detect_onsets(clip, options.source, find_onset_network(options.ckpt_dir)):
        match event:
            case DetectionProgress():
                report(event.fraction)
            case OnsetsFound():
                track = event.track
    onsets = pick(track)
    say(f"{counted(len(onsets), 'hit')} in {clip.duration_s:.3f} s")
    if options.json is None:
        stdout.writelines(f"{onset.time_s:10.4f} s   strength {onset.strength:.3f}\n" for onset in onsets)
        return
    value = {
        "frame_rate": format_frame_rate(clip.frame_rate),
        "duration_s": clip.duration_s,
        "onsets": [{"time_s": float(onset.time_s), "strength": float(onset.strength)} for onset in onsets],
        "curve": {"rate_hz": float(track.curve.rate_hz), "values": [round(float(v), 5) for v in track.curve.values]},
    }
    write_json(value, options.json, stdout)
