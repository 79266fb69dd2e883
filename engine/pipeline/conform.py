"""Conform a project to a recut of its clip: hits move with their shots, found by the pictures alone."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import format_timecode, parse_timecode
from engine.document.edits.grouping import name_copied_groups
from engine.document.edits.hits import touch_hit
from engine.document.edits.markers import with_markers
from engine.document.edits.values import MAX_HITS, MAX_MARKERS, next_ids, with_hits
from engine.document.project import Clip, Hit, Marker, Project, Sound
from engine.document.seeds import derive_seed
from engine.document.source import Source
from engine.media.fingerprint import fingerprint_frames
from engine.media.probe import MediaInfo
from engine.media.recut import Run, find_runs
from engine.pipeline.open_clip import keep_source, open_clip

_TOUCH_FRAMES = 1e-3
_SAME_S = 1e-4
_READ_SHARE = 0.4
"""Of the work that reading one clip is."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of the new clip that comes from the former one, in seconds."""

    old_s: float
    new_s: float
    length_s: float


@dataclass(frozen=True)
class Conformed:
    """The project with its new clip; ``lost`` and ``lost_markers`` lie in pictures that the new clip does not have.

    ``left_out`` hits and ``left_out_markers`` are none of them: the new clip shows once what the former one repeats,
    and there the same is placed already.
    """

    project: Project
    info: MediaInfo
    stretches: tuple[Stretch, ...]
    lost: tuple[Hit, ...]
    lost_markers: tuple[Marker, ...]
    copied: int
    left_out: int = 0
    left_out_markers: int = 0


def conform(project: Project, path: str | Path, report: Callable[[float], None] = lambda _: None) -> Conformed:
    """Place the hits of a project in a recut of its clip. Raises BadInput for one that cannot be read or shares none.

    A shot that is shown several times has its hits and markers each time. Times are exact to the frame where the
    picture moves.
    """
    opened = open_clip(Path(path))
    clip, former = opened.project.clip, project.clip
    if clip.digest == former.digest:
        raise BadInput(f"{PurePath(clip.path).name} is the project's clip itself; give the recut one")

    def read(one: Clip, share_before: float) -> np.ndarray:
        count = max(1, math.floor(one.duration_s * float(former.frame_rate) + 0.5))
        told = functools.partial(_tell, report, share_before, _READ_SHARE)
        return fingerprint_frames(one.path, former.frame_rate, count, told)

    old, new = read(former, 0.0), read(clip, _READ_SHARE)
    runs = find_runs(old, new, functools.partial(_tell, report, 2 * _READ_SHARE, 1.0 - 2 * _READ_SHARE))
    if not runs:
        raise BadInput(
            f"{PurePath(clip.path).name} shows nothing of {PurePath(former.path).name}; open it as a clip of its own"
        )
    done = place_hits(project, clip, opened.info, runs)
    if not done.lost and not done.lost_markers:
        return done
    shown = [Run(run.new, run.old, run.length) for run in find_runs(new, old)]  # each frame of the former clip once
    return _leave_out_copies(done, shown, float(former.frame_rate))


def clip_timecode(clip: Clip, time_s: float) -> str:
    """Timecode of the frame that a clip shows at a time, from its own start."""
    start = clip.start_timecode or "00:00:00:00"
    frame = parse_timecode(start, clip.frame_rate) + math.floor(time_s * float(clip.frame_rate) + _TOUCH_FRAMES)
    return format_timecode(frame, clip.frame_rate, ";" in start)


def _tell(report: Callable[[float], None], before: float, part: float, share: float) -> None:
    report(before + part * share)


def place_hits(project: Project, clip: Clip, info: MediaInfo, runs: Sequence[Run]) -> Conformed:
    """The project with another clip, whose frames come from the former one's as the runs tell."""
    rate = float(project.clip.frame_rate)
    hits: list[Hit] = []
    lost: list[Hit] = []
    copies: list[Hit] = []
    for hit in project.hits:
        places = _list_places(hit.time_s, runs, rate, clip)
        if not places:
            lost.append(hit)
            continue
        hits.append(_place(hit, places[0], clip))
        copies += [_place(hit, place_s, clip) for place_s in places[1:]]
    copies = copies[: max(0, MAX_HITS - len(hits))]
    new_ids = next_ids((hit.id for hit in project.hits), "h", len(copies))
    groups = name_copied_groups(project, [{"group": hit.group} for hit in copies])
    hits += [
        replace(
            touch_hit(hit),
            id=hit_id,
            seed=derive_seed(project.render.seed, hit_id),
            found_s=None,
            group=groups.get(hit.group, ""),
        )
        for hit_id, hit in zip(new_ids, copies, strict=True)
    ]
    dismissed_s = [_first_place(time_s, runs, rate) for time_s in project.detection.dismissed_onsets_s]
    detection = replace(
        keep_source(project.detection, clip),
        dismissed_onsets_s=tuple(s for s in dismissed_s if s is not None and s <= clip.duration_s),
    )
    sounds = tuple(_move_source(sound, project.clip, clip, runs, rate) for sound in project.sounds)
    stretches = tuple(Stretch(run.old / rate, run.new / rate, run.length / rate) for run in runs)
    markers, lost_markers = _place_markers(project.markers, runs, rate, clip)
    moved = with_hits(replace(project, clip=clip, sounds=sounds, detection=detection), hits)
    moved = with_markers(moved, markers)
    return Conformed(moved, info, stretches, tuple(lost), tuple(lost_markers), len(copies))


