"""The report page of a batch: a row a clip."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from engine.core.files import create_file
from engine.core.words import counted

REPORT_NAME = "report.html"
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #14181f; margin: 32px auto; max-width: 1080px; padding: 0 16px }
h1 { font-size: 22px; margin: 0 } p { color: #566273; margin: 4px 0 20px }
table { border-collapse: collapse; width: 100% } th { text-align: left; color: #566273; font-weight: 600 }
td, th { padding: 6px 10px; border-bottom: 1px solid #dde3ea; vertical-align: middle }
td.number { font-family: ui-monospace, monospace; white-space: nowrap; text-align: right }
img { display: block; height: 60px; border-radius: 3px } tr.failed td, .warning { color: #a3261d } a { color: #1c5fa8 }
""".strip()
_HEADINGS = ("", "Clip", "Length", "Hits", "Sounds", "Loudness", "True peak", "Files")


@dataclass(frozen=True)
class Outcome:
    """What came of one clip: ``failure`` is the reason where it was not rendered; ``picture`` is a JPEG in base64.

    ``name`` is the clip's in the batch, ``stem`` what names of its files begin with where that follows from its sounds,
    ``warning`` what is to be known of the clip, or wrong with what is written of it.
    """

    source: str
    name: str
    outputs: tuple[str, ...] = ()
    duration_s: float = 0.0
    hits: int = 0
    sounds: tuple[str, ...] = ()
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    picture: str = ""
    failure: str = ""
    stem: str = ""
    warning: str = ""


def write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the page in one file; its links are relative to it. Raises BadInput."""
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    summary = counted(len(outcomes), "clip") + (f", {failed} failed" if failed else "")
    rows = "\n".join(map(_describe, outcomes))
    heads = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
    text = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Struck batch</title>\n<style>\n{_STYLE}\n'
        f"</style>\n<h1>Struck batch</h1>\n<p>{summary}</p>\n<table>\n<tr>{heads}</tr>\n{rows}\n</table>\n</html>\n"
    )
    with create_file(path) as file:
        file.write(text.encode("utf-8"))


def _describe(outcome: Outcome) -> str:
    name = html.escape(outcome.source)
    if outcome.failure:
        return f'<tr class="failed"><td></td><td>{name}</td><td colspan="6">{html.escape(outcome.failure)}</td></tr>'
    picture = f'<img alt="" src="data:image/jpeg;base64,{html.escape(outcome.picture)}">' if outcome.picture else ""
    links = ", ".join(f'<a href="{quote(file)}">{html.escape(file)}</a>' for file in outcome.outputs)
    warning = f'<div class="warning">{html.escape(outcome.warning)}</div>' if outcome.warning else ""
    numbers = (
        f"{outcome.duration_s:.2f} s",
        str(outcome.hits),
        html.escape(", ".join(outcome.sounds)),
        _level(outcome.loudness_lufs, "LUFS"),
        _level(outcome.true_peak_dbtp, "dBTP"),
    )
    cells = "".join(f'<td class="{"" if k == 2 else "number"}">{text}</td>' for k, text in enumerate(numbers))
    return f"<tr><td>{picture}</td><td>{name}</td>{cells}<td>{links}{warning}</td></tr>"


def _level(value: float | None, unit: str) -> str:
    return f"{value:.1f} {unit}" if value is not None and math.isfinite(value) else "–"
