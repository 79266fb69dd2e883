"""Generate a waveform from modal parameters and a seed."""

from __future__ import annotations

import contextlib
import copy
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from engine.core.device import prefers_bfloat16
from engine.core.threads import one_blas_thread
from engine.core.units import SAMPLE_RATE_HZ
from engine.diffusion.batched import BatchedNetwork
from engine.diffusion.captured import CapturedNetwork, Velocity
from engine.diffusion.checkpoint import load_velocity_network
from engine.diffusion.conditioning import encode_contexts, encode_details
from engine.diffusion.excess import limit_excess
from engine.diffusion.interpolant import draw_prior, make_denoise
from engine.diffusion.mode_correction import correct_modes
from engine.diffusion.prior import assemble_condition, count_frames, draw_noise, expect_parts
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

BATCH_SIZES = {"cuda": (8,), "mps": (4,)}
"""Sizes of batches on a device, by default 1. Smaller ones are padded: a hit never depends on its batch mates."""
BFLOAT16_CPU_BATCHES = (8, 4, 2, 1)
"""Sizes on a CPU with bfloat16, so that none is padded: there each hit gets the bits that it gets alone."""

BATCHES_AHEAD = 3
"""Batches whose hits are begun on the CPU while another device samples the first of them: 24 hits on a CUDA device."""

T = TypeVar("T")


class Sampler:
    """A trained network on a device; ``digest`` names its content.

    ``velocity`` evaluates the network: it, or its captured graph. Where the device fails, out of memory or by its
    driver, sampling continues on the CPU; ``trouble`` is the reason.
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
        wraps: dict[str, Callable[[Velocity], Velocity]] = {"cuda": CapturedNetwork, "cpu": BatchedNetwork}
        self.velocity = wraps[device.type](self.network) if device.type in wraps else self.network
        self.device = device

    @property
    def batches(self) -> tuple[int, ...]:
        """Sizes of the batches in which hits are sampled, falling."""
        if self.device.type == "cpu" and self.bfloat16:
            return BFLOAT16_CPU_BATCHES
        return BATCH_SIZES.get(self.device.type, (1,))

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
        with one_blas_thread():
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
        finished: list[Callable[[], np.ndarray] | None] = [None] * total
        done = 0
        batches = list(split_batches(physics, self.batches))
        starts: list[list[Callable[[], HitStart]]] = []
        with open_workers(self.device) as workers:
            ahead = 1 if workers is None else BATCHES_AHEAD
            for number, (_, batch) in enumerate(batches):
                for frames, own in batches[len(starts) : number + ahead]:
                    starts.append([run_beside(workers, draw_start, physics[i], frames, seeds[i]) for i in own])

                def report(_: int, done: int = done) -> None:
                    if on_step is not None:
                        on_step(done, total)

                start = HitStart.join([drawn() for drawn in starts[number]])
                starts[number] = []
                waves = self._sample_batch(
                    start,
                    encode_contexts([known[i] for i in batch]),
                    encode_details([given[i] for i in batch]),
                    steps,
                    guidance,
                    report,
                )
                for i, wave, modal in zip(batch, *waves, strict=True):
                    finished[i] = run_beside(workers, finish_hit, wave, modal, physics[i], seeds[i])
                done += len(batch)
                report(steps, done)
            return [finish() for finish in finished if finish is not None]

    def _sample_batch(
        self,
        start: HitStart,
        context: torch.Tensor,
        detail: torch.Tensor,
        steps: int,
        guidance: float,
        report: Callable[[int], None],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Waves of a batch and of their modes alone, [B, samples]; the batch is padded to the device's size."""
        count = len(context)
        size = min(size for size in self.batches if size >= count)

        def place(values: torch.Tensor) -> torch.Tensor:
            given = values.to(self.device)
            return given if count == size else torch.cat((given, given[-1:].expand(size - count, *given.shape[1:])))

        with torch.no_grad():
            condition = assemble_condition(place(start.modal), place(start.noise_power))
            denoise = make_denoise(self.velocity, condition, guidance, self.bfloat16, place(context), place(detail))
            prior = draw_prior(condition.mean, place(start.noise) / condition.expected, place(start.white))
            deviation = sample(denoise, prior, angle_schedule(steps), report)
            sounds = invert_spectrogram(condition.expected, condition.mean + deviation, limit_excess)
            modal = invert_spectrogram(condition.expected, condition.mean)
            return sounds[:count].cpu().numpy(), modal[:count].cpu().numpy()


