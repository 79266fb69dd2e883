"""Batch rendering: many clips into one folder, resumable, with a report page."""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.batch_report import REPORT_NAME, Outcome, write_report
from engine.cli.console import make_progress, same_file, say
from engine.core.bounded_json import read_json_file
from engine.core.cache import digest_json
from engine.core.errors import BadInput, StruckError
from engine.core.files import check_folder, make_write_error, remove_abandoned, write_file
from engine.core.names import make_file_stem, to_text
from engine.core.words import counted
from engine.document.storage import SUFFIX
from engine.media.export.endings import SESSION_ENDINGS, SOUND_ENDINGS, VIDEO_ENDINGS

if TYPE_CHECKING:
    from engine.document.project import Project

    Render = Callable[[argparse.Namespace], Project]
    """Renders one clip, as a function of a module, so that other processes find it."""

MANIFEST_NAME = "struck-batch.json"
CLIP_ENDINGS = (
    ".mp4", ".mov", ".mkv", ".m4v", ".webm", ".avi", ".mxf", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv",
    ".gif", ".3gp", ".ogv", SUFFIX,
)  # fmt: skip
"""Files of a folder that are rendered."""

LIST_ENDINGS = (".txt", ".lst", ".m3u")
FIELDS = ("clip", "number")
_FOLDERS = ("stems", "pieces")
_LONGEST_ENDING = "_dawproject media"
_NOT_SETTINGS = (
    "source", "out_dir", "jobs", "pattern", "batch_name", "device", "data_dir", "ckpt_dir", "out", "video", "stems",
    "pieces", "session", "project",
)  # fmt: skip
"""Options that do not change what is rendered."""


def is_batch(options: argparse.Namespace) -> bool:
    """Whether the inputs of ``render`` are several clips, a folder or a list, or go to a folder."""
    sources = options.source
    return options.out_dir is not None or len(sources) > 1 or os.path.isdir(sources[0]) or _is_list(sources[0])


def run_batch(options: argparse.Namespace, render: Render) -> None:
    """Render every clip that is not done yet into ``--out-dir`` by ``render``, then write the report.

    Raises BadInput before the work where the options do not fit, and at the end where a clip failed.
    """
    folder = _check(options)
    sources = list(dict.fromkeys(list_clips(options.source)))
    if not sources:
        raise BadInput(f"{to_text(options.source[0])} holds no clip; give a folder or a list with at least one")
    names = _name_all(sources, options.pattern)
    jobs = {source: _make_job(options, source, folder, name) for source, name in zip(sources, names, strict=True)}
    manifest = _read_manifest(folder)
    keys = {source: _make_key(job) for source, job in jobs.items()}
    done = {
        source: outcome
        for source, key in keys.items()
        if (outcome := manifest.get(key)) is not None and all((folder / file).exists() for file in outcome.outputs)
    }
    if done:
        say(f"{len(done)} of {len(sources)} clips are done already")
    outcomes = {source: replace(outcome, source=to_text(source)) for source, outcome in done.items()}
    todo = [job for source, job in jobs.items() if source not in done]
    progress = make_progress(f"rendering {counted(len(sources), 'clip')}")
    for source, outcome in _render_all(todo, options.jobs, render):
        outcomes[source] = outcome
        if not outcome.failure and keys[source]:
            manifest[keys[source]] = outcome
            _write_manifest(folder, manifest)
        progress(len(outcomes) / len(sources))
    ordered = [outcomes[source] for source in sources]
    write_report(folder / REPORT_NAME, ordered)
    say(f"wrote {folder / REPORT_NAME}")
    failed = [outcome for outcome in ordered if outcome.failure]
    for outcome in failed:
        say(f"{outcome.source}: {outcome.failure}")
    if failed:
        raise BadInput(
            f"{len(failed)} of {len(sources)} clips could not be rendered, as said above and in {REPORT_NAME}; correct "
            "them and run the same command again, which renders those alone"
        )


