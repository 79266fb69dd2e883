"""Where a sampled hit begins and ends, by what a struck object does: silence before, no seam, no drift, no click."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve
from scipy.signal.windows import blackmanharris

from engine.core.paths import CHECKPOINTS
from engine.diffusion.sampler import Sampler, load_sampler
from engine.diffusion.spectrogram import FRAME_COUNTS, HOP, N_FFT, ONSET_SAMPLE
from engine.diffusion.tail import EDGE_SAMPLES, extend_tail
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize
from tests.sounds import RATE, make_modes

CPU = torch.device("cpu")
WINDOW_END = FRAME_COUNTS[-1] * HOP - ONSET_SAMPLE - N_FFT // 2 - EDGE_SAMPLES
SEAM = slice(WINDOW_END - 4096, WINDOW_END)
LN_60_DB = 6.9078

BASS = make_modes([40.0], [-10.0], [LN_60_DB / 8.0], [0.4])
TONE = make_modes([440.0], [-10.0], [LN_60_DB / 5.0], [-1.0])
BELL = make_modes(
    [523.0, 1190.0, 2310.0, 3890.0, 5210.0],
    [-12.0, -15.0, -18.0, -21.0, -24.0],
    [LN_60_DB / t for t in (8.0, 6.0, 5.0, 4.0, 3.0)],
    [0.3, -2.0, 1.1, 2.7, -0.6],
)
ROOM = NoiseComponent((-62.0,) * 3, (5.0,) * 3)
NOISE = Residual((100.0, 800.0, 4000.0, 20_000.0), (-40.0, -36.0, -42.0), (40.0, 60.0, 90.0), ROOM)
CASES = {"bass": (BASS, Residual()), "tone": (TONE, Residual()), "bell": (BELL, Residual()), "room": (BELL, NOISE)}


@pytest.fixture(scope="module", params=["trained", "untrained"])
def sampler(request: pytest.FixtureRequest) -> Sampler:
    if request.param == "trained":
        return load_sampler(CHECKPOINTS, "sampler", CPU)
    return Sampler(VelocityNetwork(NetworkConfig(channels=(8, 16), blocks=1, embedding=32)), "", CPU)


@pytest.fixture(scope="module")
def sounds(sampler: Sampler) -> dict[str, np.ndarray]:
    """A hit of each case, in double precision."""
    made = sampler.sample(list(CASES.values()), [1, 2, 3, 4], steps=2)
    return {name: sound.astype(np.float64) for name, sound in zip(CASES, made, strict=True)}


def envelope(sound: np.ndarray, frequency_hz: float, width: int = 4096) -> np.ndarray:
    """Complex amplitude of a mode over time, [N], smoothed by a Hann window."""
    window = np.hanning(width)
    turn = np.exp(-2j * np.pi * frequency_hz * np.arange(len(sound)) / RATE)
    return np.asarray(2.0 * fftconvolve(sound * turn, window / window.sum(), "same"))


def to_db(value: float) -> float:
    return float(20.0 * np.log10(abs(value) + 1e-15))


def level_db(sound: np.ndarray) -> float:
    return to_db(float(np.sqrt(np.mean(np.square(sound)))))


@pytest.mark.parametrize("name", list(CASES))
def test_the_level_goes_on_over_the_seam(sounds: dict[str, np.ndarray], name: str) -> None:
    """Level minus what the physics falls by is the same before the tail takes over, meanwhile, and after."""
    modes, residual = CASES[name]
    sound = sounds[name]
    assert len(sound) > 2.9 * RATE
    truth = synthesize(Physics(modes, residual), len(sound) / RATE, seed=9).astype(np.float64)
    length = 9600  # eight periods of the lowest
    pieces = (slice(SEAM.start - length, SEAM.start), SEAM, slice(SEAM.stop, SEAM.stop + length))
    gain = [level_db(sound[piece]) - level_db(truth[piece]) for piece in pieces]
    assert max(gain) - min(gain) < 1.0, gain


@pytest.mark.parametrize("name", ["tone", "bell"])
def test_modes_ring_through_the_seam_at_their_own_pace(sounds: dict[str, np.ndarray], name: str) -> None:
    """Every mode within 10 dB of the strongest: frequency within 5 cents, decay within 10 %, over the seam."""
    modes, sound = CASES[name][0], sounds[name]
    stretch = slice(SEAM.start - 24_000, SEAM.stop + 48_000)
    time_s = np.arange(len(sound))[stretch] / RATE
    for f, power_db, decay in zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, strict=True):
        if power_db < max(modes.power_db) - 10.0:
            continue
        around = envelope(sound, f)[stretch]
        fall, _ = np.polyfit(time_s, np.log(np.abs(around)), 1)
        turn, _ = np.polyfit(time_s, np.unwrap(np.angle(around)), 1)
        assert fall == pytest.approx(-decay, rel=0.1), f
        assert abs(1200.0 * np.log2(1.0 + turn / (2.0 * np.pi * f))) < 5.0, f
        jumps = np.abs(np.diff(np.unwrap(np.angle(around))[:: RATE // 100]))
        assert jumps.max() < 0.5, f


@pytest.mark.parametrize("name", list(CASES))
def test_there_is_no_click_at_the_seam(sounds: dict[str, np.ndarray], name: str) -> None:
    """What is left of fast changes is no larger there than a little before."""
    rough = np.abs(np.diff(sounds[name], 3))
    before = rough[SEAM.start - 8192 : SEAM.start].max()
    assert rough[SEAM].max() < 1.5 * before + 1e-7
    for edge in (SEAM.start, SEAM.stop):
        assert rough[edge - 8 : edge + 8].max() < 1.5 * before + 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("rise_s", [0.0, 0.004])
def test_nothing_comes_before_the_blow_nor_too_soon(sampler: Sampler, rise_s: float) -> None:
    """Sample 0 is the onset. The first half millisecond is no louder than the physics is within its first five."""
    short = replace(BELL, decay_per_s=(70.0,) * 5)
    residual = replace(NOISE, rise_s=rise_s, room=None)
    seeds = [1, 2, 3]
    made = sampler.sample([(short, residual)] * 3, seeds, steps=2)
    for sound, seed in zip(made, seeds, strict=True):
        truth = synthesize(Physics(short, residual), seed=seed)
        reach = round((rise_s + 0.005) * RATE)
        assert np.abs(sound[:24]).max() < 1.5 * np.abs(truth[:reach]).max()
        if rise_s:  # it comes in: less at first than it comes to
            early, later = (np.sqrt(np.mean(np.square(sound[a:b]))) for a, b in ((0, 24), (reach, 2 * reach)))
            assert early < 0.7 * later


@pytest.mark.parametrize("name", list(CASES))
def test_there_is_no_drift(sounds: dict[str, np.ndarray], name: str) -> None:
    """Under 10 Hz lies 30 dB less than there is in all, where no mode and no band of the noise is.

    Seen through 0.4 s whose window keeps a mode of 40 Hz out by over 90 dB: a plain mean would be that mode's own.
    """
    sound = sounds[name][2400:]
    window = blackmanharris(round(0.4 * RATE))
    for start in (0, RATE // 2, 2 * RATE):
        piece = sound[start : start + window.size]
        drift = to_db(float(piece @ window / window.sum()))
        loud = 10.0 * np.log10(float(np.square(piece) @ window / window.sum()) + 1e-30)
        assert drift < loud - 60.0, (start, drift - loud)


@pytest.mark.parametrize("name", list(CASES))
def test_the_end_fades_to_nothing(sounds: dict[str, np.ndarray], name: str) -> None:
    sound = sounds[name]
    peak = float(np.abs(sound).max())
    assert abs(sound[-1]) < 1e-6 * peak and np.abs(sound[-16:]).max() < 1e-4 * peak
    assert np.abs(sound[-2400:]).max() < 10.0 ** (-50.0 / 20.0) * peak
    rough = np.abs(np.diff(sound, 2))
    assert rough[-256:].max() <= 1.2 * rough[-4096:-1024].max() + 1e-9


def test_a_short_hit_ends_without_a_step(sampler: Sampler) -> None:
    short = Modes((700.0, 1900.0), (-10.0, -16.0), (60.0, 90.0), (0.1, 1.0), (False, False))
    sound = sampler.sample([(short, replace(NOISE, room=None))], [5], steps=2)[0]
    assert abs(float(sound[-1])) < 1e-7 and np.abs(sound[-1024:]).max() < 10.0 ** (-50.0 / 20.0) * np.abs(sound).max()


def test_a_wave_of_nan_becomes_finite() -> None:
    assert np.isfinite(extend_tail(np.full(4096, np.nan, np.float32), TONE, Residual(), seed=0)).all()


def test_what_the_longest_time_cuts_fades_over_a_second() -> None:
    """A T60 of 60 s: at 20 s the mode is only 20 dB down."""
    bowl = make_modes([440.0], [-10.0], [LN_60_DB / 60.0], [-1.0])
    window = synthesize(Physics(bowl, Residual()), FRAME_COUNTS[-1] * HOP / RATE)
    sound = extend_tail(window, bowl, Residual(), seed=0).astype(np.float64)
    assert len(sound) == 20 * RATE
    top = np.abs(sound).max()
    before, halfway, last = (
        to_db(np.abs(sound[start : start + 480]).max() / top)
        for start in (len(sound) - round(1.1 * RATE), len(sound) - RATE // 2, len(sound) - 960)
    )
    assert before == pytest.approx(-18.9, abs=0.5)
    assert halfway == pytest.approx(-19.5 - 6.0, abs=0.5)
    assert last < -70.0
