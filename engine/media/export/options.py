"""Delivery options: the form of sound files, their start, their names, pieces and the picture's sound."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from numbers import Integral

from engine.core.errors import BadInput, quote
from engine.core.units import (
    SAMPLE_RATE_HZ,
    check_timecode,
    drops_frames,
    format_timecode,
    frames_a_second,
    parse_timecode,
)

SAMPLE_RATES_HZ = (44_100, 48_000, 88_200, 96_000)
BIT_DEPTHS = (16, 24, 32)
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}
"""Number of channels by layout; 5.1 is in the order of WAV files: L R C LFE Ls Rs."""

STEM_KINDS = ("sound", "hit", "layer")
NORMALIZATIONS = ("sound", "each", "none")
CLIP_SOUNDS = ("replace", "mix", "second")
NAME_PATTERN = "{catid}_{fxname}_{creator}_{source}"
TWO_POP_S = 2
MOST_TAKES = 50
MOST_LAYERS = 10


@dataclass(frozen=True)
class DeliveryOptions:
    """How an export is delivered; the default is the 48 kHz, 24-bit stereo track from the clip's own timecode.

    ``start_timecode`` is that of the first sample of every file, None the clip's. ``two_pop`` puts a frame of 1 kHz two
    seconds before the picture's first frame, where every file then begins. ``stems`` is one of STEM_KINDS; ``takes`` is
    the number of new strikes for pieces (0: the clip's own hits) and of alternatives for each hit of a session, in
    ``layers`` of velocity. ``normalize`` raises the loudest piece of a sound, or each, to -1 dBFS. ``clip_sound`` is
    whether a video replaces the clip's own sound, mixes it or keeps it. Raises BadInput for other values.
    """

    sample_rate_hz: int = SAMPLE_RATE_HZ
    bits: int = 24
    channels: str = "stereo"
    start_timecode: str | None = None
    two_pop: bool = False
    embed_project: bool = True
    stems: str = "sound"
    name_pattern: str = NAME_PATTERN
    creator: str = "STRUCK"
    source: str = "FOLEY"
    takes: int = 0
    layers: int = 1
    normalize: str = "sound"
    clip_sound: str = "replace"

    def __post_init__(self) -> None:
        for option in fields(self):
            _check_kind(option.name, getattr(self, option.name), str(option.type))
        _check("sample rate", self.sample_rate_hz, SAMPLE_RATES_HZ)
        _check("bit depth", self.bits, BIT_DEPTHS)
        _check("channel layout", self.channels, tuple(CHANNELS))
        _check("kind of stems", self.stems, STEM_KINDS)
        _check("way to normalize pieces", self.normalize, NORMALIZATIONS)
        _check("way to treat the clip's own sound", self.clip_sound, CLIP_SOUNDS)
        _check_range("takes", self.takes, 0, MOST_TAKES)
        _check_range("velocity layers", self.layers, 1, MOST_LAYERS)

    @property
    def channel_count(self) -> int:
        """Number of channels."""
        return CHANNELS[self.channels]


def _check_kind(name: str, value: object, kind: str) -> None:
    """BadInput for a value of another kind than an option's, such as text in place of a number."""
    kinds, words = _KINDS[kind]
    if not isinstance(value, kinds) or (kinds is Integral and isinstance(value, bool)):
        raise BadInput(f"{name} is {quote(value)}, which is no {words}; correct it")


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "int": (Integral, "whole number"),
    "str": (str, "text"),
    "bool": (bool, "True or False"),
    "str | None": ((str, type(None)), "text"),
}


def _check(what: str, value: object, offered: tuple[object, ...]) -> None:
    if value not in offered:
        words = ", ".join(map(str, offered))
        raise BadInput(f"{what} {quote(str(value))} is not offered; choose among {words}")


def _check_range(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BadInput(f"{value} {what} are out of range; give {low} to {high}")


@dataclass(frozen=True)
class Start:
    """Where a delivered file begins: its timecode, and how long before the picture's first frame that is."""

    timecode: str | None
    frame_rate: Fraction
    lead_frames: int = 0

    @property
    def lead_s(self) -> Fraction:
        """Seconds from the file's first sample to the picture's first frame."""
        return self.lead_frames / self.frame_rate

    @property
    def drop_frame(self) -> bool:
        """Whether the timecode counts drop-frame."""
        return bool(self.timecode) and ";" in str(self.timecode) and drops_frames(self.frame_rate)

    @property
    def frame(self) -> int:
        """Frame number of the first sample; 0 without a timecode."""
        return parse_timecode(self.timecode, self.frame_rate) if self.timecode else 0

    def count_samples(self, sample_rate_hz: int) -> int:
        """Samples since midnight at the file's first sample (TimeReference of BWF)."""
        return round(self.frame / self.frame_rate * sample_rate_hz)

    def format_time(self, time_s: float) -> str:
        """Timecode of the frame shown at a time on the picture's clock; from 00:00:00:00 without a start."""
        shown = int((Fraction(time_s) + Fraction(1, 10**6)) * self.frame_rate)
        return format_timecode(self.frame + self.lead_frames + shown, self.frame_rate, self.drop_frame)


def _check_start(timecode: str, frame_rate: Fraction) -> str:
    """A timecode that its rate has, with all its digits; BadInput otherwise."""
    frame = check_timecode(timecode, frame_rate, "start timecode")
    if ";" in timecode and not drops_frames(frame_rate):
        reason = f"its ';' means drop-frame, and {float(frame_rate):.5g} frames a second drop none; write it with ':'"
        raise BadInput(f"start timecode {timecode!r} is none of the clip: {reason}")
    return format_timecode(frame, frame_rate, ";" in timecode)


def find_start(options: DeliveryOptions, clip_timecode: str | None, frame_rate: Fraction) -> Start:
    """Where files of these options begin.

    With a two-pop and neither a start nor a timecode of the clip it is 00:59:58:00, so that the picture is at one hour.
    Raises BadInput for a start that is no timecode of this rate.
    """
    nominal = frames_a_second(frame_rate)
    lead = TWO_POP_S * nominal if options.two_pop else 0
    if options.start_timecode:
        return Start(_check_start(options.start_timecode.strip(), frame_rate), frame_rate, lead)
    if not lead:
        return Start(clip_timecode, frame_rate)
    drops = bool(clip_timecode) and ";" in str(clip_timecode)
    first = parse_timecode(clip_timecode, frame_rate) if clip_timecode else 3600 * nominal
    return Start(format_timecode(first - lead, frame_rate, drops), frame_rate, lead)