def list_clips(sources: Sequence[str]) -> Iterator[str]:
    """The clips of files, folders and lists, in order. Raises BadInput for a list that cannot be read."""
    for source in sources:
        if os.path.isdir(source):
            for path in sorted(Path(source).rglob("*")):
                hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
                if path.is_file() and not hidden and path.name.lower().endswith(CLIP_ENDINGS):
                    yield str(path)
        elif _is_list(source):
            yield from _read_list(Path(source))
        else:
            yield source


def _is_list(source: str) -> bool:
    return source.lower().endswith(LIST_ENDINGS) and os.path.isfile(source)


def _read_list(path: Path) -> Iterator[str]:
    """One path a line, relative to the list; empty lines and those after # are passed over."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"{to_text(path)} cannot be read as UTF-8 text; give a list with a path on each line") from None
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield str(path.parent / line.strip())


def _check(options: argparse.Namespace) -> Path:
    if options.out_dir is None:
        raise BadInput("several clips need a folder for what is written; give --out-dir")
    single = [name for name in ("out", "video", "stems", "pieces", "markers", "session", "project", "onsets", "clip")
              if getattr(options, name) is not None]  # fmt: skip
    if single:
        raise BadInput(f"--{single[0]} is of a single clip; with --out-dir say what to write by --formats")
    unknown = [name for name in options.formats if _find_option(name) is None]
    if unknown:
        offered = (*SOUND_ENDINGS, *VIDEO_ENDINGS, *SESSION_ENDINGS, "stems", "pieces", "project")
        words = ", ".join(name.removeprefix(".") for name in offered)
        raise BadInput(f"--formats {to_text(unknown[0])!r} is not known; give some of {words}")
    for part in options.pattern.replace("{clip}", "").replace("{number}", "").split("{")[1:]:
        raise BadInput(f"--pattern has {{{part.partition('}')[0]}}}, which is no field; use {{clip}} and {{number}}")
    folder = check_folder(options.out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise make_write_error(folder, error) from None
    remove_abandoned(folder)
    return folder


def _find_option(name: str) -> str | None:
    """The option of ``render`` that writes a format."""
    if name in (*_FOLDERS, "project"):
        return name
    ending = f".{name.lower().removeprefix('.')}"
    known = {"out": SOUND_ENDINGS, "video": VIDEO_ENDINGS, "session": SESSION_ENDINGS}
    return next((option for option, endings in known.items() if ending in endings), None)


def _name_all(sources: Sequence[str], pattern: str) -> list[str]:
    from engine.media.export.stems import UniqueNames

    names = UniqueNames()
    found = []
    for number, source in enumerate(sources, 1):
        clip = Path(source).name.removesuffix(SUFFIX)
        clip = Path(clip).stem if clip == Path(source).name else clip
        name = pattern.replace("{clip}", to_text(clip)).replace("{number}", f"{number:03d}")
        found.append(names.take(make_file_stem(name, f" 999{_LONGEST_ENDING}")))
    return found


def _make_job(options: argparse.Namespace, source: str, folder: Path, name: str) -> argparse.Namespace:
    """The options of one clip's render."""
    job = copy.copy(options)
    job.source, job.session, job.batch_name, job.out_dir = source, [], name, str(folder)
    for given in options.formats:
        option = _find_option(given)
        if option in _FOLDERS:
            setattr(job, option, str(folder / f"{name} {given}"))
        elif option == "project":
            job.project = str(folder / f"{name}{SUFFIX}")
        elif option == "session":
            job.session.append(str(folder / f"{name}.{given.lower().removeprefix('.')}"))
        elif option is not None:
            setattr(job, option, str(folder / f"{name}.{given.lower().removeprefix('.')}"))
    job.session = job.session or None
    return job


def _list_outputs(job: argparse.Namespace) -> tuple[str, ...]:
    from engine.cli.delivery import list_targets

    return tuple(Path(target).name for _, target in list_targets(job))


