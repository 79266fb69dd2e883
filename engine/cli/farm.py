"""``render --farm``: a batch on a Ray cluster, with the manifest, the report and the samples of a local one."""

from __future__ import annotations

import argparse
import contextlib
import copy
import functools
import os
import secrets
import socket
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.batch_job import describe_failure, render_job
from engine.cli.batch_report import Outcome
from engine.cli.console import say
from engine.cli.delivery import list_targets
from engine.cli.manifest import MANIFEST_NAME
from engine.core.errors import BadInput
from engine.core.files import remove_abandoned, remove_partials, share_folder
from engine.core.names import to_text

if TYPE_CHECKING:
    from engine.cli.batch_job import Render
    from engine.pipeline.compute import Compute

_PATHS = ("source", "out_dir", "physics", "ckpt_dir", "data_dir")


def render_on_farm(
    jobs: list[argparse.Namespace], options: argparse.Namespace, render: Render
) -> Generator[tuple[str, Outcome], None, None]:
    """Each clip's outcome as it is ready. Raises BadInput where there is no farm.

    Clips and the folder of the outputs are read and written by all machines, under the paths that they have here.
    """
    from engine.farm.cluster import describe_cluster, open_cluster
    from engine.farm.run_jobs import Lost, run_jobs

    run_id = secrets.token_hex(4)

    def tell_loss(clip: FarmClip, reason: str) -> None:
        say(f"{to_text(clip.source)}: {reason}; it is rendered again")

    with open_cluster(options.farm, options.jobs) as ray:
        say(f"farm: {describe_cluster(ray)}")
        given = [_make_clip(job) for job in jobs]
        ckpt_dir = None if options.ckpt_dir is None else os.path.abspath(options.ckpt_dir)
        work = functools.partial(render_there, render, run_id)
        results = run_jobs(ray, given, work, ckpt_dir, options.device, options.jobs, tell_loss)
        try:
            with contextlib.closing(results):
                for clip, result in results:
                    if isinstance(result, Lost):
                        result = BadInput(f"{result.reason}, at every try; render it alone to see more")
                    if isinstance(result, Exception):
                        result = Outcome(to_text(clip.source), clip.job.batch_name, failure=describe_failure(result))
                    yield clip.source, result
        finally:
            remove_partials(options.out_dir, run_id)


@dataclass(frozen=True)
class FarmClip:
    """A clip as it was given, its job with absolute paths, and those that this machine sees and others must see too."""

    source: str
    job: argparse.Namespace
    seen: tuple[str, ...]


def _make_clip(job: argparse.Namespace) -> FarmClip:
    made = copy.copy(job)
    for name in {*_PATHS, *(name for name, _ in list_targets(job))}:
        value = getattr(job, name)
        if isinstance(value, list):
            setattr(made, name, [os.path.abspath(path) for path in value])
        elif value is not None:
            setattr(made, name, os.path.abspath(value))
    shared = (os.path.join(made.out_dir, MANIFEST_NAME), made.source, made.physics)
    return FarmClip(job.source, made, tuple(path for path in shared if path is not None and os.path.exists(path)))


def render_there(render: Render, run_id: str, clip: FarmClip, compute: Compute) -> Outcome:
    """Render a clip on whichever machine this is. Raises BadInput where it does not see the clip or its folder."""
    for path in clip.seen:
        if not os.path.exists(path):
            raise BadInput(
                f"{to_text(path)} is not there on the machine {socket.gethostname()} of the farm; "
                f"mount {to_text(os.path.dirname(path))} there under the same path"
            )
    share_folder(clip.job.out_dir, run_id)
    remove_abandoned(Path(tempfile.gettempdir()))  # sounds kept by a process that was ended
    return render_job(clip.job, functools.partial(render, compute=compute))
