"""The simulator's camera: pose and shake, shutter, exposure, tone curve and noise; frames rendered through it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from engine.lab.simulator.drawing import load_mujoco, open_renderer
from engine.lab.simulator.motion import Contact, Trajectory, find_owner
from engine.lab.simulator.stage import STEP_S, Stage

_LEVELS = 4096


@dataclass(frozen=True)
class Shot:
    """A camera position from ``start_s`` on: eye and target in metres, height of view in degrees, roll, zoom.

    The picture is enlarged by 1 + ``zoom_per_s`` a second.
    """

    start_s: float
    eye_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    fov_deg: float
    roll_rad: float = 0.0
    zoom_per_s: float = 0.0


@dataclass(frozen=True)
class Camera:
    """What the camera does: shots, shake (radians), shutter (share of a frame), exposure and colour with their drift.

    ``exposure`` is the mean of linear light that the first frame is set to; ``noise`` the sensor's, of full scale;
    ``switches`` are lamps going on or off, as (time, factor of light); ``contrast`` the steepness of the
    tone curve; ``crf`` x264's; ``max_subframes`` those that a frame averages for its motion blur.
    """

    frame_rate: Fraction
    shots: tuple[Shot, ...]
    shake_rad: float
    shake_hz: float
    shutter: float
    exposure: float
    exposure_drift: float
    gains: tuple[float, float, float]
    gains_drift: float
    noise: float
    contrast: float
    crf: int
    seed: int
    switches: tuple[tuple[float, float], ...] = ()
    max_subframes: int = 6


def view_at(camera: Camera, time_s: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Eye [3], axes [3, 3] (columns right, up, backward) and height of view in degrees at a time."""
    shot = next(shot for shot in reversed(camera.shots) if shot.start_s <= max(time_s, 0.0))
    eye, target = np.array(shot.eye_m), np.array(shot.target_m)
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.array([-back[1], back[0], 0.0]) / math.hypot(back[0], back[1])
    up = _cross(back, right)
    rng = np.random.default_rng(camera.seed)
    waves, phase = rng.uniform(0.3, 1.6, (3, 4)) * camera.shake_hz, rng.uniform(0, 2 * math.pi, (3, 4))
    pan, tilt, roll = camera.shake_rad * np.sin(2 * math.pi * waves * time_s + phase).mean(axis=1)
    back = back + pan * right + tilt * up
    back /= np.linalg.norm(back)
    right = right - back * (right @ back)
    right /= np.linalg.norm(right)
    up = _cross(back, right)
    turn = shot.roll_rad + roll
    axes = np.stack(
        [right * math.cos(turn) + up * math.sin(turn), up * math.cos(turn) - right * math.sin(turn), back], 1
    )
    zoom = max(0.3, 1.0 + shot.zoom_per_s * (time_s - shot.start_s))
    return eye, axes, math.degrees(2.0 * math.atan(math.tan(math.radians(shot.fov_deg) / 2.0) / zoom))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross product of two vectors [3], without the general one's cost."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def project(
    camera: Camera, time_s: float, at_m: tuple[float, float, float], aspect: float
) -> tuple[float, float, float]:
    """Where a point lies in the picture, x to the right and y down, 0 to 1 inside it, and its depth in metres."""
    eye, axes, fov = view_at(camera, time_s)
    x, y, z = axes.T @ (np.asarray(at_m) - eye)
    half = math.tan(math.radians(fov) / 2.0) * max(-z, 1e-6)
    return 0.5 + 0.5 * x / (half * aspect), 0.5 - 0.5 * y / half, -z


