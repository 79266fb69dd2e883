"""Background jobs of a session: cancellable, one after another in one thread a worker."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput, Cancelled, StruckError

MOST_JOBS = 200


_running = threading.local()


class Job:
    """A cancellable piece of work; its function calls ``check``, which raises Cancelled after ``cancel``.

    ``of_document``: whether it ends with the document that the session showed when it was asked for.
    """

    def __init__(self, run: Callable[[Job], None], of_document: bool = True) -> None:
        self._run = run
        self.of_document = of_document
        self._cancelled = threading.Event()
        self.finished = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    def check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def run(self) -> None:
        _running.job = self
        try:
            self.check()
            self._run(self)
        finally:
            _running.job = None
            self.finished.set()


def check_running_job() -> None:
    """Raise Cancelled in the thread of a job that was cancelled; any other thread may go on."""
    job: Job | None = getattr(_running, "job", None)
    if job is not None:
        job.check()


class Worker:
    """Runs one session's jobs one after another in a thread of its own."""

    def __init__(self, name: str, report: Callable[[Exception], None]) -> None:
        self._name = name
        self._report = report
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._thread: threading.Thread | None = None

    def start(self, run: Callable[[Job], None], replace_others: bool = True, of_document: bool = True) -> Job:
        """Queue a job; by default every earlier one is cancelled. BadInput where too many wait."""
        job = Job(run, of_document)
        with self._lock:
            if not replace_others and len(self._jobs) >= MOST_JOBS:
                raise BadInput(f"{MOST_JOBS} jobs wait already; wait until some are done, or cancel them")
            if replace_others:
                for other in self._jobs:
                    other.cancel()
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name=self._name, daemon=True)
                self._thread.start()
        return job

    def cancel(self) -> None:
        """Cancel every job."""
        with self._lock:
            for job in self._jobs:
                job.cancel()

    def leave_document(self) -> None:
        """Cancel all other jobs of the document than the one that calls this, and forget those that only wait."""
        with self._lock:
            check_running_job()  # one that was cancelled itself must not end the job that took its place
            own = getattr(_running, "job", None)
            ended = [job for job in self._jobs if job.of_document and job is not own]
            for job in ended:
                job.cancel()
            self._jobs = deque(job for job in self._jobs if job not in ended or job is self._jobs[0])

    @property
    def waiting(self) -> int:
        """Number of jobs that run or wait."""
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


def describe_error(error: Any) -> str:
    """One sentence about an exception, for the user."""
    if isinstance(error, StruckError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory of this machine is full; close other programs or use a shorter clip"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}; check the disk and its permissions"
    return "Something went wrong inside Struck; the project is intact, and the log in the data folder has the details"


def hide_folders(text: str, home: Path) -> str:
    """A text without the session folders and ids of its paths, which other sessions must not learn."""
    inside, separator = re.escape(f"{home}{os.sep}"), re.escape(os.sep)
    text = re.sub(rf"{inside}sessions{separator}[\w-]{{6,64}}\.struck\.json", "the autosave of this tab", text)
    return re.sub(rf"{inside}(?:uploads|exports|projects){separator}(?:[\w-]{{6,64}}{separator})+", "", text)
