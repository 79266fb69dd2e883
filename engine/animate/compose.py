"""Frames of an animated still: warped by the field, shifted by the camera, lit, with the striker over it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F

from engine.animate.motion import ASPECT, TRACK, Motion
from engine.animate.still import Canvas, Still
from engine.animate.striker import SHUTTER, SUBFRAMES, StrikerLook, draw_striker

_TIP, _GRIP = slice(TRACK.index("tip_x"), TRACK.index("tip_y") + 1), slice(TRACK.index("grip_x"), 4)
_LIGHT, _CAMERA = TRACK.index("light"), slice(TRACK.index("camera_x"), TRACK.index("camera_y") + 1)
_GAMMA = 2.2
_QUIET = 1e-4  # heights of the canvas: less is not seen
_COARSE = 4  # pixels a step in which the warp, which is smooth, is worked out


def compose_frames(
    still: Still, canvas: Canvas, place: tuple[float, float], motion: Motion, look: StrikerLook | None
) -> Iterator[np.ndarray]:
    """Yield a frame uint8 [H, W, 3] for each of a motion's; ``place`` is where it is struck, in pixels.

    The still is enlarged by as much as the camera moves, so that its edge is not seen.
    """
    picture = torch.from_numpy(still.pixels.astype(np.float32) / 255.0).permute(2, 0, 1)[None]
    base = _make_grid(still)
    margin = _find_margin(still, canvas, motion)
    for index in range(len(motion.track)):
        row = motion.track[index]
        shown = _warp(picture, base, still, canvas, motion.field[index], row[_CAMERA], margin)
        frame = shown * np.float32(2.0 ** (row[_LIGHT] / _GAMMA))
        if look is not None:
            _add_striker(frame, still, canvas, place, motion, index, look, margin)
        yield np.clip(np.rint(frame * 255.0), 0, 255).astype(np.uint8)


def _find_margin(still: Still, canvas: Canvas, motion: Motion) -> float:
    """Share by which the still is enlarged, for the furthest that the camera moves; at most a twentieth."""
    most = float(np.abs(motion.track[:, _CAMERA]).max(initial=0.0)) * canvas.scale
    return min(0.05, 2.0 * most / min(still.width, still.height))


def _make_grid(still: Still) -> torch.Tensor:
    """Centres of the pixels, [1, H, W, 2] from -1 to 1."""
    y = (torch.arange(still.height) + 0.5) / still.height * 2 - 1
    x = (torch.arange(still.width) + 0.5) / still.width * 2 - 1
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack((columns, rows), dim=-1)[None]


def _warp(
    picture: torch.Tensor,
    base: torch.Tensor,
    still: Still,
    canvas: Canvas,
    field: np.ndarray,
    camera: np.ndarray,
    margin: float,
) -> np.ndarray:
    """The still with every point moved by the field and seen by the camera, float32 [H, W, 3]."""
    to_unit = torch.tensor([2.0 * canvas.scale / still.width, 2.0 * canvas.scale / still.height])
    grid = base * (1.0 - margin) - to_unit * torch.from_numpy(np.asarray(camera, np.float32))
    if np.abs(field).max() > _QUIET:
        cells = torch.from_numpy(np.ascontiguousarray(field, np.float32))[None]
        cells = F.interpolate(cells, scale_factor=4, mode="bicubic", align_corners=False)
        coarse = F.interpolate(grid.permute(0, 3, 1, 2), scale_factor=1.0 / _COARSE, mode="area").permute(0, 2, 3, 1)
        at = coarse
        # What is seen at x came from x - u(y) with y where it came from, which a repetition finds well enough.
        for _ in range(3):
            moved = F.grid_sample(cells, _to_canvas(at, still, canvas), padding_mode="zeros", align_corners=False)
            at = coarse - to_unit * moved.permute(0, 2, 3, 1)
        change = F.interpolate((at - coarse).permute(0, 3, 1, 2), size=grid.shape[1:3], mode="bilinear")
        grid = grid + change.permute(0, 2, 3, 1)
    elif not margin and not np.any(camera):
        return np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy()).copy()
    shown = F.grid_sample(picture, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return np.ascontiguousarray(shown[0].permute(1, 2, 0).clamp(0, 1).numpy())


def _to_canvas(grid: torch.Tensor, still: Still, canvas: Canvas) -> torch.Tensor:
    """Places of the still, -1 to 1, as places of the canvas."""
    x = ((grid[..., 0] + 1) * 0.5 * still.width - canvas.left) / (canvas.scale * ASPECT) * 2 - 1
    y = ((grid[..., 1] + 1) * 0.5 * still.height - canvas.top) / canvas.scale * 2 - 1
    return torch.stack((x, y), dim=-1)


def _add_striker(
    frame: np.ndarray,
    still: Still,
    canvas: Canvas,
    place: tuple[float, float],
    motion: Motion,
    index: int,
    look: StrikerLook,
    margin: float,
) -> None:
    """Draw the striker over a frame in place, at several instants while the shutter is open."""
    last = len(motion.track) - 1
    instants = index + SHUTTER * ((np.arange(SUBFRAMES) + 0.5) / SUBFRAMES - 0.5)
    low = np.clip(np.floor(instants).astype(int), 0, max(0, last - 1))
    share = np.clip(instants - low, 0.0, 1.0)[:, None]
    rows = motion.track[low] * (1 - share) + motion.track[np.minimum(low + 1, last)] * share
    centre = np.array([0.5 * still.width, 0.5 * still.height])
    zoom = 1.0 / (1.0 - margin)
    seen = (np.asarray(place) - centre) * zoom + centre + canvas.scale * motion.track[index, _CAMERA]
    tips = seen + canvas.scale * rows[:, _TIP]
    grips = tips + canvas.scale * rows[:, _GRIP]
    drawn = draw_striker(frame.shape[:2], canvas.scale, tips, grips, look)
    if drawn is None:
        return
    across, down, color, cover = drawn
    part = frame[across, down]
    part += (color - part) * cover[..., None]


def measure_motion(frames: Iterator[np.ndarray]) -> np.ndarray:
    """Mean absolute change from the frame before, in levels, [N]; 0 for the first."""
    energy, before = [], None
    for frame in frames:
        gray = frame.astype(np.float32).mean(axis=2)
        energy.append(0.0 if before is None else float(np.abs(gray - before).mean()))
        before = gray
    return np.array(energy)
