"""Mutated files are read or refused in one sentence by every reader, and the judge knows failures of every kind."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import BadInput
from engine.diffusion.checkpoint import load_velocity_network, save_velocity_network
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.document.edits import messages
from engine.document.edits.messages import apply_message
from engine.lab.evaluation.robustness.evaluate import judge_inputs, write_seeds_apart
from engine.lab.evaluation.robustness.inputs import draw_input
from engine.lab.evaluation.robustness.mutations import JSON
from engine.lab.evaluation.robustness.reader import Reader
from engine.lab.evaluation.robustness.readers import READERS
from engine.lab.evaluation.robustness.seed_documents import EDITS, make_presets, make_project
from engine.lab.evaluation.robustness.workers import Limits, Worker, find_sentence_fault
from engine.pipeline.physics_ops import PHYSICS_OPS
from tests.engine.lab.evaluation import toy_readers
from tests.engine.lab.evaluation.toy_readers import MEMORY_BYTES

INPUTS = 360
LIMITS = Limits(0.2, 1.0, MEMORY_BYTES)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the seeds."""
    folder = tmp_path_factory.mktemp("robustness")
    write_seeds_apart(folder / "seeds")
    return folder


@pytest.mark.slow
def test_every_reader_reads_whole_files_and_neither_fails_nor_hangs_on_mutated_ones(work: Path) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for given, verdict in judge_inputs(INPUTS, 20261127, None, work):
        assert not verdict.is_failure, f"{given.label}: {verdict.kind}: {verdict.text}"
        is_whole = given.data == (work / "seeds" / given.reader.folder / given.file).read_bytes()
        assert verdict.kind == "read" or not is_whole or given.place, f"{given.label}, unchanged: {verdict.text}"
        counts[given.reader.name, verdict.kind] += 1
    for reader in READERS:
        assert counts[reader.name, "read"] and counts[reader.name, "refused"], reader.name


@pytest.mark.slow
def test_an_input_is_made_again_by_its_number(work: Path) -> None:
    for reader in READERS:
        drawn = [draw_input(reader, work / "seeds", 3, number) for number in range(20, 23)]
        assert drawn == [draw_input(reader, work / "seeds", 3, number) for number in range(20, 23)]
        assert drawn != [draw_input(reader, work / "seeds", 4, number) for number in range(20, 23)]


def test_edits_of_every_kind_are_among_the_seeds_and_can_be_made() -> None:
    presets = {preset.name: preset for preset in make_presets()}
    project = make_project(Path("/nowhere"))
    for message in EDITS:
        edit = apply_message(project, message, presets, PHYSICS_OPS)
        assert edit.apply(project) != project, message
    assert [message["kind"] for message in EDITS] == [*messages._KINDS, *messages._OF_SOUNDS, "apply_preset"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to a JSON value and to all in it."""
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with another at a path."""
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


@pytest.mark.slow
def test_a_value_of_another_type_anywhere_in_an_edit_is_refused_or_taken() -> None:
    project, presets = make_project(Path("/nowhere")), {preset.name: preset for preset in make_presets()}
    for message in EDITS:
        for path in places(message):
            for odd in ([], {}, [[]], {"a": []}, None, True, 1.5, "x", 10**30):
                with contextlib.suppress(BadInput):
                    edit = apply_message(project, put(message, path, odd), presets, PHYSICS_OPS)
                    edit.apply(project)


@pytest.mark.slow
def test_the_judge_tells_failures_of_every_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.x")
    expected = {
        toy_readers.crash: "crash", toy_readers.hang: "hang", toy_readers.block: "hang",
        toy_readers.take_memory: "memory", toy_readers.fail: "exception", toy_readers.refuse: "refused",
        toy_readers.leak_trace: "sentence", len: "exception",
    }  # fmt: skip
    worker = Worker(LIMITS)
    try:
        for read, kind in expected.items():
            assert worker.judge(Reader("toy", "toy", JSON, read), tmp_path / "in.x").kind == kind, read
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("in.wav is empty (0 bytes); copy or export it again", ""),
        ("in.wav is empty", "without a remedy"),
        ("in.wav: [Errno 2] no such file; check it", "names 'Errno'"),
        ("in.wav\nis empty; check it", "not printable"),
        ("x" * 700 + "; check it", "longer than a sentence"),
    ],
)
def test_a_sentence_names_a_remedy_and_no_inner_thing(sentence: str, fault: str) -> None:
    assert find_sentence_fault(sentence) == fault


@pytest.mark.parametrize(
    "sizes",
    [{"blocks": 10**9}, {"blocks": 3_000}, {"channels": [8] * 10_000}, {"embedding": -(10**9)}, {"patch": 1e300}],
    ids=lambda sizes: next(iter(sizes)),
)
def test_a_configuration_of_absurd_size_is_refused_at_once(tmp_path: Path, sizes: dict[str, object]) -> None:
    folder = tmp_path / "absurd"
    save_velocity_network(folder, VelocityNetwork(NetworkConfig((8, 8), 1, 8, 8)), {})
    load_velocity_network(folder)
    config = {"format": 1, "kind": "sampler", "network": {"channels": [8, 8], "blocks": 1, "patch": 8, "embedding": 8}}
    config["network"] |= sizes  # type: ignore[operator]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="sampler checkpoint 'absurd'"):
        load_velocity_network(folder)
