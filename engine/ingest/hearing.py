"""The physics of a clip's hits, from the clip's own sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from engine.edits import Edit, next_ids, with_hits
from engine.errors import BadInput
from engine.ingest.sounds import SILENT_NOTE, WAITING_NOTE, default_sound, describe_character
from engine.media import iter_clip_audio, read_clip_audio
from engine.parameters import Physics
from engine.physics.analysis import analyze_hit, find_onset
from engine.project import Clip, Hit, Project, Sound
from engine.units import SAMPLE_RATE_HZ, seconds_to_samples

LONGEST_HIT_S = 1.5
SHORTEST_HIT_S = 0.06
BEFORE_S = 0.05
"""Sound read before each hit, to look for its attack."""

NEXT_HIT_GUARD_S = 0.008
LEVEL_WINDOW_S = 0.05
REFINE_S = 0.030
AUDIBLE_RISE_DB = 6.0
WORKERS = 2
FEW_HITS = 8


@dataclass(frozen=True)
class HeardHit:
    """One hit as the clip's sound has it: level (dB) of its first 50 ms, and how far from others it rings."""

    hit_id: str
    time_s: float
    physics: Physics
    fit: float
    level_db: float
    alone_s: float
    clipped: bool


@dataclass(frozen=True)
class _Window:
    """A hit's stretch of the clip: from ``start_s``, the hit itself at ``time_s``, until ``end_s``."""

    hit_id: str
    time_s: float
    start_s: float
    end_s: float
    movable: bool


def analyze_clip_hits(
    project: Project,
    on_found: Callable[[int, int], None] | None = None,
    hit_ids: Sequence[str] | None = None,
) -> Edit:
    """The physics of hits from the clip's own sound, as one edit: sounds alike become one Sound.

    Without ``hit_ids``, the hits whose sound came from the clip or waits for it; sounds that a person
    chose or edited stay. ``on_found(done, total)`` hears of each hit analysed and may raise Cancelled.
    A clip without sound gets the default preset, and its note says so.
    """
    from engine.physics.analysis import group_alike

    if not project.clip.has_audio:
        return Edit("Choose default sound", _keep_default)
    chosen = _hits_to_analyze(project, hit_ids)
    windows = _plan_windows(project, chosen)
    heard: list[HeardHit] = []
    if on_found is not None:
        on_found(0, len(windows))
    with ThreadPoolExecutor(WORKERS) as pool:
        pending = [pool.submit(_analyze, window, samples) for window, samples in _read_windows(project.clip, windows)]
        try:
            for done, future in enumerate(pending, 1):
                result = future.result()
                if result is not None:
                    heard.append(result)
                if on_found is not None:
                    on_found(done, len(windows))
        except BaseException:
            for future in pending:
                future.cancel()
            raise
    ids = {window.hit_id for window in windows}
    labels = group_alike([hit.physics for hit in heard]) if heard else []
    return Edit("Analyse the clip's sound", lambda document: _with_heard(document, heard, labels, ids))


def _keep_default(project: Project) -> Project:
    if project.sounds:
        return project
    return replace(project, sounds=(default_sound(SILENT_NOTE),))


def _hits_to_analyze(project: Project, hit_ids: Sequence[str] | None) -> list[Hit]:
    if hit_ids is not None:
        wanted = set(hit_ids)
        return [hit for hit in project.hits if hit.id in wanted]
    open_sounds = {sound.id for sound in project.sounds if sound.origin == "clip" or _is_waiting(sound)}
    return [hit for hit in project.hits if hit.sound_id in open_sounds]


def _is_waiting(sound: Sound) -> bool:
    return sound.origin == "preset" and sound.origin_note.startswith(WAITING_NOTE)


def _plan_windows(project: Project, chosen: Sequence[Hit]) -> list[_Window]:
    times_s = sorted(hit.time_s for hit in project.hits)
    windows = []
    for hit in chosen:
        following_s = next((t for t in times_s if t > hit.time_s + 0.01), project.clip.duration_s)
        end_s = min(following_s - NEXT_HIT_GUARD_S, hit.time_s + LONGEST_HIT_S)
        end_s = min(max(end_s, hit.time_s + SHORTEST_HIT_S), project.clip.duration_s)
        movable = not hit.touched and project.detection.source != "audio"
        windows.append(_Window(hit.id, hit.time_s, max(0.0, hit.time_s - BEFORE_S), end_s, movable))
    return windows


def _read_windows(clip: Clip, windows: Sequence[_Window]) -> Iterator[tuple[_Window, np.ndarray]]:
    """Each window with its samples, in order of time, reading a long clip once and in bounded memory."""
    if len(windows) <= FEW_HITS:
        for window in windows:
            yield window, read_clip_audio(clip.path, SAMPLE_RATE_HZ, window.start_s, window.end_s - window.start_s)
        return
    waiting = sorted(windows, key=lambda window: window.start_s)
    held, held_from = np.zeros(0, np.float32), 0
    for block in iter_clip_audio(clip.path, SAMPLE_RATE_HZ, 2.0):
        held = np.concatenate((held, block))
        while waiting and seconds_to_samples(waiting[0].end_s, SAMPLE_RATE_HZ) <= held_from + len(held):
            window = waiting.pop(0)
            yield window, _cut(held, held_from, window)
        first = seconds_to_samples(waiting[0].start_s, SAMPLE_RATE_HZ) if waiting else held_from + len(held)
        drop = min(max(0, first - held_from), len(held))
        held, held_from = held[drop:], held_from + drop
    for window in waiting:
        yield window, _cut(held, held_from, window)


