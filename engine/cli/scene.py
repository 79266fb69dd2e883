"""``scene``: pictures of what may have been struck, from a sound."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import IO

from engine.cli.console import MAX_SEED, make_progress, number, same_file, whole_number
from engine.core.errors import BadInput
from engine.core.files import check_ending, check_target, write_file
from engine.core.words import counted
from engine.pipeline.picture_sound import GUIDANCE, MOST_GAIN_DB, MOST_GUIDANCE, MOST_PICTURES, PictureOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sound", metavar="SOUND", help="a sound, or a clip with sound; its loudest hit is pictured")
    parser.add_argument("--out", metavar="PNG", required=True, help="the picture to write; several lie in rows of four")
    parser.add_argument("--count", type=whole_number(1, MOST_PICTURES), default=4, metavar="N", help="pictures")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, metavar="S", help="of the first picture")
    parser.add_argument(
        "--guidance", type=number(-1e-9, MOST_GUIDANCE), default=GUIDANCE, metavar="G",
        help=f"how strictly pictures follow the sound: 0 not at all, 1 as learnt, at most {MOST_GUIDANCE:g}",
    )  # fmt: skip
    parser.add_argument(
        "--gain-db", type=number(-MOST_GAIN_DB - 1e-9, MOST_GAIN_DB), default=0.0, metavar="DB",
        help="as if the sound were louder",
    )  # fmt: skip
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--mix", metavar="SOUND2", help="a sound that is heard at the same time")
    other.add_argument("--blend", metavar="SOUND2", help="a sound whose pictures those of SOUND approach")
    parser.add_argument(
        "--amount", type=number(-1e-9, 1.0), default=None, metavar="A", help="share of SOUND2, 0 to 1 (default 0.5)"
    )


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Write the pictures. Raises BadInput before long work."""
    target = check_target(options.out)
    check_ending(target, (".png",), "--out")
    second = options.mix or options.blend
    if options.amount is not None and second is None:
        raise BadInput("--amount is the share of a second sound and there is none; give one with --mix or --blend")
    for given in (options.sound, second):
        if given is not None and same_file(given, target):
            raise BadInput(f"--out {options.out} is the sound itself; give another name")
    from engine.pipeline import picture_sound as scene
    from engine.scene.network import load_scene_network

    folder = scene.find_scene_network(options.ckpt_dir)
    sound = scene.read_hit(Path(options.sound))
    other = None if second is None else scene.read_hit(Path(second))
    amount = 0.5 if options.amount is None else max(0.0, options.amount)
    if other is not None and options.mix is not None:
        sound = scene.mix_hits(sound, other, amount)
    network = load_scene_network(folder)
    point = scene.encode_hit(network, sound, options.gain_db)
    if other is not None and options.blend is not None:
        point = scene.blend_points(point, scene.encode_hit(network, other, options.gain_db), amount)
    wanted = PictureOptions(options.count, options.seed, max(0.0, options.guidance), options.gain_db)
    pictures = scene.draw_pictures(network, point, wanted, make_progress("picturing"))
    write_file(target, scene.encode_png(scene.arrange_sheet(pictures)))
    stdout.write(f"{target.name}: {counted(len(pictures), 'picture')} of {sound.name}\n")
