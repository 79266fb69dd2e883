"""Hits heard and seen, by known answers: rendered things whose contacts are known, and things that are no hits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.core.paths import ASSETS
from engine.lab.simulator.demo.clips import DEMOS, FRAME_RATE
from engine.onsets.audio import detect_audio_onsets
from engine.onsets.flow import estimate_flow
from engine.onsets.motion import detect_motion_onsets, iter_motion_tracks
from engine.onsets.track import Onset, OnsetCurve, OnsetTrack, fuse, pick, strength_to_velocity_db
from engine.pipeline.detect_onsets import detect_onsets
from engine.pipeline.events import OnsetsFound, last_event
from engine.pipeline.open_clip import open_clip

RATE_HZ = 48_000
HEIGHT, WIDTH = 180, 320
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)

Scene = Callable[[float], np.ndarray]


def make_ground(seed: int, width: int = WIDTH) -> np.ndarray:
    grain = gaussian_filter(np.random.default_rng(seed).standard_normal((HEIGHT, width)), 2.0)
    return (110 + 25 * grain / grain.std()).astype(np.float32)


GROUND = make_ground(0)
WIDE_GROUND = make_ground(3, 900)


def draw_disc(picture: np.ndarray, x: float, y: float, radius: float, level: float = 235.0) -> np.ndarray:
    inside = np.clip(0.5 + radius - np.hypot(COLUMNS - x, ROWS - y), 0, 1)
    return picture * (1 - inside) + level * inside


def draw_stick(
    picture: np.ndarray, x: float, y: float, angle: float, length: float, level: float = 225.0
) -> np.ndarray:
    right, down = np.cos(angle), np.sin(angle)
    along = np.clip((COLUMNS - x) * right + (ROWS - y) * down, 0, length)
    inside = np.clip(3.5 - np.hypot(COLUMNS - x - along * right, ROWS - y - along * down), 0, 1)
    return picture * (1 - inside) + level * inside


def film(scene: Scene, rate_hz: int, duration_s: float, first_s: float = 0.0) -> Iterator[tuple[float, np.ndarray]]:
    """Frames of a scene with a little noise; the scene's clock starts at ``first_s``."""
    noise = np.random.default_rng(1)
    for k in range(round(duration_s * rate_hz)):
        picture = scene(first_s + k / rate_hz) + noise.standard_normal((HEIGHT, WIDTH))
        yield k / rate_hz, np.clip(picture, 0, 255).astype(np.uint8)


def see(scene: Scene, rate_hz: int, duration_s: float, first_s: float = 0.0) -> OnsetTrack:
    return detect_motion_onsets(film(scene, rate_hz, duration_s, first_s), Fraction(rate_hz), duration_s)


def times_of(track: OnsetTrack) -> list[float]:
    return [onset.time_s for onset in pick(track)]


STICK_HIT_S = 0.67


def swing_stick(time_s: float) -> np.ndarray:
    """A stick that speeds up for a quarter of a second and stops dead at STICK_HIT_S."""
    ahead = np.clip((STICK_HIT_S - time_s) / 0.25, 0, 1)
    return draw_stick(GROUND, 40, 40, 0.45 - 0.36 * (1 - (1 - ahead) ** 2), 190)


BALL_HIT_S = 0.387
BALL_SECOND_S = BALL_HIT_S + 2 * 0.85 * BALL_HIT_S


def bounce_ball(time_s: float) -> np.ndarray:
    """A ball that falls from 110 pixels at 1470 pixels a square second and comes back with 0.85 of its speed."""
    speed = 0.85 * 1470 * BALL_HIT_S
    if time_s < BALL_HIT_S:
        height = 110 - 735 * time_s**2
    elif time_s < BALL_SECOND_S:
        since = time_s - BALL_HIT_S
        height = speed * since - 735 * since**2
    else:
        since = time_s - BALL_SECOND_S
        height = max(0.0, 0.85 * speed * since - 735 * since**2)
    return draw_disc(GROUND, 160, 150 - 20 - height, 20)


