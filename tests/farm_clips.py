"""Clips whose renders on a farm are counted, or stop in mid-file for a test to end them; workers import this."""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli.render import render_one as render_whole
from engine.core.files import replace_file
from engine.document.project import Project
from engine.pipeline.compute import Compute


def mark(clip: Path, how: str = ".marked") -> None:
    """Let the first render of a clip stop in the middle of its output until something ends it.

    ``.fatal``: let every render of it end its process.
    """
    clip.with_suffix(".stopped").unlink(missing_ok=True)  # of an earlier run
    clip.with_suffix(how).touch()


def find_stopped(clip: Path) -> tuple[int, str] | None:
    """Process and Ray node in which a marked clip has stopped; None before."""
    try:
        process, node = clip.with_suffix(".stopped").read_text().split()
    except (OSError, ValueError):
        return None
    return int(process), node


def forget_starts(clip: Path) -> None:
    """Count the renders of a clip anew."""
    clip.with_suffix(".starts").unlink(missing_ok=True)


def list_starts(clip: Path) -> list[str]:
    """The Ray node of each render of a clip that has begun."""
    try:
        return clip.with_suffix(".starts").read_text().split()
    except OSError:
        return []


def render_one(options: argparse.Namespace, compute: Compute) -> Project:
    """As the command's own, but that renders are counted, and marked clips stop once."""
    import ray

    clip = Path(options.source)
    node = ray.get_runtime_context().get_node_id()
    with open(clip.with_suffix(".starts"), "a") as starts:
        starts.write(f"{node}\n")
    if clip.with_suffix(".fatal").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if clip.with_suffix(".marked").exists():
        clip.with_suffix(".marked").unlink()
        with replace_file(options.out) as partial:
            partial.write_bytes(b"half")
            clip.with_suffix(".stopped").write_text(f"{os.getpid()} {node}")
            time.sleep(300.0)

    def analyze(hits: Sequence[np.ndarray], rate_hz: int, *, quiet: np.ndarray | None) -> Any:
        clip.with_suffix(".analyzed").write_text(str(len(hits)))
        assert compute.analyze is not None
        return compute.analyze(hits, rate_hz, quiet=quiet)

    return render_whole(options, replace(compute, analyze=analyze))
