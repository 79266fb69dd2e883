"""Opening media files safely: whole, of a known kind, and with one clear sentence when they are not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer

from engine.core.errors import BadInput

CLIP_FORMATS = "mov,matroska,avi,gif,mpegts,mpeg,flv,asf,mxf,ogg"
"""Container formats read as clips. Playlists and script formats stay out: they may name other files or hosts."""

SOUND_FORMATS = CLIP_FORMATS + ",wav,w64,aiff,caf,flac,mp3,aac,ac3,eac3,amr,au,wv,ape,tta,dsf,opus"

_WHOLE_DIGEST_BYTES = 256 << 20
_SAMPLE_COUNT = 64
_SAMPLE_BYTES = 1 << 20


def check_readable(path: str | os.PathLike[str]) -> Path:
    """The file's absolute path; BadInput when it is missing, a folder, empty or not readable."""
    whole = Path(os.path.abspath(path))
    try:
        if not whole.exists():
            raise BadInput(f"{whole.name}: there is no such file in {whole.parent}; check the path")
        if not whole.is_file():
            raise BadInput(f"{whole.name} is not a file; give the path of a clip or a recording")
        if whole.stat().st_size == 0:
            raise BadInput(f"{whole.name} is empty (0 bytes); copy or export it again")
        with open(whole, "rb"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{str(path)!r} cannot be read ({reason}); check the path and its permissions") from None
    return whole


def open_container(path: str | os.PathLike[str], formats: str = CLIP_FORMATS) -> InputContainer:
    """Open a media file for reading; BadInput when it is missing, broken or of no known kind."""
    whole = check_readable(path)
    try:
        return av.open(str(whole), mode="r", options={"format_whitelist": formats}, metadata_errors="ignore")
    except av.error.PermissionError:
        raise BadInput(f"{whole.name} cannot be read (permission denied); check its permissions") from None
    except (av.error.FFmpegError, ValueError, OSError):
        reason = find_truncation(whole)
        if reason:
            raise BadInput(f"{whole.name} is not whole: {reason}; copy or export it again") from None
        raise BadInput(
            f"{whole.name} is not a clip or sound that can be read, whatever its name says; "
            "give an MP4, MOV, MKV, WebM, AVI or GIF, or a WAV, FLAC, OGG, AIFF or MP3"
        ) from None


def check_whole(path: Path) -> None:
    """BadInput when the container says that the file should be longer than it is."""
    reason = find_truncation(path)
    if reason:
        raise BadInput(f"{path.name} is not whole: {reason}; copy or export it again")


def find_truncation(path: Path) -> str | None:
    """How a file falls short of what its own structure declares, in words; None when it does not."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _find_box_truncation(file, size)
        if head[:4] == b"\x1aE\xdf\xa3":
            return _find_segment_truncation(file, size)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            declared = int.from_bytes(head[4:8], "little") + 8
            return _say_missing(declared, size) if declared > size else None
        if head[:4] == b"GIF8":
            file.seek(max(0, size - 1024))
            return None if file.read().rstrip(b"\0").endswith(b";") else "the GIF has no end mark"
    return None


def _say_missing(declared: int, size: int) -> str:
    return f"it should have {declared} bytes and has {size}"


def _find_box_truncation(file: BinaryIO, size: int) -> str | None:
    """Walk the top-level boxes of an MP4 or MOV (ISO 14496-12, section 4.2)."""
    position, seen = 0, set()
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - position
        if length < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in kind):
            break
        seen.add(kind)
        if position + length > size:
            return _say_missing(position + length, size)
        position += length
    return None if b"moov" in seen else "its index (the moov box) is missing"


def _find_segment_truncation(file: BinaryIO, size: int) -> str | None:
    """Compare the Segment's declared size in a Matroska or WebM file (RFC 8794) with the file's."""
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(12)
        if len(header) < 2 or header[0] == 0:
            return None
        id_length = 9 - header[0].bit_length()
        if id_length > 4 or len(header) <= id_length or header[id_length] == 0:
            return None
        size_length = 9 - header[id_length].bit_length()
        raw = int.from_bytes(header[id_length : id_length + size_length], "big")
        length = raw & ((1 << 7 * size_length) - 1)
        if length == (1 << 7 * size_length) - 1:
            return None  # of unknown size, as live recordings are
        end = position + id_length + size_length + length
        if end > size:
            return _say_missing(end, size)
        position = end
    return None


def digest_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, in hex.

    Files over 256 MiB are digested from their size and 64 evenly spread blocks of 1 MiB, head and
    tail included: encoded media of one size that agree there are the same. Raises BadInput.
    """
    whole = check_readable(path)
    size = whole.stat().st_size
    digest = hashlib.sha256()
    with open(whole, "rb") as file:
        if size <= _WHOLE_DIGEST_BYTES:
            while block := file.read(_SAMPLE_BYTES):
                digest.update(block)
        else:
            digest.update(f"struck sampled {size}".encode())
            for index in range(_SAMPLE_COUNT):
                file.seek((size - _SAMPLE_BYTES) * index // (_SAMPLE_COUNT - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
