"""``synthesize``: physics as sound, without a model."""

from __future__ import annotations

import argparse
from typing import IO

from engine.cli.console import MAX_SEED, number, read_json, say, whole_number
from engine.core.files import check_target
from engine.physics.model import physics_from_json

_LONGEST_S = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("physics", metavar="PHYSICS_JSON", help="physics as `analyze --json` writes it")
    parser.add_argument("--out", metavar="WAV", required=True, help="the WAV to write, mono, at the physics' rate")
    parser.add_argument("--duration", type=number(0.0, _LONGEST_S), metavar="S", help="seconds; else until -60 dB")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, metavar="N", help="of the residual")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Write modes and residual as 32-bit float WAV, sample 0 at the onset, nothing limited. Raises BadInput."""
    check_target(options.out)
    name = "standard input" if options.physics == "-" else options.physics
    physics = physics_from_json(read_json(options.physics), name)
    from engine.media.export.wave import write_wave
    from engine.physics.synthesis import synthesize

    sound = synthesize(physics, options.duration, options.seed)
    write_wave(options.out, sound, physics.sample_rate_hz, bits=32)
    say(f"wrote {options.out}: {len(sound) / physics.sample_rate_hz:.3f} s at {physics.sample_rate_hz} Hz")
