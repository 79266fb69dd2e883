"""Batch rendering: many clips into one folder, resumable, with a report page."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.batch_job import (
    WORD_FORMATS,
    describe_failure,
    digest_clip,
    find_option,
    list_outputs,
    make_job,
    make_key,
    render_job,
)
from engine.cli.batch_report import REPORT_NAME, Outcome, write_report
from engine.cli.console import make_progress, say, warn
from engine.cli.delivery import list_targets
from engine.cli.manifest import Manifest
from engine.cli.overwrite import check_existing, find_existing
from engine.cli.ucs_names import NAMED
from engine.core.errors import BadInput
from engine.core.files import check_folder, make_write_error, read_bounded, remove_abandoned
from engine.core.names import make_file_stem, to_text
from engine.core.words import counted
from engine.document.storage import SUFFIX
from engine.media.export.endings import SESSION_ENDINGS, SOUND_ENDINGS, VIDEO_ENDINGS
from engine.media.export.stems import UniqueNames

if TYPE_CHECKING:
    from engine.cli.batch_job import Render

CLIP_ENDINGS = (
    ".mp4", ".mov", ".mkv", ".m4v", ".webm", ".avi", ".mxf", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv",
    ".gif", ".3gp", ".ogv", SUFFIX,
)  # fmt: skip
"""Files of a folder that are rendered."""

LIST_ENDINGS = (".txt", ".lst", ".m3u")
_LARGEST_LIST_BYTES = 16 << 20
_LONGEST_ENDING = "_dawproject media"
_OUTPUTS = ("out", "video", "stems", "pieces", "markers", "session", "project")
_OF_ONE_CLIP = (*_OUTPUTS, "onsets", "hits", "clip")


class Batch:
    """Clips that go to a folder under names of a pattern: what is done there is found again, what is new is rendered.

    With ``keeps_names`` clips come in any order: one that is done keeps its name, and no name is given twice.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        keeps_names: bool = False,
        describe: Callable[[str], str] = to_text,
    ) -> None:
        """Raises BadInput where the options do not fit; ``describe`` is what manifest and report call a clip."""
        self.folder = _check(options)
        self.manifest = Manifest(self.folder)
        self.outcomes: dict[str, Outcome] = {}
        """By clip, of those that are done or failed."""

        self._options, self._describe = options, describe
        self._names = UniqueNames()
        self._own: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._kept = self.manifest.list_names() if keeps_names else ()
        self._number = len(self._kept)
        for _, name in self._kept:
            self._names.take(name)

    def keep_names(self, sources: Sequence[str]) -> None:
        """Let those of some clips that were done keep their names, whichever are added before them.

        Names with the number of a clip are given by their order alone.
        """
        if "{number}" in self._options.pattern:
            return
        given = {self._describe(source): re.escape(self._choose_stem(source)) for source in sources}
        for known, name in self.manifest.list_names():
            if known in given and known not in self._own and re.fullmatch(rf"{given[known]}( \d+)?", name):
                self._own[known] = name
                self._names.take(name)

    def add(self, source: str) -> argparse.Namespace | None:
        """The job of a clip; None where it is done already."""
        content = digest_clip(source)
        for name in (name for known, name in self._kept if known == self._describe(source)):
            done = self.manifest.find(make_key(make_job(self._options, source, self.folder, name), content))
            if done is not None:
                self._keys[source], self.outcomes[source] = "", done
                return None
        self._number += 1
        name = self._own.get(self._describe(source)) or self._names.take(self._choose_stem(source))
        job = make_job(self._options, source, self.folder, name)
        key = self._keys[source] = make_key(job, content)
        done = self.manifest.find(key)
        if done is None:
            return job
        self.outcomes[source] = replace(done, source=self._describe(source))
        return None

    def _choose_stem(self, source: str) -> str:
        """The name of a clip by the pattern, which others may have as well."""
        clip = Path(source).name.removesuffix(SUFFIX)
        clip = Path(clip).stem if clip == Path(source).name else clip
        name = self._options.pattern.replace("{clip}", to_text(clip)).replace("{number}", f"{self._number:03d}")
        return make_file_stem(name, f" 999{_LONGEST_ENDING}")

    def begin(self, jobs: Sequence[argparse.Namespace]) -> None:
        """Note that jobs are about to be rendered. BadInput where files would be replaced that are none of theirs."""
        foreign = [job for job in jobs if not self.manifest.owns(self._keys[job.source])]
        fixed = [t for job in foreign for t in list_targets(job) if not (job.ucs_names and t[0] in NAMED)]
        existing = list(find_existing(fixed))
        report = [] if self.manifest.owns_report() else [self.folder / REPORT_NAME]
        check_existing(self._options, [*existing, *report], "another --out-dir")
        self.manifest.begin({self._keys[job.source]: list_outputs(job) for job in jobs})

    def begin_again(self, job: argparse.Namespace) -> None:
        """Note that a job's files are written once more, of what its clip holds now."""
        key = self._keys[job.source] = make_key(job, digest_clip(job.source))
        self.manifest.begin({key: list_outputs(job)})

    def finish(self, source: str, outcome: Outcome) -> None:
        """Note what came of a clip."""
        outcome = self.outcomes[source] = replace(outcome, source=self._describe(source))
        if outcome.failure:
            self._own[outcome.source] = outcome.name  # which it keeps where it is tried again
            return
        self._own.pop(outcome.source, None)
        if self._keys[source]:
            self.manifest.finish(self._keys[source], outcome)

    def write_report(self) -> Path:
        """Write the page about all clips, in the order in which they were added. Raises BadInput."""
        path = self.folder / REPORT_NAME
        write_report(path, [self.outcomes[source] for source in self._keys if source in self.outcomes])
        return path


