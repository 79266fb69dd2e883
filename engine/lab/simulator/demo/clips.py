"""The demo clips: fixed takes of the simulator, a bare drumstick that strikes three objects on a table."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.core.errors import StruckError
from engine.core.paths import ASSETS
from engine.lab.data.clip_writer import write_clip
from engine.lab.simulator.camera import Camera, Shot, render_frames
from engine.lab.simulator.materials import Colour
from engine.lab.simulator.mode_ratios import plate_ratios, ring_ratios
from engine.lab.simulator.motion import THING, Gesture, Trajectory
from engine.lab.simulator.plan import TakePlan
from engine.lab.simulator.sound import ModalBody, Room, make_modal_object
from engine.lab.simulator.stage import Lamp, Paint, Quality, Stage, Striker, Thing
from engine.lab.simulator.takes import simulate_take, synthesize_take

FRAME_RATE = Fraction(30)
ENCODING = {"crf": "23", "preset": "slow", "g": "30", "bf": "2", "tune": "animation"}
SIZE = (960, 540)
_HEADING_RAD = math.radians(128.0)  # 90 degrees points straight away from the camera
_REACH_M = 0.03  # blows land at most so far from an object's middle, along x and y
_BLACK: Colour = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Prop:
    """An object of a demo: a solid of revolution (``profile_m``: radius and height pairs, bottom up) or a box."""

    name: str
    material: str
    pattern: str
    colour: Colour
    x_m: float
    profile_m: tuple[tuple[float, float], ...] = ()
    half_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    body: ModalBody | None = None  # None in a silent demo

    @property
    def height_m(self) -> float:
        """Height of the face that is struck."""
        return max((height for _, height in self.profile_m), default=2.0 * self.half_m[2])

    def place(self, yaw_rad: float, seed: int) -> Thing:
        """The object as a rocking thing of the simulator's stage."""
        radius = max((radius for radius, _ in self.profile_m), default=0.0)
        half = (radius, radius, 0.5 * self.height_m) if self.profile_m else self.half_m
        return Thing(
            self.material, "lathe" if self.profile_m else "box", half, (self.x_m, 0.0, half[2] + 0.0005), yaw_rad,
            Paint(self.pattern, self.colour, _BLACK, seed), "rocking", 9.0, profile_m=self.profile_m,
        )  # fmt: skip