def _make_key(job: argparse.Namespace) -> str:
    """Digest of the clip's content, the settings and the names; "" for a clip that cannot be read."""
    from engine.media.open import digest_file
    from engine.pipeline.render import RENDER_VERSION

    try:
        content = digest_file(job.source)
    except (OSError, BadInput):
        return ""
    settings = {name: value for name, value in vars(job).items() if name not in _NOT_SETTINGS}
    return digest_json([RENDER_VERSION, content, json.dumps(settings, sort_keys=True, default=str), _list_outputs(job)])


# --- the work ---------------------------------------------------------------------------------


def _render_all(jobs: list[argparse.Namespace], processes: int, render: Render) -> Iterator[tuple[str, Outcome]]:
    """Each clip's outcome as it is ready; more than one process renders that many clips at a time."""
    if processes == 1 or len(jobs) < 2:
        for job in jobs:
            yield job.source, render_job(job, render)
        return
    from multiprocessing import get_context

    threads = max(1, (os.cpu_count() or 1) // processes)
    with _open_pool(processes, get_context("spawn"), threads) as pool:
        waiting: dict[Future[Outcome], argparse.Namespace] = {pool.submit(render_job, job, render): job for job in jobs}
        for future in as_completed(waiting):
            job = waiting[future]
            try:
                yield job.source, future.result()
            except Exception as error:  # the process itself ended
                yield job.source, Outcome(to_text(job.source), job.batch_name, failure=_describe(error))


@contextlib.contextmanager
def _open_pool(processes: int, context: Any, threads: int) -> Iterator[Executor]:
    limits: dict[str, Any] = {"initializer": _limit_threads, "initargs": (threads,)}
    pool = ProcessPoolExecutor(processes, context, **limits)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _limit_threads(threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)


def render_job(job: argparse.Namespace, render: Render) -> Outcome:
    """Render one clip; what it says on the way is kept to itself."""
    said = io.StringIO()
    try:
        if same_file(job.source, job.out_dir):
            raise BadInput("it is the folder of the outputs; give clips")
        with contextlib.redirect_stderr(said):
            project = render(job)
        from engine.media.export.bext import read_loudness

        wave = job.out if job.out is not None and job.out.lower().endswith((".wav", ".bwf", ".rf64")) else None
        loudness, peak = read_loudness(wave) if wave is not None else (None, None)
        hits = [hit for hit in project.hits if not hit.mute]
        struck = {hit.sound_id for hit in hits}
        sounds = tuple(sound.name for sound in project.sounds if sound.id in struck)
        return Outcome(
            to_text(job.source),
            job.batch_name,
            _list_outputs(job),
            project.clip.duration_s,
            len(hits),
            sounds,
            loudness,
            peak,
            _grab_picture(project.clip.path, max(hits, key=lambda hit: hit.velocity_db).time_s if hits else 0.0),
        )
    except KeyboardInterrupt:
        raise
    except Exception as error:  # one clip's fault must not end the others
        return Outcome(to_text(job.source), job.batch_name, failure=_describe(error))


def _describe(error: Exception) -> str:
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


# --- what is done -----------------------------------------------------------------------------


def _read_manifest(folder: Path) -> dict[str, Outcome]:
    try:
        table = read_json_file(folder / MANIFEST_NAME)
        entries = table["done"].items()
        return {key: Outcome(**{name: _to_tuple(value) for name, value in row.items()}) for key, row in entries}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # none yet, or of another Struck: everything is rendered


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _write_manifest(folder: Path, manifest: dict[str, Outcome]) -> None:
    rows = {key: asdict(outcome) for key, outcome in manifest.items()}
    try:
        write_file(folder / MANIFEST_NAME, json.dumps({"version": 1, "done": rows}, indent=1).encode("utf-8"))
    except OSError as error:
        raise make_write_error(folder / MANIFEST_NAME, error) from None