def swing_pendulum(time_s: float) -> np.ndarray:
    angle = 0.6 * np.sin(2 * np.pi * time_s / 1.1)
    picture = draw_stick(GROUND, 160, 10, np.pi / 2 - angle, 120, 60)
    return draw_disc(picture, 160 + 120 * np.sin(angle), 10 + 120 * np.cos(angle), 16)


def look_right(x: float) -> np.ndarray:
    """The wide ground seen from column x on."""
    first = int(x)
    return WIDE_GROUND[:, first : first + WIDTH] * (1 - x + first) + WIDE_GROUND[:, first + 1 : first + 1 + WIDTH] * (
        x - first
    )


NO_HITS: dict[str, Scene] = {
    "a pendulum": swing_pendulum,
    "a camera that pans": lambda t: look_right(40 + 120 * t),
    "a camera that pans and stops": lambda t: look_right(40 + 200 * min(t, 1.5)),
    "a shaken camera": lambda t: look_right(100 + 6 * np.sin(7 * t) + 3 * np.sin(17 * t)),
    "a ball that passes": lambda t: draw_disc(GROUND, -30 + 180 * t, 90, 22),
    "a ball that passes fast": lambda t: draw_disc(GROUND, -30 + 500 * (t - 0.5), 90, 22),
    "a stick that turns": lambda t: draw_stick(GROUND, 160, 90, 2.5 * t, 70),
    "a lamp switched on": lambda t: GROUND * (0.45 if t < 1.2 else 1.0),
    "a lamp that wavers": lambda t: GROUND * (1 + 0.08 * np.sin(8 * t)),
    "a cut": lambda t: GROUND if t < 1.2 else WIDE_GROUND[:, :WIDTH],
    "a still": lambda t: GROUND,
}


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [25, 30, 60])
def test_a_stick_that_stops_is_seen_within_a_third_of_a_frame(rate_hz: int) -> None:
    # Faster clips are looked at every other frame.
    used_frame_s = 1 / (rate_hz if rate_hz < 50 else rate_hz / 2)
    errors = []
    for first_s in (0.0, 0.013, 0.026):
        found = times_of(see(swing_stick, rate_hz, 1.0, first_s))
        assert len(found) == 1
        errors.append(abs(found[0] + first_s - STICK_HIT_S))
    assert np.mean(errors) < used_frame_s / 3
    assert max(errors) < used_frame_s / 2


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [25, 30, 60])
def test_a_ball_that_bounces_is_seen(rate_hz: int) -> None:
    found = times_of(see(bounce_ball, rate_hz, 1.35))
    assert len(found) == 2
    assert np.abs(np.subtract(found, (BALL_HIT_S, BALL_SECOND_S))).max() < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", NO_HITS)
def test_what_moves_or_changes_without_a_blow_is_no_hit(name: str) -> None:
    assert times_of(see(NO_HITS[name], 30, 2.4)) == []


def test_a_later_start_moves_every_hit_by_as_much() -> None:
    early, late = times_of(see(swing_stick, 30, 1.2)), times_of(see(swing_stick, 30, 1.0, first_s=0.2))
    assert np.allclose(np.subtract(early, late), 0.2, atol=0.002)


@pytest.mark.slow
def test_frames_as_they_come_and_all_at_once_give_the_same_hits() -> None:
    frames = list(film(swing_stick, 60, 1.8))
    steps = iter_motion_tracks(iter(frames), Fraction(60), 1.8, partial=True)
    *partial, streamed = [track for _, track in steps if track is not None]
    whole = detect_motion_onsets(frames, Fraction(60), 1.8)
    assert streamed.candidates == whole.candidates
    assert partial and partial[0].candidates[0].time_s == pytest.approx(whole.candidates[0].time_s, abs=0.02)


def test_too_few_frames_hold_no_hits() -> None:
    for count in range(5):
        frames = [(k / 25, np.full((90, 160), 10 * k, np.uint8)) for k in range(count)]
        assert detect_motion_onsets(frames, Fraction(25), count / 25).candidates == ()


def test_portrait_and_tiny_pictures_are_looked_at() -> None:
    for shape in ((180, 101), (90, 160), (12, 16)):
        frames = [(k / 25, np.random.default_rng(k).integers(0, 255, shape).astype(np.uint8)) for k in range(8)]
        assert detect_motion_onsets(frames, Fraction(25), 0.32).curve.values.size == 32


