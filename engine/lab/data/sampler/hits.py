"""Corpus of analysed hits: waveforms and physics on disk, computed once, memory-mapped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.errors import StruckError
from engine.core.files import write_file
from engine.core.units import SAMPLE_RATE_HZ, gain_to_db
from engine.lab.data.sampler.synthetic import SyntheticObject, synthesize_object
from engine.physics import analysis
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Modes, Physics, Residual, physics_from_json, physics_to_json

if TYPE_CHECKING:
    from engine.lab.data.recordings import Recording

SAMPLES, INDEX = "hits.f32", "hits.json"
_SHORTEST, _FAINTEST = 480, 1e-4
_LEVEL_S = 0.05
_FEWEST_TAKES = 3


@dataclass(frozen=True)
class AnalysedHit:
    """One hit from its onset on, mono at 48 kHz, and its estimated physics.

    ``velocity_db`` is its level re the median of its object's takes, None where they are few; the sound is not
    valid above ``fmax_hz``.
    """

    samples: np.ndarray
    modes: Modes
    residual: Residual
    fmax_hz: float
    material: str
    group: str
    held_out: bool
    velocity_db: float | None = None


def build_hits(
    recordings: Sequence[Recording], synthetic: Sequence[SyntheticObject], folder: Path, workers: int = 2
) -> None:
    """Analyse recordings and synthetic objects into ``folder``; does nothing when it holds them already.

    One worker is this process.
    """
    index_path, made_of = folder / INDEX, describe_corpus(recordings, synthetic)
    if index_path.is_file():
        with contextlib.suppress(ValueError, AttributeError):
            if json.loads(index_path.read_text(encoding="utf-8")).get("made_of") == made_of:
                return
        print("hits: the recordings or their analysis have changed; analysing anew", file=sys.stderr, flush=True)
        index_path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    tasks: list[Recording | SyntheticObject] = [*recordings, *synthetic]
    rows: list[dict[str, Any]] = []
    # The matrices are small: workers with a thread per core would only wait for one another.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(open(folder / SAMPLES, "wb"))
        analysed: Iterator[tuple[np.ndarray, dict[str, Any] | None]] = map(_analyse, tasks)
        if workers > 1:
            pool = opened.enter_context(multiprocessing.get_context("spawn").Pool(workers))
            analysed = pool.imap(_analyse, tasks, chunksize=4)
        for done, (samples, row) in enumerate(analysed, 1):
            if row is not None:
                rows.append({**row, "start": file.tell() // 4, "length": samples.size})
                file.write(samples.tobytes())
            if done % 50 == 0 or done == len(tasks):
                print(f"hits: {done} of {len(tasks)} analysed", file=sys.stderr, flush=True)
    if not rows:
        raise StruckError("no recording of the corpus could be analysed; give single hits of at least 10 ms")
    index_path.write_text(json.dumps({"made_of": made_of, "hits": rows}), encoding="utf-8")


def join_hits(folder: Path, parts: Sequence[str]) -> None:
    """Let ``folder`` hold the hits of folders in it that ``build_hits`` filled, in this order."""
    write_file(folder / INDEX, json.dumps({"made_of": "parts", "hits": [], "parts": list(parts)}).encode())


def read_rows(folder: Path) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """What is known of each hit of a folder, and its samples, a view of a memory map."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    for part in index.get("parts", ()):
        yield from read_rows(folder / part)
    if index["hits"]:
        samples = np.memmap(folder / SAMPLES, np.float32, "r")
        for row in index["hits"]:
            yield row, samples[row["start"] : row["start"] + row["length"]]


def open_hits(folder: Path) -> list[AnalysedHit]:
    """The hits of a folder that ``build_hits`` or ``join_hits`` filled; their samples are views of a memory map."""
    hits = []
    for row, samples in read_rows(folder):
        physics = physics_from_json(row["physics"], "the corpus")
        hits.append(
            AnalysedHit(
                samples,
                physics.modes,
                physics.residual,
                row["fmax_hz"],
                row["material"],
                row["group"],
                row["held_out"],
            )
        )
    return _with_velocities(hits)


def is_synthetic(hit: AnalysedHit) -> bool:
    """Whether a hit was synthesized from material constants and not recorded."""
    return hit.group.startswith("imagined/")  # the name in packs and checkpoints


def describe_corpus(recordings: Sequence[Recording], synthetic: Sequence[SyntheticObject]) -> str:
    """Digest of the sources of the hits: the recordings, the synthetic objects and the analysis code."""
    digest = hashlib.sha256(repr(synthetic).encode())
    for recording in recordings:
        facts = (recording.path.name, recording.path.stat().st_size, recording.fmax_hz, recording.start_s)
        digest.update(repr(facts).encode())
    for path in sorted(Path(analysis.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _analyse(task: Recording | SyntheticObject) -> tuple[np.ndarray, dict[str, Any] | None]:
    nothing = np.zeros(0, np.float32)
    try:
        if isinstance(task, SyntheticObject):
            hit, facts = synthesize_object(task), (SAMPLE_RATE_HZ / 2, task.material, task.name, False)
        else:
            from engine.lab.data.recordings import (
                is_held_out,
                read_hit,
            )  # imports media libraries, which a pack does not need

            hit, facts = read_hit(task), (task.fmax_hz, task.material, task.group, is_held_out(task))
        if len(hit) < _SHORTEST or float(np.abs(hit).max()) < _FAINTEST:
            return nothing, None
        physics, _ = analyze_hit(hit, SAMPLE_RATE_HZ, onset_s=0.0)
    except StruckError:
        return nothing, None
    stored = physics_to_json(Physics(physics.modes, physics.residual, SAMPLE_RATE_HZ))
    row = dict(zip(("fmax_hz", "material", "group", "held_out"), facts, strict=True))
    return hit.astype(np.float32), {**row, "physics": stored}


def _with_velocities(hits: list[AnalysedHit]) -> list[AnalysedHit]:
    """Each hit with its level, over its first 50 ms, re the median of its group."""
    head = round(_LEVEL_S * SAMPLE_RATE_HZ)
    level_db = [gain_to_db(max(1e-10, float(np.sqrt(np.mean(np.square(hit.samples[:head])))))) for hit in hits]
    groups: dict[str, list[int]] = {}
    for index, hit in enumerate(hits):
        groups.setdefault(hit.group, []).append(index)
    result = list(hits)
    for members in groups.values():
        if len(members) >= _FEWEST_TAKES:
            middle = float(np.median([level_db[index] for index in members]))
            for index in members:
                result[index] = replace(hits[index], velocity_db=level_db[index] - middle)
    return result
