"""Run a reader on a file in a process of its own, with limits of time and memory, and judge what comes of it."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput
from engine.lab.clean_processes import make_context
from engine.lab.evaluation.robustness.reader import Reader

LONGEST_SENTENCE = 600
_UNTRUE = re.compile(r"Traceback|<class|<[a-z_.]+ object at|\b0x[0-9a-f]{6,}|Errno|\b\w*(Error|Exception)\b(?!,)")
"""What shows that a message is a program's and not a sentence for a person."""


@dataclass(frozen=True)
class Limits:
    """What one input may take; ``memory_bytes`` are of address space beyond that of the process before it reads."""

    cpu_s: float = 20.0
    wall_s: float = 120.0
    memory_bytes: int = 2 << 30


@dataclass(frozen=True)
class Verdict:
    """``kind`` is read, refused or a failure: crash, hang, memory, exception, sentence; ``text`` says more."""

    kind: str
    text: str
    peak_bytes: int = 0

    @property
    def is_failure(self) -> bool:
        """Whether this is neither read nor refused."""
        return self.kind not in ("read", "refused")


class Worker:
    """A process that reads one file after another; a new one takes its place when it dies."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._process: Any = None
        self._pipe: Any = None

    def judge(self, reader: Reader, path: Path) -> Verdict:
        """The verdict on a reader and a file."""
        if self._process is None:
            context = make_context()
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(theirs, self._limits), daemon=True)
            self._process.start()
            theirs.close()
            self._pipe.recv()  # once all is imported, which is no part of the limits
        self._pipe.send((reader, path))
        verdict: Verdict
        try:
            while not self._pipe.poll(self._limits.wall_s):
                if not _waits_for_processor(self._process.pid):
                    self._process.kill()
            verdict = self._pipe.recv()
            return verdict
        except (EOFError, OSError):
            pass
        self._process.join()
        status = self._process.exitcode
        self._process = None
        if status == -signal.SIGPROF:
            return Verdict("hang", f"over {self._limits.cpu_s:g} s of processor time")
        if status == -signal.SIGKILL:
            return Verdict("hang", f"no answer in {self._limits.wall_s:g} s")
        return Verdict("crash", f"exit status {status}")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


def _serve(pipe: Connection, limits: Limits) -> None:
    """Read files until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg writes there
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)
    base = _read_memory("VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (base + limits.memory_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send(None)
    with contextlib.suppress(EOFError, OSError):
        while True:
            reader, path = pipe.recv()
            before = _reset_peak()
            signal.setitimer(signal.ITIMER_PROF, limits.cpu_s)
            verdict = judge_here(reader, path)
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            peak = max(0, _read_memory("VmHWM") - before)
            pipe.send(Verdict(verdict.kind, verdict.text, peak))


def judge_here(reader: Reader, path: Path) -> Verdict:
    """The verdict on a reader and a file, in this process and without limits."""
    try:
        reader.read(path)
    except BadInput as error:
        fault = find_sentence_fault(str(error).replace(str(path), "it").replace(path.name, "it"))
        return (
            Verdict("sentence", f"{fault}: {str(error)[:LONGEST_SENTENCE]}")
            if fault
            else Verdict("refused", str(error))
        )
    except MemoryError:
        return Verdict("memory", _describe_trace())
    except Exception:
        return Verdict("exception", _describe_trace())
    return Verdict("read", "")


def find_sentence_fault(sentence: str) -> str:
    """What is wrong with the form of an error's sentence; "" where nothing is."""
    if len(sentence) > LONGEST_SENTENCE:
        return "longer than a sentence"
    if not sentence.isprintable():
        return "not printable"
    if ";" not in sentence:
        return "without a remedy"
    found = _UNTRUE.search(sentence)
    return f"names {found[0]!r}" if found else ""


def _describe_trace() -> str:
    kind, error, trace = sys.exc_info()
    assert kind is not None
    places = [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace)
        if "/engine/" in frame.filename and "/robustness/" not in frame.filename
    ]
    return f"{kind.__name__}: {str(error)[:300]} at {' < '.join(reversed(places[-4:])) or 'the check itself'}"


def _read_memory(name: str) -> int:
    """A field of /proc/self/status in bytes; 0 where there is none."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


def _waits_for_processor(process: int) -> bool:
    """Whether a process would go on if others let it, and is not blocked: its processor time has a limit of its own."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "R"
    except OSError:
        return False


def _reset_peak() -> int:
    """Start measuring the peak of resident memory anew; what is resident now, in bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _read_memory("VmRSS")
