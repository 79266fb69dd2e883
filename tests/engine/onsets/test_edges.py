"""Hits at the edges: at the start of a clip, and where its sound has ended or not begun."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from engine.core.paths import ASSETS
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.onsets.audio import detect_audio_onsets
from engine.onsets.frames import choose_rows
from engine.onsets.fusion import fuse
from engine.onsets.track import Onset, OnsetCurve, OnsetTrack, pick
from engine.onsets.watch import detect_with_network, load_onset_network
from engine.pipeline.detect_onsets import ONSET_NETWORK

RATE = 48_000


def _strike(times_s: list[float], duration_s: float = 3.0, floor_db: float = -75.0, t60_s: float = 0.5) -> np.ndarray:
    """Three decaying modes and a contact burst of some milliseconds at each time, over noise."""
    rng = np.random.default_rng(1)
    sound = 10.0 ** (floor_db / 20.0) * rng.standard_normal(round(duration_s * RATE))
    for time_s in times_s:
        start = round(time_s * RATE)
        t = np.arange(len(sound) - start) / RATE
        modes = sum(0.8**k * np.sin(2 * np.pi * f * t + k) for k, f in enumerate((820.0, 1730.0, 2950.0)))
        hit = modes * np.exp(-6.9 / t60_s * t) + rng.standard_normal(len(t)) * np.exp(-400 * t)
        sound[start:] += 0.2 * hit
    return sound


def _detect(sound: np.ndarray) -> list[float]:
    return [onset.time_s for onset in pick(detect_audio_onsets(sound, RATE))]


@pytest.mark.parametrize("first_s", [0.0, 0.0004, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04])
@pytest.mark.parametrize("t60_s", [0.2, 0.5, 2.0])
def test_a_hit_at_the_start_is_found(first_s: float, t60_s: float) -> None:
    found = _detect(_strike([first_s, 1.2, 2.0], t60_s=t60_s))
    assert found == pytest.approx([first_s, 1.2, 2.0], abs=0.003)


@pytest.mark.parametrize("quieter_db", [6.0, 12.0, 20.0])
def test_a_soft_first_hit_is_found_by_its_contact(quieter_db: float) -> None:
    sound = _strike([0.0]) * 10.0 ** (-quieter_db / 20.0) + _strike([1.2, 2.0])
    assert _detect(sound) == pytest.approx([0.0, 1.2, 2.0], abs=0.003)


@pytest.mark.parametrize("cut_s", [0.15, 0.2, 0.3])
def test_the_ring_of_a_hit_before_the_start_is_none(cut_s: float) -> None:
    sound = _strike([0.5, 1.2, 2.0])[round((0.5 + cut_s) * RATE) :]
    assert _detect(sound) == pytest.approx([0.7 - cut_s, 1.5 - cut_s], abs=0.003)


def test_sustained_sound_at_the_start_is_no_hit() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(2 * RATE) / RATE
    hum = 0.2 * np.sin(2 * np.pi * 50 * t + 1.0)
    noise = 0.1 * rng.standard_normal(len(t))
    chord = sum(0.1 * np.sin(2 * np.pi * f * t + k) for k, f in enumerate((220.0, 277.2, 329.6)))
    for sound in (hum, noise, chord, hum + noise):
        assert _detect(sound) == []
        assert _detect(sound + _strike([1.0], 2.0)) in ([], pytest.approx([1.0], abs=0.003))


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
@pytest.mark.parametrize("silence_s", [0.0, 0.01, 0.5])
def test_hum_that_begins_anywhere_in_its_period_is_no_hit(mains_hz: float, silence_s: float) -> None:
    """Alone, with overtones, and with a hit later; where it begins out of silence it begins with a click."""
    t = np.arange(2 * RATE) / RATE
    for phase in np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False):
        hum = 0.3 * np.sin(2 * np.pi * mains_hz * t + phase)
        rich = hum + 0.1 * np.sin(4 * np.pi * mains_hz * t + 2 * phase) + 0.05 * np.sin(6 * np.pi * mains_hz * t)
        silence = np.zeros(round(silence_s * RATE))
        for sound in (hum, rich):
            assert _detect(np.concatenate((silence, sound))) == []
        assert _detect(np.concatenate((silence, rich)) + _strike([1.0], 2.0 + silence_s)) == pytest.approx(
            [1.0], abs=0.003
        )


@pytest.mark.parametrize("first_s", [0.0, 0.02])
@pytest.mark.parametrize("t60_s", [0.02, 0.1])
def test_a_short_tap_in_hum_is_a_hit(first_s: float, t60_s: float) -> None:
    hum = 0.01 * np.sin(2 * np.pi * 50 * np.arange(2 * RATE) / RATE + 0.3)
    assert _detect(hum + _strike([first_s, 1.0], 2.0, t60_s=t60_s)) == pytest.approx([first_s, 1.0], abs=0.003)


def _track(*onsets: tuple[float, float]) -> OnsetTrack:
    return OnsetTrack(OnsetCurve(100.0, np.zeros(400, np.float32)), tuple(Onset(t, s) for t, s in onsets))


def test_what_is_seen_counts_in_full_where_there_is_no_sound() -> None:
    video = _track((0.3, 0.6), (1.0, 0.6), (2.0, 0.6), (3.0, 0.6))
    audio = _track((1.0, 0.7))
    assert [onset.time_s for onset in pick(fuse(video, audio))] == [1.0]
    spans = ((0.5, 1.5), (2.5, 4.0))  # it starts late, and has a gap
    fused = fuse(video, audio, spans)
    assert [onset.time_s for onset in pick(fused)] == [0.3, 1.0, 2.0]
    assert fused.curve.values[[30, 200]] == pytest.approx([0.6, 0.6]) and fused.curve.values[300] < 0.5


@pytest.mark.slow
def test_a_clear_hit_at_the_first_frame_is_seen_and_a_start_in_motion_is_none() -> None:
    """The silent demo clip cut at known contacts, of which some are clear, and 0.1 to 0.2 s after them."""
    clip = ASSETS / "demo_silent.mp4"
    project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
    hits_s = [hit["time_s"] for hit in project["hits"]]
    info = probe(clip)
    frames = list(iter_frames(clip, choose_rows(info.width, info.height)))
    network, threshold = load_onset_network(ONSET_NETWORK)

    def starts_with_hit(start_s: float, end_s: float = np.inf) -> bool:
        cut = [(time_s - start_s, frame) for time_s, frame in frames if start_s - 0.001 <= time_s < end_s]
        cut = [(time_s - cut[0][0], frame) for time_s, frame in cut[:80]]
        track = detect_with_network(network, threshold, cut, info.frame_rate, cut[-1][0])
        return any(onset.time_s < 0.05 for onset in pick(track))

    assert sum(map(starts_with_hit, hits_s[:9])) >= 2
    assert not any(starts_with_hit(hit_s + later_s) for hit_s in hits_s[:2] for later_s in (0.12, 0.2))
    alone = [starts_with_hit(hit_s, next_s - 0.15) for hit_s, next_s in pairwise(hits_s[:3])]
    assert not any(alone)  # without a later hit to compare with they cannot be told from other starts
