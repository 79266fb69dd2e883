"""One reader of every network's checkpoint: what it takes, what it renames, what it refuses and why."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine.core.checkpoint import (
    CONFIG,
    WEIGHTS,
    CheckpointKind,
    build_config,
    digest_checkpoint,
    find_fault,
    list_checkpoints,
    read_checkpoint,
    rename,
    stamp_checkpoint,
    write_checkpoint,
)
from engine.core.errors import BadInput

TOY = CheckpointKind("toy", version=2, remedy="restore {folder} or train one with `launch.py train toy`")


class Toy(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.head = nn.Linear(2, width)
        self.norm = nn.BatchNorm1d(width)


def build(config: dict[str, Any]) -> Toy:
    return Toy(**config["network"])


def write(folder: Path, module: nn.Module | None = None, **changes: object) -> Path:
    torch.manual_seed(0)
    write_checkpoint(folder, TOY, module or Toy(), torch.float16, {"network": {"width": 3}, "note": "kept"})
    if changes:
        config = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps({**config, **changes}))
    return folder


def refusal(folder: Path, kind: CheckpointKind = TOY) -> str:
    with pytest.raises(BadInput) as refused:
        read_checkpoint(folder, kind, build)
    return str(refused.value)


def test_weights_come_back_in_single_precision_with_the_configuration(tmp_path: Path) -> None:
    network = Toy()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 0.1], [1e-3, -5.0]]))
    loaded, config = read_checkpoint(write(tmp_path / "one", network), TOY, build)
    stored = [[1.0, 2.0], [3.0, 0.0999755859375], [0.0010004043579101562, -5.0]]  # the nearest half floats
    assert loaded.head.weight.dtype == torch.float32 and loaded.head.weight.tolist() == stored
    assert loaded.norm.num_batches_tracked.dtype == torch.int64
    assert (config["format"], config["kind"], config["note"]) == (2, "toy", "kept")
    assert not list((tmp_path / "one").glob("*.part"))


def test_eight_bits_are_a_hundred_and_twenty_seventh_of_a_row(tmp_path: Path) -> None:
    network = Toy()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[100.0, 2.0], [3e-3, -1e-4], [0.0, 0.0]]))
    write_checkpoint(tmp_path / "one", TOY, network, torch.int8, {"network": {}})
    loaded, _ = read_checkpoint(tmp_path / "one", TOY, build)
    largest = network.head.weight.abs().amax(dim=1, keepdim=True)
    assert ((loaded.head.weight - network.head.weight).abs() <= 0.51 * largest / 127.0 * 1.002).all()
    assert torch.equal(loaded.norm.running_mean, network.norm.running_mean.half().float())


def test_digest_is_that_of_configuration_and_weights(tmp_path: Path) -> None:
    folder = write(tmp_path / "one")
    expected = hashlib.sha256((folder / CONFIG).read_bytes() + (folder / WEIGHTS).read_bytes()).hexdigest()
    assert digest_checkpoint(folder) == expected
    stamp = stamp_checkpoint(folder)
    assert stamp_checkpoint(folder) == stamp
    write(folder, changed=True)
    assert stamp_checkpoint(folder) != stamp and stamp_checkpoint(tmp_path / "none") == (0, -1, 0, -1)


def test_renamed_parts_of_the_network_load_under_either_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "old")
    weights = load_file(str(folder / WEIGHTS))
    now = dict(weights)
    for name in ("weight", "bias"):
        weights[f"leave.{name}"] = weights.pop(f"head.{name}")
    save_file(weights, str(folder / WEIGHTS))
    assert "is missing" in refusal(folder)
    mapped = replace(TOY, key_map={"leave": "head"})
    network, _ = read_checkpoint(folder, mapped, build)
    assert torch.equal(network.head.weight, now["head.weight"].float())
    again, _ = read_checkpoint(write(tmp_path / "new"), mapped, build)
    assert torch.equal(again.head.bias, network.head.bias)


@pytest.mark.parametrize(
    ("name", "renamed"),
    [
        ("down.0.ask.weight", "down.0.to_qkv.weight"),
        ("asking.weight", "asking.weight"),
        ("ask", "to_qkv"),
        ("enter.0.bias", "proj_in.bias"),
        ("enter.1.bias", "enter.1.bias"),
        ("a.b.a", "b.c.b"),
    ],
)
def test_whole_parts_are_renamed_each_once(name: str, renamed: str) -> None:
    assert rename(name, {"ask": "to_qkv", "enter.0": "proj_in", "a": "b", "b": "c"}) == renamed


def test_weights_that_older_files_lack_are_zeros(tmp_path: Path) -> None:
    folder = write(tmp_path / "old")
    weights = load_file(str(folder / WEIGHTS))
    del weights["head.bias"]
    save_file(weights, str(folder / WEIGHTS))
    network, _ = read_checkpoint(folder, replace(TOY, added=("head.bias",)), build)
    assert network.head.bias.tolist() == [0.0, 0.0, 0.0]


def test_lists_of_a_configuration_become_tuples() -> None:
    @dataclass(frozen=True)
    class Sizes:
        widths: tuple[int, ...] = (1,)
        depth: int = 2

    assert build_config(Sizes, {"widths": [3, 4]}) == Sizes((3, 4), 2)


def test_what_does_not_fit_is_refused_with_the_reason_and_the_remedy(tmp_path: Path) -> None:
    def said(name: str, **changes: object) -> str:
        text = refusal(write(tmp_path / name, **changes))
        assert repr(name) in text and text.endswith(
            f"; restore {tmp_path / name} or train one with `launch.py train toy`"
        )
        assert find_fault(tmp_path / name, TOY) in (None, text)
        return text

    assert "is of format 1 (toy) and this Struck reads toy format 2" in said("old", format=1)
    assert "is of format 2 (sampler)" in said("other", kind="sampler")
    assert "config.json is damaged" in said("flat", network=3)
    assert "describes an unknown network" in said("unknown", network={"heads": 4})
    assert "head.weight is 3 x 2 and not 5 x 2" in said("wide", network={"width": 5})
    torn = write(tmp_path / "torn")
    (torn / WEIGHTS).write_bytes((torn / WEIGHTS).read_bytes()[:-1])
    assert "model.safetensors is cut short" in refusal(torn)
    broken = Toy()
    with torch.no_grad():
        broken.head.bias[1] = float("inf")
    assert "head.bias holds values that are not finite" in refusal(write(tmp_path / "broken", broken))
    extra = write(tmp_path / "extra", nn.Sequential(Toy()))
    assert "head.weight is missing" in refusal(extra)
    assert f"was not found in {tmp_path}" in refusal(tmp_path / "nowhere")


def test_only_checkpoints_of_the_kind_are_listed_and_those_with_a_fault_come_last(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / name)
    write(tmp_path / "A-old", format=1)
    write(tmp_path / "sampler", kind="sampler")
    (tmp_path / "empty").mkdir()
    assert list_checkpoints(tmp_path, TOY) == ("a", "b", "A-old")
    assert list_checkpoints(tmp_path / "nowhere", TOY) == ()


def test_an_absurd_size_of_an_added_weight_takes_no_memory(tmp_path: Path) -> None:
    folder = write(tmp_path / "old")
    weights = load_file(str(folder / WEIGHTS))
    del weights["head.weight"]
    save_file(weights, str(folder / WEIGHTS))
    kind = replace(TOY, added=("head.weight",))
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "network": {"width": 65_000}}))
    assert "head.bias is 3 and not 65000" in refusal(folder, kind)
    (folder / CONFIG).write_text(json.dumps({**config, "network": {"width": 10**12}}))
    assert "config.json is damaged" in refusal(folder, kind)
