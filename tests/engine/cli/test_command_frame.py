"""The frame of the command line: shared options, help, refusals and faults of our own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

import engine.__main__ as command_line
from engine.__main__ import main
from engine.core.paths import ROOT
from tests.clips import SOUND_RATE_HZ, make_clicks
from tests.command_line import refuse, run

HITS_S = (0.25, 0.8013, 1.3377)


@pytest.mark.parametrize(
    ("command", "folder", "file"), [("train", "training", "train"), ("evaluate", "evaluation", "evaluate")]
)
def test_every_training_and_every_table_has_its_command(command: str, folder: str, file: str) -> None:
    written = {path.parent.name for path in (ROOT / "engine" / "lab" / folder).glob(f"*/{file}.py")}
    assert written == set(command_line.LAB[command])


def test_every_table_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.search(r"`evaluate ([a-z\\|]+)`", readme)
    assert named is not None and set(named[1].split("\\|")) == set(command_line.LAB["evaluate"])


@pytest.mark.parametrize(
    "args",
    [
        ["conjure"], ["detect"], ["detect", "x.mp4", "--source", "smell"], ["train"], ["train", "dragons"],
        ["evaluate", "nothing"], ["bench", "nothing"], ["analyze", "missing.wav"], ["synthesize", "x.json"],
        ["synthesize", "x.json", "--out", "o.wav", "--duration", "inf"],
        ["synthesize", "x.json", "--out", "o.wav", "--duration", "0"],
        ["analyze", "x.wav", "--max-modes", "0"], ["--device", "abacus", "detect", "x.mp4"],
        ["evaluate", "text", "--json", "/nowhere/at/all.json"], ["evaluate", "physics", "--json=/nowhere/at/all.json"],
        ["detect", "x.mp4", "--ckpt-dir", "/nowhere/at/all"], ["detect", "x.mp4", "--data-dir", __file__],
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_sentence(
    args: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refuse(capsys, *args)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("reason", "args"),
    [
        ("--out is given twice; leave one out", ["render", "p.struck.json", "--out", "y.wav", "--out=y.flac"]),
        ("--markers is given twice", ["render", "c.mp4", "--markers", "a.csv", "--markers", "b.csv"]),
        ("--formats is given twice; give all its values after one", ["render", "--formats", "wav", "--formats", "mp4"]),
        ("--device is given twice", ["--device", "cpu", "detect", "c.mp4", "--device", "cpu"]),
        ("the name given as CLIP is empty; give one", ["detect", ""]),
        ("the name given as NEWCLIP is empty", ["conform", "p.struck.json", "", "--project", "o.struck.json"]),
        ("the name given as CLIP|PROJECT is empty", ["render", "a.mp4", "", "--out-dir", "o"]),
        ("the value of --pattern is empty; give one, or leave it out", ["render", "c", "--pattern", ""]),
        ("--pattern is blank, so", ["render", "a.mp4", "b.mp4", "--out-dir", "o", "--pattern", " "]),
        ("the value of --start-timecode is empty", ["render", "c.mp4", "--start-timecode", ""]),
        ("the value of --out is empty; give one", ["synthesize", "x.json", "--out", ""]),
        ("--loudness: -1e9 is out of range", ["render", "c.mp4", "--out", "y.wav", "--loudness", "-1e9"]),
        ("--loudness: -inf is out of range", ["render", "c.mp4", "--out", "y.wav", "--loudness", "-inf"]),
        ("--duration: -.5e1 is out of range", ["synthesize", "x.json", "--out", "y.wav", "--duration", "-.5e1"]),
    ],
)  # fmt: skip
def test_what_is_given_twice_or_empty_or_below_zero_is_named(
    reason: str, args: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reason in refuse(capsys, *args)
    assert list(tmp_path.iterdir()) == []


def test_help_is_told_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (["--help"], ["render", "--help"], ["train", "--help"], []):
        assert main(args) == 0
        assert "usage" in capsys.readouterr().out


def test_a_fault_of_ours_leaves_a_log_and_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import engine.cli.analyze as analyze

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(command_line, "ROOT", tmp_path)
    monkeypatch.setattr(analyze, "run", fail)
    assert run("analyze", "x.wav") == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error and error.count("\n") == 1 and "Traceback" not in error
    (log,) = (tmp_path / ".struck" / "logs").iterdir()
    assert str(log) in error and "secret" in log.read_text()


@pytest.mark.slow
def test_as_a_program(tmp_path: Path) -> None:
    hit = tmp_path / "hit.wav"
    soundfile.write(hit, make_clicks([0.05], 0.5), SOUND_RATE_HZ)
    command = [sys.executable, "-m", "engine"]

    def start(*args: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *args], cwd=ROOT, capture_output=True, text=True, timeout=120)

    done = start("analyze", hit, "--json", "-")
    assert done.returncode == 0 and json.loads(done.stdout)["version"] == 1
    bad = start("detect", tmp_path / "no.mp4")
    assert bad.returncode == 2 and bad.stdout == "" and bad.stderr.count("\n") == 1


@pytest.mark.slow
def test_bench_prints_figures_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.lab.benchmarks import clip
    from engine.lab.benchmarks import edit_to_ear as bench

    monkeypatch.setattr(clip, "WIDTH", 640)
    monkeypatch.setattr(bench, "REPEATS", 1)
    assert run("bench", "move", "--ckpt-dir", tmp_path, "--json", "-") == 0  # without a sampler
    value = json.loads(capsys.readouterr().out)
    (figure,) = value["figures"]
    assert figure["name"] == "move" and figure["goal"] == 150.0 and figure["value"] > 0 and "cores" in value["machine"]
    assert "of goal" in bench.format_table(value["machine"], [bench.Figure(**figure)])
