"""Simulated takes of one thing struck at one place, as motion: what a still shows before, and how it then moves.

The striker's path, the displacement of what the still shows and the times of contact are those of the physics. Things
rock on springs whose frequency and decay follow the lowest mode and the decay of their sound, lowered until a film can
show them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from engine.animate.motion import CANVAS, GRID, RATE_HZ, Blow, Sound
from engine.lab.data.animate.pack import factor_field
from engine.lab.simulator.camera import aim_camera, find_visible, pose_stage, project, render_frames, view_at
from engine.lab.simulator.drawing import load_mujoco, open_renderer
from engine.lab.simulator.motion import STRIKER, THING, Contact, Trajectory, plan_motion, simulate
from engine.lab.simulator.plan import TakePlan, draw_take
from engine.lab.simulator.scene import build_stage
from engine.lab.simulator.sound import ModalObject, draw_modal_object
from engine.lab.simulator.stage import STEP_S
from engine.lab.simulator.takes import sort_owners

DURATION_S = 5.0
_OVER = 4  # pixels a cell, along each side, of which its displacement is the mean
_AT_REST_DAMPING = 0.08  # damping ratio of the simulator's rocking things
_RANGE_DB = 30.0
_QUIET_SHARE = 0.1
_FAR_AWAY_M = -40.0


@dataclass(frozen=True, eq=False)
class MotionTake:
    """A take as motion at RATE_HZ: ``still`` uint8 [rows, columns, 3] of CANVAS without the striker, ``paths`` [N, 4]
    of tip and grip, ``patterns`` [COMPONENTS, 2, rows, columns] of GRID and their ``curves`` [N, COMPONENTS], the
    place struck, the blows, and the sound of what is struck.
    """

    still: np.ndarray
    paths: np.ndarray
    patterns: np.ndarray
    curves: np.ndarray
    place: tuple[float, float]
    blows: tuple[Blow, ...]
    sound: Sound


def make_motion_take(seed: int, index: int) -> MotionTake | None:
    """Take ``index`` of ``seed``, the same every time; None where the blows are out of sight or there are none."""
    drawn = draw_take(seed, index, DURATION_S)
    if not drawn.gestures or not drawn.stage.strikers:
        return None
    rng = np.random.default_rng([seed, index, 11])
    plan = _strike_one_place(drawn, rng)
    if plan is None:
        return None
    voices = {
        THING + i: draw_modal_object(thing.material, thing.shape, thing.size_m, rng)
        for i, thing in enumerate(plan.stage.things)
    }
    plan, trajectory = _simulate(plan, voices)
    contacts = [c for c in trajectory.contacts if c.action == "hit" and max(sort_owners(plan, c)) >= STRIKER]
    if not contacts:
        return None
    plan = replace(plan, camera=aim_camera(plan.camera, contacts, GRID[1] / GRID[0]))
    seen = find_visible(plan.stage, replace(trajectory, contacts=tuple(contacts)), plan.camera)
    place = _find_place(plan, contacts)
    if np.mean(seen) < 0.7 or not (0.06 < place[0] < 0.94 and 0.1 < place[1] < 0.94):
        return None
    hidden = _hide_strikers(plan, trajectory)
    size = (CANVAS[1], CANVAS[0])
    frames = render_frames(plan.stage, hidden, plan.camera, (4 * size[0], 4 * size[1]), 1.0 / RATE_HZ)
    still = next(iter(frames)).reshape(CANVAS[0], 4, CANVAS[1], 4, 3).mean(axis=(1, 3))
    patterns, curves = _measure_field(plan, trajectory, hidden)
    struck = min(sort_owners(plan, contacts[0]))
    voice = voices.get(struck) or draw_modal_object("wood", "box", 0.5, rng)
    paths = _measure_paths(plan, trajectory, contacts, place)
    shown = np.clip(np.rint(still), 0, 255).astype(np.uint8)
    return MotionTake(shown, paths, patterns, curves, place, _list_blows(contacts), describe_voice(voice))


def describe_voice(voice: ModalObject) -> Sound:
    """Decay and centroid of an object's modes, weighted by their energy."""
    energy = voice.gain**2 / voice.decay_per_s
    energy = energy / energy.sum()
    slow = float((energy * voice.decay_per_s).sum())
    return Sound(math.log(1000.0) / slow, float((energy * voice.frequency_hz).sum()))


