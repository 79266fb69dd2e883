"""Find the recording that a sound was analysed from, and compare the two."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.core.cache import Cache, digest_json
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ, seconds_to_samples
from engine.document.project import Hit, Project, Sound
from engine.document.source import describe_place
from engine.media.recording import read_first_hit
from engine.media.sound import read_clip_audio
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.segmentation import find_onset, mix_down
from engine.physics.comparison.match import Match, compare
from engine.physics.macros import apply_macros
from engine.physics.model import Physics
from engine.pipeline.analyze_audio import LONGEST_HIT_S, NEXT_HIT_GUARD_S, REFINE_S, SHORTEST_HIT_S, drop_hum
from engine.pipeline.complete_sound import complete_sound
from engine.pipeline.hit_level import match_level

LONGEST_KEPT_S = 6.0
"""Length kept of a recording from a file, from its onset on."""

_ROUNDING_S = 0.006
"""Sources of older projects give the time in the clip to a hundredth of a second."""

_VERSION = 1


@dataclass(frozen=True)
class Recording:
    """A recorded hit, mono from its onset on, and a description of its source."""

    samples: np.ndarray
    sample_rate_hz: int
    source: str


@dataclass(frozen=True)
class SoundMatch:
    """Comparison of a sound's current physics with its recording, and of the measured physics if they differ.

    Without a recording ``source`` is empty and ``why`` is a sentence with the reason.
    """

    now: Match
    measured: Match | None = None
    source: str = ""
    why: str = ""


def match_sound(project: Project, sound: Sound, cache: Cache, measured: Sound | None = None) -> SoundMatch:
    """Compare a sound with the recording it was measured from; ``measured`` is the sound before any edit, if known.

    Otherwise an edited sound's recording is analysed again. It decodes the clip's audio, so call it from a worker.
    """
    modes, residual = apply_macros(*complete_sound(sound), sound.macros)
    now = Physics(modes, residual)
    try:
        recording = find_recording(project, sound, cache)
        wave, rate_hz = recording.samples, recording.sample_rate_hz
        match = compare(wave, now, rate_hz)
    except BadInput as error:
        return SoundMatch(compare(None, now, SAMPLE_RATE_HZ), why=str(error))
    before = sound if sound.origin != "edited" else measured
    physics = Physics(before.modes, before.residual) if before else analyze_again(recording)
    if (physics.modes, physics.residual) == (modes, residual):
        return SoundMatch(match, source=recording.source)
    return SoundMatch(match, compare(wave, physics, rate_hz), recording.source)


def recording_key(project: Project, sound: Sound) -> str:
    """Key of the recording of a sound, equal for equal recordings; "" where it has none."""
    if sound.source.recording:
        return sound.source.recording
    if not project.clip.has_audio or _clip_time_s(project, sound) is None:
        return ""
    start_s, end_s, _ = _clip_window(project, sound)
    return digest_json(["clip", _VERSION, project.clip.digest, project.clip.audio_track, start_s, end_s])


def find_recording(project: Project, sound: Sound, cache: Cache) -> Recording:
    """The recorded hit that a sound was measured from: in the clip, or in the cache for one from a file.

    In the clip it is the hit at the source's time, or without one, the loudest of the sound's hits that the user has
    not edited. Raises BadInput with the reason where there is no recording.
    """
    source = describe_place(sound.source)
    if sound.source.recording:
        kept = cache.get(sound.source.recording)
        if kept is None or kept.ndim != 1 or kept.size < 2:
            raise BadInput(
                f"the recording this sound was measured from{f', {source},' if source else ''} is not kept on this "
                "machine; take it again by Replace"
            )
        return Recording(kept[1:].astype(np.float64), int(kept[0]), source)
    if _clip_time_s(project, sound) is None:
        raise BadInput(_explain_missing(sound))
    if not project.clip.has_audio:
        raise BadInput("the clip has no sound to compare with; put the clip this sound was measured from in its place")
    start_s, end_s, is_exact = _clip_window(project, sound)
    clip = project.clip
    samples = read_clip_audio(clip.path, SAMPLE_RATE_HZ, start_s, end_s - start_s, clip.audio_track).astype(np.float64)
    if not is_exact:
        near = samples[: seconds_to_samples(2.0 * REFINE_S, SAMPLE_RATE_HZ)]
        samples = samples[seconds_to_samples(find_onset(near, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ) :]
    return Recording(samples, SAMPLE_RATE_HZ, f"the clip at {start_s + (0.0 if is_exact else REFINE_S):.2f} s")


def keep_recording(path: str | Path, sound: Sound, cache: Cache) -> Sound:
    """Store a recording's first hit in the cache, and return the sound with its key as source."""
    samples, rate_hz, _ = read_first_hit(path)
    return keep_samples(mix_down(samples), rate_hz, sound, cache)