def render_frames(
    stage: Stage, trajectory: Trajectory, camera: Camera, size: tuple[int, int], duration_s: float
) -> Iterator[np.ndarray]:
    """Yield frames uint8 [H, W, 3]; frame k shows the shutter's opening round k / frame rate.

    As many subframes are averaged in linear light as the fastest thing in view needs, at most ``camera.max_subframes``.
    """
    mujoco = load_mujoco()
    width, height = size
    rate = float(camera.frame_rate)
    data = mujoco.MjData(trajectory.model)
    rng = np.random.default_rng([camera.seed, 1])
    grain = rng.standard_normal((6, height, width, 3)).astype(np.float32) * camera.noise
    vignette = _vignette(width, height, float(rng.uniform(0.0, 0.35)))
    wander = rng.uniform(0.05, 0.35, 4), rng.uniform(0, 2 * math.pi, 4)
    curve = _tone_curve(camera.contrast)
    linear = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
    set_to = 0.0
    with open_renderer(trajectory.model, width, height) as renderer:
        for frame in range(round(duration_s * rate)):
            now = frame / rate
            subframes = _count_subframes(trajectory, camera, stage, now, height)
            total = np.zeros((height, width, 3), dtype=np.float32)
            for part in range(subframes):
                time_s = now + ((part + 0.5) / subframes - 0.5) * camera.shutter / rate
                pose_stage(mujoco, stage, trajectory, data, time_s)
                mujoco.mj_camlight(trajectory.model, data)
                eye, axes, fov = view_at(camera, time_s)
                data.cam_xpos[0], data.cam_xmat[0] = eye, axes.ravel()
                trajectory.model.cam_fovy[0] = fov
                renderer.update_scene(data, camera="view")
                total += linear[renderer.render()]
            if frame == 0:
                set_to = float(np.clip(camera.exposure / max(float(total.mean()) / subframes, 1e-4), 0.2, 8.0))
            drift = np.sin(2 * math.pi * wander[0] * now + wander[1])
            lit = math.prod(factor for start_s, factor in camera.switches if start_s <= now)
            gain = lit * set_to * (1.0 + camera.exposure_drift * drift[0]) / subframes
            colour = np.array(camera.gains) * (1.0 + camera.gains_drift * drift[1:])
            light = total * vignette * (gain * colour).astype(np.float32)
            shown = curve[np.minimum(light * 1023.0, _LEVELS - 1).astype(np.int32)]
            shown += np.roll(grain[frame % 6], rng.integers(0, (height, width)), axis=(0, 1))
            yield np.clip(shown * 255.0 + 0.5, 0, 255).astype(np.uint8)


def pose_stage(mujoco: Any, stage: Stage, trajectory: Trajectory, data: Any, time_s: float) -> None:
    """Set a state to an instant of a trajectory, with forearms and movers, and place its shapes."""
    model = trajectory.model
    data.qpos[:] = trajectory.states[min(max(round(time_s / STEP_S), 0), len(trajectory.states) - 1)]
    for k, striker in enumerate(stage.strikers):
        if not striker.bare:
            grip = model.jnt_qposadr[model.body(f"striker{k}").jntadr[0]]
            data.mocap_pos[model.body(f"arm{k}").mocapid[0]] = data.qpos[grip : grip + 3]
    for i, mover in enumerate(stage.movers):
        data.mocap_pos[model.body(f"mover{i}").mocapid[0]] = mover.place_at(time_s)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)


def find_visible(stage: Stage, trajectory: Trajectory, camera: Camera) -> list[bool]:
    """Whether each contact is visible from the camera, unoccluded but for its own striker."""
    mujoco = load_mujoco()
    data = mujoco.MjData(trajectory.model)
    visible = []
    for contact in trajectory.contacts:
        pose_stage(mujoco, stage, trajectory, data, contact.time_s)
        eye = view_at(camera, contact.time_s)[0]
        way = np.asarray(contact.at_m) - eye
        away = float(np.linalg.norm(way))
        met = np.full(1, -1, dtype=np.int32)
        reach = mujoco.mj_ray(trajectory.model, data, eye, way / away, None, 1, -1, met)
        own = met[0] >= 0 and find_owner(trajectory.model, int(met[0])) == contact.owners[1]
        visible.append(bool(reach < 0 or own or reach > away - 0.03))
    return visible


