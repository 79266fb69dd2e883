"""The measure of growth: a line through batches, copies that are other clips, memory of a whole family of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.lab.benchmarks.growth import Run, copy_clip, find_family, fit_lines, format_report
from engine.media.open import digest_file
from engine.media.probe import probe
from tests.clips import make_clip


def test_a_line_is_fitted_through_batches() -> None:
    runs = [
        Run(2, 1, 13.0, 9.0, 900.0),
        Run(2, 2, 16.0, 11.0, None),
        Run(2, 4, 22.0, 15.0, None),
        Run(0, 4, 8.0, None, None),
    ]
    line, used = fit_lines(runs, 2)
    assert (line.workers, line.start_s, line.per_clip_s) == (2, pytest.approx(10.0), pytest.approx(3.0))
    assert line.deviation_s == pytest.approx(0.0, abs=1e-9)
    assert (used.start_s, used.per_clip_s) == (pytest.approx(7.0), pytest.approx(2.0))
    assert [own.per_clip_s for own in fit_lines(runs, 0)] == [2.0]
    assert "2 workers, time: 10.0 s + 3.00 s a clip, within 0.0 s" in format_report("m", [], [line])


@pytest.mark.slow
def test_copies_are_other_clips_of_the_same_content(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", count=10)
    for number in range(2):
        copy_clip(clip, tmp_path / f"{number}.mp4", number)
    assert len({digest_file(path) for path in tmp_path.iterdir()}) == 3
    assert probe(tmp_path / "1.mp4").duration_s == probe(clip).duration_s


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_family_is_a_process_and_what_it_started() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert {os.getpid(), child.pid} <= find_family(os.getpid()) and find_family(child.pid) == {child.pid}
        child.communicate(b"\n")
