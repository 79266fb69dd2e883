"""The document as the browser shows it: pure functions from a project to the parts of the document message."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

from engine.core.units import format_frame_rate
from engine.document.project import Hit, Project, Sound
from engine.document.source import describe_source
from engine.physics.model import Modes, NoiseComponent, Residual
from ui.export_plan import read_settings
from ui.protocol.events import (
    ClipState,
    ClipWanted,
    DetectionState,
    HitOffsetsState,
    HitState,
    MacrosState,
    ModesState,
    NoiseState,
    ProjectState,
    RenderState,
    ResidualState,
    SoundState,
)
from ui.protocol.layers import LayerState
from ui.protocol.marking import MarkerState
from ui.protocol.mixing import MixState, StripState
from ui.protocol.parts import PartState
from ui.protocol.strokes import StrokeState


@dataclass(frozen=True)
class Playback:
    """Playback of the clip in the browser: the address and file of its media, None while there is no playable one.

    ``audio_tracks`` describes the clip's sound tracks in order; ``uneven`` says of frames that do not come evenly.
    """

    media_url: str | None = None
    picture_offset_s: float = 0.0
    playable: bool = False
    path: Path | None = None
    audio_tracks: tuple[str, ...] = ()
    uneven: str = ""


@dataclass(frozen=True)
class ClipSearch:
    """A project whose clip is missing: the document, or one that is being opened from the file ``source``."""

    project: Project
    source: Path | None = None

    def message(self) -> ClipWanted:
        """The message that asks a tab for the clip."""
        clip = self.project.clip
        return ClipWanted(PurePath(clip.path.replace("\\", "/")).name, clip.duration_s)


def project_name(project: Project) -> str:
    """Name of a project: that of its clip without the ending."""
    return PurePath(project.clip.path.replace("\\", "/")).stem or "clip"


def project_state(project: Project, name: str, saved: bool, playback: Playback) -> ProjectState:
    """The ``project`` of the document message."""
    clip = project.clip
    return ProjectState(
        name=name,
        saved=saved,
        clip=ClipState(
            name=PurePath(clip.path.replace("\\", "/")).name,
            duration_s=clip.duration_s,
            frame_rate=format_frame_rate(clip.frame_rate),
            width=clip.width,
            height=clip.height,
            start_timecode=clip.start_timecode,
            has_audio=clip.has_audio,
            audio_track=clip.audio_track,
            audio_tracks=playback.audio_tracks,
            digest=clip.digest,
            media_url=playback.media_url,
            picture_offset_s=playback.picture_offset_s,
            playable=playback.playable,
            uneven=playback.uneven,
        ),
        sounds=tuple(map(sound_state, project.sounds)),
        hits=tuple(map(hit_state, project.hits)),
        mix=MixState(**asdict(project.mix)),
        render=RenderState(
            checkpoint=project.render.checkpoint,
            steps=project.render.steps,
            guidance=project.render.guidance,
            seed=project.render.seed,
            variation=project.render.variation,
        ),
        markers=tuple(MarkerState(marker.id, marker.time_s, marker.name) for marker in project.markers),
        detection=DetectionState(project.detection.source, project.detection.threshold),  # type: ignore[arg-type]
        export=read_settings(project.export),
    )


def sound_state(sound: Sound) -> SoundState:
    """A sound with its own modes and residual, and the macros over them."""
    return SoundState(
        id=sound.id,
        name=sound.name,
        origin=sound.origin,
        origin_note=describe_source(sound.source),
        is_default=bool(sound.source.reason) and sound.origin == "preset",
        is_unrecognised=sound.is_unrecognised,
        fit=sound.fit,
        modes=modes_state(sound.modes),
        residual=residual_state(sound.residual),
        macros=MacrosState(**asdict(sound.macros)),
        detail=sound.detail,
        detail_seed=sound.detail_seed,
        variation=sound.variation,
        strip=StripState(**asdict(sound.strip)),
        color=sound.color,
        layers=tuple(LayerState(round(one.velocity_db, 3), one.time_s, len(one.modes)) for one in sound.layers),
        parts=tuple(PartState(**asdict(part)) for part in sound.parts),
    )


def modes_state(modes: Modes) -> ModesState:
    """Modes, rounded below what is audible, since they are sent at every edit."""
    return ModesState(
        frequency_hz=_round(modes.frequency_hz, 4),
        power_db=_round(modes.power_db, 3),
        decay_per_s=_round(modes.decay_per_s, 4),
        phase_rad=_round(modes.phase_rad, 4),
        muted=tuple(modes.mute_mask),
    )


def residual_state(residual: Residual) -> ResidualState:
    """The residual's bands, rounded as the modes are."""

    def noise(component: NoiseComponent | None) -> NoiseState | None:
        return (
            None if component is None else NoiseState(_round(component.power_db, 3), _round(component.decay_per_s, 4))
        )

    components = dict(residual.components)
    return ResidualState(
        edges_hz=_round(residual.edges_hz, 3),
        power_db=_round(residual.power_db, 3),
        decay_per_s=_round(residual.decay_per_s, 4),
        attack=noise(components.get("attack")),
        tail=noise(components.get("tail")),
        room=noise(components.get("room")),
        rise_s=residual.rise_s,
        envelope_db=tuple(residual.envelope_db),
    )


def hit_state(hit: Hit) -> HitState:
    """A hit; its time is not rounded, so that a drag's arithmetic holds in the browser."""
    return HitState(
        id=hit.id,
        time_s=hit.time_s,
        sound_id=hit.sound_id,
        seed=hit.seed,
        velocity_db=round(hit.velocity_db, 4),
        gain_db=hit.gain_db,
        pan=hit.pan,
        mute=hit.mute,
        strength=round(hit.strength, 4),
        touched=hit.touched,
        offsets=HitOffsetsState(hit.offsets.pitch_cents, hit.offsets.decay_ratio, hit.offsets.residual_db),
        found_s=hit.found_s,
        name=hit.name,
        group=hit.group,
        distance_m=hit.distance_m,
        stroke=None if hit.stroke is None else StrokeState(**asdict(hit.stroke)),
    )


def _round(values: tuple[float, ...], digits: int) -> tuple[float, ...]:
    return tuple(round(value, digits) for value in values)
