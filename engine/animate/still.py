"""The still that is animated: read from a picture file, and as the network sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.animate.motion import ASPECT, CANVAS
from engine.core.errors import BadInput
from engine.media.open import check_readable

LEAST_PX, MOST_PX = 32, 4096
_MOST_PIXELS = 200_000_000


@dataclass(frozen=True, eq=False)
class Still:
    """A picture uint8 [H, W, 3] of even sides, upright."""

    pixels: np.ndarray
    name: str = "the still"

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True)
class Canvas:
    """Where a still lies in the network's canvas: pixels of the still = ``scale`` * canvas units + its corner.

    Canvas units are heights of the canvas; the still is centred, and its edge goes on beyond it.
    """

    scale: float
    left: float
    top: float

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """Place in the canvas, 0 to 1, of a pixel."""
        return (x - self.left) / self.scale / ASPECT, (y - self.top) / self.scale


def read_still(path: str | Path) -> Still:
    """Read a picture file; one longer than MOST_PX is made smaller, and an odd side loses its last pixel.

    Raises BadInput, naming the file and the reason, where it is no picture, or too small or too large a one.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    whole = check_readable(path)
    try:
        with Image.open(whole) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise BadInput(f"{whole.name} has {opened.width} x {opened.height} pixels; give a smaller picture")
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except UnidentifiedImageError:
        raise BadInput(f"{whole.name} is no picture that can be read; give a PNG, JPEG, TIFF or WebP") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput(f"{whole.name} cannot be read ({error}); export it again as PNG") from None
    if max(upright.size) > MOST_PX:
        upright.thumbnail((MOST_PX, MOST_PX), Image.Resampling.LANCZOS)
    pixels = np.asarray(upright)
    pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
    if min(pixels.shape[:2]) < LEAST_PX:
        raise BadInput(f"{whole.name} is {upright.width} x {upright.height}; give a picture of at least {LEAST_PX} px")
    return Still(np.ascontiguousarray(pixels), whole.name)


def fit_canvas(still: Still) -> Canvas:
    """The smallest canvas that holds a still whole."""
    scale = max(float(still.height), still.width / ASPECT)
    return Canvas(scale, 0.5 * (still.width - scale * ASPECT), 0.5 * (still.height - scale))


def shrink_still(still: Still, canvas: Canvas) -> np.ndarray:
    """The still in the canvas as the network sees it, float32 [3, rows, columns] of CANVAS from -1 to 1."""
    from PIL import Image

    rows, columns = CANVAS
    unit = canvas.scale / rows  # pixels of the still a pixel of the canvas
    height, width = max(1, round(still.height / unit)), max(1, round(still.width / unit))
    small = np.asarray(Image.fromarray(still.pixels).resize((width, height), Image.Resampling.BOX), np.float32)
    top, left = (rows - height) // 2, (columns - width) // 2
    padded = np.pad(small, ((top, rows - height - top), (left, columns - width - left), (0, 0)), mode="edge")
    return np.ascontiguousarray(padded.transpose(2, 0, 1) / 127.5 - 1.0)
