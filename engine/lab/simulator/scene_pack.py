"""Pairs of a simulated picture and its hit's sound, made in parts that a broken run goes on from."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.diffusion.conditioning import name_material
from engine.lab.data.scene.pack import ScenePack, crop_picture, join_packs, make_pack, read_pack, write_pack
from engine.lab.simulator.camera import aim_camera, find_visible, project, render_frames
from engine.lab.simulator.motion import STEP_S, Contact, Trajectory
from engine.lab.simulator.plan import TakePlan, draw_take
from engine.lab.simulator.takes import material_of, name_take, simulate_take, sort_owners, synthesize_take
from engine.scene.hearing import hear_sound

PART = 25
DURATION_S = 4.0
PER_TAKE = 4
_SIZE = (224, 126)
_APART_S, _AGAIN_S = 0.15, 0.35  # until the next contact; between two that are chosen


def simulate_pairs(work: Path, seed: int, count: int, say: Callable[[str], None], most: int = PER_TAKE) -> ScenePack:
    """Pairs of the takes 0 to ``count`` - 1 of a seed, at most ``most`` of each; parts are kept in ``work``."""
    work.mkdir(parents=True, exist_ok=True)
    parts = []
    for first in range(0, count, PART):
        path = work / f"part_{seed}_{first:05d}.npz"
        if not path.is_file():
            _make_part(path, seed, range(first, min(first + PART, count)), most)
            say(f"{min(first + PART, count)}/{count} takes simulated")
        parts.append(read_pack(path))
    return join_packs(parts)


def _make_part(path: Path, seed: int, indices: Sequence[int], most: int) -> None:
    """A part in a process of its own, for a software OpenGL leaks; one that crashes is tried once more."""
    for _ in range(2):
        process = multiprocessing.get_context("spawn").Process(target=_simulate, args=(path, seed, list(indices), most))
        process.start()
        process.join()
        if path.is_file():
            return
    raise BadInput(f"takes {indices[0]} to {indices[-1]} of seed {seed} cannot be simulated; try another --seed")


def _simulate(path: Path, seed: int, indices: list[int], most: int) -> None:
    os.environ.setdefault("LP_NUM_THREADS", "1")
    pictures, sounds, materials, groups = [], [], [], []
    for index in indices:
        for picture, sound, material in list_pairs(draw_take(seed, index, DURATION_S), most):
            pictures.append(picture)
            sounds.append(sound)
            materials.append(material)
            groups.append(name_take(seed, index))
    write_pack(path, make_pack(pictures, sounds, materials, groups))


def list_pairs(plan: TakePlan, most: int) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """Picture at a hit, the hit's sound as the encoder hears it, and the material struck; the clearest of a take."""
    trajectory = simulate_take(plan, _SIZE)
    plan = replace(plan, camera=aim_camera(plan.camera, trajectory.contacts, _SIZE[0] / _SIZE[1]))
    sound = synthesize_take(plan, trajectory)
    if sound is None:
        return []
    found = []
    for contact in _choose(plan, trajectory, most):
        x = project(plan.camera, 0.0, contact.at_m, _SIZE[0] / _SIZE[1])[0]
        first = round(contact.time_s / STEP_S)
        instant = replace(trajectory, states=trajectory.states[first : first + 1])
        frames = render_frames(plan.stage, instant, plan.camera, _SIZE, 1.0 / float(plan.camera.frame_rate))
        material = name_material(material_of(plan, sort_owners(plan, contact)[0]))
        try:
            heard = hear_sound(sound, SAMPLE_RATE_HZ, contact.time_s)
        except BadInput:  # too soft to be heard
            continue
        found.append((crop_picture(next(iter(frames)), x), heard, material))
    return found


def _choose(plan: TakePlan, trajectory: Trajectory, most: int) -> list[Contact]:
    """Contacts that are in sight and heard for themselves, the strongest first, at most two of a thing."""
    contacts = [contact for contact in trajectory.contacts if contact.action == "hit"]
    seen = find_visible(plan.stage, replace(trajectory, contacts=tuple(contacts)), plan.camera)
    times = np.array([contact.time_s for contact in contacts])
    chosen: list[Contact] = []
    count: Counter[int] = Counter()
    order = sorted(zip(contacts, seen, strict=True), key=lambda pair: -pair[0].impulse_n_s)
    for contact, visible in order:
        x, y, depth = project(plan.camera, 0.0, contact.at_m, _SIZE[0] / _SIZE[1])
        later = times[times > contact.time_s + 1e-3]
        struck = sort_owners(plan, contact)[0]
        alone = not len(later) or later.min() - contact.time_s > _APART_S
        apart = all(abs(contact.time_s - other.time_s) > _AGAIN_S for other in chosen)
        if visible and alone and apart and 0.05 < x < 0.95 and 0.05 < y < 0.95 and depth > 0 and count[struck] < 2:
            chosen.append(contact)
            count[struck] += 1
        if len(chosen) == most:
            break
    return chosen
