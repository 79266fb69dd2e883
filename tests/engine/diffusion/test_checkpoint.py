"""The sampler's checkpoint: a round trip, and misfits refused with their reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.core.checkpoint import CONFIG, WEIGHTS
from engine.core.errors import BadInput
from engine.diffusion.checkpoint import load_velocity_network, save_velocity_network
from engine.diffusion.sampler import load_sampler
from tests.samplers import CPU, make_network


def test_checkpoint_comes_back_and_misfits_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    network = make_network(6)
    save_velocity_network(folder, network, {"step": 1})
    loaded, digest = load_velocity_network(folder)
    for name, value in network.state_dict().items():
        step = value.abs().flatten(1).amax(dim=1) / 127.0 if value.dim() > 1 else torch.zeros(())
        error = (value - loaded.state_dict()[name]).abs()
        assert bool((error <= 0.52 * step.view(-1, *[1] * (value.dim() - 1)) + 1e-3).all()), name
    assert load_sampler(tmp_path, "one", CPU).digest == digest
    save_velocity_network(tmp_path / "two", make_network(7), {"step": 1})
    assert load_velocity_network(tmp_path / "two")[1] != digest

    whole = json.loads((folder / CONFIG).read_text())
    for change, reason in (
        ({"format": 99}, "format 99"),
        ({"kind": "onsets"}, "onsets"),
        ({"network": {**whole["network"], "channels": [16, 32]}}, "does not fit"),
        ({"network": None}, "damaged"),
    ):
        (folder / CONFIG).write_text(json.dumps({**whole, **change}))
        with pytest.raises(BadInput, match=reason):
            load_velocity_network(folder)
    (folder / CONFIG).write_text(json.dumps(whole))
    (folder / WEIGHTS).write_bytes(b"\x08")
    with pytest.raises(BadInput, match="'one' does not fit"):
        load_velocity_network(folder)
    with pytest.raises(BadInput, match="was not found"):
        load_velocity_network(tmp_path / "none")
