"""Place of a hit's samples in a track: sample-exact start, delay by a share of a sample, fade at the track's end."""

from __future__ import annotations

import math

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Hit

DELAY_TAPS = 32
FADE_SAMPLES = 96
"""Fade-out of a hit that the clip's end cuts short: 2 ms."""


def _split_time(hit: Hit, lead: int) -> tuple[int, float]:
    """The sample before the start of a hit's sound, and the fraction from there to it, 0 where that is inaudible."""
    first = math.floor(hit.time_s * SAMPLE_RATE_HZ)
    fraction = hit.time_s * SAMPLE_RATE_HZ - first
    if fraction > 1.0 - 1e-4:
        return first - lead + 1, 0.0
    return first - lead, fraction if fraction > 1e-4 else 0.0


def first_sample(hit: Hit, lead: int = 0) -> int:
    """The first sample of a track that a hit may change; its sound begins ``lead`` samples before it."""
    first, fraction = _split_time(hit, lead)
    return max(0, first - (DELAY_TAPS // 2 - 1) if fraction else first)


def place_hit(hit: Hit, samples: np.ndarray, length: int, lead: int = 0) -> np.ndarray:
    """A hit's samples from ``first_sample`` on, delayed by a share of a sample and cut at a track's ends.

    A part before the hit that the track's start cuts is faded in, until the hit itself begins at the latest.
    """
    first, fraction = _split_time(hit, lead)
    own = first + lead  # where in the track the hit itself begins
    samples = samples[: max(0, length - first) + DELAY_TAPS]
    if fraction and len(samples):
        samples = _delay(samples, fraction)
        first -= DELAY_TAPS // 2 - 1
    if first < 0:
        cut, samples, first = -first, samples[-first:], 0
        if cut > DELAY_TAPS:
            samples = samples * _fade_out(len(samples), own)[::-1]
    room = max(0, length - first)
    if len(samples) > room:
        samples = samples[:room] * _fade_out(room)
    return samples


def _delay(samples: np.ndarray, fraction: float) -> np.ndarray:
    """Convolution with ``delay_kernel`` as matrix products, four times as fast as np.convolve."""
    taps = DELAY_TAPS
    kernel = delay_kernel(fraction)
    length = len(samples) + taps - 1
    rows = np.zeros((-(-length // taps) + 1, taps), np.float32)  # the first row stays silent
    rows.reshape(-1)[taps : taps + len(samples)] = samples
    lag = taps + np.arange(taps)[None, :] - np.arange(2 * taps)[:, None]
    weights = np.where((lag >= 0) & (lag < taps), kernel[np.clip(lag, 0, taps - 1)], np.float32(0.0))
    return (rows[:-1] @ weights[:taps] + rows[1:] @ weights[taps:]).reshape(-1)[:length]


def delay_kernel(fraction: float) -> np.ndarray:
    """Windowed sinc [DELAY_TAPS] that delays by DELAY_TAPS / 2 - 1 + fraction samples (Kaiser, 80 dB)."""
    offset = np.arange(DELAY_TAPS) - (DELAY_TAPS // 2 - 1) - fraction
    window = np.i0(8.0 * np.sqrt(np.clip(1.0 - (offset / (DELAY_TAPS / 2)) ** 2, 0.0, None))) / np.i0(8.0)
    kernel = np.sinc(offset) * window
    return (kernel / kernel.sum()).astype(np.float32)


def _fade_out(length: int, most: int = FADE_SAMPLES) -> np.ndarray:
    """Gains [length] that end in a short raised-cosine fade, of ``most`` samples and half of the length at most."""
    fade = min(FADE_SAMPLES, most, length // 2)
    gains = np.ones(length, np.float32)
    if fade:
        gains[length - fade :] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 1) / fade)
    return gains
