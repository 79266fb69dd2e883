"""A storyboard: panels in order of time, each a picture with its timecode, name and velocity; PNG, or PDF in pages."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.core.names import to_text

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

MOST_PANELS = 300
WIDTH_PX, PAGE_PX = 1920, 1358
"""Width of a sheet and height of a page of a PDF, in A4's proportion."""
FRAME_ASPECT = 16 / 9
_MARGIN, _GAP, _HEAD, _FOOT = 64, 28, 176, 56
_TEXT_PX = 100
"""Below each picture, with the space to the next row."""
_FRAME_COLUMNS, _DRAWN_COLUMNS = (3, 6), (5, 8)
_INK, _QUIET, _LINE, _DARK, _PAPER = "#14181f", "#566273", "#dde3ea", "#11151b", "#ffffff"
_COLORS = ("#1d9f93", "#8059d6", "#e0604f", "#d08a12", "#3f7fd0", "#c2508f", "#6f9a2d", "#7b6a58")
_SOFTEST_DB = -30.0
"""Velocity at which its bar is empty."""
_OTHER_FONTS = (
    "NotoSansCJK",
    "NotoSansJP",
    "YuGoth",
    "Meiryo",
    "Hiragino",
    "msgothic",
    "IPAGothic",
    "PingFang",
    "msyh",
)


@dataclass(frozen=True, eq=False)
class Panel:
    """A hit, or the first hit of a sound. ``picture`` is uint8 [H, W, 3], None where there is none.

    ``color`` is the number of its sound, None where sounds are not told apart.
    """

    timecode: str
    name: str
    detail: str
    velocity_db: float
    picture: np.ndarray | None
    color: int | None = None


@dataclass(frozen=True)
class Heading:
    """What stands above the panels: a title and two quieter lines."""

    title: str
    summary: str
    note: str


def encode_storyboard(panels: Sequence[Panel], heading: Heading, is_drawn: bool, ending: str) -> bytes:
    """One sheet as .png, or A4 pages as .pdf; drawn pictures stand in squares, frames in boxes of 16 to 9."""
    layout = _choose_layout(len(panels), 1.0 if is_drawn else FRAME_ASPECT, is_drawn)
    stored = io.BytesIO()
    if ending == ".png":
        _draw_page(panels, heading, layout, "").save(stored, "PNG")
        return stored.getvalue()
    a_page = layout.columns * layout.rows_a_page
    starts = range(0, max(1, len(panels)), a_page)
    pages = [
        _draw_page(panels[start : start + a_page], heading, layout, f"Page {number} of {len(starts)}")
        for number, start in enumerate(starts, 1)
    ]
    # no dates: the same panels give the same file
    details = {"title": to_text(heading.title), "creationDate": None, "modDate": None}
    resolution = WIDTH_PX / 11.69
    pages[0].save(stored, "PDF", save_all=True, append_images=pages[1:], resolution=resolution, quality=90, **details)
    return stored.getvalue()


@dataclass(frozen=True)
class _Layout:
    columns: int
    width: int
    height: int  # of a picture
    rows_a_page: int


