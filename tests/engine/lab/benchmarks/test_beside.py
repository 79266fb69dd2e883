"""``bench beside``: hits in processes of their own, beside programs that compute and end with the measurement."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.core.errors import BadInput, StruckError
from engine.core.paths import ROOT
from engine.diffusion.checkpoint import save_velocity_network
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.benchmarks import beside, run
from tests.app_process import end_process

WAIT_S = 120.0  # a busy machine is slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint folder with a tiny sampler."""
    torch.manual_seed(0)
    save_velocity_network(
        tmp_path / "sampler", VelocityNetwork(NetworkConfig(channels=(8, 16), blocks=1, embedding=32)), {}
    )
    return tmp_path


@pytest.mark.slow
def test_hits_are_timed_in_a_process_of_its_own(folder: Path) -> None:
    row = beside.measure(folder, 2, "asleep", 0)
    assert row.repeats == beside.REPEATS and row.hits == 2
    assert 0.0 < row.wall_s <= row.longest_s and row.cpu_s > 0.0
    with pytest.raises(StruckError, match=r"could not be sampled in a process of their own: .*nowhere"):
        beside.measure(folder / "nowhere", 2, "busily", 0)


def test_programs_compute_until_the_measurement_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen

    def note(line: list[str], **how: Any) -> subprocess.Popen[bytes]:
        started.append(begin(line, **how))
        return started[-1]

    monkeypatch.setattr(beside.subprocess, "Popen", note)
    with beside.compute_beside(2, beside.COMPUTE, beside.make_environment("asleep")):
        assert len(started) == 2 and all(program.poll() is None for program in started)
    assert all(program.poll() is not None for program in started)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT] if sys.platform != "win32" else [signal.SIGTERM])
def test_what_a_benchmark_started_ends_when_it_is_stopped(folder: Path, end: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT_S)
        connect = f"import socket; held = socket.create_connection({listener.getsockname()!r})\n"
        endlessly = beside.make_line(folder, 2, "--endlessly")[3:]
        sample = [sys.executable, "-c", f"{connect}import engine.__main__; engine.__main__.main({endlessly!r})"]
        compute = [*beside.COMPUTE[:-1], connect + beside.COMPUTE[-1]]
        benchmark = f"""
import signal
from pathlib import Path
from engine.lab.benchmarks import beside
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run where it is ignored
beside.make_line = lambda *_: {sample!r}
with beside.compute_beside(2, {compute!r}, beside.make_environment("asleep")):
    beside.measure(Path(), 2, "asleep", 2)
"""
        process = subprocess.Popen([sys.executable, "-c", benchmark], cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            held = [listener.accept()[0] for _ in range(3)]
            process.send_signal(end)
            assert process.wait(WAIT_S) != 0
        finally:
            end_process(process)
    for connection in held:  # it ends with the process that holds its other end
        connection.settimeout(WAIT_S)
        with connection, suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_the_table_compares_with_threads_that_sleep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = {("busily", 0): 1.0, ("asleep", 0): 2.0, ("busily", 3): 12.0, ("asleep", 3): 3.0}

    def measure(_: Path, hits: int, waiting: str, programs: int) -> beside.Row:
        return beside.Row(waiting, programs, hits, 5, seconds[waiting, programs], 20.0, 1.5)

    monkeypatch.setattr(beside, "measure", measure)
    target = tmp_path / "figures.json"
    assert run.main(["beside", "--programs", "3", "--hits", "7", "--json", str(target)]) == 0
    printed = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    ratios = {(row[1].strip(), int(row[0])): float(row[-1]) for row in printed[1:]}
    assert ratios == {("busily", 0): 0.5, ("asleep", 0): 1.0, ("busily", 3): 4.0, ("asleep", 3): 1.0}
    kept = json.loads(target.read_text("utf-8"))["rows"]
    assert {(row["waiting"], row["programs"]): row["wall_s"] for row in kept} == seconds
    assert all(row["hits"] == 7 for row in kept)
    for wrong in (["--programs", "0"], ["--hits", "many"]):
        with pytest.raises((BadInput, SystemExit)):
            run.main(["beside", *wrong])
