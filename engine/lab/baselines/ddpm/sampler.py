"""Baseline: DDPM over log-magnitude spectrograms with 1000 ancestral steps, then Griffin-Lim.

Reimplements Su et al., "Physics-driven diffusion models for impact sound synthesis", CVPR 2023: 0.25 s at 44.1 kHz,
log(|S| + 1e-8) scaled to -1 to 1, physics latents, cosine schedule, noise prediction, ancestral sampling with the clean
estimate clamped at every step. Without its visual condition: the corpus has sounds without video.
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
from engine.core.device import prefers_bfloat16
from engine.lab.baselines.ddpm.drawing import FRAMES
from engine.lab.baselines.ddpm.physics import BINS, HOP, LENGTH, RATE_HZ, WINDOW, DdpmPhysics, divide_by_peak
from engine.lab.baselines.ddpm.unet import DdpmConfig, DdpmNetwork, stack_features

DDPM = CheckpointKind(
    "ddpm",
    version=1,
    remedy="choose another or train one with `launch.py train ddpm`",
    key_map={"shrink": "downsample", "grow": "upsample", "ask": "to_qkv", "answer": "to_out"},
)
STEPS = 1000
MIN_LOG, MAX_LOG = -18.420681, 5.9540715
LOG_EPSILON = 1e-8
LEAST_NOISE = 0.05
BATCH_SIZE = {"cpu": 4, "cuda": 64, "mps": 16}
"""Sounds in a batch on a device; more only take more memory."""

Predict = Callable[[torch.Tensor, int], torch.Tensor]
"""(noisy spectrograms [B, 1, 1025, 44], step) -> the noise in them."""


@dataclass(frozen=True)
class Schedule:
    """Coefficients of the diffusion process, float64 [steps].

    ``alpha_bar`` is the signal's share of the power. The posterior of the step before has the mean ``clean_weight``
    times the clean spectrogram plus ``noisy_weight`` times the noisy one, and the standard deviation ``sigma``.
    """

    alpha_bar: torch.Tensor
    clean_weight: torch.Tensor
    noisy_weight: torch.Tensor
    sigma: torch.Tensor


def make_schedule(steps: int = STEPS, s: float = 0.008) -> Schedule:
    """The cosine schedule (Nichol and Dhariwal 2021), betas at most 0.999, and its posterior (Ho et al. 2020)."""
    angle = (torch.arange(steps + 1, dtype=torch.float64) / steps + s) / (1.0 + s) * (0.5 * math.pi)
    curve = torch.cos(angle).square()
    beta = (1.0 - curve[1:] / curve[:-1]).clamp(max=0.999)
    alpha_bar = torch.cumprod(1.0 - beta, dim=0)
    before = torch.cat((torch.ones(1, dtype=torch.float64), alpha_bar[:-1]))
    return Schedule(
        alpha_bar,
        before.sqrt() * beta / (1.0 - alpha_bar),
        (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - alpha_bar),
        (beta * (1.0 - before) / (1.0 - alpha_bar)).sqrt(),
    )


def add_noise(schedule: Schedule, clean: torch.Tensor, noise: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Diffuse clean spectrograms [B, ...] to steps [B]."""
    of_clean, of_noise = _read_shares(schedule, step, clean)
    return of_clean * clean + of_noise * noise


