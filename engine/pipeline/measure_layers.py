"""Velocity layers of a sound measured from several hits of a clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ, seconds_to_samples
from engine.document.edits.layers import MOST_LAYERS
from engine.document.project import Hit, Project, Sound, VelocityLayer
from engine.physics.analysis.analyze import analyze_hits
from engine.physics.analysis.background import choose_quiet, find_steady
from engine.pipeline.analyze_audio import drop_hum, plan_windows, read_windows
from engine.pipeline.hit_level import match_level

APART_DB = 2.0
"""Least distance in velocity of two layers, and of a layer from the sound's own physics at 0 dB."""


def measure_layers(
    project: Project, sound: Sound, hit_ids: Sequence[str], check: Callable[[], None] = lambda: None
) -> tuple[list[VelocityLayer], list[str]]:
    """Layers of a sound from hits that strike it, and the ids of those that they are; each is analysed by itself.

    A layer's velocity is that of its hit. Hits within APART_DB of another layer or of 0 dB, where the sound's own
    physics stands, are passed over, and of more than MOST_LAYERS those most even in velocity are taken. Raises BadInput
    where none is left or none can be heard.
    """
    chosen = choose_hits([hit for hit in project.hits if hit.id in set(hit_ids) and hit.stroke is None])
    if not chosen:
        raise BadInput(
            f"all these hits are about as hard as {sound.name} itself; choose some that are {APART_DB:g} dB or more "
            "softer or harder"
        )
    by_id = {hit.id: hit for hit in chosen}
    cuts: list[tuple[Hit, np.ndarray]] = []
    quiet: list[np.ndarray] = []
    for window, samples in read_windows(project.clip, plan_windows(project, chosen, chosen=True), check):
        quiet = list(choose_quiet([*quiet, *find_steady(samples, SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ))
        onset = seconds_to_samples(window.time_s - window.start_s, SAMPLE_RATE_HZ)
        cuts.append((by_id[window.hit_id], samples[onset:].copy()))
    layers, measured = [], []
    results = analyze_hits([samples for _, samples in cuts], SAMPLE_RATE_HZ, quiet=np.array(quiet))
    for (hit, samples), result in zip(cuts, results, strict=True):
        check()
        if not isinstance(result, BadInput):
            physics = match_level(drop_hum(result, samples), samples)
            layers.append(VelocityLayer(hit.velocity_db, physics.modes, physics.residual, hit.time_s))
            measured.append(hit.id)
    if not layers:
        raise BadInput("none of these hits can be heard in the clip's sound; choose louder ones")
    return layers, measured


def choose_hits(hits: Sequence[Hit]) -> list[Hit]:
    """Hits at least APART_DB apart in velocity from each other and from 0 dB, softest first, at most MOST_LAYERS."""
    chosen: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: hit.velocity_db):
        if abs(hit.velocity_db) >= APART_DB and (not chosen or hit.velocity_db - chosen[-1].velocity_db >= APART_DB):
            chosen.append(hit)
    if len(chosen) <= MOST_LAYERS:
        return chosen
    return [chosen[round(k * (len(chosen) - 1) / (MOST_LAYERS - 1))] for k in range(MOST_LAYERS)]
