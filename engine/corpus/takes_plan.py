"""What a training take shows, drawn at random from (seed, index): stage, acts of the strikers, camera and film."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from engine.corpus.stage_film import Film, Shot
from engine.corpus.stage_materials import GROUNDS, MATERIALS, PROPS, Colour
from engine.corpus.stage_motion import Act
from engine.corpus.stage_scene import Lamp, Paint, Stage, Striker, Thing

Vector = tuple[float, float, float]
RATES = (Fraction(24), Fraction(24000, 1001), Fraction(25), Fraction(25), Fraction(30), Fraction(30),
         Fraction(30000, 1001), Fraction(50), Fraction(60))  # fmt: skip
SKINS: tuple[Colour, ...] = ((0.86, 0.64, 0.52), (0.72, 0.48, 0.36), (0.48, 0.30, 0.21), (0.92, 0.72, 0.62))
SHAPES = {
    "wood": ("box", "box", "cylinder"),
    "metal": ("box", "lathe", "cylinder", "lathe"),
    "glass": ("lathe", "lathe", "box"),
    "ceramic": ("lathe", "lathe", "cylinder"),
    "plastic": ("box", "lathe", "cylinder"),
    "rock": ("ellipsoid", "box"),
    "paper": ("box",),
    "cloth": ("ellipsoid", "box", "ellipsoid"),
    "drywall": ("box",),
    "concrete": ("box", "cylinder"),
}
_TREMOR_M = 0.003


@dataclass(frozen=True)
class TakePlan:
    """A take to be played and filmed; ``acts`` has one row for each striker."""

    duration_s: float
    stage: Stage
    acts: tuple[tuple[Act, ...], ...]
    film: Film
    tremor_m: float
    seed: int


@dataclass(frozen=True)
class _Face:
    """A face that can be struck: its owner's index (-1 the surface), middle, normal and half extents."""

    thing: int
    at_m: Vector
    normal: Vector
    reach_m: float


def draw_take(seed: int, index: int) -> TakePlan:
    """The plan of take ``index`` of ``seed``; the same every time."""
    rng = np.random.default_rng([seed, index])
    duration_s = float(rng.uniform(5.0, 7.0))
    kind = str(rng.choice(["strikes", "falls", "both", "idle"], p=[0.68, 0.17, 0.10, 0.05]))
    things, ground, table = _draw_things(rng, kind)
    faces = _list_faces(things, rng)
    strikers: list[Striker] = []
    acts: list[tuple[Act, ...]] = []
    if kind != "falls":
        count = 2 if rng.random() < 0.18 else 1
        for k in range(count):
            side = float(rng.choice([-1.0, 1.0])) if k == 0 else -math.copysign(1.0, strikers[0].elbow[0])
            striker, heading = _draw_striker(rng, side)
            strikers.append(striker)
            acts.append(_draw_acts(rng, striker, heading, faces, duration_s, kind))
    if kind in ("falls", "both"):
        things = (*things, *_draw_falls(rng, duration_s, 1 if kind == "both" else int(rng.integers(1, 5)), table))
    scenery = _draw_scenery(rng, things)
    lamps, ambient, exposure, night = _draw_light(rng)
    stage = Stage(
        ground, _draw_paint(rng, ground), float(rng.uniform(0.8, 4.0)), table, float(rng.uniform(0.3, 0.8)),
        _draw_paint(rng, str(rng.choice(GROUNDS))), _draw_paint(rng, str(rng.choice(["drywall", "concrete", "wood"]))),
        float(rng.uniform(0.7, 2.5)), (*things, *scenery), tuple(strikers), lamps, ambient,
        _colour(rng.uniform(0.1, 0.9, 3) * (0.2 if night else 1.0)), 40.0,
    )  # fmt: skip
    focus = [act.at_m for row in acts for act in row] or [
        _find_landing(thing) for thing in things if thing.held == "loose"
    ]
    film = _draw_film(rng, np.array(focus), duration_s, exposure, night, kind)
    return TakePlan(duration_s, stage, tuple(acts), film, _TREMOR_M, int(rng.integers(1 << 31)))


