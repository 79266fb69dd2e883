"""Estimate the physics of a clip's hits from the clip's own audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.dsp import band_levels_db
from engine.core.errors import BadInput
from engine.core.units import LN_60_DB, SAMPLE_RATE_HZ, seconds_to_samples
from engine.document.edits.values import Edit, next_ids, select_modes, with_hits
from engine.document.parts import keep_needed
from engine.document.project import Clip, Hit, HitOffsets, Project, Sound
from engine.document.source import INAUDIBLE, SILENT, WAITING, Source
from engine.media.sound import iter_clip_audio, read_clip_audio
from engine.physics.analysis.analyze import analyze_hits, measure_fit, single_hit
from engine.physics.analysis.background import choose_quiet, find_steady
from engine.physics.analysis.clustering import cluster_sounds
from engine.physics.analysis.segmentation import find_onset
from engine.physics.model import Physics
from engine.pipeline.compute import AnalyzeHits
from engine.pipeline.events import AnalysisProgress, SoundsFound
from engine.pipeline.hit_decay import compare_falls, measure_falls
from engine.pipeline.hit_level import (
    choose_velocity,
    level_db,
    match_level,
    measure_level,
    tabulate_velocity,
)
from engine.pipeline.sound_sources import default_sound, describe_character

LONGEST_HIT_S = 1.5
SHORTEST_HIT_S = 0.06
BEFORE_S = 0.05
"""Audio read before each hit, in which its attack is sought."""

NEXT_HIT_GUARD_S = 0.008
REFINE_S = 0.030
AUDIBLE_RISE_DB = 6.0
FAINT_RISE_DB = 3.0
MAX_SEPARATE_READS = 8
HUM_RATIO = 8.0
"""A faint mode whose T60 exceeds the hit's length by more than this factor is background, such as mains hum."""

POOR_FIT = 0.15
"""A single hit whose resynthesis fits worse than this takes the most similar sound that fits better, if any."""

CLUSTER_DB = 5.0
"""Mean distance of two attacks below which they share one analysis; those of one object differ by 2 to 6."""

MAX_CLUSTERS = 24


@dataclass(frozen=True)
class AudibleHit:
    """A hit present in the clip's audio: its onset, the level of its first 50 ms, its quality as a recording, its falls
    (``measure_falls``)."""

    hit_id: str
    time_s: float
    level_db: float
    quality_db: float
    falls_s: tuple[float, ...] = ()


@dataclass
class _Cluster:
    """Hits with similar attacks; ``samples`` from the onset on of the ``best`` one are analysed for all."""

    shape: np.ndarray
    members: list[AudibleHit]
    best: AudibleHit
    samples: np.ndarray


@dataclass(frozen=True)
class _Analysis:
    """Result for a cluster."""

    members: tuple[AudibleHit, ...]
    best: AudibleHit
    physics: Physics
    fit: float
    shape: np.ndarray


@dataclass(frozen=True)
class _Window:
    """A hit's span of the clip's audio; the hit is at ``time_s``, or if ``movable``, at the attack found near it."""

    hit_id: str
    time_s: float
    start_s: float
    end_s: float
    movable: bool


