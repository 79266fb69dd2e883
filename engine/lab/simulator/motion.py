"""Rigid-body simulation: strikers driven along planned gestures; contacts are read from MuJoCo, not from the plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.lab.simulator.stage import STEP_S, Stage, Striker

GROUND, FLOOR, THING, STRIKER = 0, 1, 2, 1000
"""Owners of a contact: the surface, the floor below a table, thing i at THING + i, striker k at STRIKER + k."""

SLOWEST_HIT_M_PER_S = 0.12
_APART_S = 0.005
_MERGED_S = 0.03
_IMPULSE_S = 0.03
_GRIP_HZ, _WRIST_HZ = 14.0, 12.0


@dataclass(frozen=True)
class Gesture:
    """One planned gesture of a striker: ``hit``, ``miss`` (stops ``gap_m`` short), ``scrape`` (along ``slide_m`` for
    ``slide_s``) or ``wave`` (swings of ``slide_s`` each, ``gap_m`` away).

    ``at_m`` is the place, ``normal`` its outward normal, ``heading`` the stick's direction along the surface,
    ``pitch_rad`` its tilt into it, ``speed_m_per_s`` of the tip, ``lift_rad`` how far it is raised before,
    ``arm`` the share of the swing that the arm makes, ``rebound`` how fast it goes back. Lifting it takes
    ``rise_share`` of the time since the gesture before, at most ``rise_s``.
    """

    kind: str
    time_s: float
    at_m: tuple[float, float, float]
    normal: tuple[float, float, float]
    heading: tuple[float, float, float]
    pitch_rad: float
    speed_m_per_s: float
    lift_rad: float
    arm: float = 0.3
    rebound: float = 0.4
    gap_m: float = 0.0
    slide_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    slide_s: float = 0.0
    rise_share: float = 0.35
    rise_s: float = 0.28

    @property
    def end_s(self) -> float:
        """When the gesture is over."""
        return self.time_s + (self.slide_s if self.kind in ("scrape", "wave") else 0.0)


@dataclass(frozen=True)
class Contact:
    """A simulated contact: time, owners, impulse, speed, place, and the duration and length of its sliding."""

    time_s: float
    owners: tuple[int, int]
    action: str
    speed_m_per_s: float
    impulse_n_s: float
    at_m: tuple[float, float, float]
    lasts_s: float
    slide_m: float


@dataclass(frozen=True)
class Trajectory:
    """A simulated stage: the model, its states [steps, nq] every STEP_S, and the contacts in order of time."""

    model: Any
    states: np.ndarray
    contacts: tuple[Contact, ...]


@dataclass
class _OpenContact:
    start_s: float
    speed: float
    at: tuple[float, float, float]
    last_s: float
    impulse: float = 0.0
    slide: float = 0.0


def find_pose(gesture: Gesture, striker: Striker) -> tuple[np.ndarray, np.ndarray]:
    """Grip [3] and rotation [3, 3] of the striker at the gesture's contact: x points at the tip, z off the face."""
    n, h = np.asarray(gesture.normal, float), np.asarray(gesture.heading, float)
    h = h - n * (h @ n)
    h /= np.linalg.norm(h)
    x = math.cos(gesture.pitch_rad) * h - math.sin(gesture.pitch_rad) * n
    z = math.sin(gesture.pitch_rad) * h + math.cos(gesture.pitch_rad) * n
    off = z if striker.kind == "hammer" else n
    away = gesture.gap_m if gesture.kind == "wave" else 0.0
    grip = np.asarray(gesture.at_m) - striker.reach_m * x + (striker.tip_m + away) * off
    return grip, np.stack([x, np.cross(z, x), z], axis=1)


def interpolate_hermite(knots: Sequence[tuple[float, float, float, float]], times_s: np.ndarray) -> np.ndarray:
    """Cubic Hermite curve through (time, value, speed before, speed after), held at its ends."""
    at, value, before, after = (np.array(column) for column in zip(*knots, strict=True))
    index = np.clip(np.searchsorted(at, times_s, side="right") - 1, 0, len(at) - 2)
    span = np.maximum(at[index + 1] - at[index], 1e-6)
    s = np.clip((times_s - at[index]) / span, 0.0, 1.0)
    p0, p1, v0, v1 = value[index], value[index + 1], after[index] * span, before[index + 1] * span
    curve = (2 * s**3 - 3 * s**2 + 1) * p0 + (s**3 - 2 * s**2 + s) * v0
    return np.asarray(curve + (3 * s**2 - 2 * s**3) * p1 + (s**3 - s**2) * v1)