def _find_landing(thing: Thing) -> Vector:
    """Where a loose thing first comes down, or for one that rolls some way along its path."""
    up = thing.velocity_m_per_s[2]
    fall_s = (up + math.sqrt(up**2 + 2 * 9.81 * max(thing.at_m[2], 0.01))) / 9.81
    fall_s = fall_s if thing.at_m[2] > 0.2 else 0.5 / max(abs(thing.velocity_m_per_s[0]), 0.1)
    return (
        thing.at_m[0] + fall_s * thing.velocity_m_per_s[0], thing.at_m[1] + fall_s * thing.velocity_m_per_s[1], 0.08
    )  # fmt: skip


def _colour(values: np.ndarray) -> Colour:
    r, g, b = (float(v) for v in np.clip(values, 0.0, 1.0))
    return r, g, b


def _draw_paint(rng: np.random.Generator, material: str) -> Paint:
    look = MATERIALS[material]
    one, two = (np.array(look.colours[rng.integers(len(look.colours))]) for _ in range(2))
    one, two = (c * rng.uniform(0.7, 1.2) + rng.normal(0, 0.04, 3) for c in (one, two))
    return Paint(str(rng.choice(look.patterns)), _colour(one), _colour(two), int(rng.integers(1 << 31)))


def _draw_profile(rng: np.random.Generator, radius: float, height: float) -> tuple[tuple[float, float], ...]:
    """A vessel from its bottom up, its widest place ``radius`` wide and its struck top closed."""
    rise = np.linspace(0.0, 1.0, 6)
    width = 1.0 + rng.uniform(-0.45, 0.1) * rise + rng.uniform(-0.3, 0.3) * np.sin(math.pi * rise)
    width = radius * width / width.max()
    rows = [(0.0, 0.0), *((float(w), float(h)) for w, h in zip(width, rise * height * 0.96, strict=True))]
    rows += [(0.93 * rows[-1][0], height), (0.0, height)]
    return tuple(rows)


def _draw_prop(rng: np.random.Generator, x: float, y: float, reach: float) -> Thing:
    material = str(rng.choice(PROPS))
    shape = str(rng.choice(SHAPES[material]))
    wide = reach * float(rng.uniform(0.6, 1.0))
    deep = wide if shape in ("lathe", "cylinder") else wide * float(rng.uniform(0.5, 1.3))
    tall = float(np.clip(wide * math.exp(rng.uniform(-1.8, 0.6)), 0.006, 0.22))
    profile = _draw_profile(rng, wide, 2 * tall) if shape == "lathe" else ()
    held = "rocking" if shape != "ellipsoid" and rng.random() < 0.5 else "fixed"
    return Thing(
        material, shape, (wide, deep, tall), (x, y, tall), float(rng.uniform(-0.6, 0.6)) if shape == "box" else 0.0,
        _draw_paint(rng, material), held, float(rng.uniform(4.0, 12.0)), profile_m=profile,
    )  # fmt: skip


