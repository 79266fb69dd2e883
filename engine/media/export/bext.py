"""The bext chunk of Broadcast Wave files, version 2 (EBU Tech 3285)."""

from __future__ import annotations

import hashlib
import math
import os
import struct

from engine.media.export.loudness import Loudness
from engine.media.export.tags import SoundTags

_UNSET = 0x7FFF
"""A loudness field that holds no value."""

_MODES = {1: "mono", 2: "stereo"}


LOUDNESS_OFFSET = 412
"""Where ``pack_loudness`` lies in the chunk's content."""


def describe_broadcast(tags: SoundTags, rate_hz: int, bits: int, channels: int) -> bytes:
    """Content of the chunk: description, originator, date, time reference and coding history; loudness unset."""
    return (
        _text(tags.title, 256)
        + _text(tags.software, 32)
        + _text(_make_reference(tags), 32)
        + _text(f"{tags.created:%Y-%m-%d}" if tags.created else "", 10)
        + _text(f"{tags.created:%H:%M:%S}" if tags.created else "", 8)
        + struct.pack("<QH", max(0, tags.time_reference_samples), 2)
        + bytes(64)  # no UMID
        + pack_loudness(Loudness())
        + bytes(180)
        + _describe_coding(tags, rate_hz, bits, channels).encode("ascii", "replace")
    )


def pack_loudness(loudness: Loudness) -> bytes:
    """The five loudness fields, in hundredths."""
    return struct.pack("<5H", *map(_hundredths, loudness))


def read_loudness(path: str | os.PathLike[str]) -> tuple[float | None, float | None]:
    """Integrated loudness (LUFS) and true peak (dBTP) of a WAV that ``write_wave`` wrote; None where unset."""
    with open(path, "rb") as file:
        head = file.read(12 + 36 + 8 + LOUDNESS_OFFSET + 10)
    at = head.find(b"bext")
    if at < 0:
        return None, None
    at += 8 + LOUDNESS_OFFSET
    integrated, _, peak = struct.unpack("<3h", head[at : at + 6])
    return (None if integrated == _UNSET else integrated / 100.0), (None if peak == _UNSET else peak / 100.0)


def _text(value: str, length: int) -> bytes:
    return value.encode("ascii", "replace")[:length].ljust(length, b"\0")


def _make_reference(tags: SoundTags) -> str:
    """An originator reference that differs between projects, titles and times."""
    told = repr((tags.title, tags.created, tags.time_reference_samples)).encode() + tags.project
    return f"STRUCK{hashlib.sha256(told).hexdigest()[:16].upper()}"


def _hundredths(level: float) -> int:
    if not math.isfinite(level) or abs(level) >= 327.0:
        return _UNSET
    return round(100.0 * level) & 0xFFFF


def _describe_coding(tags: SoundTags, rate_hz: int, bits: int, channels: int) -> str:
    """One line of coding history (EBU R 98)."""
    mode = f",M={_MODES[channels]}" if channels in _MODES else ""
    layout = "; L R C LFE Ls Rs" if channels == 6 else ""
    dither = "; TPDF dither" if bits == 16 else ""
    line = f"A=PCM,F={rate_hz},W={bits}{mode},T={tags.software}{layout}{dither}"
    return f"{line}{' ' * (len(line) % 2)}\r\n"  # even, since libsndfile overlooks padding in RF64 files
