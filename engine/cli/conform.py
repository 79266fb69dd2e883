"""``conform``: move a project's hits to a recut of its clip, with their shots."""

from __future__ import annotations

import argparse
from typing import IO, TYPE_CHECKING

from engine.cli.console import check_json_target, make_progress, say, write_json
from engine.cli.overwrite import check_existing, find_existing
from engine.cli.stored import load_with_clip
from engine.core.files import check_ending, check_target
from engine.core.words import counted
from engine.document.storage import save_project

if TYPE_CHECKING:
    from engine.pipeline.conform import Conformed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="PROJECT", help="a *.struck.json project")
    parser.add_argument("recut", metavar="NEWCLIP", help="the recut: the same pictures cut, moved or repeated")
    parser.add_argument("--project", metavar="FILE", required=True, help="write the project with the new clip here")
    parser.add_argument("--clip", metavar="PATH", help="the project's own clip, or a folder to search for it")
    parser.add_argument("--json", metavar="F", help="write stretches and lost hits as JSON; - is standard output")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist already")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Conform a project, write it, and list the hits that the new clip has no place for. Raises BadInput."""
    check_json_target(options.json)
    check_ending(check_target(options.project), (".json",), "--project")
    targets = [(name, value) for name in ("project", "json") if (value := getattr(options, name)) not in (None, "-")]
    check_existing(options, list(find_existing(targets)))
    from engine.pipeline.conform import clip_timecode, conform

    project = load_with_clip(options.source, options.clip)
    done = conform(project, options.recut, make_progress("comparing the pictures"))
    save_project(done.project, options.project)
    say(f"wrote {options.project}: {describe(done)}")
    if options.json is not None:
        write_json(_to_json(done), options.json, stdout)
    if options.json != "-":
        for hit in done.lost:
            sound = project.sound(hit.sound_id).name
            stdout.write(f"{clip_timecode(project.clip, hit.time_s)}  {hit.id}  {sound}  {hit.name}".rstrip() + "\n")
        for marker in done.lost_markers:
            label = f"{clip_timecode(project.clip, marker.time_s)}  {marker.id}  marker  {marker.name}"
            stdout.write(label.rstrip() + "\n")


def describe(done: Conformed) -> str:
    """What became of the hits and markers, in a clause."""
    placed = len(done.project.hits) - done.copied
    words = f"{counted(placed, 'hit')} moved with their shots"
    if done.copied:
        words += f", {done.copied} more where shots are shown again"
    lost = [counted(len(some), what) for some, what in ((done.lost, "hit"), (done.lost_markers, "marker")) if some]
    if lost:
        words += f"; the new clip has no place for {' and '.join(lost)}"
    left_out = ((done.left_out, "hit"), (done.left_out_markers, "marker"))
    repeated = [counted(count, what) for count, what in left_out if count]
    if repeated:
        words += f"; {' and '.join(repeated)} left out, since the new clip shows once what was repeated"
    return words


def _to_json(done: Conformed) -> dict[str, object]:
    return {
        "stretches": [vars(stretch) for stretch in done.stretches],
        "lost": [{"id": hit.id, "time_s": hit.time_s, "name": hit.name} for hit in done.lost],
        "lost_markers": [{"id": one.id, "time_s": one.time_s, "name": one.name} for one in done.lost_markers],
        "copied": done.copied,
        "left_out": done.left_out,
        "left_out_markers": done.left_out_markers,
    }
