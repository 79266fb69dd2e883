"""WAV files: 24-bit or float, with the start time that broadcast tools read (BWF, EBU Tech 3285)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from engine.core.errors import BadInput, StruckError
from engine.core.files import create_file
from engine.core.units import parse_timecode

_PCM, _FLOAT = 1, 3
_BLOCK = 1 << 18
_LARGEST_BYTES = (1 << 32) - (1 << 16)
_INFO_NAMES = {"title": b"INAM", "comment": b"ICMT", "software": b"ISFT", "artist": b"IART"}


class Samples(Protocol):
    """Float samples [N] or [N, C], full scale 1: an array, or what makes them where it is sliced."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, span: slice, /) -> Any: ...


def write_wave(
    path: str | os.PathLike[str],
    samples: Samples,
    sample_rate_hz: int,
    bits: int = 24,
    time_reference_samples: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Write samples, block by block; returns how many were clipped.

    ``bits`` is 24 (rounded to the nearest value, what exceeds full scale held there) or 32 (float,
    untouched). ``time_reference_samples`` since midnight makes it a BWF file; ``metadata`` may name
    title, comment, software and artist. Raises BadInput when the target cannot be written.
    """
    if bits not in (24, 32):
        raise BadInput(f"a WAV of {bits} bits is not offered; choose 24 or 32")
    frames, channels = samples.shape[0], count_channels(samples)
    data_bytes = frames * channels * bits // 8
    chunks = _describe(channels, sample_rate_hz, bits, frames, time_reference_samples, metadata or {})
    size = 4 + len(chunks) + 8 + data_bytes + data_bytes % 2
    if size > _LARGEST_BYTES:
        raise BadInput("the sound is longer than a WAV file can hold (4 GB); export a shorter clip, or a .w64 or .flac")
    clipped = 0
    with create_file(path) as file:
        file.write(b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks + b"data" + struct.pack("<I", data_bytes))
        for block, over in _encode(samples, bits):
            file.write(block)
            clipped += over
        file.write(b"\0" * (data_bytes % 2))
    return clipped


def count_channels(samples: Samples) -> int:
    """Channels of samples [N] or [N, C]."""
    return samples.shape[1] if len(samples.shape) == 2 else 1


def iter_blocks(samples: Samples, block: int) -> Iterator[np.ndarray]:
    """Samples as float32 [up to ``block``, C]; StruckError where one is not finite."""
    channels = count_channels(samples)
    for start in range(0, samples.shape[0], block):
        part = np.asarray(samples[start : start + block], np.float32).reshape(-1, channels)
        if not np.isfinite(part).all():
            raise StruckError("the sound holds values that are not finite, so no file was written; render it again")
        yield part


def find_time_reference(start_timecode: str | None, frame_rate: Fraction, sample_rate_hz: int) -> int | None:
    """Start of a clip in samples since midnight (BWF TimeReference); None without a timecode."""
    if not start_timecode:
        return None
    return round(parse_timecode(start_timecode, frame_rate) / frame_rate * sample_rate_hz)


def _encode(samples: Samples, bits: int) -> Iterator[tuple[bytes, int]]:
    """Little-endian blocks and the number of clipped samples in each."""
    for block in iter_blocks(samples, _BLOCK):
        if bits == 32:
            yield np.ascontiguousarray(block, dtype="<f4").tobytes(), 0
            continue
        scaled = np.rint(block.astype(np.float64) * 2**23)
        held = np.clip(scaled, -(2**23), 2**23 - 1)
        # A sample of exactly +1.0 is one step over the 24-bit maximum, which is inaudible and not counted.
        over = int(np.count_nonzero((scaled > 2**23) | (scaled < -(2**23))))
        yield held.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes(), over


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _describe(
    channels: int, rate_hz: int, bits: int, frames: int, time_reference: int | None, metadata: Mapping[str, str]
) -> bytes:
    """All chunks between the RIFF header and the data: bext, fmt, fact, LIST."""
    frame_bytes = channels * bits // 8
    kind = _PCM if bits == 24 else _FLOAT
    layout = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits)
    chunks = b""
    if time_reference is not None:
        chunks += _chunk(b"bext", _describe_broadcast(time_reference, rate_hz, bits, channels, metadata))
    chunks += _chunk(b"fmt ", layout if bits == 24 else layout + b"\0\0")
    if bits == 32:
        chunks += _chunk(b"fact", struct.pack("<I", frames))
    info = b""
    for name, key in _INFO_NAMES.items():
        if metadata.get(name):
            info += _chunk(key, metadata[name].encode("utf-8", "replace") + b"\0")
    return chunks + (_chunk(b"LIST", b"INFO" + info) if info else b"")


def _describe_broadcast(
    time_reference: int, rate_hz: int, bits: int, channels: int, metadata: Mapping[str, str]
) -> bytes:
    def text(value: str, length: int) -> bytes:
        return value.encode("ascii", "replace")[:length].ljust(length, b"\0")

    history = f"A=PCM,F={rate_hz},W={bits},M={'mono' if channels == 1 else 'stereo'},T=Struck\r\n".encode("ascii")
    return (
        text(metadata.get("title", ""), 256)
        + text("Struck", 32)
        + text("", 32)
        + text("", 10)  # no date: the same project gives the same file
        + text("", 8)
        + struct.pack("<Q", max(0, time_reference))
        + struct.pack("<H", 1)
        + bytes(64 + 190)
        + history
    )