def _draw_things(rng: np.random.Generator, kind: str) -> tuple[tuple[Thing, ...], str, tuple[float, float] | None]:
    """Things that stand about, the surface's material and half the table's extents, None on the ground."""
    ground = str(rng.choice(GROUNDS))
    table = (float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.4, 0.6))) if rng.random() < 0.5 else None
    if ground in ("gravel", "leaf", "carpet"):
        table = None
    count = int(rng.choice([0, 1, 2, 3, 4], p=[0.12, 0.30, 0.26, 0.20, 0.12]))
    if kind == "falls":
        count = min(count, 2)
    things: list[Thing] = []
    for _ in range(20):
        if len(things) >= count:
            break
        reach = float(rng.uniform(0.10, 0.26)) if count == 1 else float(rng.uniform(0.035, 0.12))
        x, y = float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.18, 0.22))
        if all(math.hypot(x - t.at_m[0], y - t.at_m[1]) > 1.3 * reach + 1.3 * max(t.half_m[:2]) for t in things):
            things.append(_draw_prop(rng, x, y, reach))
    if rng.random() < 0.15 and kind != "falls":  # something that stands upright: a wall, a door, a back
        material = str(rng.choice(["drywall", "wood", "metal", "concrete", "cloth", "paper", "glass"]))
        tall, wide = float(rng.uniform(0.15, 0.35)), float(rng.uniform(0.2, 0.6))
        things.append(
            Thing(material, "box", (wide, 0.03, tall), (0.0, 0.45, tall), float(rng.uniform(-0.2, 0.2)),
                  _draw_paint(rng, material))
        )  # fmt: skip
    return tuple(things), ground, table


def _list_faces(things: tuple[Thing, ...], rng: np.random.Generator) -> list[_Face]:
    """Tops of all things, the front of what stands upright, and at times the surface itself."""
    faces = []
    for i, thing in enumerate(things):
        x, y, z = thing.at_m
        wide = min(thing.half_m[:2])
        if thing.half_m[1] < 0.04 and thing.half_m[2] > 0.12:
            normal = (math.sin(thing.yaw_rad), -math.cos(thing.yaw_rad), 0.0)
            at = (x + 0.03 * normal[0], y + 0.03 * normal[1], z)
            faces += [_Face(i, at, normal, 0.6 * min(thing.half_m[0], thing.half_m[2]))] * 3
            continue
        share = 0.3 if thing.shape in ("ellipsoid", "lathe") else 0.7
        faces += [_Face(i, (x, y, z + thing.half_m[2]), (0.0, 0.0, 1.0), share * wide)] * 2
        if thing.shape == "box" and thing.half_m[2] > 0.05 and rng.random() < 0.5:
            normal = (math.sin(thing.yaw_rad), -math.cos(thing.yaw_rad), 0.0)
            at = (x + thing.half_m[1] * normal[0], y + thing.half_m[1] * normal[1], z + 0.3 * thing.half_m[2])
            faces.append(_Face(i, at, normal, 0.4 * min(thing.half_m[0], thing.half_m[2])))
    if not faces or rng.random() < 0.35:
        for _ in range(20):
            x, y = float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.25, 0.1))
            if all(math.hypot(x - t.at_m[0], y - t.at_m[1]) > 0.12 + max(t.half_m[:2]) for t in things):
                faces.append(_Face(-1, (x, y, 0.0), (0.0, 0.0, 1.0), 0.06))
                break
    return faces or [_Face(-1, (0.0, -0.35, 0.0), (0.0, 0.0, 1.0), 0.03)]


