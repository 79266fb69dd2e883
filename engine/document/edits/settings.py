"""Edits of the sampler's settings, the mix and the detection."""

from __future__ import annotations

from dataclasses import replace

from engine.core.errors import BadInput
from engine.document.edits.values import (
    GAIN_RANGE_DB,
    GUIDANCE_RANGE,
    MAX_TRACK,
    NAME_LENGTH,
    SOURCES,
    STEPS_RANGE,
    VARIATION_RANGE,
    WIDTH_RANGE,
    Edit,
    check_number,
    check_seed,
    check_text,
    check_truth,
    check_whole,
    quote,
)
from engine.document.project import Project
from engine.document.seeds import derive_seed


def set_render(
    steps: int | None = None,
    guidance: float | None = None,
    seed: int | None = None,
    checkpoint: str | None = None,
    variation: float | None = None,
) -> Edit:
    """Change the sampler's settings; a new seed gives every hit a new seed derived from it."""

    def apply(project: Project) -> Project:
        render = project.render
        if steps is not None:
            count = min(max(check_whole(steps, "steps"), STEPS_RANGE[0]), STEPS_RANGE[1])
            render = replace(render, steps=count)
        if guidance is not None:
            render = replace(render, guidance=check_number(guidance, "guidance", GUIDANCE_RANGE))
        if variation is not None:
            render = replace(render, variation=check_number(variation, "variation", VARIATION_RANGE))
        if checkpoint is not None:
            name = check_text(checkpoint, "the checkpoint")
            if len(name) > NAME_LENGTH or any(c in name for c in "/\\") or name.startswith("."):
                raise BadInput(f"checkpoint {quote(name)} is not a checkpoint's name; choose one from the list")
            render = replace(render, checkpoint=name)
        if seed is not None and check_seed(seed) != render.seed:
            return reseed(seed).apply(replace(project, render=render))
        return replace(project, render=render)

    return Edit("Change sampler settings", apply)


def reseed(seed: int) -> Edit:
    """Set the project's seed and derive every hit's from it."""

    def apply(project: Project) -> Project:
        value = check_seed(seed)
        hits = tuple(replace(hit, seed=derive_seed(value, hit.id)) for hit in project.hits)
        return replace(project, render=replace(project.render, seed=value), hits=hits)

    return Edit("Draw new seeds", apply)


def set_mix(
    gain_db: float | None = None,
    clip_gain_db: float | None = None,
    width: float | None = None,
    limit: bool | None = None,
) -> Edit:
    """Change the levels of the generated track and of the clip's own sound, the width of the noise, and the limiter."""

    def apply(project: Project) -> Project:
        mix = project.mix
        if gain_db is not None:
            mix = replace(mix, gain_db=check_number(gain_db, "gain_db", GAIN_RANGE_DB))
        if clip_gain_db is not None:
            mix = replace(mix, clip_gain_db=check_number(clip_gain_db, "clip_gain_db", GAIN_RANGE_DB))
        if width is not None:
            mix = replace(mix, width=check_number(width, "width", WIDTH_RANGE))
        if limit is not None:
            mix = replace(mix, limit=check_truth(limit, "limit"))
        return replace(project, mix=mix)

    return Edit("Change mix", apply)


def set_threshold(threshold: float) -> Edit:
    """Set the detection threshold; chain it with ``detect_onsets.hits_from_track`` to pick hits anew."""

    def apply(project: Project) -> Project:
        value = check_number(threshold, "threshold", (0.0, 1.0))
        return replace(project, detection=replace(project.detection, threshold=value))

    return Edit("Move threshold", apply)


def set_track(track: int) -> Edit:
    """Choose which of the clip's sound tracks is used, counted from 0."""

    def apply(project: Project) -> Project:
        if not 0 <= check_whole(track, "track") <= MAX_TRACK:
            raise BadInput(f"track {quote(track)} is out of range; choose one from the list")
        return replace(project, clip=replace(project.clip, audio_track=track))

    return Edit("Change sound track", apply)


def set_source(source: str) -> Edit:
    """Set the source of detection: video, audio or both."""

    def apply(project: Project) -> Project:
        if source not in SOURCES:
            raise BadInput(f"source {quote(source)} is not known; choose video, audio or both")
        if source == "audio" and not project.clip.has_audio:
            raise BadInput("the clip has no sound to detect hits in; choose the picture as the source")
        return replace(project, detection=replace(project.detection, source=source))

    return Edit("Change detection source", apply)
