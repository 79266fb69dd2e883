"""Read a file's own structure: missing bytes, encryption, and kinds of file that hold no clip."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

_BOXES_OF_MP4 = {b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"prft", b"emsg", b"meta"} | {
    b"free", b"skip", b"wide", b"uuid", b"udta", b"pdin", b"pnot", b"PICT"
}  # fmt: skip
_ENCRYPTED_ENTRIES = {b"encv": "picture", b"drmi": "picture", b"enca": "sound", b"drms": "sound"}
_HEAD_BYTES = 256 << 10
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_ENCRYPTION = tuple(
    bytes.fromhex(code) for code in ("fbb3112223bdd211b4b700a0c955fc6e", "14e68a292226174cb935dae07ee9289c")
)
"""The two content encryption objects of ASF (sections 3.14 and 3.15 of its specification)."""
_PATH_TO_ENTRIES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_LARGEST_INDEX_BYTES = 256 << 20
_EMPTY_BYTES, _MOST_EMPTY_PARTS = 16, 10_000
_EBML_ID, _SEGMENT_ID = 0x1A45DFA3, 0x18538067
_UNKNOWN_RIFF_SIZES = (0, 0xFFFFFFFF)
_PICTURE_FILES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}


def find_truncation(path: Path) -> str | None:
    """How a file falls short of what its own structure declares, in words; None when it does not.

    What follows the last part of an MP4, Matroska or GIF file is ignored, as players ignore it.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[4:8] in _BOXES_OF_MP4:
            return _find_box_truncation(file, size)
        if int.from_bytes(head[:4], "big") == _EBML_ID:
            return _find_segment_truncation(file, size)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            declared = int.from_bytes(head[4:8], "little")
            unknown = declared in _UNKNOWN_RIFF_SIZES
            return None if unknown or declared + 8 <= size + 1 else _describe_missing(declared + 8, size)
        if head[:4] == b"GIF8":
            return None if _has_gif_end(file) else "the GIF has no end mark"
    return None


def has_too_many_empty_parts(path: Path) -> bool:
    """Whether a file is mostly parts that hold next to nothing, of which every reader would walk through all.

    Looks at the boxes of an MP4 or MOV, the chunks of WAV, AVI and AIFF, and the ID3 tags before an MP3.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(12)
        if head[4:8] in _BOXES_OF_MP4:
            lengths = _iter_box_lengths(file, size)
        elif head[:4] in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
            lengths = _iter_chunk_lengths(file, size, "big" if head[:4] in (b"RIFX", b"FORM") else "little")
        elif head[:3] == b"ID3":
            lengths = _iter_tag_lengths(file)
        else:
            return False
        empty = (length for length in lengths if length <= _EMPTY_BYTES)
        return next(islice(empty, _MOST_EMPTY_PARTS, None), None) is not None


def _iter_box_lengths(file: BinaryIO, size: int) -> Iterator[int]:
    """Bytes in each box, those of the index included."""
    for kind, start, end in iter_boxes(file, 0, size):
        yield end - start
        if kind == b"moov":
            yield from _iter_inner_lengths(file, start, min(end, size), 1)


def _iter_inner_lengths(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[int]:
    for kind, inner, inner_end in iter_boxes(file, start, end):
        yield inner_end - inner
        if depth < len(_PATH_TO_ENTRIES) - 1 and kind == _PATH_TO_ENTRIES[depth]:
            yield from _iter_inner_lengths(file, inner, min(inner_end, end), depth + 1)


def _iter_chunk_lengths(file: BinaryIO, size: int, order: Literal["big", "little"]) -> Iterator[int]:
    """Bytes in each chunk of a RIFF or IFF file, up to sound of unknown length or what is no chunk."""
    position = 12
    while position + 8 <= size:
        file.seek(position)
        header = file.read(8)
        name, length = header[:4], int.from_bytes(header[4:], order)
        if not all(0x20 <= byte < 0x7F for byte in name) or (name == b"data" and length in _UNKNOWN_RIFF_SIZES):
            return
        yield length
        position += 8 + length + length % 2


def _iter_tag_lengths(file: BinaryIO) -> Iterator[int]:
    """Bytes in each of the ID3 tags that a file begins with (ID3v2.4, section 3.1)."""
    position = 0
    while True:
        file.seek(position)
        header = file.read(10)
        if len(header) < 10 or header[:3] != b"ID3":
            return
        length = sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], (21, 14, 7, 0), strict=True))
        yield length
        position += 10 + length


def find_fragments_end(path: Path) -> int | None:
    """Bytes up to the end of the last whole fragment of an MP4 or MOV that was cut off; None for any other file."""
    size = path.stat().st_size
    whole = 0  # end of the last media data that was preceded by a fragment's header
    in_fragment = False
    with open(path, "rb") as file:
        for kind, _, end in iter_boxes(file, 0, size):
            if kind not in _BOXES_OF_MP4:
                return None
            if end > size:
                return whole or None
            if kind == b"mdat" and in_fragment:
                whole = end
            in_fragment = in_fragment or kind == b"moof"
    return None


def find_encrypted(path: Path) -> set[str]:
    """Which of "picture" and "sound" an MP4 or MOV declares as encrypted (ISO 23001-7: sample entries encv, enca).

    "all of it" for a transport stream whose packets are scrambled, and for an ASF or WMV with a licence.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
        if _is_scrambled(head) or (head.startswith(_ASF_HEADER) and any(mark in head for mark in _ASF_ENCRYPTION)):
            return {"all of it"}
        size = path.stat().st_size
        for kind, start, end in iter_boxes(file, 0, size):
            if kind not in _BOXES_OF_MP4:
                return set()
            if kind == b"moov" and end - start <= _LARGEST_INDEX_BYTES:
                return {_ENCRYPTED_ENTRIES[kind] for kind in _list_sample_entries(file, start, min(end, size))}
    return set()


