"""Network of the DDPM baseline: sizes, shapes, patches and the influence of every input."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.core.checkpoint import count_parameters
from engine.lab.baselines.ddpm.physics import estimate_ddpm_batch
from engine.lab.baselines.ddpm.unet import DdpmConfig, DdpmNetwork, stack_features
from tests.sounds import ddpm_clip

TINY = DdpmConfig(base=8, multipliers=(1, 2), patch=(4, 2))


def test_the_latent_depends_on_every_input() -> None:
    physics = estimate_ddpm_batch([0.5 * ddpm_clip(800.0, 0.3), 0.25 * ddpm_clip(3000.0, 0.05, noise=0.2)], steps=2)
    torch.manual_seed(0)
    network = DdpmNetwork(TINY).eval()
    one = physics.take([0])
    latent = network.encode(stack_features(one))
    assert latent.shape == (1, 256) and float(latent.detach().abs().max()) < 1.0
    for name in ("frequency_hz", "power_db", "t60_s", "weight", "noise_t60_s"):
        moved = replace(one, **{name: getattr(physics, name)[1:]})
        assert not torch.allclose(network.encode(stack_features(moved)), latent, atol=1e-4), name


def test_sizes_are_the_paper_s_and_spectrograms_keep_their_shape() -> None:
    with torch.device("meta"):
        millions = count_parameters(DdpmNetwork(DdpmConfig())) / 1e6
    assert millions == pytest.approx(35.0, rel=0.15)
    for config in (TINY, DdpmConfig(base=8, multipliers=(1, 1, 1, 1), patch=(4, 2)), DdpmConfig(base=8)):
        network = DdpmNetwork(config).eval()
        with torch.no_grad():
            noise = network(torch.randn(1, 1, 1025, 44), torch.tensor([7]), torch.zeros(1, 256))
        assert noise.shape == (1, 1, 1025, 44), config


def test_patches_are_put_back_where_they_were_taken() -> None:
    taken = torch.nn.functional.unfold(torch.arange(32.0).reshape(1, 1, 8, 4), (4, 2), stride=(4, 2))
    joined = DdpmNetwork(TINY)._join_patches(taken.reshape(1, 8, 2, 2))
    assert torch.equal(joined.flatten(), torch.arange(32.0))
