"""The pixel aspect in a Matroska file, which PyAV gives its muxer no way to know; elements as in RFC 9559."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.video.stream import VideoStream

ROOM = "picture".ljust(24)
"""Name of a picture's track that leaves room for what ``set_pixel_aspect`` writes in its place."""

_SEGMENT, _TRACKS, _ENTRY, _CRC, _VOID = b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xbf", b"\xec"
_NAME, _VIDEO, _WIDTH, _HEIGHT = b"\x53\x6e", b"\xe0", b"\xb0", b"\xba"
_SHOWN_WIDTH, _SHOWN_HEIGHT, _SHOWN_UNIT = b"\x54\xb0", b"\x54\xba", b"\x54\xb2"
_HEAD_BYTES = 1 << 20
"""Of a file, in which its tracks are described."""


def find_own_aspect(stream: VideoStream) -> Fraction | None:
    """The pixel aspect that the container alone tells of a picture; None where its packets tell the same or it is 1."""
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and aspect != (stream.codec_context.sample_aspect_ratio or 1) else None


def set_pixel_aspect(path: Path, aspect: Fraction) -> None:
    """Write the size in pixels that a picture is shown at, in place of its track's name ``ROOM``.

    Raises ValueError where no track has that name.
    """
    with open(path, "r+b") as file:
        data = file.read(_HEAD_BYTES)
        segment = next((content for name, _, content, _ in _iter_elements(data, 0, len(data)) if name == _SEGMENT), 0)
        for name, _, start, end in _iter_elements(data, segment, len(data)):
            if name == _TRACKS:
                tracks = _fill_room(data[start:end], aspect)
                if tracks[:1] == _CRC:  # of all after its own 6 bytes
                    tracks = tracks[:2] + zlib.crc32(tracks[6:]).to_bytes(4, "little") + tracks[6:]
                file.seek(start)
                file.write(tracks)
                return
    raise ValueError("the file describes no tracks")


def _fill_room(tracks: bytes, aspect: Fraction) -> bytes:
    """Tracks of the same length, in which the picture's has its shown size."""
    for name, _, start, end in _iter_elements(tracks, 0, len(tracks)):
        parts = [
            (part, tracks[at:last], tracks[inner:last]) for part, at, inner, last in _iter_elements(tracks, start, end)
        ]
        if name != _ENTRY or not any(part == _NAME and content == ROOM.encode() for part, _, content in parts):
            continue
        entry = b""
        for part, whole, content in parts:
            if part == _VIDEO:
                entry += _element(_VIDEO, _describe_shown(content, aspect))
            elif part != _NAME:
                entry += whole
        return tracks[:start] + entry + _element(_VOID, bytes(end - start - len(entry) - 2)) + tracks[end:]
    raise ValueError("no track has room for the shape of its pixels")


def _describe_shown(video: bytes, aspect: Fraction) -> bytes:
    """The content of a Video element with the size at which it is shown, in pixels as its stored size."""
    parts = {name: (video[at:end], video[inner:end]) for name, at, inner, end in _iter_elements(video, 0, len(video))}
    width, height = (int.from_bytes(parts[name][1], "big") for name in (_WIDTH, _HEIGHT))
    kept = b"".join(part for name, (part, _) in parts.items() if name not in (_SHOWN_WIDTH, _SHOWN_HEIGHT, _SHOWN_UNIT))
    shown = ((_SHOWN_WIDTH, max(1, round(width * aspect))), (_SHOWN_HEIGHT, height))
    return kept + b"".join(_element(name, number.to_bytes(4, "big")) for name, number in shown)


def _element(name: bytes, content: bytes) -> bytes:
    size = bytes([0x80 | len(content)]) if len(content) < 127 else (1 << 14 | len(content)).to_bytes(2, "big")
    return name + size + content


def _iter_elements(data: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Name, position, start of the content and end of the elements in a span (RFC 8794, section 6)."""
    data += bytes(16)  # for one that is cut
    while position < end:
        size = position + 9 - data[position].bit_length()
        content = size + 9 - data[size].bit_length()
        length = int.from_bytes(data[size:content], "big") & (1 << 7 * (content - size)) - 1
        yield data[position:size], position, content, content + length
        position = content + length
