"""Rendering: a pure, cached function of the document.

A hit's sound depends on its physics, its seed and the sampler, and its render key is a digest of these. Time, level and
pan belong to the mix and not to the key, so moving a hit samples nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from typing import Any, Protocol

import numpy as np

from engine.core.cache import Cache, digest_json
from engine.core.errors import StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.parts import expand_hit
from engine.document.project import Hit, Project
from engine.physics.detail import Detail
from engine.physics.macros import apply_hit_offsets
from engine.physics.model import MACRO_NAMES, Context, Macros, Modes, Physics, Residual, physics_to_json
from engine.physics.variation import vary_physics
from engine.pipeline.complete_sound import complete_sound
from engine.pipeline.events import HitsSampled, RenderedHit
from engine.pipeline.part_strikes import PARTS_VERSION, is_plain, join_parts, part_offset
from engine.pipeline.scrapes import scrape_hits
from engine.pipeline.velocity_layers import has_layers, strike_sound

RENDER_VERSION = 9
"""Part of every key: raise it when the same document renders differently."""

LAW_VERSION = 1
"""Part of the key of every hit that macros or velocity change: raise it when their formulas change."""

DAMPING_VERSION = 2
"""Part of the key of every hit that the macro damping changes: raise it when its law changes."""

LOUDNESS_VERSION = 1
"""Part of the key of every hit whose macros keep loudness: raise it when its law changes."""

LAYERS_VERSION = 1
"""Part of the key of every hit of a sound with velocity layers: raise it when they are chosen differently."""

STROKE_VERSION = 2
"""Part of the key of every hit that scrapes: raise it when the law of scraping changes."""

TAKE_VERSION = 4
"""Part of the key of every hit that variation changes: raise it when its law changes."""

GROUP_ON_CPU, GROUP_ON_GPU = 4, 32
"""Hits sampled between two writes to the cache; cancelling loses at most these."""


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
    """Render key: digest of all that a hit's samples depend on; ``checkpoint_digest`` is "" without a sampler.

    That of a hit of a sound with parts is made of its strikes' keys, offsets and gains.
    """
    strikes = expand_hit(project, hit)
    if is_plain(strikes):
        return strike_key(project, strikes[0].hit, checkpoint_digest)
    parts = [[strike_key(project, one.hit, checkpoint_digest), part_offset(one), one.gain_db] for one in strikes]
    return digest_json(["parts", PARTS_VERSION, *parts])


def strike_key(project: Project, hit: Hit, checkpoint_digest: str) -> str:
    """Render key of what a hit strikes of its own sound, whatever parts that has."""
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
    if has_layers(sound):
        layers = [[layer.velocity_db, _digest_physics(layer.modes, layer.residual)] for layer in sound.layers]
        laws.append(["layers", LAYERS_VERSION, *layers])
    if hit.stroke is not None:
        laws.append(["stroke", STROKE_VERSION, *astuple(hit.stroke)])
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
    """Modes and residual of a hit's own sound, without its parts; muted modes left out.

    Detail, macros, velocity, variation and the hit's offsets are applied.
    """
    modes, residual = strike_sound(project.sound(hit.sound_id), hit.velocity_db)
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
    digest = sampler.digest if sampler is not None else ""
    keys, key_of = hit_keys(project, digest), functools.partial(strike_key, project, checkpoint_digest=digest)
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
    sample = functools.partial(_sample, project, sampler, check=check)
    strike = functools.partial(scrape_hits, key_of=key_of, sample=sample, cache=cache)
    todo = list(missing.items())
    size = max(1, group_hits or _group_size(sampler))
    for start in range(0, len(todo), size):
        group = todo[start : start + size]
        sampled: dict[str, RenderedHit] = {}
        wanted = [hits[0] for _, hits in group]
        sounds = join_parts([expand_hit(project, hit) for hit in wanted], key_of, strike, cache)
        for (key, hits), samples in zip(group, sounds, strict=True):
            kept = cache.put(key, samples)
            sampled |= {hit.id: RenderedHit(key, kept) for hit in hits}
        yield HitsSampled(sampled, start + len(group), len(todo))


def _group_size(sampler: HitSampler | None) -> int:
    device = getattr(sampler, "device", None)
    if device is not None and device.type != "cpu":
        return GROUP_ON_GPU
    return max(GROUP_ON_CPU, *getattr(sampler, "batches", (1,)))  # a whole batch, where it samples several at a time


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
