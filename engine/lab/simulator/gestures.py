"""Random strikers of training takes and their gestures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.lab.simulator.materials import MATERIALS, Colour
from engine.lab.simulator.motion import Gesture
from engine.lab.simulator.stage import Striker
from engine.lab.simulator.things import Face, make_colour

HANDS_APART_M = 0.14
SKINS: tuple[Colour, ...] = ((0.86, 0.64, 0.52), (0.72, 0.48, 0.36), (0.48, 0.30, 0.21), (0.92, 0.72, 0.62))


def draw_striker(rng: np.random.Generator, side: float) -> tuple[Striker, float]:
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
    colour = make_colour(np.array(looks[rng.integers(len(looks))]) * rng.uniform(0.8, 1.2))
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
    sleeve = make_colour(rng.uniform(0.03, 0.9, 3))
    x, y, z = (float(v) for v in elbow)
    skin = SKINS[rng.integers(len(SKINS))]
    bare = bool(rng.random() < 0.1 and kind not in ("hand", "fist"))
    thick, tip_kg = float(thick), float(tip_kg)
    striker = Striker(kind, material, float(reach), float(tip), thick, tip_kg, colour, skin, sleeve, (x, y, z), bare)
    return striker, heading


@dataclass(frozen=True)
class Hand:
    """What one hand of a player strikes with, its heading's angle, and the faces that it strikes."""

    striker: Striker
    heading: float
    faces: tuple[Face, ...]


def draw_hands(rng: np.random.Generator, faces: Sequence[Face], count: int) -> tuple[Hand, ...]:
    """The hands of one player. Two strike apart from one another, since they cannot pass through each other.

    There is one hand where no two faces, nor the halves of one, lie far enough apart.
    """
    side = float(rng.choice([-1.0, 1.0]))
    striker, heading = draw_striker(rng, side)
    pairs = _pair_faces(faces) if count > 1 else []
    if not pairs:
        return (Hand(striker, heading, tuple(faces)),)
    other, other_heading = draw_striker(rng, -math.copysign(1.0, striker.elbow[0]))
    if rng.random() < 0.75:
        other = replace(striker, elbow=other.elbow)
    other = replace(other, skin=striker.skin, sleeve=striker.sleeve)
    left, right = pairs[rng.integers(len(pairs))]
    own, others = (left, right) if striker.elbow[0] < 0.0 else (right, left)
    return Hand(striker, heading, (own,)), Hand(other, other_heading, (others,))


def _pair_faces(faces: Sequence[Face]) -> list[tuple[Face, Face]]:
    """Faces for a left and a right hand: two that lie apart, or the halves of a wide one."""
    pairs = [(a, b) for a in faces for b in faces if b.at_m[0] - a.at_m[0] > HANDS_APART_M]
    for face in faces:
        x, y, z = face.at_m
        off = 0.6 * face.reach_m
        if 2.0 * off > HANDS_APART_M:
            left, right = (replace(face, at_m=(x + way * off, y, z), reach_m=0.3 * face.reach_m) for way in (-1, 1))
            pairs.append((left, right))
    return pairs


def draw_gestures(
    rng: np.random.Generator, hands: Sequence[Hand], duration_s: float, kind: str
) -> tuple[tuple[Gesture, ...], ...]:
    """Random gestures of each hand in order of time: steady runs of blows on a face, with misses, scrapes and waves.

    Most people strike evenly (``evaluate simulator`` compares takes with film): each gap deviates from the pace of its
    take by ``unsteady`` (standard deviation of the logarithm). Two hands take turns, mostly.
    """
    gestures: list[list[Gesture]] = [[] for _ in hands]
    now = float(rng.uniform(0.35, 1.0))
    pace_s = float(np.clip(np.exp(rng.normal(math.log(0.6), 0.5)), 0.16, 1.5))
    unsteady = float(np.exp(rng.uniform(math.log(0.02), math.log(0.2))))
    struck = [hand.faces[rng.integers(len(hand.faces))] for hand in hands]
    miss, scrape, wave = 0.07, 0.08, 0.02
    if kind == "idle":
        miss, scrape, wave = 0.6, 0.0, 0.4
    turn = 0
    while now < duration_s - 0.4:
        if len(hands) > 1 and rng.random() < 0.75:
            turn = 1 - turn
        hand = hands[turn]
        if rng.random() < 0.2:
            struck[turn] = hand.faces[rng.integers(len(hand.faces))]
        gesture = _draw_gesture(rng, hand.striker, hand.heading, struck[turn], now, pace_s)
        draw = rng.random()
        if draw < miss:
            gesture = replace(gesture, kind="miss", gap_m=float(np.exp(rng.uniform(math.log(0.012), math.log(0.08)))))
        elif draw < miss + scrape and hand.striker.kind != "hammer":
            gesture = _as_scrape(rng, gesture, struck[turn])
        elif draw < miss + scrape + wave:
            gesture = replace(
                gesture, kind="wave", gap_m=float(rng.uniform(0.06, 0.15)), slide_s=float(rng.uniform(0.7, 1.6))
            )
        if gesture.end_s > duration_s - 0.2:
            break
        gestures[turn].append(gesture)
        gap = pace_s * float(np.exp(rng.normal(0.0, unsteady))) + (0.2 if gesture.kind in ("scrape", "wave") else 0.0)
        now = gesture.end_s + max(gap, 0.14) + (float(rng.uniform(0.5, 1.5)) if rng.random() < 0.03 else 0.0)
    for row, hand, face in zip(gestures, hands, struck, strict=True):
        if not row:  # a hand without a turn still has to be somewhere
            resting = _draw_gesture(rng, hand.striker, hand.heading, face, min(1.0, 0.5 * duration_s), pace_s)
            alone = len(hands) == 1
            row.append(resting if alone else replace(resting, kind="wave", gap_m=0.12, slide_s=0.7))
    return tuple(tuple(row) for row in gestures)


def _draw_gesture(
    rng: np.random.Generator, striker: Striker, heading: float, face: Face, time_s: float, pace_s: float
) -> Gesture:
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
    return Gesture(
        "hit", time_s, (px, py, pz), face.normal, (x, y, z), float(pitch), speed,
        float(np.clip(0.15 + 0.2 * speed + rng.uniform(-0.1, 0.25), 0.15, 1.2)), float(rng.uniform(0.0, 0.8)),
        float(rng.uniform(0.1, 0.5)), rise_share=float(rng.uniform(0.35, 0.6)), rise_s=float(rng.uniform(0.28, 1.2)),
    )  # fmt: skip


def _as_scrape(rng: np.random.Generator, gesture: Gesture, face: Face) -> Gesture:
    normal = np.array(face.normal)
    way = np.cross(normal, gesture.heading) * rng.uniform(-1, 1) + np.array(gesture.heading) * rng.uniform(-0.8, 0.2)
    length = float(rng.uniform(0.08, 0.2)) if face.thing < 0 else float(np.clip(2.0 * face.reach_m, 0.04, 0.2))
    x, y, z = (float(v) for v in length * way / max(float(np.linalg.norm(way)), 1e-6))
    middle = np.array(face.at_m) - 0.5 * np.array([x, y, z])
    mx, my, mz = (float(v) for v in middle)
    return replace(
        gesture, kind="scrape", slide_m=(x, y, z), slide_s=float(rng.uniform(0.25, 0.8)), at_m=(mx, my, mz),
        speed_m_per_s=0.5, lift_rad=0.3, pitch_rad=max(gesture.pitch_rad, 0.25),
    )  # fmt: skip