def _strike_one_place(drawn: TakePlan, rng: np.random.Generator) -> TakePlan | None:
    """One striker's blows of a plan, all near the first; nothing else moves, and the camera stands."""
    hits = [gesture for gesture in drawn.gestures[0] if gesture.kind == "hit"]
    if not hits:
        return None
    first = hits[0]
    scatter = 0.15 * float(rng.random())
    gestures = []
    for gesture in hits:
        x, y, z = (float(a + scatter * (b - a)) for a, b in zip(first.at_m, gesture.at_m, strict=True))
        if np.linalg.norm(np.subtract((x, y, z), first.at_m)) > 0.05 or gesture.normal != first.normal:
            x, y, z = first.at_m
        gestures.append(replace(gesture, at_m=(x, y, z), normal=first.normal, heading=first.heading))
    if rng.random() < 0.1:  # a striker that waits
        gestures = [replace(gestures[-1], time_s=DURATION_S - 0.3)]
    things = tuple(
        thing if thing.scenery else replace(thing, held="rocking", rock_hz=6.0)
        for thing in drawn.stage.things
        if thing.release_s == 0.0
    )
    stage = replace(drawn.stage, things=things, strikers=drawn.stage.strikers[:1], movers=())
    shot = replace(drawn.camera.shots[0], zoom_per_s=0.0)
    camera = replace(
        drawn.camera, frame_rate=Fraction(RATE_HZ), shots=(shot,), shake_rad=0.0, switches=(), noise=0.0,
        exposure_drift=0.0, gains_drift=0.0,
    )  # fmt: skip
    return replace(drawn, stage=stage, gestures=(tuple(gestures),), camera=camera)


def _simulate(plan: TakePlan, voices: dict[int, ModalObject]) -> tuple[TakePlan, Trajectory]:
    """Physics of a plan whose things rock as slowly, and for as long, as their sound suggests."""
    mujoco = load_mujoco()
    things, damping = [], {}
    for i, thing in enumerate(plan.stage.things):
        voice = voices[THING + i]
        lowest_hz = float(voice.frequency_hz.min())
        rock_hz = float(np.clip(2.5 + math.log2(max(lowest_hz, 60.0) / 60.0), 2.5, 9.0))
        rings_s = float(np.clip(0.13 * (describe_voice(voice).decay_s / 0.1) ** 0.45, 0.06, 0.8))
        damping[i] = float(np.clip(1.0 / (2 * math.pi * rock_hz * rings_s), 0.03, 0.6))
        things.append(replace(thing, rock_hz=rock_hz))
    plan = replace(plan, stage=replace(plan.stage, things=tuple(things)))
    xml, files = build_stage(plan.stage, GRID[1] * _OVER * 2, GRID[0] * _OVER * 2)
    model = mujoco.MjModel.from_xml_string(xml, files)
    for i, thing in enumerate(things):
        body = model.body(f"thing{i}").id
        if thing.held == "rocking":
            first = model.body_dofadr[body]
            model.dof_damping[first : first + model.body_dofnum[body]] *= damping[i] / _AT_REST_DAMPING
    motion = plan_motion(plan.gestures[0], plan.stage.strikers[0], plan.duration_s, plan.tremor_m, plan.seed)
    return plan, simulate(mujoco, plan.stage, model, [motion], plan.duration_s)


def _find_place(plan: TakePlan, contacts: list[Contact]) -> tuple[float, float]:
    spots = np.array([project(plan.camera, 0.0, c.at_m, GRID[1] / GRID[0])[:2] for c in contacts])
    x, y = np.median(spots, axis=0).tolist()
    return x, y


def _list_blows(contacts: list[Contact]) -> tuple[Blow, ...]:
    """Blows with their levels against the loudest, a range of 30 dB; very soft ones, such as of a bounce, are left."""
    impulse = np.array([max(c.impulse_n_s, 1e-9) for c in contacts])
    level_db = 16.0 * np.log10(impulse / impulse.max())  # loudness goes with impulse^0.8
    velocity = np.clip(1.0 + level_db / _RANGE_DB, 0.0, 1.0)
    return tuple(Blow(c.time_s, float(v)) for c, v in zip(contacts, velocity, strict=True) if v > _QUIET_SHARE)


def _hide_strikers(plan: TakePlan, trajectory: Trajectory) -> Trajectory:
    """A trajectory of one instant, before anything moves, with the strikers far below."""
    states = trajectory.states[:1].copy()
    for k in range(len(plan.stage.strikers)):
        first = trajectory.model.jnt_qposadr[trajectory.model.body(f"striker{k}").jntadr[0]]
        states[0, first : first + 3] = (0.0, 0.0, _FAR_AWAY_M)
    return replace(trajectory, states=states)


