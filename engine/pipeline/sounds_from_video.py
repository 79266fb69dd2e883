"""Estimate the sounds of a silent clip's hits from its picture, one for each struck object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from engine.bank.bank import Bank, Candidate
from engine.bank.search import describe_size
from engine.document.edits.values import MAX_HITS, Edit, free_name, next_ids, with_hits
from engine.document.parts import keep_needed
from engine.document.project import Hit, Project, Sound
from engine.document.source import SILENT, UNSURE, Source
from engine.physics.detail import find_detail
from engine.pipeline.estimate_from_video import HitEstimate, HitsEstimated, estimate_hits
from engine.pipeline.events import PictureProgress, SoundsFound
from engine.pipeline.sound_sources import default_sound
from engine.vision.predict import ObjectPrediction

NAME_LENGTH = 60
MIN_NAMED_PROBABILITY = 0.15
"""Probability below which a material is not named."""


def estimate_clip_sounds(
    project: Project, bank: Bank, network: Path | None = None, check: Callable[[], None] = lambda: None
) -> Iterator[PictureProgress | SoundsFound]:
    """Sounds of hits from the picture: for each object the bank's best match; the last event is SoundsFound.

    Objects without a certain prediction share the default sound until the user chooses their material. Sounds that the
    user chose or edited stay. ``check`` is called at every frame and may raise Cancelled. Raises BadInput for a damaged
    network or an empty bank.
    """
    hits = [hit for hit in project.hits if _is_replaceable(project.sound(hit.sound_id))]
    estimates: tuple[HitEstimate, ...] = ()
    for event in estimate_hits(project.clip, [hit.time_s for hit in hits], bank, network, check=check):
        if isinstance(event, HitsEstimated):
            estimates = event.estimates
        else:
            yield event
    by_hit = {hit.id: estimate for hit, estimate in zip(hits, estimates, strict=True) if estimate.candidates}
    joined = _join_same_matches(by_hit)
    yield SoundsFound(Edit("Estimate from the picture", lambda document: _with_estimates(document, joined)))


def describe_prediction(prediction: ObjectPrediction) -> str:
    """A prediction in words: ``wood (62 %), about 20 cm, struck with a stick``; ``wood, as you say`` where told."""
    likely = sorted(prediction.material.items(), key=lambda item: -item[1])[:2]
    form = "{}, as you say" if prediction.is_told else "{} ({:.0f} %)"
    named = [form.format(material, 100 * share) for material, share in likely if share >= MIN_NAMED_PROBABILITY]
    striker = f"struck with a {prediction.striker}" if prediction.striker and prediction.striker != "thing" else ""
    return ", ".join(part for part in (" or ".join(named), describe_size(prediction.size_m), striker) if part)


def sound_from_candidate(candidate: Candidate, source: Source, sound_id: str = "s1") -> Sound:
    """A candidate of the bank as a sound of the document, at the level of detail that its physics has.

    A generated one lacks narrow bands, fine envelope and attack, which are then taken from a similar recorded object.
    """
    modes, residual = candidate.physics.modes, candidate.physics.residual
    modes = replace(modes, muted=modes.mute_mask)
    detail = find_detail(modes, residual)
    return Sound(sound_id, candidate.name[:NAME_LENGTH], modes, residual, source, detail=detail)


def _is_replaceable(sound: Sound) -> bool:
    """Whether a sound may be replaced: the default of a silent clip, or an earlier estimate, given no parts by hand."""
    is_default = sound.origin == "preset" and sound.source.reason in (SILENT, UNSURE)
    return not sound.parts and (sound.origin == "picture" or is_default)


def _join_same_matches(by_hit: dict[str, HitEstimate]) -> dict[str, HitEstimate]:
    """Estimates in which objects with the same best match of the bank are one object, with the sound of the first."""
    first: dict[tuple[str, str], HitEstimate] = {}
    joined = {}
    for hit_id, estimate in by_hit.items():
        best = estimate.candidates[0]
        same = first.setdefault((best.name, best.source), estimate) if estimate.prediction.is_certain else estimate
        joined[hit_id] = replace(same, time_s=estimate.time_s)
    return joined


def _with_estimates(project: Project, by_hit: dict[str, HitEstimate]) -> Project:
    """The document with the estimated sounds in place of default ones and earlier estimates."""
    groups = sorted({_group(estimate) for estimate in by_hit.values()})
    if not groups:
        return project
    ids = dict(zip(groups, next_ids((sound.id for sound in project.sounds), "s", len(groups)), strict=True))
    hits: list[Hit] = []
    for hit in project.hits:
        estimate = by_hit.get(hit.id)
        known = estimate is not None and _is_replaceable(project.sound(hit.sound_id))
        hits.append(replace(hit, sound_id=ids[_group(estimate)]) if known and estimate is not None else hit)
    used = {hit.sound_id for hit in hits}
    kept = [sound.id for sound in project.sounds if sound.id in used or not _is_replaceable(sound)]
    result = replace(project, sounds=keep_needed(project.sounds, kept))
    for group in groups:
        estimate = next(e for e in by_hit.values() if _group(e) == group)
        sound = _sound_from_estimate(estimate, ids[group])
        result = replace(result, sounds=(*result.sounds, replace(sound, name=free_name(result, sound.name))))
    return with_hits(result, hits)


def _group(estimate: HitEstimate) -> int:
    """The number of the object whose sound a hit has; one beyond all objects without a certain prediction."""
    return estimate.object if estimate.prediction.is_certain else MAX_HITS


def _sound_from_estimate(estimate: HitEstimate, sound_id: str) -> Sound:
    if not estimate.prediction.is_certain:
        return replace(default_sound(UNSURE), id=sound_id)
    best = estimate.candidates[0]
    note = f"the picture looks like {describe_prediction(estimate.prediction)}; {best.source}"
    return sound_from_candidate(best, Source("picture", note=note), sound_id)
