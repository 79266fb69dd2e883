"""Bounded, content-addressed store of float32 arrays: memory, then disk; and bundles of them in one file.

A key is the digest of everything its array depends on, so an entry is never stale, only absent. A
file that is truncated, of another format or unreadable counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.bounded_json import parse_json
from engine.core.errors import BadInput
from engine.core.files import make_write_error, write_file
from engine.core.lru import LRU
from engine.core.shared_store import SharedStore

_MAGIC = b"STRKf32\x01"
_HEAD = struct.Struct("<8sIIQI")  # magic, rows, columns (0: one dimension), bytes, checksum
_SUFFIX = ".f32"
_BUNDLE_INDEX = "index.json"
_MAX_BUNDLE_SAMPLES = 64 << 20  # 23 minutes
_FULL_SCALE, _SPARE = 2**19, 2**12  # peak of 20 bits, and the factor to 32 bits


def digest_json(value: Any) -> str:
    """sha256 of a JSON value's canonical form: the same in every process; ValueError for NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Cache:
    """Arrays by key, the most recently used in memory, more on disk; thread-safe.

    ``folder`` None keeps everything in memory. A failing disk slows it down and raises nothing. What ``shared`` holds
    is read where memory and disk lack it, and what is put goes there too.
    """

    def __init__(
        self,
        folder: str | Path | None,
        memory_bytes: int = 256 * 2**20,
        disk_bytes: int = 2 * 2**30,
        shared: SharedStore | None = None,
    ) -> None:
        self._shared = shared
        self._folder = None if folder is None else Path(folder)
        self._disk_bytes = disk_bytes
        self._lock = threading.RLock()
        self._memory = LRU[str, np.ndarray](memory_bytes, lambda array: array.nbytes)
        self._disk_used: int | None = None  # unknown until the folder has been listed

    def get(self, key: str) -> np.ndarray | None:
        """The array of a key, read-only float32 of the shape it was put with, or None."""
        array = self._memory.get(key)
        if array is not None:
            return array
        if self._folder is not None and (array := _read(path := self._path(key))) is not None:
            with contextlib.suppress(OSError):
                os.utime(path)  # the oldest go first
            self._memory.put(key, array)
            return array
        data = self._shared.read(_shared_name(key)) if self._shared is not None else None
        array = _unpack(data) if data is not None else None
        return self._keep(key, array) if array is not None else None

    def put(self, key: str, array: np.ndarray) -> np.ndarray:
        """Store an array of one or two dimensions, and return it as ``get`` does: float32, read-only."""
        array = _frozen(np.array(array, np.float32, order="C"))
        if array.ndim not in (1, 2):
            raise ValueError(f"an array of {array.ndim} dimensions cannot be cached")
        if self._shared is not None:
            self._shared.write_later(_shared_name(key), _pack(array))
        return self._keep(key, array)

    def _keep(self, key: str, array: np.ndarray) -> np.ndarray:
        self._memory.put(key, array)
        if self._folder is not None and array.nbytes <= self._disk_bytes:
            self._write(self._path(key), array)
        return array

    def leave_memory(self) -> None:
        """Keep on disk alone what lies there; without a folder nothing changes."""
        if self._folder is not None:
            self._memory.clear()

    def __contains__(self, key: str) -> bool:
        return key in self._memory or (self._folder is not None and _read(self._path(key)) is not None)

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        assert self._folder is not None
        return self._folder / name[:2] / (name + _SUFFIX)

    def _write(self, path: Path, array: np.ndarray) -> None:
        data = _pack(array)
        with self._lock, contextlib.suppress(OSError):  # a full or read-only disk leaves the memory to serve
            old_bytes = path.stat().st_size if path.exists() else 0
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, data)
            if self._disk_used is None:
                self._disk_used = sum(size for _, size, _ in self._files())
            else:
                self._disk_used += len(data) - old_bytes
            if self._disk_used > self._disk_bytes:
                self._trim(keep=path)

    def _files(self) -> list[tuple[float, int, Path]]:
        """Time of last use, size and path of each file on disk."""
        files = []
        assert self._folder is not None
        for path in self._folder.glob(f"??/*{_SUFFIX}"):
            with contextlib.suppress(OSError):  # another process may have taken it away
                stat = path.stat()
                files.append((stat.st_mtime, stat.st_size, path))
        return files

    def _trim(self, keep: Path) -> None:
        """Delete the files unused for longest until the disk holds nine tenths of its bound."""
        files = sorted(self._files())
        used = sum(size for _, size, _ in files)
        for _, size, path in files:
            if used <= 0.9 * self._disk_bytes:
                break
            if path == keep:
                continue
            with contextlib.suppress(OSError):
                path.unlink()
                used -= size
        self._disk_used = used


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _shared_name(key: str) -> str:
    name = hashlib.sha256(key.encode()).hexdigest()
    return f"cache/{name[:2]}/{name}{_SUFFIX}"


