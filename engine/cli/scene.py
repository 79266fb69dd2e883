"""``scene``: pictures of what may have been struck, from a sound; or a storyboard of a hit list."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.cli.console import MAX_SEED, make_progress, number_from, same_file, whole_number
from engine.core.errors import BadInput
from engine.core.files import check_ending, check_target, write_file
from engine.core.words import counted
from engine.document.storage import is_project_file
from engine.pipeline.make_storyboard import EACH, StoryboardOptions
from engine.pipeline.picture_sound import GUIDANCE, MOST_GAIN_DB, MOST_GUIDANCE, MOST_PICTURES, PictureOptions

if TYPE_CHECKING:
    import numpy as np

    from engine.document.project import Project
    from engine.pipeline.events import RenderedHit
    from engine.pipeline.make_storyboard import HitList
    from engine.pipeline.picture_sound import HeardSound

    Draw = Callable[[HeardSound, HeardSound | None, float], np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sound", metavar="SOUND|PROJECT|CLIP", help="its loudest hit is pictured; a project is for --storyboard alone"
    )
    parser.add_argument(
        "--out", metavar="PNG|PDF", required=True, help="the picture to write; several lie in rows of four"
    )
    parser.add_argument("--storyboard", action="store_true", help="a panel for each hit, as .png or in pages as .pdf")
    parser.add_argument("--each", choices=EACH, default="hit", help="of a storyboard of a project: what has a panel")
    parser.add_argument("--drawn", action="store_true", help="of a storyboard: draw also where the clip has a picture")
    parser.add_argument("--clip", metavar="PATH", help="of a project: its clip, or a folder to search for it")
    parser.add_argument("--count", type=whole_number(1, MOST_PICTURES), default=None, metavar="N", help="pictures (4)")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, metavar="S", help="of the first picture")
    parser.add_argument(
        "--guidance", type=number_from(0.0, MOST_GUIDANCE), default=None, metavar="G",
        help=f"how strictly pictures follow the sound: 0 not at all, 1 as learnt, at most {MOST_GUIDANCE:g}",
    )  # fmt: skip
    parser.add_argument(
        "--gain-db", type=number_from(-MOST_GAIN_DB, MOST_GAIN_DB), default=0.0, metavar="DB",
        help="as if the sound were louder",
    )  # fmt: skip
    parser.add_argument(
        "--weights", metavar="DIR", help="pictures of 128 pixels by Sound2Scene's published weights, converted"
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--mix", metavar="SOUND2", help="a sound that is heard at the same time")
    other.add_argument("--blend", metavar="SOUND2", help="a sound whose pictures those of SOUND approach")
    parser.add_argument(
        "--amount", type=number_from(0.0, 1.0), default=None, metavar="A", help="share of SOUND2, 0 to 1 (default 0.5)"
    )


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Write the pictures. Raises BadInput before long work."""
    target = check_target(options.out)
    if options.storyboard:
        _write_storyboard(options, target, stdout)
        return
    for given, name in ((options.each != "hit", "--each"), (options.drawn, "--drawn"), (options.clip, "--clip")):
        if given:
            raise BadInput(f"{name} is for a storyboard; give --storyboard too, or leave it out")
    check_ending(target, (".png",), "--out")
    if is_project_file(options.sound):
        raise BadInput(f"{options.sound} is a project, whose hits --storyboard draws; add it, or give a sound or clip")
    second = options.mix or options.blend
    if options.amount is not None and second is None:
        raise BadInput("--amount is the share of a second sound and there is none; give one with --mix or --blend")
    for given in (options.sound, second):
        if given is not None and same_file(given, target):
            raise BadInput(f"--out {options.out} is the sound itself; give another name")
    from engine.pipeline import picture_sound as scene

    draw = _use_published(options) if options.weights else _use_own(options)
    sound = scene.read_hit(Path(options.sound))
    other = None if second is None else scene.read_hit(Path(second))
    amount = 0.5 if options.amount is None else options.amount
    if other is not None and options.mix is not None:
        sound, other = scene.mix_hits(sound, other, amount), None
    pictures = draw(sound, other, amount)
    write_file(target, scene.encode_png(scene.arrange_sheet(pictures)))
    stdout.write(f"{target.name}: {counted(len(pictures), 'picture')} of {sound.name}\n")


