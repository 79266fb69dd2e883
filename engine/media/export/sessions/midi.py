"""Standard MIDI file: a track a sound, a note a hit, its velocity, markers and the start."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from engine.core.files import create_file
from engine.core.names import to_text
from engine.core.units import format_timecode, frames_a_second
from engine.media.export.sessions.session import Session, Track

TICKS_PER_BEAT = 9600
BEAT_US = 500_000
"""120 beats a minute: a tick is 52 microseconds."""

_LOWEST_NOTE = 36
_NOTE_S = 0.1
_FULL_DB = 12.0
"""Velocity of a note of 127."""

_SMPTE_RATES = (24, 25, 30)
_SMPTE_DROP_RATE = 29.97
"""What mido calls 30 with drop-frame."""


def write_midi(path: Path, session: Session) -> None:
    """Write a .mid of format 1; a sound's note is 36 (C2) and up, in the order of the tracks."""
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    conductor = [(0, mido.MetaMessage("track_name", name=to_text(session.title)))]
    conductor.append((0, mido.MetaMessage("set_tempo", tempo=BEAT_US)))
    conductor.append((0, _make_offset(session)))
    for _, item in session.hits():
        conductor.append((_tick(session, item.hit_s), mido.MetaMessage("marker", text=to_text(item.name))))
    file.tracks.append(_make_track(conductor))
    for number, track in enumerate(session.tracks):
        file.tracks.append(_make_track(_list_notes(session, track, number)))
    with create_file(path) as target:
        file.save(file=target)


def note_velocity(velocity_db: float) -> int:
    """MIDI velocity of a strike: 40 log10(v / 127) dB (General MIDI), 127 at +12 dB, 64 at 0 dB."""
    return max(1, min(127, round(127.0 * 10.0 ** ((velocity_db - _FULL_DB) / 40.0))))


def _list_notes(session: Session, track: Track, number: int) -> list:
    import mido

    note, channel = min(127, _LOWEST_NOTE + number), number % 16
    events: list = [(0, mido.MetaMessage("track_name", name=to_text(track.name)))]
    times = [_tick(session, item.hit_s) for item in track.items]
    length = round(_NOTE_S * 1e6 / BEAT_US * TICKS_PER_BEAT)
    for index, (tick, item) in enumerate(zip(times, track.items, strict=True)):
        later = [other for other in times[index + 1 :] if other > tick]
        end = min(tick + length, later[0] if later else tick + length)
        velocity = note_velocity(item.velocity_db)
        events.append((tick, mido.Message("note_on", channel=channel, note=note, velocity=velocity)))
        events.append((end, mido.Message("note_off", channel=channel, note=note, velocity=0)))
    return events


def _make_track(events: list) -> list:
    """A track with times as differences; at one tick, notes end before others begin."""
    import mido

    track = mido.MidiTrack()
    last = 0
    for tick, message in sorted(events, key=lambda event: (event[0], event[1].type != "note_off")):
        track.append(message.copy(time=tick - last))
        last = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track


def _tick(session: Session, hit_s: float) -> int:
    return round((hit_s + float(session.start.lead_s)) * 1e6 / BEAT_US * TICKS_PER_BEAT)


def _make_offset(session: Session) -> object:
    """The start in frames of a rate that MIDI has, and in hundredths of them: at 59.94, frame 45 is 22.50 of 29.97."""
    import mido

    start = session.start
    label = format_timecode(start.frame, start.frame_rate, start.drop_frame)
    hours, minutes, seconds, frames = (int(part) for part in label.replace(";", ":").split(":"))
    nominal = frames_a_second(start.frame_rate)
    rate = _choose_rate(nominal)
    whole, part = divmod(Fraction(frames * rate, nominal), 1)
    return mido.MetaMessage(
        "smpte_offset",
        frame_rate=_SMPTE_DROP_RATE if start.drop_frame else rate,
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        frames=int(whole),
        sub_frames=min(99, round(100 * part)),
    )


def _choose_rate(nominal: int) -> int:
    """MIDI's highest rate of which a picture's is a multiple or a part, else the nearest."""
    related = [rate for rate in _SMPTE_RATES if nominal % rate == 0 or rate % nominal == 0]
    return max(related) if related else min(_SMPTE_RATES, key=lambda rate: abs(rate - nominal))
