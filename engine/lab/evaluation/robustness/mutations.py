"""Mutations of files: damage as disks, networks and attackers make it, drawn from a seeded generator.

Bytes are flipped, cut, spliced and given false sizes; JSON is changed as a tree; the JSON headers of safetensors files
and the members of zip archives are changed with their lengths kept right, so that the change reaches the reader's
deeper checks.
"""

from __future__ import annotations

import io
import json
import random
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

SIZES = (0, 1, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 2**40, 2**63 - 1, 2**64 - 1)
FLOATS = ("0000c07f", "0000807f", "000080ff", "ffff7f7f", "01000000")  # NaN, infinities, largest, smallest float32
TEXTS = (
    "", " ", "\0", "\ud800", "é\u0301\u202e‮𝄞", "名前" * 200, "x" * 100_000, "<b>", "%s%n{}", "nan",
    "../../../../etc/passwd", "/dev/zero", "C:\\Windows\\win.ini", "file:///etc/passwd", "//host/share", "~root", ".",
    "1/0", "1e10000000", "-1/3", "99:99:99:99", "NaN/1", "9" * 5000, "F8_E4M3", "C64", "U16", "BOOL",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    float("nan"), float("inf"), float("-inf"), 0, -1, 1, 2**31, 2**53 + 1, 2**64, -(2**63), 10**400, 1e308, -1e308,
    5e-324, 0.1, -0.0, 65_537, 10**9,
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": {}}, {"__proto__": {}}, [1, 2, 3])
LIST_LENGTHS = (1, 2, 33, 1025, 10_001, 300_000)
MOST_BYTES = 2 << 20
"""Of what is repeated."""


# --- bytes ------------------------------------------------------------------------------------


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """Flip 1 to 16 bits anywhere or, one time in two, in the first 256 bytes."""
    changed = bytearray(data)
    reach = min(len(changed), 256) if rng.random() < 0.5 else len(changed)
    for _ in range(rng.choice((1, 1, 2, 4, 16)) if reach else 0):
        changed[rng.randrange(reach)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Keep the start only."""
    return data[: rng.randrange(len(data) + 1)]


def drop_piece(data: bytes, rng: random.Random) -> bytes:
    """Leave out a piece."""
    start, end = _draw_span(data, rng)
    return data[:start] + data[end:]


def repeat_piece(data: bytes, rng: random.Random) -> bytes:
    """Write a piece several times."""
    start, end = _draw_span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 2, 20)) + data[end:]


def move_piece(data: bytes, rng: random.Random) -> bytes:
    """Splice: overwrite one place with bytes of another."""
    start, end = _draw_span(data, rng)
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[start:end] + data[at + end - start :]


def fill_piece(data: bytes, rng: random.Random) -> bytes:
    """Overwrite a piece with zeros, ones or noise."""
    start, end = _draw_span(data, rng)
    filling = rng.choice((b"\0", b"\xff", None))
    return data[:start] + (rng.randbytes(end - start) if filling is None else filling * (end - start)) + data[end:]


def falsify_size(data: bytes, rng: random.Random) -> bytes:
    """Overwrite 1, 2, 4 or 8 bytes with a number that a size field must not trust."""
    width = rng.choice((1, 2, 4, 4, 4, 8))
    number = rng.choice(SIZES) if rng.random() < 0.8 else len(data) + rng.choice((-8, -1, 1, 8, 1000))
    field = (number % 2 ** (8 * width)).to_bytes(width, rng.choice(("big", "little")))
    reach = min(len(data), 512) if rng.random() < 0.6 else len(data)
    at = rng.randrange(reach + 1)
    return data[:at] + field + data[at + width :]


def falsify_float(data: bytes, rng: random.Random) -> bytes:
    """Overwrite 4 aligned bytes with a float32 that is not a plain number."""
    at = 4 * rng.randrange(len(data) // 4 + 1)
    return data[:at] + bytes.fromhex(rng.choice(FLOATS)) + data[at + 4 :]


def append_bytes(data: bytes, rng: random.Random) -> bytes:
    """Add noise, text, zeros or the file itself at the end."""
    return data + rng.choice((rng.randbytes(1000), b"not media\n" * 50, b"\0" * 4096, data))


def replace_all(data: bytes, rng: random.Random) -> bytes:
    """Another file altogether under the same name: empty, noise, or of another kind."""
    others = (
        b"", rng.randbytes(2000), b"\x89PNG\r\n\x1a\n" + bytes(200), b"%PDF-1.7\n", b"#!/bin/sh\nexit 1\n",
        b"PK\x03\x04" + bytes(60), b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n",
    )  # fmt: skip
    return rng.choice(others)


def _draw_span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 16, 100, 1000, 20_000)))


BYTES: tuple[Mutation, ...] = (
    flip_bits, flip_bits, truncate, drop_piece, repeat_piece, move_piece, fill_piece, falsify_size, falsify_size,
    falsify_size, falsify_float, append_bytes, replace_all,
)  # fmt: skip


# --- JSON and CSV -----------------------------------------------------------------------------


def change_tree(data: bytes, rng: random.Random) -> bytes:
    """JSON with one to three of its values, names or lengths changed; other bytes as ``flip_bits`` changes them."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return flip_bits(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _change_node(value, rng)
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _change_node(value: Any, rng: random.Random) -> Any:
    """The tree with one node, drawn at a random depth, changed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        return (
            _change_member(value, name, rng) if rng.random() < 0.3 else {**value, name: _change_node(value[name], rng)}
        )
    if isinstance(value, list) and value and rng.random() < 0.85:
        index = rng.randrange(len(value))
        return [*value[:index], _change_node(value[index], rng), *value[index + 1 :]]
    return _draw_value(value, rng)


def _change_member(table: dict[str, Any], name: str, rng: random.Random) -> dict[str, Any]:
    rest = {key: value for key, value in table.items() if key != name}
    kind = rng.randrange(3)
    if kind == 0:
        return rest
    if kind == 1:
        return {**rest, rng.choice(TEXTS): table[name]}
    return {**table, name: table[rng.choice(sorted(table))]}


def _draw_value(value: Any, rng: random.Random) -> Any:
    kind = rng.randrange(8)
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice(TEXTS)
    if kind == 5:
        return rng.choice(OTHERS)
    if kind == 6:
        return [value] * min(rng.choice(LIST_LENGTHS), MOST_BYTES // len(json.dumps(value)))
    return -value if isinstance(value, (int, float)) else str(value)


def nest_deeply(data: bytes, rng: random.Random) -> bytes:
    """A value of the text wrapped in thousands of lists or objects."""
    depth = rng.choice((100, 1000, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    at = data.find(b":", rng.randrange(len(data) + 1)) + 1
    return data[:at] + opening * depth + b"1" + closing * depth + b"," + data[at:]


def recode_text(data: bytes, rng: random.Random) -> bytes:
    """The text in another encoding, with a byte order mark, or with line ends of another system."""
    text = data.decode("utf-8", "replace")
    return rng.choice((
        text.encode("utf-16"), text.encode("utf-32"), b"\xef\xbb\xbf" + data, b"\xff\xfe" + data,
        data.replace(b"\n", b"\r"), data.replace(b'"', b"'"),
    ))  # fmt: skip


JSON: tuple[Mutation, ...] = (change_tree,) * 12 + (nest_deeply, recode_text, flip_bits, truncate, repeat_piece)


def change_line(data: bytes, rng: random.Random) -> bytes:
    """Lines of JSON, one of them changed as JSON is."""
    lines = data.split(b"\n")
    number = rng.randrange(len(lines))
    lines[number] = rng.choice(JSON)(lines[number], rng)
    return b"\n".join(lines)


JSON_LINES: tuple[Mutation, ...] = (change_line,) * 12 + (recode_text, flip_bits, truncate, repeat_piece)


def change_cells(data: bytes, rng: random.Random) -> bytes:
    """CSV with some cells replaced, rows repeated or separators changed."""
    rows = [line.split(",") for line in data.decode("utf-8", "replace").splitlines()]
    for _ in range(rng.choice((1, 2, 5))):
        if not rows:
            break
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = str(rng.choice((*TEXTS, *map(_number_text, NUMBERS), '"', '"a""b', "1,2", "١٢")))
    rows *= min(rng.choice((1, 1, 1, 3, 2000)), MOST_BYTES // (1 + sum(len(cell) for row in rows for cell in row)))
    return "\n".join(rng.choice((",", ",", ",", ";", "\t")).join(row) for row in rows).encode("utf-8", "surrogatepass")


def _number_text(value: Any) -> str:
    return json.dumps(value)


CSV: tuple[Mutation, ...] = (change_cells,) * 6 + (recode_text, flip_bits, truncate, repeat_piece, fill_piece)


# --- containers -------------------------------------------------------------------------------


def change_header(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file with its JSON header changed and the header's length right."""
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= len(data) - 8:
        return flip_bits(data, rng)
    header = rng.choice((change_tree, change_tree, change_tree, _change_metadata, nest_deeply))(
        data[8 : 8 + length], rng
    )
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def _change_metadata(header: bytes, rng: random.Random) -> bytes:
    """The text columns of the header, which are JSON themselves, changed."""
    try:
        value = json.loads(header)
        table = value.get("__metadata__")
    except (ValueError, AttributeError, RecursionError):
        return flip_bits(header, rng)
    if not isinstance(table, dict) or not table:
        return change_tree(header, rng)
    name = rng.choice(sorted(table))
    changed = rng.choice((change_tree, nest_deeply))(str(table[name]).encode("utf-8", "surrogatepass"), rng)
    table[name] = changed.decode("utf-8", "replace")
    return json.dumps(value).encode()


SAFETENSORS: tuple[Mutation, ...] = (change_header,) * 6 + BYTES


def change_members(data: bytes, rng: random.Random) -> bytes:
    """A zip archive with a member changed, renamed, dropped, or grown to a bomb; packed anew."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, ValueError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error):
        return flip_bits(data, rng)
    name = rng.choice(sorted(members))
    kind = rng.randrange(6)
    if kind < 3:
        change = rng.choice(JSON if name.endswith(".json") else BYTES)
        members[name] = change(members[name], rng)
    elif kind == 3:
        members[rng.choice((*TEXTS[3:6], "../../escape.flac", "/tmp/escape.flac"))[:60000]] = members.pop(name)
    elif kind == 4:
        del members[name]
    else:
        members[name] = (b"[" if name.endswith(".json") else b"\0") * rng.choice((10_000, 64 << 20))
    buffer = io.BytesIO()
    with zipfile.ZipFile(
        buffer, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)), compresslevel=1
    ) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member.encode("utf-8", "replace").decode()), content, archive.compression)
    return buffer.getvalue()


ZIP: tuple[Mutation, ...] = (change_members,) * 8 + BYTES


def mutate(data: bytes, mutations: tuple[Mutation, ...], rng: random.Random) -> bytes:
    """A file changed by one to four of the mutations."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(mutations)(data, rng)
    return data
