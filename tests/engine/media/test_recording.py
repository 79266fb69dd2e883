"""The first hit of a long recording, wherever it is, without reading the recording into memory."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from engine.core.errors import BadInput
from engine.media.recording import read_first_hit, read_loudest, read_short
from engine.media.sound import read_recording
from tests.clips import make_clicks

RATE = 8000


def _write(path: Path, duration_s: float, times_s: list[float], channels: int = 1) -> Path:
    sound = make_clicks(times_s, duration_s, RATE)
    sound += 1e-3 * np.random.default_rng(1).standard_normal(len(sound))
    soundfile.write(path, np.stack([sound * (-1) ** k for k in range(channels)], axis=1), RATE)
    return path


def test_a_short_recording_is_whole(tmp_path: Path) -> None:
    path = _write(tmp_path / "short.wav", 50.0, [45.0], 2)
    samples, rate_hz, start_s = read_first_hit(path)
    assert (rate_hz, start_s) == (RATE, 0.0) and np.array_equal(samples, read_recording(path)[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["long.wav", "long.flac", "long.mp3"])
@pytest.mark.parametrize("hit_s", [0.25, 170.0])
def test_the_first_hit_of_a_long_one_is_found(tmp_path: Path, name: str, hit_s: float) -> None:
    path = _write(tmp_path / name, 180.0, [hit_s, 174.0], 2)
    samples, rate_hz, start_s = read_first_hit(path)
    assert samples.shape[1] == 2 and len(samples) <= 21 * rate_hz
    assert start_s + np.argmax(np.abs(samples[:, 0]) > 0.2) / rate_hz == pytest.approx(hit_s, abs=0.06)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    for duration_s in (120.0, 1200.0):
        path = _write(tmp_path / f"{duration_s}.wav", duration_s, [1.0])
        assert max(_measure_peak(read_first_hit, path), _measure_peak(read_loudest, path, 1.0, 3.0)) < 40e6
    with pytest.raises(BadInput, match=r"1200\.0\.wav lasts more than 180 s"):
        read_short(path, 180.0)
    assert _measure_peak(read_short, path, 180.0) < 40e6  # the samples of the longer one take 77 MB


def _measure_peak(read: Callable[..., object], *given: object) -> int:
    tracemalloc.start()
    with contextlib.suppress(BadInput):
        read(*given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_the_loudest_place_is_found_wherever_it_is(tmp_path: Path) -> None:
    sound = 0.5 * make_clicks([0.2, 65.0], 80.0, RATE) + make_clicks([70.0], 80.0, RATE)
    soundfile.write(tmp_path / "in.wav", np.stack([sound, -sound], axis=1), RATE)
    samples, rate_hz = read_loudest(tmp_path / "in.wav", 1.0, 3.0)
    loud = np.flatnonzero(np.abs(samples[:, 0]) > 0.3)
    assert samples.shape[1] == 2 and rate_hz == RATE and loud[0] == pytest.approx(RATE, abs=8)
    assert len(samples) == pytest.approx(4 * RATE, abs=8)


def test_a_header_that_promises_too_much_adds_nothing(tmp_path: Path) -> None:
    """A WAV of MP3 data declares more frames than its decoder gives (by the encoder's delay)."""
    sound = make_clicks([0.3], 1.5, 44_100)
    with av.open(str(tmp_path / "mp3.wav"), "w", format="wav") as output:
        stream = output.add_stream("libmp3lame", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        output.mux([*stream.encode(frame), *stream.encode(None)])
    samples, _, _ = read_first_hit(tmp_path / "mp3.wav")
    assert np.abs(samples).max() == pytest.approx(np.abs(sound).max(), rel=0.1)


def test_values_that_are_no_numbers_are_refused_anywhere(tmp_path: Path) -> None:
    sound = np.zeros(70 * RATE)
    sound[-100] = np.nan
    soundfile.write(tmp_path / "nan.wav", sound, RATE, "FLOAT")
    with pytest.raises(BadInput, match="finite"):
        read_first_hit(tmp_path / "nan.wav")
