"""A corpus in tar files is that of the folders that they were made of, and leaves nothing unpacked behind."""

from __future__ import annotations

import io
import json
import multiprocessing
import multiprocessing.dummy
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.errors import BadInput
from engine.lab.data.onsets.clips import KIND, list_real_takes, load_takes, prepare_takes
from engine.lab.data.sampler.hits import build_hits, open_hits
from engine.lab.data.sampler.pack import pack_hits, unpack_hits
from engine.lab.data.sampler.sharded import build_sharded_hits
from engine.lab.data.shards import list_shards, open_sample, open_shard, prepare_shards, read_prepared, unpack
from engine.lab.data.vggsound import list_excerpts
from engine.lab.data.vision import corpus
from engine.lab.training.onsets.train import gather_clips
from engine.lab.training.ranks import Ranks
from tests.clips import make_clicking_clip

NAMES = ("2015-02-16-a", "2015-02-16-b", "2015-09-23-c")


def write_tar(path: Path, files: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three takes as Greatest Hits has them, in a folder, and as samples of two tar files."""
    folder, shards = tmp_path_factory.mktemp("takes"), tmp_path_factory.mktemp("shards")
    for number, name in enumerate(NAMES):
        make_clicking_clip(folder / f"{name}.mp4", (0.3 + 0.1 * number,), 0.8)
        (folder / f"{name}_times.txt").write_text(f"{0.3 + 0.1 * number:.1f} tile hit static\n")
    for shard, names in (("part-0", NAMES[:2]), ("part-1", NAMES[2:])):
        files = {}
        for name in names:
            files |= {f"{name}.mp4": (folder / f"{name}.mp4").read_bytes()}
            files |= {f"{name}.times.txt": (folder / f"{name}_times.txt").read_bytes()}
        write_tar(shards / f"{shard}.tar", files)
    return folder, shards


@pytest.mark.slow
def test_film_in_tar_files_is_that_of_the_folder(takes: tuple[Path, Path], tmp_path: Path) -> None:
    """Shared by two processes, of which each prepares one; what is prepared is not unpacked again."""
    folder, place = takes
    wanted = list(load_takes(list_real_takes(folder), tmp_path / "folder"))
    work = tmp_path / "work"
    shards = list_shards(str(place))
    for index in range(2):
        prepare_shards(shards, work, KIND, lambda unpacked: prepare_takes(unpacked, work), index, 2)
        assert sum(name.is_dir() for name in (work / "shards").iterdir()) == 0
        assert len(list((work / "frames").glob("*.npz"))) == (2, 3)[index]
    (place / "part-0.tar").rename(tmp_path / "hidden.tar")  # nobody reads it any more
    (place / "part-0.tar").write_bytes(bytes(shards[0].size_bytes))
    clips, made = gather_clips(str(place), [], work, [], Ranks())
    (tmp_path / "hidden.tar").replace(place / "part-0.tar")
    assert not made and [clip.name for clip in clips] == list(NAMES) == [clip.name for clip in wanted]
    for clip, own in zip(clips, wanted, strict=True):
        assert np.array_equal(clip.frames, own.frames) and np.array_equal(clip.hits_s, own.hits_s)
        assert isinstance(clip.frames, np.memmap)
    (left,), _ = gather_clips(str(place), [], work, [NAMES[0][:10]])
    assert left.name == NAMES[2]


@pytest.mark.slow
def test_hits_to_be_seen_are_those_of_the_folder(takes: tuple[Path, Path], tmp_path: Path) -> None:
    folder, place = takes
    _, wanted, sounds, keep = corpus.gather(str(folder), [], tmp_path / "folder", [])
    for index in range(2):
        corpus.prepare_sharded_hits(str(place), tmp_path / "work", index, 2)
    _, real, own, kept = corpus.gather(str(place), [], tmp_path / "work", [])
    found = [(hit.clip, hit.material, hit.time_s) for hit in real.hits]
    assert found == [(name, "ceramic", pytest.approx(0.1 * (3 + number))) for number, name in enumerate(NAMES)]
    assert np.array_equal(np.stack(real.near), np.stack(wanted.near)) and len(wanted.hits) == 3
    assert np.isfinite(own).all() and np.array_equal(own, sounds) and np.array_equal(kept, keep)


@pytest.mark.slow
def test_recordings_in_tar_files_are_those_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: multiprocessing.dummy)  # threads start at once
    from engine.lab.data.recordings import list_recordings

    folder, place = tmp_path / "folder", tmp_path / "shards"
    place.mkdir()
    for number, name in enumerate(("anvil", "bowl")):
        (folder / name).mkdir(parents=True)
        t = np.arange(9600) / 48_000
        strike = 0.3 * np.exp(-40 * t) * np.sin(2 * np.pi * (700 + 500 * number) * t)
        soundfile.write(folder / name / "strike.wav", strike, 48_000)
        sound = (folder / name / "strike.wav").read_bytes()
        write_tar(place / f"{number}.tar", {f"{name}/strike.wav": sound})
    build_hits(list_recordings(folder), [], tmp_path / "alone", 1)
    for index in range(2):
        build_sharded_hits(list_shards(str(place)), [], tmp_path / "hits", 1, index, 2)
    hits = open_hits(tmp_path / "hits")
    assert [(hit.group, hit.material) for hit in hits] == [("anvil/strike", "anvil"), ("bowl/strike", "bowl")]
    for hit, own in zip(hits, open_hits(tmp_path / "alone"), strict=True):
        assert np.array_equal(hit.samples, own.samples) and hit.modes == own.modes
    pack_hits(tmp_path / "hits", tmp_path / "pack")
    unpack_hits(tmp_path / "pack", tmp_path / "unpacked")
    assert [hit.group for hit in open_hits(tmp_path / "unpacked")] == [hit.group for hit in hits]


def test_labels_of_excerpts_become_their_table(tmp_path: Path) -> None:
    label = json.dumps({"label": "hammering nails"}).encode()
    write_tar(tmp_path / "a.tar", {
        "x/aaaaaaaaaaa_000030.mp4": b"film", "x/aaaaaaaaaaa_000030.json": label,
        "x/bbb_b_000001.json": b'{"label": "drum", "split": "test"}', "x/bbb_b_000001.mp4": b"film",
        "x/other.json": b'{"fps": 25}',
    })  # fmt: skip
    (shard,) = list_shards(str(tmp_path / "a.tar"))
    with open_shard(shard, tmp_path / "work") as folder:
        assert [(e.video, e.held_out, e.path.read_bytes()) for e in list_excerpts(folder)] == [
            ("aaaaaaaaaaa", False, b"film"), ("bbb_b", True, b"film")
        ]  # fmt: skip
        assert (folder / "x" / "other.json").is_file()
    assert not folder.exists()


def test_a_sample_of_the_corpus_tells_how_much_larger_it_is(tmp_path: Path) -> None:
    for number in range(3):
        write_tar(tmp_path / f"{number}.tar", {f"{number}.wav": bytes(20_000 * (number + 1))})
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("*.tar"))]
    with open_sample(str(tmp_path)) as (folder, larger):
        assert [path.name for path in folder.iterdir()] == ["1.wav"] and larger == sum(sizes) / sizes[1]
    with open_sample(str(tmp_path / "none")) as (folder, larger):
        assert folder == tmp_path / "none" and larger == 1.0


@pytest.mark.parametrize(
    ("name", "reason"),
    [("../out.wav", "'../out.wav' lies outside of the tar file"), ("/out.wav", "lies outside"),
     ("a.json", "a.json is no JSON")],
)  # fmt: skip
def test_a_tar_file_that_is_none_is_named(tmp_path: Path, name: str, reason: str) -> None:
    write_tar(tmp_path / "a.tar", {name: b"{"})
    (shard,) = list_shards(str(tmp_path))
    with pytest.raises(BadInput, match=reason) as caught, open_shard(shard, tmp_path / "work"):
        pass
    assert shard.url in str(caught.value) and not list((tmp_path / "work" / "shards").iterdir())


def test_a_torn_tar_file_and_a_store_that_is_away_are_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", {"a.wav": bytes(9000)})
    (tmp_path / "a.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:4000])
    (shard,) = list_shards(str(tmp_path))
    with pytest.raises(BadInput, match=r"a.tar cannot be unpacked into .*; restore it"), open_shard(shard, tmp_path):
        pass
    for place in ("memory://nothing", str(tmp_path / "none.tar"), "nosuch://x"):
        with pytest.raises(BadInput, match=r"cannot be reached|holds no .tar file"):
            list_shards(place)
    assert read_prepared([], tmp_path, KIND) == []


def test_a_tar_file_is_read_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    """A stream that cannot be sought is enough."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError("a stream")

    write_tar(tmp_path / "a.tar", {"a.wav": b"1", "b.wav": b"2"})
    unpack(Stream((tmp_path / "a.tar").read_bytes()), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"a.wav": b"1", "b.wav": b"2"}
