"""Make a storyboard of a hit list: a panel for each hit or each sound, with the clip's frame or a drawn picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.animate.hearing import RANGE_DB
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.core.words import counted
from engine.media.export.options import DeliveryOptions, find_start
from engine.media.export.storyboard import MOST_PANELS, Heading, Panel, encode_storyboard
from engine.pipeline.picture_sound import GUIDANCE, HeardSound, PictureOptions, draw_alike, find_scene_network

if TYPE_CHECKING:
    from engine.document.project import Project
    from engine.pipeline.events import RenderedHit

EACH = ("hit", "sound")
DRAWN_NOTE = (
    "Pictures are drawn from each sound alone by a small network, at 64 × 64 pixels: guesses at what may be struck, "
    "of which colours and textures may be right."
)
FRAMES_NOTE = "Pictures are the clip's frames at the hits."
_FRAME_ROWS = 330


@dataclass(frozen=True)
class StoryboardOptions:
    """``each`` is one of EACH; ``drawn`` draws pictures although the clip has its own; the rest is the drawing's."""

    each: str = "hit"
    drawn: bool = False
    seed: int = 0
    guidance: float = GUIDANCE
    gain_db: float = 0.0


@dataclass(frozen=True, eq=False)
class Cue:
    """What a panel is of; its sound is mono [N] at SAMPLE_RATE_HZ from its onset on."""

    time_s: float
    name: str
    detail: str
    velocity_db: float
    samples: np.ndarray
    color: int | None = None


@dataclass(frozen=True, eq=False)
class HitList:
    """Cues in order of time, of ``hits`` hits. ``clip`` is where frames come from, None without a picture."""

    title: str
    cues: tuple[Cue, ...]
    hits: int
    duration_s: float
    clip: Path | None
    frame_rate: Fraction | None
    start_timecode: str | None = None


def list_project(project: Project, title: str, rendered: Mapping[str, RenderedHit] | None, each: str) -> HitList:
    """A project's hits that sound, or the first hit of each sound with the number of its hits. BadInput without any.

    ``rendered`` may be None where no pictures are drawn.
    """
    hits = sorted(project.heard_hits(), key=lambda hit: (hit.time_s, hit.id))
    _check_count(len(hits) if each == "hit" else len({hit.sound_id for hit in hits}), title, each)
    numbers = {sound.id: number for number, sound in enumerate(project.sounds)}
    struck = Counter(hit.sound_id for hit in hits)
    cues, seen = [], set()
    for number, hit in enumerate(hits, 1):
        if each == "sound" and hit.sound_id in seen:
            continue
        seen.add(hit.sound_id)
        sound = project.sounds[numbers[hit.sound_id]]
        named = hit.name or sound.name
        detail = f"hit {number}" if not hit.name else f"hit {number} · {sound.name}"
        if each == "sound":
            named, detail = sound.name, f"{counted(struck[hit.sound_id], 'hit')}, first at this time"
        samples = np.zeros(0) if rendered is None else rendered[hit.id].samples
        cues.append(Cue(hit.time_s, named, detail, hit.velocity_db, samples, numbers[hit.sound_id]))
    clip = project.clip
    return HitList(
        title, tuple(cues), len(hits), clip.duration_s, Path(clip.path), Fraction(clip.frame_rate), clip.start_timecode
    )


