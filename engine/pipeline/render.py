"""Rendering: a pure, cached function of the document.

A hit's sound depends on its physics, its seed and the sampler, and its key says all of that; when
and how loud it is heard is the mix and not in the key, so moving a hit samples nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Protocol

import numpy as np

from engine.core.cache import Cache, digest_json
from engine.core.errors import StruckError
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, seconds_to_samples
from engine.document.edits.values import select_modes
from engine.document.project import Hit, Project, Sound
from engine.media.export.markers import Marker
from engine.physics.macros import apply_macros, tweak
from engine.physics.model import Context, Macros, Modes, Physics, Residual, physics_to_json
from engine.physics.variation import vary_macros

RENDER_VERSION = 2
"""Part of every key: raise it when the same document is to sound different."""

LAW_VERSION = 1
"""Part of the key of every hit that macros or velocity change: raise it when their laws change."""

GROUP_ON_CPU, GROUP_ON_GPU = 4, 32
"""Hits sampled before their sounds are kept: what a cancel may lose."""

DELAY_TAPS = 32
FADE_SAMPLES = 96
"""Fade of a hit that the clip's end cuts short: 2 ms."""


class HitSampler(Protocol):
    """What rendering asks of the sampler."""

    @property
    def digest(self) -> str: ...

    def sample(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        steps: int = 4,
        guidance: float = 1.0,
        on_step: Callable[[int, int], None] | None = None,
        contexts: Sequence[Context] | None = None,
    ) -> list[np.ndarray]: ...


@dataclass(frozen=True)
class RenderedHit:
    """A hit's sound: mono float32 at 48 kHz, sample 0 at the onset, and the key it was made for."""

    key: str
    samples: np.ndarray


# --- keys -------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=2048)
def _digest_physics(modes: Modes, residual: Residual) -> str:
    return digest_json(physics_to_json(Physics(modes, residual)))


def hit_key(project: Project, hit: Hit, checkpoint_digest: str) -> str:
    """Digest of all that a hit's samples depend on; ``checkpoint_digest`` is "" for the prior alone."""
    sound = project.sound(hit.sound_id)
    settings = [project.render.steps, float(project.render.guidance)] if checkpoint_digest else []
    own = [float(v) for v in (hit.velocity_db, hit.tweak.pitch_cents, hit.tweak.decay_ratio, hit.tweak.residual_db)]
    changed = sound.macros != Macros() or hit.velocity_db != 0.0
    laws: list[list[Any]] = [["laws", LAW_VERSION, *astuple(sound.macros)]] if changed else []
    if project.render.variation:
        laws.append(["take", LAW_VERSION, project.render.variation])
    return digest_json(
        [
            "hit",
            RENDER_VERSION,
            checkpoint_digest,
            _digest_physics(sound.modes, sound.residual),
            own,
            hit.seed,
            settings,
            *laws,
        ]
    )


def hit_keys(project: Project, checkpoint_digest: str) -> dict[str, str]:
    """The key of every hit, by hit id."""
    return {hit.id: hit_key(project, hit, checkpoint_digest) for hit in project.hits}


def hit_physics(project: Project, hit: Hit) -> tuple[Modes, Residual]:
    """What a hit strikes, with its take's macros, its velocity and its tweak applied and muted modes left out."""
    sound = project.sound(hit.sound_id)
    sounding = select_modes(sound.modes, [k for k in range(len(sound.modes)) if not sound.modes.mute_mask[k]])
    macros = vary_macros(sound.macros, project.render.variation, hit.seed)
    modes, residual = apply_macros(sounding, sound.residual, macros, hit.velocity_db)
    return tweak(modes, residual, hit.tweak.pitch_cents, hit.tweak.decay_ratio, hit.tweak.residual_db)


# --- sampling ---------------------------------------------------------------------------------


