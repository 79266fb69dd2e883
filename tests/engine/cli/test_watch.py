"""Watching a folder: a clip is rendered once it is whole; what is done stays done; Ctrl-C ends it cleanly."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import watch
from engine.cli.batch import Batch, list_clips
from engine.cli.render import add_arguments
from engine.cli.watch import SettledFiles
from engine.core.errors import BadInput
from engine.core.paths import ROOT
from engine.document.project import Project
from tests.clips import make_clip
from tests.delivered_project import make_project
from tests.engine.cli.test_command_line import refuse
from tests.engine.cli.test_outputs import given  # noqa: F401 - a fixture
from tests.ui_tab import wait_until

QUICK = "import sys, engine.cli.watch as w; w.POLL_S = 0.1; w.SettledFiles.__init__.__defaults__ = (0.5,)\n"
QUICK += "from engine.__main__ import main; sys.exit(main())"
"""The command, which waits less for a file to settle."""


def test_a_file_is_taken_once_it_has_settled_and_again_when_it_has_changed(tmp_path: Path) -> None:
    files, path = SettledFiles(settle_s=3.0), tmp_path / "a.mp4"

    def take(now_s: float) -> list[str]:
        return list(files.take([str(path)], now_s))

    assert take(0.0) == []  # it is not there yet
    path.write_bytes(b"")
    assert take(1.0) == [] and take(9.0) == []  # empty
    path.write_bytes(b"half")
    assert take(10.0) == [] and take(12.0) == []
    path.write_bytes(b"the whole")
    assert take(13.0) == [] and take(15.9) == []
    assert take(16.0) == [str(path)] and take(60.0) == []
    os.utime(path, (1, 1))
    assert take(70.0) == [] and take(73.0) == [str(path)]
    path.unlink()
    assert take(80.0) == []


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(watch, "POLL_S", 0.01)
    monkeypatch.setattr(watch, "SETTLE_S", 0.05)
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def make_batch(inbox: Path) -> Batch:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = ["--watch", str(inbox), "--out-dir", str(inbox.parent / "out"), "--formats", "mid"]
    return Batch(parser.parse_args(args, argparse.Namespace(ckpt_dir=None, data_dir=None)), keeps_names=True)


def test_a_clip_that_is_written_on_while_it_is_rendered_is_rendered_again(inbox: Path) -> None:
    clip, out = inbox / "a.mp4", inbox.parent / "out" / "a.mid"
    clip.write_bytes(b"half")

    def render(job: argparse.Namespace) -> Project:
        Path(job.session[0]).write_bytes(clip.read_bytes())
        clip.write_bytes(b"the whole")
        os.utime(clip, (1, 1))  # the same after the second render
        return make_project()

    watch._render_clip(make_batch(inbox), str(clip), render)
    assert out.read_bytes() == b"the whole" and {path.name for path in out.parent.glob("*.mid")} == {"a.mid"}
    assert make_batch(inbox).add(str(clip)) is None  # it is known by what it holds now


def test_a_project_that_lacked_its_clip_is_rendered_once_something_comes(
    inbox: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, project, clip = make_batch(inbox), inbox / "a.struck.json", inbox / "b.mp4"
    project.write_text("{}")

    def render(job: argparse.Namespace) -> Project:
        if job.source == str(project) and not clip.exists():
            raise BadInput("its clip is not to be found")
        Path(job.session[0]).touch()
        return make_project()

    watch._render_clip(batch, str(project), render)
    watch._retry_projects(batch, [str(project)], render)  # nothing else has come
    assert capsys.readouterr().err.count("not to be found") == 1
    watch._retry_projects(batch, ["other.mp4"], render)
    assert not capsys.readouterr().err  # it was said
    clip.write_bytes(b"clip")
    watch._retry_projects(batch, [str(clip)], render)
    assert "a.struck.json: wrote a.mid" in capsys.readouterr().err
    watch._retry_projects(batch, [str(clip)], render)
    assert not capsys.readouterr().err


def test_folders_that_go_while_a_folder_is_listed_are_passed_over(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", ".hidden"):
        (inbox / name).mkdir()
        (inbox / name / "c.mp4").touch()
    assert list(list_clips([str(inbox)], inbox.parent / "out")) == [str(inbox / n / "c.mp4") for n in "ab"]
    usual = os.scandir

    def lose(path: str) -> object:
        if str(path).endswith("a"):
            shutil.rmtree(path)
        return usual(path)

    monkeypatch.setattr(os, "scandir", lose)
    assert list(list_clips([str(inbox)], inbox.parent / "out")) == [str(inbox / "b" / "c.mp4")]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that stands for Ctrl-C alone")
def test_clips_that_come_are_rendered_until_ctrl_c(given: Path, tmp_path: Path) -> None:  # noqa: F811
    (given / "none").mkdir(exist_ok=True)
    inbox, out, log = tmp_path / "in", tmp_path / "in" / "out", tmp_path / "log"
    inbox.mkdir()
    command = [sys.executable, "-c", QUICK, "render", "--watch", str(inbox), "--out-dir", str(out), "--formats"]
    command += ["wav", "mp4", "--physics", str(given / "bar.json"), "--ckpt-dir", str(given / "none")]

    def watch() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, stderr=log.open("wb"), stdout=subprocess.DEVNULL)

    process = watch()
    try:
        wait_until(lambda: "watching" in log.read_text())
        make_clip(tmp_path / "whole.mp4", count=25).replace(inbox / "a.mp4")
        (inbox / "torn.mp4").write_bytes((inbox / "a.mp4").read_bytes()[:2000])
        wait_until(lambda: "a.mp4: wrote a.wav, a.mp4" in log.read_text() and "torn.mp4: " in log.read_text())
        make_clip(tmp_path / "whole.mp4", count=25).replace(inbox / "b.mp4")  # the report is there by now
        wait_until(lambda: "b.mp4: " in log.read_text())
        assert "b.mp4: wrote b.wav, b.mp4" in log.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0 and log.read_text().endswith("stopped watching; the same command goes on\n")
        assert {path.name for path in out.iterdir()} == {
            *("a.wav", "a.mp4", "b.wav", "b.mp4"), "report.html", "struck-batch.jsonl"
        }  # fmt: skip
        # The same command goes on: what is done is not done again, what it wrote is no clip of its own.
        before = (out / "a.wav").stat().st_mtime_ns
        process = watch()
        wait_until(lambda: "a.mp4 is done already" in log.read_text())
        make_clip(tmp_path / "whole.mp4", count=25).replace(inbox / "more.mp4")
        wait_until(lambda: "more.mp4: wrote more.wav" in log.read_text())
        assert (out / "a.wav").stat().st_mtime_ns == before and not list(out.glob("a 2*"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("--watch", "nowhere", "--out-dir", "o"), "--watch nowhere is not a folder"),
        (("--watch", "."), "a watched folder needs one for what is written; give --out-dir"),
        (("a.mp4", "--watch", ".", "--out-dir", "o"), "a.mp4 and --watch were both given"),
        (("--watch", ".", "--out-dir", "o", "--jobs", "2"), "one clip at a time; leave --jobs out"),
        ((), "missing: CLIP|PROJECT; see launch.py render --help"),
    ],
)
def test_a_watch_that_cannot_be_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reason in refuse(capsys, "render", *args)
