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
def test_bench_prints_figures_and_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.lab.benchmarks import clip
    from engine.lab.benchmarks import edit_to_ear as bench

    monkeypatch.setattr(clip, "WIDTH", 640)
    monkeypatch.setattr(bench, "REPEATS", 1)
    assert run("bench", "move", "--json", "-") == 0
    value = json.loads(capsys.readouterr().out)
    (figure,) = value["figures"]
    assert figure["name"] == "move" and figure["goal"] == 150.0 and figure["value"] > 0 and "cores" in value["machine"]
    assert "of goal" in bench.format_table(value["machine"], [bench.Figure(**figure)])
