"""Rendering: a pure, cached function of the document.

A hit's sound depends on its physics, its seed and the sampler, and its render key is a digest of these. Time, level and
pan belong to the mix and not to the key, so moving a hit samples nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any, Protocol

import numpy as np

from engine.core.cache import Cache, digest_json
from engine.core.errors import StruckError
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, seconds_to_samples
from engine.document.edits.values import select_modes
from engine.document.project import Hit, Project
from engine.media.export.markers import Marker
from engine.physics.detail import Detail
from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import MACRO_NAMES, Context, Macros, Modes, Physics, Residual, physics_to_json
from engine.physics.variation import vary_physics
from engine.pipeline.channel_strip import (
    apply_filters,
    find_distance,
    find_pan,
    keep_lows,
    list_filters,
    make_room,
    room_gain,
    send_gain,
    spread_gains,
    surround_share,
)
from engine.pipeline.complete_sound import complete_sound
from engine.pipeline.events import HitsSampled, RenderedHit
from engine.pipeline.placement import first_sample, place_hit
from engine.pipeline.stereo import make_side

RENDER_VERSION = 4
"""Part of every key: raise it when the same document renders differently."""

LAW_VERSION = 1
"""Part of the key of every hit that macros or velocity change: raise it when their formulas change."""

DAMPING_VERSION = 2
"""Part of the key of every hit that the macro damping changes: raise it when its law changes."""

LOUDNESS_VERSION = 1
"""Part of the key of every hit whose macros keep loudness: raise it when its law changes."""

TAKE_VERSION = 3
"""Part of the key of every hit that variation changes: raise it when its law changes."""

GROUP_ON_CPU, GROUP_ON_GPU = 4, 32
"""Hits sampled between two writes to the cache; cancelling loses at most these."""


ROOM_SHARE_BEHIND = 0.5
"""Share of a strip's room that comes from the surround loudspeakers."""


class HitSampler(Protocol):
    """The part of the sampler that rendering uses."""

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
        details: Sequence[Detail] | None = None,
    ) -> list[np.ndarray]: ...


# --- keys -------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=2048)
def _digest_physics(modes: Modes, residual: Residual) -> str:
    return digest_json(physics_to_json(Physics(modes, residual)))


def hit_key(project: Project, hit: Hit, checkpoint_digest: str) -> str:
    """Render key: digest of all that a hit's samples depend on; ``checkpoint_digest`` is "" without a sampler."""
    sound = project.sound(hit.sound_id)
    settings = [project.render.steps, float(project.render.guidance)] if checkpoint_digest else []
    own = [float(value) for value in (hit.velocity_db, *astuple(hit.offsets))]
    changed = sound.macros != Macros() or hit.velocity_db != 0.0
    turned = [getattr(sound.macros, name) for name in MACRO_NAMES]
    laws: list[list[Any]] = [["laws", LAW_VERSION, *turned]] if changed else []
    if sound.macros.keep_loudness:
        laws.append(["loudness", LOUDNESS_VERSION])
    if sound.macros.damping:
        laws.append(["damping", DAMPING_VERSION])
    variation = hit_variation(project, hit)
    if variation:
        laws.append(["take", TAKE_VERSION, variation])
    return digest_json(
        [
            "hit",
            RENDER_VERSION,
            checkpoint_digest,
            _digest_physics(*complete_sound(sound)),
            own,
            hit.seed,
            settings,
            *laws,
        ]
    )


def hit_keys(project: Project, checkpoint_digest: str) -> dict[str, str]:
    """Render key of every hit, by hit id."""
    return {hit.id: hit_key(project, hit, checkpoint_digest) for hit in project.hits}


def hit_variation(project: Project, hit: Hit) -> float:
    """How far a hit differs from its sound, 0 to 1: the project's variation or its sound's, whichever is more."""
    return max(project.render.variation, project.sound(hit.sound_id).variation)


