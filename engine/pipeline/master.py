"""The track and its stems as they are heard and written: mixed, and through the limiter where the mix has it on."""

from __future__ import annotations

from collections.abc import Mapping

from engine.document.project import Project
from engine.media.export.samples import Samples
from engine.pipeline.events import RenderedHit
from engine.pipeline.limiter import Limited, LimiterGain
from engine.pipeline.track import Track


def master_track(project: Project, rendered: Mapping[str, RenderedHit], channels: str = "stereo") -> Samples:
    """The generated track [N, C], mixed where it is sliced."""
    track = Track(project, rendered, channels=channels)
    return Limited(track, LimiterGain(track)) if project.mix.limit else track


def master_stems(
    stems: Mapping[str, Samples], project: Project, rendered: Mapping[str, RenderedHit], channels: str
) -> dict[str, Samples]:
    """Stems at the gain that limits the track of which they are parts, so that they add up to it."""
    if not project.mix.limit:
        return dict(stems)
    gain = LimiterGain(Track(project, rendered, channels=channels))
    return {name: Limited(stem, gain) for name, stem in stems.items()}


def describe_left_out(project: Project) -> str:
    """Which sounds with hits mute and solo leave out, in words; "" for none."""
    heard, struck = (
        {hit.sound_id for hit in project.heard_hits()},
        {hit.sound_id for hit in project.hits if not hit.mute},
    )
    names = [sound.name for sound in project.sounds if sound.id in struck - heard]
    return f"without {', '.join(names)} (muted, or not solo)" if names else ""
