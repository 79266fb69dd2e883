"""Plans of training takes, drawn at random from (seed, index): stage, gestures of the strikers, lights, camera."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from engine.lab.simulator.camera import Camera, Shot
from engine.lab.simulator.gestures import SKINS, draw_gestures, draw_hands
from engine.lab.simulator.materials import GROUNDS, Colour
from engine.lab.simulator.motion import Gesture
from engine.lab.simulator.sound import Room
from engine.lab.simulator.stage import Lamp, Mover, Stage, Striker
from engine.lab.simulator.things import (
    draw_falls,
    draw_paint,
    draw_scenery,
    draw_things,
    find_landing,
    list_faces,
    make_colour,
    make_vector,
)

RATES = (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(25), Fraction(30), Fraction(30),
         Fraction(30000, 1001), Fraction(50), Fraction(60))  # fmt: skip
_TREMOR_M = 0.003


@dataclass(frozen=True)
class TakePlan:
    """A take to be simulated and rendered; ``gestures`` has a row a striker; a room is drawn if none is given."""

    duration_s: float
    stage: Stage
    gestures: tuple[tuple[Gesture, ...], ...]
    camera: Camera
    tremor_m: float
    seed: int
    room: Room | None = None


def draw_take(seed: int, index: int, duration_s: float = 0.0) -> TakePlan:
    """The plan of take ``index`` of ``seed``, 5 to 7 s long unless a duration is given; the same every time."""
    rng = np.random.default_rng([seed, index])
    drawn_s = float(rng.uniform(5.0, 7.0))
    duration_s = duration_s or drawn_s
    kind = str(rng.choice(["strikes", "falls", "both", "idle"], p=[0.78, 0.09, 0.08, 0.05]))
    things, ground, table = draw_things(rng, kind)
    faces = list_faces(things, rng)
    strikers: tuple[Striker, ...] = ()
    gestures: tuple[tuple[Gesture, ...], ...] = ()
    if kind != "falls":
        hands = draw_hands(rng, faces, 2 if rng.random() < 0.09 else 1)
        strikers, gestures = tuple(hand.striker for hand in hands), draw_gestures(rng, hands, duration_s, kind)
    if kind in ("falls", "both"):
        things = (*things, *draw_falls(rng, duration_s, 1 if kind == "both" else int(rng.integers(1, 5))))
    scenery = draw_scenery(rng, things)
    lamps, ambient, exposure, night = _draw_light(rng)
    floor = str(rng.choice(GROUNDS))
    stage = Stage(
        ground, draw_paint(rng, ground), float(rng.uniform(0.8, 4.0)), table, float(rng.uniform(0.3, 0.8)),
        floor, draw_paint(rng, floor), draw_paint(rng, str(rng.choice(["drywall", "concrete", "wood"]))),
        float(rng.uniform(0.7, 2.5)), (*things, *scenery), strikers, lamps, ambient,
        make_colour(rng.uniform(0.1, 0.9, 3) * (0.2 if night else 1.0)), 40.0,
    )  # fmt: skip
    focus = [gesture.at_m for row in gestures for gesture in row] or [
        find_landing(thing) for thing in things if thing.held == "loose"
    ]
    camera = _draw_camera(rng, np.array(focus), duration_s, exposure, night, kind)
    litter = int(rng.integers(5, 60)) if rng.random() < (0.8 if ground in ("gravel", "leaf") else 0.35) else 0
    stage = replace(
        stage, litter=litter, movers=(*_draw_letting_go(rng, stage), *_draw_passers(rng, camera.shots[0], duration_s))
    )
    return TakePlan(duration_s, stage, gestures, camera, _TREMOR_M, int(rng.integers(1 << 31)))


def _draw_letting_go(rng: np.random.Generator, stage: Stage) -> list[Mover]:
    """A hand that releases each falling thing where the camera may see it."""
    hands = []
    for thing in stage.things:
        if thing.held == "loose" and 0.15 < thing.at_m[2] < 0.7 and thing.release_s > 0.0:
            way = np.array([rng.uniform(-1, 1), rng.uniform(-0.2, 1.0), rng.uniform(0.1, 1.0)])
            away = np.array(thing.at_m) + 0.7 * way / np.linalg.norm(way)
            radius = float(np.linalg.norm(thing.half_m)) if thing.shape != "sphere" else thing.half_m[0]
            hands.append(
                Mover("hand", (radius, radius, radius), SKINS[rng.integers(len(SKINS))],
                      make_colour(rng.uniform(0.03, 0.9, 3)), thing.at_m, make_vector(away),
                      thing.release_s - 0.02, thing.release_s + float(rng.uniform(0.4, 0.9)))
            )  # fmt: skip
    return hands


def _draw_passers(rng: np.random.Generator, shot: Shot, duration_s: float) -> list[Mover]:
    """Random movers that stand before the camera or pass in front of or behind the scene."""
    passers = []
    eye, target = np.array(shot.eye_m), np.array(shot.target_m)
    right = np.cross((0.0, 0.0, 1.0), eye - target)
    right /= np.linalg.norm(right)
    half_view = math.tan(math.radians(shot.fov_deg) / 2.0) * float(np.linalg.norm(eye - target))
    colours = [make_colour(rng.uniform(0.03, 0.9, 3)) for _ in range(2)]
    if rng.random() < 0.12:  # stands in the way
        near = rng.uniform(0.35, 0.65)
        side = rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.3) * half_view
        at = (
            target
            + (1.0 - near) * (eye - target)
            + near * (side * right + [0.0, 0.0, rng.uniform(-0.6, 0.3) * half_view])
        )
        size = near * half_view * rng.uniform(0.15, 0.6, 3)
        shape = str(rng.choice(["box", "ellipsoid"]))
        passers.append(
            Mover(shape, make_vector(size), colours[0], colours[0], make_vector(at), make_vector(at), 0.0, 1.0)
        )
    if rng.random() < 0.10:  # passes
        near = rng.uniform(0.5, 0.8) if rng.random() < 0.4 else rng.uniform(1.3, 2.0)
        middle = target + (1.0 - near) * (eye - target)
        middle[2] = max(middle[2], 0.1)
        reach = near * half_view * 3.5 * right * rng.choice([-1.0, 1.0])
        start = float(rng.uniform(0.0, duration_s - 1.5))
        size = near * half_view * np.array([rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.5), rng.uniform(0.4, 1.5)])
        passers.append(
            Mover("ellipsoid", make_vector(size), colours[1], colours[1], make_vector(middle - reach),
                  make_vector(middle + reach), start, start + float(rng.uniform(1.0, 4.0)))
        )  # fmt: skip
    return passers


def _draw_light(rng: np.random.Generator) -> tuple[tuple[Lamp, ...], Colour, float, bool]:
    """Lamps, ambient light, the exposure that suits them, and whether it is night."""
    night = bool(rng.random() < 0.12)
    warm = rng.uniform(-1, 1)
    tint = np.array([1.0 + 0.25 * warm, 1.0, 1.0 - 0.3 * warm])
    bearing, height = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 1.4)
    place = 2.0 * np.array(
        [math.cos(bearing) * math.cos(height), math.sin(bearing) * math.cos(height), math.sin(height)]
    )
    power = rng.uniform(0.35, 0.7) if night else rng.uniform(0.4, 1.0)
    x, y, z = (float(v) for v in place)
    lamps = [Lamp((x, y, z), make_colour(power * tint), bool(rng.random() < 0.75), bool(rng.random() < 0.5))]
    if rng.random() < 0.5:
        back = rng.uniform(-1, 1, 3)
        x, y, z = float(2 * back[0]), float(2 * back[1]), float(1.0 + abs(back[2]))
        lamps.append(Lamp((x, y, z), make_colour(rng.uniform(0.05, 0.4) * (2.0 - tint)), False, True))
    level = rng.uniform(0.02, 0.12) if night else rng.uniform(0.15, 0.5)
    ambient = make_colour(level * (1.0 + rng.uniform(-0.15, 0.15, 3)))
    exposure = float(
        np.exp(rng.uniform(math.log(0.07), math.log(0.16)) if night else rng.uniform(math.log(0.16), math.log(0.42)))
    )
    return tuple(lamps), ambient, exposure, night


def _draw_camera(
    rng: np.random.Generator, focus: np.ndarray, duration_s: float, exposure: float, night: bool, kind: str
) -> Camera:
    shots = [_draw_shot(rng, focus, 0.0, kind == "falls")]
    if rng.random() < 0.12:
        shots.append(_draw_shot(rng, focus, float(rng.uniform(0.3, 0.8) * duration_s), kind == "falls"))
    switches: tuple[tuple[float, float], ...] = ()
    if rng.random() < 0.05:
        switches = ((float(rng.uniform(0.2, 0.9) * duration_s), float(rng.choice([0.4, 0.6, 1.6, 2.2]))),)
    handheld = rng.random() < 0.15
    red, blue = rng.normal(0, 0.06, 2)
    return Camera(
        RATES[rng.integers(len(RATES))], tuple(shots),
        float(np.exp(rng.uniform(math.log(0.0007), math.log(0.01)))) if handheld else 0.0, float(rng.uniform(0.5, 3.0)),
        float(rng.uniform(0.1, 0.9)), exposure, float(rng.uniform(0, 0.1)) if rng.random() < 0.2 else 0.0,
        (1.0 + float(red), 1.0, 1.0 + float(blue)), float(rng.uniform(0, 0.05)) if rng.random() < 0.2 else 0.0,
        float(rng.uniform(0.01, 0.05) if night else rng.uniform(0.0, 0.01)), float(rng.uniform(1.0, 1.5)),
        int(rng.integers(16, 32)), int(rng.integers(1 << 31)), switches,
    )  # fmt: skip


def _draw_shot(rng: np.random.Generator, focus: np.ndarray, start_s: float, falls: bool) -> Shot:
    """A camera in front and above, whose picture holds all places in ``focus`` [N, 3] with something round them."""
    low, high = focus.min(axis=0), focus.max(axis=0)
    target = 0.5 * (low + high) + np.append(rng.normal(0, 0.03, 2), rng.uniform(0.0, 0.06))
    span = float(np.linalg.norm(high[:2] - low[:2])) + 0.5 * float(high[2] - low[2])
    wide = max(span * 1.3 + 0.1, float(np.exp(rng.uniform(math.log(0.4 if falls else 0.28), math.log(0.9)))))
    fov = float(rng.uniform(18.0, 50.0))
    away = max(wide / (2.0 * math.tan(math.radians(fov) / 2.0) * 16 / 9), 0.3)
    bearing, height = rng.normal(-math.pi / 2, 0.5), rng.uniform(0.2, 1.15)
    eye = target + away * np.array(
        [math.cos(bearing) * math.cos(height), math.sin(bearing) * math.cos(height), math.sin(height)]
    )
    ex, ey, ez = (float(v) for v in eye)
    tx, ty, tz = (float(v) for v in target)
    zoom = float(rng.uniform(-0.06, 0.08)) if rng.random() < 0.2 else 0.0
    return Shot(start_s, (ex, ey, max(ez, 0.06)), (tx, ty, tz), fov, float(rng.normal(0, 0.04)), zoom)
