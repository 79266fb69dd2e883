"""Building blocks of edits: Edit, ranges of values, checks and ids."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, Protocol

from engine.core.errors import BadInput, quote
from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ
from engine.document.project import Hit, Project, Sound
from engine.document.seeds import MAX_SEED as MAX_SEED
from engine.document.strip import CUTOFF_RANGE_HZ, DISTANCE_RANGE_M, SEND_OFF_DB
from engine.physics.model import VELOCITY_RANGE_DB as VELOCITY_RANGE_DB
from engine.physics.model import Macros, Modes, Residual

FREQUENCY_RANGE_HZ = (1.0, SAMPLE_RATE_HZ / 2.0)
POWER_RANGE_DB = (-120.0, 24.0)
DECAY_RANGE_PER_S = (LN_60_DB / 60.0, LN_60_DB / 0.001)  # T60 from 60 s down to 1 ms
GAIN_RANGE_DB = (-60.0, 24.0)
PITCH_RANGE_CENTS = (-4800.0, 4800.0)
DECAY_RATIO_RANGE = (0.05, 20.0)
RESIDUAL_RANGE_DB = (-60.0, 24.0)
STEPS_RANGE = (1, 64)
GUIDANCE_RANGE = (0.0, 8.0)
VARIATION_RANGE = (0.0, 1.0)
WIDTH_RANGE = (0.0, 1.0)
TARGET_RANGE_LUFS = (-60.0, 0.0)
DETAIL_RANGE = (0.0, 1.0)
DISTANCE_OFFSET_RANGE_M = (-50.0, 50.0)
STRIP_RANGES = {
    "gain_db": GAIN_RANGE_DB,
    "pan": (-1.0, 1.0),
    "distance_m": DISTANCE_RANGE_M,
    "room_db": (SEND_OFF_DB, 24.0),
    "high_pass_hz": (0.0, CUTOFF_RANGE_HZ[1]),
    "low_pass_hz": (0.0, CUTOFF_RANGE_HZ[1]),
    "surround_deg": (-180.0, 180.0),
    "lfe_db": (SEND_OFF_DB, 12.0),
}
COLOR = re.compile("(#[0-9a-f]{6})?")
STROKE_LENGTH_RANGE_S = (0.02, 60.0)
STROKE_SPEED_RANGE_M_PER_S = (0.01, 5.0)
GRAIN_RANGE_MM = (0.02, 20.0)
MOST_SPEEDS = 512
MAX_HITS = 10_000
MAX_MARKERS = 1000
MAX_TRACK = 999
NAME_LENGTH = 120
SOURCES = ("video", "audio", "both")


@dataclass(frozen=True)
class Edit:
    """A label and a pure function Project -> Project; ``apply`` raises BadInput."""

    label: str
    apply: Callable[[Project], Project]


class Timbre(Protocol):
    """Target of a morph: a Sound or a preset."""

    @property
    def name(self) -> str: ...
    @property
    def modes(self) -> Modes: ...
    @property
    def residual(self) -> Residual: ...


class Preset(Timbre, Protocol):
    """A preset as edits need it; ``credit`` names the recording or the material constants that it comes from."""

    @property
    def credit(self) -> str: ...


MakeMacros = Callable[[Modes, Residual, Macros], tuple[Modes, Residual]]
MakeWhole = Callable[[Sound], tuple[Modes, Residual]]
MeasureLevel = Callable[[Modes, Residual], float]
MakeMorph = Callable[[tuple[Modes, Residual], tuple[Modes, Residual], float], tuple[Modes, Residual]]


@dataclass(frozen=True)
class PhysicsOps:
    """Physics operations that some edits call, passed in since the document does not import them.

    ``complete`` returns a sound's physics at its detail, ``strike_db`` the level of a sound's first 50 ms in dB.
    """

    apply_macros: MakeMacros
    morph: MakeMorph
    complete: MakeWhole
    strike_db: MeasureLevel


def chain(label: str, *edits: Edit) -> Edit:
    """Compose edits into one."""

    def apply(project: Project) -> Project:
        for edit in edits:
            project = edit.apply(project)
        return project

    return Edit(label, apply)


def next_ids(taken: Iterable[str], prefix: str, count: int = 1) -> list[str]:
    """New ids, ``prefix`` and a number above the highest taken; deterministic."""
    numbers = [int(name[len(prefix) :]) for name in taken if _is_numbered(name, prefix)]
    start = max(numbers, default=0) + 1
    return [f"{prefix}{start + k}" for k in range(count)]


def _is_numbered(name: str, prefix: str) -> bool:
    digits = name[len(prefix) :]
    return name.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) < 12


def with_hits(project: Project, hits: Iterable[Hit]) -> Project:
    """The project with these hits, in order of time."""
    return replace(project, hits=tuple(sorted(hits, key=lambda hit: (hit.time_s, hit.id))))


def with_sound(project: Project, sound: Sound) -> Project:
    """The project with the sound of this id replaced."""
    return replace(project, sounds=tuple(sound if s.id == sound.id else s for s in project.sounds))


def find_sound(project: Project, sound_id: Any) -> Sound:
    """The sound of an id; BadInput if there is none."""
    for sound in project.sounds:
        if sound.id == sound_id:
            return sound
    raise BadInput(f"sound {quote(sound_id)} is not in this project; choose one that is")


def check_hits(project: Project, ids: Iterable[str]) -> set[str]:
    wanted = set(ids)
    missing = wanted - {hit.id for hit in project.hits}
    if missing:
        raise BadInput(f"hit {quote(min(missing))} is not in this project; choose one that is")
    if not wanted:
        raise BadInput("no hit is chosen; select at least one")
    return wanted


def check_number(value: Any, name: str, bounds: tuple[float, float]) -> float:
    """A finite number clamped to bounds; BadInput for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real) or not _is_finite(value):
        raise BadInput(f"{name} is {quote(value)}, not a finite number; correct it")
    return min(max(float(value), bounds[0]), bounds[1]) + 0.0  # + 0.0 turns -0.0 into 0.0


