"""Names of files as text, and cut to what file systems take."""

from __future__ import annotations

import os
from pathlib import Path

from engine.core.names import LONGEST_NAME_BYTES, make_file_stem, shorten_name, to_text


def test_bytes_that_are_not_utf8_are_spelled_out() -> None:
    name = os.fsdecode(b"caf\xe9 \xe6\x97\xa5.wav")
    assert to_text(name) == "caf\\xe9 日.wav" and to_text(Path(name)) == to_text(name)
    assert to_text("\ud800") == "?" and to_text("plain") == "plain"
    assert to_text("a\nb\x1b[2J\x9b") == "a\\x0ab\\x1b[2J\\x9b"  # a terminal obeys none of it


def test_names_are_cut_at_a_character_to_what_a_file_system_takes(tmp_path: Path) -> None:
    for letter in ("n", "é", "日", "𠮷"):
        for ending in (".wav", "_markers.csv"):
            name = shorten_name(letter * 300, ending) + ending
            size = len(name.encode())
            assert LONGEST_NAME_BYTES - 3 <= size <= LONGEST_NAME_BYTES and set(name) == {letter, *ending}
            (tmp_path / name).write_bytes(b"")
    assert shorten_name("日" * 80, ".struck.json") == "日" * 80  # 240 bytes and 12: they fit


def test_a_stem_holds_nothing_that_a_file_system_refuses() -> None:
    assert make_file_stem('Crate/"A": 3?.wav') == "Crate_A_ 3_.wav"
    assert make_file_stem("a\\b|c*\n\u202e<d>") == "a_b_c_d_"
    assert make_file_stem("NUL") == "_NUL" and make_file_stem("..") == "_"
    assert make_file_stem("caf\udce9") == "caf_"
    assert len((make_file_stem("𠮷" * 80, ".wav") + ".wav").encode()) <= LONGEST_NAME_BYTES


def test_a_stem_keeps_what_every_file_system_takes() -> None:
    for name in (
        "Küche – Töpfe und 鍋 (take 2)",
        "Ku\u0308che",
        "“Glas” & Blech, 50 % [neu]",
        "हिन्दी",
        "🥁 no. 1",
        "a　b",
    ):
        assert make_file_stem(name) == name
