"""A library that several machines share: blobs by name in a folder, or in a store that fsspec reaches (S3 and alike).

Names are digests of what the blobs depend on, so no two writers write different content under one name, nothing is
ever changed, and no lock is needed. A blob is there whole or not at all.
"""

from __future__ import annotations

import functools
import os
import stat
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from engine.core.errors import BadInput

VARIABLE = "STRUCK_LIBRARY"
_REST_S = 30.0
_MOST_WAITING = 256
"""Blobs that wait to be written; what comes beyond them is not shared."""
MOST_BYTES = 1 << 30
"""Of a blob in a folder that is read; an hour of sound has 0.7 GB."""
_WHOLE_AT_ONCE = {"memory", "s3", "s3a", "gs", "gcs", "abfs", "az"}
"""Where a blob appears when it has been sent whole; elsewhere it is renamed."""


class SharedStore:
    """Blobs by name; thread-safe. A store that fails is left alone for half a minute, and counts as empty."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise BadInput(
                f"the library {url} cannot be reached ({error}); install that package beside Struck"
            ) from None
        except Exception as error:
            raise BadInput(
                f"{url} is no library ({str(error)[:100]}); give a folder or a URL such as s3://NAME"
            ) from None
        protocol = self._files.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)
        self._lock, self._rests_until_s = threading.Lock(), 0.0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="library")
        self._waiting: set[Future[bool]] = set()

    @property
    def rests(self) -> bool:
        """Whether it failed a moment ago."""
        return time.monotonic() < self._rests_until_s

    def read(self, name: str) -> bytes | None:
        """The blob of a name, None where there is none or the store fails."""
        if self.rests:
            return None
        try:
            path = self._path(name)
            if "file" in self._protocols:
                state = os.stat(path)
                if not stat.S_ISREG(state.st_mode) or state.st_size > MOST_BYTES:
                    return None  # a device or a pipe, which may have no end, is no blob
            data: bytes = self._files.cat_file(path)
            return data
        except FileNotFoundError:
            return None
        except Exception as error:
            self._rest(error)
            return None

    def write(self, name: str, data: bytes) -> bool:
        """Write a blob unless it is there; False where the store fails."""
        if self.rests:
            return False
        path = self._path(name)
        try:
            if self._files.exists(path):
                return True
            if self._protocols & _WHOLE_AT_ONCE:
                self._files.pipe_file(path, data)
                return True
            self._files.makedirs(self._files._parent(path), exist_ok=True)
            partial = f"{path}.{uuid.uuid4().hex}.partial"
            try:
                self._files.pipe_file(partial, data)
                self._files.mv(partial, path)
            except BaseException:
                if self._files.exists(partial):
                    self._files.rm_file(partial)
                raise
            return True
        except Exception as error:
            self._rest(error)
            return False

    def write_later(self, name: str, data: bytes) -> None:
        """Write a blob in the background, so that nobody waits for the network to hear a sound."""
        with self._lock:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.add(job := self._writer.submit(self.write, name, data))
                job.add_done_callback(self._waiting.discard)

    def finish(self) -> None:
        """Wait until all that was to be written later is written."""
        wait(tuple(self._waiting))

    def remove(self, name: str) -> None:
        """Remove a blob, if it is there. Raises OSError."""
        path = self._path(name)
        if self._files.exists(path):
            self._files.rm_file(path)

    def list(self, folder: str) -> list[str]:
        """Names of the blobs in a folder of names, sorted; none where the store fails."""
        if self.rests:
            return []
        try:
            self._files.invalidate_cache()
            found = self._files.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:
            self._rest(error)
            return []
        names = (str(path).replace("\\", "/").rsplit("/", 1)[-1] for path in found)
        return sorted(f"{folder}/{name}" for name in names if not name.endswith(".partial"))

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _rest(self, error: Exception) -> None:
        """Leave the store alone for a while, and say so."""
        import logging

        with self._lock:
            self._rests_until_s = time.monotonic() + _REST_S
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        logging.getLogger(__name__).warning("the library %s does not answer (%s); going on without", self.url, reason)


def open_library(url: str | None = None) -> SharedStore | None:
    """The library of a URL, else of the variable STRUCK_LIBRARY; None where none is named. Raises BadInput."""
    named: Any = url or os.environ.get(VARIABLE)
    return _open_once(named) if named else None


@functools.lru_cache(maxsize=4)
def _open_once(url: str) -> SharedStore:
    return SharedStore(url)
