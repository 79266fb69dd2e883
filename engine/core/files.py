"""Atomic writes, and checks of output paths before long work."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from engine.core.errors import BadInput

PARTIAL_PREFIX = ".struck-"
PARTIAL_SUFFIX = ".part"
_PARTIAL = re.compile(r"\.struck-(?:(\d+)-)?[A-Za-z0-9_]{6,16}\.(?:part|tmp)")
_ABANDONED_S = 86_400.0
"""A partial file untouched for so long is removed even if some process has its writer's number."""
_ABANDONED_UNNUMBERED_S = 3600.0
"""The same for a file whose name has no number: of an older Struck, or of another machine."""

_shared: tuple[Path, str] | None = None
"""A folder that several machines write into at a time, and what begins the names of this run's partial files there."""

_made: ContextVar[list[Path] | None] = ContextVar("made", default=None)
"""What the innermost ``write_together`` has made so far."""

_DESCRIPTORS = re.compile(r"/proc/(?:self|\d+)(?:/task/\d+)?/fd|/dev/fd")


def check_target(path: str | os.PathLike[str]) -> Path:
    """The path itself when a file, device or pipe can be written there; BadInput when not.

    Partial files that a killed process left in the folder are removed.
    """
    target = Path(path)
    try:
        mode = _find_mode(target)
    except (OSError, ValueError) as error:  # a name too long, a NUL in it, a folder closed to us
        raise make_write_error(target, error) from None
    if mode is not None and stat.S_ISDIR(mode):
        raise BadInput(f"{target} is a folder; give the name of a file in it")
    if mode is not None and stat.S_ISSOCK(mode):
        raise BadInput(f"{target} is a socket, which cannot be written as a file; give another name")
    if not is_stream(target):
        folder = Path(os.path.realpath(target)).parent
        _try_folder(target, folder)
        remove_abandoned(folder)
    if mode is not None and not os.access(target, os.W_OK):
        raise BadInput(f"{target} cannot be written (it is read-only); give another name")
    return target


def check_ending(target: Path, endings: Sequence[str], option: str) -> str:
    """The ending of a target in lower case; the first of ``endings`` for a name without one, a device or a pipe.

    Raises BadInput for another ending, since the ending decides the format.
    """
    ending = target.suffix.lower()
    if str(target) == "-":
        raise BadInput(f"{option} -: standard output has no ending; give /dev/stdout, or the name of a file")
    if not ending or is_stream(target):
        return endings[0]
    if ending not in endings:
        raise BadInput(f"{option} {target}: {target.suffix!r} cannot be written; give {' or '.join(endings)}")
    return ending


def check_folder(path: str | os.PathLike[str]) -> Path:
    """The folder when files can be written into it or it can be made; BadInput when not."""
    folder = Path(path)
    try:
        mode = _find_mode(folder)
        for part in folder.parts[1:]:  # those below a folder that is still to be made are looked at by nobody else
            _find_mode(Path(folder.anchor or ".") / part)
    except (OSError, ValueError) as error:
        raise make_write_error(folder, error) from None
    if mode is not None and not stat.S_ISDIR(mode):
        raise BadInput(f"{folder} is a file; give the name of a folder")
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    _try_folder(folder, existing)
    return folder