def _pack(array: np.ndarray) -> bytes:
    data = array.tobytes()
    rows, columns = (len(array), 0) if array.ndim == 1 else array.shape
    return _HEAD.pack(_MAGIC, rows, columns, len(data), zlib.crc32(data)) + data


def _read(path: Path) -> np.ndarray | None:
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) or state.st_size < _HEAD.size:
            return None
        with open(path, "rb") as file:
            head = file.read(_HEAD.size)
            if not _is_head(head, state.st_size):
                return None
            return _unpack(head + file.read(state.st_size - _HEAD.size))
    except OSError:
        return None


def _is_head(head: bytes, size: int) -> bool:
    """Whether this begins a file of so many bytes."""
    if len(head) != _HEAD.size:
        return False
    magic, rows, columns, count, _ = _HEAD.unpack(head)
    return bool(magic == _MAGIC and count == size - _HEAD.size == 4 * rows * (columns or 1))


def _unpack(data: bytes) -> np.ndarray | None:
    """The array that ``_pack`` wrote, None for anything else."""
    if not _is_head(data[: _HEAD.size], len(data)):
        return None
    _, rows, columns, _, checksum = _HEAD.unpack(data[: _HEAD.size])
    body = memoryview(data)[_HEAD.size :]
    if zlib.crc32(body) != checksum:
        return None
    array = np.frombuffer(body, "<f4").astype(np.float32, copy=False)
    return _frozen(array if columns == 0 else array.reshape(rows, columns))


# --- bundles ----------------------------------------------------------------------------------


def write_bundle(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays (float32, one dimension) into one compact file: FLAC, each scaled to its own peak.

    What ``read_bundle`` gives differs by at most half a 20-bit step of the array's peak, 120 dB under it.
    """
    import soundfile

    path = Path(path)
    index = {}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, (key, array) in enumerate(sorted(arrays.items())):
            samples = np.asarray(array, np.float64)
            if samples.ndim != 1 or not np.isfinite(samples).all():
                raise ValueError("a bundle holds finite arrays of one dimension")
            peak = float(np.max(np.abs(samples), initial=0.0))
            scale = peak / (_FULL_SCALE - 1) if peak else 1.0
            steps = np.round(samples / scale).astype(np.int32)
            flac = io.BytesIO()
            if len(steps):
                soundfile.write(flac, steps * _SPARE, 48_000, format="FLAC", subtype="PCM_24")
            index[key] = {"file": f"{number}.flac", "scale": scale, "length": len(steps)}
            archive.writestr(zipfile.ZipInfo(f"{number}.flac"), flac.getvalue())
        archive.writestr(zipfile.ZipInfo(_BUNDLE_INDEX), json.dumps(index, indent=0))
    try:
        write_file(path, buffer.getvalue())
    except OSError as error:
        raise make_write_error(path, error) from None


def read_bundle(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a bundle, float32; BadInput when the file is missing, torn, no bundle or far larger than any."""
    try:
        if not os.path.isfile(path):  # a device has no end
            raise ValueError("no file")
        with zipfile.ZipFile(path) as archive:
            index = parse_json(_read_member(archive, _BUNDLE_INDEX))
            lengths = [entry["length"] for entry in index.values()]
            if any(type(length) is not int or length < 0 for length in lengths) or sum(lengths) > _MAX_BUNDLE_SAMPLES:
                raise ValueError("lengths")
            return {key: _read_array(archive, entry) for key, entry in index.items()}
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError, NotImplementedError,
        EOFError, zipfile.BadZipFile, zlib.error,
    ):  # fmt: skip
        raise BadInput(f"{path} is missing, torn or not a bundle of rendered hits; install Struck again") from None


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a stored member: no more than the file holds, since nothing is compressed."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > info.compress_size:
        raise ValueError("compressed")
    return archive.read(info)


def _read_array(archive: zipfile.ZipFile, entry: Mapping[str, Any]) -> np.ndarray:
    import soundfile

    length, scale = entry["length"], float(entry["scale"])
    if not 0.0 < scale < 1e6:
        raise ValueError("scale")
    steps = np.zeros(0, np.int32)
    if length:
        with soundfile.SoundFile(io.BytesIO(_read_member(archive, entry["file"]))) as file:
            if (file.channels, file.frames) != (1, length):
                raise ValueError("length")
            steps = file.read(dtype="int32")
    if len(steps) != length:
        raise ValueError("length")
    return (steps / _SPARE * scale).astype(np.float32)
