"""The limiter: the true peak stays under the ceiling, what needs no limiting stays, channels and stems are linked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from engine.core.units import SAMPLE_RATE_HZ
from engine.pipeline.delivery import make_stems
from engine.pipeline.limiter import LOOK_AHEAD_SAMPLES, RELEASE_DB_PER_S, Limited, LimiterGain
from engine.pipeline.master import master_track
from engine.pipeline.track import Track, place_hits
from tests.delivered_project import deliver, make_project


def limit(track: np.ndarray) -> np.ndarray:
    return Limited(track, LimiterGain(track))[:]


def true_peak_db(track: np.ndarray) -> float:
    """By another oversampling than the limiter's: polyphase."""
    padded = np.pad(track, ((500, 500), (0, 0)))
    return float(20.0 * np.log10(np.abs(signal.resample_poly(padded, 4, 1, axis=0)).max()))


@pytest.mark.slow
def test_no_true_peak_is_over_the_ceiling() -> None:
    """Bursts of noise, and sines whose samples miss their peaks, up to 12 dB over, across the blocks' borders."""
    rng = np.random.default_rng(3)
    time_s = np.arange(200_000) / SAMPLE_RATE_HZ
    swell = np.clip(1.5 * np.sin(2 * np.pi * 0.8 * time_s), 0.0, None)
    noise = rng.normal(0.0, 1.0, len(time_s)) * (np.sin(2 * np.pi * 3.0 * time_s) > 0.6)
    sine = 4.0 * np.sin(2 * np.pi * 12_000.0 * time_s + np.pi / 4) * swell
    audible = signal.butter(10, 18_000.0, fs=SAMPLE_RATE_HZ, output="sos")
    track = signal.sosfilt(audible, np.stack([noise, sine]), axis=1).T.astype(np.float32)
    limited = limit(track)
    assert true_peak_db(track) > 11.0
    assert true_peak_db(limited) <= -1.0
    assert true_peak_db(limited) > -1.5
    gains = limited[:, 0][np.abs(track[:, 0]) > 1e-3] / track[:, 0][np.abs(track[:, 0]) > 1e-3]
    assert gains.max() <= 1.0 + 1e-6


def test_a_peak_is_met_ahead_and_released_at_its_rate() -> None:
    track = np.full((30_000, 2), 0.1, np.float32)
    track[5000] = (2.0, -0.5)
    limited = limit(track)
    gain_db = 20.0 * np.log10(limited / track)
    assert np.array_equal(limited[: 5000 - LOOK_AHEAD_SAMPLES], track[: 5000 - LOOK_AHEAD_SAMPLES])
    assert np.abs(gain_db[:, 0] - gain_db[:, 1]).max() < 1e-5  # one gain for all channels
    lowest_db = gain_db[5000, 0]
    assert lowest_db == pytest.approx(-1.05 - 20.0 * np.log10(2.0), abs=0.2)
    assert np.all(np.diff(gain_db[5000 - LOOK_AHEAD_SAMPLES : 5000, 0]) < 1e-5)
    tenth_s = SAMPLE_RATE_HZ // 100
    risen_db = gain_db[5000 + 2 * tenth_s, 0] - gain_db[5000 + tenth_s, 0]
    assert risen_db == pytest.approx(RELEASE_DB_PER_S / 100.0, abs=0.01)
    assert np.array_equal(limited[5000 + SAMPLE_RATE_HZ // 8 :], track[5000 + SAMPLE_RATE_HZ // 8 :])


def test_it_is_off_by_default_and_stems_add_up_to_the_limited_track() -> None:
    delivery = deliver(make_project(times=(0.25, 0.26, 0.27, 1.0)))
    plain = place_hits(delivery.project, delivery.rendered)
    assert isinstance(master_track(delivery.project, delivery.rendered), Track)
    project = replace(delivery.project, mix=replace(delivery.project.mix, gain_db=15.0, limit=True))
    delivery = replace(delivery, project=project)
    track = master_track(project, delivery.rendered)
    total = np.sum([stem[:] for stem in make_stems(delivery).values()], axis=0)
    assert np.abs(total - track[:]).max() < 1e-5
    assert np.abs(plain).max() > 0.2 and true_peak_db(track[:]) <= -1.0 < true_peak_db(
        place_hits(project, delivery.rendered)
    )
    assert np.array_equal(np.concatenate([track[:12_345], track[12_345:]]), track[:])
