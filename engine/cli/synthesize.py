"""``synthesize``: render modes and residual without the sampler."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import IO

from engine.cli.console import MAX_SEED, number, read_json, say, warn, whole_number
from engine.core.files import check_ending, check_target
from engine.core.words import counted
from engine.media.export.endings import SOUND_ENDINGS, WAVE_ENDINGS
from engine.physics.model import physics_from_json

_LONGEST_S = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("physics", metavar="PHYSICS_JSON", help="physics as `analyze --json` writes it")
    parser.add_argument("--out", metavar="WAV", required=True, help="the sound to write, mono, at the physics' rate")
    parser.add_argument(
        "--duration", type=number(0.0, _LONGEST_S), metavar="S", help="seconds; else until -60 dB, at most 20"
    )
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, metavar="N", help="of the residual")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Write modes and residual, sample 0 at the onset; as WAV in 32-bit float, nothing limited. Raises BadInput."""
    check_ending(check_target(options.out), SOUND_ENDINGS, "--out")
    name = "standard input" if options.physics == "-" else options.physics
    physics = physics_from_json(read_json(options.physics), name)
    from engine.media.export.sound import check_form, write_sound
    from engine.physics.synthesis import LONGEST_RING_S, ring_time_s, synthesize

    check_form(options.out, physics.sample_rate_hz, 1)
    sound = synthesize(physics, options.duration, options.seed)
    if not sound.any():
        warn(f"{name} has no mode under half the sample rate and no noise that are heard, so the sound is silence")
    elif options.duration is None and ring_time_s(physics) >= LONGEST_RING_S:
        warn(f"{name} sounds on after {LONGEST_RING_S:g} s, where the sound ends; give a longer --duration")
    bits = 32 if check_ending(Path(options.out), SOUND_ENDINGS, "--out") in WAVE_ENDINGS else 24
    clipped = write_sound(options.out, sound, physics.sample_rate_hz, bits)
    over = f"; clipped in {counted(clipped, 'sample')}, which .wav does not do" if clipped else ""
    say(f"wrote {options.out}: {len(sound) / physics.sample_rate_hz:.3f} s at {physics.sample_rate_hz} Hz{over}")
