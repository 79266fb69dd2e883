"""The mono mix keeps what is in any channel, by signals whose mix is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.media.mixdown import choose_weights
from tests.clips import SOUND_RATE_HZ, make_clicks

TIMES_S = (0.2, 0.7, 1.3)


def _mix(*channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    samples = np.stack(channels, axis=1).astype(np.float32)
    pieces = np.array_split(samples, 17)  # of a length that is no multiple of the blocks'
    weights = choose_weights(pieces, SOUND_RATE_HZ)
    return weights, samples @ weights


def _noise(seed: int, level: float = 0.1) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(2 * SOUND_RATE_HZ)


def test_equal_and_independent_channels_are_averaged() -> None:
    clicks = make_clicks(TIMES_S, 2.0)
    alike = [clicks + _noise(1), 0.8 * clicks + _noise(2)]
    for channels in ([clicks] * 2, [clicks] * 6, [_noise(1), _noise(2)], alike):
        weights, _ = _mix(*channels)
        assert weights == pytest.approx(np.full(len(channels), 1 / len(channels)), abs=0.06)
    assert np.array_equal(_mix(clicks, clicks)[1], clicks)


@pytest.mark.slow
@pytest.mark.parametrize("floor", [0.0, 1e-5])
@pytest.mark.parametrize(("count", "at"), [(2, 0), (2, 1), (6, 2), (8, 7)])
def test_a_sound_in_one_channel_keeps_its_level(count: int, at: int, floor: float) -> None:
    channels = [_noise(k, floor) for k in range(count)]
    channels[at] = make_clicks(TIMES_S, 2.0)
    assert _mix(*channels)[1] == pytest.approx(channels[at], abs=1e-3)


def _invert_later(clicks: np.ndarray) -> np.ndarray:
    return np.concatenate((clicks[:SOUND_RATE_HZ], -clicks[SOUND_RATE_HZ:]))


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("other", [lambda x: -x, lambda x: -0.5 * x, _invert_later])
def test_inverted_channels_do_not_cancel(other: object, noise: float) -> None:
    clicks = make_clicks(TIMES_S, 2.0)
    _, mix = _mix(clicks + _noise(3, noise), other(clicks) + _noise(4, noise))
    for time_s in TIMES_S:
        start = round(time_s * SOUND_RATE_HZ)
        lost_db = 20 * np.log10(np.abs(clicks[start:][:400]).max() / np.abs(mix[start:][:400]).max())
        assert lost_db < 3.0


def test_inverted_hits_under_a_loud_hum_are_kept() -> None:
    clicks = make_clicks(TIMES_S, 2.0)
    hum = 0.4 * np.sin(2 * np.pi * 110 * np.arange(len(clicks)) / SOUND_RATE_HZ)
    _, mix = _mix(hum + clicks, hum - clicks)
    start = round(TIMES_S[0] * SOUND_RATE_HZ)
    kept = np.abs(mix - hum)[start:][:400].max() / np.abs(clicks[start:][:400]).max()
    assert kept > 0.5


@pytest.mark.parametrize("delay", [7, 16, 40, 480, 960])
def test_delayed_copies_do_not_cancel_and_keep_the_first_time(delay: int) -> None:
    """1500 Hz is inverted by 16 samples of delay at 48 kHz, so a sum would hold next to nothing of it."""
    clicks = make_clicks(TIMES_S, 2.0)
    late = np.concatenate((np.zeros(delay, np.float32), clicks[:-delay]))
    for pair in ((clicks, late), (late, clicks)):
        _, mix = _mix(*pair)
        start = round(TIMES_S[0] * SOUND_RATE_HZ)
        lost_db = 20 * np.log10(np.abs(clicks[start:][:960]).max() / np.abs(mix[start:][:960]).max())
        assert lost_db < 6.1 and np.argmax(np.abs(mix) > 0.1) < start + 60


def test_silence_and_nothing_have_a_mix() -> None:
    assert np.array_equal(_mix(np.zeros(5000), np.zeros(5000))[0], [0.5, 0.5])
    assert np.array_equal(choose_weights([], SOUND_RATE_HZ), [1.0])


def _make_opposed_and_single(layout: str) -> tuple[tuple[np.ndarray, ...], tuple[float, ...]]:
    """Channels by name: a, A (inverted) and d (delayed by half a period) hold three hits, b to d others; the times."""
    own = make_clicks(TIMES_S, 2.0)
    other = make_clicks((0.45, 1.0), 2.0)
    late = np.concatenate((np.zeros(16, np.float32), own[:-16]))
    known = {"a": own, "A": -own, "d": late, "b": other, "B": -other, "s": 0.3 * other, "0": np.zeros_like(own)}
    return tuple(sum(known[name] for name in channel) for channel in layout.split()), (*TIMES_S, 0.45, 1.0)


@pytest.mark.parametrize("hum", ["none", "all", "first"])
@pytest.mark.parametrize(
    "layout",
    ["a A b", "b a A", "a A s", "ab A", "a A b B", "a b B A", "a d b", "ab Ab", "a A b 0 0 0", "a A a A a A a s"],
)
def test_no_hit_is_lost_for_another_that_is_inverted_or_delayed(layout: str, hum: str) -> None:
    channels, times_s = _make_opposed_and_single(layout)
    tone = 0.3 * np.sin(2 * np.pi * 50 * np.arange(2 * SOUND_RATE_HZ) / SOUND_RATE_HZ)
    counts = {"none": 0, "all": len(channels), "first": 1}[hum]
    weights, _ = _mix(*(channel + tone * (k < counts) + _noise(k, 3e-4) for k, channel in enumerate(channels)))
    mix = np.stack(channels, axis=1) @ weights
    for time_s in times_s:
        start = round(time_s * SOUND_RATE_HZ)
        most = max(np.abs(channel[start:][:400]).max() for channel in channels)
        assert 20 * np.log10(most / np.abs(mix[start:][:400]).max()) < 12.1