def test_flow_finds_a_shift() -> None:
    picture = gaussian_filter(np.random.default_rng(2).standard_normal((45, 80)), 1.0).astype(np.float32) * 300
    flow = estimate_flow(picture, np.roll(picture, (-3, 4), axis=(0, 1)))
    inner = (slice(8, -8), slice(8, -8))
    assert np.mean((flow.dx[inner] == 4) & (flow.dy[inner] == -3)) > 0.99
    assert flow.best_cost[inner].mean() < flow.zero_cost[inner].mean() / 5


def make_strikes(times_s: list[float], levels: list[float]) -> np.ndarray:
    sound = 1e-4 * np.random.default_rng(0).standard_normal(2 * RATE_HZ).astype(np.float32)
    t = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    for at, level in zip(times_s, levels, strict=True):
        first = int(at * RATE_HZ)
        sound[first : first + len(t)] += (level * np.cos(2 * np.pi * 900 * t) * np.exp(-20 * t)).astype(np.float32)
    return sound


def test_strikes_are_heard_to_two_milliseconds() -> None:
    times = [0.5, 0.9, 1.6]
    sound = make_strikes(times, [0.5, 0.5, 0.5])
    found = times_of(detect_audio_onsets(sound, RATE_HZ))
    assert np.allclose(found, times, atol=2e-3)
    blocks = (sound[i : i + 7001] for i in range(0, len(sound), 7001))
    assert times_of(detect_audio_onsets(blocks, RATE_HZ)) == found


def test_a_harder_strike_is_stronger_and_faster() -> None:
    found = pick(detect_audio_onsets(make_strikes([0.3, 0.9, 1.5], [0.02, 0.1, 0.5]), RATE_HZ), 0.2)
    strengths = [onset.strength for onset in found]
    assert len(strengths) == 3 and strengths == sorted(strengths)
    velocities = [strength_to_velocity_db(strength) for strength in (0.0, *strengths, 1.0)]
    assert velocities == sorted(velocities) and velocities[-1] == 0.0 and velocities[0] < -12.0


def test_a_steady_tone_is_no_strike_and_silence_holds_nothing() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE_HZ) / RATE_HZ).astype(np.float32)
    assert [t for t in times_of(detect_audio_onsets(tone, RATE_HZ)) if t > 0.05] == []
    assert not detect_audio_onsets(np.zeros(RATE_HZ, np.float32), RATE_HZ).candidates


def make_track(*onsets: tuple[float, float]) -> OnsetTrack:
    return OnsetTrack(OnsetCurve(100.0, np.zeros(300, np.float32)), tuple(Onset(*onset) for onset in onsets))


def test_what_is_seen_and_heard_is_one_hit_at_the_time_it_is_heard() -> None:
    fused = fuse(make_track((0.53, 0.8), (1.5, 0.9)), make_track((0.5, 0.6), (2.0, 0.7)))
    assert [onset.time_s for onset in fused.candidates] == [0.5, 1.5, 2.0]
    heard, seen, alone = (onset.strength for onset in fused.candidates)
    assert heard > 0.6 and seen < 0.9 and alone == 0.7


def test_one_source_alone_is_left_as_it_is() -> None:
    track = make_track((0.5, 0.6))
    assert fuse(track, None) is track and fuse(None, track) is track
    assert fuse(track, make_track()) is track and fuse(None, None).candidates == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", [demo.name for demo in DEMOS])
def test_every_contact_of_the_demo_clips_is_found_and_nothing_else(name: str) -> None:
    truth = json.loads((ASSETS / f"demo_{name}.truth.json").read_text(encoding="utf-8"))["onsets"]
    clip = open_clip(ASSETS / f"demo_{name}.mp4").project.clip
    found = times_of(last_event(detect_onsets(clip), OnsetsFound).track)
    assert len(found) == len(truth)
    assert np.abs(np.subtract(found, [onset["time_s"] for onset in truth])).max() < 1.5 / FRAME_RATE