STEEL_BIN = Prop(
    "Steel bin", "metal", "steel", (0.74, 0.76, 0.79), -0.27,
    profile_m=((0.0, 0.0), (0.088, 0.0), (0.093, 0.004), (0.093, 0.012), (0.089, 0.016), (0.082, 0.105),
               (0.084, 0.11), (0.084, 0.118), (0.08, 0.121), (0.072, 0.119), (0.0, 0.119)),
    body=ModalBody(tuple(plate_ratios(24)), 318.0, 5.0, 0.9, 0.10, 0.10, 0.0003, 0.4, split=True),
)  # fmt: skip
WOODEN_BLOCK = Prop(
    "Wooden block", "wood", "grain", (0.8, 0.52, 0.29), 0.0, half_m=(0.105, 0.105, 0.0315),
    body=ModalBody(tuple(plate_ratios(10)), 420.0, 14.0, 6.0, 0.7, 0.05, 0.0005, 1.8),
)  # fmt: skip
GLASS_JAR = Prop(
    "Glass jar", "glass", "flat", (0.5, 0.88, 0.82), 0.27,
    profile_m=((0.0, 0.0), (0.062, 0.0), (0.07, 0.008), (0.07, 0.098), (0.063, 0.112), (0.052, 0.118),
               (0.052, 0.128), (0.056, 0.13), (0.056, 0.142), (0.05, 0.145), (0.0, 0.145)),
    body=ModalBody((*ring_ratios(8), *(1.46 * ratio for ratio in ring_ratios(6))), 1180.0, 8.0, 1.6, 0.16, 0.08, 0.0003,
                   0.8, split=True),
)  # fmt: skip
CERAMIC_POT = Prop(
    "Ceramic pot", "ceramic", "clay", (0.8, 0.36, 0.24), -0.27,
    profile_m=((0.0, 0.0), (0.096, 0.0), (0.099, 0.004), (0.099, 0.03), (0.092, 0.034), (0.07, 0.112),
               (0.064, 0.117), (0.0, 0.117)),
)  # fmt: skip
METAL_PAN = Prop(
    "Metal pan", "metal", "steel", (0.8, 0.62, 0.36), 0.0,
    profile_m=((0.0, 0.0), (0.108, 0.0), (0.113, 0.003), (0.113, 0.009), (0.108, 0.013), (0.099, 0.056),
               (0.092, 0.063), (0.0, 0.063)),
)  # fmt: skip
PLASTIC_TUB = Prop(
    "Plastic tub", "plastic", "flat", (0.2, 0.42, 0.74), 0.27,
    profile_m=((0.0, 0.0), (0.082, 0.0), (0.087, 0.003), (0.087, 0.016), (0.081, 0.02), (0.072, 0.124),
               (0.067, 0.13), (0.0, 0.13)),
)  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """A demo: its props left to right, its blows as (time in s, prop, force 0 to 1), and for a silent one the presets.

    ``seed`` draws the places of the blows and the textures, ``sound_seed`` varies modes and blows of what sounds;
    ``arm`` is the share of the swing that the arm makes.
    """

    name: str
    props: tuple[Prop, ...]
    pattern: tuple[tuple[float, int, float], ...]
    duration_s: float
    seed: int
    sound_seed: int = 0
    arm: float = 0.1
    presets: tuple[str, ...] = ()


DEMOS = (
    Demo(
        "sound",
        (STEEL_BIN, WOODEN_BLOCK, GLASS_JAR),
        ((0.70, 0, 0.85), (1.20, 0, 0.40), (1.72, 1, 0.80), (2.10, 1, 0.45), (2.62, 2, 0.70), (3.25, 0, 0.60),
         (3.62, 0, 0.30), (4.15, 1, 0.95), (4.68, 2, 0.45), (5.05, 2, 0.85), (5.65, 1, 0.60), (6.20, 0, 1.00)),
        7.5,
        1,
        7,
    ),
    Demo(
        "silent",
        (CERAMIC_POT, METAL_PAN, PLASTIC_TUB),
        ((0.75, 2, 0.70), (1.15, 2, 0.45), (1.70, 1, 0.90), (2.28, 0, 0.65), (2.64, 0, 0.40), (3.20, 1, 0.55),
         (3.80, 2, 0.95), (4.40, 1, 0.75), (4.95, 0, 0.90), (5.35, 0, 0.50), (6.00, 1, 1.00)),
        7.0,
        23,
        arm=0.3,
        presets=("Porcelain plate", "Frying pan", "Plastic container"),
    ),
)  # fmt: skip


