"""Motion of animated stills: features of blows, units of the network, diffusion, and what is given."""

from __future__ import annotations

import math

import numpy as np
import torch

from engine.animate.diffusion import add_noise, sample_motion
from engine.animate.motion import (
    CANVAS,
    GRID,
    ONSET_FEATURES,
    RATE_HZ,
    SOUND_FEATURES,
    TRACK,
    WINDOW,
    Blow,
    Sound,
    draw_blows,
    draw_place,
    encode_sound,
)
from engine.animate.network import Conditions, MotionNetwork, MotionNetworkConfig
from engine.animate.scaling import compress_motion, expand_motion

SMALL = MotionNetworkConfig(field_width=12, track_width=12, vector_width=16, dilations=(1, 2))


def make_conditions(heard: float = 1.0) -> Conditions:
    times_s = np.arange(WINDOW) / RATE_HZ
    blows = torch.from_numpy(draw_blows([Blow(0.7, 1.0)], times_s))[None]
    empty = torch.zeros(1, len(TRACK), WINDOW), torch.zeros(1, WINDOW, 2, *GRID)
    place, still = torch.from_numpy(draw_place((0.3, 0.6)))[None], torch.zeros(1, 3, *CANVAS)
    flags = torch.full((1, 1), heard), torch.zeros(1, 1, WINDOW)
    return Conditions(still, place, blows, torch.zeros(1, SOUND_FEATURES), *flags, *empty)


def test_blows_are_bumps_that_tell_where_in_a_frame_they_fall() -> None:
    times_s = np.arange(48) / RATE_HZ
    features = draw_blows([Blow(0.51, 0.5), Blow(1.0, 1.0)], times_s)
    assert features.shape == (ONSET_FEATURES, 48)
    assert features.argmax(axis=1)[0] == 24
    assert features[0, round(0.51 * RATE_HZ)] > 0.9
    earlier = draw_blows([Blow(0.5, 0.5), Blow(1.0, 1.0)], times_s)
    assert np.abs(features - earlier)[:, 11:14].max() > 0.05
    assert not draw_blows([], times_s).any()


def test_a_longer_decay_and_a_brighter_sound_are_told_apart() -> None:
    dull, bright = encode_sound(Sound(0.1, 300.0)), encode_sound(Sound(1.0, 4000.0))
    assert (bright[1:] > dull[1:]).all()
    assert not encode_sound(None).any()


def test_motion_expands_to_what_was_compressed() -> None:
    random = torch.Generator().manual_seed(0)
    track = 0.5 * torch.randn(2, len(TRACK), 6, generator=random)
    field = 0.02 * torch.randn(2, 6, 2, *GRID, generator=random)
    small = compress_motion(track, field, SMALL)
    for again, once in zip(expand_motion(*small, SMALL), (track, field), strict=True):
        torch.testing.assert_close(again, once, rtol=1e-4, atol=1e-6)


def test_sampling_with_the_true_velocity_finds_the_motion_whatever_the_guidance() -> None:
    random = torch.Generator().manual_seed(1)
    motion = torch.randn(1, len(TRACK), WINDOW, generator=random), torch.randn(1, WINDOW, 2, *GRID, generator=random)
    noise = torch.randn(motion[0].shape, generator=random), torch.randn(motion[1].shape, generator=random)

    def truth(track: torch.Tensor, field: torch.Tensor, angle: torch.Tensor, given: Conditions):  # type: ignore[no-untyped-def]
        return add_noise(motion, noise, angle)[1]

    for guidance in (0.0, 1.0, 3.0):
        found = sample_motion(truth, make_conditions(), noise, guidance, 6)  # type: ignore[arg-type]
        for part, wanted in zip(found, motion, strict=True):
            torch.testing.assert_close(part, wanted, rtol=0, atol=1e-4)
    (start, _), _ = add_noise(motion, noise, torch.tensor([math.pi / 2]))
    torch.testing.assert_close(start, noise[0], rtol=0, atol=1e-5)


def test_without_sound_the_network_does_not_know_the_blows() -> None:
    torch.manual_seed(0)
    network = MotionNetwork(SMALL).eval()
    for part in network.parameters():
        torch.nn.init.normal_(part, std=0.1)
    noise = torch.randn(1, len(TRACK), WINDOW), torch.randn(1, WINDOW, 2, *GRID)
    heard = make_conditions()
    deaf = sample_motion(network, heard, noise, 0.0, 2)
    hidden = sample_motion(network, heard.hide_sound(), noise, 1.0, 2)
    follows = sample_motion(network, heard, noise, 1.0, 2)
    torch.testing.assert_close(deaf[0], hidden[0])
    assert (follows[0] - deaf[0]).abs().max() > 1e-3
