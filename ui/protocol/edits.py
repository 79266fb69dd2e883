"""Edits as the browser sends them, one dataclass a kind; applied by ``engine.document.edits``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Union

from ui.protocol.grouping import GroupHits, UngroupHits
from ui.protocol.layers import DeleteLayers
from ui.protocol.marking import AddMarker, DeleteMarker, SetMarker
from ui.protocol.mixing import SetColor, SetMix, SetStrip
from ui.protocol.parts import AddPart, DeleteParts, JoinSounds, SetPart
from ui.protocol.strokes import ClearStrokes, StrokeState


@dataclass(frozen=True)
class AddHit:
    """A new hit; without a sound it takes that of the nearest hit."""

    kind: ClassVar[str] = "add_hit"
    time_s: float
    velocity_db: float | None = None
    sound_id: str | None = None


@dataclass(frozen=True)
class PlayHit:
    """A hit that was played; the hits of a take are one ``gesture``."""

    kind: ClassVar[str] = "play_hit"
    time_s: float
    velocity_db: float
    sound_id: str


@dataclass(frozen=True)
class MoveHits:
    """Shift hits together in time."""

    kind: ClassVar[str] = "move_hits"
    ids: tuple[str, ...]
    delta_s: float


@dataclass(frozen=True)
class HitValues:
    """New values of a hit; those left out stay."""

    time_s: float | None = None
    velocity_db: float | None = None
    gain_db: float | None = None
    pan: float | None = None
    mute: bool | None = None
    seed: int | None = None
    sound_id: str | None = None
    name: str | None = None
    group: str | None = None
    stroke: StrokeState | None = None
    pitch_cents: float | None = None
    decay_ratio: float | None = None
    residual_db: float | None = None
    distance_m: float | None = None


@dataclass(frozen=True)
class AddHits:
    """New hits, each with at least a time; without a sound, or with one that is not there, that of the nearest hit."""

    kind: ClassVar[str] = "add_hits"
    hits: tuple[HitValues, ...]
    how: Literal["add", "paste", "duplicate", "pattern"] | None = None


@dataclass(frozen=True)
class SetHits:
    """The same values for several hits."""

    kind: ClassVar[str] = "set_hits"
    ids: tuple[str, ...]
    values: HitValues


@dataclass(frozen=True)
class SetEachHit:
    """Values for each of several hits, by the hit's id."""

    kind: ClassVar[str] = "set_each_hit"
    values: Mapping[str, HitValues]


@dataclass(frozen=True)
class DeleteHits:
    """Delete hits; with ``ripple`` later ones move up, so that what followed a deleted hit stands in its place."""

    kind: ClassVar[str] = "delete_hits"
    ids: tuple[str, ...]
    ripple: bool | None = None


@dataclass(frozen=True)
class QuantizeHits:
    """Draw hits to frames, or to a grid of ``interval_s`` through ``offset_s``; ``strength`` (0 to 1) is how far."""

    kind: ClassVar[str] = "quantize_hits"
    ids: tuple[str, ...]
    interval_s: float | None = None
    offset_s: float | None = None
    strength: float | None = None


@dataclass(frozen=True)
class DetachHits:
    """Give each hit a copy of its sound; the last hit of a sound keeps it."""

    kind: ClassVar[str] = "detach_hits"
    ids: tuple[str, ...]


@dataclass(frozen=True)
class SetModes:
    """New frequencies, powers or decay rates of some modes, in the order of ``indices``."""

    kind: ClassVar[str] = "set_modes"
    sound_id: str
    indices: tuple[int, ...]
    frequency_hz: tuple[float, ...] | None = None
    power_db: tuple[float, ...] | None = None
    decay_per_s: tuple[float, ...] | None = None


@dataclass(frozen=True)
class AddMode:
    """One more mode."""

    kind: ClassVar[str] = "add_mode"
    sound_id: str
    frequency_hz: float
    power_db: float
    decay_per_s: float


@dataclass(frozen=True)
class DeleteModes:
    """Delete modes."""

    kind: ClassVar[str] = "delete_modes"
    sound_id: str
    indices: tuple[int, ...]


@dataclass(frozen=True)
class MuteModes:
    """Mute or unmute modes."""

    kind: ClassVar[str] = "mute_modes"
    sound_id: str
    indices: tuple[int, ...]
    muted: bool