def plan_motion(
    gestures: Sequence[Gesture], striker: Striker, duration_s: float, tremor_m: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Planned poses of a striker every STEP_S: grips [steps, 3] and quaternions [steps, 4] (w first).

    The first gesture's place is approached from where the forearm comes from.
    """
    from scipy.spatial.transform import Rotation, Slerp

    rng = np.random.default_rng(seed)
    times = np.arange(round(duration_s / STEP_S) + 1) * STEP_S
    poses = [find_pose(gesture, striker) for gesture in gestures]
    outside = np.asarray(striker.elbow) * rng.choice([0.0, 0.25, 0.5])
    swing: list[tuple[float, float, float, float]] = [(-1.0, -gestures[0].lift_rad, 0.0, 0.0)]
    grips: list[tuple[float, np.ndarray]] = [(-1.0, poses[0][0] + outside)]
    turns: list[tuple[float, np.ndarray]] = [(-1.0, poses[0][1])]
    left_s = 0.0
    for gesture, (grip, turn) in zip(gestures, poses, strict=True):
        room_s = max(0.05, gesture.time_s - left_s)
        rate = gesture.speed_m_per_s / (striker.reach_m * (1.0 + gesture.arm))
        lift = min(gesture.lift_rad, 0.5 * room_s * rate / 1.9) if gesture.kind == "hit" else gesture.lift_rad
        swing_s = min(1.9 * lift / rate, 0.55 * room_s)
        back_s = left_s + min(gesture.rise_s, gesture.rise_share * room_s)
        begin_s = gesture.time_s - swing_s
        if left_s > 0.0:
            swing.append((back_s, -0.85 * lift, 0.0, 0.0))
            grips.append((left_s + 0.2 * (back_s - left_s), grips[-1][1]))
            turns.append((left_s, turns[-1][1]))
        if begin_s > back_s + 0.01:
            swing.append((begin_s, -lift, 0.0, 0.0))
        arrive_s = max(min(begin_s + 0.3 * swing_s, gesture.time_s - 0.02), left_s + 0.5 * room_s)
        grips.append((arrive_s, grip))
        turns.append((arrive_s, turn))
        left_s = gesture.end_s
        if gesture.kind == "hit":
            swing.append((gesture.time_s, 0.003 / striker.reach_m, rate, -gesture.rebound * rate))
        elif gesture.kind == "miss":
            swing.append((gesture.time_s, -gesture.gap_m / striker.reach_m / (1.0 + gesture.arm), 0.0, 0.0))
        elif gesture.kind == "scrape":
            press = 0.012 / striker.reach_m
            swing += [(gesture.time_s, press, 0.0, 0.0), (gesture.end_s, press, 0.0, 0.0)]
            grips += [(gesture.time_s + 0.03, grip), (gesture.end_s, grip + np.asarray(gesture.slide_m))]
        else:
            count = max(1, round(gesture.slide_s / 0.35))
            for k in range(count):
                middle = gesture.time_s + (k + 0.5) * gesture.slide_s / count
                swing.append((middle, (0.15 if k % 2 else -1.0) * lift, 0.0, 0.0))
    swing.append((max(left_s + 0.3, duration_s + 0.1), -gestures[-1].lift_rad, 0.0, 0.0))
    leave = np.asarray(striker.elbow) * rng.choice([0.0, 0.0, 0.4])
    grips += [(left_s + 0.25, grips[-1][1]), (max(left_s + 0.9, duration_s), grips[-1][1] + leave)]
    turns.append((max(left_s + 1.0, duration_s + 1.0), turns[-1][1]))
    grips, turns = _ascending(grips), _ascending(turns)
    angle = interpolate_hermite(_ascending(swing), times)
    places = np.stack(
        [interpolate_hermite([(t, float(p[axis]), 0.0, 0.0) for t, p in grips], times) for axis in range(3)], axis=1
    )
    places += tremor_m * _draw_tremor(times, 1.5, rng)
    warped = interpolate_hermite([(t, float(k), 0.0, 0.0) for k, (t, _) in enumerate(turns)], times)
    base = Slerp(np.arange(len(turns)), Rotation.from_matrix(np.stack([r for _, r in turns])))(
        np.clip(warped, 0, len(turns) - 1)
    )
    arms = [(gesture.time_s, gesture.arm, 0.0, 0.0) for gesture in gestures]
    share = interpolate_hermite([*arms, (duration_s + 9.0, 0.0, 0.0, 0.0)], times)
    places -= (share * striker.reach_m * np.sin(np.minimum(angle, 0.0)))[:, None] * base.as_matrix()[:, :, 2]
    full = base * Rotation.from_rotvec(np.stack([0 * angle, angle, 0 * angle], axis=1))
    return places, full.as_quat()[:, [3, 0, 1, 2]]


def _ascending(knots: list[Any]) -> list[Any]:
    """Knots in increasing order of time; those that do not increase are dropped."""
    kept = [knots[0]]
    for knot in knots[1:]:
        if knot[0] > kept[-1][0] + 1e-3:
            kept.append(knot)
    return kept


def _draw_tremor(times_s: np.ndarray, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random motion of three axes, about -1 to 1."""
    waves = rng.uniform(0.3, 1.3, (4, 3)) * rate_hz
    phase = rng.uniform(0, 2 * math.pi, (4, 3))
    return np.asarray(np.sin(2 * math.pi * waves * times_s[:, None, None] + phase).mean(axis=1))


def simulate(
    mujoco: Any, stage: Stage, model: Any, motions: Sequence[tuple[np.ndarray, np.ndarray]], duration_s: float
) -> Trajectory:
    """Run the physics: strikers follow their planned motions, loose things fall, contacts are recorded.

    ``motions`` has grips and quaternions of each striker. Contacts' times are interpolated within the step from depth
    and speed.
    """
    data = mujoco.MjData(model)
    steps = round(duration_s / STEP_S) + 1
    states = np.zeros((steps, model.nq), dtype=np.float32)
    owner = np.array([find_owner(model, geom) for geom in range(model.ngeom)])
    held = [
        (i, model.jnt_qposadr[model.body(f"thing{i}").jntadr[0]], model.jnt_dofadr[model.body(f"thing{i}").jntadr[0]])
        for i, thing in enumerate(stage.things)
        if thing.held == "loose"
    ]
    drives = []
    for k, (places, quats) in enumerate(motions):
        joint = model.body(f"striker{k}").jntadr[0]
        q, v = model.jnt_qposadr[joint], model.jnt_dofadr[joint]
        data.qpos[q : q + 3], data.qpos[q + 3 : q + 7] = places[0], quats[0]
        speed = np.gradient(places, STEP_S, axis=0)
        force = np.clip(np.gradient(speed, STEP_S, axis=0), -60.0, 60.0)
        spin = _angular_speed(quats)
        twist = np.clip(np.gradient(spin, STEP_S, axis=0), -400.0, 400.0)
        body = model.body(f"striker{k}").id
        drives.append(
            (q, v, places, quats, speed, force, spin, twist, model.body_mass[body], model.body_inertia[body][0])
        )
    start = data.qpos.copy()
    found: list[Contact] = []
    open_contacts: dict[tuple[int, int], _OpenContact] = {}
    error = np.zeros(3)
    grip, wrist = (2 * math.pi * _GRIP_HZ) ** 2, (2 * math.pi * _WRIST_HZ) ** 2
    for step in range(steps):
        now = step * STEP_S
        for i, q, v in held:
            release = round(stage.things[i].release_s / STEP_S)
            if step <= release:
                data.qpos[q : q + 7] = start[q : q + 7]
                data.qvel[v : v + 6] = 0.0
                if step == release:
                    data.qvel[v : v + 3] = stage.things[i].velocity_m_per_s
                    data.qvel[v + 3 : v + 6] = stage.things[i].spin_rad_per_s
        for q, v, places, quats, speed, force, spin, twist, mass, inertia in drives:
            mujoco.mju_subQuat(error, quats[step], data.qpos[q + 3 : q + 7])
            pull = grip * (places[step] - data.qpos[q : q + 3])
            pull += 1.5 * math.sqrt(grip) * (speed[step] - data.qvel[v : v + 3]) + force[step]
            turn = wrist * error + 1.4 * math.sqrt(wrist) * (spin[step] - data.qvel[v + 3 : v + 6]) + twist[step]
            data.qfrc_applied[v : v + 3] = mass * pull
            data.qfrc_applied[v + 3 : v + 6] = inertia * turn
        states[step] = data.qpos
        mujoco.mj_step(model, data)
        if data.ncon:
            _read_contacts(data, owner, now, open_contacts)
        for key in [key for key, one in open_contacts.items() if now - one.last_s > _APART_S]:
            found += _classify_contact(key, open_contacts.pop(key))
    for key, one in open_contacts.items():
        found += _classify_contact(key, one)
    return Trajectory(model, states, merge_contacts(found))


def find_owner(model: Any, geom: int) -> int:
    """Owner of a shape; visual shapes belong to the surface."""
    name = model.body(model.geom_bodyid[geom]).name
    if name.startswith("thing"):
        return THING + int(name[5:])
    if name.startswith("striker"):
        return STRIKER + int(name[7:])
    return FLOOR if model.geom(geom).name == "floor" else GROUND


def _angular_speed(quats: np.ndarray) -> np.ndarray:
    """Angular velocity in the turning body's own axes, [steps, 3]."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_quat(quats[:, [1, 2, 3, 0]])
    spin = (turns[:-1].inv() * turns[1:]).as_rotvec() / STEP_S
    return np.concatenate([spin, spin[-1:]])


def _read_contacts(
    data: Any, owner: np.ndarray, now: float, open_contacts: dict[tuple[int, int], _OpenContact]
) -> None:
    """Update open contacts with this step's, or open new ones."""
    geoms, address, depth = owner[data.contact.geom], data.contact.efc_address, data.contact.dist
    for c in range(data.ncon):
        at = address[c]
        if at < 0:
            continue
        key = (int(geoms[c].min()), int(geoms[c].max()))
        away = float(data.efc_vel[at])
        one = open_contacts.get(key)
        if one is None:
            early = min(-float(depth[c]) / max(-away, 0.05), STEP_S)
            x, y, z = (float(value) for value in data.contact.pos[c])
            one = open_contacts[key] = _OpenContact(max(0.0, now - early), -away, (x, y, z), now - STEP_S)
        elif now - one.start_s < 0.012:
            one.speed = max(one.speed, -away)
        if now - one.start_s < _IMPULSE_S:
            one.impulse += float(data.efc_force[at]) * STEP_S
        if one.last_s < now:  # once a step, however many points touch, and over the steps of which none did
            one.slide += math.hypot(data.efc_vel[at + 1], data.efc_vel[at + 2]) * (now - one.last_s)
        one.last_s = now


def _classify_contact(key: tuple[int, int], one: _OpenContact) -> list[Contact]:
    """Classify a contact that has ended: as a hit, a scrape, both or neither."""
    lasts = one.last_s - one.start_s + STEP_S
    found = []
    if one.speed >= SLOWEST_HIT_M_PER_S:
        found.append(Contact(one.start_s, key, "hit", one.speed, one.impulse, one.at, lasts, one.slide))
    if lasts > 0.1 and one.slide > 0.025 and one.slide / lasts > 0.05:
        found.append(Contact(one.start_s, key, "scrape", one.slide / lasts, one.impulse, one.at, lasts, one.slide))
    return found


def merge_contacts(contacts: Sequence[Contact]) -> tuple[Contact, ...]:
    """Contacts in order of time: those of a pair within _MERGED_S become one hit, those during a scrape part of it."""
    kept: list[Contact] = []
    for contact in sorted(contacts, key=lambda t: (t.time_s, t.action)):
        last = next((i for i in range(len(kept) - 1, -1, -1) if kept[i].owners == contact.owners), None)
        if last is not None and contact.action == "hit" == kept[last].action:
            before = kept[last]
            if contact.time_s - before.time_s < _MERGED_S:
                kept[last] = replace(
                    before,
                    speed_m_per_s=max(before.speed_m_per_s, contact.speed_m_per_s),
                    impulse_n_s=before.impulse_n_s + contact.impulse_n_s,
                    lasts_s=contact.time_s - before.time_s + contact.lasts_s,
                    slide_m=before.slide_m + contact.slide_m,
                )
                continue
        kept.append(contact)
    return tuple(kept)
