"""What the browser needs to know of a document: plain JSON values, made by pure functions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from engine.core.units import format_frame_rate
from engine.document.project import Hit, Project, Sound
from engine.physics.model import STAGES, Modes, Residual, Stage


@dataclass(frozen=True)
class Playback:
    """How the browser plays the clip: the address of its media, None while there is none it can play."""

    media_url: str | None = None
    picture_offset_s: float = 0.0
    playable: bool = False


def project_name(project: Project) -> str:
    """Name of a project: that of its clip without the ending."""
    return PurePath(project.clip.path.replace("\\", "/")).stem or "clip"


def view_of(project: Project, name: str, saved: bool, playback: Playback) -> dict[str, Any]:
    """The ``project`` member of the view message."""
    clip = project.clip
    return {
        "name": name,
        "saved": saved,
        "clip": {
            "name": PurePath(clip.path.replace("\\", "/")).name,
            "duration_s": clip.duration_s,
            "frame_rate": format_frame_rate(clip.frame_rate),
            "width": clip.width,
            "height": clip.height,
            "start_timecode": clip.start_timecode,
            "has_audio": clip.has_audio,
            "digest": clip.digest,
            "media_url": playback.media_url,
            "picture_offset_s": playback.picture_offset_s,
            "playable": playback.playable,
        },
        "sounds": [sound_view(sound) for sound in project.sounds],
        "hits": [hit_view(hit) for hit in project.hits],
        "mix": {"gain_db": project.mix.gain_db, "clip_gain_db": project.mix.clip_gain_db},
        "render": {
            "checkpoint": project.render.checkpoint,
            "steps": project.render.steps,
            "guidance": project.render.guidance,
            "seed": project.render.seed,
            "variation": project.render.variation,
        },
        "detection": {"source": project.detection.source, "threshold": project.detection.threshold},
    }


def sound_view(sound: Sound) -> dict[str, Any]:
    """A sound with its own modes and residual, and the macros that lie over them."""
    return {
        "id": sound.id,
        "name": sound.name,
        "origin": sound.origin,
        "origin_note": sound.origin_note,
        "fit": sound.fit,
        "modes": modes_view(sound.modes),
        "residual": residual_view(sound.residual),
        "macros": asdict(sound.macros),
    }


def modes_view(modes: Modes) -> dict[str, Any]:
    """Modes as lists of equal length; rounded to what can be heard and seen, since it travels at every edit."""
    return {
        "frequency_hz": [round(v, 4) for v in modes.frequency_hz],
        "power_db": [round(v, 3) for v in modes.power_db],
        "decay_per_s": [round(v, 4) for v in modes.decay_per_s],
        "phase_rad": [round(v, 4) for v in modes.phase_rad],
        "muted": list(modes.mute_mask),
    }


def residual_view(residual: Residual) -> dict[str, Any]:
    """The residual's bands; its strike's noise at the top, its other stages or None by name."""

    def rounded(stage: Stage) -> dict[str, list[float]]:
        return {
            "power_db": [round(v, 3) for v in stage.power_db],
            "decay_per_s": [round(v, 4) for v in stage.decay_per_s],
        }

    row: dict[str, Any] = {name: None for name in STAGES if name != "strike"}
    row |= rounded(Stage(residual.power_db, residual.decay_per_s))
    row |= {name: rounded(stage) for name, stage in residual.stages if name != "strike"}
    row["edges_hz"] = [round(v, 3) for v in residual.edges_hz]
    row["rise_s"] = residual.rise_s
    row["envelope_db"] = list(residual.envelope_db)
    return row


def hit_view(hit: Hit) -> dict[str, Any]:
    """A hit; its time is not rounded, so that a drag's arithmetic holds in the browser."""
    return {
        "id": hit.id,
        "time_s": hit.time_s,
        "sound_id": hit.sound_id,
        "seed": hit.seed,
        "velocity_db": round(hit.velocity_db, 4),
        "gain_db": hit.gain_db,
        "pan": hit.pan,
        "mute": hit.mute,
        "strength": round(hit.strength, 4),
        "touched": hit.touched,
        "tweak": {
            "pitch_cents": hit.tweak.pitch_cents,
            "decay_ratio": hit.tweak.decay_ratio,
            "residual_db": hit.tweak.residual_db,
        },
    }
