"""A corpus in tar files: each is unpacked, prepared and removed again, so that no disk has to hold all of it.

A tar file holds samples as WebDataset's do, files that share a name up to its first dot, their key (Aizman et al.,
"High performance I/O for large scale deep learning", IEEE Big Data 2019): ``KEY.mp4`` or ``KEY.wav`` with the labels
of Greatest Hits in ``KEY.times.txt``, or ``ID_000123.mp4`` with VGGSound's in ``ID_000123.json``, such as
``{"label": "hammering nails", "split": "train"}``. Or it holds a part of a corpus as a folder would.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from engine.core.errors import BadInput
from engine.core.files import write_file
from engine.lab.data.greatest_hits import TIMES
from engine.lab.data.vggsound import TABLE

TAR = ".tar"
_TIMES, _LABEL = ".times.txt", ".json"
_MOST_LABEL_BYTES = 1 << 20


@dataclass(frozen=True)
class Shard:
    """A tar file of a folder or a store, as fsspec finds it."""

    url: str
    size_bytes: int

    @property
    def name(self) -> str:
        """A name for its files in a work folder, another one where its size is another."""
        digest = hashlib.sha256(f"{self.url}\0{self.size_bytes}".encode()).hexdigest()[:10]
        return f"{PurePosixPath(self.url).name.removesuffix(TAR)}-{digest}"


def list_shards(data: str) -> list[Shard]:
    """The tar files of a folder or of a URL such as s3://BUCKET/FOLDER, by name, or the one that is given.

    None for a folder that holds none. Raises BadInput where a store does not answer.
    """
    import fsspec

    remote = "://" in data
    try:
        files, place = fsspec.core.url_to_fs(data)
        found = [files.info(place)] if place.endswith(TAR) else files.ls(place, detail=True)
    except ImportError as error:
        raise BadInput(f"{data} cannot be reached ({error}); install that package beside Struck") from None
    except Exception as error:  # each store has errors of its own
        if not remote and not data.endswith(TAR):
            return []  # who reads folders says what is wrong with this one
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise BadInput(f"{data} cannot be reached ({reason}); give another --data") from None
    tars = sorted((entry["name"], int(entry["size"])) for entry in found if str(entry["name"]).endswith(TAR))
    if remote and not tars:
        raise BadInput(f"{data} holds no {TAR} file; give a folder of shards with --data")
    return [Shard(files.unstrip_protocol(name), size) for name, size in tars]


@contextlib.contextmanager
def open_shard(shard: Shard, work: Path) -> Iterator[Path]:
    """The folder in ``work`` into which a shard was unpacked, removed when the block ends. Raises BadInput."""
    import fsspec

    folder = work / "shards" / shard.name
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was ended
    folder.mkdir(parents=True)
    try:
        try:
            with fsspec.open(shard.url, "rb") as stream:
                unpack(stream, folder)
        except BadInput as error:
            raise BadInput(f"{shard.url}: {error}") from None
        except Exception as error:  # each store has errors of its own
            reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
            raise BadInput(f"{shard.url} cannot be unpacked into {work} ({reason}); restore it or free space") from None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unpack(stream: IO[bytes], folder: Path) -> None:
    """Read a tar file from its beginning to its end into a folder, labels in the layout that folders have.

    Raises BadInput for a name that leads out of the folder, or a label that is none.
    """
    rows: list[list[str]] = []
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                continue  # folders come with their files; links and devices are no samples
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts or "\\" in member.name:
                raise BadInput(f"{member.name[:80]!r} lies outside of the tar file; write it anew")
            if member.name.endswith(_LABEL) and (row := _read_label(name, content.read(_MOST_LABEL_BYTES))):
                rows.append(row)
                continue
            if member.name.endswith(_TIMES):
                name = name.with_name(name.name.removesuffix(_TIMES) + TIMES)
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
    if rows:
        with open(folder / TABLE, "a", encoding="utf-8", newline="") as table:
            csv.writer(table).writerows(rows)


def _read_label(name: PurePosixPath, data: bytes) -> list[str]:
    """The row of a sample in VGGSound's table; none for JSON of another kind."""
    try:
        label = json.loads(data)
    except ValueError:
        raise BadInput(f"{name} is no JSON; write the tar file anew") from None
    if not isinstance(label, dict) or "label" not in label:
        return []
    video, _, start = name.name.removesuffix(_LABEL).rpartition("_")
    return [video, start, str(label["label"]), str(label.get("split", "train"))]


def prepare_shards(
    shards: Sequence[Shard], work: Path, kind: str, prepare: Callable[[Path], Any], index: int = 0, count: int = 1
) -> None:
    """Prepare the ``index``-th of ``count`` shares of the shards, those that are not prepared yet, one at a time.

    What ``prepare(folder)`` returns, JSON, is kept in ``work`` under the name of the ``kind`` of preparation.
    """
    for shard in shards[index::count]:
        record = _find_record(work, shard, kind)
        if record.is_file():
            continue
        with open_shard(shard, work) as folder:
            made = prepare(folder)
        write_file(record, json.dumps(made).encode())
        print(f"prepared {shard.url}", file=sys.stderr, flush=True)


def read_prepared(shards: Sequence[Shard], work: Path, kind: str) -> list[Any]:
    """What preparing each shard returned, in their order."""
    return [json.loads(_find_record(work, shard, kind).read_bytes()) for shard in shards]


def _find_record(work: Path, shard: Shard, kind: str) -> Path:
    return work / "shards" / f"{shard.name}.{kind}.json"


@contextlib.contextmanager
def open_sample(data: str) -> Iterator[tuple[Path, float]]:
    """A corpus in a folder and 1; of one in tar files the middle one, unpacked, and how much larger they all are."""
    shards = list_shards(data)
    if not shards:
        yield Path(data), 1.0
        return
    middle = shards[len(shards) // 2]
    with tempfile.TemporaryDirectory(prefix="struck-plan-") as name, open_shard(middle, Path(name)) as folder:
        yield folder, sum(shard.size_bytes for shard in shards) / middle.size_bytes
