"""A simulator of clips: a drumstick strikes objects on a table, and its contacts are the true onsets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.lab.simulator.demo.scene import STICK_LENGTH_M, STICK_YAW_RAD, TIP_RADIUS_M, Prop, build_scene
from engine.lab.simulator.drawing import load_mujoco, open_renderer

CONTACT_PITCH_RAD = math.radians(11.0)
QUIET_BEFORE_CONTACT_S = 0.06


@dataclass(frozen=True)
class Blow:
    """A planned blow: when, on which prop, how hard (0 to 1), and where off the middle, in metres."""

    time_s: float
    prop: int
    force: float
    offset_x_m: float
    offset_y_m: float


@dataclass(frozen=True)
class Strike:
    """A true contact: its time, the prop, the tip's speed into it and where off the middle."""

    time_s: float
    prop: int
    speed_m_per_s: float
    offset_m: float


@dataclass(frozen=True)
class Take:
    """A simulated take: the model with its states [steps, nq], one every ``step_s``, and the true strikes."""

    model: Any
    states: np.ndarray
    step_s: float
    strikes: tuple[Strike, ...]


def plan_blows(props: Sequence[Prop], pattern: Sequence[tuple[float, int, float]], seed: int) -> list[Blow]:
    """Blows of a pattern of (time, prop, force), each a little off its prop's middle."""
    rng = np.random.default_rng(seed)
    blows = []
    for time_s, prop, force in pattern:
        reach = 0.34 * min(max(r for r, _ in props[prop].profile_m), 0.09)
        x, y = rng.uniform(-reach, reach, 2)
        blows.append(Blow(time_s, prop, force, float(x), float(y)))
    return blows


def _hermite(t: float, length: float, p0: float, v0: float, p1: float, v1: float) -> tuple[float, float]:
    """Position and speed at t of the cubic from (p0, v0) to (p1, v1), held at the ends."""
    if t <= 0.0:
        return p0, v0
    if t >= length:
        return p1, v1
    s = t / length
    position = (
        (2 * s**3 - 3 * s**2 + 1) * p0
        + (s**3 - 2 * s**2 + s) * length * v0
        + (3 * s**2 - 2 * s**3) * p1
        + (s**3 - s**2) * length * v1
    )
    speed = (6 * s**2 - 6 * s) * (p0 - p1) / length + (3 * s**2 - 4 * s + 1) * v0 + (3 * s**2 - 2 * s) * v1
    return position, speed


def _tip_speed(force: float) -> float:
    return 1.4 + 4.2 * force


def _lift_rad(force: float) -> float:
    return CONTACT_PITCH_RAD - math.radians(18.0 + 25.0 * force)


def _hand_target(props: Sequence[Prop], blow: Blow) -> tuple[float, float]:
    """Where the hand's hinge must be, along x and up, for the tip to meet the prop at the contact pitch."""
    prop = props[blow.prop]
    ahead = STICK_LENGTH_M * math.cos(CONTACT_PITCH_RAD)
    x = prop.x_m + blow.offset_x_m - ahead * math.cos(STICK_YAW_RAD)
    z = prop.height_m + TIP_RADIUS_M + STICK_LENGTH_M * math.sin(CONTACT_PITCH_RAD)
    return x, z


