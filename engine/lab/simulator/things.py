"""Random objects of training takes: props, the faces that can be struck, falling things, clutter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from engine.lab.simulator.materials import GROUNDS, MATERIALS, PROPS, Colour
from engine.lab.simulator.stage import Paint, Thing

Vector = tuple[float, float, float]
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


FALLING = ("wood", "metal", "glass", "ceramic", "plastic", "plastic", "rock", "paper", "cloth", "rubber", "rubber")


@dataclass(frozen=True)
class Face:
    """A face that can be struck: its owner's index (-1 the surface), middle, normal and half extents."""

    thing: int
    at_m: Vector
    normal: Vector
    reach_m: float


def make_colour(values: np.ndarray) -> Colour:
    r, g, b = (float(v) for v in np.clip(values, 0.0, 1.0))
    return r, g, b


def make_vector(values: np.ndarray) -> Vector:
    """Three numbers as a tuple."""
    x, y, z = (float(v) for v in values)
    return x, y, z


def draw_paint(rng: np.random.Generator, material: str) -> Paint:
    look = MATERIALS[material]
    one, two = (np.array(look.colours[rng.integers(len(look.colours))]) for _ in range(2))
    one, two = (c * rng.uniform(0.7, 1.2) + rng.normal(0, 0.04, 3) for c in (one, two))
    return Paint(str(rng.choice(look.patterns)), make_colour(one), make_colour(two), int(rng.integers(1 << 31)))


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
    drawn = rng.random()
    if drawn > 0.86 and shape in ("box", "cylinder") and min(wide, deep) > 0.02 and tall > 0.008:
        held = "loose"
    else:
        held = "rocking" if shape != "ellipsoid" and drawn < 0.5 else "fixed"
    return Thing(
        material, shape, (wide, deep, tall), (x, y, tall), float(rng.uniform(-0.6, 0.6)) if shape == "box" else 0.0,
        draw_paint(rng, material), held, float(rng.uniform(4.0, 12.0)), profile_m=profile,
    )  # fmt: skip


def draw_things(rng: np.random.Generator, kind: str) -> tuple[tuple[Thing, ...], str, tuple[float, float] | None]:
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
                  draw_paint(rng, material))
        )  # fmt: skip
    return tuple(things), ground, table


def list_faces(things: tuple[Thing, ...], rng: np.random.Generator) -> list[Face]:
    """Tops of all things, the front of what stands upright, and at times the surface itself."""
    faces = []
    for i, thing in enumerate(things):
        x, y, z = thing.at_m
        wide = min(thing.half_m[:2])
        if thing.half_m[1] < 0.04 and thing.half_m[2] > 0.12:
            normal = (math.sin(thing.yaw_rad), -math.cos(thing.yaw_rad), 0.0)
            at = (x + 0.03 * normal[0], y + 0.03 * normal[1], z)
            faces += [Face(i, at, normal, 0.6 * min(thing.half_m[0], thing.half_m[2]))] * 3
            continue
        share = 0.3 if thing.shape in ("ellipsoid", "lathe") else 0.7
        faces += [Face(i, (x, y, z + thing.half_m[2]), (0.0, 0.0, 1.0), share * wide)] * 2
        if thing.shape == "box" and thing.half_m[2] > 0.05 and rng.random() < 0.5:
            normal = (math.sin(thing.yaw_rad), -math.cos(thing.yaw_rad), 0.0)
            at = (x + thing.half_m[1] * normal[0], y + thing.half_m[1] * normal[1], z + 0.3 * thing.half_m[2])
            faces.append(Face(i, at, normal, 0.4 * min(thing.half_m[0], thing.half_m[2])))
    if not faces or rng.random() < 0.35:
        for _ in range(20):
            x, y = float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.25, 0.1))
            if all(math.hypot(x - t.at_m[0], y - t.at_m[1]) > 0.12 + max(t.half_m[:2]) for t in things):
                faces.append(Face(-1, (x, y, 0.0), (0.0, 0.0, 1.0), 0.06))
                break
    return faces or [Face(-1, (0.0, -0.35, 0.0), (0.0, 0.0, 1.0), 0.03)]


def draw_falls(rng: np.random.Generator, duration_s: float, count: int) -> list[Thing]:
    """Things that fall, are thrown, or roll in from the side."""
    falls = []
    for k in range(count):
        material = str(rng.choice(FALLING))
        shape = str(rng.choice(["sphere", "sphere", "box", "ellipsoid", "capsule", "cylinder"]))
        shape = "sphere" if material == "rubber" else shape
        big = float(np.exp(rng.uniform(math.log(0.022), math.log(0.08))))
        half = {"sphere": (big, big, big), "capsule": (0.5 * big, 0.5 * big, 1.3 * big),
                "cylinder": (big, big, big * float(rng.uniform(0.3, 1.2)))}.get(
            shape, (big, big * float(rng.uniform(0.5, 1.0)), big * float(rng.uniform(0.4, 1.0)))
        )  # fmt: skip
        paint = draw_paint(rng, material)
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


def find_landing(thing: Thing) -> Vector:
    """Where a loose thing first comes down, or for one that rolls some way along its path."""
    up = thing.velocity_m_per_s[2]
    fall_s = (up + math.sqrt(up**2 + 2 * 9.81 * max(thing.at_m[2], 0.01))) / 9.81
    fall_s = fall_s if thing.at_m[2] > 0.2 else 0.5 / max(abs(thing.velocity_m_per_s[0]), 0.1)
    return (
        thing.at_m[0] + fall_s * thing.velocity_m_per_s[0], thing.at_m[1] + fall_s * thing.velocity_m_per_s[1], 0.08
    )  # fmt: skip


def draw_scenery(rng: np.random.Generator, things: tuple[Thing, ...]) -> list[Thing]:
    """Clutter without contacts, behind and beside the struck things."""
    scenery: list[Thing] = []
    for _ in range(int(rng.integers(0, 12))):
        reach = float(rng.uniform(0.03, 0.18))
        x, y = float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.25, 0.9))
        if all(abs(x - t.at_m[0]) > reach + t.half_m[0] or y - t.at_m[1] > reach + t.half_m[1] + 0.05 for t in things):
            scenery.append(replace(_draw_prop(rng, x, y, reach), held="fixed", scenery=True))
    return scenery