def _is_scrambled(head: bytes) -> bool:
    """Whether most packets at the start of a transport stream are scrambled (ISO 13818-1, section 2.4.3.2)."""
    for length, start in ((188, 0), (192, 4)):
        packets = [head[at : at + 4] for at in range(start, len(head) - 4, length)]
        if len(packets) > 4 and all(packet[0] == 0x47 for packet in packets):
            filled = [packet for packet in packets if int.from_bytes(packet[1:3], "big") & 0x1FFF != 0x1FFF]
            return 2 * sum(packet[3] >= 0x80 for packet in filled) > len(filled)
    return False


def identify_picture_file(path: Path) -> str | None:
    """Name of a picture format that is no clip, by a file's first bytes; None for anything else."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for magic, name in _PICTURE_FILES.items() if head.startswith(magic)), None)


def _describe_missing(declared: int, size: int) -> str:
    return f"it should have {declared} bytes and has {size}"


def iter_boxes(file: BinaryIO, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start of the content and declared end of each box in a span of a file (ISO 14496-12, section 4.2)."""
    while position + 8 <= end:
        file.seek(position)
        header = file.read(16)
        length, kind, content = int.from_bytes(header[:4], "big"), header[4:8], position + 8
        if length == 1:
            length, content = int.from_bytes(header[8:16], "big"), position + 16
        elif length == 0:
            length = end - position
        if position + length < content:
            return
        yield kind, content, position + length
        position += length


def _find_box_truncation(file: BinaryIO, size: int) -> str | None:
    """A missing index or media data; a fragmented file may end within any fragment but the first."""
    kinds: set[bytes] = set()
    for kind, _, end in iter_boxes(file, 0, size):
        if kind not in _BOXES_OF_MP4:  # text or other data that something appended
            break
        if end > size:
            if {b"moof", b"mdat"} <= kinds or (kind not in (b"moov", b"mdat") and {b"moov", b"mdat"} <= kinds):
                return None
            return _describe_missing(end, size)
        kinds.add(kind)
    return None if b"moov" in kinds else "its index (the moov box) is missing"


def _list_sample_entries(file: BinaryIO, start: int, end: int, depth: int = 1) -> set[bytes]:
    """Encrypted kinds among the sample entries under a box of ``_PATH_TO_ENTRIES``."""
    if depth == len(_PATH_TO_ENTRIES):  # version, flags and number of entries come first
        return {kind for kind, _, _ in iter_boxes(file, start + 8, end) if kind in _ENCRYPTED_ENTRIES}
    found: set[bytes] = set()
    for kind, inner, inner_end in list(iter_boxes(file, start, end)):
        if kind == _PATH_TO_ENTRIES[depth]:
            found |= _list_sample_entries(file, inner, min(inner_end, end), depth + 1)
    return found


def _find_segment_truncation(file: BinaryIO, size: int) -> str | None:
    """Compare the Segment's declared size in a Matroska or WebM file (RFC 8794) with the file's."""
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(12)
        if len(header) < 6 or int.from_bytes(header[:4], "big") not in (_EBML_ID, _SEGMENT_ID) or header[4] == 0:
            return None
        size_length = 9 - header[4].bit_length()
        unknown = (1 << 7 * size_length) - 1
        length = int.from_bytes(header[4 : 4 + size_length], "big") & unknown
        if length == unknown:  # as in live recordings
            return None
        end = position + 4 + size_length + length
        if end > size:
            return _describe_missing(end, size)
        position = end
    return None


def _has_gif_end(file: BinaryIO) -> bool:
    """Walk the blocks of a GIF (GIF89a, appendix A) to its end mark."""
    flags = file.read(13)[10:11]
    file.seek(_table_bytes(flags), 1)
    empty = 0
    while empty <= _MOST_EMPTY_PARTS and (block := file.read(1)):
        if block == b";":
            return True
        if block == b",":
            file.seek(_table_bytes(file.read(9)[8:9]) + 1, 1)
        elif block == b"!":
            file.seek(1, 1)
        elif block != b"\0":
            return False
        empty += 1
        while length := file.read(1)[:1].rstrip(b"\0") if block != b"\0" else b"":
            file.seek(length[0], 1)
            empty -= 1
    return False


def _table_bytes(flags: bytes) -> int:
    """Length of the colour table that packed flags declare."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0
