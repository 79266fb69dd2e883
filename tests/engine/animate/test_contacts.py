"""What is known of motion is held while it is generated: contacts, smooth paths between them, rest before a blow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.animate.contacts import ContactPath
from engine.animate.generate import OVERLAP, _Windows, generate_motion, sample_at
from engine.animate.motion import CANVAS, GRID, RATE_HZ, TRACK, WINDOW, Blow, Motion, Sound
from engine.animate.network import (
    Conditions,
    MotionNetwork,
    MotionNetworkConfig,
    load_motion_network,
    save_motion_network,
)
from engine.animate.rocking import Rocking, find_decay
from engine.animate.swing import SwingConfig, compress_swing, expand_swing

TINY = MotionNetworkConfig(6, 12, 8, (1,), swing_width=8, swing_dilations=(1, 2))
FRAMES = WINDOW
SOUND = Sound(0.1, 900.0)
BLOWS = (Blow(1.01, 1.0), Blow(1.43, 0.5))


@pytest.fixture(scope="module")
def network() -> MotionNetwork:
    torch.manual_seed(0)
    made = MotionNetwork(TINY).eval().requires_grad_(False)
    for part in made.parameters():
        torch.nn.init.normal_(part, std=0.1)
    return made


def generate(network: MotionNetwork, blows: tuple[Blow, ...], guidance: float, seed: int = 0) -> Motion:
    still = np.zeros((3, *CANVAS), np.float32)
    return generate_motion(network, still, (0.4, 0.5), blows, SOUND, FRAMES, seed, guidance, steps=2)


def test_a_trembling_blow_becomes_one_that_comes_to_the_place_and_rebounds() -> None:
    times_s, struck_s = np.arange(48) / RATE_HZ, 1.02
    since_s = times_s - struck_s
    true = np.zeros((4, 48))
    true[1] = np.where(since_s < 0, 2.0 * since_s, -1.0 * since_s)  # heights a second: down twice as fast as up
    true[2:] = np.array([[0.3], [-0.5]]) - true[:2]  # the hand stays where it is
    rough = true + np.random.default_rng(0).normal(0.0, 0.02, true.shape)
    fitted = ContactPath([struck_s], 48).fit(torch.from_numpy(rough)[None])[0].numpy()
    left, amiss = (np.sqrt(np.mean((path - true) ** 2)) for path in (fitted, rough))
    assert left < 0.5 * amiss
    low = int(struck_s * RATE_HZ)
    assert abs(fitted[1, low] - true[1, low]) < 0.02 and abs(fitted[1, low + 1] - true[1, low + 1]) < 0.02
    accelerations = np.abs(np.diff(fitted[1], 2)) * RATE_HZ**2
    assert accelerations.argmax() + 1 in (low, low + 1)


def test_an_even_path_without_contacts_stays_as_it_is() -> None:
    path = torch.linspace(-1.0, 1.0, 30)[None, None].expand(1, 4, -1)
    torch.testing.assert_close(ContactPath([], 30).fit(path), path, rtol=0, atol=1e-5)


def test_between_frames_the_tip_is_on_the_place_and_the_hand_goes_on_evenly() -> None:
    track = np.zeros((4, len(TRACK)))
    track[:, 1] = -0.4, -0.2, -0.2, -0.4  # struck half-way between frames 1 and 2
    track[:, 3] = np.array([0.0, 0.1, 0.2, 0.3]) - track[:, 1]
    struck_s = 1.5 / RATE_HZ
    found = sample_at(Motion(track, np.zeros((4, 2, *GRID), np.float32)), np.array([struck_s]), [struck_s]).track[0]
    np.testing.assert_allclose(found[:4], (0.0, 0.0, 0.0, 0.15), atol=1e-9)


def test_things_rest_until_a_blow_and_then_rock_at_one_rate() -> None:
    since_s = np.maximum(np.arange(72) / RATE_HZ - 1.0, 0.0)
    true = np.exp(-since_s / find_decay(SOUND)) * np.sin(2 * np.pi * 4.0 * since_s)
    shape = np.random.default_rng(1).normal(size=(2, *GRID))
    rough = true[:, None, None, None] * shape + np.random.default_rng(0).normal(0.0, 0.05, (72, 2, *GRID))
    fitted = Rocking([Blow(1.0, 1.0)], SOUND, 72).fit(torch.from_numpy(rough.astype(np.float32))[None])[0].numpy()
    assert not fitted[: RATE_HZ + 1].any()
    assert np.abs(fitted - true[:, None, None, None] * shape).max() < 0.2 * np.abs(shape).max()
    assert find_decay(Sound(1.0, 900.0)) > find_decay(SOUND)


def test_windows_fade_into_each_other_without_a_seam() -> None:
    frames = 3 * WINDOW - 2 * OVERLAP
    even = torch.ones(1, len(TRACK), WINDOW), torch.ones(1, WINDOW, 2, *GRID)
    shares: list[float] = []
    windows = _Windows(lambda *_: even, 3, 3, shares.append)  # type: ignore[arg-type]
    empty = torch.zeros(1, len(TRACK), frames), torch.zeros(1, frames, 2, *GRID)
    one, line = torch.zeros(1), torch.zeros(1, 1, frames)
    track, field = windows(*empty, one, Conditions(one, one, line, one, one, line, *empty))
    torch.testing.assert_close(track, torch.ones_like(track))
    torch.testing.assert_close(field, torch.ones_like(field))
    assert shares[-1] == 1.0


def test_motion_holds_what_is_known_whatever_the_network_says(network: MotionNetwork) -> None:
    motion = generate(network, BLOWS, 1.0)
    assert motion.track.shape == (FRAMES, len(TRACK)) and np.isfinite(motion.track).all()
    assert not motion.field[:RATE_HZ].any() and motion.field[RATE_HZ + 2].any()
    bends = np.hypot(*np.diff(motion.track[:, :2], 2, axis=0).T)
    near = np.abs(np.arange(1, FRAMES - 1)[:, None] / RATE_HZ - [blow.time_s for blow in BLOWS]).min(axis=1) < 0.1
    assert bends[near].max() > bends[~near].max()
    assert np.array_equal(generate(network, BLOWS, 1.0).track, motion.track)
    assert not np.array_equal(generate(network, BLOWS, 1.0, seed=1).track, motion.track)


def test_without_guidance_the_blows_change_nothing(network: MotionNetwork) -> None:
    one, other = generate(network, BLOWS, 0.0), generate(network, (), 0.0)
    np.testing.assert_array_equal(one.track, other.track)
    np.testing.assert_array_equal(one.field, other.field)


def test_a_swing_expands_to_what_was_compressed() -> None:
    swing = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0)) * 0.5
    torch.testing.assert_close(expand_swing(compress_swing(swing, SwingConfig()), SwingConfig()), swing)


def test_a_checkpoint_holds_its_swing_network(network: MotionNetwork, tmp_path: Path) -> None:
    save_motion_network(tmp_path, network, {})
    again = load_motion_network(tmp_path)
    assert again.swing is not None and network.swing is not None
    torch.testing.assert_close(again.swing.line_out.weight, network.swing.line_out.weight, rtol=0, atol=0.01)