def hit_physics(project: Project, hit: Hit) -> tuple[Modes, Residual]:
    """Modes and residual of a hit, muted modes left out.

    Detail, macros, velocity, variation and the hit's offsets are applied.
    """
    sound = project.sound(hit.sound_id)
    modes, residual = complete_sound(sound)
    sounding = select_modes(modes, [k for k in range(len(modes)) if not modes.mute_mask[k]])
    modes, residual = apply_macros(sounding, residual, sound.macros, hit.velocity_db)
    modes, residual = vary_physics(modes, residual, hit_variation(project, hit), hit.seed)
    return apply_hit_offsets(modes, residual, hit.offsets.pitch_cents, hit.offsets.decay_ratio, hit.offsets.residual_db)


# --- sampling ---------------------------------------------------------------------------------


def render_hits(
    project: Project,
    sampler: HitSampler | None,
    cache: Cache,
    check: Callable[[], None] = lambda: None,
    include_muted: bool = False,
) -> dict[str, RenderedHit]:
    """The sound of every hit that is not muted, by hit id: ``sample_hits`` to its end."""
    rendered: dict[str, RenderedHit] = {}
    for event in sample_hits(project, sampler, cache, check, include_muted):
        rendered |= event.hits
    return rendered


def sample_hits(
    project: Project,
    sampler: HitSampler | None,
    cache: Cache,
    check: Callable[[], None] = lambda: None,
    include_muted: bool = False,
    group_hits: int | None = None,
) -> Iterator[HitsSampled]:
    """Sample the hits that the cache lacks: first an event with those it holds, then one after each group.

    Without a sampler, or with no checkpoint chosen, hits are synthesised from modes and residual. A group is
    ``group_hits`` hits, by default what suits the device; its sounds are in the cache when its event arrives. ``check``
    is called at every step of the sampler and may raise Cancelled, which loses no finished group. Raises StruckError
    for a sound that is not finite.
    """
    if sampler is not None and not project.render.checkpoint:
        sampler = None
    keys = hit_keys(project, sampler.digest if sampler is not None else "")
    cached: dict[str, RenderedHit] = {}
    missing: dict[str, list[Hit]] = {}
    for hit in project.hits if include_muted else project.heard_hits():
        key = keys[hit.id]
        samples = None if key in missing else cache.get(key)
        if samples is None:
            missing.setdefault(key, []).append(hit)
        else:
            cached[hit.id] = RenderedHit(key, samples)
    if cached or missing:
        yield HitsSampled(cached, 0, len(missing))
    todo = list(missing.items())
    size = max(1, group_hits or _group_size(sampler))
    for start in range(0, len(todo), size):
        group = todo[start : start + size]
        sampled: dict[str, RenderedHit] = {}
        sounds = _sample(project, sampler, [hits[0] for _, hits in group], check)
        for (key, hits), samples in zip(group, sounds, strict=True):
            kept = cache.put(key, samples)
            sampled |= {hit.id: RenderedHit(key, kept) for hit in hits}
        yield HitsSampled(sampled, start + len(group), len(todo))


def _group_size(sampler: HitSampler | None) -> int:
    device = getattr(sampler, "device", None)
    return GROUP_ON_CPU if device is None or device.type == "cpu" else GROUP_ON_GPU


def _sample(
    project: Project, sampler: HitSampler | None, hits: Sequence[Hit], check: Callable[[], None]
) -> list[np.ndarray]:
    physics = [hit_physics(project, hit) for hit in hits]
    seeds = [hit.seed for hit in hits]
    if sampler is not None:
        settings = project.render
        contexts = [Context(velocity_db=hit.velocity_db) for hit in hits]
        details = [Detail(variation=hit_variation(project, hit)) for hit in hits]
        sounds = sampler.sample(
            physics, seeds, settings.steps, settings.guidance, lambda done, total: check(), contexts, details
        )
    else:
        from engine.physics.synthesis import synthesize

        sounds = []
        for (modes, residual), seed in zip(physics, seeds, strict=True):
            check()
            sounds.append(synthesize(Physics(modes, residual, SAMPLE_RATE_HZ), seed=seed))
    for samples in sounds:
        if not np.isfinite(samples).all():
            raise StruckError("the sampler gave a sound that is not finite; choose fewer steps or another checkpoint")
    return list(sounds)


