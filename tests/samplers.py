"""A small sampler with random weights, and the physics of hits for it."""

from __future__ import annotations

import torch

from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.physics.model import Modes, NoiseComponent, Residual

RATE = 48_000
CPU = torch.device("cpu")
TINY = NetworkConfig(channels=(8, 16), blocks=1, embedding=32)
MODES = Modes((400.0, 1230.0, 5100.0), (-12.0, -15.0, -22.0), (6.0, 12.0, 25.0), (0.3, -1.0, 2.0), (False,) * 3)
ROOM = NoiseComponent((-50.0,) * 3, (12.0,) * 3)
NOISE = Residual((100.0, 800.0, 4000.0, 20_000.0), (-34.0, -30.0, -36.0), (40.0, 60.0, 90.0), ROOM)
SHORT = Modes((900.0,), (-12.0,), (60.0,), (0.0,), (False,))


def make_network(seed: int = 0, trained: bool = True) -> VelocityNetwork:
    """Random weights; before training the last layer is zero and so is the velocity."""
    torch.manual_seed(seed)
    network = VelocityNetwork(TINY)
    if trained:
        with torch.no_grad():
            for values in network.parameters():
                values.add_(0.02 * torch.randn_like(values))
    return network
