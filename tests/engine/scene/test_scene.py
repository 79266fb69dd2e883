"""Pictures of sounds: what is heard, what is drawn, and the edits."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.errors import BadInput
from engine.pipeline.picture_sound import (
    HeardSound,
    PictureOptions,
    arrange_sheet,
    blend_points,
    cut_hit,
    draw_pictures,
    mix_hits,
)
from engine.scene.diffusion import add_noise, sample_pictures
from engine.scene.hearing import BANDS, FLOOR_DB, FRAMES, hear_sound
from engine.scene.network import SIDE, SceneConfig, SceneNetwork, load_scene_network, save_scene_network

RATE_HZ = 48_000
SMALL = SceneConfig(
    shared=8, sound_widths=(8, 8), picture_features=6, fine_width=8, coarse_width=16, vector_width=8, coarse_blocks=1
)


def make_tone(frequency_hz: float, rate_hz: int = RATE_HZ, duration_s: float = 1.2) -> np.ndarray:
    return 0.5 * np.sin(2 * math.pi * frequency_hz * np.arange(round(duration_s * rate_hz)) / rate_hz)


def test_a_tone_is_heard_at_its_pitch_and_level_at_any_rate() -> None:
    centres = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + f / 700) for f in (50, 16_000)), BANDS + 2) / 2595) - 1)
    for frequency_hz in (300.0, 1000.0, 6000.0):
        heard = hear_sound(make_tone(frequency_hz), RATE_HZ)
        assert heard.shape == (BANDS, FRAMES)
        band = int(heard.mean(axis=1).argmax())
        assert centres[band] <= frequency_hz * 1.15 and centres[band + 2] >= frequency_hz / 1.15
        other = hear_sound(make_tone(frequency_hz, 44_100), 44_100)
        assert np.abs(other[band] - heard[band])[4:-4].max() < 1.0
        softer = hear_sound(0.1 * make_tone(frequency_hz), RATE_HZ)
        assert np.allclose(softer[band, 8:-8], heard[band, 8:-8] - 20.0, atol=0.01)


def test_a_sound_that_ends_is_silent_after_and_silence_is_refused() -> None:
    heard = hear_sound(make_tone(800.0, duration_s=0.3), RATE_HZ)
    assert heard[:, -FRAMES // 2 :].max() == FLOOR_DB
    with pytest.raises(BadInput, match="silent"):
        hear_sound(np.zeros(RATE_HZ), RATE_HZ)
    with pytest.raises(BadInput, match="not finite"):
        hear_sound(np.full(RATE_HZ, np.nan), RATE_HZ)


def test_the_loudest_hit_of_a_sound_is_cut_out() -> None:
    track = np.zeros(4 * RATE_HZ)
    fall = np.exp(-np.arange(RATE_HZ // 2) / 2000.0)
    for time_s, level in ((0.5, 0.3), (2.0, 0.9), (3.2, 0.5)):
        track[round(time_s * RATE_HZ) :][: len(fall)] += level * fall
    cut = cut_hit(track, RATE_HZ)
    assert cut[0] == pytest.approx(0.9, abs=1e-6)
    assert np.allclose(cut, track[2 * RATE_HZ :][: len(cut)])
    with pytest.raises(BadInput, match="is silent"):
        cut_hit(np.zeros(100), RATE_HZ, "x.wav")


def test_mixing_and_blending_go_from_one_sound_to_the_other() -> None:
    first, second = HeardSound(np.ones(5), "a"), HeardSound(2 * np.ones(8), "b")
    assert np.array_equal(mix_hits(first, second, 0.0).samples[:5], first.samples)
    assert np.array_equal(mix_hits(first, second, 1.0).samples, second.samples)
    a, b = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.6, 0.8]])
    assert torch.allclose(blend_points(a, b, 0.0), a, atol=1e-6) and torch.allclose(
        blend_points(a, b, 1.0), b, atol=1e-6
    )
    middle = blend_points(a, b, 0.5)
    assert float(middle.norm()) == pytest.approx(1.0, abs=1e-6)
    assert float((middle * a).sum()) == pytest.approx(float((middle * b).sum()), abs=1e-6)
    assert torch.equal(blend_points(a, a, 0.3), a)


def test_sampling_with_the_ideal_denoiser_of_one_picture_gives_that_picture() -> None:
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1

    class Ideal(torch.nn.Module):
        def forward(self, noisy: torch.Tensor, angle: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
            return picture.expand_as(noisy)

    drawn = sample_pictures(Ideal(), torch.zeros(2, 8), torch.randn(2, 3, SIDE, SIDE), 2.0, 6)  # type: ignore[arg-type]
    assert torch.allclose(drawn, picture.expand_as(drawn), atol=1e-4)
    noise = torch.randn(1, 3, SIDE, SIDE)
    assert torch.allclose(add_noise(picture, noise, torch.tensor([0.0])), picture)
    assert torch.allclose(add_noise(picture, noise, torch.tensor([math.pi / 2])), noise, atol=1e-6)


def test_pictures_are_the_same_for_a_seed_and_more_of_them_keep_the_first() -> None:
    torch.manual_seed(0)
    network = SceneNetwork(SMALL).eval()
    torch.nn.init.normal_(network.denoiser.leave.weight, std=0.3)
    point = torch.nn.functional.normalize(torch.randn(1, 8), dim=1)
    shares: list[float] = []
    two = draw_pictures(network, point, PictureOptions(2, 5), shares.append)
    assert two.shape == (2, SIDE, SIDE, 3) and shares == sorted(shares) and shares[-1] == 1.0
    for index, seed in enumerate((5, 6)):
        alone = draw_pictures(network, point, PictureOptions(1, seed))[0]
        assert np.abs(two[index].astype(int) - alone).mean() < 0.1  # sums in another order
    assert np.abs(two[0].astype(int) - two[1]).mean() > 5

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_pictures(network, point, PictureOptions(1), stop)


def test_a_sheet_holds_its_pictures_in_rows() -> None:
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((5, 2, 3, 3), np.uint8)
    sheet = arrange_sheet(pictures)
    assert sheet.shape == (4, 12, 3)
    assert sheet[0, ::3, 0].tolist() == [0, 1, 2, 3] and sheet[3, ::3, 0].tolist() == [4, 0, 0, 0]
    assert arrange_sheet(pictures[:1]).shape == (2, 3, 3)


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    network = SceneNetwork(SMALL).eval()
    save_scene_network(tmp_path, network, {})
    sounds = torch.rand(3, BANDS, FRAMES) * -60
    again = load_scene_network(tmp_path)
    assert torch.allclose(again.sounds(sounds), network.sounds(sounds), atol=0.05)
    with pytest.raises(BadInput, match="train scene"):
        load_scene_network(tmp_path / "none")
