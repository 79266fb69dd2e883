"""Parameters of a struck sound: modes, residual, room, and their JSON form.

x(t) = sum 10^(power_db/20) cos(2 pi f t + phase) e^(-decay t), t >= 0, plus the residual. Full scale is amplitude 1,
t = 0 is the onset, nothing is normalised. Standard library only, since the document consists of these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from engine.core.errors import BadInput, quote
from engine.core.units import SAMPLE_RATE_HZ, SILENCE_DB

PHYSICS_VERSION = 1
MAX_MODES = 4096
MAX_BANDS = 1024
POWER_RANGE_DB = (-400.0, 120.0)
LONGEST_RISE_S = 0.1
ENVELOPE_STEP_S = 0.005
LONGEST_ENVELOPE = 60
ENVELOPE_RANGE_DB = (-40.0, 20.0)
MACRO_NAMES = ("mass", "hardness", "damping", "position", "roughness", "room")
MACRO_RANGE = (-1.0, 1.0)
VELOCITY_RANGE_DB = (-60.0, 12.0)
"""Of strikes, re the sound as stored: in documents, and in lists of hits that are read."""

MATERIALS = (
    "metal", "wood", "glass", "ceramic", "plastic", "rock", "concrete", "drywall", "carpet", "cloth", "paper", "rubber",
    "skin", "floor", "food", "ground", "water", "membrane",
)  # fmt: skip
"""Materials by their index in the context vector; weights depend on the order, so new ones go to the end."""


@dataclass(frozen=True)
class Modes:
    """Vibration modes, one tuple for each parameter, all of equal length; muted modes are kept but not synthesised."""

    frequency_hz: tuple[float, ...] = ()
    power_db: tuple[float, ...] = ()
    decay_per_s: tuple[float, ...] = ()
    phase_rad: tuple[float, ...] = ()
    muted: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.frequency_hz)

    @property
    def mute_mask(self) -> tuple[bool, ...]:
        """Whether each mode is muted; an empty ``muted`` means that none is."""
        return self.muted or (False,) * len(self)


@dataclass(frozen=True)
class NoiseComponent:
    """Noise that decays, on the residual's bands: mean-square level at t = 0 (dB re 1) and amplitude decay rate."""

    power_db: tuple[float, ...] = ()
    decay_per_s: tuple[float, ...] = ()


NOISE_COMPONENTS = ("attack", "strike", "tail", "room")


@dataclass(frozen=True)
class Residual:
    """Residual: decaying band noise on B bands with B + 1 edges in Hz, in up to four components, and a fade-in.

    ``power_db`` and ``decay_per_s`` [B] are the strike noise; ``tail`` is a slower second decay of the object;
    ``attack`` the contact burst of some milliseconds; ``room`` the late reverberation. ``rise_s`` is a raised-cosine
    fade-in of modes and noise (``rise_gain``). ``envelope_db``, at steps of ENVELOPE_STEP_S from the onset, is the fine
    envelope (rebounds, grit, rattle) of all noise but the room's relative to the exponential decays; 0 dB beyond its
    end.
    """

    edges_hz: tuple[float, ...] = ()
    power_db: tuple[float, ...] = ()
    decay_per_s: tuple[float, ...] = ()
    room: NoiseComponent | None = None
    tail: NoiseComponent | None = None
    attack: NoiseComponent | None = None
    rise_s: float = 0.0
    envelope_db: tuple[float, ...] = ()

    def component(self, name: str) -> NoiseComponent | None:
        """The component of this name, one of NOISE_COMPONENTS; None where the sound has none."""
        if name == "strike":
            return NoiseComponent(self.power_db, self.decay_per_s) if self.power_db else None
        found: NoiseComponent | None = getattr(self, name)
        return found

    @property
    def components(self) -> tuple[tuple[str, NoiseComponent], ...]:
        """Names and components that are present, in the order of NOISE_COMPONENTS."""
        every = ((name, self.component(name)) for name in NOISE_COMPONENTS)
        return tuple((name, component) for name, component in every if component is not None)

    def with_component(self, name: str, component: NoiseComponent | None) -> Residual:
        """The residual with one component replaced; None as the strike is silence."""
        if name != "strike":
            components: dict[str, Any] = {name: component}
            return replace(self, **components)
        silent = NoiseComponent((SILENCE_DB,) * len(self.power_db), self.decay_per_s)
        component = component or silent
        return replace(self, power_db=component.power_db, decay_per_s=component.decay_per_s)

    def scaled(self, raise_db: float = 0.0, decay_ratio: float = 1.0, pitch_ratio: float = 1.0) -> Residual:
        """All components louder, decaying ``decay_ratio`` times as fast, on bands ``pitch_ratio`` times as high."""
        result = replace(self, edges_hz=tuple(e * pitch_ratio for e in self.edges_hz))
        for name, component in self.components:
            power, decay = (p + raise_db for p in component.power_db), (d * decay_ratio for d in component.decay_per_s)
            result = result.with_component(name, NoiseComponent(tuple(power), tuple(decay)))
        return result


