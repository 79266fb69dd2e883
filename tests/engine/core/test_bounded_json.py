"""JSON of unknown origin: what RFC 8259 allows is read, what would cost memory or mean two things is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.bounded_json import MAX_DEPTH, parse_json, read_json_file


def test_plain_values_are_read_with_and_without_a_byte_order_mark() -> None:
    assert parse_json('{"a": [1, -2.5e3, true, null, "é", "\\udce9"]}'.encode()) == {
        "a": [1, -2500.0, True, None, "é", "\udce9"]
    }
    assert parse_json(b"\xef\xbb\xbf[9007199254740993]") == [2**53 + 1]
    assert parse_json("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH) is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not JSON, line 1"),
        ('{"a": 1}\n{', "it is not JSON, line 2"),
        ("\udcff", "it is not JSON, line 1"),
        ("[" * 100_000, "it is nested deeper than 32 levels"),
        ("[" * 40 + "]" * 40, "it is nested deeper than 32 levels"),
        ('{"a":' * 100_000, "it is nested deeper than 32 levels"),
        ('{"a": 1, "b": 2, "a": 1}', "it names 'a' twice"),
        ("[NaN]", "it holds NaN, which is not a finite number"),
        ("[-Infinity]", "it holds -Infinity, which is not a finite number"),
        ("[1e400]", "it holds the number 1e400, which is out of range"),
        ("[" + "9" * 400 + "]", "it holds a number of 400 digits"),
        ("[" + "[]," * 800_000 + "1]", "it holds too many values"),
        ("[" + "1," * 8_000_000 + "1]", "it holds too many values"),
    ],
)
def test_what_no_reader_can_use_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^it ") as refused:
        parse_json(text)
    assert str(refused.value) == reason


def test_files_are_read_up_to_their_bound(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[1, 2]")
    assert read_json_file(tmp_path / "a.json", 6) == [1, 2]
    with pytest.raises(ValueError, match="larger than"):
        read_json_file(tmp_path / "a.json", 5)
    with pytest.raises(ValueError, match="larger than"):
        read_json_file("/dev/zero", 5000)
    (tmp_path / "b.json").write_bytes(b'["\xff"]')
    with pytest.raises(ValueError, match="it is not UTF-8 text"):
        read_json_file(tmp_path / "b.json")