@dataclass(frozen=True)
class SetResidual:
    """New powers or decay rates of some bands of one noise component."""

    kind: ClassVar[str] = "set_residual"
    sound_id: str
    component: str
    indices: tuple[int, ...]
    power_db: tuple[float, ...] | None = None
    decay_per_s: tuple[float, ...] | None = None


@dataclass(frozen=True)
class SetRise:
    """A new rise time."""

    kind: ClassVar[str] = "set_rise"
    sound_id: str
    rise_s: float


@dataclass(frozen=True)
class RenameSound:
    """A new name."""

    kind: ClassVar[str] = "rename_sound"
    sound_id: str
    name: str


@dataclass(frozen=True)
class MergeSounds:
    """Give the hits of other sounds this sound, as loud as they were, and delete the others."""

    kind: ClassVar[str] = "merge_sounds"
    sound_id: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class DeleteSound:
    """Delete a sound that no hit uses."""

    kind: ClassVar[str] = "delete_sound"
    sound_id: str


@dataclass(frozen=True)
class ApplyPreset:
    """Replace a sound, or every sound, by a preset."""

    kind: ClassVar[str] = "apply_preset"
    name: str
    sound_id: str | None = None


@dataclass(frozen=True)
class MacroValues:
    """New values of macros, and whether roughness and room leave the loudness as it is; those left out stay."""

    mass: float | None = None
    hardness: float | None = None
    damping: float | None = None
    position: float | None = None
    roughness: float | None = None
    room: float | None = None
    keep_loudness: bool | None = None


@dataclass(frozen=True)
class SetMacros:
    """New macros of a sound."""

    kind: ClassVar[str] = "set_macros"
    sound_id: str
    values: MacroValues


@dataclass(frozen=True)
class ResetMacros:
    """All macros to 0."""

    kind: ClassVar[str] = "reset_macros"
    sound_id: str


@dataclass(frozen=True)
class SetDetail:
    """How much of a sound is kept as measured, the seed of the rest, or how far its hits vary; those left out stay."""

    kind: ClassVar[str] = "set_detail"
    sound_id: str
    detail: float | None = None
    detail_seed: int | None = None
    variation: float | None = None


@dataclass(frozen=True)
class BakeMacros:
    """Apply detail and macros to modes and residual, and reset them."""

    kind: ClassVar[str] = "bake_macros"
    sound_id: str


@dataclass(frozen=True)
class MorphSound:
    """Move a sound towards another sound (``other``) or a preset; ``as_new`` leaves it and adds the result."""

    kind: ClassVar[str] = "morph_sound"
    sound_id: str
    amount: float
    other: str | None = None
    preset: str | None = None
    as_new: bool | None = None


@dataclass(frozen=True)
class SetRender:
    """New settings of the sampler; those left out stay."""

    kind: ClassVar[str] = "set_render"
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    checkpoint: str | None = None
    variation: float | None = None


@dataclass(frozen=True)
class SetThreshold:
    """A new onset threshold, with the hits above it."""

    kind: ClassVar[str] = "set_threshold"
    threshold: float


@dataclass(frozen=True)
class SetSource:
    """Detect hits in the picture, the sound or both."""

    kind: ClassVar[str] = "set_source"
    source: Literal["video", "audio", "both"]


@dataclass(frozen=True)
class SetTrack:
    """Use another of the clip's sound tracks, counted from 0; its hits are detected anew."""

    kind: ClassVar[str] = "set_track"
    track: int


EditMessage = Union[  # noqa: UP007 - evaluated at run time on Python 3.10
    AddHit, AddHits, PlayHit, MoveHits, SetHits, SetEachHit, DeleteHits, QuantizeHits, DetachHits,
    GroupHits, UngroupHits, ClearStrokes, DeleteLayers,
    AddPart, SetPart, DeleteParts, JoinSounds,
    SetModes, AddMode, DeleteModes, MuteModes, SetResidual, SetRise,
    RenameSound, MergeSounds, DeleteSound, ApplyPreset, SetMacros, ResetMacros, SetDetail, BakeMacros,
    MorphSound, AddMarker, SetMarker, DeleteMarker,
    SetRender, SetMix, SetStrip, SetColor, SetThreshold, SetSource, SetTrack,
]  # fmt: skip
