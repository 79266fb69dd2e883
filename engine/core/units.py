"""Conversions between seconds, samples, frames, timecode, decibels and cents: the only ones."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from engine.core.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import torch

Level = TypeVar("Level", float, "np.ndarray", "torch.Tensor")

SAMPLE_RATE_HZ = 48_000
"""Rate of everything Struck renders."""

LONGEST_CLIP_S = 3 * 3600.0
"""Of the clips that are opened, and so of the tracks that are rendered."""

LN_60_DB = math.log(1000.0)
"""Natural log of 60 dB as an amplitude ratio: T60 = LN_60_DB / decay rate (6.908)."""

SILENCE_DB = -200.0
"""Level that stands for no sound at all."""


def seconds_to_samples(time_s: float, sample_rate_hz: int) -> int:
    """Round a time to the nearest sample."""
    return math.floor(time_s * sample_rate_hz + 0.5)


_RATE = re.compile(r"\s*\d{1,18}(?:/\d{1,18}|\.\d{1,18})?\s*", re.ASCII)
_SLOWEST, _FASTEST = Fraction(1, 10**6), 2**31


def parse_frame_rate(text: str) -> Fraction:
    """Read a frame rate such as ``30000/1001`` or ``25``, frames a second.

    Raises BadInput for anything else, for terms of more than 18 digits, and outside 1e-6 to 2**31, the highest rate of
    a container's clock.
    """
    try:
        rate = Fraction(text) if _RATE.fullmatch(text) else None
    except ZeroDivisionError:
        rate = None
    if rate is None:
        raise BadInput(f"frame rate {text[:40]!r} is not a number of frames a second; give it as 25 or 30000/1001")
    if not _SLOWEST <= rate <= _FASTEST:
        raise BadInput(f"frame rate {text[:40]!r} is out of range; give one such as 25 or 30000/1001")
    return rate


def format_frame_rate(rate: Fraction) -> str:
    """Write a frame rate as an exact fraction, ``30000/1001``."""
    return f"{rate.numerator}/{rate.denominator}"


_TIMECODE = re.compile(r"^(\d{1,2}):([0-5]\d):([0-5]\d)([:;])(\d{2,3})$")


def frames_a_second(frame_rate: Fraction) -> int:
    """Frames that a timecode counts in a second: the rate rounded, 30 for 29.97."""
    return max(1, math.floor(frame_rate + Fraction(1, 2)))


def drops_frames(frame_rate: Fraction) -> bool:
    """Whether drop-frame timecode is counted at a rate (SMPTE 12M): 29.97 and 59.94."""
    return frame_rate in (Fraction(30000, 1001), Fraction(60000, 1001))


def parse_timecode(text: str, frame_rate: Fraction) -> int:
    """Frame number of a timecode; ``;`` before the frames means drop-frame (SMPTE 12M, 29.97 and 59.94 only)."""
    match = _match_timecode(text)
    hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
    nominal = frames_a_second(frame_rate)
    if frames >= nominal:
        raise BadInput(f"timecode {text!r} has frame {frames}, past the last of a {nominal}-frame second; correct it")
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if match[4] == ";" and drops_frames(frame_rate):
        dropped = nominal // 15
        total_minutes = hours * 60 + minutes
        number -= dropped * (total_minutes - total_minutes // 10)
    return number


def check_timecode(text: str, frame_rate: Fraction, what: str = "timecode") -> int:
    """Frame number of a timecode, as ``parse_timecode`` has it.

    Raises BadInput that calls it ``what`` for hours over 23 and for a label that drop-frame leaves out (SMPTE 12M): the
    first two of each minute but every tenth, four at 59.94.
    """
    frame = parse_timecode(text, frame_rate)
    match = _match_timecode(text)
    if int(match[1]) > 23:
        named = format_timecode(frame, frame_rate, match[4] == ";")
        raise BadInput(f"{what} {text!r} is that of no frame, since days end after 24 hours; give {named}")
    dropped = frames_a_second(frame_rate) // 15
    drops = match[4] == ";" and drops_frames(frame_rate) and int(match[2]) % 10 != 0
    if drops and int(match[3]) == 0 and int(match[5]) < dropped:
        named = f"{match[1]}:{match[2]}:{match[3]};{dropped:02d}"
        raise BadInput(f"{what} {text!r} is that of no frame, since drop-frame leaves it out; give {named}")
    return frame


def _match_timecode(text: str) -> re.Match[str]:
    match = _TIMECODE.match(text.strip())
    if not match:
        raise BadInput(f"timecode {text!r} is not of the form HH:MM:SS:FF; correct it")
    return match


def format_timecode(frame: int, frame_rate: Fraction, drop_frame: bool = False) -> str:
    """Timecode of a frame number, modulo 24 hours: the inverse of ``parse_timecode``.

    ``drop_frame`` counts as SMPTE 12M does for 29.97 and 59.94, with ``;`` before the frames; other rates ignore it.
    """
    nominal = frames_a_second(frame_rate)
    drop_frame = drop_frame and drops_frames(frame_rate)
    if drop_frame:
        dropped = nominal // 15
        frame %= 24 * 6 * (600 * nominal - 9 * dropped)
        tens, rest = divmod(frame, 600 * nominal - 9 * dropped)
        minutes = max(0, rest - 60 * nominal) // (60 * nominal - dropped) + (rest >= 60 * nominal)
        frame += dropped * (9 * tens + minutes)
    seconds, frames = divmod(frame % (86_400 * nominal), nominal)
    minutes, seconds = divmod(seconds, 60)
    digits = 3 if nominal > 100 else 2
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{';' if drop_frame else ':'}{frames:0{digits}d}"


def db_to_gain(level_db: Level) -> Level:
    """Amplitude ratio of a level in decibels: a number, an array or a tensor."""
    return 10.0 ** (level_db / 20.0)


def db_to_power(level_db: Level) -> Level:
    """Power ratio of a level in decibels: a number, an array or a tensor."""
    return 10.0 ** (level_db / 10.0)


def gain_to_db(gain: Level) -> Level:
    """Level in decibels of an amplitude ratio over 0: a number, an array or a tensor."""
    return 20.0 * _log10(gain)


def power_to_db(power: Level) -> Level:
    """Level in decibels of a power ratio over 0: a number, an array or a tensor."""
    return 10.0 * _log10(power)


def _log10(values: Any) -> Any:
    if type(values) in (float, int):
        return math.log10(values)
    if hasattr(values, "log10"):  # a tensor
        return values.log10()
    import numpy as np  # only here: what is only about documents loads no NumPy

    return np.log10(values)


def cents_to_ratio(cents: float) -> float:
    """Frequency ratio of an interval in cents."""
    return 2.0 ** (cents / 1200.0)


def decay_to_t60_s(decay_per_s: float) -> float:
    """Seconds in which e^(-decay t) falls by 60 dB; infinite for no decay."""
    return LN_60_DB / decay_per_s if decay_per_s > 0.0 else math.inf