def _find_mode(path: Path) -> int | None:
    """Type and permissions of what a path leads to; None where there is nothing. Raises OSError and ValueError."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.lstat(path)  # fails for a name that is too long even where the folder is missing
        return os.stat(path).st_mode
    return None


def _try_folder(target: Path, folder: Path) -> None:
    if not folder.is_dir():
        raise BadInput(f"{target} cannot be written: there is no folder {folder}; make it or choose another")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise make_write_error(target, error) from None


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to a device, a pipe or an open descriptor, which is written to and never replaced."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or _find_descriptor(path) is not None


def _find_descriptor(path: str | os.PathLike[str]) -> str | None:
    """The entry under /proc/self/fd or /dev/fd that a path such as /dev/stdout, or a link to it, leads to."""
    place = os.path.abspath(path)
    for _ in range(40):  # as many links as Linux follows
        folder = os.path.realpath(os.path.dirname(place))
        if _DESCRIPTORS.fullmatch(folder):
            return os.path.join(folder, os.path.basename(place))
        if not os.path.islink(place):
            return None
        place = os.path.join(folder, os.readlink(place))
    return None


def _open_stream(path: Path) -> int:
    """A new descriptor that writes to a device or pipe; to an open descriptor of this process at its own position."""
    entry = _find_descriptor(path)
    own = (f"/proc/{os.getpid()}/fd", "/dev/fd")
    if entry is not None and os.path.dirname(entry) in own and os.path.basename(entry).isdigit():
        return os.dup(int(os.path.basename(entry)))
    return os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0))


def make_write_error(target: Path, error: OSError | ValueError) -> BadInput:
    """The one sentence for a target that the system refuses."""
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
    is_long = getattr(error, "errno", None) == errno.ENAMETOOLONG
    remedy = "give a shorter name" if is_long else "choose another place or free some space"
    return BadInput(f"{target} cannot be written ({reason}); {remedy}")


@contextmanager
def make_partial_folder(inside: Path) -> Iterator[Path]:
    """A new folder in another, gone when the block ends. Raises OSError."""
    folder = make_own_folder(inside)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_own_folder(inside: Path) -> Path:
    """A new private folder for this process, which ``remove_abandoned`` removes once that has ended. Raises OSError."""
    return Path(tempfile.mkdtemp(dir=inside, prefix=_begin_partial(inside), suffix=PARTIAL_SUFFIX))


def share_folder(folder: str | os.PathLike[str], run_id: str) -> None:
    """Name this process's partial files in a folder by a run of several machines and not by a process of this one.

    The number of a process says nothing on another machine, where ``remove_abandoned`` would take it for one that has
    ended. ``run_id`` is eight hexadecimal digits; ``remove_partials`` removes what the run leaves.
    """
    global _shared
    _shared = Path(os.path.realpath(folder)), run_id


def remove_partials(folder: str | os.PathLike[str], run_id: str) -> None:
    """Remove all partial files of a run that has ended in a folder and those in it; what cannot be removed stays."""
    for path in list(Path(folder).rglob(f"{PARTIAL_PREFIX}{run_id}*")):
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _begin_partial(folder: Path) -> str:
    """How the name of a partial file in a folder begins."""
    if _shared is not None and Path(os.path.realpath(folder)).is_relative_to(_shared[0]):
        return f"{PARTIAL_PREFIX}{_shared[1]}"
    return f"{PARTIAL_PREFIX}{os.getpid()}-"


def read_bounded(path: Path, most_bytes: int, kind: str) -> bytes:
    """A file of at most ``most_bytes``. Raises BadInput; ``kind`` is what is read, such as "spotting list"."""
    try:
        with open(path, "rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise BadInput(f"{path} cannot be read ({reason}); check the path") from None
    if len(data) > most_bytes:
        raise BadInput(f"{path.name} is larger than {most_bytes >> 20} MB, which no {kind} is; check it")
    return data


@contextmanager
def replace_file(path: str | os.PathLike[str], sync: bool = False) -> Iterator[Path]:
    """The path of a new file beside ``path`` that replaces it when the block ends well, else leaves nothing.

    A link stays, and what it leads to is replaced, with its permissions. To a device or pipe the content is written
    once it is whole. ``sync`` waits until the disk holds the content, for documents that must survive a power cut.
    Raises OSError.
    """
    target = Path(path)
    if is_stream(target):
        with make_partial_folder(Path(tempfile.gettempdir())) as folder:
            partial = folder / "stream"
            yield partial
            with open(partial, "rb") as content, open(_open_stream(target), "wb") as stream:
                shutil.copyfileobj(content, stream, 1 << 20)
        return
    target = Path(os.path.realpath(target))
    # A name of its own, since threads may race; short, since the target's may be as long as the file system allows.
    begin = _begin_partial(target.parent)
    partial = target.with_name(f"{begin}{secrets.token_hex(8 if begin.endswith('-') else 4)}{PARTIAL_SUFFIX}")
    try:
        yield partial
        if sync:
            with open(partial, "rb+") as file:
                os.fsync(file.fileno())
        with suppress(FileNotFoundError):  # what its owner alone could read stays so
            os.chmod(partial, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(partial, target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_file(path: str | os.PathLike[str], data: bytes, sync: bool = False) -> None:
    """Write a file whole or not at all; ``sync`` as in ``replace_file``. Raises OSError."""
    with replace_file(path, sync) as partial:
        partial.write_bytes(data)


@contextmanager
def create_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that replaces ``path`` when the block ends well, else leaves nothing. Raises BadInput."""
    target = check_target(path)
    is_new = not target.exists()
    try:
        with replace_file(target) as partial, open(partial, "wb") as file:
            yield file
    except BrokenPipeError:
        raise  # the reader of a pipe has enough
    except OSError as error:
        raise make_write_error(target, error) from None
    if is_new:
        _keep_in_mind([Path(os.path.realpath(target))])


def make_folder(path: str | os.PathLike[str]) -> Path:
    """The folder, made when missing. Raises BadInput."""
    folder = check_folder(path)
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise make_write_error(folder, error) from None
    _keep_in_mind(reversed(missing))
    return folder


@contextmanager
def write_together() -> Iterator[None]:
    """Remove the files and folders that ``create_file`` and ``make_folder`` made in the block where it fails.

    What was there before stays, though it may have been replaced.
    """
    made: list[Path] = []
    token = _made.set(made)
    try:
        yield
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):  # such as a folder that holds something of others
                path.rmdir() if path.is_dir() else path.unlink()
        raise
    finally:
        _made.reset(token)
    _keep_in_mind(made)  # as a part of what is around the block


def _keep_in_mind(paths: Iterable[Path]) -> None:
    made = _made.get()
    if made is not None:
        made.extend(paths)


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can read, unless it exists. Raises OSError."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove the partial files and folders in a folder whose process has ended; what cannot be removed stays."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _PARTIAL.fullmatch(entry.name)
            with suppress(OSError):
                if not match:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if match[1] and _has_ended(int(match[1])):
                        shutil.rmtree(entry.path, ignore_errors=True)
                elif _is_abandoned(match[1], time.time() - entry.stat(follow_symlinks=False).st_mtime):
                    os.unlink(entry.path)


def _is_abandoned(process: str | None, untouched_s: float) -> bool:
    if process is None:
        return untouched_s > _ABANDONED_UNNUMBERED_S
    return untouched_s > _ABANDONED_S or _has_ended(int(process))


def _has_ended(process: int) -> bool:
    if os.name == "nt":  # there, os.kill ends the process
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
