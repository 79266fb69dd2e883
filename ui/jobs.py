"""Work beside the conversation: a fair queue for the CPU, one job at a time a session, and latest-wins rendering."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.core.errors import Cancelled, StruckError
from engine.document.project import Hit, Project, RenderSettings

if TYPE_CHECKING:
    from ui.session import Session

BATCH_ON_CPU = 4
BATCH_ON_GPU = 32
SETTLE_S = 0.03

log = logging.getLogger("struck")


class Turns:
    """A lock that serves in order of asking; long work gives way between steps, so many sessions share fairly."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def turn(self, check: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """Wait for the turn, calling ``check`` (which may raise Cancelled) meanwhile; yields ``give_way``."""
        ticket = object()

        def wait() -> None:
            self._queue.append(ticket)
            while self._queue[0] is not ticket:
                self._condition.wait(0.05)
                check()

        def leave() -> None:
            if ticket in self._queue:
                self._queue.remove(ticket)
                self._condition.notify_all()

        def give_way() -> None:
            with self._condition:
                if len(self._queue) > 1:
                    leave()
                    wait()

        try:
            with self._condition:
                wait()
            yield give_way
        finally:
            with self._condition:
                leave()

    @property
    def waiting(self) -> int:
        """How many hold or await a turn."""
        return len(self._queue)


class Job:
    """A piece of work that can be called off; ``check`` raises Cancelled once it has been."""

    def __init__(self, run: Callable[[Job], None]) -> None:
        self._run = run
        self._called_off = threading.Event()
        self.finished = threading.Event()

    def cancel(self) -> None:
        self._called_off.set()

    def check(self) -> None:
        if self._called_off.is_set():
            raise Cancelled

    def run(self) -> None:
        try:
            self.check()
            self._run(self)
        finally:
            self.finished.set()


class Worker:
    """Runs one session's jobs one after another in a thread of its own."""

    def __init__(self, name: str, report: Callable[[Exception], None]) -> None:
        self._name = name
        self._report = report
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._thread: threading.Thread | None = None

    def start(self, run: Callable[[Job], None], replace_others: bool = True) -> Job:
        """Queue a job; by default every earlier one is called off."""
        job = Job(run)
        with self._lock:
            if replace_others:
                for other in self._jobs:
                    other.cancel()
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
                self._thread.start()
        return job

    def cancel(self) -> None:
        """Call off everything."""
        with self._lock:
            for job in self._jobs:
                job.cancel()

    @property
    def waiting(self) -> int:
        """How many jobs run or wait."""
        return len(self._jobs)

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._thread is not None

    def _loop(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                job = self._jobs[0]
            try:
                job.run()
            except Exception as error:
                self._report(error)
            finally:
                with self._lock:
                    self._jobs.remove(job)


class Renderer:
    """Keeps a session's sound up with its document: samples what changed, drops what nobody wants any more."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._wanted = False
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._keys: tuple[Project, str, dict[str, str]] | None = None
        self._excused = ""
        self.problem: str | None = None

    def request(self) -> None:
        """The document may have changed: look at it soon."""
        with self._lock:
            self._wanted = True
            self._stopped = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="render", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Sample nothing more until the next request."""
        self._stopped = True

    @property
    def busy(self) -> bool:
        """Whether something is being rendered or about to be."""
        return self._thread is not None

    def wait(self, check: Callable[[], None]) -> None:
        """Return when the sound is up to date; StruckError if rendering failed."""
        if not self.busy and self._missing():
            self.request()
        while self.busy:
            check()
            time.sleep(0.02)
        check()  # sampling may have ended because it was stopped together with whoever waits
        if self.problem:
            raise StruckError(self.problem)

    def _loop(self) -> None:
        said_done = False
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                self._wanted = False
            self.problem = None
            try:
                if self._render():
                    said_done = True
                elif not said_done:
                    self._session.clear_status("sampling")
            except Cancelled:
                said_done = False
                self._session.set_status("sampling", "cancelled", message="Sampling stopped")
            except Exception as error:
                said_done = False
                self.problem = self._session.report(error, "Sampling")
                self._session.set_status("sampling", "error", message=self.problem)

    def keys(self, project: Project) -> dict[str, str]:
        """Render key of every hit of a document."""
        from engine.pipeline.render import hit_keys

        digest = self._session.studio.digest(project.render)
        known = self._keys
        if known is not None and known[0] is project and known[1] == digest:
            return known[2]
        keys = hit_keys(project, digest)
        self._keys = (project, digest, keys)
        return keys

    def _missing(self) -> bool:
        project = self._session.sounding_project()
        return project is not None and len(self._session.publish_rendered(project, self.keys(project))) > 0

    def _render(self) -> int:
        """Sample until nothing is missing; returns how many hits that took."""
        from engine.pipeline.render import RenderedHit, render_hits

        session, studio = self._session, self._session.studio
        started = time.monotonic()
        sampled = 0
        while True:
            project = session.sounding_project()
            if project is None:
                return sampled
            missing = session.publish_rendered(project, self.keys(project))
            if not missing:
                break
            time.sleep(SETTLE_S)
            if session.sounding_project() is not project:
                continue
            sampler = studio.sampler(project.render)
            if sampler is None:
                self._excuse(project.render)
            on_gpu = sampler is not None and studio.device()[0].type != "cpu"
            batch = in_turn(missing)[: BATCH_ON_GPU if on_gpu else BATCH_ON_CPU]
            total = sampled + len(missing)
            wanted = {self.keys(project)[hit.id] for hit in batch}
            check = self._still_wanted(project, wanted)
            session.set_status("sampling", "sampling", sampled, total, f"Sampling {sampled} of {total}", started)
            try:
                with studio.sampling.turn(check) as give_way:

                    def progress(
                        done: int,
                        _total: int,
                        sampled: int = sampled,
                        total: int = total,
                        check: Callable[[], None] = check,
                        give_way: Callable[[], None] = give_way,
                    ) -> None:
                        check()
                        now = min(sampled + done, total)
                        session.set_status("sampling", "sampling", now, total, f"Sampling {now} of {total}", started)
                        give_way()

                    def show(found: dict[str, RenderedHit], project: Project = project) -> None:
                        for hit in found.values():
                            session.remember(hit.key, len(hit.samples))
                        session.publish_rendered(project, self.keys(project))

                    part = replace(project, hits=tuple(batch))
                    group = len(batch) if on_gpu else 1
                    render_hits(part, sampler, studio.cache, progress, show, include_muted=True, group_hits=group)
                sampled += len(batch)
            except Cancelled:
                if self._stopped:
                    raise
        if sampled:
            lacks = "" if studio.checkpoints() else ": no checkpoint"
            how = "" if studio.digest(session.settings()) else f" (prior only{lacks})"
            message = f"Sampled {sampled} of {sampled} hits{how}"
            session.set_status("sampling", "done", sampled, sampled, message, started)
        return sampled

    def _excuse(self, settings: RenderSettings) -> None:
        """Say once why the sampler that a document names is not used; that one is not installed, its tab shows."""
        from ui.handlers import welcome

        studio, name = self._session.studio, settings.checkpoint
        fault = studio.fault(name) if name in studio.checkpoints() else None
        if fault and fault != self._excused:
            self._session.send({"type": "error", "message": f"{fault}; until then modes and noise alone sound"})
            self._session.send(welcome(self._session))  # its list of checkpoints says so too
        self._excused = fault or self._excused

    def _still_wanted(self, project: Project, wanted: set[str]) -> Callable[[], None]:
        def check() -> None:
            if self._stopped:
                raise Cancelled
            now = self._session.sounding_project()
            if now is project:
                return
            if now is None or not wanted <= set(self.keys(now).values()):
                raise Cancelled

        return check


def in_turn(hits: list[Hit]) -> list[Hit]:
    """Hits in the order to sample them: as they are heard, but those of one changed sound the loudest first."""
    if len({hit.sound_id for hit in hits}) == 1:
        return sorted(hits, key=lambda hit: -hit.velocity_db)  # the editor plays that one as soon as it is there
    return sorted(hits, key=lambda hit: hit.time_s)


def describe(error: Any) -> str:
    """A sentence about any exception, fit to show."""
    if isinstance(error, StruckError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory of this machine is full; close other programs or use a shorter clip"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}; check the disk and its permissions"
    return "Something went wrong inside Struck; the project is intact, and the log in the data folder says more"