def _draw_striker(rng: np.random.Generator, side: float) -> tuple[Striker, float]:
    """A striker held from the left (side -1) or right, and its heading's angle."""
    kind = str(rng.choice(["stick", "stick", "stick", "hammer", "mallet", "hand", "fist"]))
    bearing = -math.pi / 2 + side * rng.uniform(0.15, 1.75)  # where the hand is, seen from the target; -90 deg: camera
    heading = bearing + math.pi
    elbow = np.array([math.cos(bearing + rng.uniform(-0.3, 0.3)), math.sin(bearing), rng.uniform(-0.1, 0.5)])
    elbow /= np.linalg.norm(elbow)
    material = {"hammer": "metal", "hand": "skin", "fist": "skin"}.get(
        kind, str(rng.choice(["wood", "wood", "wood", "metal", "plastic"]))
    )
    looks = MATERIALS[material].colours
    colour = _colour(np.array(looks[rng.integers(len(looks))]) * rng.uniform(0.8, 1.2))
    reach, tip, thick, tip_kg = {
        "stick": (
            rng.uniform(0.2, 0.4),
            rng.uniform(0.007, 0.012),
            rng.uniform(0.006, 0.011),
            rng.uniform(0.015, 0.04),
        ),
        "hammer": (
            rng.uniform(0.16, 0.28),
            rng.uniform(0.035, 0.055),
            rng.uniform(0.010, 0.014),
            rng.uniform(0.15, 0.4),
        ),
        "mallet": (rng.uniform(0.2, 0.36), rng.uniform(0.016, 0.03), rng.uniform(0.004, 0.008), rng.uniform(0.03, 0.1)),
        "hand": (rng.uniform(0.16, 0.19), 0.0105, 0.01, rng.uniform(0.1, 0.3)),
        "fist": (rng.uniform(0.09, 0.11), 0.0105, 0.01, rng.uniform(0.2, 0.4)),
    }[kind]
    sleeve = _colour(rng.uniform(0.03, 0.9, 3))
    x, y, z = (float(v) for v in elbow)
    skin = SKINS[rng.integers(len(SKINS))]
    bare = bool(rng.random() < 0.1 and kind not in ("hand", "fist"))
    thick, tip_kg = float(thick), float(tip_kg)
    striker = Striker(kind, material, float(reach), float(tip), thick, tip_kg, colour, skin, sleeve, (x, y, z), bare)
    return striker, heading


def _draw_acts(
    rng: np.random.Generator, striker: Striker, heading: float, faces: list[_Face], duration_s: float, kind: str
) -> tuple[Act, ...]:
    """Acts in order of time: runs of blows on a face, with misses, scrapes and waving between."""
    acts: list[Act] = []
    now = float(rng.uniform(0.5, 1.2))
    pace_s = float(np.exp(rng.uniform(math.log(0.16), math.log(1.1))))
    face = faces[rng.integers(len(faces))]
    miss, scrape, wave = 0.12, 0.12, 0.04
    if kind == "idle":
        miss, scrape, wave = 0.6, 0.0, 0.4
    while now < duration_s - 0.4:
        if rng.random() < 0.4:
            face = faces[rng.integers(len(faces))]
            now += 0.15 if acts else 0.0
        act = _draw_act(rng, striker, heading, face, now, pace_s)
        draw = rng.random()
        if draw < miss:
            act = replace(act, kind="miss", gap_m=float(np.exp(rng.uniform(math.log(0.012), math.log(0.08)))))
        elif draw < miss + scrape and striker.kind != "hammer":
            act = _as_scrape(rng, act, face)
        elif draw < miss + scrape + wave:
            act = replace(act, kind="wave", gap_m=float(rng.uniform(0.06, 0.15)), slide_s=float(rng.uniform(0.7, 1.6)))
        if act.end_s > duration_s - 0.2:
            break
        acts.append(act)
        gap = pace_s * float(rng.uniform(0.75, 1.35)) + (0.35 if act.kind != "hit" else 0.0)
        now = act.end_s + max(gap, 0.14) + (float(rng.uniform(0.5, 1.5)) if rng.random() < 0.08 else 0.0)
    if not acts:
        acts.append(_draw_act(rng, striker, heading, face, 1.0, pace_s))
    return tuple(acts)


