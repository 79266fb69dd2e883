"""Clips whose first render on a farm stops in the middle of a file, for a test to end it; workers import this."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from engine.cli.render import render_one as render_whole
from engine.core.files import replace_file
from engine.document.project import Project
from engine.pipeline.compute import Compute


def mark(clip: Path) -> None:
    """Let the first render of a clip stop in the middle of its output until something ends it."""
    clip.with_suffix(".marked").touch()


def find_stopped(clip: Path) -> tuple[int, str] | None:
    """Process and Ray node in which a marked clip has stopped; None before."""
    try:
        process, node = clip.with_suffix(".stopped").read_text().split()
    except (OSError, ValueError):
        return None
    return int(process), node


def render_one(options: argparse.Namespace, compute: Compute) -> Project:
    """As the command's own, but that marked clips stop once."""
    clip = Path(options.source)
    if clip.with_suffix(".marked").exists():
        import ray

        clip.with_suffix(".marked").unlink()
        with replace_file(options.out) as partial:
            partial.write_bytes(b"half")
            clip.with_suffix(".stopped").write_text(f"{os.getpid()} {ray.get_runtime_context().get_node_id()}")
            time.sleep(300.0)
    return render_whole(options, compute)
