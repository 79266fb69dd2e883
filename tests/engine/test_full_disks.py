"""A disk that is full or read-only: one sentence, what was there before stays whole, nothing half-written is left."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.bank.bank import Entry, make_bank, save_bank
from engine.core.cache import Cache, write_bundle
from engine.core.errors import BadInput
from engine.document.storage import autosave, save_project
from engine.media.export.markers import Marker, write_markers
from engine.media.export.stems import write_stems
from engine.media.export.video import write_video
from engine.media.export.wave import write_wave
from tests.banks import make_physics
from tests.clips import make_clip
from tests.engine.document.test_storage import make_project

RATE_HZ = 48_000
NOISE = np.random.default_rng(3).uniform(-1.0, 1.0, (RATE_HZ, 2)).astype(np.float32)
LIMIT_BYTES = 512
WHOLE = bytes(16 << 10)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and mounts are POSIX things")


@contextlib.contextmanager
def limit_files(folder: Path) -> Iterator[str]:
    """No file grows beyond a few bytes: writing fails in the middle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, hard))
    try:
        yield "file too large"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def mount(folder: Path, *options: str) -> Iterator[None]:
    """A small file system in a folder's place; skips the test where this user may not mount one."""
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting is not permitted")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def fill_disk(folder: Path) -> Iterator[str]:
    """A disk of a few kilobytes that are taken."""
    with mount(folder, "-o", "size=16k"):
        (folder / "before").write_bytes(WHOLE)
        yield "no space left on device"


@contextlib.contextmanager
def lock_disk(folder: Path) -> Iterator[str]:
    """A disk that is mounted to be read."""
    with mount(folder):
        (folder / "before").write_bytes(WHOLE)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield "read-only file system"


def write_project(folder: Path, clip: Path) -> None:
    save_project(make_project(clip.parent), folder / "p.struck.json")


def write_autosave(folder: Path, clip: Path) -> None:
    autosave(folder, make_project(clip.parent), "tab")


def write_bank(folder: Path, clip: Path) -> None:
    save_bank(make_bank([Entry(f"Thing {n}", make_physics(n)) for n in range(40)]), folder)


def write_track(folder: Path, clip: Path) -> None:
    write_wave(folder / "t.wav", NOISE, RATE_HZ)


def write_parts(folder: Path, clip: Path) -> None:
    write_stems(folder, {"a": NOISE, "b": NOISE}, RATE_HZ)


def write_film(folder: Path, clip: Path) -> None:
    write_video(clip, NOISE, RATE_HZ, folder / "v.mp4")


def write_list(folder: Path, clip: Path) -> None:
    write_markers(folder / "m.csv", [Marker(0.001 * n, name="x" * 30) for n in range(400)])


def write_sounds(folder: Path, clip: Path) -> None:
    write_bundle(folder / "b.sounds", {"a": NOISE[:, 0]})


WRITERS = (write_project, write_autosave, write_bank, write_track, write_parts, write_film, write_list, write_sounds)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "a.mp4", count=10)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [limit_files, fill_disk, lock_disk])
@pytest.mark.parametrize("write", WRITERS)
def test_the_reason_is_said_and_nothing_half_written_is_left(
    tmp_path: Path, clip: Path, write: Callable[[Path, Path], None], trouble: Callable[..., Iterator[str]]
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "before").write_bytes(WHOLE)
    with trouble(folder) as reason:
        with pytest.raises(BadInput, match=reason) as caught:
            write(folder, clip)
        left = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        assert (folder / "before").read_bytes() == WHOLE
    assert left == {"before"}
    assert ";" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_cache_goes_on_in_memory(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with limit_files(tmp_path):
        cache.put("k", NOISE[:, 0])
    assert np.array_equal(cache.get("k"), NOISE[:, 0])  # type: ignore[arg-type]
    assert Cache(tmp_path).get("k") is None and not list(tmp_path.rglob("*.part"))
    cache.put("k", NOISE[:, 0])
    assert np.array_equal(Cache(tmp_path).get("k"), NOISE[:, 0])  # type: ignore[arg-type]
