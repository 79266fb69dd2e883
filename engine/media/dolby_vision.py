"""The configuration of Dolby Vision in a MOV, which FFmpeg writes into MP4 and Matroska alone.

Without it a picture of profile 5 is taken for ordinary video, and shown in false colours.
"""

from __future__ import annotations

import io
from pathlib import Path

import av
import av.error
from av.video.stream import VideoStream

from engine.media.structure import iter_boxes

_KINDS = {b"dvcC", b"dvvC", b"dvwC"}
_DECODERS = {b"hvcC", b"avcC", b"av1C"}
_PATH_TO_ENTRIES = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_ENTRY_HEAD_BYTES, _LIST_HEAD_BYTES = 78, 8
"""Bytes before the boxes of a picture's sample entry, and before the entries (ISO 14496-12, section 12.1.3)."""


def read_configuration(stream: VideoStream) -> bytes | None:
    """The box that describes a picture's Dolby Vision, from any container; None where it has none.

    FFmpeg is asked for the index of an MP4 of it; what MP4 does not take is no Dolby Vision.
    """
    index = io.BytesIO()
    options = {"strict": "unofficial", "movflags": "empty_moov"}
    try:
        with av.open(index, "w", format="mp4", options=options) as output:
            output.add_stream_from_template(stream, opaque=True)
            output.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return None
    data = index.getvalue()
    for places in _list_places(data):
        for kind, start, end in _list_entry_boxes(data, places[-1]):
            if kind in _KINDS:
                return data[start - 8 : end]
    return None


def insert_configuration(path: Path, box: bytes) -> None:
    """Put the box of ``read_configuration`` into a MOV or MP4 whose index is its last part, in place.

    Raises ValueError where there is no such index or no picture in it.
    """
    with open(path, "r+b") as file:
        size = path.stat().st_size
        start, end = next((start - 8, end) for kind, start, end in iter_boxes(file, 0, size) if kind == b"moov")
        if end != size:
            raise ValueError("the index is not the last part of the file")
        file.seek(start)
        index = file.read()
        for places in _list_places(index):
            for kind, _, decoder_end in _list_entry_boxes(index, places[-1]):
                if kind in _DECODERS:
                    file.seek(start)
                    file.write(_insert(index, box, decoder_end, places))
                    return
    raise ValueError("the index has no picture that can be Dolby Vision")


def _list_places(data: bytes) -> list[list[int]]:
    """Positions of the boxes from the index down to the first sample entry, of every track."""
    found = []
    file = io.BytesIO(data)
    for kind, index, index_end in iter_boxes(file, 0, len(data)):
        for inner, track, track_end in list(iter_boxes(file, index, index_end)) if kind == b"moov" else ():
            places, start, end, name = [index - 8, track - 8], track, track_end, inner
            for wanted in _PATH_TO_ENTRIES[1:]:
                inside = [box for box in iter_boxes(file, start, end) if box[0] == wanted]
                if name != _PATH_TO_ENTRIES[0] or not inside:
                    break
                start, end = inside[0][1:]
                places.append(start - 8)
            else:
                found.append([*places, start + _LIST_HEAD_BYTES])
    return found


def _list_entry_boxes(data: bytes, entry: int) -> list[tuple[bytes, int, int]]:
    """Kind, start of the content and end of the boxes in a picture's sample entry at a position."""
    end = entry + int.from_bytes(data[entry : entry + 4], "big")
    return list(iter_boxes(io.BytesIO(data), entry + 8 + _ENTRY_HEAD_BYTES, end))


def _insert(index: bytes, box: bytes, at: int, places: list[int]) -> bytes:
    """An index with a box put in; those that hold it, at some places, grow by its length."""
    grown = bytearray(index)
    for place in places:
        length = int.from_bytes(grown[place : place + 4], "big") + len(box)
        grown[place : place + 4] = length.to_bytes(4, "big")
    return bytes(grown[:at] + box + grown[at:])
