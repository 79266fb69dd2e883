"""Generate a waveform from modal parameters and a seed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from engine.core.units import SAMPLE_RATE_HZ
from engine.diffusion.checkpoint import load_velocity_network
from engine.diffusion.conditioning import encode_contexts, encode_details
from engine.diffusion.interpolant import draw_prior, make_denoise
from engine.diffusion.mode_correction import correct_modes
from engine.diffusion.prior import Condition, build_condition, count_frames, draw_noise
from engine.diffusion.solver import angle_schedule, sample
from engine.diffusion.spectrogram import (
    FRAME_COUNTS,
    N_FFT,
    ONSET_SAMPLE,
    draw_white,
    expand,
    spectrogram_to_wave,
    wave_to_spectrogram,
)
from engine.diffusion.tail import extend_tail, remove_drift
from engine.diffusion.unet import VelocityNetwork
from engine.physics.detail import Detail
from engine.physics.model import Context, Modes, Residual
from engine.physics.noise import rise_gain

BATCH_SIZES = {"cpu": 1, "cuda": 8, "mps": 4}
"""Hits are sampled in padded batches of one fixed size a device: a hit never depends on its batch mates."""


class Sampler:
    """A trained network on a device; ``digest`` names its content.

    Where the device fails, out of memory or by its driver, sampling continues on the CPU; ``trouble`` is the reason.
    """

    def __init__(self, network: VelocityNetwork, digest: str, device: torch.device) -> None:
        self.digest = digest
        self.trouble = ""
        # What lies on a device cannot be fetched back once its driver has failed.
        self._spare = None if device.type == "cpu" else copy.deepcopy(network)
        try:
            self._place(network, device)
        except RuntimeError as error:
            self._fall_back(error, device)

    def _place(self, network: VelocityNetwork, device: torch.device) -> None:
        placed = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.bfloat16 = prefers_bfloat16(device)
        if self.bfloat16:  # once, where autocast would convert all weights at every step
            placed = placed.to(torch.bfloat16)
        self.network: VelocityNetwork = placed.eval().requires_grad_(False)
        self.device = device

    def _fall_back(self, error: RuntimeError, device: torch.device) -> None:
        """Continue on the CPU after an error of another device; an error of the CPU is raised again."""
        spare, self._spare = self._spare, None
        if spare is None:
            raise error
        why = "has too little free memory" if isinstance(error, torch.OutOfMemoryError) else "failed"
        self.trouble = f"the {device.type.upper()} device {why}, so sampling goes on on the CPU, more slowly"
        self._place(spare, torch.device("cpu"))

    def sample(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        steps: int = 4,
        guidance: float = 1.0,
        on_step: Callable[[int, int], None] | None = None,
        contexts: Sequence[Context] | None = None,
        details: Sequence[Detail] | None = None,
    ) -> list[np.ndarray]:
        """Sounds of hits, float32 mono at 48 kHz, sample 0 at the onset, rung out to the end.

        ``contexts``, one a hit, are the optional conditioning, ``details`` what their physics leaves out, by default
        nothing. ``on_step(done, total)`` is called with how many hits are
        finished after every step and may raise to stop. Same physics, seed, context and settings give the same sound
        whatever else is in the list, and on the CPU for any number of threads.
        """
        try:
            return self._sample(physics, seeds, steps, guidance, on_step, contexts, details)
        except RuntimeError as error:
            self._fall_back(error, self.device)
            return self._sample(physics, seeds, steps, guidance, on_step, contexts, details)

    def _sample(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        steps: int,
        guidance: float,
        on_step: Callable[[int, int], None] | None,
        contexts: Sequence[Context] | None,
        details: Sequence[Detail] | None,
    ) -> list[np.ndarray]:
        if self.device.type == "cpu":
            fix_thread_shares()
        total = len(physics)
        known = list(contexts) if contexts is not None else [Context()] * total
        given = list(details) if details is not None else [Detail()] * total
        sounds: list[np.ndarray | None] = [None] * total
        done = 0
        size = BATCH_SIZES.get(self.device.type, 1)
        for frames in FRAME_COUNTS:
            members = [i for i in range(total) if count_frames(*physics[i]) == frames]
            for start in range(0, len(members), size):
                batch = members[start : start + size]
                padded = batch + [batch[-1]] * (size - len(batch))

                def report(_: int, done: int = done) -> None:
                    if on_step is not None:
                        on_step(done, total)

                waves = self._sample_batch(
                    [physics[i] for i in padded],
                    [seeds[i] for i in padded],
                    [known[i] for i in padded],
                    [given[i] for i in padded],
                    frames,
                    steps,
                    guidance,
                    report,
                )
                for i, wave in zip(batch, waves, strict=False):
                    sounds[i] = extend_tail(wave, *physics[i], seed=seeds[i])
                done += len(batch)
                report(steps, done)
        return [sound for sound in sounds if sound is not None]

    def _sample_batch(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        contexts: Sequence[Context],
        details: Sequence[Detail],
        frames: int,
        steps: int,
        guidance: float,
        report: Callable[[int], None],
    ) -> np.ndarray:
        with torch.no_grad():
            condition = build_condition(physics, frames, self.device)
            context = encode_contexts(contexts, self.device)
            detail = encode_details(details, self.device)
            denoise = make_denoise(self.network, condition, guidance, self.bfloat16, context, detail)
            start = sample_prior(physics, seeds, condition)
            deviation = sample(denoise, start, angle_schedule(steps), report)
            spectrograms = (condition.mean + deviation, condition.mean)
            sounds, modal = (invert_spectrogram(condition, spectrogram).cpu().numpy() for spectrogram in spectrograms)
            rest = remove_drift(sounds - modal)
            for row, (modes, residual) in zip(rest, physics, strict=True):
                row[:] = correct_modes(row, modes, residual)
                rising = math.ceil(residual.rise_s * SAMPLE_RATE_HZ)  # shorter than a frame can show
                row[:rising] *= rise_gain(np.arange(rising) / SAMPLE_RATE_HZ, residual.rise_s)
            return modal + rest


def load_sampler(folder: Path | str, name: str, device: torch.device) -> Sampler:
    """The sampler of a checkpoint in a folder; BadInput, with the reason, if it cannot be used."""
    network, digest = load_velocity_network(Path(folder) / name)
    return Sampler(network, digest, device)


def fix_thread_shares() -> None:
    """Lower PyTorch's threads to a power of two, which divides every spectrogram into whole vectors.

    Elements left over after the last whole vector are computed by other instructions and may differ in the last bit.
    """
    threads = torch.get_num_threads()
    fitting = 1 << (threads.bit_length() - 1)
    if fitting != threads:
        torch.set_num_threads(fitting)


def prefers_bfloat16(device: torch.device) -> bool:
    """Whether half the bits are twice the speed here: CUDA, and CPUs with the instructions."""
    if device.type == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe and probe())
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def sample_prior(physics: Sequence[tuple[Modes, Residual]], seeds: Sequence[int], condition: Condition) -> torch.Tensor:
    """A draw of the prior for each hit, [B, 2, BINS, T], from the hit's own seed, on the CPU whatever the device."""
    frames, device = condition.mean.shape[-1], condition.mean.device
    pairs = list(zip(physics, seeds, strict=True))
    waves = np.stack([draw_noise(residual, frames, int(seed)) for (_, residual), seed in pairs])
    noise = wave_to_spectrogram(torch.from_numpy(waves)).to(device) / condition.expected
    white = torch.cat([draw_white(1, frames, torch.Generator().manual_seed(int(seed))) for seed in seeds])
    return draw_prior(condition.mean, noise, white.to(device))


def invert_spectrogram(condition: Condition, spectrogram: torch.Tensor) -> torch.Tensor:
    """Waves [B, samples] from the onset on, silent before it."""
    wave = spectrogram_to_wave(expand(spectrogram) * condition.expected)
    return wave[:, ONSET_SAMPLE : wave.shape[-1] - N_FFT // 2]