def simulate(props: Sequence[Prop], blows: Sequence[Blow], duration_s: float, size: tuple[int, int], seed: int) -> Take:
    """Let the stick play the blows; its torque-driven swing, the contacts and the rebounds come from the physics."""
    mujoco = load_mujoco()
    xml, files = build_scene(props, *size, seed)
    model = mujoco.MjModel.from_xml_string(xml, files)
    data = mujoco.MjData(model)
    step_s = float(model.opt.timestep)
    x_at, z_at, pitch_at = (model.joint(name).qposadr[0] for name in ("x", "z", "pitch"))
    tip = model.geom("tip").id
    solids = {model.geom(f"solid{i}").id: i for i in range(len(props))}
    stiffness = np.array([(2 * math.pi * f) ** 2 for f in (14.0, 14.0, 30.0)])
    joints = np.array([x_at, z_at, pitch_at])
    mass = np.zeros((model.nv, model.nv))

    mujoco.mj_forward(model, data)
    first = _hand_target(props, blows[0])
    y_hand = -STICK_LENGTH_M * math.cos(CONTACT_PITCH_RAD) * math.sin(STICK_YAW_RAD)
    model.body("carriage").pos[1] = y_hand
    data.qpos[joints] = (*first, _lift_rad(blows[0].force))
    reached = 0
    left_s, left_pitch, left_speed, left_hand = 0.0, _lift_rad(blows[0].force), 0.0, first
    last_touch_s = -1.0
    strikes: list[Strike] = []
    states = np.zeros((round(duration_s / step_s) + 1, model.nq), dtype=np.float32)
    for step in range(len(states)):
        now = step * step_s
        states[step] = data.qpos
        coming = blows[min(reached, len(blows) - 1)]
        lift = _lift_rad(coming.force)
        meet = CONTACT_PITCH_RAD
        speed = _tip_speed(coming.force) / STICK_LENGTH_M
        swing_s = 1.9 * (meet - lift) / speed
        begin_s = coming.time_s - swing_s if reached < len(blows) else math.inf
        hand = _hand_target(props, coming) if reached < len(blows) else left_hand
        if now < begin_s:
            rise = max(0.05, min(0.32, begin_s - left_s))
            pitch, pitch_speed = _hermite(now - left_s, rise, left_pitch, left_speed, lift, 0.0)
        elif now < coming.time_s:
            pitch, pitch_speed = _hermite(now - begin_s, swing_s, lift, 0.0, meet, speed)
        else:
            pitch, pitch_speed = meet + speed * (now - coming.time_s), speed
        travel = max(0.08, min(0.45, coming.time_s - left_s - 0.10))
        wait = max(0.03, coming.time_s - left_s - 0.07 - travel)
        x, x_speed = _hermite(now - left_s - wait, travel, left_hand[0], 0.0, hand[0], 0.0)
        z, z_speed = _hermite(now - left_s - wait, travel, left_hand[1], 0.0, hand[1], 0.0)
        error = np.array([x, z, pitch]) - data.qpos[joints]
        slip = np.array([x_speed, z_speed, pitch_speed]) - data.qvel[joints]
        mujoco.mj_fullM(model, data, mass)
        inertia = np.diag(mass)[joints]
        data.qfrc_applied[joints] = (
            inertia * (stiffness * error + 1.6 * np.sqrt(stiffness) * slip) + data.qfrc_bias[joints]
        )
        before = data.qvel[pitch_at] * STICK_LENGTH_M
        mujoco.mj_step(model, data)
        touched = [
            solids[other]
            for contact in data.contact[: data.ncon]
            for other, one in ((contact.geom1, contact.geom2), (contact.geom2, contact.geom1))
            if one == tip and other in solids
        ]
        if touched:
            if now - last_touch_s > QUIET_BEFORE_CONTACT_S and reached < len(blows):
                off = math.hypot(coming.offset_x_m, coming.offset_y_m)
                strikes.append(Strike(now + step_s, touched[0], float(before), off))
                left_s, left_pitch, left_speed = now, float(data.qpos[pitch_at]), -0.45 * speed
                left_hand = (float(data.qpos[x_at]), float(data.qpos[z_at]))
                reached += 1
            last_touch_s = now
    return Take(model, states, step_s, tuple(strikes))


def render_frames(
    take: Take, frame_rate: float, size: tuple[int, int], duration_s: float, subframes: int = 5
) -> Iterator[np.ndarray]:
    """Yield frames uint8 [H, W, 3], each the mean of ``subframes`` instants of an open shutter round its time."""
    mujoco = load_mujoco()
    width, height = size
    data = mujoco.MjData(take.model)
    with open_renderer(take.model, width, height) as renderer:
        for frame in range(round(duration_s * frame_rate)):
            total = np.zeros((height, width, 3), dtype=np.float32)
            for part in range(subframes):
                shutter_s = ((part + 0.5) / subframes - 0.5) * 0.4 / frame_rate
                step = round((frame / frame_rate + shutter_s) / take.step_s)
                data.qpos[:] = take.states[min(max(step, 0), len(take.states) - 1)]
                mujoco.mj_forward(take.model, data)
                renderer.update_scene(data, camera="view")
                total += (renderer.render().astype(np.float32) / 255.0) ** 2.2
            yield grade(total / subframes)


def grade(linear: np.ndarray) -> np.ndarray:
    """Film look of a linear picture [H, W, 3] in 0 to 1: exposure, soft shoulder, vignette."""
    height, width = linear.shape[:2]
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    vignette = (1.0 - 0.30 * np.clip(0.55 * x**2 + 0.45 * y**2, 0, 1) ** 1.3)[..., None]
    light = 1.55 * linear * vignette
    shown = (light * (1.0 + light / 4.0) / (1.0 + light)) ** (1 / 2.2)
    return np.asarray(np.clip(shown * 255.0 + 0.5, 0, 255), dtype=np.uint8)