def is_batch(options: argparse.Namespace) -> bool:
    """Whether the inputs of ``render`` are several clips, a folder or a list, or go to a folder."""
    sources = options.source
    return options.out_dir is not None or len(sources) > 1 or os.path.isdir(sources[0]) or _is_list(sources[0])


def run_batch(options: argparse.Namespace, render: Render) -> None:
    """Render every clip that is not done yet into ``--out-dir`` by ``render``, then write the report.

    Raises BadInput before the work where the options do not fit, and at the end where a clip failed.
    """
    batch = Batch(options)
    sources = list(dict.fromkeys(list_clips(options.source, batch.folder)))
    if not sources:
        raise BadInput(f"{to_text(options.source[0])} holds no clip; give a folder or a list with at least one")
    batch.keep_names(sources)
    jobs = [job for source in sources if (job := batch.add(source)) is not None]
    if len(jobs) < len(sources):
        say(f"{len(sources) - len(jobs)} of {len(sources)} clips are done already")
    batch.begin(jobs)
    progress = make_progress(f"rendering {counted(len(sources), 'clip')}")
    with contextlib.closing(_render_all(jobs, options, render)) as outcomes:
        for source, outcome in outcomes:
            batch.finish(source, outcome)
            if outcome.warning:
                warn(f"{outcome.source}: {outcome.warning}")
            progress(len(batch.outcomes) / len(sources))
    say(f"wrote {batch.write_report()}")
    failed = [outcome for source in sources if (outcome := batch.outcomes[source]).failure]
    for outcome in failed:
        say(f"{outcome.source}: {outcome.failure.removeprefix(f'{Path(outcome.source).name}: ')}")
    if failed:
        raise BadInput(
            f"{len(failed)} of {len(sources)} clips could not be rendered; see the messages above and {REPORT_NAME}, "
            "correct them and run the same command again, which renders those alone"
        )


def list_clips(sources: Sequence[str], outputs: Path) -> Iterator[str]:
    """The clips of files, folders and lists, in order; those of folders without what lies in the folder of outputs.

    Raises BadInput for a list that cannot be read.
    """
    for source in sources:
        if os.path.isdir(source):
            for path in sorted(_walk(source)):
                is_clip = path.name.lower().endswith(CLIP_ENDINGS) and path.is_file()
                if is_clip and not path.resolve().is_relative_to(outputs.resolve()):
                    yield str(path)
        elif _is_list(source):
            yield from _read_list(Path(source))
        else:
            yield source


def _walk(folder: str) -> Iterator[Path]:
    """Files of a folder and those within it that are not hidden; what goes meanwhile is passed over."""
    for place, inner, files in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _is_list(source: str) -> bool:
    return source.lower().endswith(LIST_ENDINGS) and os.path.isfile(source)


def _read_list(path: Path) -> Iterator[str]:
    """One path a line, relative to the list; empty lines and those after # are passed over."""
    try:
        text = read_bounded(path, _LARGEST_LIST_BYTES, "list of clips").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{to_text(path)} cannot be read as UTF-8 text; give a list with a path on each line") from None
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield str(path.parent / line.strip())


def _check(options: argparse.Namespace) -> Path:
    if options.out_dir is None:
        what = "a watched folder needs one" if options.watch else "several clips need a folder"
        raise BadInput(f"{what} for what is written; give --out-dir")
    single = [name for name in _OF_ONE_CLIP if getattr(options, name) is not None]
    if single:
        remedy = "say what to write by --formats" if single[0] in _OUTPUTS else "leave it out"
        raise BadInput(f"--{single[0]} is of a single clip; with --out-dir {remedy}")
    unknown = [name for name in options.formats if find_option(name) is None]
    if unknown:
        offered = (*SOUND_ENDINGS, *VIDEO_ENDINGS, *SESSION_ENDINGS, *WORD_FORMATS)
        words = ", ".join(name.removeprefix(".") for name in offered)
        raise BadInput(f"--formats {to_text(unknown[0])!r} is not known; give some of {words}")
    if not options.pattern.strip():
        raise BadInput("--pattern is blank, so the files would have no name; use {clip} and {number}")
    for part in options.pattern.replace("{clip}", "").replace("{number}", "").split("{")[1:]:
        raise BadInput(f"--pattern has {{{part.partition('}')[0]}}}, which is no field; use {{clip}} and {{number}}")
    folder = check_folder(options.out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise make_write_error(folder, error) from None
    remove_abandoned(folder)
    return folder


def _render_all(
    jobs: list[argparse.Namespace], options: argparse.Namespace, render: Render
) -> Generator[tuple[str, Outcome], None, None]:
    """Each clip's outcome as it is ready; more than one process renders that many clips at a time."""
    if options.farm is not None and jobs:
        from engine.cli.farm import render_on_farm

        yield from render_on_farm(jobs, options, render)
        return
    processes = options.jobs or 1
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
                yield job.source, Outcome(to_text(job.source), job.batch_name, failure=describe_failure(error))


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
