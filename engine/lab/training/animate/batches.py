"""Windows of a pack's takes on the training device, with camera and light that answer the blows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from engine.animate.diffusion import Pair
from engine.animate.motion import RATE_HZ, WINDOW, draw_blows, draw_place, encode_sound
from engine.animate.network import Conditions
from engine.animate.swing import SWING
from engine.lab.data.animate.pack import MotionPack


@dataclass(frozen=True)
class AnswerConfig:
    """How camera and light answer a blow of full velocity, drawn between bounds; a handheld camera wanders besides."""

    jolt: tuple[float, float] = (0.002, 0.008)
    jolt_hz: tuple[float, float] = (5.0, 8.0)
    jolt_s: tuple[float, float] = (0.08, 0.16)
    light: tuple[float, float] = (0.03, 0.12)
    light_s: tuple[float, float] = (0.06, 0.18)
    wander: float = 0.004


@dataclass(frozen=True)
class BatchConfig:
    """Shares of windows without their sound, without its description, and with given motion before."""

    unheard: float = 0.15
    undescribed: float = 0.2
    continued: float = 0.6
    most_given: int = 16


@dataclass(frozen=True, eq=False)
class Trust:
    """What of a batch is known: channels of the track [B, len(TRACK), 1] and cells of the field [B, 1, 1, rows,
    columns], 1 or 0. Of film the striker's path is not known, nor is what hides behind it.
    """

    track: torch.Tensor
    cells: torch.Tensor


class Takes:
    """A pack on a device; ``draw`` makes batches of windows of it."""

    def __init__(self, pack: MotionPack, device: torch.device) -> None:
        def move(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        frames = pack.paths.shape[1]
        times_s = np.arange(frames) / RATE_HZ
        self.device, self.count, self.frames = device, len(pack), frames
        self.stills = move(pack.stills.transpose(0, 3, 1, 2))
        self.paths = move(pack.paths.astype(np.float32))
        self.patterns = move(pack.patterns)
        self.curves = move(pack.curves.astype(np.float32))
        self.places = move(np.stack([draw_place((float(x), float(y))) for x, y in pack.places]))
        self.mirrored = move(np.stack([draw_place((1.0 - float(x), float(y))) for x, y in pack.places]))
        self.features = move(np.stack([draw_blows(pack.list_blows(k), times_s) for k in range(len(pack))]))
        self.sounds = move(np.stack([encode_sound(pack.describe_sound(k)) for k in range(len(pack))]))
        self.known, self.filmed = move(pack.known), move(pack.filmed)
        self.answers = move(np.nan_to_num(pack.answers.astype(np.float32)))
        self.blows = move(np.nan_to_num(pack.blows, nan=1e6))

    def draw(
        self, rows: torch.Tensor, first: torch.Tensor, random: torch.Generator, config: BatchConfig
    ) -> tuple[Pair, Conditions, Trust]:
        """Motion of windows that begin at frames ``first`` [B] of takes ``rows`` [B], mirrored and recoloured at
        random, what it is to be generated from, both in the units of the pack, and what of it is known."""
        size, device = len(rows), self.device

        def chance(*shape: int) -> torch.Tensor:
            return torch.rand(size, *shape, generator=random, device=device)

        frames = first[:, None] + torch.arange(WINDOW, device=device)
        flip = torch.where(chance() < 0.5, -1.0, 1.0)
        paths = self.paths[rows[:, None], frames].clone()
        paths[..., 0] *= flip[:, None]
        paths[..., 2] *= flip[:, None]
        patterns = self.patterns[rows].float() / 127.0
        patterns = torch.where((flip < 0)[:, None, None, None, None], patterns.flip(-1), patterns)
        patterns[:, :, 0] *= flip[:, None, None, None]
        field = torch.einsum("bnk,bkcyx->bncyx", self.curves[rows[:, None], frames], patterns)
        drawn = self._answer(self.blows[rows], frames / RATE_HZ, chance)
        filmed = self.filmed[rows]
        seen = (
            self.answers[rows[:, None], frames]
            * torch.stack((torch.ones_like(flip), flip, torch.ones_like(flip)), 1)[:, None]
        )
        answer = torch.where(filmed[:, None, None], seen, drawn)
        known = self.known[rows].float()
        known = torch.where((flip < 0)[:, None, None], known.flip(-1), known)
        track = torch.cat((paths, answer), dim=2).transpose(1, 2)
        still = self.stills[rows].float() / 255.0
        still = torch.where((flip < 0)[:, None, None, None], still.flip(-1), still)
        still = still ** torch.exp(0.3 * (2 * chance(1, 1, 1) - 1)) * (0.7 + 0.6 * chance(3, 1, 1))
        still = 2 * still.clamp(0, 1) - 1
        place = torch.where((flip < 0)[:, None, None, None], self.mirrored[rows], self.places[rows])
        heard = (chance(1) >= config.unheard).float()
        described = heard * (chance(1) >= config.undescribed).float()
        count = torch.randint(1, config.most_given + 1, (size, 1), generator=random, device=device)
        count = torch.where(chance(1) < config.continued, count, 0)
        given = (torch.arange(WINDOW, device=device) < count).float()[:, None]
        features = self.features[rows[:, None], :, frames].transpose(1, 2) * heard[:, :, None]
        conditions = Conditions(
            still, place, features, self.sounds[rows] * described, heard, given, track * given,
            field * given.transpose(1, 2)[..., None, None],
        )  # fmt: skip
        channels = torch.ones(size, track.shape[1], 1, device=device)
        channels[:, :SWING, 0] = 1.0 - filmed.float()[:, None]
        return (track, field), conditions, Trust(channels, known[:, None, None])

    def _answer(self, blows: torch.Tensor, times_s: torch.Tensor, chance) -> torch.Tensor:  # type: ignore[no-untyped-def]
        """Light and camera [B, N, 3] that answer blows [B, M, 2] at times [B, N]."""
        config = AnswerConfig()

        def pick(span: tuple[float, float]) -> torch.Tensor:
            return span[0] + (span[1] - span[0]) * chance(1, 1)

        since_s = times_s[:, :, None] - blows[:, None, :, 0]
        force = torch.where(since_s >= 0, blows[:, None, :, 1], 0.0)
        since_s = since_s.clamp(0.0, 9.0)
        light = (force * torch.exp(-since_s / pick(config.light_s))).sum(dim=2) * pick(config.light)[:, 0]
        swing = torch.exp(-since_s / pick(config.jolt_s)) * torch.sin(2 * math.pi * pick(config.jolt_hz) * since_s)
        jolt = (force * swing).sum(dim=2) * pick(config.jolt)[:, 0]
        lean = 0.5 * (2 * chance(1) - 1)
        rates, phases = 0.2 + 0.8 * chance(2, 3), 2 * math.pi * chance(2, 3)
        waves = torch.sin(2 * math.pi * rates[:, None] * times_s[:, :, None, None] + phases[:, None]).mean(dim=3)
        wander = config.wander * chance(1, 1) * torch.where(chance(1, 1) < 0.5, 0.0, 1.0) * waves
        return torch.stack((light, lean * jolt + wander[..., 0], jolt + wander[..., 1]), dim=2)
