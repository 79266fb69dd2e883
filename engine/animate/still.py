"""The still that is animated: read from a picture file, and as the network sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.animate.motion import ASPECT, CANVAS
from engine.core.errors import BadInput
from engine.media.open import check_readable

if TYPE_CHECKING:
    from PIL import Image

LEAST_PX, MOST_PX = 32, 4096
_MOST_PIXELS = 150_000_000
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
"""What Pillow reads by itself: for others, such as EPS, it would start another program."""
_ORIENTATION = 0x0112
_TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
    8: "ROTATE_90",
}  # fmt: skip
"""What turns a picture upright, by its Exif orientation."""


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

    What is transparent is shown on white. Raises BadInput, naming the file and the reason, where it is no picture, or
    too small or too large a one.
    """
    from PIL import Image

    whole = check_readable(path)
    with _open_picture(whole) as opened:
        upright = _shrink_to_rgb(opened)
        turn = _TURNS.get(opened.getexif().get(_ORIENTATION, 1))  # after reading, which turns a TIFF by itself
    if turn is not None:
        upright = upright.transpose(Image.Transpose[turn])
    pixels = np.asarray(upright)
    pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
    if min(pixels.shape[:2]) < LEAST_PX:
        raise BadInput(f"{whole.name} is {upright.width} x {upright.height}; give a picture of at least {LEAST_PX} px")
    return Still(np.ascontiguousarray(pixels), whole.name)


def check_still(path: str | Path) -> None:
    """BadInput where a file is no picture or too large a one, as far as its start shows, in no memory."""
    with _open_picture(check_readable(path)):
        pass


@contextlib.contextmanager
def _open_picture(whole: Path) -> Iterator[Image.Image]:
    """A picture, whose values are read within. Raises BadInput."""
    from PIL import Image, UnidentifiedImageError

    too_large = f"{whole.name} has more than {_MOST_PIXELS // 10**6} million pixels; give a smaller picture"
    try:
        with Image.open(whole, formats=_FORMATS) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise BadInput(too_large)
            if opened.mode in ("I", "F"):
                raise BadInput(f"{whole.name} holds numbers of 32 bits; export it again with 8 or 16 bits")
            yield opened
    except UnidentifiedImageError:
        raise BadInput(f"{whole.name} is no picture that can be read; give a PNG, JPEG, TIFF or WebP") from None
    except Image.DecompressionBombError:
        raise BadInput(too_large) from None
    except (BadInput, MemoryError):
        raise
    except Exception:  # whatever a damaged file makes the library raise
        raise BadInput(f"{whole.name} is damaged or of a rare kind; export it again as PNG") from None


def _shrink_to_rgb(opened: Image.Image) -> Image.Image:
    """A picture in 8 bits a colour, of at most MOST_PX a side, with white behind what is transparent."""
    from PIL import Image

    if opened.mode.startswith("I;16"):  # the library itself would cut off all above 255
        shown = Image.fromarray((np.asarray(opened) // 257).astype(np.uint8))
    elif opened.has_transparency_data:
        shown = opened if opened.mode == "RGBA" else opened.convert("RGBA")
    else:
        shown = opened if opened.mode in ("L", "RGB") else opened.convert("RGB")
    if max(shown.size) > MOST_PX:
        shown.thumbnail((MOST_PX, MOST_PX), Image.Resampling.LANCZOS)
    if shown.mode == "RGBA":
        shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    return shown.convert("RGB")


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
