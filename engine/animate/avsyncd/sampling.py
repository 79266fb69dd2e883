"""Films by AVSyncD: pseudo linear multistep sampling (Liu et al., ICLR 2022) with guidance by the sound; chaining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from engine.animate.avsyncd import hearing
from engine.animate.avsyncd.autoencoder import Autoencoder
from engine.animate.avsyncd.hearing import AudioTransformer
from engine.animate.avsyncd.unet import FilmUNet, Told

FRAMES, FRAME_RATE = 12, 6
STEPS = 50
GUIDANCE = 4.0
_TRAINED_STEPS, _FIRST_BETA, _LAST_BETA = 1000, 0.00085, 0.012
_ADAMS_BASHFORTH = ((1.0,), (1.5, -0.5), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Weights of the last estimates, the newest first, by how many there are."""


@dataclass(frozen=True, eq=False)
class AVSyncD:
    """The networks, the texts by name [N, text], and rows and columns of the pictures they were trained for."""

    unet: FilmUNet
    autoencoder: Autoencoder
    sound: AudioTransformer
    texts: dict[str, torch.Tensor]
    size: tuple[int, int] = (256, 256)


@dataclass(frozen=True)
class FilmOptions:
    """``guidance`` 1 follows the sound as learnt, more exaggerates it."""

    text: str
    seed: int = 0
    guidance: float = GUIDANCE
    steps: int = STEPS


@torch.inference_mode()
def generate_film(
    network: AVSyncD,
    still: np.ndarray,
    samples: np.ndarray,
    options: FilmOptions,
    on_progress: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Frames uint8 [F, H, W, 3] at FRAME_RATE of a still uint8 [H, W, 3] and a mono sound [N] at ``hearing.RATE_HZ``.

    Each two seconds begin with the last frame of those before. ``on_progress`` hears the share that is done and may
    raise to stop.
    """
    device = next(network.unet.parameters()).device
    random = torch.Generator().manual_seed(options.seed)
    span = round(hearing.DURATION_S * hearing.RATE_HZ)
    parts = max(1, -(-len(samples) // span))
    picture = torch.from_numpy(still.copy()).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1.0
    shown: list[torch.Tensor] = []
    for part in range(parts):
        heard = np.zeros(span, np.float32)
        piece = samples[part * span : (part + 1) * span]
        heard[: len(piece)] = piece

        def tell(share: float, done: int = part) -> None:
            on_progress((done + share) / parts)

        film = _generate_part(network, picture, heard, options, random, tell)
        picture = film[-1:]
        shown.append(film)
    frames = torch.cat(shown)
    return np.asarray(((frames + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def _generate_part(
    network: AVSyncD,
    picture: torch.Tensor,
    samples: np.ndarray,
    options: FilmOptions,
    random: torch.Generator,
    on_progress: Callable[[float], None],
) -> torch.Tensor:
    """Frames [FRAMES, 3, H, W] from -1 to 1, the first of which is the picture, as the autoencoder returns it."""
    device = picture.device
    told = _tell(network, samples, options, device)
    scale = network.autoencoder.reduction
    latent = network.autoencoder.post_quant_conv.in_channels
    size = picture.shape[2] // scale, picture.shape[3] // scale
    noise = torch.randn(1, latent, *size, generator=random).to(device)
    first = network.autoencoder.encode(picture, noise)[:, :, None]
    film = torch.randn(1, latent, FRAMES - 1, *size, generator=random).to(device)
    guided = len(told.sound) == 2

    def estimate(now: torch.Tensor, step: int) -> torch.Tensor:
        whole = torch.cat((first, now), dim=2).expand(len(told.sound), -1, -1, -1, -1)
        found = network.unet(whole, torch.full((len(whole),), step, device=device), told)[:, :, 1:]
        return torch.lerp(found[:1], found[1:], options.guidance) if guided else found

    film = sample_multistep(estimate, film, options.steps, on_progress)
    latents = torch.cat((first, film), dim=2)[0].transpose(0, 1)
    return torch.cat([network.autoencoder.decode(latents[k : k + 1]) for k in range(FRAMES)]).clamp(-1.0, 1.0)


def _tell(network: AVSyncD, samples: np.ndarray, options: FilmOptions, device: torch.device) -> Told:
    """What the denoiser is told; with guidance first without the sound, which is a spectrogram of zeros, then with."""
    spectrograms = hearing.make_spectrogram(samples)[None].to(device)
    if options.guidance > 1.0:
        spectrograms = torch.cat((torch.zeros_like(spectrograms), spectrograms))
    text = network.texts[options.text].to(device)[None].expand(len(spectrograms), -1, -1)
    return Told(text, network.sound(spectrograms), hearing.make_windows(FRAMES).to(device))


def sample_multistep(
    estimate: Callable[[torch.Tensor, int], torch.Tensor],
    noisy: torch.Tensor,
    steps: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> torch.Tensor:
    """The clean value of ``noisy`` by an estimate of its noise at each step, in ``steps`` + 1 estimates.

    Algorithm 2 of the paper with Heun's second estimate at the beginning, and the fourth order of Adams and Bashforth
    once there are enough of them; of the schedule that Stable Diffusion was trained with.
    """
    betas = torch.linspace(_FIRST_BETA**0.5, _LAST_BETA**0.5, _TRAINED_STEPS, dtype=torch.float64) ** 2
    kept = torch.cumprod(1.0 - betas, dim=0).tolist()
    stride = _TRAINED_STEPS // steps
    times = [k * stride + 1 for k in range(steps)][::-1]
    found: list[torch.Tensor] = []
    for number, time in enumerate(times):
        noise = estimate(noisy, time)
        then = time - stride
        if number == 0:
            # Heun: the same step once more with the mean of the noise at its two ends
            there = _move(noisy, noise, kept[time], kept[max(0, then)])
            noise_there = estimate(there, then)
            found.append(noise)
            mean = 0.5 * (noise + noise_there)
            noisy = _move(noisy, mean, kept[time], kept[max(0, then)])
            on_progress(2 / (steps + 1))
            continue
        found = [*found[-3:], noise]
        weights = _ADAMS_BASHFORTH[len(found) - 1]
        mixed = torch.zeros_like(noise)
        for weight, one in zip(weights, reversed(found), strict=True):
            mixed = mixed + weight * one
        noisy = _move(noisy, mixed, kept[time], kept[max(0, then)])
        on_progress((number + 2) / (steps + 1))
    return noisy


def _move(value: torch.Tensor, noise: torch.Tensor, kept: float, then: float) -> torch.Tensor:
    """Equation 11 of the paper: from a share ``kept`` of the signal's power to another, along an estimate of noise."""
    denominator = kept * (1.0 - then) ** 0.5 + (kept * (1.0 - kept) * then) ** 0.5
    return (then / kept) ** 0.5 * value - (then - kept) / denominator * noise
