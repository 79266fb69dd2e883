"""Assign the decays of each noise band to attack, strike, tail and room."""

from __future__ import annotations

import numpy as np

from engine.core.units import SILENCE_DB, db_to_power, power_to_db
from engine.physics.model import NOISE_COMPONENTS, NoiseComponent, Residual

_ATTACK_PER_S = 150.0  # T60 of 46 ms: what is faster, beside something slower, is the contact
_ROOM_PER_S = (0.7, 46.0)  # T60 of 10 s and of 0.15 s
_ROOM_ALIKE = 1.3  # a room's decay varies little from band to band
_ROOM_SLOPE = (-0.2, 0.4)  # of log decay over log frequency: air and walls take the highs sooner
_ROOM_SHARE, _ROOM_SECOND = 0.5, 0.15  # of the bands that sound, in which it must be, and beside something faster
_HEARD_DB = 60.0
_UNHEARD = {"attack": 400.0, "strike": 50.0, "tail": 15.0, "room": 10.0}  # decay of a band that a component lacks


def name_components(edges_hz: np.ndarray, power: np.ndarray, decay_per_s: np.ndarray) -> Residual:
    """Sort the decays of every band, [B, 3] with the fastest first and 0 power where there is none, into components.

    The room is a slow decay that most bands share, some of them beside a faster one, smooth in frequency, since air and
    walls do not know what was struck (Jot 1992). The contact is a decay of more than 150 per second that something
    slower follows, other than the room alone. Of what is left the faster is the strike's, the slower its tail.
    """
    bands = len(power)
    room = _find_room(edges_hz, power, decay_per_s)
    levels = {name: np.full(bands, SILENCE_DB) for name in NOISE_COMPONENTS}
    decays = {name: np.full(bands, value) for name, value in _UNHEARD.items()}
    for band in range(bands):
        order = [k for k in range(power.shape[1]) if power[band, k] > 0.0]
        names = _name_decays([float(decay_per_s[band, k]) for k in order], bool(room[band]))
        for name, k in zip(names, order, strict=True):
            levels[name][band] = max(SILENCE_DB, power_to_db(power[band, k]))
            decays[name][band] = decay_per_s[band, k]
    components = {
        name: NoiseComponent(tuple(levels[name].tolist()), tuple(decays[name].tolist())) for name in NOISE_COMPONENTS
    }
    there = {name: components[name] if (levels[name] > SILENCE_DB).any() else None for name in NOISE_COMPONENTS}
    strike = components["strike"]
    return Residual(
        tuple(edges_hz.tolist()), strike.power_db, strike.decay_per_s, there["room"], there["tail"], there["attack"]
    )


def room_decay(residual: Residual, frequency_hz: np.ndarray) -> np.ndarray:
    """The room's decay per second at each frequency, [F], from the bands that have it; NaN where there is no room."""
    room = residual.room
    if room is None:
        return np.full(len(frequency_hz), np.nan)
    there = np.asarray(room.power_db) > SILENCE_DB
    edges = np.asarray(residual.edges_hz)
    middle = 0.5 * (edges[1:] + edges[:-1])
    result: np.ndarray = np.interp(frequency_hz, middle[there], np.asarray(room.decay_per_s)[there])
    return result


def _name_decays(decays: list[float], in_room: bool) -> list[str]:
    """Names for one band's decays, the fastest first."""
    own = decays[:-1] if in_room else decays
    names = ["strike", "tail"] if len(own) < 2 or (len(own) == 2 and own[0] < _ATTACK_PER_S) else ["attack", "strike"]
    names = [*names, "tail"][: len(own)]
    return [*names, "room"] if in_room else names


def _find_room(edges_hz: np.ndarray, power: np.ndarray, decay_per_s: np.ndarray) -> np.ndarray:
    """In which bands the slowest decay is the room's, bool [B]."""
    count = (power > 0.0).sum(axis=1)
    loudest = power.max(axis=1)
    heard = (count > 0) & (loudest > loudest.max(initial=0.0) * db_to_power(-_HEARD_DB))
    last = np.maximum(count - 1, 0)
    rows = np.arange(len(power))
    slowest = decay_per_s[rows, last]
    slow = (
        heard
        & (power[rows, last] > loudest.max(initial=0.0) * db_to_power(-_HEARD_DB))
        & (slowest > _ROOM_PER_S[0])
        & (slowest < _ROOM_PER_S[1])
    )
    second = slow & (count > 1) & (power[rows, last] < 0.5 * loudest)
    none = np.zeros(len(power), dtype=bool)
    least = max(4.0, _ROOM_SECOND * heard.sum())
    if second.sum() < least:
        return none
    place = np.log(0.5 * (edges_hz[1:] + edges_hz[:-1]))
    value = np.log(np.maximum(slowest, 1e-3))
    trend = np.full(len(power), np.median(value[second]))
    alike = none
    for _ in range(4):
        alike = slow & (np.abs(value - trend) < np.log(_ROOM_ALIKE))
        if alike.sum() < 4:
            return none
        slope = float(np.polyfit(place[alike], value[alike], 1)[0])
        trend = np.clip(slope, *_ROOM_SLOPE) * (place - place[alike].mean()) + value[alike].mean()
    enough = alike.sum() >= _ROOM_SHARE * heard.sum() and (alike & second).sum() >= least
    return alike if enough else none