def _is_finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def check_whole(value: Any, name: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise BadInput(f"{name} is {quote(value)}, not a whole number; correct it")
    return int(value)


def check_seed(value: Any) -> int:
    seed = check_whole(value, "the seed")
    if not 0 <= seed <= MAX_SEED:
        raise BadInput(f"the seed {quote(seed)} is out of range; give a whole number from 0 to {MAX_SEED}")
    return seed


def check_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadInput(f"{name} is {quote(value)}, not text; correct it")
    return value


def check_name(value: Any) -> str:
    name = " ".join(check_text(value, "the name").split())[:NAME_LENGTH]
    if not name.isprintable() or not name:
        raise BadInput("the name is empty or holds characters that cannot be shown; type another")
    return name


def check_label(value: Any) -> str:
    """A name that may be empty."""
    return check_name(value) if check_text(value, "the name").split() else ""


def check_truth(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{name} is {quote(value)}, not true or false; correct it")
    return value


def check_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise BadInput(f"{name} is {quote(value)}, not a list; correct it")
    return list(value)


def check_mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInput(f"{name} is {quote(value)}, not an object; correct it")
    return value


def check_indices(value: Sequence[Any], count: int, what: str) -> list[int]:
    indices = [check_whole(v, f"the number of a {what}") for v in check_list(value, "indices")]
    for index in indices:
        if not 0 <= index < count:
            raise BadInput(f"there is no {what} {index}, only {count} of them; choose another")
    if not indices or len(set(indices)) != len(indices):
        raise BadInput(f"the chosen {what}s are none or named twice; choose each once")
    return indices


def put(values: tuple[Any, ...], indices: Sequence[int], new: Sequence[Any]) -> tuple[Any, ...]:
    changed = list(values)
    for index, value in zip(indices, new, strict=True):
        changed[index] = value
    return tuple(changed)


def put_numbers(
    values: tuple[float, ...], indices: Sequence[int], new: Any, name: str, bounds: tuple[float, float]
) -> tuple[float, ...]:
    if new is None:
        return values
    numbers = [check_number(v, name, bounds) for v in check_list(new, name)]
    if len(numbers) != len(indices):
        raise BadInput(f"{name} has {len(numbers)} values for {len(indices)} indices; make them equal")
    return put(values, indices, numbers)


def count_of(count: int, noun: str) -> str:
    """How an edit's label names what it changes: ``hit``, ``3 hits``."""
    return noun if count == 1 else f"{count} {noun}s"


def count_of_hits(ids: Iterable[str]) -> str:
    """``count_of`` the hits of these ids; what is given twice is counted once."""
    return count_of(len(set(ids)), "hit")


def free_name(project: Project, name: str) -> str:
    """``name``, or ``name 2``, ``name 3`` and so on: the first no sound has."""
    taken = {sound.name for sound in project.sounds}
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name[: NAME_LENGTH - 8]} {number}"
    return candidate


def select_modes(modes: Modes, indices: Sequence[int]) -> Modes:
    """The modes of these numbers, in their order; phases and mutes that are not given are 0 and off."""
    phases = modes.phase_rad or (0.0,) * len(modes)
    muted = modes.mute_mask
    return Modes(
        tuple(modes.frequency_hz[k] for k in indices),
        tuple(modes.power_db[k] for k in indices),
        tuple(modes.decay_per_s[k] for k in indices),
        tuple(phases[k] for k in indices),
        tuple(muted[k] for k in indices),
    )
