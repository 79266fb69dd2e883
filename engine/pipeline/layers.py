"""The layers of a rendered hit, which sum to it: its modes, the noise of the contact, the room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy import signal

from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
from engine.document.project import Hit, Project
from engine.physics.analysis.damped_sinusoids import fit_changes, synthesize_poles
from engine.physics.model import Modes, Residual
from engine.physics.noise import expected_power, rise_gain
from engine.pipeline.events import RenderedHit
from engine.pipeline.render import hit_physics
from engine.pipeline.scrapes import split_scrape

LAYERS = ("Modes", "Residual", "Room")

_MOST_MODES = 96
_WITHIN_DB = 60.0
_SLOWEST_PER_S = 0.05
_LEVEL_DOUBT = 0.5
"""Expected relative deviation of a sampled mode's level from the physics."""

_WINDOW, _HOP = 1024, 256


class LayerHits(Mapping[str, RenderedHit]):
    """One layer of rendered hits, split where it is read: all layers of a long clip do not fit into memory."""

    def __init__(self, project: Project, rendered: Mapping[str, RenderedHit], layer: str) -> None:
        self._hits = {hit.id: hit for hit in project.hits if hit.id in rendered}
        self._project, self._rendered, self._layer = project, rendered, layer

    def __getitem__(self, hit_id: str) -> RenderedHit:
        hit = self._hits[hit_id]
        return RenderedHit("", split_layers(self._project, hit, self._rendered[hit_id].samples)[self._layer])

    def __contains__(self, hit_id: object) -> bool:
        return hit_id in self._hits

    def __iter__(self) -> Iterator[str]:
        return iter(self._hits)

    def __len__(self) -> int:
        return len(self._hits)


def split_layers(project: Project, hit: Hit, samples: np.ndarray) -> dict[str, np.ndarray]:
    """Layers of a rendered hit [N] by the names of LAYERS; their sum is the hit.

    Modes are the decaying sinusoids at the frequencies and decays of the hit's physics, with the levels and phases that
    fit the sound best. Of what is left, the room is the share that the physics expects of it (Wiener filter), the
    residual all else. A scrape's room is part of its residual.
    """
    modes, residual = hit_physics(project, hit)
    if hit.stroke is not None:
        ringing, rest = split_scrape(hit, samples, modes, residual.rise_s)
        return dict(zip(LAYERS, (ringing, rest, np.zeros_like(samples)), strict=True))
    ringing = _fit_modes(samples, modes, residual.rise_s)
    rest = samples - ringing
    room = _filter_room(rest, residual)
    return dict(zip(LAYERS, (ringing, rest - room, room), strict=True))


def _fit_modes(samples: np.ndarray, modes: Modes, rise_s: float) -> np.ndarray:
    power = np.asarray(modes.power_db)
    sounding = [k for k in range(len(modes)) if 20.0 < modes.frequency_hz[k] < SAMPLE_RATE_HZ / 2]
    top = max((power[k] for k in sounding), default=0.0)
    strong = sorted((k for k in sounding if power[k] > top - _WITHIN_DB), key=lambda k: -power[k])[:_MOST_MODES]
    if not strong or not len(samples):
        return np.zeros_like(samples)
    poles = np.array([(modes.frequency_hz[k], max(modes.decay_per_s[k], _SLOWEST_PER_S)) for k in strong])
    given = db_to_gain(power[strong]) * np.exp(1j * np.array([modes.phase_rad[k] for k in strong]))
    rise = rise_gain(np.arange(len(samples)) / SAMPLE_RATE_HZ, rise_s)
    expected = rise * synthesize_poles(poles, given, len(samples), SAMPLE_RATE_HZ)
    doubt = np.stack([_LEVEL_DOUBT * np.abs(given), np.full(len(strong), 1e-12)])
    change = fit_changes(samples - expected, SAMPLE_RATE_HZ, poles, given, doubt)[0]
    fitted = rise * synthesize_poles(poles, given + change, len(samples), SAMPLE_RATE_HZ)
    return fitted.astype(np.float32)


def _filter_room(rest: np.ndarray, residual: Residual) -> np.ndarray:
    if residual.room is None or len(rest) < _WINDOW:
        return np.zeros_like(rest)
    frequency, time, spectrum = signal.stft(rest, SAMPLE_RATE_HZ, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)
    alone = Residual(residual.edges_hz, room=residual.room)
    every = expected_power(residual, frequency, time)
    share = np.divide(expected_power(alone, frequency, time), every, out=np.zeros_like(every), where=every > 0.0)
    room = signal.istft(share * spectrum, SAMPLE_RATE_HZ, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)[1]
    return room[: len(rest)].astype(np.float32)