@dataclass(frozen=True)
class Macros:
    """Macro controls, each in MACRO_RANGE and without effect at 0; see ``engine/physics/macros.py``.

    They are non-destructive: a sound's modes and residual stay as measured or edited. ``keep_loudness``: roughness and
    room leave the sound as loud as it is without them.
    """

    mass: float = 0.0
    hardness: float = 0.0
    damping: float = 0.0
    position: float = 0.0
    roughness: float = 0.0
    room: float = 0.0
    keep_loudness: bool = False


@dataclass(frozen=True)
class Context:
    """Optional conditioning of one hit: ``velocity_db`` re the sound as stored, ``material`` one of MATERIALS."""

    velocity_db: float | None = None
    material: str = ""
    embedding: tuple[float, ...] = ()


@dataclass(frozen=True)
class Stroke:
    """A scrape or rub in the place of a strike: how long, how fast along the way, and over how coarse a surface.

    ``speeds`` (0 to 1 of ``top_speed_m_per_s``) lie at even steps from start to end; a
    single one is that of both. ``grain_mm`` is the mean distance of the surface's grains.
    """

    length_s: float
    speeds: tuple[float, ...]
    top_speed_m_per_s: float = 0.5
    grain_mm: float = 0.5

    def __post_init__(self) -> None:
        if len(self.speeds) == 1:
            object.__setattr__(self, "speeds", 2 * self.speeds)


@dataclass(frozen=True)
class Physics:
    """Result of the analysis of one hit."""

    modes: Modes = field(default_factory=Modes)
    residual: Residual = field(default_factory=Residual)
    sample_rate_hz: int = SAMPLE_RATE_HZ
    onset_s: float = 0.0


def physics_to_json(physics: Physics) -> dict[str, Any]:
    """The physics as a JSON-ready dict (the contract of ``analyze`` and ``synthesize``)."""
    modes, residual = physics.modes, physics.residual
    modes_json: dict[str, Any] = {
        "frequency_hz": list(modes.frequency_hz),
        "power_db": list(modes.power_db),
        "decay_per_s": list(modes.decay_per_s),
        "phase_rad": list(modes.phase_rad),
    }
    if any(modes.muted):
        modes_json["muted"] = list(modes.muted)
    return {
        "version": PHYSICS_VERSION,
        "sample_rate": physics.sample_rate_hz,
        "onset_s": physics.onset_s,
        "modes": modes_json,
        "residual": residual_to_json(residual),
    }


def residual_to_json(residual: Residual) -> dict[str, Any]:
    """The ``residual`` member of physics JSON; only what the sound has of tail, attack, rise and envelope."""

    def to_json(component: NoiseComponent) -> dict[str, Any]:
        return {"power_db": list(component.power_db), "decay_per_s": list(component.decay_per_s)}

    row: dict[str, Any] = {
        "edges_hz": list(residual.edges_hz),
        **to_json(NoiseComponent(residual.power_db, residual.decay_per_s)),
    }
    row["room"] = None if residual.room is None else to_json(residual.room)
    for name in ("tail", "attack"):
        component = residual.component(name)
        if component is not None:
            row[name] = to_json(component)
    if residual.rise_s:
        row["rise_s"] = residual.rise_s
    if residual.envelope_db:
        row["envelope_db"] = list(residual.envelope_db)
    return row


