"""Keep a sampled sound near the power that its physics expects, band by band and frame by frame."""

from __future__ import annotations

import functools

import numpy as np
import torch

from engine.core.dsp import erb_edges
from engine.core.units import SAMPLE_RATE_HZ
from engine.diffusion.spectrogram import BINS, N_FFT

_BANDS, _LOWEST_HZ = 24, 40.0
_FRAMES = 3
"""Power is averaged over so many frames, 16 ms, in which noise of this bandwidth keeps near its mean."""
_FREE_DB = 3.0
_KEPT = 0.25
"""Share of the excess over ``_FREE_DB`` that stays, in decibels."""


def limit_excess(values: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """Sampled bins, complex [B, BINS, T] in units of the ``expected`` magnitude [B, BINS, T], lowered where they exceed
    it.

    What the network learnt from recordings hardly ever decays as fast as a damped object may, and it fills up what
    follows the strike, so that damping would not be heard. In each of 24 bands, of the excess over 3 dB of a
    power averaged over three frames a quarter is kept. What stays under the expectation is not raised.
    """
    bands = torch.from_numpy(_band_weights()).to(values.device)
    power = torch.square(expected)
    found, given = (_average(bands @ part) for part in (torch.square(values.abs()) * power, power))
    excess_db = 10.0 * torch.log10(found.clamp_min(1e-30) / given.clamp_min(1e-30)) - _FREE_DB
    gain_db = (_KEPT - 1.0) * excess_db.clamp_min(0.0)
    return values * torch.pow(10.0, (bands.T @ gain_db) / 20.0)


def _average(power: torch.Tensor) -> torch.Tensor:
    """Power of bands [B, bands, T], averaged over ``_FRAMES`` frames about each."""
    return torch.nn.functional.avg_pool1d(power, _FRAMES, 1, _FRAMES // 2, count_include_pad=False)


@functools.lru_cache(maxsize=1)
def _band_weights() -> np.ndarray:
    """Share of each band in each bin, linear between the middles of the bands over the logarithm of the frequency and
    summing to 1, float32 [bands, BINS]."""
    edges = erb_edges(_LOWEST_HZ, SAMPLE_RATE_HZ / 2.0, _BANDS)
    middles = np.log(np.sqrt(edges[:-1] * edges[1:]))
    bins = np.log(np.maximum(np.arange(BINS) * (SAMPLE_RATE_HZ / N_FFT), _LOWEST_HZ / 2.0))
    return np.stack([np.interp(bins, middles, one) for one in np.eye(_BANDS)]).astype(np.float32)
