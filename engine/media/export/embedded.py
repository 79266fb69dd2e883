"""The project inside a sound file, compressed: a RIFF chunk of WAV, a comment of FLAC."""

from __future__ import annotations

import base64
import os
import struct
import zlib
from pathlib import Path
from typing import IO

from engine.core.errors import BadInput

CHUNK = b"strk"
COMMENT = "STRUCK_PROJECT"
MOST_BYTES = 64 * 2**20
"""Of a project's JSON, as storage reads it."""

_MOST_PACKED = 16 * 2**20
_MOST_PARTS = 10_000
"""Chunks, blocks or comments that are looked at."""


def pack_project(project: bytes) -> bytes:
    """Compress the JSON of a project."""
    return zlib.compress(project, 9)


def unpack_project(packed: bytes, name: str) -> bytes:
    """The JSON of a packed project. Raises BadInput where it is damaged or too large."""
    reader = zlib.decompressobj()
    try:
        project = reader.decompress(packed, MOST_BYTES + 1)
    except zlib.error:
        project = b""
    if not project or not reader.eof or len(project) > MOST_BYTES:
        raise BadInput(f"the project inside {name} is damaged; open the project file itself")
    return project


def pack_comment(project: bytes) -> str:
    """A project as the text of a FLAC comment; "" where it is too large for one."""
    packed = base64.b64encode(pack_project(project))
    return packed.decode("ascii") if len(packed) < _MOST_PACKED - 2**20 else ""


def read_embedded_project(path: str | os.PathLike[str]) -> bytes | None:
    """JSON of the project inside a WAV or FLAC file; None where there is none. Raises BadInput where it is damaged."""
    name = Path(path).name
    if not os.path.isfile(path):  # opening a pipe would block
        return None
    try:
        with open(path, "rb") as file:
            head = file.read(12)
            if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
                packed = _find_chunk(file)
            elif head[:4] == b"fLaC":
                file.seek(4)
                packed = _find_comment(file)
            else:
                return None
    except (OSError, ValueError):
        return None
    return None if packed is None else unpack_project(packed, name)


def _find_chunk(file: IO[bytes]) -> bytes | None:
    """Content of our chunk, which lies before the samples."""
    for _ in range(_MOST_PARTS):
        head = file.read(8)
        if len(head) < 8 or head[:4] == b"data":
            return None
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if name == CHUNK:
            return file.read(size) if size <= _MOST_PACKED else b""
        file.seek(size + size % 2, 1)
    return None


def _find_comment(file: IO[bytes]) -> bytes | None:
    """Our comment among FLAC's metadata blocks."""
    for _ in range(_MOST_PARTS):
        head = file.read(4)
        if len(head) < 4:
            return None
        kind, size = head[0], int.from_bytes(head[1:], "big")
        if kind & 0x7F == 4:
            return _decode_comment(file.read(size))
        if kind & 0x80:
            return None
        file.seek(size, 1)
    return None


def _decode_comment(block: bytes) -> bytes | None:
    position = 4 + int.from_bytes(block[:4], "little")
    count = int.from_bytes(block[position : position + 4], "little")
    position += 4
    for _ in range(min(count, _MOST_PARTS)):
        size = int.from_bytes(block[position : position + 4], "little")
        name, _, value = block[position + 4 : position + 4 + size].partition(b"=")
        if name.upper() == COMMENT.encode():
            return base64.b64decode(value, validate=True)
        position += 4 + size
    return None
