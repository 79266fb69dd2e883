"""Delivery: from a rendered project to sound files, stems, pieces, sessions and video, as the options say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.errors import BadInput
from engine.core.names import to_text
from engine.core.units import SAMPLE_RATE_HZ, seconds_to_samples
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.serialization import project_to_json
from engine.media.export.options import DeliveryOptions, Start, find_start
from engine.media.export.samples import Samples, count_channels
from engine.media.export.sound import write_sound
from engine.media.export.stems import write_stems
from engine.media.export.tags import SoundTags
from engine.media.export.ucs import NameFields, choose_category, format_name, make_fx_name
from engine.pipeline.events import RenderedHit
from engine.pipeline.layers import LAYERS, LayerHits
from engine.pipeline.master import master_stems, master_track
from engine.pipeline.track import Track, stems_by_sound

if TYPE_CHECKING:
    from engine.media.export.tags import Category

_POP_HZ, _POP_LEVEL = 1000.0, 0.1
"""The two-pop: a frame of 1 kHz at -20 dBFS."""

_STREAM_BLOCK = 1 << 16
"""Samples that the resampler is given at a time."""


@dataclass(frozen=True)
class Delivery:
    """A rendered project and how it is delivered; ``created`` is the local time that files say."""

    project: Project
    rendered: Mapping[str, RenderedHit]
    options: DeliveryOptions = field(default_factory=DeliveryOptions)
    created: datetime | None = None
    check: Callable[[], None] = lambda: None

    @property
    def start(self) -> Start:
        """Where its files begin. Raises BadInput."""
        return find_start(self.options, self.project.clip.start_timecode, self.project.clip.frame_rate)

    @property
    def title(self) -> str:
        """The clip's name without its ending."""
        return to_text(Path(self.project.clip.path).stem)

    def tags(self, title: str, first_sample: int = 0, sound: Sound | None = None, whole: bool = False) -> SoundTags:
        """Tags of a file that begins ``first_sample`` samples after the start; with the project if it is the whole."""
        options, start = self.options, self.start
        name = sound.name if sound is not None else self.title
        return SoundTags(
            title=title,
            artist="" if options.creator == DeliveryOptions().creator else options.creator,
            created=self.created,
            time_reference_samples=start.count_samples(options.sample_rate_hz) + first_sample,
            frame_rate=start.frame_rate,
            drop_frame=start.drop_frame,
            category=categorize(sound) if sound is not None else self.category(),
            fx_name=make_fx_name(name),
            creator_id=options.creator,
            source_id=options.source,
            project=embed_project(self.project) if whole and options.embed_project else b"",
        )

    def category(self) -> Category:
        """UCS category of the track: that of the sound with the most hits."""
        counts = {sound.id: 0 for sound in self.project.sounds}
        for hit in self.project.hits:
            counts[hit.sound_id] += 1
        most = max(self.project.sounds, key=lambda sound: counts[sound.id], default=None)
        return categorize(most) if most is not None else choose_category(self.title)

    def name(self, sound: Sound | None = None, ending: str = ".wav", hit: str = "") -> str:
        """A file's name by the options' pattern, without its ending. Raises BadInput."""
        options = self.options
        fields = NameFields(
            categorize(sound) if sound is not None else self.category(),
            make_fx_name(sound.name if sound is not None else self.title),
            options.creator,
            options.source,
            sound.name if sound is not None else "",
            self.title,
            hit,
        )
        return format_name(options.name_pattern, fields, ending)


def categorize(sound: Sound) -> Category:
    """UCS category of a sound, by the words of its name and the material named there or in its source."""
    from engine.bank.user_bank import parse_file_name

    named = Path(sound.name.replace("/", " "))
    material = parse_file_name(named)[0] or parse_file_name(Path((sound.source.name or "").replace("/", " ")))[0]
    return choose_category(sound.name, material)


def embed_project(project: Project) -> bytes:
    """The project's JSON as files carry it: its clip by name and content alone, no place of this machine."""
    value = project_to_json(project)
    name = project.clip.path.replace("\\", "/").rsplit("/", 1)[-1]
    value["clip"]["path"] = value["clip"]["relative_path"] = name
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


# --- tracks -----------------------------------------------------------------------------------


class Conformed:
    """A track [N, C] at 48 kHz at the delivery's rate, after the two-pop if it has one, made where it is sliced.

    Slices are read in order; the first may begin anew.
    """

    def __init__(self, sound: Samples, delivery: Delivery) -> None:
        rate, clip = delivery.options.sample_rate_hz, delivery.project.clip
        lead, channels = round(delivery.start.lead_s * rate), count_channels(sound)
        self._before = np.zeros((lead, channels), np.float32)
        if lead:
            pop = np.arange(round(rate / clip.frame_rate))
            tone = _POP_LEVEL * np.sin(2.0 * np.pi * _POP_HZ * pop / rate)
            self._before[: len(pop)] = tone.astype(np.float32)[:, None]
        self._rate_hz, self._sound = rate, sound
        self.shape = (lead + seconds_to_samples(clip.duration_s, rate), channels)
        self._begin()

    def _begin(self) -> None:
        self._position, self._read = 0, 0
        self._ready = self._before
        self._stream: Any = None
        if self._rate_hz != SAMPLE_RATE_HZ:
            import soxr

            channels = self.shape[1]
            self._stream = soxr.ResampleStream(SAMPLE_RATE_HZ, self._rate_hz, channels, "float32", quality="VHQ")

    def __getitem__(self, span: slice) -> np.ndarray:
        """Samples of a span that begins where the last one ended, or at 0."""
        start, stop, _ = span.indices(self.shape[0])
        if start != self._position:
            self._begin()
        if start != self._position:
            raise ValueError("a conformed track is read in order")
        while len(self._ready) < stop - start:
            self._ready = np.concatenate([self._ready, self._next(stop - start - len(self._ready))])
        block, self._ready = self._ready[: stop - start], self._ready[stop - start :]
        self._position = stop
        return block

    def _next(self, count: int) -> np.ndarray:
        """Some more samples, at least one."""
        if self._stream is None:
            piece: np.ndarray = np.asarray(self._sound[self._read : self._read + count], np.float32)
            self._read += count
            return piece if len(piece) else np.zeros((count, self.shape[1]), np.float32)
        piece = np.asarray(self._sound[self._read : self._read + _STREAM_BLOCK], np.float32)
        if self._read >= self._sound.shape[0]:  # what the resampler held back has come
            return np.zeros((count, self.shape[1]), np.float32)
        self._read += _STREAM_BLOCK
        converted: np.ndarray = self._stream.resample_chunk(piece, last=self._read >= self._sound.shape[0])
        return converted.reshape(-1, self.shape[1])


