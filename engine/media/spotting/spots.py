"""Spots: entries of a spotting list on its own clock, and their times in the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from engine.core.errors import BadInput
from engine.core.units import check_timecode, format_timecode, frames_a_second, parse_timecode
from engine.core.words import counted

MOST_SPOTS = 10_000
_DIGITS = 9
_ROUNDING_S = 0.001
"""Lists round their times; a spot so little past an end of the clip lies on it."""


@dataclass(frozen=True)
class Spot:
    """One entry. ``time_s`` counts from the list's zero or, once placed, from the clip's first frame.

    ``sound`` names what is struck, ``velocity_db`` is None where the list tells no force.
    """

    time_s: float
    name: str = ""
    sound: str = ""
    velocity_db: float | None = None


@dataclass(frozen=True)
class SpottingList:
    """Entries on a list's own clock; ``start_s`` is its beginning on that clock, where it tells one.

    ``is_clock`` says that times count as the timeline's clock does, from midnight of its timecode; otherwise they count
    from the picture's first frame. ``frame_rate`` and ``drop_frame`` are those of its timecode; None where its times
    are seconds, so that each timecode beside them counts as its own separator tells.
    """

    spots: tuple[Spot, ...]
    frame_rate: Fraction
    drop_frame: bool | None = False
    start_s: Fraction | None = None
    is_clock: bool = False


@dataclass(frozen=True)
class Placed:
    """Spots by their times in the clip, and what there is to say of how they were placed; "" for nothing."""

    spots: tuple[Spot, ...]
    note: str = ""


def clock_s(timecode: str, frame_rate: Fraction, drop_frame: bool | None = None) -> Fraction:
    """Seconds from midnight of a timecode that has a frame, by default as its own separator counts. Raises BadInput."""
    drop_frame = ";" in timecode if drop_frame is None else drop_frame
    label = timecode.strip().replace(";", ":").replace(".", ":")
    if drop_frame:
        label = ";".join(label.rsplit(":", 1))
    return Fraction(check_timecode(label, frame_rate)) / frame_rate


def place_spots(
    found: SpottingList,
    duration_s: float,
    clip_start: str | None,
    clip_rate: Fraction,
    wanted_start: str | None,
    source: str,
) -> Placed:
    """Times in the clip of a list's spots.

    ``clip_start`` is the clip's own timecode in frames of ``clip_rate``. ``wanted_start`` is the timecode of its first
    frame on the list's clock, as the user gives it. Without it the clip's own counts, else the list's start, else the
    full hour before its first entry: the first with which most entries lie in the clip. Raises BadInput for none.
    """
    if not found.spots:
        raise BadInput(f"{source} holds no markers, notes or events; export them again and choose that file")
    if len(found.spots) > MOST_SPOTS:
        raise BadInput(f"{source} has {len(found.spots)} entries, more than {MOST_SPOTS}; shorten it")
    if not found.is_clock:
        starts = [Fraction(0)]
    elif wanted_start is not None:
        starts = [_read_start(found, wanted_start)]
    else:
        starts = _likely_starts(found, clip_start, clip_rate)
    tried = [(_inside(found, start_s, duration_s), start_s) for start_s in starts]
    inside, start_s = max(tried, key=lambda pair: len(pair[0]))
    if not inside:
        first, last = min(s.time_s for s in found.spots), max(s.time_s for s in found.spots)
        raise BadInput(
            f"{source} goes from {_describe(found, first)} to {_describe(found, last)}, and none of that lies in the "
            f"clip of {duration_s:.3f} s; give the timecode of the clip's first frame"
        )
    note = _note(found, inside, None if start_s == starts[0] else start_s)
    return Placed(tuple(sorted(inside, key=lambda spot: spot.time_s)), note)


def _read_start(found: SpottingList, timecode: str) -> Fraction:
    try:
        return clock_s(timecode[:40], found.frame_rate, found.drop_frame)
    except BadInput as error:
        raise BadInput(f"the start of the list: {error}") from None


def _likely_starts(found: SpottingList, clip_start: str | None, clip_rate: Fraction) -> list[Fraction]:
    starts = [_clip_start_s(found, clip_start or "00:00:00:00", clip_rate)]
    if found.start_s is not None:
        starts.append(found.start_s)
    first_s = min(spot.time_s for spot in found.spots)
    nominal = frames_a_second(found.frame_rate)
    hours = int(first_s * float(found.frame_rate) / nominal) // 3600
    starts.append(clock_s(f"{hours % 24:02d}:00:00:00", found.frame_rate, found.drop_frame))
    return starts


def _clip_start_s(found: SpottingList, timecode: str, clip_rate: Fraction) -> Fraction:
    """Seconds on the list's clock of the clip's timecode: the second that both call alike, and the frame as its part.

    Unlike a list's, a clip's label that drop-frame leaves out is taken for what it counts: nobody could correct it.
    """
    drop_frame = ";" in timecode if found.drop_frame is None else found.drop_frame
    second, _, frames = timecode.strip().replace(";", ":").rpartition(":")
    whole = parse_timecode(f"{second}{';' if drop_frame else ':'}00", found.frame_rate)
    part = Fraction(int(frames), frames_a_second(clip_rate))
    return (whole + part * frames_a_second(found.frame_rate)) / found.frame_rate


def _inside(found: SpottingList, start_s: Fraction, duration_s: float) -> list[Spot]:
    """The spots in the clip, by their times in it; a clock goes on from midnight with 00:00:00:00."""
    after = [Fraction(spot.time_s) - start_s for spot in found.spots]
    if found.is_clock:
        day_s = _day_s(found)
        after = [time_s + day_s if time_s < 0 and time_s + day_s <= duration_s else time_s for time_s in after]
    times_s = [round(float(time_s), _DIGITS) for time_s in after]
    placed = [replace(spot, time_s=time_s) for spot, time_s in zip(found.spots, times_s, strict=True)]
    near = [spot for spot in placed if -_ROUNDING_S <= spot.time_s <= duration_s + _ROUNDING_S]
    return [replace(spot, time_s=min(max(0.0, spot.time_s), duration_s)) for spot in near]  # 0.0 also for -0.0


def _day_s(found: SpottingList) -> Fraction:
    """Seconds in which a list's timecode counts 24 hours."""
    last = f"23:59:59{';' if found.drop_frame else ':'}{frames_a_second(found.frame_rate) - 1:02d}"
    return Fraction(parse_timecode(last, found.frame_rate) + 1) / found.frame_rate


def _note(found: SpottingList, inside: Sequence[Spot], start_s: Fraction | None) -> str:
    parts = []
    left = len(found.spots) - len(inside)
    if left:
        parts.append(f"{left} of {counted(len(found.spots), 'hit')} outside the clip left out")
    if start_s is not None:
        parts.append(f"the clip's first frame taken for {_describe(found, float(start_s))}")
    return "; ".join(parts)


def _describe(found: SpottingList, time_s: float) -> str:
    """A time of the list as it is written there: timecode where its clock counts that, else seconds."""
    if not found.is_clock:
        return f"{time_s:.3f} s"
    return format_timecode(round(time_s * float(found.frame_rate)), found.frame_rate, bool(found.drop_frame))
