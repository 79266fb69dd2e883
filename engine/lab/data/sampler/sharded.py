"""Analysed hits of a corpus in tar files: each has a folder of its own among the hits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.lab.data.sampler.hits import build_hits, describe_corpus, join_hits
from engine.lab.data.sampler.synthetic import SyntheticObject
from engine.lab.data.shards import Shard, prepare_shards

_SYNTHETIC = "synthetic"


def build_sharded_hits(
    shards: Sequence[Shard],
    synthetic: Sequence[SyntheticObject],
    folder: Path,
    workers: int,
    index: int = 0,
    count: int = 1,
) -> None:
    """Analyse the ``index``-th of ``count`` shares of the recordings into ``folder``, the first the synthetic ones too.

    The folder is whole when all shares are done.
    """
    from engine.lab.data.recordings import list_recordings  # reads media, which a pack does without

    def prepare(unpacked: Path) -> int:
        recordings = list_recordings(unpacked)
        build_hits(recordings, [], folder / unpacked.name, workers)
        return len(recordings)

    # Another analysis is another kind of preparation.
    prepare_shards(shards, folder, f"hits-{describe_corpus([], [])[:8]}", prepare, index, count)
    if index == 0:
        parts = [shard.name for shard in shards]
        if synthetic:
            build_hits([], synthetic, folder / _SYNTHETIC, workers)
            parts.append(_SYNTHETIC)
        join_hits(folder, parts)
