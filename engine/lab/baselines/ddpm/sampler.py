"""The paper's method as a baseline: a DDPM over log-magnitude spectrograms, 1000 steps, then Griffin-Lim.

After "Physics-driven diffusion models for impact sound synthesis" (Su et al., CVPR 2023), reimplemented: 0.25 s at
44.1 kHz, log(|S| + 1e-8) scaled to -1 to 1, physics latents, cosine schedule, noise prediction, ancestral sampling with
the picture clamped at every step. Without its visual condition: the corpus has sounds without pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.checkpoint import (
    CheckpointKind,
    build_config,
    digest_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from engine.diffusion.sampler import prefers_bfloat16
from engine.lab.baselines.ddpm.physics import BINS, HOP, LENGTH, RATE_HZ, WINDOW, DdpmPhysics, divide_by_peak
from engine.lab.baselines.ddpm.unet import FRAMES, DdpmConfig, DdpmNetwork, stack_features

DDPM = CheckpointKind("ddpm", version=1, remedy="choose another or train one with `launch.py train ddpm`")
STEPS = 1000
LOWEST_LOG, HIGHEST_LOG = -18.420681, 5.9540715
TINY = 1e-8
AT_ONCE = {"cpu": 4, "cuda": 64, "mps": 16}
"""Sounds of a batch a device; more only take more memory."""

Predict = Callable[[torch.Tensor, int], torch.Tensor]
"""(noisy pictures [B, 1, 1025, 44], step) -> the noise in them."""


@dataclass(frozen=True)
class Schedule:
    """What each of the steps needs, float64 [steps]: the signal's share of the power, and the way one step back.

    The step before is ``from_clean`` times the clean picture plus ``from_noisy`` times the noisy one, plus noise of
    the spread ``spread``.
    """

    signal: torch.Tensor
    from_clean: torch.Tensor
    from_noisy: torch.Tensor
    spread: torch.Tensor


def make_schedule(steps: int = STEPS, s: float = 0.008) -> Schedule:
    """The cosine schedule (Nichol and Dhariwal 2021), no step of over 0.999, and its posterior (Ho et al. 2020)."""
    angle = (torch.arange(steps + 1, dtype=torch.float64) / steps + s) / (1.0 + s) * (0.5 * math.pi)
    curve = torch.cos(angle).square()
    beta = (1.0 - curve[1:] / curve[:-1]).clamp(max=0.999)
    signal = torch.cumprod(1.0 - beta, dim=0)
    before = torch.cat((torch.ones(1, dtype=torch.float64), signal[:-1]))
    return Schedule(
        signal,
        before.sqrt() * beta / (1.0 - signal),
        (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - signal),
        (beta * (1.0 - before) / (1.0 - signal)).sqrt(),
    )


def add_noise(schedule: Schedule, clean: torch.Tensor, noise: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Pictures [B, ...] as they are at steps [B]."""
    signal = schedule.signal[step.cpu()].to(clean).reshape(-1, *[1] * (clean.ndim - 1))
    return signal.sqrt() * clean + (1.0 - signal).sqrt() * noise


def remove_noise(schedule: Schedule, noisy: torch.Tensor, noise: torch.Tensor, step: int) -> torch.Tensor:
    """The clean picture that a noisy one and the noise in it tell of."""
    signal = float(schedule.signal[step])
    return (noisy - math.sqrt(1.0 - signal) * noise) / math.sqrt(signal)


def run_chain(
    predict: Predict,
    start: torch.Tensor,
    schedule: Schedule,
    draw: Callable[[], torch.Tensor],
    on_step: Callable[[int], None] | None = None,
) -> torch.Tensor:
    """Clean pictures from noise, step by step from the last to the first; ``draw`` gives the noise that each adds."""
    x, steps = start, len(schedule.signal)
    for step in reversed(range(steps)):
        clean = remove_noise(schedule, x, predict(x, step), step).clamp(-1.0, 1.0)
        x = float(schedule.from_clean[step]) * clean + float(schedule.from_noisy[step]) * x
        if step > 0:
            x = x + float(schedule.spread[step]) * draw()
        if on_step is not None:
            on_step(steps - step)
    return x


def draw_pictures(seeds: Sequence[int]) -> Callable[[], torch.Tensor]:
    """White noise [B, 1, 1025, 44] at every call, each sound's from its own seed, on the CPU whatever the device."""
    generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    return lambda: torch.stack([torch.randn(1, BINS, FRAMES, generator=g) for g in generators])


def waves_to_pictures(waves: torch.Tensor) -> torch.Tensor:
    """log(|S| + 1e-8) of sounds [B, 11025] divided by their peaks, scaled to -1 to 1, [B, 1, 1025, 44]."""
    window = torch.hann_window(WINDOW, device=waves.device)
    spectrum = torch.stft(waves, WINDOW, HOP, WINDOW, window, pad_mode="constant", return_complex=True)
    level = (torch.log(spectrum.abs() + TINY) - LOWEST_LOG) / (HIGHEST_LOG - LOWEST_LOG)
    return (2.0 * level - 1.0).clamp(-1.0, 1.0)[:, None]


