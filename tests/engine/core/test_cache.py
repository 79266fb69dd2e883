"""The cache: what is put is got, bounds hold, torn files count as absent; bundles lose nothing one could hear."""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.cache import Cache, digest_json, read_bundle, write_bundle
from engine.core.errors import BadInput


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def disk_files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


@pytest.mark.parametrize("shape", [(1000,), (500, 2), (0,), (1,)])
def test_what_is_put_is_got_also_by_another_process_later(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = noise(1, *shape)
    Cache(tmp_path).put("k", array)
    for cache in (Cache(tmp_path), Cache(tmp_path, memory_bytes=0)):
        got = cache.get("k")
        assert got is not None and got.dtype == np.float32 and got.shape == shape
        np.testing.assert_array_equal(got, array)
        assert cache.get("other") is None and "k" in cache


def test_arrays_are_copies_and_cannot_be_written(tmp_path: Path) -> None:
    array = noise(2, 10)
    cache = Cache(None)
    cache.put("k", array)
    array[0] = 99.0
    got = cache.get("k")
    assert got is not None and got[0] != 99.0
    with pytest.raises(ValueError):
        got[0] = 1.0


def test_memory_is_bounded_and_forgets_the_least_used() -> None:
    cache = Cache(None, memory_bytes=4 * 4000)
    for k in range(4):
        cache.put(str(k), noise(k, 1000))
    cache.get("0")
    cache.put("4", noise(4, 1000))
    assert [k for k in "01234" if k in cache] == ["0", "2", "3", "4"]
    cache.put("0", noise(0, 1000))
    assert "2" in cache
    cache.put("big", noise(9, 5000))
    assert "big" not in cache and "4" in cache


def test_disk_is_bounded_and_forgets_the_longest_unused(tmp_path: Path) -> None:
    cache = Cache(tmp_path, memory_bytes=0, disk_bytes=10 * 4100)
    for k in range(8):
        cache.put(str(k), noise(k, 1000))
    for age, path in enumerate(disk_files(tmp_path)):
        os.utime(path, (1000 + age, 1000 + age))
    assert cache.get("3") is not None
    for k in range(8, 30):
        cache.put(str(k), noise(k, 1000))
        assert sum(p.stat().st_size for p in disk_files(tmp_path)) <= 10 * 4100
    assert cache.get("29") is not None and cache.get("0") is None


def test_torn_and_foreign_files_count_as_absent(tmp_path: Path) -> None:
    Cache(tmp_path).put("k", noise(3, 1000))
    (path,) = disk_files(tmp_path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[2000] ^= 1
    for data in (b"", whole[:10], whole[:-1], whole + b"x", bytes(flipped), b"hello" * 1000, b"\0" * len(whole)):
        path.write_bytes(data)
        assert Cache(tmp_path).get("k") is None
        assert "k" not in Cache(tmp_path)
    Cache(tmp_path).put("k", noise(3, 1000))
    assert path.read_bytes() == whole


def test_a_disk_that_cannot_be_written_costs_nothing_but_speed(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = Cache(blocked)
    cache.put("k", noise(1, 10))
    assert cache.get("k") is not None and cache.get("x") is None


def test_threads_share_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path, memory_bytes=20_000, disk_bytes=60_000)
    wrong: list[object] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(100):
            k = int(rng.integers(20))
            got = cache.get(str(k))
            if got is None:
                cache.put(str(k), noise(k, 1000))
            elif not np.array_equal(got, noise(k, 1000)):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_the_digest_is_of_the_value_not_of_its_writing() -> None:
    assert digest_json({"a": 1, "b": [0.1]}) == digest_json({"b": [0.1], "a": 1})
    assert digest_json([0.1]) != digest_json([0.1 + 1e-16 * 2])
    with pytest.raises(ValueError):
        digest_json([float("nan")])


def test_a_bundle_keeps_20_bits(tmp_path: Path) -> None:
    arrays = {"a": noise(1, 5000) * 0.1, "loud": noise(2, 3000) * 30, "faint": noise(3, 100) * 1e-4}
    arrays |= {"none": noise(0, 0), "still": np.zeros(50, np.float32)}
    write_bundle(tmp_path / "demo.sounds", arrays)
    got = read_bundle(tmp_path / "demo.sounds")
    assert got.keys() == arrays.keys()
    for key, array in arrays.items():
        assert got[key].shape == array.shape and got[key].dtype == np.float32
        peak = np.max(np.abs(array), initial=0.0)
        assert np.max(np.abs(got[key] - array), initial=0.0) <= peak * 2.0**-19
    write_bundle(tmp_path / "again.sounds", arrays)
    assert (tmp_path / "again.sounds").read_bytes() == (tmp_path / "demo.sounds").read_bytes()


def test_a_broken_bundle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "demo.sounds"
    write_bundle(path, {"a": noise(1, 5000)})
    whole = path.read_bytes()
    for data in (b"", whole[:100], whole[:-30], b"PK" * 50):
        path.write_bytes(data)
        with pytest.raises(BadInput, match=r"demo\.sounds"):
            read_bundle(path)
    with pytest.raises(BadInput):
        read_bundle(tmp_path / "none")


def write_archive(path: Path, index: object, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in {**members, "index.json": json.dumps(index).encode()}.items():
            archive.writestr(name, data)


@pytest.mark.slow
def test_a_bundle_whose_sizes_are_lies_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    flac = io.BytesIO()
    soundfile.write(flac, np.zeros(48_000, np.int32), 48_000, format="FLAC", subtype="PCM_24")
    silence = flac.getvalue()
    # The number of samples a FLAC file declares: 36 bits, 21 bytes into the file (its specification, METADATA_BLOCK).
    declared = bytearray(silence)
    declared[21], declared[22:26] = declared[21] & 0xF0 | 0x0F, b"\xff" * 4
    path, entry = tmp_path / "bomb.sounds", {"file": "0.flac", "scale": 1.0, "length": 48_000}
    write_archive(path, {"a": entry}, {"0.flac": silence})
    assert read_bundle(path)["a"].shape == (48_000,)
    for index in (
        {"a": {**entry, "length": 2**36 - 1}},
        {str(k): entry for k in range(2000)},  # 2000 times one second out of one small file
        {"a": {**entry, "length": -1}},
        {"a": {**entry, "length": 48_000.0}},
        {"a": {**entry, "scale": 1e300}},
        {"a": {**entry, "scale": "loud"}},
        {"a": {**entry, "file": "../0.flac"}},
        {"a": []},
        [entry],
        "a",
    ):
        for content in (silence, bytes(declared)):
            write_archive(path, index, {"0.flac": content})
            with pytest.raises(BadInput, match=r"bomb\.sounds"):
                read_bundle(path)
    write_archive(path, {"a": entry}, {"0.flac": bytes(100 << 20)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(BadInput, match=r"bomb\.sounds"):
        read_bundle(path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no endless device")
def test_an_endless_device_in_place_of_a_file_is_not_read(tmp_path: Path) -> None:
    Cache(tmp_path).put("k", noise(3, 1000))
    (path,) = disk_files(tmp_path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert Cache(tmp_path).get("k") is None
    with pytest.raises(BadInput, match="not a bundle"):
        read_bundle(path)


def test_memory_is_left_and_the_disk_serves(tmp_path: Path) -> None:
    on_disk, in_memory = Cache(tmp_path), Cache(None)
    for cache in (on_disk, in_memory):
        cache.put("k", noise(3, 100))
        cache.leave_memory()
    shutil.rmtree(tmp_path)
    assert on_disk.get("k") is None  # nothing was held
    np.testing.assert_array_equal(in_memory.get("k"), noise(3, 100))
