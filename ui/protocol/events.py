"""Messages from the server to the browser, one dataclass a type, and the parts of a document they carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Union

from ui.protocol.animating import AnimaticMade, AnimaticProgressed, AnimaticStopped
from ui.protocol.comparing import Versions
from ui.protocol.conforming import Conformed
from ui.protocol.exporting import Exported, ExportPlan, ExportPreset, ExportSettings
from ui.protocol.layers import LayerState
from ui.protocol.marking import MarkerState
from ui.protocol.mixing import LoudnessMeasured, MixState, StripState
from ui.protocol.parts import PartState
from ui.protocol.picturing import (
    CandidatesPictured,
    PicturingProgressed,
    PicturingStopped,
    SoundPictured,
    StoryboardMade,
    StoryboardProgressed,
    StoryboardStopped,
)
from ui.protocol.queue import QueueState
from ui.protocol.searching import Bank, SearchAnswer
from ui.protocol.strokes import StrokeState
from ui.protocol.syncing import SyncMeasured, SyncProgressed, SyncStopped


@dataclass(frozen=True)
class ClipState:
    """The clip and how the browser plays it; ``media_url`` is None while there is nothing it can play.

    ``audio_track`` is the place in ``audio_tracks``, the descriptions of all, of the one that is used. ``uneven`` is a
    sentence where the frames do not come evenly, else "".
    """

    name: str
    duration_s: float
    frame_rate: str
    width: int
    height: int
    start_timecode: str | None
    has_audio: bool
    audio_track: int
    audio_tracks: tuple[str, ...]
    digest: str
    media_url: str | None
    picture_offset_s: float
    playable: bool
    uneven: str


@dataclass(frozen=True)
class ModesState:
    """Modes as lists of equal length."""

    frequency_hz: tuple[float, ...]
    power_db: tuple[float, ...]
    decay_per_s: tuple[float, ...]
    phase_rad: tuple[float, ...]
    muted: tuple[bool, ...]


@dataclass(frozen=True)
class NoiseState:
    """One noise component: power and decay rate of each band."""

    power_db: tuple[float, ...]
    decay_per_s: tuple[float, ...]


@dataclass(frozen=True)
class ResidualState:
    """The noise bands: the strike's own component at the top, the others by name where there are any."""

    edges_hz: tuple[float, ...]
    power_db: tuple[float, ...]
    decay_per_s: tuple[float, ...]
    attack: NoiseState | None
    tail: NoiseState | None
    room: NoiseState | None
    rise_s: float
    envelope_db: tuple[float, ...]


@dataclass(frozen=True)
class MacrosState:
    """Macro controls over a sound's own modes and residual, each from -1 to 1.

    ``keep_loudness``: roughness and room leave the loudness as it is.
    """

    mass: float
    hardness: float
    damping: float
    position: float
    roughness: float
    room: float
    keep_loudness: bool


@dataclass(frozen=True)
class SoundState:
    """A sound with its own modes and residual, and the macros over them; ``is_default``: nothing was chosen for it.

    ``is_unrecognised``: the picture did not tell what it is, and its hits wait for the user's choice. ``detail`` is
    from 0, imagined, to 1, as measured.
    """

    id: str
    name: str
    origin: str
    origin_note: str
    is_default: bool
    is_unrecognised: bool
    fit: float | None
    modes: ModesState
    residual: ResidualState
    macros: MacrosState
    detail: float
    detail_seed: int
    variation: float
    strip: StripState
    color: str
    layers: tuple[LayerState, ...]
    parts: tuple[PartState, ...]


@dataclass(frozen=True)
class HitOffsetsState:
    """A hit's offsets from its sound."""

    pitch_cents: float
    decay_ratio: float
    residual_db: float


@dataclass(frozen=True)
class HitState:
    """A hit; ``touched`` once the user has edited it, ``found_s`` where it was detected, None for one added by hand."""

    id: str
    time_s: float
    sound_id: str
    seed: int
    velocity_db: float
    gain_db: float
    pan: float
    mute: bool
    strength: float
    touched: bool
    offsets: HitOffsetsState
    found_s: float | None = None
    name: str = ""
    group: str = ""
    distance_m: float = 0.0
    stroke: StrokeState | None = None


@dataclass(frozen=True)
class RenderState:
    """Settings of the sampler."""

    checkpoint: str
    steps: int
    guidance: float
    seed: int
    variation: float


@dataclass(frozen=True)
class DetectionState:
    """Settings of the onset detection."""

    source: Literal["video", "audio", "both"]
    threshold: float


@dataclass(frozen=True)
class ProjectState:
    """A document as the browser shows it; ``export`` is how it was exported last, None for never."""

    name: str
    saved: bool
    clip: ClipState
    sounds: tuple[SoundState, ...]
    hits: tuple[HitState, ...]
    mix: MixState
    render: RenderState
    detection: DetectionState
    markers: tuple[MarkerState, ...]
    export: ExportSettings | None


