"""Velocity layers: which physics a hit of some velocity has."""

from __future__ import annotations

from engine.document.edits.values import select_modes
from engine.document.project import Sound
from engine.physics.macros import apply_macros
from engine.physics.model import Modes, Residual
from engine.physics.morph import morph
from engine.pipeline.complete_sound import complete_sound


def has_layers(sound: Sound) -> bool:
    """Whether velocity layers are heard: they are measured, so an imagined sound (detail under 1) has none."""
    return bool(sound.layers) and sound.detail >= 1.0


def strike_sound(sound: Sound, velocity_db: float) -> tuple[Modes, Residual]:
    """Physics of a sound struck at a velocity, its macros applied and muted modes left out.

    Between two layers, of which the sound's own physics at 0 dB is one, both are brought to the velocity by the law of
    velocity and morphed by its place between them; below the softest and above the hardest the law alone goes on. At a
    layer's velocity the sound is exactly that layer.
    """
    own = _sounding(*complete_sound(sound))
    if not has_layers(sound):
        return apply_macros(*own, sound.macros, velocity_db)
    points = [(0.0, own), *((layer.velocity_db, _sounding(layer.modes, layer.residual)) for layer in sound.layers)]
    points.sort(key=lambda point: point[0])
    below = max((k for k, point in enumerate(points) if point[0] <= velocity_db), default=0)
    above = min((k for k, point in enumerate(points) if point[0] >= velocity_db), default=len(points) - 1)
    (low_db, low), (high_db, high) = points[below], points[above]
    softer = apply_macros(*low, sound.macros, velocity_db - low_db)
    if below >= above:
        return softer
    harder = apply_macros(*high, sound.macros, velocity_db - high_db)
    return morph(softer, harder, (velocity_db - low_db) / (high_db - low_db))


def _sounding(modes: Modes, residual: Residual) -> tuple[Modes, Residual]:
    return select_modes(modes, [k for k in range(len(modes)) if not modes.mute_mask[k]]), residual
