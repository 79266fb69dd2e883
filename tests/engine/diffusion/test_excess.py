"""A sampled sound keeps near the power that is expected."""

from __future__ import annotations

import numpy as np
import torch

from engine.diffusion.excess import limit_excess
from engine.diffusion.spectrogram import BINS, HOP, N_FFT, draw_white

FRAMES = 64


def draw(seed: int, count: int = 2) -> torch.Tensor:
    """Noise as expected, complex [count, BINS, FRAMES]."""
    return draw_white(count, FRAMES, torch.Generator().manual_seed(seed))


def falling(per_s: float) -> torch.Tensor:
    """An expected magnitude that decays, [2, BINS, FRAMES]."""
    return torch.exp(-per_s * torch.arange(FRAMES) * HOP / 48_000).expand(2, BINS, FRAMES)


def level_db(values: torch.Tensor) -> np.ndarray:
    """Level by frame, [B, FRAMES]."""
    return 10.0 * np.log10(torch.square(values.abs()).mean(dim=1).numpy())


def test_noise_as_expected_stays_nearly_as_it_is() -> None:
    for seed in range(4):
        noise = draw(seed)
        kept = limit_excess(noise, falling(30.0))
        assert np.abs(level_db(kept) - level_db(noise)).max() < 0.6
        assert (kept.abs() <= noise.abs() * 1.000001).all()


def test_a_sound_that_lasts_longer_than_expected_is_shortened() -> None:
    expected = falling(40.0)
    lasting = draw(1) * falling(20.0) / expected  # in units of the expected magnitude
    kept = limit_excess(lasting, expected)
    over_db = level_db(lasting)[:, 4:40]
    left_db = level_db(kept)[:, 4:40]
    assert over_db[:, -1].min() > 20.0
    # a quarter of what exceeds 3 dB stays
    assert np.abs(left_db - np.where(over_db > 3.0, 3.0 + 0.25 * (over_db - 3.0), over_db)).max() < 1.5


def test_what_lies_under_the_expectation_is_not_raised() -> None:
    quiet = 0.1 * draw(2)
    assert torch.equal(limit_excess(quiet, falling(30.0)), quiet)


def test_one_band_does_not_move_another() -> None:
    loud = draw(3)
    high = torch.arange(BINS) * (48_000 / N_FFT) > 10_000.0
    loud[:, high] *= 10.0
    kept = limit_excess(loud, falling(30.0))
    low = torch.arange(BINS) * (48_000 / N_FFT) < 6_000.0
    assert np.abs(level_db(kept[:, low]) - level_db(loud[:, low])).max() < 0.6
    assert (level_db(loud[:, high]) - level_db(kept[:, high])).mean() > 10.0


def test_each_hit_is_limited_by_itself() -> None:
    batch, expected = 3.0 * draw(4, 3), falling(30.0)[:1].expand(3, BINS, FRAMES)
    alone = torch.cat([limit_excess(batch[k : k + 1], expected[k : k + 1]) for k in range(3)])
    assert torch.allclose(alone, limit_excess(batch, expected), atol=1e-6)