# --- mixing -----------------------------------------------------------------------------------


def track_length(project: Project) -> int:
    """Samples of the generated track: the clip's duration at 48 kHz."""
    return seconds_to_samples(project.clip.duration_s, SAMPLE_RATE_HZ)


def pan_gains(pan: float) -> tuple[float, float]:
    """Left and right gain by the balance law: unity in both at the centre, the far side fades linearly."""
    return min(1.0, 1.0 - pan), min(1.0, 1.0 + pan)


def channel_gains(pan: float, channels: str) -> tuple[float, ...]:
    """Gain of each channel: of mono the mean of the stereo gains, of 5.1 (L R C LFE Ls Rs) the three in front.

    What both sides of the stereo track share goes to the centre, 3 dB louder, so that the downmix of ITU-R BS.775
    (L + 0.707 C, R + 0.707 C) is the stereo track. Raises KeyError for another layout.
    """
    left, right = pan_gains(pan)
    both = min(left, right)
    layouts = {
        "mono": ((left + right) / 2,),
        "stereo": (left, right),
        "5.1": (left - both, right - both, math.sqrt(2.0) * both, 0.0, 0.0, 0.0),
    }
    return layouts[channels]


def place_hits(project: Project, rendered: Mapping[str, RenderedHit], channels: str = "stereo") -> np.ndarray:
    """The generated track, [track_length, C] float32, all of it in memory: see ``Track``."""
    return Track(project, rendered, channels=channels)[:]


def stems_by_sound(project: Project, rendered: Mapping[str, RenderedHit], channels: str = "stereo") -> dict[str, Track]:
    """One track for each sound that has hits, by unique name; their sum is the generated track."""
    stems: dict[str, Track] = {}
    for sound in project.sounds:
        hits = [hit for hit in project.hits if hit.sound_id == sound.id]
        if hits:
            name, number = sound.name, 1
            while name in stems:
                number += 1
                name = f"{sound.name} {number}"
            stems[name] = Track(project, rendered, hits, channels)
    return stems


def marker_rows(project: Project) -> list[Marker]:
    """Markers of the hits that are heard, in order of time, each named after its sound."""
    hits = sorted(project.heard_hits(), key=lambda hit: (hit.time_s, hit.id))
    return [Marker(hit.time_s, hit.velocity_db, hit.name or hit.id, project.sound(hit.sound_id).name) for hit in hits]


