"""Velocity layers of a sound: the same object as it sounds struck softer or harder, each measured by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.core.errors import BadInput
from engine.document.edits.values import Edit, check_indices, count_of, find_sound, with_hits, with_sound
from engine.document.project import Project, VelocityLayer

MOST_LAYERS = 8


def set_layers(sound_id: str, layers: Sequence[VelocityLayer], measured_hits: Sequence[str] = ()) -> Edit:
    """Give a sound velocity layers in place of those it has.

    ``measured_hits`` are those that the layers were measured from: their decay is the layer's own, so their offset of
    decay goes.
    """
    if not 1 <= len(layers) <= MOST_LAYERS:
        raise BadInput(f"a sound has 1 to {MOST_LAYERS} velocity layers; choose other hits")

    def apply(project: Project) -> Project:
        sound = replace(find_sound(project, sound_id), layers=tuple(sorted(layers, key=lambda one: one.velocity_db)))
        plain = set(measured_hits)
        hits = (
            replace(hit, offsets=replace(hit.offsets, decay_ratio=1.0)) if hit.id in plain else hit
            for hit in project.hits
        )
        return with_hits(with_sound(project, sound), hits)

    return Edit(f"Make {count_of(len(layers), 'velocity layer')}", apply)


def delete_layers(sound_id: str, indices: Sequence[int]) -> Edit:
    """Delete velocity layers of a sound by their places."""

    def apply(project: Project) -> Project:
        sound = find_sound(project, sound_id)
        gone = set(check_indices(indices, len(sound.layers), "velocity layer"))
        left = tuple(layer for k, layer in enumerate(sound.layers) if k not in gone)
        return with_sound(project, replace(sound, layers=left))

    return Edit(f"Delete {count_of(len(indices), 'velocity layer')}", apply)
