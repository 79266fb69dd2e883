"""Procedural textures of the simulator's things, as PNG."""

from __future__ import annotations

import io

import numpy as np

SIDE = 192


def draw_noise(rng: np.random.Generator, cells_y: float, cells_x: float, side: int = SIDE) -> np.ndarray:
    """Periodic noise [side, side] of the given coarseness, standard deviation 1."""
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    fy, fx = np.fft.fftfreq(side)[:, None] * side / cells_y, np.fft.rfftfreq(side) * side / cells_x
    noise = np.fft.irfft2(spectrum * np.exp(-(fy**2 + fx**2)), (side, side))
    return np.asarray(noise / (noise.std() + 1e-9))


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.linspace(0.0, 1.0, side, endpoint=False)
    return line[:, None] + 0.0 * line, line[None, :] + 0.0 * line[:, None]


def _shade(pattern: str, rng: np.random.Generator) -> np.ndarray:
    """Brightness round 1, [SIDE, SIDE]."""
    shade: np.ndarray
    y, x = _grid(SIDE)
    if pattern in ("wood", "planks"):
        grain = draw_noise(rng, 8.0, 1.5)
        shade = 1.0 + 0.08 * np.sin(2 * np.pi * (y * rng.integers(4, 14) + 0.5 * grain)) + 0.06 * grain
        if pattern == "planks":
            count = int(rng.integers(2, 7))
            shade *= 1.0 + 0.15 * rng.uniform(-1, 1, count)[(y * count).astype(int)]
            shade = np.where(np.abs(y * count - np.round(y * count)) < 0.03, 0.45 * shade, shade)
        return shade
    if pattern == "brushed":
        return (
            0.9 + 0.06 * draw_noise(rng, 90.0, 2.0) + 0.15 * np.cos(2 * np.pi * (x * rng.integers(1, 5) + rng.random()))
        )
    if pattern == "speckle":
        cells = float(rng.uniform(20, 80))
        return 1.0 + rng.uniform(0.1, 0.3) * draw_noise(rng, cells, cells) + 0.08 * draw_noise(rng, 4.0, 4.0)
    if pattern == "noise":
        coarse = rng.uniform(2, 12)
        return 1.0 + 0.10 * draw_noise(rng, coarse, coarse) + 0.04 * draw_noise(rng, 60.0, 60.0)
    if pattern == "weave":
        count = int(rng.integers(12, 40))
        return 1.0 + 0.12 * np.sin(2 * np.pi * count * x) * np.sin(2 * np.pi * count * y) + 0.06 * draw_noise(rng, 6, 6)
    if pattern == "bricks":
        rows = int(rng.integers(3, 8))
        columns = x * rows / 2 + 0.5 * ((y * rows).astype(int) % 2)
        seam = (np.abs(y * rows - np.round(y * rows)) < 0.06) | (np.abs(columns - np.round(columns)) < 0.03)
        return np.where(seam, 0.7, 1.0) + 0.06 * draw_noise(rng, 20, 20)
    return 1.0 + 0.02 * draw_noise(rng, 30.0, 30.0)


def _second(pattern: str, rng: np.random.Generator) -> np.ndarray | None:
    """Where the second colour lies, 0 to 1 [SIDE, SIDE]; None where there is none."""
    y, x = _grid(SIDE)
    if pattern == "stripes":
        count = int(rng.integers(3, 16))
        return np.asarray((np.sin(2 * np.pi * count * x + 0.4 * draw_noise(rng, 3, 3)) > rng.uniform(-0.4, 0.6)) * 1.0)
    if pattern == "checks":
        count = int(rng.integers(2, 9))
        return np.asarray(((x * 2 * count).astype(int) + (y * 2 * count).astype(int)) % 2 * 1.0)
    if pattern == "leaves":
        return np.asarray((draw_noise(rng, 22, 22) > rng.uniform(-0.2, 0.8)) * 1.0)
    if pattern == "speckle" and rng.random() < 0.4:
        return np.asarray((draw_noise(rng, 50, 50) > 0.8) * 0.7)
    return None


def paint_texture(pattern: str, colour: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> bytes:
    """A PNG of SIDE x SIDE pixels that repeats at its edges, in two colours (RGB, 0 to 1).

    Patterns: wood, planks, brushed, speckle, noise, weave, bricks, stripes, checks, leaves, print, spines, plain.
    """
    from PIL import Image

    image = np.ones((SIDE, SIDE, 3)) * colour
    where = _second(pattern, rng)
    if where is not None:
        image = image * (1.0 - where[..., None]) + where[..., None] * second
    if pattern == "print":  # labels and lettering
        for _ in range(int(rng.integers(2, 9))):
            top, left = rng.integers(0, SIDE, 2)
            tall, wide = rng.integers(4, SIDE // 3), rng.integers(8, SIDE // 2)
            image[top : top + tall, left : left + wide] = second if rng.random() < 0.6 else rng.uniform(0, 1, 3)
    if pattern == "spines":  # a row of books
        edge = 0
        while edge < SIDE:
            image[:, edge:] = rng.uniform(0.05, 0.95, 3)
            image[int(rng.integers(10, 60)) :, edge] *= 0.5
            edge += int(rng.integers(5, 24))
    image = image * _shade(pattern, rng)[..., None]
    file = io.BytesIO()
    Image.fromarray(np.clip(255.0 * image, 0, 255).astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()