def keep_samples(mono: np.ndarray, rate_hz: int, sound: Sound, cache: Cache) -> Sound:
    """Store the first hit of samples, mono [N], in the cache, and return the sound with its key as source."""
    start = seconds_to_samples(find_onset(mono, rate_hz), rate_hz)
    hit = mono[start : start + seconds_to_samples(LONGEST_KEPT_S, rate_hz)]
    kept = np.concatenate([[rate_hz], hit]).astype(np.float32)
    key = hashlib.sha256(kept.tobytes()).hexdigest()
    cache.put(key, kept)
    return replace(sound, source=replace(sound.source, recording=key))


def analyze_again(recording: Recording) -> Physics:
    """Physics of a recording by the same steps as the analysis of a clip."""
    physics, _ = analyze_hit(recording.samples, recording.sample_rate_hz, onset_s=0.0)
    if recording.sample_rate_hz == SAMPLE_RATE_HZ:
        physics = match_level(drop_hum(physics, recording.samples), recording.samples)
    return physics


def _explain_missing(sound: Sound) -> str:
    if sound.source.kind == "morph":
        return "a morph of two sounds has no recording of its own to compare with; choose one of the two"
    if sound.source.kind == "preset":
        return "a preset has no recording to compare with; take one by Replace"
    return "this sound has no recording to compare with; take one by Replace"


def _clip_time_s(project: Project, sound: Sound) -> float | None:
    """Approximate time in the clip of the hit that a sound was measured from."""
    if sound.source.kind == "clip" and sound.source.time_s is not None:
        return sound.source.time_s
    if sound.origin != "clip":
        return None
    hits = [hit for hit in project.hits if hit.sound_id == sound.id and not hit.touched]
    return max(hits, key=lambda hit: (hit.velocity_db, -hit.time_s)).time_s if hits else None


def _clip_window(project: Project, sound: Sound) -> tuple[float, float, bool]:
    """Start and end in the clip of the hit that a sound was measured from, and whether the start is its onset."""
    approximate_s = _clip_time_s(project, sound) or 0.0
    near = [hit for hit in project.hits if abs(hit.time_s - approximate_s) < _ROUNDING_S]
    exact = min(near, key=lambda hit: (hit.sound_id != sound.id, abs(hit.time_s - approximate_s)), default=None)
    start_s = exact.time_s if exact else max(0.0, approximate_s - REFINE_S)
    onsets_s = sorted([*map(_recorded_time_s, project.hits), *project.detection.dismissed_onsets_s])
    after_s = start_s + 0.01 if exact else approximate_s + 2.0 * REFINE_S
    following_s = next((t for t in onsets_s if t > after_s), project.clip.duration_s)
    end_s = min(following_s - NEXT_HIT_GUARD_S, approximate_s + LONGEST_HIT_S)
    return start_s, min(max(end_s, approximate_s + SHORTEST_HIT_S), project.clip.duration_s), exact is not None


def _recorded_time_s(hit: Hit) -> float:
    """Time of a hit in the clip's audio, before the user moved it."""
    moved = hit.found_s is not None and abs(hit.time_s - hit.found_s) > REFINE_S
    return hit.found_s if moved and hit.found_s is not None else hit.time_s