def _use_own(options: argparse.Namespace) -> Draw:
    """How pictures are drawn by the network of this project: of a sound, or on the way from it to another."""
    from engine.pipeline import picture_sound as scene
    from engine.scene.network import load_scene_network

    network = load_scene_network(scene.find_scene_network(options.ckpt_dir))
    guidance = GUIDANCE if options.guidance is None else options.guidance
    wanted = PictureOptions(options.count or 4, options.seed, guidance, options.gain_db)

    def draw(sound: HeardSound, other: HeardSound | None, amount: float) -> np.ndarray:
        point = scene.encode_hit(network, sound, options.gain_db)
        if other is not None:
            point = scene.blend_points(point, scene.encode_hit(network, other, options.gain_db), amount)
        return scene.draw_pictures(network, point, wanted, make_progress("picturing"))

    return draw


def _use_published(options: argparse.Namespace) -> Draw:
    """The same by published weights."""
    from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
    from engine.pipeline.picture_sound import blend_points
    from engine.scene.published import draw_published, encode_published, load_published

    if options.guidance is not None:
        raise BadInput(
            "--guidance is for the network of this Struck, and --weights names another; leave one of them out"
        )
    network = load_published(Path(options.weights))
    gain = float(db_to_gain(options.gain_db))

    def draw(sound: HeardSound, other: HeardSound | None, amount: float) -> np.ndarray:
        point = encode_published(network, gain * sound.samples, SAMPLE_RATE_HZ)
        if other is not None:
            point = blend_points(point, encode_published(network, gain * other.samples, SAMPLE_RATE_HZ), amount)
        return draw_published(network, point, options.count or 4, options.seed, make_progress("picturing"))

    return draw


def _write_storyboard(options: argparse.Namespace, target: Path, stdout: IO[str]) -> None:
    ending = check_ending(target, (".png", ".pdf"), "--out")
    for given, name in (
        (options.mix, "--mix"),
        (options.blend, "--blend"),
        (options.amount, "--amount"),
        (options.count, "--count"),
        (options.weights, "--weights"),
    ):
        if given is not None:
            raise BadInput(f"{name} is for pictures of one sound; leave it out, or leave --storyboard out")
    if same_file(options.sound, target):
        raise BadInput(f"--out {options.out} is the project or sound itself; give another name")
    from engine.pipeline.make_storyboard import make_storyboard

    guidance = GUIDANCE if options.guidance is None else options.guidance
    wanted = StoryboardOptions(options.each, options.drawn, options.seed, guidance, options.gain_db)
    hits = _list_hits(options)
    progress = make_progress("drawing the storyboard")
    write_file(target, make_storyboard(hits, wanted, options.ckpt_dir, ending, progress))
    stdout.write(f"{target.name}: {counted(len(hits.cues), 'panel')} of {counted(hits.hits, 'hit')}\n")


def _list_hits(options: argparse.Namespace) -> HitList:
    from engine.cli.stored import open_stored
    from engine.pipeline.make_storyboard import list_project, list_recording

    project = open_stored(options.sound, options.clip)
    if project is None:
        if options.clip is not None:
            raise BadInput("--clip gives the clip of a project, and the sound is a file itself; leave it out")
        return list_recording(Path(options.sound), options.each)
    name = Path(options.sound).name.removesuffix(".json").removesuffix(".struck")
    return list_project(project, name, _sample(project, options) if options.drawn else None, options.each)


def _sample(project: Project, options: argparse.Namespace) -> dict[str, RenderedHit]:
    from engine.cli.render import load_sampler_or_say, make_cache
    from engine.pipeline.render import sample_hits

    rendered: dict[str, RenderedHit] = {}
    with contextlib.ExitStack() as stack:
        sampler = load_sampler_or_say(project.render.checkpoint, options.ckpt_dir, options.device)
        progress = make_progress("sampling")
        for event in sample_hits(project, sampler, make_cache(stack)):
            rendered |= event.hits
            if event.total:
                progress(event.done / event.total)
    return rendered
