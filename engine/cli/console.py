"""Shared by all commands: argument types, JSON output, messages and progress on standard error."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.core.bounded_json import MAX_BYTES, parse_json, read_json_file
from engine.core.errors import BadInput
from engine.core.files import check_ending, check_target, create_file
from engine.core.names import to_text
from engine.core.paths import CHECKPOINTS

if TYPE_CHECKING:
    from engine.media.probe import MediaInfo

_TEXT_ENDINGS = (".json", ".txt")
MAX_SEED = 2**31 - 1
TRACK_HELP = "sound track of the clip, counted from 0 (by default the one marked as such, or else the first)"


class Listener:
    """Hears in place of a terminal what a command says and how far it is; what a method raises ends the command."""

    def say(self, message: str) -> None:
        """A message."""

    def warn(self, message: str) -> None:
        """What is to be known of a clip, or wrong with what is written of it."""

    def show(self, what: str, fraction: float) -> None:
        """Share of a step, 0 to 1, that is done."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """While the block runs in this thread, the listener hears what is said."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def say(message: str) -> None:
    """Print a message on standard error, or tell it to the listener."""
    listener = _listener.get()
    if listener is not None:
        listener.say(to_text(message))
        return
    print(to_text(message), file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Print on standard error what is to be known of a clip or wrong with what is written of it, or tell the
    listener."""
    listener = _listener.get()
    if listener is not None:
        listener.warn(to_text(message))
        return
    say(f"warning: {message}")


def say_tracks(info: MediaInfo, used: int) -> None:
    """List the sound tracks of a clip that has several, and which is used."""
    if len(info.audio_tracks) > 1:
        say(f"sound tracks: {', '.join(map(str, info.audio_tracks))}; using {used}")


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """An argument type: a whole number in a range."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text[:40]} is out of range; give {low} to {high}")
        return value

    return read


def named_folder(text: str) -> str:
    """An argument type: the name of a folder, which an empty one is not."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty name is no folder; give one")
    return text


def number(low: float, high: float) -> Callable[[str], float]:
    """An argument type: a finite number above ``low`` and up to ``high``."""
    return lambda text: _read_number(text, math.nextafter(low, math.inf), high, f"more than {low:g} and up to {high:g}")


def number_from(low: float, high: float) -> Callable[[str], float]:
    """An argument type: a finite number from ``low`` to ``high``."""
    return lambda text: _read_number(text, low, high, f"{low:g} to {high:g}")


def _read_number(text: str, low: float, high: float, range_words: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number") from None
    if not (math.isfinite(value) and low <= value <= high):
        raise argparse.ArgumentTypeError(f"{text[:40]} is out of range; give {range_words}")
    return value


def check_json_target(target: str | None) -> None:
    """BadInput when ``--json`` names a file that cannot be written, or one of another kind."""
    if target is not None and target != "-":
        check_ending(check_target(target), _TEXT_ENDINGS, "--json")


def write_json(value: Any, target: str, stdout: IO[str]) -> None:
    """Write a JSON value to a file, or to standard output for ``-``."""
    text = json.dumps(value, allow_nan=False) + "\n"
    if target == "-":
        stdout.write(text)
        stdout.flush()
        return
    with create_file(target) as file:
        file.write(text.encode("utf-8"))


def read_json(path: str) -> Any:
    """Read the JSON value of a file, or of standard input for ``-``. Raises BadInput."""
    try:
        return parse_json(sys.stdin.buffer.read(MAX_BYTES + 1)) if path == "-" else read_json_file(path)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BadInput(f"{path} cannot be read ({reason}); check the path") from None
    except ValueError as reason:
        name = "standard input" if path == "-" else path
        raise BadInput(f"{name} cannot be used ({reason}); give a file that `analyze --json` wrote") from None


def make_progress(what: str) -> Callable[[float], None]:
    """A callback that prints a fraction as progress on standard error: in place on a terminal, else every quarter.

    A listener hears every fraction instead.
    """
    listener = _listener.get()
    if listener is not None:
        return functools.partial(listener.show, what)
    terminal = sys.stderr.isatty()
    shown = -1
    at_s = 0.0

    def report(fraction: float) -> None:
        nonlocal shown, at_s
        percent = int(100 * min(1.0, max(0.0, fraction)))
        step = percent if terminal else percent // 25 * 25
        now_s = time.monotonic()
        if step == shown or (terminal and now_s - at_s < 0.1 and percent < 100):
            return
        shown, at_s = step, now_s
        end = "\n" if not terminal or percent >= 100 else ""
        print(f"{chr(13) if terminal else ''}{what}: {step} %", end=end, file=sys.stderr, flush=True)

    return report


def default_ckpt_dir() -> Path:
    """Folder of the shipped checkpoints."""
    return CHECKPOINTS


def same_file(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> bool:
    """Whether two paths resolve to one, existing or not."""
    return os.path.realpath(a) == os.path.realpath(b)
