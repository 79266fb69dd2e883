"""The main job: open a clip, find its hits, estimate their sounds, sample them. Editor and command line both run it.

Each function is a generator of the events in ``engine.pipeline.events``; a plain ``for`` loop consumes it, and leaving
the loop cancels it. The consumer owns the document: it applies the edit of an event before it takes the next one, and
``current`` returns the document at that time, including the user's edits:

    document = Document()
    for event in process_clip("clip.mp4", ProcessSettings(), document.current):
        document.apply(event)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.cache import Cache
from engine.core.errors import BadInput, StruckError
from engine.document.project import Project
from engine.pipeline.analyze_audio import analyze_clip_audio
from engine.pipeline.compute import AnalyzeHits
from engine.pipeline.detect_onsets import detect_onsets, find_onset_network
from engine.pipeline.events import (
    ClipOpened,
    DetectionEvent,
    Done,
    Event,
    LevelKept,
    Notice,
    OnsetsFound,
    SoundEvent,
    SoundsFound,
)
from engine.pipeline.headroom import keep_headroom
from engine.pipeline.kept_hits import KeptHits
from engine.pipeline.open_clip import open_clip
from engine.pipeline.render import HitSampler, sample_hits

if TYPE_CHECKING:
    from engine.bank.bank import Bank


def open_default_bank() -> Bank:
    """The shipped bank and the recordings in the default data folder."""
    from engine.bank.user_bank import open_bank, user_bank_folder

    return open_bank(user_bank_folder())[0]


@dataclass(frozen=True)
class ProcessSettings:
    """Which steps run, and with what."""

    detect: bool = True
    estimate: bool = True
    audio_track: int | None = None  # of the clip; None: the default one
    partial_hits: bool = False  # yield OnsetsUpdated while the clip is being read
    checkpoint_folder: str | Path | None = None  # of the onset and the vision network; None: those that ship
    open_bank: Callable[[], Bank] = open_default_bank
    load_sampler: Callable[[str], HitSampler | None] | None = None  # by checkpoint name; None: nothing is sampled
    keep_headroom: bool = False  # lower the mix where what was sampled would clip
    channels: str = "stereo"  # of the track that must not
    analyze: AnalyzeHits | None = None  # of a clip's recorded hits; None: in this process
    cache: Cache | None = None  # of onset tracks and sampled hits
    check: Callable[[], None] = lambda: None  # called between short steps; may raise Cancelled


class Document:
    """The document of a consumer that keeps no history."""

    def __init__(self, project: Project | None = None) -> None:
        self.project = project

    def current(self) -> Project:
        """The project; StruckError before the clip was opened."""
        if self.project is None:
            raise StruckError("no clip was opened; open one first")
        return self.project

    def apply(self, event: Event) -> None:
        """Apply the project or edit of an event, if it has one."""
        if isinstance(event, ClipOpened):
            self.project = event.project
        elif isinstance(event, (OnsetsFound, SoundsFound, LevelKept)):
            self.project = event.edit.apply(self.current())


def process_clip(path: str | Path, settings: ProcessSettings, current: Callable[[], Project]) -> Iterator[Event]:
    """Open a clip and process it; ``current`` is called only once ClipOpened was consumed. Raises BadInput."""
    yield open_clip(path, settings.audio_track)
    yield from process_project(settings, current)


def process_project(settings: ProcessSettings, current: Callable[[], Project]) -> Iterator[Event]:
    """Find the hits of the document's clip, estimate their sounds and sample them, as far as the settings say.

    The last event is Done. Raises BadInput, as the steps do.
    """
    if settings.detect:
        yield from find_hits(current(), settings)
    if settings.estimate:
        yield from estimate_sounds(current(), settings)
    if settings.load_sampler is not None and current().hits:
        project = current()
        sampler = settings.load_sampler(project.render.checkpoint)
        cache = Cache(None) if settings.cache is None else settings.cache
        keys: dict[str, str] = {}
        for event in sample_hits(project, sampler, cache, settings.check):
            keys |= {hit_id: hit.key for hit_id, hit in event.hits.items()}
            yield event
        kept = KeptHits(cache, keys)
        quieter = keep_headroom(project, kept, settings.channels) if settings.keep_headroom else None
        if quieter is not None:
            yield LevelKept(quieter)
        trouble = getattr(sampler, "trouble", "")
        if trouble:
            yield Notice(trouble)
    yield Done(current())


def find_hits(project: Project, settings: ProcessSettings) -> Iterator[DetectionEvent]:
    """Detect the onsets of the document's clip in the source that it names."""
    network = find_onset_network(settings.checkpoint_folder)
    return detect_onsets(project.clip, project.detection.source, network, settings.cache, settings.partial_hits)


def estimate_sounds(
    project: Project, settings: ProcessSettings, hit_ids: Sequence[str] | None = None
) -> Iterator[SoundEvent]:
    """Estimate the sounds of hits from the clip's audio, or, where it has none, from its picture.

    ``hit_ids`` limits the analysis of audio to some hits. Where neither vision network nor bank can be used, a Notice
    states the reason and the default sound stays.
    """
    if project.clip.has_audio:
        yield from analyze_clip_audio(project, hit_ids, settings.check, settings.analyze)
        return
    from engine.pipeline.estimate_from_video import find_vision_network
    from engine.pipeline.sounds_from_video import estimate_clip_sounds

    network = find_vision_network(settings.checkpoint_folder)
    try:
        yield from estimate_clip_sounds(project, settings.open_bank(), network, settings.check)
    except BadInput as error:
        yield Notice(f"{error}; the default sound is used")
        yield from analyze_clip_audio(project)
