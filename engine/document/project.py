"""The document: a clip, the sounds struck in it, the hits, the mix and the sampler's settings.

Frozen dataclasses of scalars, tuples, ids and digests; no arrays and no handles. Analysis results
such as curves and audio are derived and live in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from engine.document.source import UNSURE, Source
from engine.document.strip import Strip
from engine.physics.model import Macros, Modes, Residual, Stroke

PROJECT_VERSION = 2

Setting = str | int | bool


@dataclass(frozen=True)
class Clip:
    """The picture, by path and content; time 0 is its first displayed frame. ``audio_track`` is the sound used."""

    path: str
    digest: str
    duration_s: float
    frame_rate: Fraction
    width: int
    height: int
    start_timecode: str | None = None
    has_audio: bool = False
    audio_track: int = 0


@dataclass(frozen=True)
class VelocityLayer:
    """A sound as it is struck at another velocity, measured by itself at ``time_s`` of the clip."""

    velocity_db: float
    modes: Modes
    residual: Residual
    time_s: float | None = None


@dataclass(frozen=True)
class Part:
    """Another sound of the project that sounds with every hit of the one it belongs to.

    It begins ``offset_s`` after the hit, before it where that is negative.
    """

    id: str
    sound_id: str
    offset_s: float = 0.0
    gain_db: float = 0.0
    mute: bool = False


@dataclass(frozen=True)
class Sound:
    """A struck object: physics, macros, source, and its place in the mix.

    ``modes`` and ``residual`` are its own, as measured or edited; rendering applies detail and ``macros``. ``detail``
    is how much of its own physics is kept, from 1, as measured, to 0, imagined; ``detail_seed`` chooses the donor of
    the rest. ``variation`` (0 to 1) is how much its hits differ, at 1 as takes of one object do. ``color`` is
    ``#rrggbb``, or "" for that of its place in the list. ``layers`` by rising velocity are what it is struck softer or
    harder; ``modes`` and ``residual`` are its layer at 0 dB. ``parts`` are other sounds that sound with it, through its
    strip; see ``engine/document/parts.py``.
    """

    id: str
    name: str
    modes: Modes
    residual: Residual
    source: Source
    fit: float | None = None
    macros: Macros = field(default_factory=Macros)
    detail: float = 1.0
    detail_seed: int = 0
    variation: float = 0.0
    strip: Strip = field(default_factory=Strip)
    color: str = ""
    layers: tuple[VelocityLayer, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def origin(self) -> str:
        """Origin of the sound, one of ``source.ORIGINS``."""
        return self.source.origin

    @property
    def is_unrecognised(self) -> bool:
        """Whether the picture did not tell what is struck, and nobody has chosen or changed the sound since."""
        untouched = self.macros == Macros() and self.detail == 1.0 and not self.layers and not self.parts
        return self.origin == "preset" and self.source.reason == UNSURE and untouched


@dataclass(frozen=True)
class HitOffsets:
    """One hit's own offsets from its sound."""

    pitch_cents: float = 0.0
    decay_ratio: float = 1.0
    residual_db: float = 0.0


@dataclass(frozen=True)
class Hit:
    """One strike. ``velocity_db`` (0 = the sound as stored) is physics, louder is brighter; gain, pan and mute are mix.

    ``found_s`` is the detected time, whatever ``time_s`` was changed to; None if it was added by hand. ``name`` is what
    a person or a spotting list calls it, ``group`` the name of the hits that are chosen and moved as one; "" for none.
    ``distance_m`` is added to its sound's distance.
    With a ``stroke`` the object is scraped or rubbed instead, from ``time_s`` on.
    """

    id: str
    time_s: float
    sound_id: str
    seed: int
    velocity_db: float = 0.0
    gain_db: float = 0.0
    pan: float = 0.0
    mute: bool = False
    offsets: HitOffsets = field(default_factory=HitOffsets)
    strength: float = 1.0
    touched: bool = False
    found_s: float | None = None
    name: str = ""
    group: str = ""
    distance_m: float = 0.0
    stroke: Stroke | None = None


@dataclass(frozen=True)
class Marker:
    """A named place in the clip."""

    id: str
    time_s: float
    name: str


@dataclass(frozen=True)
class Detection:
    """Settings of onset detection: the source stream, and the threshold of the onset curve (0 to 1).

    ``dismissed_onsets_s`` are times of detected hits that the user deleted, which detection leaves out.
    """

    source: str = "both"
    threshold: float = 0.5
    dismissed_onsets_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Mix:
    """Levels of the generated track and of the clip's own sound beside it.

    ``width`` (0 to 1) is how far noise and room of every hit are spread over both channels; 0 is mono. ``limit`` holds
    the track's true peak at -1 dBTP.
    """

    gain_db: float = 0.0
    clip_gain_db: float = 0.0
    width: float = 0.0
    limit: bool = False


@dataclass(frozen=True)
class RenderSettings:
    """Settings of the sampler: a checkpoint's name, or ``""`` for modes and residual alone.

    ``variation`` (0 to 1) is the least variation of all sounds; each hit's seed draws its take.
    """

    checkpoint: str = "sampler"
    steps: int = 4
    guidance: float = 1.0
    seed: int = 0
    variation: float = 0.0


@dataclass(frozen=True)
class Project:
    """The whole document; ``export`` are names and values of how it was exported last, which change no sound."""

    clip: Clip
    sounds: tuple[Sound, ...] = ()
    hits: tuple[Hit, ...] = ()
    mix: Mix = field(default_factory=Mix)
    render: RenderSettings = field(default_factory=RenderSettings)
    detection: Detection = field(default_factory=Detection)
    export: tuple[tuple[str, Setting], ...] = ()
    version: int = PROJECT_VERSION
    markers: tuple[Marker, ...] = ()

    def sound(self, sound_id: str) -> Sound:
        """The sound of an id; KeyError if there is none."""
        for sound in self.sounds:
            if sound.id == sound_id:
                return sound
        raise KeyError(sound_id)

    def heard_hits(self) -> tuple[Hit, ...]:
        """The hits that sound: not muted, of a sound that is not muted, and solo where any sound is."""
        heard = {sound.id for sound in self.sounds if not sound.strip.mute}
        solo = {sound.id for sound in self.sounds if sound.strip.solo}
        return tuple(
            hit for hit in self.hits if not hit.mute and hit.sound_id in heard and (not solo or hit.sound_id in solo)
        )

    def hit(self, hit_id: str) -> Hit:
        """The hit of an id; KeyError if there is none."""
        for hit in self.hits:
            if hit.id == hit_id:
                return hit
        raise KeyError(hit_id)
