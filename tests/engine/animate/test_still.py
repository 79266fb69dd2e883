"""Stills of any kind are seen as a viewer shows them, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.animate import still
from engine.animate.still import read_still
from engine.core.errors import BadInput


def test_a_deep_grey_picture_keeps_its_tones(tmp_path: Path) -> None:
    """65535 is white, half of it grey, in PNG and TIFF."""
    ramp = np.broadcast_to(np.linspace(0, 65535, 64).round().astype(np.uint16), (64, 64))
    for name in ("deep.png", "deep.tiff"):
        Image.fromarray(np.ascontiguousarray(ramp)).save(tmp_path / name)
        pixels = read_still(tmp_path / name).pixels
        assert np.abs(pixels - np.linspace(0, 255, 64)[None, :, None]).max() <= 1.0


@pytest.mark.parametrize("ending", ["jpg", "tiff", "png", "webp"])
def test_a_turned_photo_is_upright(ending: str, tmp_path: Path) -> None:
    """The camera was held turned: the stored picture's right edge is what is above."""
    stored = np.zeros((64, 96, 3), np.uint8)
    stored[:, 64:] = 255
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(stored).save(tmp_path / f"photo.{ending}", exif=exif)
    pixels = read_still(tmp_path / f"photo.{ending}").pixels
    assert pixels.shape == (96, 64, 3) and pixels[:28].min() > 240 and pixels[36:].max() < 15


def test_what_is_transparent_is_shown_on_white(tmp_path: Path) -> None:
    cut_out = np.zeros((64, 64, 4), np.uint8)
    cut_out[16:48, 16:48] = (200, 10, 30, 255)
    Image.fromarray(cut_out).save(tmp_path / "cut out.png")
    pixels = read_still(tmp_path / "cut out.png").pixels
    assert (pixels[0, 0] == 255).all() and tuple(pixels[32, 32]) == (200, 10, 30)


def test_a_picture_that_another_program_would_draw_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "drawn.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(BadInput, match="no picture that can be read"):
        read_still(tmp_path / "drawn.png")


def test_a_picture_that_is_too_large_is_refused_and_a_large_one_made_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (400, 300)).save(tmp_path / "large.png")
    monkeypatch.setattr(still, "MOST_PX", 100)
    assert read_still(tmp_path / "large.png").pixels.shape == (74, 100, 3)  # an even number of rows
    monkeypatch.setattr(still, "_MOST_PIXELS", 100_000)
    with pytest.raises(BadInput, match="give a smaller picture"):
        read_still(tmp_path / "large.png")
