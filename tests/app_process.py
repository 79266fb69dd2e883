"""The app in a process of its own, as a user starts it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.core.paths import ROOT


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serve(home: Path, *arguments: str) -> Iterator[str]:
    """The app as a user starts it; yields its address once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "ui", "--no-browser", "--device", "cpu", "--port", str(port)]
    command += ["--data-dir", str(home), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()  # it says where it is as soon as it answers
        assert f"http://127.0.0.1:{port}" in said, said + process.stdout.read()
        yield f"http://127.0.0.1:{port}"
    finally:
        end_process(process)


def end_process(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and end it where it does not."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