def _place_markers(
    markers: Sequence[Marker], runs: Sequence[Run], rate: float, clip: Clip
) -> tuple[list[Marker], list[Marker]]:
    """The markers in every place of their pictures, and those without one."""
    placed, copies, lost = [], [], []
    for marker in markers:
        here = [replace(marker, time_s=place_s) for place_s in _list_places(marker.time_s, runs, rate, clip)]
        placed += here[:1]
        copies += here[1:]
        lost += [] if here else [marker]
    copies = copies[: max(0, MAX_MARKERS - len(placed))]
    new_ids = next_ids((marker.id for marker in markers), "m", len(copies))
    return [*placed, *(replace(copy, id=new) for copy, new in zip(copies, new_ids, strict=True))], lost


def _leave_out_copies(done: Conformed, runs: Sequence[Run], rate: float) -> Conformed:
    """The outcome without lost hits and markers that are placed already, from another showing of their pictures.

    One that was changed since is still lost.
    """
    project, clip = done.project, done.project.clip

    def is_hit_placed(hit: Hit) -> bool:
        return any(
            abs(other.time_s - place_s) < _SAME_S and _without_identity(other) == _without_identity(hit)
            for place_s in _list_places(hit.time_s, runs, rate, clip)
            for other in project.hits
        )

    def is_marker_placed(marker: Marker) -> bool:
        return any(
            abs(other.time_s - place_s) < _SAME_S and other.name == marker.name
            for place_s in _list_places(marker.time_s, runs, rate, clip)
            for other in project.markers
        )

    lost = tuple(hit for hit in done.lost if not is_hit_placed(hit))
    lost_markers = tuple(marker for marker in done.lost_markers if not is_marker_placed(marker))
    return replace(
        done,
        lost=lost,
        lost_markers=lost_markers,
        left_out=len(done.lost) - len(lost),
        left_out_markers=len(done.lost_markers) - len(lost_markers),
    )


def _without_identity(hit: Hit) -> Hit:
    """The hit without what its copies have of their own."""
    return replace(hit, id="", time_s=0.0, seed=0, touched=False, found_s=None, group="")


def _list_places(time_s: float, runs: Sequence[Run], rate: float, clip: Clip) -> list[float]:
    """Where a time of the former clip lies in the new one, as often as its frame is shown there."""
    return [s for run in runs if (s := _move(time_s, run, rate)) is not None and s <= clip.duration_s]


def _move(time_s: float, run: Run, rate: float) -> float | None:
    """Where a time of the former clip lies in the new one, if its frame is in the run."""
    frame = math.floor(time_s * rate + _TOUCH_FRAMES)
    if not run.old <= frame < run.old + run.length:
        return None
    return max(0.0, time_s + (run.new - run.old) / rate)


def _first_place(time_s: float, runs: Sequence[Run], rate: float) -> float | None:
    return next((place for run in runs if (place := _move(time_s, run, rate)) is not None), None)


def _place(hit: Hit, time_s: float, clip: Clip) -> Hit:
    """The hit at a time of the new clip; where it was found moves as far."""
    found_s = None if hit.found_s is None else min(max(hit.found_s + time_s - hit.time_s, 0.0), clip.duration_s)
    return replace(hit, time_s=time_s, found_s=found_s)


def _move_source(sound: Sound, former: Clip, clip: Clip, runs: Sequence[Run], rate: float) -> Sound:
    """The sound with its recording's place in the new clip's sound; one that is not there is said to be a file's."""
    source = sound.source
    if source.kind not in ("clip", "span") or source.time_s is None:
        return sound
    place_s = _first_place(source.time_s, runs, rate) if clip.has_audio else None
    if place_s is None:
        return replace(sound, source=Source("file", name=PurePath(former.path).name, edited=source.edited))
    end_s = None if source.end_s is None else source.end_s + place_s - source.time_s
    return replace(sound, source=replace(source, time_s=place_s, end_s=end_s))