def _draw_act(
    rng: np.random.Generator, striker: Striker, heading: float, face: _Face, time_s: float, pace_s: float
) -> Act:
    normal = np.array(face.normal)
    if abs(normal[2]) > 0.9:
        along = np.array([math.cos(heading), math.sin(heading), 0.0])
        across = np.array([-along[1], along[0], 0.0])
    else:  # an upright face is met from the side and a little from below or above
        along = np.array([math.copysign(1.0, math.cos(heading)), 0.0, rng.uniform(-0.3, 0.6)])
        across = np.array([0.0, 0.0, 1.0])
    along = along - normal * (normal @ along)
    along /= np.linalg.norm(along)
    turn = rng.normal(0.0, 0.1)
    around = np.cross(normal, along)
    x, y, z = (float(v) for v in along * math.cos(turn) + around * math.sin(turn))
    spot = np.array(face.at_m) + face.reach_m * (rng.uniform(-1, 0.6) * along + rng.uniform(-1, 1) * across)
    speed = float(np.exp(rng.uniform(math.log(0.7), math.log(4.5)))) * min(1.0, 0.55 + pace_s)
    pitch = {"hammer": rng.uniform(0.0, 0.12), "hand": rng.uniform(0.05, 0.3), "fist": rng.uniform(0.1, 0.5)}.get(
        striker.kind, rng.uniform(0.16, 0.5)
    )
    px, py, pz = (float(v) for v in spot)
    return Act(
        "hit", time_s, (px, py, pz), face.normal, (x, y, z), float(pitch), speed,
        float(np.clip(0.15 + 0.2 * speed + rng.uniform(-0.1, 0.25), 0.15, 1.2)), float(rng.uniform(0.0, 0.8)),
        float(rng.uniform(0.25, 0.6)),
    )  # fmt: skip


def _as_scrape(rng: np.random.Generator, act: Act, face: _Face) -> Act:
    normal = np.array(face.normal)
    way = np.cross(normal, act.heading) * rng.uniform(-1, 1) + np.array(act.heading) * rng.uniform(-0.8, 0.2)
    length = float(rng.uniform(0.08, 0.2)) if face.thing < 0 else min(1.2 * face.reach_m, 0.2)
    x, y, z = (float(v) for v in length * way / max(float(np.linalg.norm(way)), 1e-6))
    middle = np.array(face.at_m) - 0.5 * np.array([x, y, z])
    mx, my, mz = (float(v) for v in middle)
    return replace(
        act, kind="scrape", slide_m=(x, y, z), slide_s=float(rng.uniform(0.25, 0.8)), at_m=(mx, my, mz),
        speed_m_per_s=0.5, lift_rad=0.3, pitch_rad=max(act.pitch_rad, 0.25),
    )  # fmt: skip


def _draw_falls(
    rng: np.random.Generator, duration_s: float, count: int, table: tuple[float, float] | None
) -> list[Thing]:
    """Things that fall, are thrown, or roll in from the side."""
    falls = []
    for k in range(count):
        material = str(
            rng.choice(["wood", "metal", "glass", "ceramic", "plastic", "plastic", "rock", "paper", "cloth"])
        )
        shape = str(rng.choice(["sphere", "sphere", "box", "ellipsoid", "capsule", "cylinder"]))
        big = float(np.exp(rng.uniform(math.log(0.022), math.log(0.08))))
        half = {"sphere": (big, big, big), "capsule": (0.5 * big, 0.5 * big, 1.3 * big),
                "cylinder": (big, big, big * float(rng.uniform(0.3, 1.2)))}.get(
            shape, (big, big * float(rng.uniform(0.5, 1.0)), big * float(rng.uniform(0.4, 1.0)))
        )  # fmt: skip
        paint = _draw_paint(rng, material)
        turn = (float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.6, 0.6)))
        release = float(rng.uniform(0.2, max(0.5, duration_s - 1.6))) if k else float(rng.uniform(0.2, 1.0))
        spin = rng.uniform(-6, 6, 3)
        if shape in ("sphere", "cylinder") and rng.random() < 0.25:  # rolls in
            way = float(rng.choice([-1.0, 1.0]))
            speed = float(rng.uniform(0.3, 1.0))
            at = (-way * 0.49, float(rng.uniform(-0.25, 0.1)), big + 0.001)
            roll = (0.0, way * speed / big, 0.0)
            falls.append(Thing(material, "sphere", (big, big, big), at, 0.0, paint, "loose", 1.0, release,
                               (way * speed, float(rng.uniform(-0.1, 0.1)), 0.0), roll))  # fmt: skip
            continue
        at = (float(rng.uniform(-0.25, 0.25)), float(rng.uniform(-0.3, 0.15)), float(rng.uniform(0.3, 1.3)) + 0.3 * k)
        speed3 = (float(rng.normal(0, 0.25)), float(rng.normal(0, 0.15)), float(rng.uniform(-0.5, 0.8)))
        sx, sy, sz = (float(v) for v in spin)
        falls.append(Thing(material, shape, half, at, float(rng.uniform(-3, 3)), paint, "loose", 1.0, release,
                           speed3, (sx, sy, sz), turn))  # fmt: skip
    return falls