def find_noise(schedule: Schedule, clean: torch.Tensor, noisy: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """The noise in noisy spectrograms [B, ...] of which the clean ones are known."""
    of_clean, of_noise = _read_shares(schedule, step, noisy)
    return (noisy - of_clean * clean) / of_noise


def weigh_clean(schedule: Schedule, like: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """By what errors of clean spectrograms [B, ...] become errors of velocity, [B, 1, ...] (Li and He 2025).

    One over the noise's amplitude, which counts as LEAST_NOISE at least.
    """
    return 1.0 / _read_shares(schedule, step, like)[1].clamp_min(LEAST_NOISE)


def _read_shares(schedule: Schedule, step: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Amplitudes of the clean spectrogram and of the noise at steps [B], [B, 1, ...]."""
    alpha_bar = schedule.alpha_bar[step.cpu()].to(like).reshape(-1, *[1] * (like.ndim - 1))
    return alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt()


def estimate_clean(schedule: Schedule, noisy: torch.Tensor, noise: torch.Tensor, step: int) -> torch.Tensor:
    """The clean spectrogram, given a noisy one and the noise in it."""
    alpha_bar = float(schedule.alpha_bar[step])
    return (noisy - math.sqrt(1.0 - alpha_bar) * noise) / math.sqrt(alpha_bar)


def run_ancestral_sampling(
    predict: Predict,
    start: torch.Tensor,
    schedule: Schedule,
    draw_noise: Callable[[], torch.Tensor],
    on_step: Callable[[int], None] | None = None,
) -> torch.Tensor:
    """Sample clean spectrograms from noise, last step to first (Ho et al. 2020, Algorithm 2).

    ``draw_noise`` gives the noise that each step adds; ``on_step`` is called with the number of steps done.
    """
    x, steps = start, len(schedule.alpha_bar)
    for step in reversed(range(steps)):
        clean = estimate_clean(schedule, x, predict(x, step), step).clamp(-1.0, 1.0)
        x = float(schedule.clean_weight[step]) * clean + float(schedule.noisy_weight[step]) * x
        if step > 0:
            x = x + float(schedule.sigma[step]) * draw_noise()
        if on_step is not None:
            on_step(steps - step)
    return x


def make_noise_source(seeds: Sequence[int]) -> Callable[[], torch.Tensor]:
    """A function that draws white noise [B, 1, 1025, 44], each sound's from its own seed, on the CPU."""
    generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    return lambda: torch.stack([torch.randn(1, BINS, FRAMES, generator=g) for g in generators])


def log_spectrogram(waves: torch.Tensor) -> torch.Tensor:
    """log(|S| + 1e-8) of sounds [B, 11025] divided by their peaks, scaled to -1 to 1, [B, 1, 1025, 44]."""
    window = torch.hann_window(WINDOW, device=waves.device)
    spectrum = torch.stft(waves, WINDOW, HOP, WINDOW, window, pad_mode="constant", return_complex=True)
    level = (torch.log(spectrum.abs() + LOG_EPSILON) - MIN_LOG) / (MAX_LOG - MIN_LOG)
    return (2.0 * level - 1.0).clamp(-1.0, 1.0)[:, None]


def expand_magnitude(log_magnitude: np.ndarray) -> np.ndarray:
    """|S| of a scaled log-magnitude spectrogram, of any shape."""
    level = 0.5 * (log_magnitude.astype(np.float64) + 1.0)
    magnitude: np.ndarray = np.exp(level * (MAX_LOG - MIN_LOG) + MIN_LOG)
    return magnitude


def invert_spectrogram(log_magnitude: np.ndarray, seed: int) -> np.ndarray:
    """Waveform [11025] of a log-magnitude spectrogram [1025, 44]: Griffin-Lim phases from a seeded start."""
    import librosa  # only here: it is slow to load

    magnitude = expand_magnitude(log_magnitude).astype(np.float32)
    wave: np.ndarray = librosa.griffinlim(
        magnitude, n_fft=WINDOW, hop_length=HOP, length=LENGTH, random_state=int(seed) % 2**32
    )
    return wave


class Ddpm:
    """A trained network on a device; ``digest`` identifies its weights, ``steps`` is the length of the chain."""

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
        """Sample the sounds of hits, float32 [11025] at 44.1 kHz from the onset on, at the peak of their physics.

        ``on_step(done, total)`` is called with the steps of all batches and may raise to stop. The same physics and
        seed give the same sound up to the rounding of batches of different sizes.
        """
        if len(seeds) != len(physics):
            raise ValueError(f"{len(physics)} hits need as many seeds, not {len(seeds)}")
        size = BATCH_SIZE.get(self.device.type, 1)
        starts = range(0, len(seeds), size)
        sounds: list[np.ndarray] = []
        for batch, start in enumerate(starts):
            rows = slice(start, start + size)

            def report(done: int, before: int = batch * self.steps) -> None:
                if on_step is not None:
                    on_step(before + done, len(starts) * self.steps)

            spectrograms = self.sample_spectrograms(physics.take(rows), seeds[rows], report)
            for spectrogram, seed, peak in zip(spectrograms, seeds[rows], physics.peak[rows], strict=True):
                wave = divide_by_peak(invert_spectrogram(spectrogram, seed)) * float(peak)
                sounds.append(wave.astype(np.float32))
        return sounds

    @torch.no_grad()
    def sample_spectrograms(
        self, physics: DdpmPhysics, seeds: Sequence[int], on_step: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Sample one batch of log-magnitude spectrograms, float32 [B, 1025, 44]."""
        device, size = self.device, len(seeds)
        latent = self.network.encode(tuple(values.to(device) for values in stack_features(physics)))
        drawing = self.network.draw(physics)
        drawing = None if drawing is None else drawing.to(device)
        noise_source = make_noise_source(seeds)

        def predict(noisy: torch.Tensor, step: int) -> torch.Tensor:
            steps = torch.full((size,), step, device=device)
            predicted: torch.Tensor = self.network(noisy, steps, latent, drawing)
            return find_noise(self.schedule, predicted, noisy, steps) if self.network.config.clean else predicted

        def draw_noise() -> torch.Tensor:
            return noise_source().to(device)

        return run_ancestral_sampling(predict, draw_noise(), self.schedule, draw_noise, on_step)[:, 0].cpu().numpy()


def save_ddpm(folder: Path, network: DdpmNetwork, training: dict[str, Any]) -> None:
    """Write weights in 8 bits and their configuration as a checkpoint folder."""
    config = {"network": asdict(network.config), "steps": STEPS, "training": training}
    write_checkpoint(folder, DDPM, network, torch.int8, config)


def load_ddpm(folder: Path, device: torch.device, bfloat16: bool | None = None) -> Ddpm:
    """Load a checkpoint onto a device; ``bfloat16`` None chooses half precision where that is faster.

    Raises BadInput, with the reason, for a checkpoint that is missing, damaged or of another kind.
    """
    network, _ = read_checkpoint(folder, DDPM, lambda config: DdpmNetwork(build_config(DdpmConfig, config["network"])))
    return Ddpm(network, digest_checkpoint(folder), device, bfloat16=bfloat16)
