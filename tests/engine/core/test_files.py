"""Files appear whole or not at all, and a target that cannot be written is refused in one sentence."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.core.files import check_folder, check_target, create_file, make_write_error, replace_file, write_file


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("sync", [False, True])
def test_what_was_there_is_replaced_only_by_the_whole(tmp_path: Path, sync: bool) -> None:
    target = tmp_path / "a.bin"
    write_file(target, b"old", sync)
    with replace_file(target, sync) as partial:
        partial.write_bytes(b"new")
        assert target.read_bytes() == b"old" and partial.parent == tmp_path
    assert target.read_bytes() == b"new" and names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(type(failure)), replace_file(target) as partial:
        partial.write_bytes(b"half")
        raise failure
    assert target.read_bytes() == b"old" and names(tmp_path) == ["a.bin"]


def test_a_replacement_that_the_system_refuses_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output"):
        write_file(tmp_path / "a.bin", b"new")
    with (
        pytest.raises(BadInput, match=r"a\.bin cannot be written \(input/output error\); "),
        create_file(tmp_path / "a.bin") as file,
    ):
        file.write(b"new")
    assert names(tmp_path) == []


def test_the_longest_name_of_a_file_can_be_written(tmp_path: Path) -> None:
    name = "n" * 251 + ".wav"
    with create_file(tmp_path / name) as file:
        file.write(b"x")
    assert names(tmp_path) == [name]


def test_writers_of_one_file_at_once_leave_one_of_their_contents(tmp_path: Path) -> None:
    target, contents = tmp_path / "a.bin", [bytes([k]) * 100_000 for k in range(8)]
    threads = [threading.Thread(target=write_file, args=(target, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() in contents and names(tmp_path) == ["a.bin"]


def test_targets_are_checked_before_long_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert check_target(tmp_path / "a.wav") == tmp_path / "a.wav"
    assert check_folder(tmp_path / "new" / "deep") == tmp_path / "new" / "deep"
    with pytest.raises(BadInput, match="is a folder; "):
        check_target(tmp_path)
    with pytest.raises(BadInput, match="there is no folder"):
        check_target(tmp_path / "none" / "a.wav")
    with pytest.raises(BadInput, match="is a file; "):
        check_folder(tmp_path / "file")
    assert names(tmp_path) == ["file"]


def test_the_sentence_names_the_target_the_reason_and_the_remedy() -> None:
    said = str(make_write_error(Path("a.wav"), OSError(28, "No space left on device")))
    assert said == "a.wav cannot be written (no space left on device); choose another place or free some space"
