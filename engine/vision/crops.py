"""The network's input for one hit: small gray frames of the whole picture, and colour crops at the contact.

The span is that of Su et al., CVPR 2023: 11 frames at 29.97 Hz before the onset and 11 from it on, but measured in
seconds, so that it does not depend on a clip's frame rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

FRAME_S = 1001 / 30000
BEFORE, AFTER = 11, 11
"""The span: [onset - BEFORE, onset + AFTER) frames of FRAME_S."""

WIDE_STEPS = tuple(range(-BEFORE, AFTER, 2))
"""Gray frames for locating the contact, in frames from the onset: every other one of the span."""
NEAR_STEPS = (-11, 0, 8)
"""Colour frames for recognising the object: striker away, at the contact, and away again."""

WIDE_ROWS, WIDE_COLUMNS = 36, 64
NEAR_ROWS = 224
"""Rows of the colour frames that crops are taken from."""
CROP = 64
"""Pixels of a crop's side."""
SCALES = (0.4, 0.95)
"""Sides of the two crops as shares of the picture's shorter side: the object, and its surroundings."""


@dataclass(frozen=True, eq=False)
class Views:
    """Frames around one hit: ``wide`` uint8 [W, WIDE_ROWS, WIDE_COLUMNS] gray, ``near`` uint8 [N, H, W, 3]."""

    time_s: float
    wide: np.ndarray
    near: np.ndarray


def gather_views(
    frames: Iterable[tuple[float, np.ndarray]],
    times_s: Sequence[float],
    wide_steps: Sequence[int] = WIDE_STEPS,
    near_steps: Sequence[int] = NEAR_STEPS,
) -> Iterator[Views]:
    """Views of every hit at ``times_s`` (ascending), each yielded as soon as its last frame has been read.

    ``frames`` are pairs of time in s and colour frame, uint8 [H, W, 3], in order of time. Each step takes the frame
    nearest in time; beyond the ends of the clip its first or last frame is repeated. Only frames of unfinished hits are
    held in memory. A clip without frames yields nothing.
    """
    waiting = [_Pending(time_s, wide_steps, near_steps) for time_s in times_s]
    last: tuple[float, np.ndarray] | None = None
    first = 0
    for time_s, frame in frames:
        here = (time_s, frame)
        shrunk: dict[float, np.ndarray] = {}
        for pending in waiting[first:]:
            if not pending.offer(last, here, shrunk):
                break
        while first < len(waiting) and waiting[first].complete:
            yield waiting[first].finish()
            first += 1
        last = here
    if last is not None:
        for pending in waiting[first:]:
            pending.offer(last, (float("inf"), last[1]), {})
            yield pending.finish()


class _Pending:
    """A hit whose frames are still being gathered."""

    def __init__(self, time_s: float, wide_steps: Sequence[int], near_steps: Sequence[int]) -> None:
        self.time_s = time_s
        steps = [(step, True) for step in wide_steps] + [(step, False) for step in near_steps]
        self.targets = sorted((time_s + step * FRAME_S, wide) for step, wide in steps)
        self.found: list[np.ndarray] = []

    @property
    def complete(self) -> bool:
        return len(self.found) == len(self.targets)

    def offer(
        self, last: tuple[float, np.ndarray] | None, here: tuple[float, np.ndarray], shrunk: dict[float, np.ndarray]
    ) -> bool:
        """Take the steps nearest to one of two successive frames; False where all steps lie later than both."""
        while not self.complete and self.targets[len(self.found)][0] <= here[0]:
            target_s, wide = self.targets[len(self.found)]
            nearer = here if last is None or here[0] - target_s < target_s - last[0] else last
            if wide and nearer[0] not in shrunk:
                shrunk[nearer[0]] = shrink_gray(nearer[1])
            self.found.append(shrunk[nearer[0]] if wide else nearer[1])
        return bool(self.found)

    def finish(self) -> Views:
        both = list(zip(self.targets, self.found, strict=True))
        wide = np.stack([frame for (_, is_wide), frame in both if is_wide])
        near = np.stack([frame for (_, is_wide), frame in both if not is_wide])
        self.found = []
        return Views(self.time_s, wide, near)


def shrink_gray(frame: np.ndarray) -> np.ndarray:
    """A colour frame uint8 [H, W, 3] as gray uint8 [WIDE_ROWS, WIDE_COLUMNS], by area averaging."""
    gray = torch.from_numpy(frame @ np.asarray((0.299, 0.587, 0.114), np.float32))
    small = F.interpolate(gray[None, None], (WIDE_ROWS, WIDE_COLUMNS), mode="area")[0, 0]
    return small.round().clamp(0, 255).to(torch.uint8).numpy()


def cut_crops(
    near: torch.Tensor,
    contact: torch.Tensor,
    scales: torch.Tensor,
    rotation_rad: torch.Tensor | None = None,
    size: int = CROP,
) -> torch.Tensor:
    """Square crops around a contact: [B, N, 3, H, W] to [B, S, N, 3, size, size], padded with the picture's edge.

    ``contact`` [B, 2] is x and y as shares of width and height, ``scales`` [B, S] the sides as shares of the picture's
    shorter side (negative: mirrored), ``rotation_rad`` [B] rotates the crop. Bilinear, after area averaging.
    """
    batch, count, _, rows, columns = near.shape
    short = min(rows, columns)
    line = (torch.arange(size, device=near.device) + 0.5) / size * 2.0 - 1.0
    y, x = torch.meshgrid(line, line, indexing="ij")
    rotation = torch.zeros(batch, device=near.device) if rotation_rad is None else rotation_rad
    cos, sin = torch.cos(rotation)[:, None, None], torch.sin(rotation)[:, None, None]
    dx, dy = cos * x - sin * y, sin * x + cos * y
    crops = []
    for scale in scales.unbind(1):
        half = scale[:, None, None]
        gx = contact[:, 0, None, None] * 2.0 - 1.0 + dx * half * (short / columns)
        gy = contact[:, 1, None, None] * 2.0 - 1.0 + dy * half.abs() * (short / rows)
        grid = torch.stack((gx, gy), dim=-1)
        factor = max(1, int(float(scale.abs().mean()) * short / size))
        source = near.flatten(0, 1) if factor == 1 else F.avg_pool2d(near.flatten(0, 1), factor)
        spread = grid.repeat_interleave(count, dim=0)
        found = F.grid_sample(source, spread, mode="bilinear", padding_mode="border", align_corners=False)
        crops.append(found.view(batch, count, 3, size, size))
    return torch.stack(crops, dim=1)