def list_recording(path: Path, each: str) -> HitList:
    """The hits that are heard in a sound file or a clip's sound; velocities are under the loudest. Raises BadInput."""
    from engine.media.probe import probe, scan_picture
    from engine.pipeline.make_animatic import hear_recording

    if each == "sound":
        raise BadInput(f"{path.name} is a recording, whose sounds have no names; leave --each out, or give a project")
    clip: Path | None = path
    rate = None
    try:
        rate = Fraction(scan_picture(path).frame_rate)
    except BadInput:
        clip = None  # a sound file
    if clip is not None and not probe(path).has_audio:
        raise BadInput(
            f"{path.name} has no sound in which hits could be heard; give the project that render --project makes of "
            "it, which has those that are seen"
        )
    heard = hear_recording(path)
    _check_count(len(heard.blows), path.name, each)
    mono = heard.samples.mean(axis=1)
    ends_s = [blow.time_s for blow in heard.blows[1:]] + [heard.duration_s]
    cues = []
    for number, (blow, end_s) in enumerate(zip(heard.blows, ends_s, strict=True), 1):
        part = mono[round(blow.time_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
        level = RANGE_DB * (blow.velocity - 1.0)
        cues.append(Cue(blow.time_s, f"Hit {number}", "as heard", level, part))
    return HitList(path.name, tuple(cues), len(cues), heard.duration_s, clip, rate)


def make_storyboard(
    hits: HitList,
    options: StoryboardOptions,
    checkpoints: str | Path | None,
    ending: str,
    on_progress: Callable[[float], None] = lambda _: None,
) -> bytes:
    """The storyboard as .png or .pdf; ``on_progress`` hears the share that is done, and may raise to stop.

    Raises BadInput where a clip cannot be read, or where there is no network and pictures are to be drawn.
    """
    drawn = options.drawn or hits.clip is None
    if drawn:
        pictures = _draw(hits.cues, options, find_scene_network(checkpoints), on_progress)
    else:
        pictures = _grab(hits, on_progress)
    told = _tell_time(hits)
    panels = [
        Panel(told(cue.time_s), cue.name, cue.detail, cue.velocity_db, picture, cue.color)
        for cue, picture in zip(hits.cues, pictures, strict=True)
    ]
    sounds = f" of {counted(len(panels), 'sound')}" if options.each == "sound" else ""
    rate = "" if hits.frame_rate is None else f", {float(hits.frame_rate):.5g} frames a second"
    summary = f"{counted(hits.hits, 'hit')}{sounds}, {hits.duration_s:.2f} s{rate}"
    heading = Heading(hits.title, summary, DRAWN_NOTE if drawn else FRAMES_NOTE)
    return encode_storyboard(panels, heading, drawn, ending)


def _grab(hits: HitList, on_progress: Callable[[float], None]) -> list[np.ndarray | None]:
    from engine.media.stills import grab_frames

    assert hits.clip is not None

    def tell(time_s: float) -> None:
        on_progress(min(1.0, max(0.0, time_s / hits.duration_s)))

    frames = grab_frames(hits.clip, [cue.time_s for cue in hits.cues], _FRAME_ROWS, tell)
    on_progress(1.0)
    return [frames.get(cue.time_s) for cue in hits.cues]


def _draw(
    cues: Sequence[Cue], options: StoryboardOptions, folder: Path, on_progress: Callable[[float], None]
) -> list[np.ndarray | None]:
    from engine.scene.network import load_scene_network

    sounds = [HeardSound(cue.samples, cue.name) for cue in cues]
    wanted = PictureOptions(1, options.seed, options.guidance, options.gain_db)
    return draw_alike(load_scene_network(folder), sounds, wanted, on_progress=on_progress)


def _tell_time(hits: HitList) -> Callable[[float], str]:
    """Timecode of a time on the picture's clock, or minutes and seconds without a picture."""
    if hits.frame_rate is None:
        return lambda time_s: f"{int(time_s // 60)}:{time_s % 60:06.3f}"
    return find_start(DeliveryOptions(), hits.start_timecode, hits.frame_rate).format_time


def _check_count(count: int, name: str, each: str) -> None:
    if not count:
        raise BadInput(f"{name} has no hits, so there is nothing to show; detect or add some first")
    if count > MOST_PANELS:
        less = "--each sound, or a shorter part" if each == "hit" else "a shorter part"
        raise BadInput(f"{name} has {count} panels and a storyboard at most {MOST_PANELS}; give {less}")