def _draw_scenery(rng: np.random.Generator, things: tuple[Thing, ...]) -> list[Thing]:
    """Clutter that nothing touches, behind and beside what is struck."""
    scenery: list[Thing] = []
    for _ in range(int(rng.integers(0, 12))):
        reach = float(rng.uniform(0.03, 0.18))
        x, y = float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.25, 0.9))
        if all(abs(x - t.at_m[0]) > reach + t.half_m[0] or y - t.at_m[1] > reach + t.half_m[1] + 0.05 for t in things):
            scenery.append(replace(_draw_prop(rng, x, y, reach), held="fixed", scenery=True))
    return scenery


def _draw_light(rng: np.random.Generator) -> tuple[tuple[Lamp, ...], Colour, float, bool]:
    """Lamps, ambient light, the exposure that suits them, and whether it is night."""
    night = bool(rng.random() < 0.2)
    warm = rng.uniform(-1, 1)
    tint = np.array([1.0 + 0.25 * warm, 1.0, 1.0 - 0.3 * warm])
    bearing, height = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 1.4)
    place = 2.0 * np.array(
        [math.cos(bearing) * math.cos(height), math.sin(bearing) * math.cos(height), math.sin(height)]
    )
    power = rng.uniform(0.35, 0.7) if night else rng.uniform(0.4, 1.0)
    x, y, z = (float(v) for v in place)
    lamps = [Lamp((x, y, z), _colour(power * tint), bool(rng.random() < 0.75), bool(rng.random() < 0.5))]
    if rng.random() < 0.5:
        back = rng.uniform(-1, 1, 3)
        x, y, z = float(2 * back[0]), float(2 * back[1]), float(1.0 + abs(back[2]))
        lamps.append(Lamp((x, y, z), _colour(rng.uniform(0.05, 0.4) * (2.0 - tint)), False, True))
    level = rng.uniform(0.02, 0.12) if night else rng.uniform(0.15, 0.5)
    ambient = _colour(level * (1.0 + rng.uniform(-0.15, 0.15, 3)))
    exposure = float(
        np.exp(rng.uniform(math.log(0.03), math.log(0.12)) if night else rng.uniform(math.log(0.11), math.log(0.4)))
    )
    return tuple(lamps), ambient, exposure, night


def _draw_film(
    rng: np.random.Generator, focus: np.ndarray, duration_s: float, exposure: float, night: bool, kind: str
) -> Film:
    shots = [_draw_shot(rng, focus, 0.0, kind == "falls")]
    if rng.random() < 0.12:
        shots.append(_draw_shot(rng, focus, float(rng.uniform(0.3, 0.8) * duration_s), kind == "falls"))
    handheld = rng.random() < 0.45
    red, blue = rng.normal(0, 0.06, 2)
    return Film(
        RATES[rng.integers(len(RATES))], tuple(shots),
        float(np.exp(rng.uniform(math.log(0.002), math.log(0.03)))) if handheld else 0.0, float(rng.uniform(0.5, 3.0)),
        float(rng.uniform(0.1, 0.9)), exposure, float(rng.uniform(0, 0.15)) if rng.random() < 0.5 else 0.0,
        (1.0 + float(red), 1.0, 1.0 + float(blue)), float(rng.uniform(0, 0.05)) if rng.random() < 0.4 else 0.0,
        float(rng.uniform(0.01, 0.05) if night else rng.uniform(0.0, 0.02)), float(rng.uniform(0.85, 1.25)),
        int(rng.integers(16, 32)), int(rng.integers(1 << 31)),
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
