"""The measure of growth: lines and what they say, a model on paper, clips that are copied and repeated, processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.cli.manifest import Manifest
from engine.core.errors import BadInput
from engine.lab.benchmarks.clip import repeat_clip
from engine.lab.benchmarks.growth import Run, copy_clip, find_family, fit_all, run
from engine.lab.benchmarks.growth_lines import fit_line
from engine.lab.benchmarks.growth_model import Assumed, Measured, make_model, measure_command
from engine.media.frames import iter_frames
from engine.media.open import digest_file
from engine.media.probe import probe
from engine.media.sound import read_clip_audio
from tests.clips import find_attacks, make_clicking_clip, make_clip, read_number


def make_run(workers: int, clips: int, took_s: float, processor_s: float | None = None) -> Run:
    return Run(workers, clips, 20 * clips, 4, took_s, processor_s, None)


def test_a_line_is_fitted_through_batches() -> None:
    runs = [make_run(2, 1, 13.0, 9.0), make_run(2, 2, 16.0, 11.0), make_run(2, 4, 22.0, 15.0), make_run(0, 4, 8.0)]
    time, used, cost, alone, _, speed = (line for line in fit_all(runs, [], [], 3600.0) if line is not None)
    assert (time.where, time.start, time.slope) == ("2 workers", pytest.approx(10.0), pytest.approx(3.0))
    assert time.deviation == pytest.approx(0.0, abs=1e-9) and cost.slope == pytest.approx(3.0)
    assert (used.start, used.slope) == (pytest.approx(7.0), pytest.approx(2.0))
    assert (alone.where, alone.start, alone.slope) == ("no farm", 0.0, 2.0)
    assert (speed.over, speed.slope) == ("workers", pytest.approx(4 / 22 / 2))
    said = "time (s) over clips, 2 workers: 10 + 3 clips, within "
    assert said in time.describe() and time.describe().endswith(": a line, but not through the origin")


@pytest.mark.parametrize(
    ("figures", "verdict"),
    [
        ((2.0, 4.0, 8.0), "a line through the origin"),
        ((10.0, 12.0, 16.0), "a line, but not through the origin"),
        ((10.0, 10.0, 10.4), "does not grow"),
        ((1.0, 9.0, 2.0), "no line"),
        ((None, None, 3.0), "one number alone: taken as a line through the origin"),
    ],
)
def test_a_line_leads_through_the_origin_or_not(figures: Sequence[float | None], verdict: str) -> None:
    line = fit_line("time", "s", "clips", "here", (1, 2, 4), figures)
    assert line is not None and line.verdict == verdict
    assert fit_line("time", "s", "clips", "here", (1, 2, 4), (None,) * 3) is None


MEASURED = Measured(
    clip_s=14.0, sampling_s=10.5, hits=20.0, read_bytes=4e6, written_bytes=6e6, digest_s=0.9, noting_s=0.1, cores=2
)


def test_machines_and_money_are_in_proportion_to_the_clips() -> None:
    """A machine of two cores that work half of the day does 6171 clips of 14 s."""
    small = make_model(MEASURED, Assumed(6171, 0.5, 0.1))
    assert (small.machines, small.cost_a_day) == (1, pytest.approx(2.4))
    large = make_model(MEASURED, Assumed(617_100, 0.5, 0.1))
    assert (large.machines, large.cost_a_thousand) == (100, pytest.approx(240.0 / 617.1))
    assert large.traffic_mb_per_s == pytest.approx(617_100 * 10.0 / 86_400)
    assert large.bottleneck.startswith("sampling, 75%")
    # A command takes a second of its own for a clip, and may take a twentieth of a day.
    assert large.clips_a_folder == 4320 and large.commands == -(-617_100 // 4320) and small.commands == 2


def test_the_model_is_made_again_of_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, model = tmp_path / "report.json", make_model(MEASURED, Assumed(1000, 0.7, 0.1))
    report.write_text(json.dumps({"model": model.to_json()}))
    assert run(["--model", str(report), "--a-day", "1000"]) == 0
    assert capsys.readouterr().out == model.describe() + "\n"
    report.write_text("{}")
    with pytest.raises(BadInput, match="holds no figures for a model; write it with bench growth --json"):
        run(["--model", str(report)])
    with pytest.raises(BadInput, match="--utilisation 2 is out of range"):
        run(["--utilisation", "2"])


def test_what_a_command_does_for_a_clip_is_measured(tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"film")
    digest_s, noting_s = measure_command(tmp_path / "clip", tmp_path, 20)
    assert digest_s > 0.0 and noting_s > 0.0
    assert len(Manifest(tmp_path).done) == 20


@pytest.mark.slow
def test_a_clip_is_repeated(tmp_path: Path) -> None:
    clip = make_clicking_clip(tmp_path / "clip.mp4", (0.5,), 1.0)
    turn_s = repeat_clip(clip, tmp_path / "long.mp4", 3)
    frames = [frame for _, frame in iter_frames(tmp_path / "long.mp4", 96)]
    assert len(frames) == 75 and [read_number(frames[25 * turn + 9]) for turn in range(3)] == [9] * 3
    sound = read_clip_audio(tmp_path / "long.mp4", 48_000)
    wanted_s = [0.5 + turn * turn_s for turn in range(3)]
    assert find_attacks(sound, 48_000, wanted_s) == pytest.approx(wanted_s, abs=0.03)


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