@dataclass(frozen=True)
class HitStart:
    """What sampling begins with, of each hit alone, [B, BINS, T]: spectrograms of modes, of a draw of the noise and of
    white noise, complex; expected power of the noise."""

    modal: torch.Tensor
    noise_power: torch.Tensor
    noise: torch.Tensor
    white: torch.Tensor

    @classmethod
    def join(cls, starts: Sequence[HitStart]) -> HitStart:
        """Those of several hits as one."""
        names = ("modal", "noise_power", "noise", "white")
        return cls(*(torch.cat([getattr(start, name) for start in starts]) for name in names))


def split_batches(physics: Sequence[tuple[Modes, Residual]], sizes: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Numbers of frames, and indices of hits that need so many, as many as the largest of some falling ``sizes``.

    The longest come first: beside a device they are finished on the CPU while it samples the others. The last batch of
    a number of frames may have fewer than the smallest size.
    """
    needed = [count_frames(*hit) for hit in physics]
    for frames in reversed(FRAME_COUNTS):
        members = [i for i, count in enumerate(needed) if count == frames]
        while members:
            size = next((size for size in sizes if size <= len(members)), sizes[-1])
            yield frames, members[:size]
            members = members[size:]


@contextlib.contextmanager
def open_workers(device: torch.device) -> Iterator[ThreadPoolExecutor | None]:
    """Threads for the work of each hit beside another device; none on the CPU, which the network needs.

    PyTorch would start as many threads again for each of them as there are cores, which would all wait for one another.
    """
    if device.type == "cpu":
        yield None
        return
    with _one_thread, ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="sampler") as workers:
        yield workers


class OneThread:
    """A context with one of PyTorch's threads, for those that are started in it; the usual number is kept for after it.

    Several may be in it at once: the usual number is that before the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside, self._usual = 0, 1

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._usual = torch.get_num_threads()
            self._inside += 1
            torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            torch.set_num_threads(self._usual)


_one_thread = OneThread()


def run_beside(workers: ThreadPoolExecutor | None, work: Callable[..., T], *given: Any) -> Callable[[], T]:
    """Do work meanwhile, or at once where there are no workers; call what is returned for the result."""
    if workers is not None:
        return workers.submit(work, *given).result
    result = work(*given)
    return lambda: result


def draw_start(hit: tuple[Modes, Residual], frames: int, seed: int) -> HitStart:
    """What the sampling of a hit begins with, from its own seed, on the CPU whatever the device."""
    with torch.no_grad():
        modal, noise_power = expect_parts([hit], frames, "cpu")
        noise = wave_to_spectrogram(torch.from_numpy(draw_noise(hit[1], frames, int(seed))[None]))
        white = draw_white(1, frames, torch.Generator().manual_seed(int(seed)))
    return HitStart(modal, noise_power, noise, white)


def finish_hit(wave: np.ndarray, modal: np.ndarray, hit: tuple[Modes, Residual], seed: int) -> np.ndarray:
    """The sound of a hit from its sampled window [N] and its modes there: modes exact, its rise, its tail."""
    modes, residual = hit
    rest = correct_modes(remove_drift((wave - modal)[None])[0], modes, residual)
    rising = math.ceil(residual.rise_s * SAMPLE_RATE_HZ)  # shorter than a frame can show
    rest[:rising] *= rise_gain(np.arange(rising) / SAMPLE_RATE_HZ, residual.rise_s)
    return extend_tail(modal + rest, modes, residual, seed=seed)


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


def invert_spectrogram(
    expected: torch.Tensor,
    spectrogram: torch.Tensor,
    change: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = lambda values, _: values,
) -> torch.Tensor:
    """Waves [B, samples] from the onset on, silent before it; on a CPU one by one, as each comes alone.

    ``change`` is applied to the bins, complex in units of the ``expected`` magnitude, and to that.
    """
    size = 1 if spectrogram.device.type == "cpu" else len(spectrogram)
    parts = zip(expected.split(size), spectrogram.split(size), strict=True)
    wave = torch.cat([spectrogram_to_wave(change(expand(own), level) * level) for level, own in parts])
    return wave[:, ONSET_SAMPLE : wave.shape[-1] - N_FFT // 2]
