"""Training takes from the simulator, in the layout of the Greatest Hits data set with exact truth beside it."""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import BadInput, StruckError
from engine.core.files import write_file
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.clip_writer import write_clip
from engine.lab.simulator.camera import aim_camera, find_visible, project, render_frames
from engine.lab.simulator.drawing import GET_OPENGL, check_drawing, load_mujoco
from engine.lab.simulator.materials import MATERIALS
from engine.lab.simulator.motion import GROUND, STRIKER, THING, Contact, Trajectory, plan_motion, simulate
from engine.lab.simulator.plan import TakePlan, draw_take
from engine.lab.simulator.scene import build_stage
from engine.lab.simulator.sound import ModalObject, Room, add_room, draw_modal_object, synthesize_object

SIZE = (224, 126)
TRUTH = ".truth.json"
VERSION = 3
_TAKES_A_PROCESS, _MOST_CRASHES = 20, 5
_Task = tuple[str, int, int, tuple[int, int], float]


def simulate_take(plan: TakePlan, size: tuple[int, int]) -> Trajectory:
    """Build a take's stage and run its physics."""
    mujoco = load_mujoco()
    xml, files = build_stage(plan.stage, *size)
    model = mujoco.MjModel.from_xml_string(xml, files)
    motions = [
        plan_motion(gestures, striker, plan.duration_s, plan.tremor_m, plan.seed + k)
        for k, (gestures, striker) in enumerate(zip(plan.gestures, plan.stage.strikers, strict=True))
    ]
    return simulate(mujoco, plan.stage, model, motions, plan.duration_s)


def material_of(plan: TakePlan, owner: int) -> str:
    """Material of what an owner of a contact is made of."""
    if owner >= STRIKER:
        return plan.stage.strikers[owner - STRIKER].material
    if owner >= THING:
        return plan.stage.things[owner - THING].material
    return plan.stage.ground if owner == GROUND else plan.stage.floor


def size_of(plan: TakePlan, owner: int) -> float:
    """Greatest extent of an owner, in metres; of a surface that has no end, 1."""
    if owner >= STRIKER:
        return plan.stage.strikers[owner - STRIKER].reach_m
    if owner >= THING:
        return plan.stage.things[owner - THING].size_m
    return 1.0


def sort_owners(plan: TakePlan, contact: Contact) -> tuple[int, int]:
    """Struck and striking owner: strikers strike everything, falling things strike what stands."""
    low, high = contact.owners
    if low < THING or high >= STRIKER:
        return low, high
    falls, stands = (plan.stage.things[owner - THING].held == "loose" for owner in (low, high))
    return (high, low) if falls and not stands else (low, high)


def describe_contacts(plan: TakePlan, trajectory: Trajectory, size: tuple[int, int]) -> dict[str, Any]:
    """Ground truth of a take: every contact with its time, impulse, materials, place in the picture, size and kind."""
    rows = []
    for contact, visible in zip(trajectory.contacts, find_visible(plan.stage, trajectory, plan.camera), strict=True):
        struck, striker = sort_owners(plan, contact)
        x, y, depth = project(plan.camera, contact.time_s, contact.at_m, size[0] / size[1])
        rows.append(
            {
                "time_s": round(contact.time_s, 5),
                "action": contact.action,
                "impulse_n_s": float(f"{contact.impulse_n_s:.4g}"),
                "speed_m_per_s": round(contact.speed_m_per_s, 3),
                "struck": material_of(plan, struck),
                "striker": material_of(plan, striker),
                "by": plan.stage.strikers[striker - STRIKER].kind if striker >= STRIKER else "thing",
                "x": round(x, 4),
                "y": round(y, 4),
                "in_picture": bool(0.0 <= x <= 1.0 and 0.0 <= y <= 1.0 and depth > 0.0),
                "in_sight": visible,
                "size_m": round(size_of(plan, struck), 4),
                "striker_size_m": round(size_of(plan, striker), 4),
                "duration_s": round(contact.lasts_s, 4),
            }
        )
    misses = [
        {"time_s": round(gesture.time_s, 4), "action": gesture.kind, "gap_m": round(gesture.gap_m, 4)}
        for gestures in plan.gestures for gesture in gestures if gesture.kind in ("miss", "wave")
    ]  # fmt: skip
    rate = plan.camera.frame_rate
    return {
        "version": VERSION,
        "frame_rate": f"{rate.numerator}/{rate.denominator}",
        "frames": round(plan.duration_s * rate),
        "size": list(size),
        "duration_s": round(plan.duration_s, 4),
        "cuts_s": [round(shot.start_s, 4) for shot in plan.camera.shots[1:]],
        "contacts": rows,
        "none": sorted(misses, key=lambda row: row["time_s"]),
    }


