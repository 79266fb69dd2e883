"""Struck's command line, run in its own environment, since ComfyUI's may have other versions of the same libraries."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

POLL_S = 0.2


def find_struck() -> Path:
    """The folder of Struck: the one that this file, or what a link leads to, lies in, else STRUCK_FOLDER."""
    folders = [Path(__file__).resolve().parents[2], Path(os.environ.get("STRUCK_FOLDER", ""))]
    for folder in folders:
        if (folder / "launch.py").is_file():
            return folder
    raise RuntimeError("Struck was not found; link integrations/comfyui of its folder, or set STRUCK_FOLDER to it")


def make_command() -> list[str]:
    """The command that ``launch.py`` is; it makes Struck's environment at its first start."""
    return [sys.executable, str(find_struck() / "launch.py")]


def run_struck(
    arguments: Sequence[str], show: Callable[[str], None] = print, check: Callable[[], None] = lambda: None
) -> None:
    """Run a command to its end. ``show`` gets each line that it says; ``check`` is called meanwhile and may raise.

    Raises RuntimeError with the command's own sentence where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        log, shown = Path(folder) / "log.txt", 0
        with log.open("wb") as said:
            command = [*make_command(), *arguments]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        try:
            status = None
            while status is None:
                check()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = process.wait(POLL_S)
                lines = log.read_bytes().decode("utf-8", "replace").split("\n")[:-1]  # whole ones
                for line in lines[shown:]:
                    show(line)
                shown = len(lines)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if status:
        raise RuntimeError(
            lines[-1].strip().removeprefix("Struck: ") if lines else f"Struck ended with status {status}"
        )
