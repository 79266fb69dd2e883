"""``sync``: how far a sound is early or late against a clip's picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.cli.console import TRACK_HELP, check_json_target, make_progress, say_tracks, whole_number, write_json
from engine.core.errors import BadInput
from engine.core.words import counted
from engine.document.edits.values import MAX_TRACK

if TYPE_CHECKING:
    from engine.document.project import Clip
    from engine.pipeline.measure_desync import Desync
    from engine.sync.report import SyncReport

_UNSURE = 0.5
"""A lag of less confidence is said to be uncertain."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", metavar="CLIP", help="a video clip")
    parser.add_argument("sound", metavar="SOUND", nargs="?", help="a sound that begins with the clip; else its own")
    parser.add_argument("--track", type=whole_number(0, MAX_TRACK), metavar="N", help=TRACK_HELP)
    parser.add_argument(
        "--desync", metavar="DIR", help="tell DeSync too, by Synchformer's published weights, converted"
    )
    parser.add_argument("--json", metavar="F", help="write the report as JSON to a file; - is standard output")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Measure lag, drift and each blow, and print them or write JSON. Raises BadInput."""
    check_json_target(options.json)
    if options.sound is not None and options.track is not None:
        raise BadInput("--track chooses among the clip's own sounds and a SOUND was given too; leave one of them out")
    from engine.pipeline.measure_sync import SyncMeasured, SyncProgress, find_networks, measure_clip_sync
    from engine.pipeline.open_clip import open_clip
    from engine.sync.report import report_to_json

    opened = open_clip(options.clip, options.track)
    clip = opened.project.clip
    if options.sound is None:
        say_tracks(opened.info, clip.audio_track)
    progress = make_progress("comparing")
    sound = None if options.sound is None else Path(options.sound)
    # What has more needs, weights and 4.8 s of clip, comes first.
    desync = None if options.desync is None else _measure_desync(options, clip, sound)
    for event in measure_clip_sync(clip, sound, find_networks(options.ckpt_dir)):
        match event:
            case SyncProgress():
                progress(event.fraction)
            case SyncMeasured():
                report = event.report
    if options.json is not None:
        report_json = report_to_json(report)
        if desync is not None:
            from engine.pipeline.measure_desync import desync_to_json

            report_json["desync"] = desync_to_json(desync)
        write_json(report_json, options.json, stdout)
        return
    stdout.writelines(f"{line}\n" for line in _describe(report, float(clip.frame_rate)))
    if desync is not None:
        stdout.write(_describe_desync(desync))


def _measure_desync(options: argparse.Namespace, clip: Clip, sound: Path | None) -> Desync:
    from engine.core.device import choose_device
    from engine.pipeline.measure_desync import measure_desync
    from engine.sync.synchformer import load_synchformer

    network = load_synchformer(Path(options.desync), choose_device(options.device)[0])
    return measure_desync(network, clip, sound, make_progress("DeSync"))


def _describe_desync(desync: Desync) -> str:
    told = []
    for window in desync.windows:
        side = "in step" if not window.lag_s else f"{abs(window.lag_s):.1f} s {'late' if window.lag_s > 0 else 'early'}"
        told.append(f"from {window.start_s:.2f} s {side} ({window.probability:.0%})")
    return f"DeSync {desync.score_s:.2f} s, by Synchformer: {', '.join(told)}\n"


def _describe(report: SyncReport, rate_hz: float) -> list[str]:
    from engine.sync.limits import grade_offset

    lines = [_describe_lag(report, rate_hz)]
    if report.drift_s_per_s:
        lines.append(f"drift {1000 * report.drift_s_per_s:+.2f} ms a second")
    for hit in report.hits:
        grade = grade_offset(hit.offset_s, 1.0 / rate_hz)
        frames = f"{hit.offset_s * rate_hz:+.1f} frames"
        lines.append(
            f"{hit.time_s:10.3f} s  {1000 * hit.offset_s:+6.0f} ms  {frames:>12}  {hit.confidence:4.0%}  {grade}"
        )
    lines += [f"{lone.time_s:10.3f} s  seen, not heard" for lone in report.seen_not_heard]
    lines += [f"{lone.time_s:10.3f} s  heard, not seen" for lone in report.heard_not_seen]
    return lines


def _describe_lag(report: SyncReport, rate_hz: float) -> str:
    if report.lag_s is None:
        return "no lag can be told: too little is seen, or heard"
    side = "late" if report.lag_s > 0 else "early"
    sure = f"confidence {report.confidence:.0%}" + (", uncertain" if report.confidence < _UNSURE else "")
    ms, frames = 1000 * abs(report.lag_s), abs(report.lag_s) * rate_hz
    return f"the sound is {ms:.0f} ms ({frames:.1f} frames) {side}; {sure}; {counted(len(report.hits), 'blow')}"
