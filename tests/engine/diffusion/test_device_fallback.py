"""A device that fails while weights are placed or hits are sampled: the CPU gives the same sounds, and it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.core import device
from engine.diffusion.sampler import Sampler
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.physics.model import Modes, Residual

BROKEN = torch.device("meta")  # holds no values, so that nothing can come from it
HITS = [(Modes((900.0,), (-12.0,), (60.0,), (0.0,), (False,)), Residual())] * 2
ERRORS = {
    "has too little free memory": torch.OutOfMemoryError("CUDA out of memory"),
    "failed": RuntimeError("CUDA error: device-side assert triggered"),
}


def make_network() -> VelocityNetwork:
    torch.manual_seed(3)
    network = VelocityNetwork(NetworkConfig((8, 8), 1, 8, 16))
    with torch.no_grad():
        for values in network.parameters():
            values.add_(0.02 * torch.randn_like(values))
    return network


@pytest.fixture(scope="module")
def expected() -> list[np.ndarray]:
    return Sampler(make_network(), "d", torch.device("cpu")).sample(HITS, [1, 2], 1)


@pytest.mark.slow
@pytest.mark.parametrize("why", ERRORS)
def test_sampling_goes_on_on_the_cpu(why: str, expected: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler(make_network(), "d", BROKEN)
    assert sampler.device == BROKEN and not sampler.trouble
    usual = Sampler._sample_batch

    def fail_on_device(self: Sampler, *args: Any) -> np.ndarray:
        if self.device == BROKEN:
            raise ERRORS[why]
        return usual(self, *args)

    monkeypatch.setattr(Sampler, "_sample_batch", fail_on_device)
    for sound, same in zip(sampler.sample(HITS, [1, 2], 1), expected, strict=True):
        assert np.array_equal(sound, same)
    assert sampler.device.type == "cpu"
    assert why in sampler.trouble and "goes on on the CPU" in sampler.trouble


def test_weights_that_do_not_fit_go_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = VelocityNetwork.to

    def fail_on_device(self: VelocityNetwork, *args: Any, **options: Any) -> Any:
        if options.get("device") == BROKEN:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return usual(self, *args, **options)

    monkeypatch.setattr(VelocityNetwork, "to", fail_on_device)
    sampler = Sampler(make_network(), "d", BROKEN)
    assert sampler.device.type == "cpu" and "too little free memory" in sampler.trouble


def test_an_error_of_the_cpu_is_no_reason_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler(make_network(), "d", torch.device("cpu"))
    monkeypatch.setattr(Sampler, "_sample_batch", lambda *args: (_ for _ in ()).throw(RuntimeError("a fault")))
    with pytest.raises(RuntimeError, match="a fault"):
        sampler.sample(HITS, [1, 2], 1)


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_a_broken_driver_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise RuntimeError("no driver")

    monkeypatch.setattr(torch.cuda, "is_available", fail)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    chosen, label = device.choose_device(name)
    assert chosen.type == "cpu" and "cuda failed (RuntimeError)" in label


def test_an_absent_device_is_said_only_where_it_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert ";" not in device.choose_device("auto")[1]
    assert "cuda is not available here" in device.choose_device("cuda")[1]
