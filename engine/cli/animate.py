"""``animate``: a short film of a still whose motion is at the hits of a sound or a project."""

from __future__ import annotations

import argparse
import contextlib
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.cli.console import (
    MAX_SEED,
    check_json_target,
    make_progress,
    number_from,
    same_file,
    say,
    whole_number,
    write_json,
)
from engine.core.errors import BadInput
from engine.core.files import check_ending, check_target
from engine.core.units import parse_frame_rate
from engine.core.words import counted
from engine.pipeline.make_animatic import FRAME_RATES, GUIDANCE, MOST_GUIDANCE, STRIKERS, AnimaticOptions, Heard

if TYPE_CHECKING:
    from engine.pipeline.events import RenderedHit
    from engine.pipeline.make_animatic import AnimaticMade


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="the still: PNG, JPEG, TIFF or WebP")
    parser.add_argument("sound", metavar="SOUND|PROJECT", help="a sound, a clip with sound, or a *.struck.json project")
    parser.add_argument("--out", metavar="MP4", required=True, help="the film to write, in the still's size")
    parser.add_argument("--at", metavar="X,Y", help="where it is struck, 0 to 1 from the upper left; else it is found")
    parser.add_argument("--striker", choices=STRIKERS, default="stick", help="what comes down; none draws nothing")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, metavar="S", help="of the motion")
    parser.add_argument(
        "--guidance", type=number_from(0.0, 2 * MOST_GUIDANCE), default=None, metavar="G",
        help=f"how strictly the motion follows the sound: 0 not at all, 1 as learnt, at most {MOST_GUIDANCE:g}",
    )  # fmt: skip
    parser.add_argument("--weights", metavar="DIR", help="by the published weights of AVSyncD, converted; 256 pixels")
    parser.add_argument("--text", metavar="NAME", help="with --weights: the text of what happens, of those in DIR")
    parser.add_argument("--fps", default="24", metavar="F", help="frames a second, such as 24, 25 or 30000/1001")
    parser.add_argument("--clip", metavar="PATH", help="of a project: its clip, or a folder to search for it")
    parser.add_argument("--json", metavar="F", help="write what was made as JSON to a file; - is standard output")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Write the film, and say of how many blows the striker comes down. Raises BadInput before long work."""
    check_json_target(options.json)
    target = check_target(options.out)
    check_ending(target, (".mp4",), "--out")
    for name, given in (("IMAGE", options.image), ("SOUND", options.sound)):
        if same_file(given, target):
            raise BadInput(f"--out {options.out} is the {name} itself; give another name")
    if options.weights is not None:
        _run_published(options, target, stdout)
        return
    if options.text is not None:
        raise BadInput("--text is for published weights; give --weights too, or leave it out")
    guidance = GUIDANCE if options.guidance is None else options.guidance
    if guidance > MOST_GUIDANCE:
        raise BadInput(f"--guidance {guidance:g} is out of range; give 0 to {MOST_GUIDANCE:g}")
    wanted = AnimaticOptions(read_place(options.at), options.seed, guidance, read_rate(options.fps), options.striker)
    from engine.animate.still import read_still
    from engine.pipeline.make_animatic import animatic_to_json, find_motion_network, make_animatic

    network = find_motion_network(options.ckpt_dir)
    still = read_still(options.image)
    heard = _hear(options)
    if not heard.blows:
        say("no hits are heard, so nothing is struck")
    made = make_animatic(still, heard, wanted, network, target, make_progress("animating"))
    if options.json is not None:
        write_json(animatic_to_json(made, wanted), options.json, stdout)
    if options.json != "-":
        stdout.write(_describe(made, target))


def _run_published(options: argparse.Namespace, target: Path, stdout: IO[str]) -> None:
    for given, name in (
        (options.at is not None, "--at"), (options.striker != "stick", "--striker"), (options.fps != "24", "--fps"),
        (options.json is not None, "--json"),
    ):  # fmt: skip
        if given:
            raise BadInput(f"{name} is for the network of this Struck, and --weights names another; leave one out")
    from engine.animate.avsyncd.sampling import GUIDANCE, FilmOptions
    from engine.animate.avsyncd.weights import choose_text, load_avsyncd
    from engine.animate.still import read_still
    from engine.core.device import choose_device
    from engine.pipeline.animate_published import animate_published

    device, label = choose_device(options.device)
    say(f"device: {label}")
    folder = Path(options.weights)
    network = load_avsyncd(folder, device)
    guidance = GUIDANCE if options.guidance is None else max(1.0, options.guidance)
    wanted = FilmOptions(choose_text(network, options.text, folder), options.seed, guidance)
    still = read_still(options.image)
    frames = animate_published(network, still, _hear(options), wanted, target, make_progress("animating"))
    rows, columns = network.size
    stdout.write(f"{target.name}: {columns} x {rows}, {counted(frames, 'frame')} at 6 a second, {wanted.text}\n")


def read_place(text: str | None) -> tuple[float, float] | None:
    """The place that X,Y names, None without one. Raises BadInput unless both lie from 0 to 1."""
    if text is None:
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInput(f"--at {text[:40]} is no place; give two numbers from 0 to 1, such as 0.5,0.6") from None
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        raise BadInput(f"--at {text[:40]} lies outside the picture; give two numbers from 0 to 1, such as 0.5,0.6")
    return x, y


def read_rate(text: str) -> Fraction:
    """The frame rate that a text names. Raises BadInput where there is none, or one that is not supported."""
    try:
        rate = parse_frame_rate(text)
    except BadInput as error:
        raise BadInput(f"--fps: {error}") from None
    if not FRAME_RATES[0] <= rate <= FRAME_RATES[1]:
        raise BadInput(f"--fps {text[:20]} is out of range; give {FRAME_RATES[0]} to {FRAME_RATES[1]}")
    return rate


def _hear(options: argparse.Namespace) -> Heard:
    from engine.cli.render import load_sampler_or_say, make_cache
    from engine.cli.stored import open_stored
    from engine.pipeline.make_animatic import hear_project, hear_recording

    project = open_stored(options.sound, options.clip)
    if project is None:
        if options.clip is not None:
            raise BadInput("--clip gives the clip of a project, and the sound is a file itself; leave it out")
        return hear_recording(Path(options.sound))
    from engine.pipeline.render import sample_hits

    with contextlib.ExitStack() as stack:
        sampler = load_sampler_or_say(project.render.checkpoint, options.ckpt_dir, options.device)
        progress = make_progress("sampling")
        rendered: dict[str, RenderedHit] = {}
        for event in sample_hits(project, sampler, make_cache(stack)):
            rendered |= event.hits
            if event.total:
                progress(event.done / event.total)
        return hear_project(project, rendered)


def _describe(made: AnimaticMade, target: Path) -> str:
    width, height = made.size
    blows = counted(len(made.blows), "blow")
    missed = made.struck.count(False)
    seen = f"{blows}, {missed} of them without a strike" if missed else blows
    return f"{target.name}: {width} x {height}, {made.duration_s:.2f} s, {counted(made.frames, 'frame')}, {seen}\n"