def aim_camera(camera: Camera, contacts: Sequence[Contact], aspect: float) -> Camera:
    """The camera turned and, where need be, widened so that most contacts lie in the picture; as it was if they do."""
    if not contacts:
        return camera
    middle = np.median([t.at_m for t in contacts], axis=0)
    near = [t for t in contacts if np.linalg.norm(np.asarray(t.at_m) - middle) < 0.6] or list(contacts)
    if _share_in_picture(camera, near, aspect) >= 0.9:
        return camera
    places = np.array([t.at_m for t in near])
    centre = 0.5 * (places.min(axis=0) + places.max(axis=0))
    shots = []
    for shot in camera.shots:
        eye = np.array(shot.eye_m) + centre - np.array(shot.target_m)
        eye[2] = max(eye[2], 0.06)
        shots.append(replace(shot, eye_m=tuple(eye.tolist()), target_m=tuple(centre.tolist())))
    for _ in range(6):
        camera = replace(camera, shots=tuple(shots))
        if _share_in_picture(camera, near, aspect) >= 0.9:
            break
        shots = [replace(shot, fov_deg=min(1.15 * shot.fov_deg, 75.0)) for shot in shots]
    return camera


def _share_in_picture(camera: Camera, contacts: Sequence[Contact], aspect: float) -> float:
    inside = 0
    for contact in contacts:
        x, y, depth = project(camera, contact.time_s, contact.at_m, aspect)
        inside += 0.04 < x < 0.96 and 0.06 < y < 0.94 and depth > 0
    return inside / len(contacts)


def _count_subframes(trajectory: Trajectory, camera: Camera, stage: Stage, now: float, height: int) -> int:
    """Instants that keep steps of the fastest tip, loose thing and the camera under some 4 pixels."""
    span = camera.shutter / float(camera.frame_rate)
    first, last = (min(max(round((now + s * span / 2) / STEP_S), 0), len(trajectory.states) - 1) for s in (-1, 1))
    if first == last:
        return 1
    model = trajectory.model
    most = 0.0
    for name, reach in [(f"striker{k}", s.reach_m) for k, s in enumerate(stage.strikers)] + [
        (f"thing{i}", 0.0) for i, thing in enumerate(stage.things) if thing.held == "loose"
    ]:
        q = model.jnt_qposadr[model.body(name).jntadr[0]]
        a, b = trajectory.states[first, q : q + 7], trajectory.states[last, q : q + 7]
        turn = 2.0 * math.acos(min(1.0, abs(float(a[3:7] @ b[3:7]))))
        most = max(most, float(np.linalg.norm(a[:3] - b[:3])) + turn * reach)
    fov = view_at(camera, now)[2]
    shot = next(shot for shot in reversed(camera.shots) if shot.start_s <= now)
    away = float(np.linalg.norm(np.array(shot.eye_m) - np.array(shot.target_m)))
    pixels = most / (2.0 * away * math.tan(math.radians(fov) / 2.0)) * height
    pixels += camera.shake_rad * camera.shake_hz * 6.0 * span / math.radians(fov) * height
    return int(min(camera.max_subframes, max(1, math.ceil(pixels / 4.0))))


def _vignette(width: int, height: int, depth: float) -> np.ndarray:
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j]
    return np.asarray((1.0 - depth * np.clip(0.5 * x**2 + 0.5 * y**2, 0, 1))[..., None], dtype=np.float32)


def _tone_curve(contrast: float) -> np.ndarray:
    """Shown value, 0 to 1, of light at k / 1023: a shoulder that rolls off above 1, then gamma and contrast."""
    light = np.arange(_LEVELS) / 1023.0
    shown = (light * (1.0 + light / 6.0) / (1.0 + 0.5 * light)) ** (1 / 2.2)
    return np.asarray(np.clip(0.5 + contrast * (shown - 0.5), 0, 1), dtype=np.float32)
