"""Onsets from motion, by known answers: rendered objects whose contacts are known, and motion without a hit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from engine.onsets.motion import detect_motion_onsets, iter_motion_tracks
from engine.onsets.track import OnsetTrack, pick

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
    """The wide ground from column x on."""
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
def test_a_stick_that_stops_is_found_within_a_third_of_a_frame(rate_hz: int) -> None:
    # faster clips are analysed at every other frame
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
def test_a_ball_that_bounces_is_found(rate_hz: int) -> None:
    found = times_of(see(bounce_ball, rate_hz, 1.35))
    assert len(found) == 2
    assert np.abs(np.subtract(found, (BALL_HIT_S, BALL_SECOND_S))).max() < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", NO_HITS)
def test_motion_and_changes_without_a_contact_are_no_hit(name: str) -> None:
    assert times_of(see(NO_HITS[name], 30, 2.4)) == []


@pytest.mark.slow
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


def test_portrait_and_tiny_pictures_have_a_curve() -> None:
    for shape in ((180, 101), (90, 160), (12, 16)):
        frames = [(k / 25, np.random.default_rng(k).integers(0, 255, shape).astype(np.uint8)) for k in range(8)]
        assert detect_motion_onsets(frames, Fraction(25), 0.32).curve.values.size == 32
