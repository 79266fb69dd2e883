"""Cue sheet with a picture of each hit: HTML in one file, or PDF by matplotlib."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.files import create_file
from engine.core.names import to_text
from engine.core.words import format_number
from engine.media.export.sessions.session import Session, list_cues
from engine.media.stills import grab_frames

_PICTURE_HEIGHT = 120
_ROWS_A_PAGE = 8
_HEADINGS = {"number": "#", "timecode": "Timecode", "hit": "Hit", "sound": "Sound", "cat_id": "UCS", "level": "Level"}


def write_cue_sheet(path: Path, session: Session, clip: str | os.PathLike[str] | None) -> None:
    """Write a .html or .pdf, as the name ends; without a ``clip`` it has no pictures. Raises BadInput."""
    pictures = (
        grab_frames(clip, [item.hit_s for _, item in session.hits()], _PICTURE_HEIGHT) if clip is not None else {}
    )
    rows = list_cues(session)
    for row in rows:
        row["level"] = f"{format_number(float(row['velocity_db']), '+.1f')} dB"
    images = [pictures.get(item.hit_s) for _, item in session.hits()]
    data = _make_pdf(session, rows, images) if path.suffix.lower() == ".pdf" else _make_html(session, rows, images)
    with create_file(path) as file:
        file.write(data)


def _summary(session: Session) -> str:
    hits = len(session.hits())
    rate = f"{float(session.start.frame_rate):.5g} frames a second"
    drop = " drop-frame" if session.start.drop_frame else ""
    return f"{hits} hit{'s' * (hits != 1)}, {session.picture_s:.2f} s, {rate}{drop}"


# --- HTML -------------------------------------------------------------------------------------

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #14181f; margin: 32px auto; max-width: 960px; padding: 0 16px }
h1 { font-size: 22px; margin: 0 } p { color: #566273; margin: 4px 0 20px }
table { border-collapse: collapse; width: 100% } th { text-align: left; color: #566273; font-weight: 600 }
td, th { padding: 6px 10px; border-bottom: 1px solid #dde3ea; vertical-align: middle }
td.time, td.level, td.number { font-family: ui-monospace, monospace; white-space: nowrap }
img { display: block; height: 60px; border-radius: 3px } tr { break-inside: avoid }
@media print { body { margin: 0 } }
""".strip()


def _make_html(session: Session, rows: list[dict[str, str]], images: Sequence[np.ndarray | None]) -> bytes:
    title = html.escape(to_text(session.title))
    parts = [
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>',
        f"<style>\n{_STYLE}\n</style>",
        f"<h1>{title}</h1>\n<p>{html.escape(_summary(session))}</p>",
        f"<table>\n<tr><th>{'</th><th>'.join(_HEADINGS.values())}</th><th>Picture</th></tr>",
    ]
    for row, image in zip(rows, images, strict=True):
        cells = "".join(
            f'<td class="{"time" if name == "timecode" else name}">{html.escape(to_text(row[name]))}</td>'
            for name in _HEADINGS
        )
        picture = ""
        if image is not None:
            data = base64.b64encode(_encode_jpeg(image)).decode("ascii")
            picture = f'<img alt="The picture at {row["timecode"]}" src="data:image/jpeg;base64,{data}">'
        parts.append(f"<tr>{cells}<td>{picture}</td></tr>")
    return ("\n".join([*parts, "</table>", "</html>"]) + "\n").encode("utf-8")


def _encode_jpeg(image: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


# --- PDF --------------------------------------------------------------------------------------

_INK, _QUIET, _LINE = "#14181f", "#566273", "#dde3ea"
_LEFT = {"number": 0.06, "timecode": 0.11, "hit": 0.28, "sound": 0.36, "cat_id": 0.58, "level": 0.70}


def _make_pdf(session: Session, rows: list[dict[str, str]], images: Sequence[np.ndarray | None]) -> bytes:
    """A4 pages of rows; text stays text."""
    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        # no date and no producer's version: the same sheet gives the same file
        details = {"Title": to_text(session.title), "Creator": "Struck", "CreationDate": None}
        with PdfPages(buffer, metadata=details) as pages:
            for start in range(0, max(1, len(rows)), _ROWS_A_PAGE):
                figure = Figure(figsize=(8.27, 11.69))
                figure.text(0.06, 0.955, _shorten(session.title, 60), fontsize=15, weight="bold", color=_INK)
                figure.text(0.06, 0.935, _summary(session), fontsize=9, color=_QUIET)
                _draw_rows(figure, rows[start : start + _ROWS_A_PAGE], images[start : start + _ROWS_A_PAGE])
                number = start // _ROWS_A_PAGE + 1
                figure.text(0.94, 0.03, f"Page {number}", fontsize=8, color=_QUIET, ha="right")
                pages.savefig(figure)
    return buffer.getvalue()


def _draw_rows(figure: Any, rows: list[dict[str, str]], images: Sequence[np.ndarray | None]) -> None:
    for name, heading in _HEADINGS.items():
        figure.text(_LEFT[name], 0.905, heading, fontsize=8.5, color=_QUIET, weight="bold")
    for k, (row, image) in enumerate(zip(rows, images, strict=True)):
        y = 0.855 - 0.105 * k
        for name, left in _LEFT.items():
            mono = name in ("timecode", "level")
            family = "DejaVu Sans Mono" if mono else "DejaVu Sans"
            width = 22 if name == "sound" else 12
            figure.text(left, y, _shorten(row[name], width), fontsize=9, color=_INK, va="center", family=family)
        if image is not None:
            axes = figure.add_axes((0.79, y - 0.044, 0.15, 0.088))
            axes.imshow(image)
            axes.set_axis_off()
        figure.add_artist(_make_line(y - 0.0525))


def _make_line(y: float) -> Any:
    from matplotlib.lines import Line2D

    return Line2D((0.06, 0.94), (y, y), color=_LINE, linewidth=0.7)


def _shorten(text: str, most: int) -> str:
    clean = to_text(text).replace("$", r"\$")
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
