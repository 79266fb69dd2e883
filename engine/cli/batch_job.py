"""One clip of a batch: its options, its key in the manifest, and rendering it."""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.batch_report import Outcome
from engine.cli.console import Listener, listen, same_file
from engine.cli.delivery import list_targets
from engine.core.cache import digest_json
from engine.core.errors import BadInput, Cancelled, StruckError
from engine.core.names import to_text
from engine.core.paths import CHECKPOINTS
from engine.document.storage import SUFFIX
from engine.media.export.endings import find_output

if TYPE_CHECKING:
    from engine.document.project import Project

    Render = Callable[..., Project]
    """Renders one clip by its options and a ``Compute``: a function of a module, so that other processes find it."""

FOLDER_FORMATS = ("stems", "pieces")
WORD_FORMATS = (*FOLDER_FORMATS, "markers", "project")
"""Formats that are not named by an ending."""

_NOT_SETTINGS = (
    "source", "out_dir", "jobs", "pattern", "batch_name", "file_stem", "device", "data_dir", "ckpt_dir", "out", "video",
    "stems", "pieces", "session", "project", "overwrite", "watch", "farm",
)  # fmt: skip
"""Options that do not change what is rendered, or of which ``make_key`` takes the content."""


def find_option(name: str) -> str | None:
    """The option of ``render`` that writes a format."""
    if name in WORD_FORMATS:
        return name
    return find_output(f".{name.removeprefix('.')}")


def make_job(options: argparse.Namespace, source: str, folder: Path, name: str) -> argparse.Namespace:
    """The options of one clip's render, whose outputs have a name in a folder."""
    job = copy.copy(options)
    job.source, job.session, job.batch_name, job.out_dir = source, [], name, str(folder)
    job.file_stem = name
    for given in options.formats:
        option = find_option(given)
        if option in FOLDER_FORMATS:
            setattr(job, option, str(folder / f"{name} {given}"))
        elif option == "markers":
            job.markers = str(folder / f"{name}_markers.csv")
        elif option == "project":
            job.project = str(folder / f"{name}{SUFFIX}")
        elif option == "session":
            job.session.append(str(folder / f"{name}.{given.lower().removeprefix('.')}"))
        elif option is not None:
            setattr(job, option, str(folder / f"{name}.{given.lower().removeprefix('.')}"))
    job.session = job.session or None
    job.overwrite = True  # what is there was looked at before
    return job


def list_outputs(job: argparse.Namespace) -> tuple[str, ...]:
    """Names of what a job writes into its folder."""
    return tuple(Path(target).name for _, target in list_targets(job))


def digest_clip(source: str) -> str:
    """Digest of a clip's content; "" for one that cannot be read."""
    from engine.media.open import digest_file

    try:
        return digest_file(source)
    except (OSError, BadInput):
        return ""


def make_key(job: argparse.Namespace, content: str) -> str:
    """Digest of the clip's content, the settings and the names; "" for a clip that cannot be read."""
    from engine.pipeline.render import RENDER_VERSION

    if not content:
        return ""
    settings = {name: value for name, value in vars(job).items() if name not in _NOT_SETTINGS}
    if job.physics is not None:
        settings["physics"] = [job.physics, digest_clip(job.physics)]
    if job.ckpt_dir is not None and Path(job.ckpt_dir).resolve() != CHECKPOINTS.resolve():
        settings["ckpt_dir"] = str(Path(job.ckpt_dir).resolve())
    return digest_json([RENDER_VERSION, content, json.dumps(settings, sort_keys=True, default=str), list_outputs(job)])


class _Warnings(Listener):
    """Keeps the warnings, and tells another listener all else."""

    def __init__(self, other: Listener) -> None:
        self._other = other
        self.warnings: list[str] = []

    def say(self, message: str) -> None:
        self._other.say(message)

    def show(self, what: str, fraction: float) -> None:
        self._other.show(what, fraction)

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def render_job(job: argparse.Namespace, render: Render, listener: Listener | None = None) -> Outcome:
    """Render one clip; what it says on the way goes to the listener. Raises Cancelled where that does."""
    try:
        if same_file(job.source, job.out_dir):
            raise BadInput("it is the folder of the outputs; give clips")
        heard = _Warnings(listener or Listener())
        with listen(heard):
            project = render(job)
        from engine.media.export.bext import read_loudness

        wave = job.out if job.out is not None and job.out.lower().endswith((".wav", ".bwf", ".rf64")) else None
        loudness, peak = read_loudness(wave) if wave is not None else (None, None)
        hits = project.heard_hits()
        struck = {hit.sound_id for hit in hits}
        sounds = tuple(sound.name for sound in project.sounds if sound.id in struck)
        return Outcome(
            to_text(job.source),
            job.batch_name,
            list_outputs(job),
            project.clip.duration_s,
            len(hits),
            sounds,
            loudness,
            peak,
            _grab_picture(project.clip.path, max(hits, key=lambda hit: hit.velocity_db).time_s if hits else 0.0),
            stem=job.file_stem,
            warning="; ".join(heard.warnings),
        )
    except (KeyboardInterrupt, Cancelled):
        raise
    except Exception as error:  # one clip's fault must not end the others
        return Outcome(to_text(job.source), job.batch_name, failure=describe_failure(error))


def describe_failure(error: Exception) -> str:
    """A sentence about an error."""
    if isinstance(error, StruckError):
        return str(error)
    return f"a fault of Struck's ({type(error).__name__}: {error}); render it alone to see more"[:300]


def _grab_picture(clip_path: str, time_s: float) -> str:
    import base64

    from engine.media.frames import make_filmstrip

    try:
        return base64.b64encode(make_filmstrip(clip_path, [time_s], 90)).decode("ascii")
    except StruckError:
        return ""