def render_hits(
    project: Project,
    sampler: HitSampler | None,
    cache: Cache,
    on_progress: Callable[[int, int], None] | None = None,
    on_rendered: Callable[[dict[str, RenderedHit]], None] | None = None,
    playhead_s: float | None = None,
    include_muted: bool = False,
    group_hits: int | None = None,
) -> dict[str, RenderedHit]:
    """The sound of every hit that is not muted, by hit id, sampling only what the cache lacks.

    Without a sampler, or with no checkpoint chosen, modes and residual alone sound. Hits are sampled
    in groups of ``group_hits`` (by default what suits the device), those from ``playhead_s`` on first;
    after each group its hits are in the cache and ``on_rendered`` gets them. ``on_progress(done,
    total)`` hears after every step how many are sampled. Either may raise Cancelled, which passes
    through and loses no finished group.
    """
    if sampler is not None and not project.render.checkpoint:
        sampler = None
    keys = hit_keys(project, sampler.digest if sampler is not None else "")
    wanted = [hit for hit in project.hits if include_muted or not hit.mute]
    if playhead_s is not None:
        wanted.sort(key=lambda hit: (hit.time_s < playhead_s, hit.time_s, hit.id))
    rendered: dict[str, RenderedHit] = {}
    missing: dict[str, list[Hit]] = {}
    for hit in wanted:
        key = keys[hit.id]
        samples = None if key in missing else cache.get(key)
        if samples is None:
            missing.setdefault(key, []).append(hit)
        else:
            rendered[hit.id] = RenderedHit(key, samples)
    if rendered and on_rendered is not None:
        on_rendered(dict(rendered))
    if not missing:
        return rendered
    if on_progress is not None:
        on_progress(0, len(missing))
    todo = list(missing.items())
    size = max(1, group_hits or _group_size(sampler))
    for start in range(0, len(todo), size):
        group = todo[start : start + size]

        def report(done: int, _: int, start: int = start) -> None:
            if on_progress is not None:
                on_progress(start + done, len(missing))

        fresh: dict[str, RenderedHit] = {}
        sounds = _sample(project, sampler, [hits[0] for _, hits in group], report)
        for (key, hits), samples in zip(group, sounds, strict=True):
            kept = cache.put(key, samples)
            fresh |= {hit.id: RenderedHit(key, kept) for hit in hits}
        rendered |= fresh
        if on_rendered is not None:
            on_rendered(fresh)
        report(len(group), len(group))
    return rendered


def _group_size(sampler: HitSampler | None) -> int:
    device = getattr(sampler, "device", None)
    return GROUP_ON_CPU if device is None or device.type == "cpu" else GROUP_ON_GPU


def render_sound(
    sound: Sound, project: Project, sampler: HitSampler | None, cache: Cache, velocity_db: float = 0.0, seed: int = 0
) -> RenderedHit:
    """One strike of a sound as it stands, whether it is in the project or not, with the project's sampler settings."""
    hit = Hit("audition", 0.0, sound.id, seed, velocity_db)
    alone = Project(project.clip, (sound,), (hit,), render=replace(project.render, variation=0.0))
    return render_hits(alone, sampler, cache)[hit.id]


def _sample(
    project: Project, sampler: HitSampler | None, hits: Sequence[Hit], report: Callable[[int, int], None]
) -> list[np.ndarray]:
    physics = [hit_physics(project, hit) for hit in hits]
    seeds = [hit.seed for hit in hits]
    if sampler is not None:
        settings = project.render
        contexts = [Context(velocity_db=hit.velocity_db) for hit in hits]
        sounds = sampler.sample(physics, seeds, settings.steps, settings.guidance, report, contexts)
    else:
        from engine.physics.analysis.analyze import synthesize

        sounds = []
        for (modes, residual), seed in zip(physics, seeds, strict=True):
            sounds.append(synthesize(Physics(modes, residual, SAMPLE_RATE_HZ), seed=seed))
            report(len(sounds), len(hits))
    for samples in sounds:
        if not np.isfinite(samples).all():
            raise StruckError("the sampler gave a sound that is not finite; choose fewer steps or another checkpoint")
    return list(sounds)


# --- placing ----------------------------------------------------------------------------------


def track_length(project: Project) -> int:
    """Samples of the generated track: the clip's duration at 48 kHz."""
    return seconds_to_samples(project.clip.duration_s, SAMPLE_RATE_HZ)


def pan_gains(pan: float) -> tuple[float, float]:
    """Left and right gain by the balance law: unity in both at the centre, the far side fades linearly."""
    return min(1.0, 1.0 - pan), min(1.0, 1.0 + pan)


