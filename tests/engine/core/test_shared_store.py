"""A library that many write at once holds everything whole and once; what fails is left alone."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

from engine.bank.bank import load_bank
from engine.bank.shared_bank import load_shared_bank
from engine.bank.user_bank import load_user_bank, open_bank, remove_entries, share_entries
from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.core.shared_store import VARIABLE, SharedStore
from tests.frames import make_entry

ARRAYS = {f"key {k}": np.random.default_rng(k).normal(size=2000).astype(np.float32) for k in range(12)}


def write_all(url: str) -> None:
    """Put every array into the library, as one of several machines that have rendered the same."""
    store = SharedStore(url)
    cache = Cache(None, shared=store)
    for key, array in ARRAYS.items():
        cache.put(key, array)
    store.finish()


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_several_processes_write_the_same_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_all, args=(str(tmp_path),)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
        assert writer.exitcode == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == len(ARRAYS) and not list(tmp_path.rglob("*.partial"))
    elsewhere = Cache(None, shared=SharedStore(str(tmp_path)))
    for key, array in ARRAYS.items():
        found = elsewhere.get(key)
        assert found is not None and np.array_equal(found, array)


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_cache_finds_what_another_machine_has_put(kind: str, tmp_path: Path) -> None:
    url = str(tmp_path / "shared") if kind == "folder" else f"memory://{uuid.uuid4().hex}"
    store = SharedStore(url)
    one = Cache(tmp_path / "one", shared=store)
    other = Cache(tmp_path / "other", shared=SharedStore(url))
    array = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert other.get("k") is None
    one.put("k", array)
    store.finish()
    found = other.get("k")
    assert found is not None and np.array_equal(found, array) and not found.flags.writeable
    assert np.array_equal(Cache(tmp_path / "other").get("k"), array)  # kept on its own disk from then on


def test_a_torn_blob_counts_as_absent(tmp_path: Path) -> None:
    store = SharedStore(str(tmp_path))
    Cache(None, shared=store).put("k", np.ones(100, np.float32))
    store.finish()
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    whole = file.read_bytes()
    for torn in (b"", whole[:9], whole[:-1], whole[:-1] + b"\xff"):
        file.write_bytes(torn)
        assert Cache(None, shared=SharedStore(str(tmp_path))).get("k") is None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such devices")
def test_a_device_in_a_library_counts_as_absent(tmp_path: Path) -> None:
    store = SharedStore(str(tmp_path))
    (tmp_path / "endless").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    assert store.read("endless") is None and store.read("pipe") is None and not store.rests


def test_a_library_that_fails_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SharedStore(f"memory://{uuid.uuid4().hex}")
    calls: list[str] = []

    def fail(path: str) -> bytes:
        calls.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store._files, "cat_file", fail)
    cache = Cache(None, shared=store)
    assert cache.get("a") is None and cache.get("b") is None and len(calls) == 1
    cache.put("a", np.ones(3, np.float32))
    assert cache.get("a") is not None


def test_a_slow_library_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, may_write = SharedStore(str(tmp_path)), threading.Event()
    usual = store.write
    monkeypatch.setattr(store, "write", lambda name, data: may_write.wait(60) and usual(name, data))
    cache = Cache(None, shared=store)
    cache.put("k", np.ones(3, np.float32))  # comes back before the library has it
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    may_write.set()
    store.finish()
    assert Cache(None, shared=SharedStore(str(tmp_path))).get("k") is not None


def test_a_url_without_a_store_says_so() -> None:
    with pytest.raises(BadInput, match="is no library"):
        SharedStore("nonsense://place")


def test_recordings_of_others_are_in_the_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"memory://{uuid.uuid4().hex}")
    entries = [make_entry(f"tin {k}", 400.0 + 100 * k, "metal", f"user/{k:024d}") for k in range(3)]
    share_entries(entries[:2])
    share_entries(entries[1:])
    assert [entry.name for entry in load_shared_bank(set()).entries] == ["tin 0", "tin 1", "tin 2"]
    assert [entry.name for entry in load_shared_bank({entries[0].group}).entries] == ["tin 1", "tin 2"]
    bank, _ = open_bank(tmp_path / "bank")
    assert len(bank) == len(load_bank()) + 3
    shared = bank.entries[-1].physics.modes.frequency_hz
    np.testing.assert_allclose(shared, entries[2].physics.modes.frequency_hz, rtol=1e-5)
    assert remove_entries(["tin 1"], tmp_path / "bank") == 1
    assert len(open_bank(tmp_path / "bank")[0]) == len(load_bank()) + 2
    assert len(load_user_bank(tmp_path / "bank")[0]) == 0
