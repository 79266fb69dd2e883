"""The layers of a rendered hit, which sum to it: its modes, the noise of the contact, the room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal

from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
from engine.document.parts import expand_hit
from engine.document.project import Hit, Project
from engine.physics.analysis.damped_sinusoids import fit_changes, synthesize_poles
from engine.physics.model import Modes, Residual
from engine.physics.noise import expected_power, rise_gain
from engine.physics.scrape import draw_force
from engine.pipeline.events import RenderedHit
from engine.pipeline.part_strikes import lead_samples, part_offset
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
    residual all else. A scrape is its strike under a force, so its expected powers are those of the strike, spread over
    the force's. Of a sound with parts each layer holds that of them all.
    """
    strikes = expand_hit(project, hit)
    lead = lead_samples(strikes)
    starts = [lead + part_offset(strike) for strike in strikes]
    physics = [hit_physics(project, strike.hit) for strike in strikes]
    if hit.stroke is not None:
        ringing = np.zeros_like(samples)
        for start, strike, (modes, residual) in zip(starts, strikes, physics, strict=True):
            rest = samples[start:]
            gain = np.float32(db_to_gain(strike.gain_db))
            ringing[start:] += gain * split_scrape(strike.hit, rest, modes, residual.rise_s)[0]
    modes_of = [_Ringing(s, one.gain_db, *own) for s, one, own in zip(starts, strikes, physics, strict=True)]
    if hit.stroke is None:
        ringing = _fit_modes(samples, modes_of)
    rest = samples - ringing
    forces = [_force_power(strike.hit) for strike in strikes]
    room = _filter_room(rest, modes_of, forces)
    return dict(zip(LAYERS, (ringing, rest - room, room), strict=True))


@dataclass(frozen=True)
class _Ringing:
    """Physics of one strike of a hit, so many samples after the start of its sound and so much louder."""

    offset: int
    gain_db: float
    modes: Modes
    residual: Residual


def _fit_modes(samples: np.ndarray, strikes: Sequence[_Ringing]) -> np.ndarray:
    """The modes of all strikes: those expected, and in turn what each one's change best explains of the remainder."""
    total = np.zeros_like(samples)
    models = [(strike, model) for strike in strikes if (model := _choose_modes(strike, len(samples))) is not None]
    for strike, (poles, given, rise) in models:
        total[strike.offset :] += rise * synthesize_poles(poles, given, len(rise), SAMPLE_RATE_HZ)
    for strike, (poles, given, rise) in models:
        doubt = np.stack([_LEVEL_DOUBT * np.abs(given), np.full(len(given), 1e-12)])
        change = fit_changes((samples - total)[strike.offset :], SAMPLE_RATE_HZ, poles, given, doubt)[0]
        total[strike.offset :] += rise * synthesize_poles(poles, change, len(rise), SAMPLE_RATE_HZ)
    return total


def _choose_modes(strike: _Ringing, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Poles, expected amplitudes and rise of a strike's strong modes; None where there are none."""
    modes = strike.modes
    power = np.asarray(modes.power_db)
    sounding = [k for k in range(len(modes)) if 20.0 < modes.frequency_hz[k] < SAMPLE_RATE_HZ / 2]
    top = max((power[k] for k in sounding), default=0.0)
    strong = sorted((k for k in sounding if power[k] > top - _WITHIN_DB), key=lambda k: -power[k])[:_MOST_MODES]
    if not strong or length <= strike.offset:
        return None
    poles = np.array([(modes.frequency_hz[k], max(modes.decay_per_s[k], _SLOWEST_PER_S)) for k in strong])
    gains = db_to_gain(power[strong] + strike.gain_db)
    given = gains * np.exp(1j * np.array([modes.phase_rad[k] for k in strong]))
    return poles, given, rise_gain(np.arange(length - strike.offset) / SAMPLE_RATE_HZ, strike.residual.rise_s)


def _force_power(hit: Hit) -> np.ndarray | None:
    """Power of a scrape's force in each hop of the spectrum; None for a strike."""
    if hit.stroke is None:
        return None
    force = draw_force(hit.stroke, SAMPLE_RATE_HZ, hit.seed)
    return np.add.reduceat(force**2, np.arange(0, len(force), _HOP))


def _spread(power: np.ndarray, force: np.ndarray | None) -> np.ndarray:
    """Expected power [F, T] of a strike, or of what a force makes of it: powers of incoherent noise add up."""
    if force is None:
        return power
    spread: np.ndarray = np.maximum(signal.oaconvolve(power, force[None], axes=1)[:, : power.shape[1]], 0.0)
    return spread


def _filter_room(rest: np.ndarray, strikes: Sequence[_Ringing], forces: Sequence[np.ndarray | None]) -> np.ndarray:
    if all(strike.residual.room is None for strike in strikes) or len(rest) < _WINDOW:
        return np.zeros_like(rest)
    frequency, time, spectrum = signal.stft(rest, SAMPLE_RATE_HZ, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)
    every, alone = np.zeros(spectrum.shape), np.zeros(spectrum.shape)
    for strike, force in zip(strikes, forces, strict=True):
        residual = strike.residual.scaled(strike.gain_db)
        since_s = time - strike.offset / SAMPLE_RATE_HZ
        every += _spread(expected_power(residual, frequency, since_s), force)
        if residual.room is not None:
            room_alone = Residual(residual.edges_hz, room=residual.room)
            alone += _spread(expected_power(room_alone, frequency, since_s), force)
    share = np.divide(alone, every, out=np.zeros_like(every), where=every > 0.0)
    room = signal.istft(share * spectrum, SAMPLE_RATE_HZ, nperseg=_WINDOW, noverlap=_WINDOW - _HOP)[1]
    return room[: len(rest)].astype(np.float32)