def synthesize_take(
    plan: TakePlan, trajectory: Trajectory, modal_objects: Mapping[int, ModalObject] | None = None
) -> np.ndarray | None:
    """The take's sound, mono float32 at 48 kHz; None where nothing touched anything.

    ``modal_objects`` are those of some owners, in place of drawn ones.
    """
    if not trajectory.contacts:
        return None
    total = round(plan.duration_s * SAMPLE_RATE_HZ)
    rng = np.random.default_rng([plan.seed, 7])
    blows: dict[int, list[tuple[float, float, float]]] = {}
    slides: dict[int, list[tuple[float, float, float]]] = {}
    for contact in trajectory.contacts:
        struck, striker = sort_owners(plan, contact)
        for owner, share in ((struck, 1.0), (striker, 0.25)):
            if contact.action == "hit":
                force = share * contact.impulse_n_s**0.8  # louder blows are compressed a little, as microphones do
                blows.setdefault(owner, []).append((contact.time_s, force, contact.speed_m_per_s))
            else:
                slides.setdefault(owner, []).append((contact.time_s, contact.lasts_s, share * contact.speed_m_per_s))
    dry = np.zeros(total)
    for owner in sorted(blows | slides):
        given = (modal_objects or {}).get(owner)
        modal_object = _draw_owner_modes(plan, owner, rng) if given is None else given
        dry += synthesize_object(modal_object, blows.get(owner, []), slides.get(owner, []), total, rng)
    room = plan.room or Room(float(rng.uniform(0.15, 0.6)), float(rng.uniform(0.05, 0.5)), float(rng.uniform(-75, -50)))
    return add_room(dry, room, rng)


def _draw_owner_modes(plan: TakePlan, owner: int, rng: np.random.Generator) -> ModalObject:
    shape = "box"
    if THING <= owner < STRIKER:
        shape = plan.stage.things[owner - THING].shape
    elif owner >= STRIKER:
        shape = "capsule"
    return draw_modal_object(material_of(plan, owner), shape, size_of(plan, owner), rng)


def format_times(truth: dict[str, Any]) -> str:
    """Lines of a Greatest Hits times file: time in s, material, hit or scratch, reaction."""
    lines = []
    for row in truth["contacts"]:
        action = "scratch" if row["action"] == "scrape" else "hit"
        lines.append(f"{row['time_s']:.6f} {row['struck']} {action} {MATERIALS[row['struck']].reaction}")
    return "".join(line + "\n" for line in lines)


def name_take(seed: int, index: int) -> str:
    """File name of a take, without an ending."""
    return f"sim_{seed}_{index:05d}"


def make_take(
    folder: Path, seed: int, index: int, size: tuple[int, int] = SIZE, duration_s: float = 0.0
) -> dict[str, Any]:
    """Make one take: NAME_mic.mp4 (NAME.mp4 when nothing sounds), NAME_times.txt and, last, NAME.truth.json."""
    plan = draw_take(seed, index, duration_s)
    trajectory = simulate_take(plan, size)
    plan = replace(plan, camera=aim_camera(plan.camera, trajectory.contacts, size[0] / size[1]))
    truth = describe_contacts(plan, trajectory, size)
    sound = synthesize_take(plan, trajectory)
    name = name_take(seed, index)
    clip = folder / f"{name}{'_mic' if sound is not None else ''}.mp4"
    frames = render_frames(plan.stage, trajectory, plan.camera, size, plan.duration_s)
    encoding = {"crf": str(plan.camera.crf), "preset": "veryfast", "g": "50", "threads": "1"}
    write_clip(clip, frames, plan.camera.frame_rate, sound, encoding)
    for path, text in (
        (folder / f"{name}_times.txt", format_times(truth)),
        (folder / f"{name}{TRUTH}", json.dumps({**truth, "clip": clip.name}, indent=1) + "\n"),
    ):
        write_file(path, text.encode())
    return truth


