"""Standard MIDI files: a note is a hit with its velocity; where there are no notes, markers."""

from __future__ import annotations

import io
import math
from bisect import bisect_right
from fractions import Fraction
from typing import Any

from engine.core.errors import BadInput
from engine.core.units import frames_a_second
from engine.media.spotting.spots import Spot, SpottingList, clock_s
from engine.physics.model import VELOCITY_RANGE_DB

MAGIC = b"MThd"
_DEFAULT_TEMPO_US = 500_000
_FULL_DB = 12.0
_DROP_FRAME_RATE = 29.97
_SLOWED = Fraction(1000, 1001)


def read_midi(data: bytes, frame_rate: Fraction, is_rate_given: bool, source: str) -> SpottingList:
    """Read a .mid whose ticks are parts of a beat; an SMPTE offset is its beginning's timecode.

    The offset's frames are of its own rate, unless another is given. Raises BadInput.
    """
    file = _open(data, source)
    if not 0 < file.ticks_per_beat < 0x8000:
        raise BadInput(f"{source} counts in frames instead of beats; export it as a MIDI file with a tempo")
    tracks = [_absolute(track) for track in file.tracks]
    to_seconds = _TempoMap([event for track in tracks for event in track], file.ticks_per_beat)
    markers: dict[int, list[str]] = {}
    notes = []
    start = None
    for track in tracks:
        name = next((message.name.strip() for _, message in track if message.type == "track_name"), "")
        for tick, message in track:
            if message.type == "note_on" and message.velocity > 0:
                notes.append((tick, name, message.velocity))
            elif message.type in ("marker", "cue_marker"):
                markers.setdefault(tick, []).append(message.text.strip())
            elif message.type == "smpte_offset" and start is None:
                start = message
    start_s, drop = None, False
    if start is not None:
        start_s, frame_rate = _read_start(start, frame_rate, is_rate_given, source)
        drop = start.frame_rate == _DROP_FRAME_RATE
    offset_s = float(start_s or 0)
    spots = [
        Spot(offset_s + to_seconds(tick), _take_marker(markers.get(tick, []), name), name, velocity_db(velocity))
        for tick, name, velocity in sorted(notes, key=lambda note: note[0])
    ]
    if not spots:
        spots = [Spot(offset_s + to_seconds(tick), texts[0]) for tick, texts in sorted(markers.items())]
    return SpottingList(tuple(spots), frame_rate, drop, start_s, is_clock=start is not None)


def _take_marker(left: list[str], track: str) -> str:
    """The marker of a note, of those at its tick: its track's own as Struck writes it, else the next; one stays."""
    own = next((text for text in left if text.startswith(f"{track} h")), left[0] if left else "")
    if len(left) > 1:
        left.remove(own)
    return own


def _open(data: bytes, source: str) -> Any:
    """The file, its texts in UTF-8 or else Latin-1. Raises BadInput."""
    import mido

    for charset in ("utf-8", "latin-1"):
        try:
            return mido.MidiFile(file=io.BytesIO(data), clip=True, charset=charset)
        except UnicodeDecodeError:
            continue
        except Exception:  # a broken file may raise anything in the reader
            break
    raise BadInput(f"{source} is no complete MIDI file; export it again")


def velocity_db(velocity: int) -> float:
    """Strike of a MIDI velocity: 40 log10(v / 127) dB (General MIDI), +12 dB at 127; the inverse of the export."""
    return max(VELOCITY_RANGE_DB[0], _FULL_DB + 40.0 * math.log10(velocity / 127.0))


def _absolute(track: Any) -> list[tuple[int, Any]]:
    tick = 0
    events = []
    for message in track:
        tick += message.time
        events.append((tick, message))
    return events


def _read_start(start: Any, frame_rate: Fraction, is_rate_given: bool, source: str) -> tuple[Fraction, Fraction]:
    """Seconds from midnight of an SMPTE offset with its hundredths of a frame, and the list's frame rate.

    Raises BadInput.
    """
    offset_rate = _offset_rate(start.frame_rate, frame_rate, is_rate_given)
    label = f"{start.hours:02d}:{start.minutes:02d}:{start.seconds:02d}:{start.frames:02d}"
    try:
        whole_s = clock_s(label, offset_rate, start.frame_rate == _DROP_FRAME_RATE)
    except BadInput:
        raise BadInput(f"{source} begins at {label}, which its frame rate does not have; tell its rate") from None
    return whole_s + Fraction(start.sub_frames, 100) / offset_rate, frame_rate if is_rate_given else offset_rate


def _offset_rate(named: float, frame_rate: Fraction, is_rate_given: bool) -> Fraction:
    """Frames a second of an offset, for which MIDI has the names 24, 25, 29.97 (with drop-frame) and 30.

    24 and 30 are slowed where ``frame_rate``, the clip's or the one given, is. One that is given counts before the
    name, unless it is a multiple or a part of that, for which MIDI has no other name: 60 is written as 30.
    """
    counted, nominal = round(named), frames_a_second(frame_rate)
    if named == _DROP_FRAME_RATE and not is_rate_given:
        return counted * _SLOWED
    if nominal % counted == 0 or counted % nominal == 0:
        return frame_rate * counted / nominal
    if is_rate_given:
        return frame_rate
    return counted * _SLOWED if counted != 25 and frame_rate == nominal * _SLOWED else Fraction(counted)


class _TempoMap:
    """Seconds of ticks, by the tempo changes before them."""

    def __init__(self, events: list[tuple[int, Any]], ticks_per_beat: int) -> None:
        changes = sorted(
            ((tick, message.tempo) for tick, message in events if message.type == "set_tempo"), key=lambda c: c[0]
        )
        self._ticks_per_beat = ticks_per_beat
        self._changes = [(0, _DEFAULT_TEMPO_US), *changes]
        self._seconds = [0.0]
        for (before, tempo), (tick, _) in zip(self._changes, self._changes[1:], strict=False):
            self._seconds.append(self._seconds[-1] + (tick - before) * tempo * 1e-6 / ticks_per_beat)
        self._ticks = [tick for tick, _ in self._changes]

    def __call__(self, tick: int) -> float:
        at = bisect_right(self._ticks, tick) - 1
        before, tempo = self._changes[at]
        return self._seconds[at] + (tick - before) * tempo * 1e-6 / self._ticks_per_beat