def _choose_layout(count: int, aspect: float, is_drawn: bool) -> _Layout:
    """The fewest columns, so the largest pictures, with which all panels fit a page; else the most columns."""
    least, most = _DRAWN_COLUMNS if is_drawn else _FRAME_COLUMNS
    layout = None
    for columns in range(least, most + 1):
        width = (WIDTH_PX - 2 * _MARGIN - (columns - 1) * _GAP) // columns
        height = round(width / aspect)
        rows = max(1, (PAGE_PX - _HEAD - _FOOT) // (height + _TEXT_PX))
        layout = _Layout(columns, width, height, rows)
        if count <= columns * rows:
            break
    assert layout is not None
    return layout


def _draw_page(panels: Sequence[Panel], heading: Heading, layout: _Layout, page: str) -> Image:
    """A sheet of its panels' height; a page, which has a foot, of a page's."""
    from PIL import Image, ImageDraw

    rows = max(1, -(-len(panels) // layout.columns))
    height = PAGE_PX if page else _HEAD + rows * (layout.height + _TEXT_PX) + _FOOT // 2
    sheet = Image.new("RGB", (WIDTH_PX, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    inside = WIDTH_PX - 2 * _MARGIN
    _write(draw, (_MARGIN, 44), heading.title, 34, inside, bold=True)
    _write(draw, (_MARGIN, 94), heading.summary, 19, inside, color=_QUIET)
    _write(draw, (_MARGIN, 122), heading.note, 19, inside, color=_QUIET)
    for index, panel in enumerate(panels):
        row, column = divmod(index, layout.columns)
        left = _MARGIN + column * (layout.width + _GAP)
        _draw_panel(sheet, draw, panel, left, _HEAD + row * (layout.height + _TEXT_PX), layout)
    if page:
        draw.text((WIDTH_PX - _MARGIN, PAGE_PX - 36), page, fill=_QUIET, font=_load_font("", 16), anchor="rm")
    return sheet


def _draw_panel(sheet: Image, draw: ImageDraw, panel: Panel, left: int, top: int, layout: _Layout) -> None:
    from PIL import Image

    right = left + layout.width
    draw.rectangle((left, top, right - 1, top + layout.height - 1), fill=_DARK)
    if panel.picture is not None:
        picture = Image.fromarray(panel.picture)
        scale = min(layout.width / picture.width, layout.height / picture.height)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        fitted = picture.resize(size, Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.LANCZOS)
        sheet.paste(fitted, (left + (layout.width - size[0]) // 2, top + (layout.height - size[1]) // 2))
    line = top + layout.height + 8
    level = "0.0 dB" if abs(panel.velocity_db) < 0.05 else f"{panel.velocity_db:+.1f} dB".replace("-", "−")
    mono = _load_font("", 17, "DejaVuSansMono")
    draw.text((left, line), panel.timecode, fill=_INK, font=mono)
    draw.text((right - 1, line), level, fill=_QUIET, font=mono, anchor="ra")
    share = float(np.clip(1.0 - panel.velocity_db / _SOFTEST_DB, 0.0, 1.0))
    bar = line + 26
    draw.rectangle((left, bar, right - 1, bar + 3), fill=_LINE)
    color = _QUIET if panel.color is None else _COLORS[panel.color % len(_COLORS)]
    if share > 0.0:
        draw.rectangle((left, bar, left + max(1, round(share * (layout.width - 1))), bar + 3), fill=color)
    _write(draw, (left, bar + 9), panel.name, 18, layout.width, bold=True)
    _write(draw, (left, bar + 33), panel.detail, 15, layout.width, color=_QUIET)


def _write(
    draw: ImageDraw, place: tuple[int, int], text: str, size: int, most_px: int, bold: bool = False, color: str = _INK
) -> None:
    """One line of text, cut off with an ellipsis where it is longer than ``most_px``."""
    shown = to_text(text)
    font = _load_font(shown, size, "DejaVuSans-Bold" if bold else "DejaVuSans")
    if draw.textlength(shown, font=font) > most_px:
        while shown and draw.textlength(f"{shown}…", font=font) > most_px:
            shown = shown[: -max(1, len(shown) // 24)]
        shown = f"{shown.rstrip()}…"
    draw.text(place, shown, fill=color, font=font)


def _load_font(text: str, size: int, name: str = "DejaVuSans") -> FreeTypeFont:
    """The font that Matplotlib carries; one of the system's for letters that it lacks, where there is one."""
    own, letters = _read_own_font(name)
    lacks = not text.isascii() and any(ord(letter) not in letters for letter in text)
    return _open_font((_find_other_font() or own) if lacks else own, size)


@functools.lru_cache(maxsize=32)
def _open_font(place: str, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(place, size)


@functools.lru_cache(maxsize=4)
def _read_own_font(name: str) -> tuple[str, frozenset[int]]:
    """Path of a font that Matplotlib carries, and the letters it has."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    place = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf")
    return place, frozenset(FT2Font(place).get_charmap())


@functools.lru_cache(maxsize=1)
def _find_other_font() -> str | None:
    """One of the system's fonts that has the letters of Asia; None where there is none."""
    from matplotlib.font_manager import findSystemFonts

    places = sorted(findSystemFonts())
    return next((place for name in _OTHER_FONTS for place in places if name in Path(place).name), None)