def plan_demo(demo: Demo) -> TakePlan:
    """The plan of a demo's take: stage, blows (``force`` 0 to 1 gives tip speeds of 1.4 to 5.6 m/s), lights, camera."""
    things = tuple(prop.place(math.radians(12 * (i - 1)), demo.seed + i) for i, prop in enumerate(demo.props))
    stick = Striker("stick", "wood", 0.42, 0.013, 0.008, 0.03, (0.91, 0.72, 0.46), _BLACK, _BLACK, (0.8, -0.6, 0.0),
                    bare=True)  # fmt: skip
    wall = Paint("flat", (0.13, 0.20, 0.27), _BLACK, 0)
    stage = Stage(
        "wood", Paint("boards", (0.47, 0.27, 0.15), _BLACK, demo.seed + 4), 1.0, (1.0, 0.8), 0.6, "concrete", wall,
        wall, 2.2, things, (stick,),
        (Lamp((-1.25, -1.05, 2.1), (1.25, 1.04, 0.78), True, False), Lamp((1.2, 0.9, 0.9), (0.16, 0.24, 0.34), False,
         True)),
        (0.20, 0.20, 0.23), (0.20, 0.30, 0.38), 21.0, reflectance=0.10,
        quality=Quality(texture_px=1024, shadow_px=4096, samples=8, lathe_sides=96, slices=28, stacks=16),
    )  # fmt: skip
    rng = np.random.default_rng(demo.seed)
    heading = (math.cos(_HEADING_RAD), math.sin(_HEADING_RAD), 0.0)
    gestures = []
    for time_s, index, force in demo.pattern:
        prop = demo.props[index]
        x, y = rng.uniform(-_REACH_M, _REACH_M, 2)
        at = (prop.x_m + float(x), float(y), prop.height_m)
        speed, lift = 1.4 + 4.2 * force, math.radians(18.0 + 25.0 * force)
        pitch, up = math.radians(11.0), (0.0, 0.0, 1.0)
        gestures.append(Gesture("hit", time_s, at, up, heading, pitch, speed, lift, arm=demo.arm, rebound=0.45))
    shot = Shot(0.0, (0.035, -1.52, 0.775), (0.035, 0.0, 0.141), 21.0)
    camera = Camera(
        FRAME_RATE, (shot,), shake_rad=0.0, shake_hz=1.0, shutter=0.4, exposure=0.13, exposure_drift=0.0,
        gains=(1.0, 1.0, 1.0), gains_drift=0.0, noise=0.0, contrast=1.08, crf=int(ENCODING["crf"]), seed=demo.seed,
        max_subframes=10,
    )  # fmt: skip
    return TakePlan(demo.duration_s, stage, (tuple(gestures),), camera, 0.0, demo.seed, Room(0.2, 0.02, -74.0))


def simulate_demo(demo: Demo, plan: TakePlan) -> Trajectory:
    """Run a demo's physics; StruckError unless exactly its planned blows land."""
    trajectory = simulate_take(plan, SIZE)
    struck = [contact.owners[0] - THING for contact in trajectory.contacts]
    if struck != [prop for _, prop, _ in demo.pattern]:
        raise StruckError(f"the simulated stick struck objects {struck}, which is not the pattern; change the pattern")
    return trajectory


def synthesize_demo(demo: Demo, plan: TakePlan, trajectory: Trajectory) -> np.ndarray | None:
    """The sound of a demo whose props have bodies, mono float32 at 48 kHz."""
    modal_objects = {
        THING + k: make_modal_object(prop.body, prop.material, demo.sound_seed + k)
        for k, prop in enumerate(demo.props)
        if prop.body is not None
    }
    return synthesize_take(replace(plan, seed=demo.sound_seed), trajectory, modal_objects)


def make_clip(demo: Demo, folder: str | Path | None = None) -> Path:
    """Simulate a demo, render its picture and sound; writes demo_NAME.mp4 and its true onsets, demo_NAME.truth.json."""
    place = Path(folder) if folder else ASSETS
    place.mkdir(parents=True, exist_ok=True)
    plan = plan_demo(demo)
    trajectory = simulate_demo(demo, plan)
    path = place / f"demo_{demo.name}.mp4"
    sound = None if demo.presets else synthesize_demo(demo, plan, trajectory)
    frames = render_frames(plan.stage, trajectory, plan.camera, SIZE, plan.duration_s)
    write_clip(path, frames, FRAME_RATE, sound, ENCODING)
    onsets = [
        {
            "time_s": round(contact.time_s, 4),
            "struck": demo.props[contact.owners[0] - THING].name,
            "speed_m_per_s": round(contact.speed_m_per_s, 2),
        }
        for contact in trajectory.contacts
    ]
    rate = f"{FRAME_RATE.numerator}/{FRAME_RATE.denominator}"
    truth = {"frame_rate": rate, "duration_s": demo.duration_s, "onsets": onsets}
    (place / f"demo_{demo.name}.truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path
