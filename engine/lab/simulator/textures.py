"""Procedural textures of the simulator's things, as PNG."""

from __future__ import annotations

import io
from functools import partial

import numpy as np

from engine.lab.simulator.materials import Colour

SIDE = 192
CLEAN = ("grain", "boards", "steel", "clay", "flat")
"""Patterns of the demo clips, which have their own fine detail."""


def draw_noise(rng: np.random.Generator, cells_y: float, cells_x: float, side: int = SIDE) -> np.ndarray:
    """Periodic noise [side, side] of the given coarseness, standard deviation 1."""
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    fy, fx = np.fft.fftfreq(side)[:, None] * side / cells_y, np.fft.rfftfreq(side) * side / cells_x
    noise = np.fft.irfft2(spectrum * np.exp(-(fy**2 + fx**2)), (side, side))
    return np.asarray(noise / (noise.std() + 1e-9))


def draw_wear(rng: np.random.Generator, side: int = SIDE) -> np.ndarray:
    """Periodic noise [side, side] whose amplitude falls with frequency, as that of real surfaces does, deviation 1."""
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    fy, fx = np.fft.fftfreq(side)[:, None] * side, np.fft.rfftfreq(side) * side
    noise = np.fft.irfft2(spectrum / np.maximum(1.0, np.hypot(fy, fx)) ** rng.uniform(0.3, 0.9), (side, side))
    return np.asarray(noise / (noise.std() + 1e-9))


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.linspace(0.0, 1.0, side, endpoint=False)
    return line[:, None] + 0.0 * line, line[None, :] + 0.0 * line[:, None]


def _shade(pattern: str, rng: np.random.Generator, side: int) -> np.ndarray:
    """Brightness round 1, [side, side]."""
    shade: np.ndarray
    y, x = _grid(side)
    noise = partial(draw_noise, rng, side=side)
    if pattern == "flat":
        return np.ones((side, side))
    if pattern in ("grain", "boards"):
        count = 8 if pattern == "boards" else 1
        grain = noise(6.0 * count, 2.0) / 3
        rings = np.sin(2 * np.pi * (y * 9 * count + 1.6 * grain))
        shade = 1.0 + 0.07 * rings + 0.03 * noise(200.0, 4.0) + 0.05 * grain
        if pattern == "boards":
            shade *= 1.0 + 0.16 * rng.uniform(-1, 1, count)[(y * count).astype(int)]
            shade = np.where(np.abs(y * count - np.round(y * count)) < 0.014, 0.38 * shade, shade)
        return shade
    if pattern == "steel":  # streaks of a room that it mirrors
        u = 2 * np.pi * x
        bands = np.cos(3.0 * u - 0.6) + 0.6 * np.cos(5.0 * u + 0.9) + 0.35 * np.cos(11.0 * u)
        return 0.66 + 0.20 * bands + 0.023 * noise(240.0, 2.0)
    if pattern == "clay":
        return 0.92 + 0.033 * noise(40.0, 30.0) + 0.023 * noise(200.0, 200.0)
    if pattern in ("wood", "planks"):
        grain = noise(8.0, 1.5)
        shade = 1.0 + 0.08 * np.sin(2 * np.pi * (y * rng.integers(4, 14) + 0.5 * grain)) + 0.06 * grain
        if pattern == "planks":
            count = int(rng.integers(2, 7))
            shade *= 1.0 + 0.15 * rng.uniform(-1, 1, count)[(y * count).astype(int)]
            shade = np.where(np.abs(y * count - np.round(y * count)) < 0.03, 0.45 * shade, shade)
        return shade
    if pattern == "brushed":
        return 0.9 + 0.06 * noise(90.0, 2.0) + 0.15 * np.cos(2 * np.pi * (x * rng.integers(1, 5) + rng.random()))
    if pattern == "speckle":
        cells = float(rng.uniform(20, 80))
        return 1.0 + rng.uniform(0.1, 0.3) * noise(cells, cells) + 0.08 * noise(4.0, 4.0)
    if pattern == "noise":
        coarse = rng.uniform(2, 12)
        return 1.0 + 0.10 * noise(coarse, coarse) + 0.04 * noise(60.0, 60.0)
    if pattern == "weave":
        count = int(rng.integers(12, 40))
        return 1.0 + 0.12 * np.sin(2 * np.pi * count * x) * np.sin(2 * np.pi * count * y) + 0.06 * noise(6, 6)
    if pattern == "bricks":
        rows = int(rng.integers(3, 8))
        columns = x * rows / 2 + 0.5 * ((y * rows).astype(int) % 2)
        seam = (np.abs(y * rows - np.round(y * rows)) < 0.06) | (np.abs(columns - np.round(columns)) < 0.03)
        return np.where(seam, 0.7, 1.0) + 0.06 * noise(20, 20)
    return 1.0 + 0.02 * noise(30.0, 30.0)


def _second(pattern: str, rng: np.random.Generator, side: int) -> np.ndarray | None:
    """Mask of the second colour, 0 to 1 [side, side]; None without one."""
    y, x = _grid(side)
    noise = partial(draw_noise, rng, side=side)
    if pattern == "stripes":
        count = int(rng.integers(3, 16))
        return np.asarray((np.sin(2 * np.pi * count * x + 0.4 * noise(3, 3)) > rng.uniform(-0.4, 0.6)) * 1.0)
    if pattern == "checks":
        count = int(rng.integers(2, 9))
        return np.asarray(((x * 2 * count).astype(int) + (y * 2 * count).astype(int)) % 2 * 1.0)
    if pattern == "leaves":
        return np.asarray((noise(22, 22) > rng.uniform(-0.2, 0.8)) * 1.0)
    if pattern == "speckle" and rng.random() < 0.4:
        return np.asarray((noise(50, 50) > 0.8) * 0.7)
    return None


def paint_texture(pattern: str, colour: Colour, second: Colour, rng: np.random.Generator, side: int = SIDE) -> bytes:
    """A PNG of side x side pixels that repeats at its edges, in two colours (RGB, 0 to 1).

    Patterns: wood, planks, brushed, speckle, noise, weave, bricks, stripes, checks, leaves, print, spines, plain; with
    finer detail, for large pictures: grain, boards, steel, clay, flat.
    """
    from PIL import Image

    image = np.ones((side, side, 3)) * np.asarray(colour)
    where = _second(pattern, rng, side)
    if where is not None:
        image = image * (1.0 - where[..., None]) + where[..., None] * np.asarray(second)
    if pattern == "print":  # labels and lettering
        for _ in range(int(rng.integers(2, 9))):
            top, left = rng.integers(0, side, 2)
            tall, wide = rng.integers(4, side // 3), rng.integers(8, side // 2)
            image[top : top + tall, left : left + wide] = second if rng.random() < 0.6 else rng.uniform(0, 1, 3)
    if pattern == "spines":  # a row of books
        edge = 0
        while edge < side:
            image[:, edge:] = rng.uniform(0.05, 0.95, 3)
            image[int(rng.integers(10, 60)) :, edge] *= 0.5
            edge += int(rng.integers(5, 24))
    image = image * _shade(pattern, rng, side)[..., None]
    if pattern not in CLEAN:
        image = image * np.exp(rng.uniform(0.05, 0.25) * draw_wear(rng, side))[..., None]
    file = io.BytesIO()
    Image.fromarray(np.clip(255.0 * image, 0, 255).astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()
