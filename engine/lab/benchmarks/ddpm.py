"""Time of the paper's method: a hit by the DDPM of 1000 steps and Griffin-Lim, for the ratio to the sampler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.cli.console import say
from engine.core.checkpoint import count_parameters
from engine.core.errors import BadInput
from engine.lab.baselines.ddpm.physics import BANDS, BINS, DdpmPhysics, bin_centres_hz
from engine.lab.baselines.ddpm.sampler import BATCH_SIZE, STEPS, Ddpm, invert_spectrogram, load_ddpm
from engine.lab.baselines.ddpm.unet import PAPER_BASE, DdpmConfig, DdpmNetwork
from engine.lab.benchmarks.machine import measure, measure_best

NAME = "ddpm"
STEPS_TIMED = {"cpu": 4, "cuda": 50}


@dataclass(frozen=True)
class Paper:
    """One size of the paper's network; ``full`` is the paper's own. A hit is 0.25 s at 44.1 kHz, by 1000 steps."""

    what: str
    full: bool
    device: str
    dtype: str
    at_once: int
    steps_timed: int
    step_s: float
    step_cpu_s: float
    griffin_lim_s: float

    @property
    def per_hit_s(self) -> float:
        """Seconds a hit: its share of 1000 steps of a batch, and Griffin-Lim."""
        return STEPS * self.step_s / self.at_once + self.griffin_lim_s

    @property
    def per_hit_cpu_s(self) -> float:
        """The same in seconds of processors, with Griffin-Lim on one."""
        return STEPS * self.step_cpu_s / self.at_once + self.griffin_lim_s


def measure_paper(folder: Path, device: torch.device, notes: list[str]) -> list[Paper]:
    """The shipped weights, one sound and a batch at a time, and the paper's own width without training.

    Time does not depend on the weights. Where there is no checkpoint, a note says so.
    """
    found: list[Paper] = []
    try:
        ddpm = load_ddpm(folder / NAME, device)
    except BadInput as error:
        notes.append(f"the paper's method as shipped was not measured: {error}")
    else:
        what = f"the paper's method as shipped ({describe_size(ddpm.network)})"
        found += [measure_size(ddpm.network, device, what, size) for size in (1, BATCH_SIZE.get(device.type, 1))]
    network = DdpmNetwork(DdpmConfig())
    what = f"the paper's method at its own size ({describe_size(network)}, untrained)"
    sizes = (1, BATCH_SIZE["cuda"]) if device.type == "cuda" else (1,)
    return found + [measure_size(network, device, what, size) for size in sizes]


def describe_size(network: DdpmNetwork) -> str:
    """The network's width, patch and parameters."""
    config = network.config
    patch = "" if config.patch == (1, 1) else f", patches of {config.patch[0]} x {config.patch[1]}"
    return f"base {config.base}{patch}, {count_parameters(network) / 1e6:.1f} M parameters"


def measure_size(network: DdpmNetwork, device: torch.device, what: str, at_once: int) -> Paper:
    """Time some steps of one batch and one sound's Griffin-Lim."""
    steps = STEPS_TIMED.get(device.type, 10)
    full = network.config.base == PAPER_BASE and network.config.patch == (1, 1)
    say(f"{what}, {at_once} at once, {steps} of {STEPS} steps on the {device.type.upper()}")
    ddpm = Ddpm(network, "", device, steps=steps)
    physics = make_physics(at_once)
    seeds = list(range(at_once))
    warm = Ddpm(network, "", device, steps=1)
    warm.sample_spectrograms(physics, seeds)
    taken = measure(lambda: ddpm.sample_spectrograms(physics, seeds), device)
    spectrogram = np.linspace(0.2, -1.0, BINS, dtype=np.float32)[:, None].repeat(44, axis=1)
    invert_spectrogram(spectrogram, 0)
    last = measure_best(lambda: invert_spectrogram(spectrogram, 1), torch.device("cpu"), 2)
    dtype = "bfloat16" if ddpm.bfloat16 else "float32"
    return Paper(what, full, device.type, dtype, at_once, steps, taken.wall_s / steps, taken.cpu_s / steps, last.wall_s)


def make_physics(count: int) -> DdpmPhysics:
    """Hits that ring and hiss, all alike."""

    def repeat(values: np.ndarray) -> np.ndarray:
        return np.tile(values.astype(np.float32), (count, 1))

    bins, bands = np.arange(BINS), np.ones(BANDS)
    return DdpmPhysics(
        repeat(bin_centres_hz()),
        repeat(-60.0 * bins / BINS),
        repeat(0.2 - 0.15 * bins / BINS),
        repeat(0.1 * bands),
        repeat(0.1 * bands),
        np.ones(count, np.float32),
    )