def is_complete(folder: Path, seed: int, index: int, size: tuple[int, int], duration_s: float = 0.0) -> bool:
    """Whether a take lies in the folder, made by this version, in this size and, where given, of this duration."""
    path = folder / f"{name_take(seed, index)}{TRUTH}"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        truth = json.loads(path.read_text(encoding="utf-8"))
        same = truth["version"] == VERSION and truth["size"] == list(size)
        same = same and (not duration_s or abs(truth["duration_s"] - duration_s) < 1e-3)
        return bool(same and (folder / truth["clip"]).stat().st_size)
    return False


def _make_one(task: _Task) -> tuple[int, int, str]:
    folder, seed, index, size, duration_s = task
    try:
        truth = make_take(Path(folder), seed, index, size, duration_s)
    except StruckError as error:
        return 0, 0, str(error)
    except OSError as error:
        return 0, 0, f"take {index} cannot be written ({error.strerror or error}); free some space and start again"
    return int(truth["frames"]), len(truth["contacts"]), ""


def _prepare_process() -> None:
    os.environ.setdefault("LP_NUM_THREADS", "1")  # the software OpenGL; takes are made side by side instead
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process stops the others
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this process when its parent has ended, for whatever reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run_tasks(tasks: list[_Task], jobs: int) -> Iterator[tuple[int, int, str]]:
    """Each take's result as it comes.

    Processes are renewed every few takes, for a software OpenGL leaks and at times crashes; what a crash took with it
    is made again.
    """
    waiting, crashes = list(tasks), 0
    while waiting:
        pool = ProcessPoolExecutor(
            min(jobs, len(waiting)), multiprocessing.get_context("spawn"), initializer=_prepare_process
        )
        futures = {pool.submit(_make_one, task): task for task in waiting[: jobs * _TAKES_A_PROCESS]}
        try:
            for future in as_completed(futures):
                result = future.result()
                waiting.remove(futures[future])
                yield result
        except BrokenProcessPool:
            crashes += 1
            if crashes > _MOST_CRASHES:
                raise StruckError(f"the software OpenGL crashed {crashes} times; {GET_OPENGL}") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def write_takes(
    folder: Path, count: int, seed: int, size: tuple[int, int] = SIZE, jobs: int = 0, duration_s: float = 0.0
) -> int:
    """Make takes 0 to count - 1 of a seed, those that are there left as they are; how many were made.

    The same whatever the number of processes. Progress goes to standard error. BadInput for a folder that cannot be
    written; StruckError where the machine cannot draw.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".struck.part"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise BadInput(f"--out {folder} cannot be written ({error.strerror}); choose another folder") from None
    missing = [k for k in range(count) if not is_complete(folder, seed, k, size, duration_s)]
    tasks = [(str(folder), seed, k, size, duration_s) for k in missing]
    if not tasks:
        _log(f"{folder}: all {count} takes are there")
        return 0
    check_drawing()
    jobs = min(jobs or (os.cpu_count() or 1), len(tasks))
    started = time.monotonic()
    frames = contacts = 0
    for done, (more, met, trouble) in enumerate(_run_tasks(tasks, jobs), 1):
        if trouble:
            raise StruckError(trouble)
        frames, contacts = frames + more, contacts + met
        _show_progress(done, len(tasks), frames / max(1e-9, time.monotonic() - started), started)
    _log(f"\n{folder}: {len(tasks)} takes made, {contacts} contacts, {time.monotonic() - started:.0f} s")
    return len(tasks)


def _show_progress(done: int, total: int, frames_per_s: float, started: float) -> None:
    """The progress bar: redrawn in a terminal, now and then a line elsewhere."""
    left_s = (time.monotonic() - started) * (total - done) / done
    filled = 30 * done // total
    line = (
        f"[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} takes, {frames_per_s:.0f} frames/s, {left_s:.0f} s left"
    )
    if sys.stderr.isatty():
        sys.stderr.write("\r" + line + " ")
        sys.stderr.flush()
    elif done == total or done % max(1, math.ceil(total / 20)) == 0:
        _log(line)


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of WxH; BadInput unless both are even and from 32 to 1920."""
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise BadInput(f"--size {text[:30]} is no size; give it as in 224x126") from None
    if not all(32 <= side <= 1920 and side % 2 == 0 for side in (width, height)):
        raise BadInput(f"--size {text[:30]} cannot be filmed; give even numbers from 32 to 1920, as in 224x126")
    return width, height