def picture_to_magnitude(picture: np.ndarray) -> np.ndarray:
    """|S| of a picture, of any shape."""
    magnitude: np.ndarray = np.exp(0.5 * (picture.astype(np.float64) + 1.0) * (HIGHEST_LOG - LOWEST_LOG) + LOWEST_LOG)
    return magnitude


def picture_to_wave(picture: np.ndarray, seed: int) -> np.ndarray:
    """A sound [11025] with the magnitudes of a picture [1025, 44]; Griffin-Lim finds its phases from a seeded start."""
    import librosa  # only here: it is slow to load

    magnitude = picture_to_magnitude(picture).astype(np.float32)
    wave: np.ndarray = librosa.griffinlim(
        magnitude, n_fft=WINDOW, hop_length=HOP, length=LENGTH, random_state=int(seed) % 2**32
    )
    return wave


class Ddpm:
    """A trained network on a device; ``digest`` names its content, ``steps`` is how often a sound asks the network."""

    def __init__(
        self,
        network: DdpmNetwork,
        digest: str,
        device: torch.device,
        steps: int = STEPS,
        bfloat16: bool | None = None,
    ) -> None:
        self.digest, self.device, self.steps = digest, device, steps
        self.rate_hz = RATE_HZ
        self.bfloat16 = prefers_bfloat16(device) if bfloat16 is None else bfloat16
        placed = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network: DdpmNetwork = placed.eval().requires_grad_(False)
        if self.bfloat16:
            self.network.use_bfloat16()
        self.schedule = make_schedule(steps)

    @torch.no_grad()
    def sample(
        self, physics: DdpmPhysics, seeds: Sequence[int], on_step: Callable[[int, int], None] | None = None
    ) -> list[np.ndarray]:
        """Sounds of hits, float32 [11025] at 44.1 kHz from the onset on, each at the peak that its physics names.

        ``on_step(done, total)`` hears how many steps of all batches are done and may raise to stop. The same physics
        and seed give the same sound, but for the rounding of batches of other sizes.
        """
        if len(seeds) != len(physics):
            raise ValueError(f"{len(physics)} hits need as many seeds, not {len(seeds)}")
        size = AT_ONCE.get(self.device.type, 1)
        starts = range(0, len(seeds), size)
        sounds: list[np.ndarray] = []
        for batch, start in enumerate(starts):
            rows = slice(start, start + size)

            def report(done: int, before: int = batch * self.steps) -> None:
                if on_step is not None:
                    on_step(before + done, len(starts) * self.steps)

            pictures = self.sample_pictures(physics.take(rows), seeds[rows], report)
            for picture, seed, peak in zip(pictures, seeds[rows], physics.peak[rows], strict=True):
                wave = divide_by_peak(picture_to_wave(picture, seed)) * float(peak)
                sounds.append(wave.astype(np.float32))
        return sounds

    @torch.no_grad()
    def sample_pictures(
        self, physics: DdpmPhysics, seeds: Sequence[int], on_step: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """One batch of pictures, float32 [B, 1025, 44]: what the network makes, before Griffin-Lim."""
        device, size = self.device, len(seeds)
        latent = self.network.encode(tuple(values.to(device) for values in stack_features(physics)))
        draw_white = draw_pictures(seeds)

        def predict(noisy: torch.Tensor, step: int) -> torch.Tensor:
            found: torch.Tensor = self.network(noisy, torch.full((size,), step, device=device), latent)
            return found

        def draw() -> torch.Tensor:
            return draw_white().to(device)

        return run_chain(predict, draw(), self.schedule, draw, on_step)[:, 0].cpu().numpy()


def save_ddpm(folder: Path, network: DdpmNetwork, training: dict[str, Any]) -> None:
    """Write weights in half precision and the configuration that they belong to, as files of a checkpoint folder."""
    config = {"network": asdict(network.config), "steps": STEPS, "training": training}
    write_checkpoint(folder, DDPM, network, torch.float16, config)


def load_ddpm(folder: Path, device: torch.device, bfloat16: bool | None = None) -> Ddpm:
    """The paper's method with the weights of a checkpoint; no code of it is executed.

    ``bfloat16``: whether to compute in half the bits; where not said, where that is faster.

    Raises BadInput, with the reason, for a checkpoint that is missing, damaged or of another kind.
    """
    network, _ = read_checkpoint(folder, DDPM, lambda config: DdpmNetwork(build_config(DdpmConfig, config["network"])))
    return Ddpm(network, digest_checkpoint(folder), device, bfloat16=bfloat16)
