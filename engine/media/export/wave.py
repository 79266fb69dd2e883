"""WAV files as broadcast tools read them: bext and iXML always, RF64 past 4 GB, the project inside."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.files import create_file
from engine.core.names import to_text
from engine.media.export.bext import LOUDNESS_OFFSET, describe_broadcast, pack_loudness
from engine.media.export.embedded import CHUNK, pack_project
from engine.media.export.ixml import describe_ixml
from engine.media.export.loudness import LoudnessMeter
from engine.media.export.quantize import Quantizer
from engine.media.export.samples import Samples, count_channels, iter_blocks
from engine.media.export.tags import SoundTags

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT = bytes.fromhex("0000000010008000 00aa00389b71")
"""The rest of the sub-format GUID of WAVE_FORMAT_EXTENSIBLE, after the kind of coding."""

_FRONT_AND_SIDES = 0x3F
"""Speakers of 5.1: front left, right and centre, low frequency, back left and right."""

_BLOCK = 1 << 18
_LARGEST_BYTES = (1 << 32) - (1 << 16)


def write_wave(
    path: str | os.PathLike[str],
    samples: Samples,
    sample_rate_hz: int,
    bits: int = 24,
    tags: SoundTags | None = None,
) -> int:
    """Write samples, block by block; returns how many were clipped.

    ``bits`` is 16 (with dither), 24 (rounded to the nearest value, what exceeds full scale held there) or 32 (float,
    untouched). Past 4 GB, or where the name ends in .rf64, it is an RF64 file (EBU Tech 3306). Raises BadInput when the
    target cannot be written.
    """
    if bits not in (16, 24, 32):
        raise BadInput(f"a WAV of {bits} bits is not offered; choose 16, 24 or 32")
    frames, channels = samples.shape[0], count_channels(samples)
    data_bytes = frames * channels * bits // 8
    chunks = _describe(channels, frames, sample_rate_hz, bits, tags or SoundTags())
    size = 4 + len(chunks) + 8 + data_bytes + data_bytes % 2
    large = size > _LARGEST_BYTES or Path(path).suffix.lower() == ".rf64"
    quantizer, meter = Quantizer(bits), LoudnessMeter(channels, sample_rate_hz)
    with create_file(path) as file:
        if large:
            sizes = struct.pack("<QQQI", size + 36, data_bytes, frames, 0)
            file.write(b"RF64\xff\xff\xff\xffWAVE" + _chunk(b"ds64", sizes) + chunks + b"data\xff\xff\xff\xff")
        else:
            file.write(b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks + b"data" + struct.pack("<I", data_bytes))
        for block in iter_blocks(samples, _BLOCK):
            meter.add(block if bits == 32 else np.clip(block, -1.0, 1.0))  # what is stored
            file.write(_encode(block, bits, quantizer))
        file.write(b"\0" * (data_bytes % 2))
        file.seek((12 + 36 if large else 12) + 8 + LOUDNESS_OFFSET)
        file.write(pack_loudness(meter.finish()))
    return quantizer.clipped


def _encode(block: np.ndarray, bits: int, quantizer: Quantizer) -> bytes:
    """Little-endian samples of a block."""
    if bits == 32:
        return np.ascontiguousarray(block, dtype="<f4").tobytes()
    if bits == 16:
        return quantizer(block).astype("<i2").tobytes()
    return quantizer(block).astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _describe(channels: int, frames: int, rate_hz: int, bits: int, tags: SoundTags) -> bytes:
    """All chunks between the RIFF header and the data: bext first, fmt, fact, iXML, LIST, the project."""
    chunks = _chunk(b"bext", describe_broadcast(tags, rate_hz, bits, channels))
    chunks += _chunk(b"fmt ", _describe_format(channels, rate_hz, bits))
    if bits == 32:
        chunks += _chunk(b"fact", struct.pack("<I", min(frames, 0xFFFFFFFF)))
    chunks += _chunk(b"iXML", _even(describe_ixml(tags, rate_hz, bits, channels), b"\n"))
    info = b""
    for key, text in ((b"INAM", tags.title), (b"ICMT", tags.comment), (b"ISFT", tags.software), (b"IART", tags.artist)):
        if text:
            info += _chunk(key, to_text(text).encode("utf-8") + b"\0")
    if info:
        chunks += _chunk(b"LIST", b"INFO" + info)
    return chunks + (_chunk(CHUNK, _even(pack_project(tags.project), b"\0")) if tags.project else b"")


def _even(content: bytes, filler: bytes) -> bytes:
    """Content of an even length: libsndfile overlooks the padding of chunks that it does not know in RF64 files."""
    return content + filler * (len(content) % 2)


def _describe_format(channels: int, rate_hz: int, bits: int) -> bytes:
    frame_bytes = channels * bits // 8
    kind = _FLOAT if bits == 32 else _PCM
    numbers = (channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits)
    if channels > 2:
        mask = _FRONT_AND_SIDES if channels == 6 else 0
        return struct.pack("<HHIIHHHHIH", _EXTENSIBLE, *numbers, 22, bits, mask, kind) + _SUBFORMAT
    return struct.pack("<HHIIHH", kind, *numbers) + (b"\0\0" if bits == 32 else b"")
