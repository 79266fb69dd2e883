"""The striker as a layer: a beater that is drawn along its path, blurred by its motion, with its shadow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SUBFRAMES = 5
SHUTTER = 0.5
"""Share of a frame for which the shutter is open."""


@dataclass(frozen=True)
class StrikerLook:
    """A beater: colours (RGB, 0 to 1) of shaft and head; half widths of the shaft's ends and the head's radius, in
    heights of the canvas; how far beyond its grip the shaft goes on, in lengths of it.
    """

    shaft: tuple[float, float, float] = (0.62, 0.42, 0.24)
    head: tuple[float, float, float] = (0.72, 0.52, 0.32)
    tip_half: float = 0.011
    grip_half: float = 0.017
    head_radius: float = 0.019
    beyond: float = 1.2


LOOKS: dict[str, StrikerLook | None] = {
    "stick": StrikerLook(),
    "mallet": StrikerLook(head=(0.75, 0.18, 0.15), head_radius=0.036, tip_half=0.008, grip_half=0.012),
    "hammer": StrikerLook(head=(0.30, 0.31, 0.34), head_radius=0.042, tip_half=0.012, grip_half=0.018),
    "none": None,
}
"""Strikers by name; ``none`` leaves the still's own."""


def draw_striker(
    size: tuple[int, int], scale: float, tips: np.ndarray, grips: np.ndarray, look: StrikerLook
) -> tuple[slice, slice, np.ndarray, np.ndarray] | None:
    """The part of a picture of (height, width) that a beater covers, its colour [h, w, 3] and its cover [h, w].

    ``tips`` and ``grips`` [K, 2] are ends in pixels at K instants of one frame, which are averaged; ``scale`` is the
    canvas' height in pixels. None where it is out of the picture.
    """
    ends = tips + (1.0 + look.beyond) * (grips - tips)
    reach = scale * (max(look.head_radius, look.grip_half * (1 + look.beyond)) + 0.01)
    corners = np.concatenate((tips, ends))
    low = np.maximum(np.floor(corners.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0) + reach), (size[1], size[0])).astype(int)
    if (high <= low).any():
        return None
    columns, rows = slice(low[0], high[0]), slice(low[1], high[1])
    y, x = np.mgrid[rows, columns].astype(np.float32)
    color = np.zeros((*x.shape, 3), np.float32)
    cover = np.zeros(x.shape, np.float32)
    for tip, end in zip(tips, ends, strict=True):
        part, mask = _draw_once(x + 0.5, y + 0.5, tip, end, scale, look)
        color += part * mask[..., None]
        cover += mask
    color /= np.maximum(cover, 1e-6)[..., None]
    return rows, columns, color, cover / len(tips)


def _draw_once(
    x: np.ndarray, y: np.ndarray, tip: np.ndarray, end: np.ndarray, scale: float, look: StrikerLook
) -> tuple[np.ndarray, np.ndarray]:
    """Colour and cover of a beater from tip to end: a tapered round shaft and a round head, lit from the upper left."""
    along = end - tip
    length = max(float(np.hypot(*along)), 1e-3)
    unit = along / length
    dx, dy = x - np.float32(tip[0]), y - np.float32(tip[1])
    run = np.clip(dx * unit[0] + dy * unit[1], 0.0, length).astype(np.float32)
    side = dy * unit[0] - dx * unit[1]
    off = np.hypot(dx - run * unit[0], dy - run * unit[1])
    half = scale * (look.tip_half + (look.grip_half - look.tip_half) * run / length * (1 + look.beyond))
    shaft = np.clip(half - off + 0.5, 0.0, 1.0)
    upper = np.sign(unit[0] * 0.9 - unit[1] * 0.4) or 1.0
    round_side = np.clip(-upper * side / np.maximum(half, 1e-3), -1.0, 1.0)
    shade = 0.42 + 0.58 * np.sqrt(np.clip(1 - round_side**2, 0, 1)) + 0.22 * round_side
    gleam = 0.35 * np.exp(-(((round_side - 0.45) / 0.18) ** 2))
    color = np.asarray(look.shaft, np.float32) * shade[..., None] + gleam[..., None]
    radius = scale * look.head_radius
    # The head lies behind its striking point, so that it touches the place and does not cover it.
    hx, hy = (dx - unit[0] * 0.8 * radius) / radius, (dy - unit[1] * 0.8 * radius) / radius
    far = np.hypot(hx, hy)
    ball = np.clip((1.0 - far) * radius + 0.5, 0.0, 1.0)
    lit = np.clip(0.55 - 0.35 * hx - 0.5 * hy, 0.12, 1.1) + 0.5 * np.exp(-((hx + 0.4) ** 2 + (hy + 0.45) ** 2) / 0.05)
    color = color * (1 - ball[..., None]) + np.asarray(look.head, np.float32) * lit[..., None] * ball[..., None]
    return np.clip(color, 0.0, 1.0), np.maximum(shaft, ball)