def convert_rate(sound: np.ndarray, rate_hz: int, length: int | None = None) -> np.ndarray:
    """Sound at 48 kHz at another rate, by SoX's resampler at its best quality; cut or filled up to ``length``."""
    if rate_hz == SAMPLE_RATE_HZ or not len(sound):
        converted = np.asarray(sound, np.float32)
    else:
        import soxr

        converted = soxr.resample(sound, SAMPLE_RATE_HZ, rate_hz, quality="VHQ").astype(np.float32)
    if length is None or len(converted) == length:
        return converted
    filled = np.zeros((length, *converted.shape[1:]), np.float32)
    filled[: min(length, len(converted))] = converted[:length]
    return filled


def deliver_track(delivery: Delivery, path: Path) -> int:
    """Write the track in the format of the name's ending; returns how many samples clip. Raises BadInput."""
    options = delivery.options
    track = Conformed(master_track(delivery.project, delivery.rendered, options.channels), delivery)
    return write_sound(path, track, options.sample_rate_hz, options.bits, delivery.tags(delivery.title, whole=True))


def make_stems(delivery: Delivery) -> dict[str, Samples]:
    """Stems at 48 kHz by name, of the options' kind: by sound, by hit or by layer; they sum to the track."""
    return master_stems(_split(delivery), delivery.project, delivery.rendered, delivery.options.channels)


def _split(delivery: Delivery) -> dict[str, Track]:
    """The stems before the limiter."""
    project, rendered, channels = delivery.project, delivery.rendered, delivery.options.channels
    if delivery.options.stems == "sound":
        return stems_by_sound(project, rendered, channels)
    hits = [hit for hit in sorted(project.heard_hits(), key=_by_time) if hit.id in rendered]
    if delivery.options.stems == "hit":
        return {
            f"{number:03d} {project.sound(hit.sound_id).name}": Track(project, rendered, [hit], channels)
            for number, hit in enumerate(hits, 1)
        }
    layers = {name: LayerHits(project, rendered, name) for name in LAYERS if hits}
    return {
        name: Track(project, layer, hits, channels, adds_room=name == "Room", adds_side=name == "Residual")
        for name, layer in layers.items()
    }


def deliver_stems(delivery: Delivery, folder: Path) -> tuple[list[Path], int]:
    """Write the stems as WAV of the track's length and start; returns the files, and how many of their samples clip.

    Raises BadInput without a hit.
    """
    options = delivery.options
    stems = {name: Conformed(stem, delivery) for name, stem in make_stems(delivery).items()}
    tags = replace(delivery.tags(delivery.title), category=None, fx_name="", creator_id="", source_id="")
    return write_stems(folder, stems, options.sample_rate_hz, options.bits, tags, delivery.check)


def deliver_video(
    delivery: Delivery, path: Path, on_progress: Callable[[float], None] | None = None
) -> tuple[str | None, int]:
    """Write the clip's picture with the track, at 48 kHz from the picture's first frame.

    Returns a note, as ``write_video`` or of a clip without the sound that is to be kept, and how many samples are over
    full scale. Raises BadInput.
    """
    from engine.media.export.own_sound import OwnSound
    from engine.media.export.video import write_video

    clip, options = delivery.project.clip, delivery.options
    track = master_track(delivery.project, delivery.rendered, options.channels)
    own = None
    if options.clip_sound != "replace":
        own = OwnSound(options.clip_sound, clip.audio_track, delivery.project.mix.clip_gain_db)
    over = [0]
    note = write_video(
        clip.path,
        track,
        SAMPLE_RATE_HZ,
        path,
        on_progress,
        clip.digest,
        own_sound=own,
        timecode=delivery.start.format_time(0.0) if delivery.start.timecode else None,
        on_over=over.append,
    )
    if own is not None and not clip.has_audio:
        note = "; ".join(filter(None, (note, "the clip has no sound of its own, so the rendered one is alone in it")))
    return note, over[-1]


def _by_time(hit: Hit) -> tuple[float, str]:
    return hit.time_s, hit.id


def find_picture(clip: Clip) -> Path | None:
    """The clip's absolute path where it is a file; None otherwise."""
    path = Path(clip.path).absolute()
    return path if path.is_file() else None


def check_hits(delivery: Delivery) -> list[Hit]:
    """The hits that sound, by rising time. Raises BadInput where there is none."""
    hits = [hit for hit in sorted(delivery.project.heard_hits(), key=_by_time) if hit.id in delivery.rendered]
    if not hits:
        raise BadInput("there is no hit to write pieces or a session of; add one first")
    return hits