class Track:
    """A track [length, C] of float32, mixed where it is sliced: each hit at its time, level and pan.

    Nothing is normalised. Sub-sample times are set by a band-limited fractional delay. Hits that are not heard or not
    in ``rendered`` are left out; a hit that extends past the clip's end is truncated with a short fade. Slices add up
    to the same samples however they are cut; in order, each hit is prepared once, and held only while it sounds.
    """

    def __init__(
        self,
        project: Project,
        rendered: Mapping[str, RenderedHit],
        hits: Sequence[Hit] | None = None,
        channels: str = "stereo",
        adds_room: bool = True,
    ) -> None:
        """``hits`` limits the track to some of the project's; ``channels`` is mono, stereo or 5.1.

        Without ``adds_room`` the room of strips is left out.
        """
        self.shape = (track_length(project), len(channel_gains(0.0, channels)))
        self._channels = channels
        self._rendered = rendered
        self._project = project
        self._adds_room = adds_room
        chosen = None if hits is None else {hit.id for hit in hits}
        self._hits = [h for h in project.heard_hits() if h.id in rendered and (chosen is None or h.id in chosen)]
        self._starts = np.array([first_sample(hit) for hit in self._hits], np.int64)
        self._ends = np.full(len(self._hits), np.iinfo(np.int64).max)  # until they are known
        self._placed: dict[int, list[tuple[np.ndarray, tuple[float, ...]]]] = {}

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, span: slice) -> np.ndarray:
        """Samples of a span with a step of 1."""
        start, stop, step = span.indices(len(self))
        if step != 1:
            raise ValueError("a track is read sample by sample")
        block = np.zeros((max(0, stop - start), self.shape[1]), np.float32)
        for k in np.flatnonzero((self._starts < stop) & (self._ends > start)):
            self._add(block, start, int(k))
        return block

    def _add(self, block: np.ndarray, start: int, k: int) -> None:
        """Add the part of a hit that lies in a block."""
        hit, first = self._hits[k], int(self._starts[k])
        if k not in self._placed:
            self._placed[k] = self._place(hit)
            self._ends[k] = first + max(len(samples) for samples, _ in self._placed[k])
        lower, upper = max(start, first), min(start + len(block), int(self._ends[k]))
        for samples, gains in self._placed[k]:
            part = samples[lower - first : upper - first]
            for channel, gain in enumerate(gains):
                if gain:
                    block[lower - start : lower - start + len(part), channel] += part * np.float32(gain)
        if self._ends[k] <= start + len(block):
            del self._placed[k]

    def _place(self, hit: Hit) -> list[tuple[np.ndarray, tuple[float, ...]]]:
        """A hit's sound at its place, its side in a wide mix, and its strip's room and LFE, each with its gains."""
        project, samples, sound = self._project, self._rendered[hit.id].samples, self._project.sound(hit.sound_id)
        strip, width, count = sound.strip, project.mix.width, self.shape[1]
        distance_m, pan = find_distance(strip, hit), find_pan(strip, hit)
        filters = list_filters(strip, distance_m)
        level = db_to_gain(hit.gain_db + strip.gain_db + project.mix.gain_db)
        gain = level / distance_m
        behind = surround_share(strip.surround_deg)
        parts: list[tuple[np.ndarray, tuple[float, ...]]] = []

        def add(sound: np.ndarray, gains: Sequence[float], share: float = 0.0) -> None:
            levels = tuple(gains)[:count] + (0.0,) * (count - len(gains))
            levels = spread_gains(levels, share) if share and count > 2 else levels
            parts.append((place_hit(hit, sound, len(self)), levels))

        direct = apply_filters(samples, filters)
        add(direct, [gain * share for share in channel_gains(pan, self._channels)], behind)
        if width and count > 1:  # sides cancel in mono
            wide = gain * side_gain(width, pan)
            add(apply_filters(hit_side(project, hit, len(samples)), filters), (wide, -wide), behind)
        if count > 2 and send_gain(strip.lfe_db):
            add(keep_lows(direct), (0.0, 0.0, 0.0, gain * send_gain(strip.lfe_db)))
        added = level * room_gain(sound, distance_m) if self._adds_room else 0.0
        if added:
            middle, side = apply_filters(hit_room(project, hit, len(samples)), list_filters(strip))
            add(middle, (added, added), ROOM_SHARE_BEHIND)
            if width and count > 1:
                add(side, (added * width, -added * width), ROOM_SHARE_BEHIND)
        return parts


def hit_side(project: Project, hit: Hit, length_samples: int) -> np.ndarray:
    """The side signal of a hit at width 1, float32 [length_samples]; see ``engine.pipeline.stereo``."""
    _, residual = hit_physics(project, hit)
    return make_side(residual, length_samples, hit.seed)


def hit_room(project: Project, hit: Hit, length_samples: int) -> np.ndarray:
    """Middle and side of the room that a strip adds to a hit, float32 [2, N]; see ``channel_strip.make_room``."""
    return make_room(*hit_physics(project, hit), length_samples, hit.seed)


def side_gain(width: float, pan: float) -> float:
    """Gain of a hit's side: as much in both channels, so that it leaves their sum, and none in a hit panned aside."""
    return width * min(pan_gains(pan))
