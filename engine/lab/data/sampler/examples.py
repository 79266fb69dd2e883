"""Training examples of the sampler: compressed spectrogram of a hit and of its prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.core.units import SAMPLE_RATE_HZ
from engine.diffusion.conditioning import encode_contexts, encode_details, name_material
from engine.diffusion.prior import assemble_condition, count_frames, draw_noise, expect_parts
from engine.diffusion.spectrogram import BINS, FRAME_COUNTS, HOP, ONSET_SAMPLE, compress, wave_to_spectrogram
from engine.lab.data.sampler.hits import AnalysedHit
from engine.physics.detail import Detail
from engine.physics.model import Context

FULL = Detail()
_RANGE = 12.0
_CUT_SHARE, _CUT_SAMPLES = 3e-3, 480


@dataclass(frozen=True)
class Example:
    """``arrays`` [8, BINS, T] float16, the context, and the last frequency and frame that are valid."""

    arrays: np.ndarray
    context: Context
    fmax_hz: float
    end_frame: int
    detail: Detail = FULL


@dataclass(frozen=True)
class Batch:
    """Tensors of a training step: the sound's deviation, mean, sigma and level, the weight of every bin, the contexts,
    a draw of the prior's noise, complex [B, BINS, T], and the details."""

    deviation: torch.Tensor
    features: torch.Tensor
    weight: torch.Tensor
    context: torch.Tensor
    noise: torch.Tensor
    detail: torch.Tensor


def make_example(
    hits: Sequence[AnalysedHit], delays: Sequence[int] = (0,), seed: int = 0, detail: Detail | None = None
) -> Example:
    """The mixture of hits, each ``delays`` frames after the first, and their prior, which sets the length.

    Several objects leave material and velocity out; the seed draws the prior's noise. ``detail`` is the level to which
    the hits' physics was reduced.
    """
    wanted = max(count_frames(h.modes, h.residual) + d for h, d in zip(hits, delays, strict=True))
    frames = next((count for count in FRAME_COUNTS if wanted <= count), FRAME_COUNTS[-1])
    wave, end = np.zeros(frames * HOP, np.float32), frames
    modal = torch.zeros(1, BINS, frames, dtype=torch.complex64)
    noise, drawn = torch.zeros(1, BINS, frames), np.zeros(frames * HOP, np.float32)
    with torch.no_grad():
        for hit, delay in zip(hits, delays, strict=True):
            start = ONSET_SAMPLE + delay * HOP
            part = hit.samples[: max(0, wave.size - start)]
            wave[start : start + len(part)] += part
            tones, power = expect_parts([(hit.modes, hit.residual)], frames, "cpu")
            modal[..., delay:] += tones[..., : frames - delay]
            noise[..., delay:] += power[..., : frames - delay]
            drawn[delay * HOP :] += draw_noise(hit.residual, frames, seed + delay)[: wave.size - delay * HOP]
            if _is_cut(hit.samples, wave.size - start):
                end = min(end, (start + len(part)) // HOP - 2)
        condition = assemble_condition(modal, noise)
        sound = compress(wave_to_spectrogram(torch.from_numpy(wave)[None]) / condition.expected)
        draw = wave_to_spectrogram(torch.from_numpy(drawn)[None]) / condition.expected
        parts = (sound, condition.features, torch.stack((draw.real, draw.imag), dim=1))
        arrays = torch.cat(parts, dim=1)[0].clamp(-_RANGE, _RANGE).to(torch.float16).numpy()
    first = hits[0]
    known = Context(first.velocity_db, name_material(first.material)) if len(hits) == 1 else Context()
    return Example(arrays, known, min(hit.fmax_hz for hit in hits), max(end, 1), detail or FULL)


def _is_cut(samples: np.ndarray, room: int) -> bool:
    """Whether a file ends before its sound has decayed, so that the rest is unknown."""
    rms = float(np.sqrt(np.mean(np.square(samples)))) + 1e-12
    return len(samples) < room and float(np.sqrt(np.mean(np.square(samples[-_CUT_SAMPLES:])))) > _CUT_SHARE * rms


def make_batch(
    examples: Sequence[Example],
    device: torch.device,
    rng: np.random.Generator | None,
    stored: torch.Tensor | None = None,
) -> Batch:
    """Examples of one length as tensors; with ``rng``, sound and prior are turned by one random phase together, and the
    noise by another: as good a draw, with the same envelope. ``stored`` are their arrays where the device has them."""
    arrays = (torch.from_numpy(np.stack([e.arrays for e in examples])) if stored is None else stored).to(device).float()
    sound = torch.complex(arrays[:, 0], arrays[:, 1])
    mean = torch.complex(arrays[:, 2], arrays[:, 3])
    noise = torch.complex(arrays[:, 6], arrays[:, 7])
    if rng is not None:
        turn = torch.from_numpy(np.exp(2j * np.pi * rng.random(len(examples))).astype(np.complex64)).to(device)
        sound, mean = sound * turn[:, None, None], mean * turn[:, None, None]
        turn = torch.from_numpy(np.exp(2j * np.pi * rng.random(len(examples))).astype(np.complex64)).to(device)
        noise = noise * turn[:, None, None]
    sigma, level = arrays[:, 4:5], arrays[:, 5:6]
    mean_spectrogram = torch.stack((mean.real, mean.imag), 1)
    deviation = torch.stack((sound.real, sound.imag), 1) - mean_spectrogram
    # Bins 50 dB and more under the loudest one are hardly audible.
    weight = 0.04 + ((level - 0.1) / 0.35).clamp(0.0, 1.0)
    bin_hz = torch.arange(BINS, device=device) * (SAMPLE_RATE_HZ / 2 / (BINS - 1))
    known = bin_hz[None, :] <= torch.tensor([e.fmax_hz for e in examples], device=device)[:, None]
    frame = torch.arange(arrays.shape[-1], device=device)
    valid = frame[None, :] < torch.tensor([e.end_frame for e in examples], device=device)[:, None]
    weight = weight * known[:, None, :, None] * valid[:, None, None, :]
    context = encode_contexts([e.context for e in examples], device)
    detail = encode_details([e.detail for e in examples], device)
    return Batch(deviation, torch.cat((mean_spectrogram, sigma, level), 1), weight, context, noise, detail)