def physics_from_json(value: Any, source: str = "physics") -> Physics:
    """Parse and validate physics JSON; ``source`` names the file in messages.

    Phases default to 0; modes or the residual may be left out. Raises BadInput for NaN, infinity, a negative decay or
    frequency, lists of unequal length, or another structure.
    """
    top = _mapping(value, source, "the top level")
    if "clip" in top and "hits" in top:
        raise BadInput(f"{source} is a project, not the physics of one sound; give what analyze writes, or render it")
    version = top.get("version", PHYSICS_VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= PHYSICS_VERSION:
        raise BadInput(f"{source}: version {quote(version)} is not known; this Struck reads version {PHYSICS_VERSION}")
    if top.get("modes") is None and top.get("residual") is None:
        raise BadInput(f"{source} has neither modes nor a residual, so it tells no sound; give what analyze writes")
    rate = top.get("sample_rate", SAMPLE_RATE_HZ)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 1000 <= rate <= 768_000 or rate != int(rate):
        raise BadInput(
            f"{source}: sample_rate {quote(rate)} is out of range; give a whole number from 1000 to 768000 Hz"
        )
    onset_s = _number(top.get("onset_s", 0.0), source, "onset_s")
    return Physics(
        modes=modes_from_json(top.get("modes", {}), source),
        residual=residual_from_json(top.get("residual"), source),
        sample_rate_hz=int(rate),
        onset_s=onset_s,
    )


def modes_from_json(value: Any, source: str) -> Modes:
    """Read and check the ``modes`` member of physics JSON."""
    table = _mapping(value if value is not None else {}, source, "modes")
    frequency = _numbers(table.get("frequency_hz", []), source, "modes.frequency_hz", MAX_MODES, low=0.0)
    count = len(frequency)
    power = _numbers(table.get("power_db", []), source, "modes.power_db", MAX_MODES, *POWER_RANGE_DB)
    decay = _numbers(table.get("decay_per_s", []), source, "modes.decay_per_s", MAX_MODES, low=0.0)
    phase_value = table.get("phase_rad")
    phase = _numbers(phase_value, source, "modes.phase_rad", MAX_MODES) if phase_value else (0.0,) * count
    muted_value = table.get("muted")
    muted = (
        tuple(bool(m) for m in muted_value)
        if isinstance(muted_value, (list, tuple)) and muted_value
        else (False,) * count
    )
    lengths = {"power_db": len(power), "decay_per_s": len(decay), "phase_rad": len(phase), "muted": len(muted)}
    for name, length in lengths.items():
        if length != count:
            raise BadInput(
                f"{source}: modes.{name} has {length} values and modes.frequency_hz has {count}; make them equal"
            )
    return Modes(frequency, power, decay, phase, muted)


def residual_from_json(value: Any, source: str) -> Residual:
    """Read and check the ``residual`` member of physics JSON; None or {} is no residual."""
    table = _mapping(value if value is not None else {}, source, "residual")
    edges = _numbers(table.get("edges_hz", []), source, "residual.edges_hz", MAX_BANDS + 1, low=0.0)
    power = _numbers(table.get("power_db", []), source, "residual.power_db", MAX_BANDS, *POWER_RANGE_DB)
    decay = _numbers(table.get("decay_per_s", []), source, "residual.decay_per_s", MAX_BANDS, low=0.0)
    _check_bands(edges, power, decay, source, "residual")
    room, tail, attack = (
        _component_from_json(table.get(name), edges, source, name) for name in ("room", "tail", "attack")
    )
    rise_s = _number(table.get("rise_s", 0.0), source, "residual.rise_s")
    if not 0.0 <= rise_s <= LONGEST_RISE_S:
        raise BadInput(f"{source}: residual.rise_s is {rise_s:g} s; give 0 to {LONGEST_RISE_S:g} s")
    given = table.get("envelope_db") or []
    envelope = _numbers(given, source, "residual.envelope_db", LONGEST_ENVELOPE, *ENVELOPE_RANGE_DB)
    return Residual(edges, power, decay, room, tail, attack, rise_s, envelope)


def _component_from_json(value: Any, edges: Sequence[float], source: str, name: str) -> NoiseComponent | None:
    if not value:
        return None
    where = f"residual.{name}"
    table = _mapping(value, source, where)
    component = NoiseComponent(
        _numbers(table.get("power_db", []), source, f"{where}.power_db", MAX_BANDS, *POWER_RANGE_DB),
        _numbers(table.get("decay_per_s", []), source, f"{where}.decay_per_s", MAX_BANDS, low=0.0),
    )
    _check_bands(edges, component.power_db, component.decay_per_s, source, where)
    return component


def _check_bands(
    edges: Sequence[float], power: Sequence[float], decay: Sequence[float], source: str, where: str
) -> None:
    bands = max(0, len(edges) - 1)
    if len(edges) == 1 or len(power) != bands or len(decay) != bands:
        raise BadInput(
            f"{source}: {where} has {len(power)} power_db and {len(decay)} decay_per_s values for {len(edges)} "
            "edges_hz; give one more edge than bands"
        )
    if any(high <= low for low, high in pairwise(edges)):
        raise BadInput(f"{source}: residual.edges_hz does not rise; sort the edges and drop equal ones")


def _mapping(value: Any, source: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadInput(
            f"{source}: {where} is {type(value).__name__}, not an object; see the physics JSON form in the README"
        )
    return value


def _number(value: Any, source: str, where: str) -> float:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:  # an integer too large for a float
        pass
    raise BadInput(f"{source}: {where} holds {quote(value)}, not a finite number; correct it")


def _numbers(
    value: Any, source: str, where: str, most: int, low: float = -math.inf, high: float = math.inf
) -> tuple[float, ...]:
    if not isinstance(value, (list, tuple)):
        raise BadInput(f"{source}: {where} is {type(value).__name__}, not a list of numbers; correct it")
    if len(value) > most:
        raise BadInput(f"{source}: {where} has {len(value)} values, more than the {most} allowed; shorten it")
    numbers = tuple(_number(v, source, where) for v in value)
    for v in numbers:
        if not low <= v <= high:
            reason = "is negative" if low == 0.0 and v < 0.0 else f"is outside {low:g} to {high:g}"
            raise BadInput(f"{source}: {where} holds {v:g}, which {reason}; correct it")
    return numbers