def analyze_clip_audio(
    project: Project,
    hit_ids: Sequence[str] | None = None,
    check: Callable[[], None] = lambda: None,
    analyze: AnalyzeHits | None = None,
) -> Iterator[AnalysisProgress | SoundsFound]:
    """Estimate the physics of hits from the clip's audio, one Sound for similar hits; the last event is SoundsFound.

    Without ``hit_ids``, those whose sound came from the clip or is the placeholder for it; sounds that the user chose
    or edited stay. Hits with similar attacks are analysed once, by the best recording. A clip without audio keeps the
    default preset, whose source states the reason. ``check`` is called between blocks of audio and may raise Cancelled.
    ``analyze`` analyses the recordings, here unless given.
    """
    if not project.clip.has_audio:
        yield SoundsFound(Edit("Choose default sound", _keep_default))
        return
    windows = plan_windows(project, _hits_to_analyze(project, hit_ids), chosen=hit_ids is not None)
    total = len(windows)
    yield AnalysisProgress(0, total)
    clusters: list[_Cluster] = []
    quiet: list[np.ndarray] = []
    for window, samples in read_windows(project.clip, windows, check):
        check()
        quiet = list(choose_quiet([*quiet, *find_steady(samples, SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ))
        _add_to_cluster(clusters, window, samples)
    analyses: list[_Analysis] = []
    done = 0
    background = np.array(quiet)
    results = (analyze or analyze_hits)([c.samples for c in clusters], SAMPLE_RATE_HZ, quiet=background)
    for cluster, result in zip(clusters, results, strict=True):
        if not isinstance(result, BadInput):  # too short or too faint: its hits take the sound of the nearest in time
            physics = match_level(drop_hum(result, cluster.samples), cluster.samples)
            fit = measure_fit(single_hit(cluster.samples, SAMPLE_RATE_HZ), physics, background)
            analyses.append(_Analysis(tuple(cluster.members), cluster.best, physics, fit, cluster.shape))
        done += len(cluster.members)
        yield AnalysisProgress(done, total)
    yield AnalysisProgress(total, total)
    labels = _reassign_poor_fits(analyses, cluster_sounds([analysis.physics for analysis in analyses]))
    ids = {window.hit_id for window in windows}
    yield SoundsFound(
        Edit("Analyse the clip's sound", lambda document: _with_analyses(document, analyses, labels, ids))
    )


def _keep_default(project: Project) -> Project:
    if project.sounds:
        return project
    return replace(project, sounds=(default_sound(SILENT),))


def _hits_to_analyze(project: Project, hit_ids: Sequence[str] | None) -> list[Hit]:
    if hit_ids is not None:
        wanted = set(hit_ids)
        return [hit for hit in project.hits if hit.id in wanted]
    open_sounds = {sound.id for sound in project.sounds if _is_open(sound)}
    return [hit for hit in project.hits if hit.sound_id in open_sounds]


def _is_open(sound: Sound) -> bool:
    """Whether a new analysis may replace a sound: a placeholder or an earlier estimate, given no parts by hand."""
    return not sound.parts and (sound.origin == "clip" or _is_placeholder(sound))


def _is_placeholder(sound: Sound) -> bool:
    return sound.origin == "preset" and sound.source.reason == WAITING


def plan_windows(project: Project, hits: Sequence[Hit], chosen: bool) -> list[_Window]:
    times_s = sorted(hit.time_s for hit in project.hits)
    windows = []
    for hit in hits:
        following_s = next((t for t in times_s if t > hit.time_s + 0.01), project.clip.duration_s)
        end_s = min(following_s - NEXT_HIT_GUARD_S, hit.time_s + LONGEST_HIT_S)
        end_s = min(max(end_s, hit.time_s + SHORTEST_HIT_S), project.clip.duration_s)
        movable = not hit.touched and not chosen and project.detection.source != "audio"
        windows.append(_Window(hit.id, hit.time_s, max(0.0, hit.time_s - BEFORE_S), end_s, movable))
    return windows


def read_windows(
    clip: Clip, windows: Sequence[_Window], check: Callable[[], None]
) -> Iterator[tuple[_Window, np.ndarray]]:
    """Each window with its samples, in order of time; a long clip is read once and in bounded memory."""
    if len(windows) <= MAX_SEPARATE_READS:
        for window in windows:
            duration_s = window.end_s - window.start_s
            yield window, read_clip_audio(clip.path, SAMPLE_RATE_HZ, window.start_s, duration_s, clip.audio_track)
        return
    pending = sorted(windows, key=lambda window: window.start_s)
    buffer, buffer_start = np.zeros(0, np.float32), 0
    for block in iter_clip_audio(clip.path, SAMPLE_RATE_HZ, 2.0, clip.audio_track):
        check()
        buffer = np.concatenate((buffer, block))
        while pending and seconds_to_samples(pending[0].end_s, SAMPLE_RATE_HZ) <= buffer_start + len(buffer):
            window = pending.pop(0)
            yield window, _cut(buffer, buffer_start, window)
        first = seconds_to_samples(pending[0].start_s, SAMPLE_RATE_HZ) if pending else buffer_start + len(buffer)
        drop = min(max(0, first - buffer_start), len(buffer))
        buffer, buffer_start = buffer[drop:], buffer_start + drop
    for window in pending:
        yield window, _cut(buffer, buffer_start, window)


def _cut(buffer: np.ndarray, buffer_start: int, window: _Window) -> np.ndarray:
    start = seconds_to_samples(window.start_s, SAMPLE_RATE_HZ) - buffer_start
    end = seconds_to_samples(window.end_s, SAMPLE_RATE_HZ) - buffer_start
    return buffer[max(0, start) : max(0, end)].copy()


def _add_to_cluster(clusters: list[_Cluster], window: _Window, samples: np.ndarray) -> None:
    """Add a hit to the cluster of the nearest attack, or to a new one; an inaudible hit is left out."""
    at_s = window.time_s - window.start_s
    if window.movable:
        at_s = _refine(samples, at_s)
        if _rise_db(samples, at_s) < FAINT_RISE_DB:
            return
    hit = samples[seconds_to_samples(at_s, SAMPLE_RATE_HZ) :]
    if len(hit) < 0.01 * SAMPLE_RATE_HZ or float(np.abs(hit).max()) < 1e-4:
        return
    hit_db = measure_level(hit)
    clipped = int((np.abs(hit) > 0.999).sum()) > 3
    quality_db = hit_db + 20.0 * min(window.end_s - window.time_s, 0.5) - 40.0 * clipped
    audible = AudibleHit(window.hit_id, window.start_s + at_s, hit_db, quality_db, measure_falls(hit))
    shape = _attack_levels_db(hit)
    distances = [_distance_db(shape, cluster.shape) for cluster in clusters]
    nearest = int(np.argmin(distances)) if clusters else 0
    if not clusters or (distances[nearest] > CLUSTER_DB and len(clusters) < MAX_CLUSTERS):
        clusters.append(_Cluster(shape, [audible], audible, hit.copy()))
        return
    cluster = clusters[nearest]
    cluster.members.append(audible)
    if audible.quality_db > cluster.best.quality_db:
        cluster.best, cluster.samples = audible, hit.copy()


def _attack_levels_db(hit: np.ndarray) -> np.ndarray:
    """Band levels of a hit's attack re their maximum, in dB: [up to 8 times 20 ms apart, 32 bands]."""
    levels = band_levels_db(hit[: seconds_to_samples(0.15, SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ, bands=32)[:30:4]
    shape: np.ndarray = np.maximum(levels - levels.max(), -45.0)
    return shape


def _distance_db(a: np.ndarray, b: np.ndarray) -> float:
    count = min(len(a), len(b))
    return float(np.abs(a[:count] - b[:count]).mean())


def drop_hum(physics: Physics, hit: np.ndarray) -> Physics:
    """Drop faint modes without significant decay, such as mains hum, given the recording [N] from the onset on.

    Loud ones stay, with their T60 limited to HUM_RATIO times the recording's length, beyond which it is undetermined.
    """
    modes = physics.modes
    loud_db = measure_level(hit) - 15.0
    slowest_per_s = LN_60_DB * SAMPLE_RATE_HZ / (HUM_RATIO * len(hit))
    kept = [k for k in range(len(modes)) if modes.decay_per_s[k] > slowest_per_s or modes.power_db[k] > loud_db]
    modes = select_modes(modes, kept)
    return replace(physics, modes=replace(modes, decay_per_s=tuple(max(d, slowest_per_s) for d in modes.decay_per_s)))


def _rise_db(samples: np.ndarray, at_s: float) -> float:
    """Level of the 10 ms from a time on over that of the 10 ms that end 1 ms before it, in dB."""
    at, short, gap = (seconds_to_samples(t, SAMPLE_RATE_HZ) for t in (at_s, 0.010, 0.001))
    before = samples[max(0, at - gap - short) : max(0, at - gap)]
    return level_db(samples[at : at + short]) - max(level_db(before), -100.0)


def _refine(samples: np.ndarray, at_s: float) -> float:
    """The attack within REFINE_S of a time; the time itself where it is an attack or none is near."""
    if _rise_db(samples, at_s) >= AUDIBLE_RISE_DB:
        return at_s
    first_s = max(0.0, at_s - REFINE_S)
    first = seconds_to_samples(first_s, SAMPLE_RATE_HZ)
    last = seconds_to_samples(at_s + REFINE_S, SAMPLE_RATE_HZ)
    found_s = first_s + find_onset(samples[first:last], SAMPLE_RATE_HZ)
    return found_s if _rise_db(samples, found_s) >= AUDIBLE_RISE_DB else at_s


def _with_analyses(
    project: Project, analyses: Sequence[_Analysis], labels: Sequence[int], analyzed: set[str]
) -> Project:
    """The document with the estimated sounds in place of placeholders and earlier estimates."""
    if not analyses:
        return replace(project, sounds=tuple(_mark_inaudible(sound) for sound in project.sounds))
    groups: dict[int, list[_Analysis]] = {}
    for analysis, label in sorted(zip(analyses, labels, strict=True), key=lambda pair: pair[0].members[0].time_s):
        groups.setdefault(label, []).append(analysis)
    sound_ids = next_ids((sound.id for sound in project.sounds), "s", len(groups))
    names = _sound_names(project)
    new_sounds: list[Sound] = []
    new_hits: dict[str, Hit] = {}
    old_hits = {hit.id: hit for hit in project.hits}
    for sound_id, group in zip(sound_ids, groups.values(), strict=True):
        chosen = max(group, key=lambda analysis: analysis.best.quality_db + 20.0 * analysis.fit)
        source = Source("clip", time_s=chosen.best.time_s)
        name = f"{next(names)} · {describe_character(chosen.physics)}"
        new_sounds.append(Sound(sound_id, name, chosen.physics.modes, chosen.physics.residual, source, chosen.fit))
        table = tabulate_velocity(chosen.physics)
        for hit in (member for analysis in group for member in analysis.members):
            old = old_hits.get(hit.hit_id)
            if old is not None:
                time_s = old.time_s if old.touched else min(hit.time_s, project.clip.duration_s)
                ratio = compare_falls(hit.falls_s, chosen.best.falls_s)
                own = HitOffsets(decay_ratio=ratio) if old.offsets == HitOffsets() else old.offsets
                velocity_db = choose_velocity(table, hit.level_db - chosen.best.level_db, own.decay_ratio)
                new_hits[old.id] = replace(old, sound_id=sound_id, velocity_db=velocity_db, time_s=time_s, offsets=own)
    hits = [new_hits.get(hit.id) or _take_nearest_sound(hit, new_hits, analyzed) for hit in project.hits]
    used = {hit.sound_id for hit in hits}
    kept_ids = [sound.id for sound in project.sounds if sound.id in used or not _is_open(sound)]
    kept = keep_needed(project.sounds, kept_ids)
    return with_hits(replace(project, sounds=(*kept, *new_sounds)), hits)


def _reassign_poor_fits(analyses: Sequence[_Analysis], labels: Sequence[int]) -> list[int]:
    """Labels with single hits of a poor fit reassigned to the group with the most similar attack."""
    result = list(labels)
    good = [k for k, analysis in enumerate(analyses) if analysis.fit >= POOR_FIT]
    for k, analysis in enumerate(analyses):
        single = len(analysis.members) == 1 and list(labels).count(labels[k]) == 1
        if analysis.fit < POOR_FIT and good and single:
            result[k] = labels[min(good, key=lambda other: _distance_db(analysis.shape, analyses[other].shape))]
    return result


def _mark_inaudible(sound: Sound) -> Sound:
    if not _is_placeholder(sound):
        return sound
    return replace(sound, source=replace(sound.source, reason=INAUDIBLE))


def _take_nearest_sound(hit: Hit, new_hits: dict[str, Hit], analyzed: set[str]) -> Hit:
    """An inaudible hit takes the sound of the audible one nearest in time."""
    if hit.id not in analyzed or not new_hits:
        return hit
    nearest = min(new_hits.values(), key=lambda other: abs(other.time_s - hit.time_s))
    return replace(hit, sound_id=nearest.sound_id)


def _sound_names(project: Project) -> Iterator[str]:
    """Names "Sound A", "Sound B" and so on that no other sound of the document has."""
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
