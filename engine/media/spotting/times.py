"""Times as lists write them: timecode, clock time, seconds, samples."""

from __future__ import annotations

import re
from fractions import Fraction

from engine.core.errors import BadInput
from engine.core.units import check_timecode

_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.])(\d{2,3})(\.\d{1,2})?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):(\d{2}(?:[.,]\d{1,9})?)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,12})?(?:\s*s)?", re.ASCII)
_BARS = re.compile(r"\d+[.|]\s*\d+[.|]\s*\d+", re.ASCII)
_RATE = re.compile(r"(\d{2,3}(?:\.\d{1,3})?)")
_SLOWED = (24, 30, 48, 60, 120)


def parse_rate(text: str) -> tuple[Fraction, bool] | None:
    """Frame rate and whether frames are dropped, of words such as ``29.97 Drop Frame`` or ``25 fps``; None for none."""
    found = _RATE.search(text)
    if found is None:
        return None
    value = float(found[1])
    rate = next((Fraction(r * 1000, 1001) for r in _SLOWED if abs(value - r * 1000 / 1001) < 0.006), Fraction(found[1]))
    if not 10 <= rate <= 130:
        return None
    return rate, "drop" in text.lower() and "non" not in text.lower() and rate.denominator == 1001


def parse_timecode_s(text: str, frame_rate: Fraction, drop_frame: bool = False) -> Fraction | None:
    """Seconds from midnight of ``01:00:03:14``, with ``;`` or in a drop-frame list dropping; None for other texts.

    Hundredths of a frame behind it count, as in ``01:00:03:14.75``. Raises BadInput for a frame that the rate, or
    drop-frame, does not have.
    """
    found = _TIMECODE.fullmatch(text.strip())
    if found is None or found[4] == ".":
        return None
    mark = ";" if found[4] == ";" or drop_frame else ":"
    frame = check_timecode(f"{found[1]}:{found[2]}:{found[3]}{mark}{found[5]}", frame_rate)
    return (frame + Fraction(found[6] or 0)) / frame_rate


def parse_clock_s(text: str) -> Fraction | None:
    """Seconds of ``0:05.480`` or ``1:02:03.5``; None for other texts."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + Fraction(found[3].replace(",", "."))


def parse_seconds(text: str) -> Fraction | None:
    """Seconds of a plain number, with or without ``s``; None for other texts."""
    plain = text.strip()
    if not _NUMBER.fullmatch(plain):
        return None
    return Fraction(plain.rstrip("s").strip().replace(",", "."))


def refuse_bars(text: str, source: str) -> None:
    """BadInput for a position in bars and beats, whose time a list without a tempo map does not tell."""
    if _BARS.fullmatch(text.strip()):
        raise BadInput(
            f"{source} counts in bars and beats ({text.strip()[:20]}); set its ruler to timecode or to minutes and "
            "seconds and export it again"
        )
