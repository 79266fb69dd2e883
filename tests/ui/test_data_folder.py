"""The data folder: private, tidied at the start, and replaced for one run where it cannot be written."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.core.paths import ASSETS
from tests.ui_tab import Tab, make_context
from ui.context import FOLDERS, KEEP_S
from ui.handlers import open_first
from ui.session import Session


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX ones")
def test_a_new_data_folder_is_private(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    assert not context.home_fault
    for folder in (context.home, *(context.home / name for name in FOLDERS)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def make_home(tmp_path: Path) -> Path:
    """A data folder with a bank, in which no session can be kept: a file lies where its folder should be."""
    home = make_context(tmp_path).home
    (home / "bank").mkdir()
    (home / "sessions").rmdir()
    (home / "sessions").write_text("not a folder")
    return home


@pytest.mark.slow
def test_a_data_folder_that_cannot_be_written_is_replaced_for_one_run_and_the_tab_says_so(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    before = sorted(home.rglob("*"))
    context = make_context(tmp_path)
    assert context.wanted_home == home != context.home and context.own_bank() == home / "bank"
    assert (
        context.home_fault.startswith(f"The data folder {home} cannot be written (") and "\n" not in context.home_fault
    )
    tab = Tab(Session(context, "any-tab"))
    open_first(tab.session)
    assert context.home_fault in [note["message"] for note in tab.heard("note")]
    tab.settle()
    assert tab.session.project is not None
    tab.session.keep(is_last=True)
    assert len(list((context.home / "sessions").iterdir())) == 1 and not tab.errors
    assert sorted(home.rglob("*")) == before
    shutil.rmtree(context.home)


def test_a_user_without_a_home_can_work_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number that nobody has."""

    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    monkeypatch.delenv("STRUCK_HOME", raising=False)
    context = make_context(tmp_path, data_folder=None)
    assert "cannot be written" in context.home_fault and context.folder("sessions").is_dir() and len(context.bank())
    shutil.rmtree(context.home)


@pytest.mark.slow
def test_the_replacement_goes_when_the_process_ends(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    code = f"from ui.context import *; print(AppContext(Options(data_folder=Path({str(home)!r}))).home)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ASSETS.parent, capture_output=True, text=True, check=True)
    replacement = Path(done.stdout.strip())
    assert replacement != home and replacement.name.startswith(".struck-") and not replacement.exists()


def test_old_autosaves_and_partial_files_of_ended_processes_go_at_the_start(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    sessions = context.home / "sessions"
    for name in ("old.struck.json", "new.struck.json", f".struck-{ended.pid}-{'a' * 16}.part"):
        (sessions / name).write_text("{}")
    (context.home / "cache" / "ab").mkdir()
    (context.home / "cache" / "ab" / f".struck-{ended.pid}-{'b' * 16}.part").write_text("")
    long_ago = time.time() - KEEP_S["sessions"] - 60
    os.utime(sessions / "old.struck.json", (long_ago, long_ago))
    context.tidy()
    assert [path.name for path in sessions.iterdir()] == ["new.struck.json"]
    assert not list((context.home / "cache" / "ab").iterdir())