def _list_frames(plan: TakePlan) -> np.ndarray:
    return np.arange(int(plan.duration_s * RATE_HZ)) / RATE_HZ


def _measure_paths(
    plan: TakePlan, trajectory: Trajectory, contacts: list[Contact], place: tuple[float, float]
) -> np.ndarray:
    """What strikes, from the place, and the grip from there, [N, 4], in heights of the picture; 0 at the contacts."""
    model, striker = trajectory.model, plan.stage.strikers[0]
    first = model.jnt_qposadr[model.body("striker0").jntadr[0]]
    aspect = GRID[1] / GRID[0]

    def ends_at(now: float) -> tuple[float, float, float, float]:
        state = trajectory.states[min(round(now / STEP_S), len(trajectory.states) - 1)]
        grip = state[first : first + 3].astype(float)
        w, x, y, z = state[first + 3 : first + 7].astype(float)
        along = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)])
        tip = tuple(grip + striker.reach_m * along)
        (tip_x, tip_y, _), (grip_x, grip_y, _) = (project(plan.camera, 0.0, p, aspect) for p in (tip, tuple(grip)))
        return (tip_x - place[0]) * aspect, tip_y - place[1], (grip_x - tip_x) * aspect, grip_y - tip_y

    rows = np.array([ends_at(float(now)) for now in _list_frames(plan)])
    off = np.median([ends_at(c.time_s)[:2] for c in contacts], axis=0)  # what strikes lies beside the tip's middle
    return np.clip(rows - np.concatenate((off, -off)), -2.0, 2.0)


def _measure_field(plan: TakePlan, trajectory: Trajectory, hidden: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """How far each cell of the still moves: patterns [COMPONENTS, 2, rows, columns] and curves [N, COMPONENTS]."""
    mujoco = load_mujoco()
    rows, columns = GRID[0] * _OVER, GRID[1] * _OVER
    model, data = trajectory.model, mujoco.MjData(trajectory.model)
    eye, axes, fov = view_at(plan.camera, 0.0)
    with open_renderer(model, columns, rows) as renderer:
        pose_stage(mujoco, plan.stage, hidden, data, 0.0)
        data.cam_xpos[0], data.cam_xmat[0] = eye, axes.ravel()
        model.cam_fovy[0] = fov
        renderer.enable_depth_rendering()
        renderer.update_scene(data, camera="view")
        depth = renderer.render().copy()
        renderer.disable_depth_rendering()
        renderer.enable_segmentation_rendering()
        renderer.update_scene(data, camera="view")
        shapes = renderer.render()[..., 0].copy()
    half = math.tan(math.radians(fov) / 2.0)
    y, x = np.mgrid[0:rows, 0:columns]
    up, right = (1.0 - 2.0 * (y + 0.5) / rows) * half, ((x + 0.5) / columns * 2.0 - 1.0) * half * columns / rows
    local = np.stack([right * depth, up * depth, -depth], axis=-1)
    world = local @ axes.T + eye
    times_s = _list_frames(plan)
    moved = np.zeros((len(times_s), rows, columns, 2), np.float32)
    bodies = [model.body(f"thing{i}").id for i, t in enumerate(plan.stage.things) if t.held == "rocking"]
    owners = np.where(shapes >= 0, model.geom_bodyid[np.maximum(shapes, 0)], -1)
    starts = {body: _pose_of(data, body) for body in bodies}
    for k, now in enumerate(times_s):
        pose_stage(mujoco, plan.stage, trajectory, data, float(now))
        for body in bodies:
            mask = owners == body
            if not mask.any():
                continue
            place, turn = _pose_of(data, body)
            first, first_turn = starts[body]
            there = ((world[mask] - first) @ first_turn) @ turn.T + place
            view = (there - eye) @ axes
            reach = 2.0 * half * np.maximum(-view[:, 2], 1e-3)
            before = 2.0 * half * depth[mask]
            moved[k][mask] = np.stack(
                [view[:, 0] / reach - local[mask][:, 0] / before, local[mask][:, 1] / before - view[:, 1] / reach], 1
            )
    cells = moved.reshape(len(times_s), GRID[0], _OVER, GRID[1], _OVER, 2).mean(axis=(2, 4))
    return factor_field(cells.transpose(0, 3, 1, 2))


def _pose_of(data: Any, body: int) -> tuple[np.ndarray, np.ndarray]:
    return data.xpos[body].copy(), data.xmat[body].reshape(3, 3).copy()