@dataclass(frozen=True)
class DocumentState:
    """The document as it stands; ``undo`` and ``redo`` are labels, None where there is nothing to undo or redo.

    ``handled`` is the highest number of this tab's changes that is in the document or was refused, ``undo_gesture`` the
    gesture of the entry that undo reverts.
    """

    type: ClassVar[str] = "document"
    revision: int
    project: ProjectState | None
    undo: str | None
    redo: str | None
    handled: int = 0
    undo_gesture: str | None = None


@dataclass(frozen=True)
class Status:
    """Progress of an activity."""

    type: ClassVar[str] = "status"
    phase: Literal["idle", "opening", "detecting", "analysing", "sampling", "exporting", "done", "cancelled", "error"]
    done: int = 0
    total: int = 0
    message: str = ""
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class BulkArray:
    """Where an array can be fetched: its address, its rate and its number of values."""

    url: str
    rate_hz: float
    count: int


@dataclass(frozen=True)
class Media:
    """Available bulk data of the clip; ``lag_s`` is the lag of its picture behind its sound."""

    type: ClassVar[str] = "media"
    curve: BulkArray | None = None
    waveform: BulkArray | None = None
    filmstrip: bool = False
    lag_s: float | None = None


@dataclass(frozen=True)
class RenderedSound:
    """Render key of a hit, by which its samples are fetched, their number, and how many of them precede the hit."""

    key: str
    length: int
    lead: int = 0


@dataclass(frozen=True)
class Rendered:
    """The hits (by id) whose sound is ready."""

    type: ClassVar[str] = "rendered"
    hits: Mapping[str, RenderedSound]


@dataclass(frozen=True)
class Demo:
    """A demo project."""

    name: str
    title: str
    note: str


@dataclass(frozen=True)
class PresetInfo:
    """A preset to choose; the user's own have tags and may be deleted."""

    name: str
    material: str
    credit: str
    tags: tuple[str, ...] = ()
    is_own: bool = False


@dataclass(frozen=True)
class CheckpointInfo:
    """A sampler on this machine; ``fault`` says why it cannot be used."""

    name: str
    fault: str | None


@dataclass(frozen=True)
class KeptSession:
    """Unsaved work of a closed tab, which the tab that takes its ``session`` goes on with."""

    session: str
    name: str
    clip: str
    hits: int
    sounds: int
    age_s: float
    saved_as: str | None
    clip_there: bool


@dataclass(frozen=True)
class Welcome:
    """The first message: demos, presets, checkpoints, device, recent files; ``local`` where paths may be opened.

    ``kept`` is unsaved work to go on with; ``crashed``: Struck ended without closing it.
    """

    type: ClassVar[str] = "welcome"
    demos: tuple[Demo, ...]
    presets: tuple[PresetInfo, ...]
    checkpoints: tuple[CheckpointInfo, ...]
    device: str
    version: str
    recent: tuple[str, ...]
    kept: tuple[KeptSession, ...]
    crashed: bool
    local: bool
    export_presets: tuple[ExportPreset, ...] = ()


@dataclass(frozen=True)
class ErrorNotice:
    """An error or refusal, in one sentence."""

    type: ClassVar[str] = "error"
    message: str


@dataclass(frozen=True)
class Note:
    """Information that is no error."""

    type: ClassVar[str] = "note"
    message: str


@dataclass(frozen=True)
class ClipWanted:
    """The clip of a project is not in its place and is asked for: its name and length; None once it is found."""

    type: ClassVar[str] = "clip_wanted"
    name: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True)
class Audition:
    """Render key of one strike: of a sound (its id), a preset (``preset:NAME``) or a candidate (``candidate:ID``)."""

    type: ClassVar[str] = "audition"
    sound_id: str
    key: str


@dataclass(frozen=True)
class TakeRendered:
    """Render key of a hit as it would sound with another seed."""

    type: ClassVar[str] = "take"
    hit_id: str
    seed: int
    key: str


@dataclass(frozen=True)
class MorphPreviewed:
    """The result of a morph."""

    type: ClassVar[str] = "morph_preview"
    sound_id: str
    amount: float
    sound: SoundState


ServerMessage = Union[  # noqa: UP007 - evaluated at run time on Python 3.10
    Welcome, DocumentState, Status, Media, Rendered, ErrorNotice, Note, ClipWanted, ExportPlan, Exported, Audition,
    TakeRendered, MorphPreviewed, QueueState, SearchAnswer, Bank, Conformed, LoudnessMeasured, SyncProgressed,
    SyncMeasured, SyncStopped, Versions, AnimaticProgressed, AnimaticMade, AnimaticStopped,
    PicturingProgressed, SoundPictured, PicturingStopped, CandidatesPictured,
    StoryboardProgressed, StoryboardMade, StoryboardStopped,
]  # fmt: skip
