"""The sounds of a silent clip's hits, from its picture: one for each thing that is struck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.bank.bank import Bank, Candidate
from engine.bank.search import describe_size
from engine.core.errors import BadInput
from engine.document.edits.values import Edit, free_name, next_ids, with_hits
from engine.document.project import Hit, Project, Sound
from engine.pipeline.analyze_audio import analyze_clip_hits
from engine.pipeline.estimate_from_video import HitEstimate, estimate_hits
from engine.pipeline.sound_sources import SILENT_NOTE
from engine.vision.predict import ObjectPrediction

NAME_LENGTH = 60
LEAST_SEEN = 0.15
"""Materials less probable than this are not named."""


def estimate_clip_sounds(
    project: Project, bank: Bank, network: Path | None = None, on_progress: Callable[[float], None] | None = None
) -> Edit:
    """The physics of hits from the picture, as one edit: hits of one thing share one Sound, the bank's best for it.

    Sounds that a person chose or edited stay. ``on_progress`` hears 0 to 1 and may raise Cancelled. Raises BadInput for
    a damaged network or an empty bank.
    """
    hits = [hit for hit in project.hits if _is_open(project.sound(hit.sound_id))]
    estimates = estimate_hits(project.clip, [hit.time_s for hit in hits], bank, network, on_progress=on_progress)
    seen = {hit.id: estimate for hit, estimate in zip(hits, estimates, strict=True) if estimate.candidates}
    return Edit("Estimate from the picture", lambda document: _with_seen(document, seen))


def look_or_default(
    project: Project,
    open_bank: Callable[[], Bank],
    say: Callable[[str], None],
    network: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Edit:
    """``estimate_clip_sounds``, or the default sound where the picture or the bank cannot be used, which is said."""
    try:
        return estimate_clip_sounds(project, open_bank(), network, on_progress)
    except BadInput as error:
        say(f"{error}; the default sound is used")
        return analyze_clip_hits(project)


def describe_prediction(prediction: ObjectPrediction) -> str:
    """What is seen in words: ``wood (62 %), about 20 cm, struck with a stick``."""
    likely = sorted(prediction.material.items(), key=lambda item: -item[1])[:2]
    named = [f"{material} ({100 * share:.0f} %)" for material, share in likely if share >= LEAST_SEEN]
    struck = f"struck with a {prediction.striker}" if prediction.striker and prediction.striker != "thing" else ""
    return ", ".join(part for part in (" or ".join(named), describe_size(prediction.size_m), struck) if part)


def sound_from_candidate(candidate: Candidate, note: str, origin: str = "picture", sound_id: str = "s1") -> Sound:
    """A sound of the bank as a sound of the document."""
    modes = candidate.physics.modes
    modes = replace(modes, muted=modes.mute_mask)
    return Sound(sound_id, candidate.name[:NAME_LENGTH], modes, candidate.physics.residual, origin, note)


def _is_open(sound: Sound) -> bool:
    """Whether nobody has chosen a sound: the default of a silent clip, or an earlier estimate."""
    return sound.origin == "picture" or (sound.origin == "preset" and sound.origin_note.startswith(SILENT_NOTE))


def _with_seen(project: Project, seen: dict[str, HitEstimate]) -> Project:
    """The document with what was seen in place of the sounds that nobody chose."""
    objects = sorted({estimate.object for estimate in seen.values()})
    if not objects:
        return project
    ids = dict(zip(objects, next_ids((sound.id for sound in project.sounds), "s", len(objects)), strict=True))
    hits: list[Hit] = []
    for hit in project.hits:
        estimate = seen.get(hit.id)
        known = estimate is not None and _is_open(project.sound(hit.sound_id))
        hits.append(replace(hit, sound_id=ids[estimate.object]) if known and estimate is not None else hit)
    used = {hit.sound_id for hit in hits}
    grown = replace(project, sounds=tuple(s for s in project.sounds if s.id in used or not _is_open(s)))
    for number in objects:
        estimate = next(e for e in seen.values() if e.object == number)
        note = f"the picture looks like {describe_prediction(estimate.prediction)}; {estimate.candidates[0].source}"
        sound = sound_from_candidate(estimate.candidates[0], note, "picture", ids[number])
        grown = replace(grown, sounds=(*grown.sounds, replace(sound, name=free_name(grown, sound.name))))
    return with_hits(grown, hits)
