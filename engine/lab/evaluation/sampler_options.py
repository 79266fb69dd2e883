"""Options that evaluations of the sampler share: which checkpoint, on which device, or the bare prior."""

from __future__ import annotations

import argparse

import torch

from engine.cli.console import whole_number
from engine.core.device import choose_device
from engine.core.paths import CHECKPOINTS
from engine.diffusion.sampler import Sampler, load_sampler


def add_sampler_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``open_sampler`` reads, and ``--steps`` and ``--json``."""
    parser.add_argument("--prior", action="store_true", help="the bare prior in place of the sampler")
    parser.add_argument("--steps", type=whole_number(1, 64), default=4)
    parser.add_argument("--ckpt-dir", default=str(CHECKPOINTS))
    parser.add_argument("--checkpoint", default="sampler")
    parser.add_argument("--threads", type=whole_number(1, 256), help="of the processor; by default all")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file, or - for standard output")


def open_sampler(options: argparse.Namespace) -> Sampler | None:
    """The sampler that parsed options name, None for the bare prior; sets the number of threads. Raises BadInput."""
    if options.threads:
        torch.set_num_threads(options.threads)
    device, _ = choose_device(options.device)
    return None if options.prior else load_sampler(options.ckpt_dir, options.checkpoint, device)