def place_hits(project: Project, rendered: Mapping[str, RenderedHit]) -> np.ndarray:
    """The generated track: [track_length, 2] float32, each hit at its time, level and pan, none normalised.

    Times between two samples are met by a band-limited delay. Muted hits and hits with no sound yet
    are left out; what rings past the clip's end is cut with a short fade.
    """
    return _mix(project, rendered, project.hits)


def stems_by_sound(project: Project, rendered: Mapping[str, RenderedHit]) -> dict[str, np.ndarray]:
    """One track for each struck sound, by a name of its own; their sum is the generated track."""
    stems: dict[str, np.ndarray] = {}
    for sound in project.sounds:
        hits = [hit for hit in project.hits if hit.sound_id == sound.id]
        if hits:
            name, number = sound.name, 1
            while name in stems:
                number += 1
                name = f"{sound.name} {number}"
            stems[name] = _mix(project, rendered, hits)
    return stems


def marker_rows(project: Project) -> list[Marker]:
    """The hits that sound as markers, in order of time, named after what they strike."""
    hits = sorted((hit for hit in project.hits if not hit.mute), key=lambda hit: (hit.time_s, hit.id))
    return [Marker(hit.time_s, hit.velocity_db, hit.id, project.sound(hit.sound_id).name) for hit in hits]


def _mix(project: Project, rendered: Mapping[str, RenderedHit], hits: Sequence[Hit]) -> np.ndarray:
    track = np.zeros((track_length(project), 2), np.float32)
    for hit in hits:
        if not hit.mute and hit.id in rendered:
            _place(track, hit, rendered[hit.id].samples, db_to_gain(hit.gain_db + project.mix.gain_db))
    return track


def _place(track: np.ndarray, hit: Hit, samples: np.ndarray, gain: float) -> None:
    """Add one hit to a track [N, 2]."""
    length = len(track)
    first = math.floor(hit.time_s * SAMPLE_RATE_HZ)
    fraction = hit.time_s * SAMPLE_RATE_HZ - first
    if fraction > 1.0 - 1e-4:
        first, fraction = first + 1, 0.0
    samples = samples[: max(0, length - first) + DELAY_TAPS]
    if fraction > 1e-4 and len(samples):
        samples = _delay(samples, fraction)
        first -= DELAY_TAPS // 2 - 1
    if first < 0:
        samples, first = samples[-first:], 0
    room = max(0, length - first)
    if len(samples) > room:
        samples = samples[:room] * _fade_out(room)
    for channel, side in enumerate(pan_gains(hit.pan)):
        if side:
            track[first : first + len(samples), channel] += samples * np.float32(gain * side)


def _delay(samples: np.ndarray, fraction: float) -> np.ndarray:
    """Convolution with ``delay_kernel``, as products of matrices: four times the speed of np.convolve."""
    taps = DELAY_TAPS
    kernel = delay_kernel(fraction)
    length = len(samples) + taps - 1
    rows = np.zeros((-(-length // taps) + 1, taps), np.float32)  # the first row stays silent
    rows.reshape(-1)[taps : taps + len(samples)] = samples
    lag = taps + np.arange(taps)[None, :] - np.arange(2 * taps)[:, None]
    weights = np.where((lag >= 0) & (lag < taps), kernel[np.clip(lag, 0, taps - 1)], np.float32(0.0))
    return (rows[:-1] @ weights[:taps] + rows[1:] @ weights[taps:]).reshape(-1)[:length]


def delay_kernel(fraction: float) -> np.ndarray:
    """Windowed sinc [DELAY_TAPS] that delays by DELAY_TAPS / 2 - 1 + fraction samples (Kaiser, 80 dB)."""
    offset = np.arange(DELAY_TAPS) - (DELAY_TAPS // 2 - 1) - fraction
    window = np.i0(8.0 * np.sqrt(np.clip(1.0 - (offset / (DELAY_TAPS / 2)) ** 2, 0.0, None))) / np.i0(8.0)
    kernel = np.sinc(offset) * window
    return (kernel / kernel.sum()).astype(np.float32)


def _fade_out(length: int) -> np.ndarray:
    """Gains [length] that end in a short raised-cosine fade, at most half of the length."""
    fade = min(FADE_SAMPLES, length // 2)
    gains = np.ones(length, np.float32)
    if fade:
        gains[length - fade :] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 1) / fade)
    return gains
