"""Assign the decays of each noise band to attack, strike, tail and room."""

from __future__ import annotations

import numpy as np

from engine.core.units import SILENCE_DB, db_to_power, power_to_db
from engine.physics.model import NOISE_COMPONENTS, NoiseComponent, Residual

_ATTACK_PER_S = 150.0  # T60 of 46 ms: a faster decay followed by a slower one is the contact
_BESIDE = 2  # bands on either side that share the names of their decays
_ROOM_PER_S = (0.7, 46.0)  # T60 of 10 s and of 0.15 s
_ROOM_RATIO = 1.3  # a room's decay deviates from its trend over frequency by at most this factor
_ROOM_SLOPE = (-0.2, 0.4)  # of log decay over log frequency: air and walls absorb high frequencies more
_ROOM_SHARE, _ROOM_BESIDE = 0.5, 0.15  # of the audible bands: those with the room, and those with a faster decay too
_AUDIBLE_DB = 60.0
_DEFAULT_DECAY_PER_S = {"attack": 400.0, "strike": 50.0, "tail": 15.0, "room": 10.0}  # of bands without power


def name_components(edges_hz: np.ndarray, power: np.ndarray, decay_per_s: np.ndarray) -> Residual:
    """Components of the decays of every band, [B, 3], the fastest first, with 0 power where a band has fewer.

    The room is a slow decay that at least half of the bands share, in some beside a faster one, and that varies
    smoothly over frequency, since reverberation does not depend on the object (Jot 1992). The attack is a decay faster
    than 150 per second, with the bands beside it, followed by a slower one other than the room. Of the others the
    faster is the strike, the slower the tail.
    """
    bands = len(power)
    room = _find_room(edges_hz, power, decay_per_s)
    fastest = _smooth_fastest(power, decay_per_s, room)
    levels = {name: np.full(bands, SILENCE_DB) for name in NOISE_COMPONENTS}
    decays = {name: np.full(bands, log_decay) for name, log_decay in _DEFAULT_DECAY_PER_S.items()}
    for band in range(bands):
        order = [k for k in range(power.shape[1]) if power[band, k] > 0.0]
        names = _label_decays(len(order), float(fastest[band]), bool(room[band]))
        for name, k in zip(names, order, strict=True):
            levels[name][band] = max(SILENCE_DB, power_to_db(power[band, k]))
            decays[name][band] = decay_per_s[band, k]
    components = {
        name: NoiseComponent(tuple(levels[name].tolist()), tuple(decays[name].tolist())) for name in NOISE_COMPONENTS
    }
    present = {name: components[name] if (levels[name] > SILENCE_DB).any() else None for name in NOISE_COMPONENTS}
    strike, edges = components["strike"], tuple(edges_hz.tolist())
    return Residual(edges, strike.power_db, strike.decay_per_s, present["room"], present["tail"], present["attack"])


def room_decay(residual: Residual, frequency_hz: np.ndarray) -> np.ndarray:
    """The room's decay per second at each frequency, [F], interpolated between its bands; NaN without a room."""
    room = residual.room
    if room is None:
        return np.full(len(frequency_hz), np.nan)
    present = np.asarray(room.power_db) > SILENCE_DB
    edges = np.asarray(residual.edges_hz)
    middle = 0.5 * (edges[1:] + edges[:-1])
    result: np.ndarray = np.interp(frequency_hz, middle[present], np.asarray(room.decay_per_s)[present])
    return result


def _label_decays(count: int, fastest_per_s: float, in_room: bool) -> list[str]:
    """Component of each of one band's decays, the fastest first."""
    own = count - in_room
    names = ["strike", "tail"] if own < 2 or (own == 2 and fastest_per_s < _ATTACK_PER_S) else ["attack", "strike"]
    names = [*names, "tail"][:own]
    return [*names, "room"] if in_room else names


def _smooth_fastest(power: np.ndarray, decay_per_s: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Fastest decay of each band, [B]: the median of those beside it, so that no band is named unlike its neighbours.

    Only bands with two decays of their own count, whose names depend on it.
    """
    fastest = decay_per_s[:, 0].copy()
    pairs = np.flatnonzero((power > 0.0).sum(axis=1) - room == 2)
    for place, band in enumerate(pairs):
        beside = pairs[max(0, place - _BESIDE) : place + _BESIDE + 1]
        near = beside[np.abs(beside - band) <= 2 * _BESIDE]
        fastest[band] = np.median(decay_per_s[near, 0])
    return fastest


def _find_room(edges_hz: np.ndarray, power: np.ndarray, decay_per_s: np.ndarray) -> np.ndarray:
    """Bands whose slowest decay is the room's, bool [B]."""
    count = (power > 0.0).sum(axis=1)
    loudest = power.max(axis=1)
    audible = (count > 0) & (loudest > loudest.max(initial=0.0) * db_to_power(-_AUDIBLE_DB))
    last = np.maximum(count - 1, 0)
    rows = np.arange(len(power))
    slowest = decay_per_s[rows, last]
    slow = (
        audible
        & (power[rows, last] > loudest.max(initial=0.0) * db_to_power(-_AUDIBLE_DB))
        & (slowest > _ROOM_PER_S[0])
        & (slowest < _ROOM_PER_S[1])
    )
    second = slow & (count > 1) & (power[rows, last] < 0.5 * loudest)
    none = np.zeros(len(power), dtype=bool)
    least = max(4.0, _ROOM_BESIDE * audible.sum())
    if second.sum() < least:
        return none
    log_hz = np.log(0.5 * (edges_hz[1:] + edges_hz[:-1]))
    log_decay = np.log(np.maximum(slowest, 1e-3))
    trend = np.full(len(power), np.median(log_decay[second]))
    near = none
    for _ in range(4):
        near = slow & (np.abs(log_decay - trend) < np.log(_ROOM_RATIO))
        if near.sum() < 4:
            return none
        slope = float(np.polyfit(log_hz[near], log_decay[near], 1)[0])
        trend = np.clip(slope, *_ROOM_SLOPE) * (log_hz - log_hz[near].mean()) + log_decay[near].mean()
    is_room = near.sum() >= _ROOM_SHARE * audible.sum() and (near & second).sum() >= least
    return near if is_room else none
