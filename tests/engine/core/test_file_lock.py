"""A lock is held by one process at a time, waited for as long as the waiter likes, and let go by a killed holder."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from engine.core.errors import BadInput, Cancelled
from engine.core.file_lock import hold_lock

CONTEXT = multiprocessing.get_context("fork")


def count_up(folder: Path, times: int) -> None:
    """Read, wait and write a number: what two processes lose without a lock."""
    for _ in range(times):
        with hold_lock(folder / ".lock"):
            number = int((folder / "number").read_text())
            time.sleep(0.001)
            (folder / "number").write_text(str(number + 1))


def hold_for_ever(folder: Path) -> None:
    with hold_lock(folder / ".lock"):
        (folder / "held").touch()
        time.sleep(60.0)


def test_processes_take_turns(tmp_path: Path) -> None:
    (tmp_path / "number").write_text("0")
    processes = [CONTEXT.Process(target=count_up, args=(tmp_path, 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert (tmp_path / "number").read_text() == "60"


def test_waiting_can_be_called_off_and_a_killed_holder_lets_go(tmp_path: Path) -> None:
    holder = CONTEXT.Process(target=hold_for_ever, args=(tmp_path,))
    holder.start()
    while not (tmp_path / "held").exists():
        time.sleep(0.005)

    def call_off() -> None:
        raise Cancelled

    with pytest.raises(Cancelled), hold_lock(tmp_path / ".lock", call_off):
        raise AssertionError("two hold it")
    holder.kill()
    holder.join()
    with hold_lock(tmp_path / ".lock", call_off):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"file/\.lock cannot be written"), hold_lock(tmp_path / "file" / ".lock"):
        pass