def _cut(held: np.ndarray, held_from: int, window: _Window) -> np.ndarray:
    start = seconds_to_samples(window.start_s, SAMPLE_RATE_HZ) - held_from
    end = seconds_to_samples(window.end_s, SAMPLE_RATE_HZ) - held_from
    return held[max(0, start) : max(0, end)].copy()


def _analyze(window: _Window, samples: np.ndarray) -> HeardHit | None:
    """One hit's physics, at its audible attack; None where nothing is heard."""
    rate = SAMPLE_RATE_HZ
    at_s = window.time_s - window.start_s
    if window.movable:
        at_s = _refine(samples, at_s)
    onset = seconds_to_samples(at_s, rate)
    ring = samples[onset:]
    if len(ring) < 0.01 * rate or float(np.abs(ring).max()) < 1e-4:
        return None
    try:
        physics, fit = analyze_hit(samples, rate, onset_s=at_s)
    except BadInput:
        return None
    level_db = _level_db(ring[: seconds_to_samples(LEVEL_WINDOW_S, rate)])
    clipped = int((np.abs(ring) > 0.999).sum()) > 3
    return HeardHit(window.hit_id, window.start_s + at_s, physics, fit, level_db, window.end_s - window.time_s, clipped)


def _level_db(samples: np.ndarray) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10.0 * np.log10(power + 1e-20)


def _rise_db(samples: np.ndarray, at_s: float) -> float:
    """How much louder the 10 ms from a time on are than the 10 ms up to 1 ms before it."""
    at, short, gap = (seconds_to_samples(t, SAMPLE_RATE_HZ) for t in (at_s, 0.010, 0.001))
    before = samples[max(0, at - gap - short) : max(0, at - gap)]
    return _level_db(samples[at : at + short]) - max(_level_db(before), -100.0)


def _refine(samples: np.ndarray, at_s: float) -> float:
    """The audible attack near a time that the picture gave; the time itself where it is one, or none is near."""
    if _rise_db(samples, at_s) >= AUDIBLE_RISE_DB:
        return at_s
    first_s = max(0.0, at_s - REFINE_S)
    first = seconds_to_samples(first_s, SAMPLE_RATE_HZ)
    last = seconds_to_samples(at_s + REFINE_S, SAMPLE_RATE_HZ)
    found_s = first_s + find_onset(samples[first:last], SAMPLE_RATE_HZ)
    return found_s if _rise_db(samples, found_s) >= AUDIBLE_RISE_DB else at_s


def _with_heard(project: Project, heard: Sequence[HeardHit], labels: Sequence[int], analyzed: set[str]) -> Project:
    """The document with the sounds heard in place of those that waited for them."""
    groups: dict[int, list[HeardHit]] = {}
    for hit, label in zip(heard, labels, strict=True):
        groups.setdefault(label, []).append(hit)
    taken = [sound.id for sound in project.sounds]
    names = _letters(project)
    new_sounds: list[Sound] = []
    new_hits: dict[str, Hit] = {}
    old_hits = {hit.id: hit for hit in project.hits}
    for members in groups.values():
        (sound_id,) = next_ids([*taken, *(s.id for s in new_sounds)], "s")
        model = _choose_model(members)
        note = f"from the clip's sound at {model.time_s:.2f} s"
        character = describe_character(model.physics)
        name = f"{next(names)} · {character}"
        new_sounds.append(Sound(sound_id, name, model.physics.modes, model.physics.residual, "clip", note, model.fit))
        for member in members:
            old = old_hits.get(member.hit_id)
            if old is not None:
                velocity_db = min(12.0, max(-60.0, member.level_db - model.level_db))
                time_s = old.time_s if old.touched else min(member.time_s, project.clip.duration_s)
                new_hits[old.id] = replace(old, sound_id=sound_id, velocity_db=velocity_db, time_s=time_s)
    if not new_sounds:
        return project
    hits = [new_hits.get(hit.id) or _join_nearest(hit, new_hits, analyzed) for hit in project.hits]
    used = {hit.sound_id for hit in hits}
    kept = [s for s in project.sounds if s.id in used or not (s.origin == "clip" or _is_waiting(s))]
    return with_hits(replace(project, sounds=(*kept, *new_sounds)), hits)


def _join_nearest(hit: Hit, new_hits: dict[str, Hit], analyzed: set[str]) -> Hit:
    """A hit that could not be heard takes the sound of the heard one nearest in time."""
    if hit.id not in analyzed or not new_hits:
        return hit
    nearest = min(new_hits.values(), key=lambda other: abs(other.time_s - hit.time_s))
    return replace(hit, sound_id=nearest.sound_id)


def _choose_model(members: Sequence[HeardHit]) -> HeardHit:
    """The member whose physics serves its group: loud, well fitted, rung out and not clipped."""
    return max(members, key=lambda m: (not m.clipped, m.level_db + 20.0 * m.fit + 20.0 * min(m.alone_s, 0.5)))


def _letters(project: Project) -> Iterator[str]:
    """Names "Sound A", "Sound B" and so on that no sound of a person's has."""
    taken = {s.name.split(" · ")[0] for s in project.sounds if s.origin != "clip"}
    number = 0
    while True:
        letters, rest = "", number
        while True:
            letters = chr(ord("A") + rest % 26) + letters
            rest = rest // 26 - 1
            if rest < 0:
                break
        number += 1
        if f"Sound {letters}" not in taken:
            yield f"Sound {letters}"
