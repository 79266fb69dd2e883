"""A hit through its sound's channel strip: distance, filters, room, and gains of the loudspeakers.

**Distance.** At r metres the direct sound has 1/r of its amplitude at 1 m, where it is as sampled (spherical
spreading), and loses highs to the air: a shelf fitted to ISO 9613-1 at 20 degrees C, 50 % humidity and sea level,
within 1 dB up to 10 kHz and 30 m. The room does not depend on the distance (diffuse field: Hopkins and Stryker, 1948;
Kuttruff, *Room Acoustics*, chapter 5), so the direct-to-room ratio falls by 20 log10(r) dB. The own room of a hit falls
with the hit, so a second draw of its noise is added with the power 1 - 1/r^2 that is lacking. A sound without a room
stays dry.

**Room.** The send adds that draw at its level; 0 dB is as much room again as the sound has. A sound without one is
given the small room of the macro Room at 1. Of a sound with parts the room is that of those that have one, if any has.

**Filters.** Second-order Butterworth high and low pass and the air's shelf, as biquads of the cookbook of R.
Bristow-Johnson, which are those of the Web Audio API too; ``ui/editor/audio/strip.js`` is the same in JavaScript.
Direct sound and room pass through them, the air's shelf only the direct sound.

**Direction.** Pairwise amplitude panning over the loudspeakers of ITU-R BS.775: centre 0, left and right 30, surround
110 degrees. Gains are linear and not of constant power, so that the fold-down (-3 dB of centre and surround; no LFE) is
the stereo track, in which a direction of 30 degrees and more is fully left or right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import signal

from engine.core.lru import LRU
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
from engine.document.parts import PartStrike, expand_hit
from engine.document.project import Hit, Project, Sound
from engine.document.strip import DISTANCE_RANGE_M, SEND_OFF_DB, Strip
from engine.physics.macros import change_room
from engine.physics.model import Modes, Physics, Residual
from engine.physics.noise import rise_gain, synthesize_residual

AIR_SHELF_HZ, AIR_DB_PER_M = 11_000.0, -0.44
FRONT_DEG, SURROUND_DEG = 30.0, 110.0
LFE_CUTOFF_HZ = 120.0
ROOM_SEED = 1 << 32
"""Added to a hit's seed, which is smaller, so that the draws of its noise, side and room are independent."""

MOST_BYTES = 64 << 20

Biquad = tuple[float, float, float, float, float]
"""b0, b1, b2, a1, a2 with a0 = 1."""

_rooms = LRU[tuple[Residual, Modes, int, int], np.ndarray](MOST_BYTES, lambda room: room.nbytes)


# --- distance ---------------------------------------------------------------------------------


def find_distance(strip: Strip, hit: Hit) -> float:
    """Distance of a hit in metres."""
    least, most = DISTANCE_RANGE_M
    return min(most, max(least, strip.distance_m + hit.distance_m))


def has_room(sound: Sound) -> bool:
    """Whether a sound has a room of its own, its parts aside."""
    return sound.macros.room > (0.0 if sound.residual.room is None else -1.0)


def list_rooms(project: Project, hit: Hit) -> list[PartStrike]:
    """The strikes of a hit that have a room of their own."""
    return [strike for strike in expand_hit(project, hit) if has_room(project.sound(strike.hit.sound_id))]


def room_gain(project: Project, hit: Hit, distance_m: float) -> float:
    """Gain of the room that is added to a hit; 0 for none."""
    lacking = 1.0 - 1.0 / distance_m**2 if distance_m > 1.0 and list_rooms(project, hit) else 0.0
    return math.sqrt(send_gain(project.sound(hit.sound_id).strip.room_db) ** 2 + lacking)


def send_gain(level_db: float) -> float:
    """Gain of a send, 0 where it is off."""
    return float(db_to_gain(level_db)) if level_db > SEND_OFF_DB else 0.0


def make_room(modes: Modes, residual: Residual, length_samples: int, seed: int) -> np.ndarray:
    """Middle and side of a hit's room, float32 [2, N] from the onset on, N at least the hit's; kept for next time."""
    key = (residual, modes, length_samples, seed)
    room = _rooms.get(key)
    if room is None:
        from engine.physics.synthesis import ring_time_s

        whole = residual if residual.room is not None else change_room(modes, residual, 1.0)
        alone = Residual(whole.edges_hz, room=whole.room)
        length = max(length_samples, math.ceil(ring_time_s(Physics(Modes(), alone)) * SAMPLE_RATE_HZ))
        draws = [synthesize_residual(alone, length, SAMPLE_RATE_HZ, seed + ROOM_SEED * k) for k in (1, 2)]
        rise = rise_gain(np.arange(length) / SAMPLE_RATE_HZ, residual.rise_s).astype(np.float32)
        room = np.stack(draws) * rise
        room.flags.writeable = False
        _rooms.put(key, room)
    return room


# --- filters ----------------------------------------------------------------------------------


def list_filters(strip: Strip, distance_m: float = 1.0) -> list[Biquad]:
    """The biquads that a hit passes through; none in a neutral strip. The room has those of 1 m."""
    filters = []
    if strip.high_pass_hz:
        filters.append(make_pass(strip.high_pass_hz, is_high=True))
    if strip.low_pass_hz:
        filters.append(make_pass(strip.low_pass_hz, is_high=False))
    if distance_m > 1.0:
        filters.append(make_shelf(AIR_SHELF_HZ, AIR_DB_PER_M * (distance_m - 1.0)))
    return filters


def make_pass(cutoff_hz: float, is_high: bool) -> Biquad:
    """A second-order Butterworth high or low pass (Q = 1/sqrt 2)."""
    angle = 2.0 * math.pi * cutoff_hz / SAMPLE_RATE_HZ
    cosine, alpha = math.cos(angle), math.sin(angle) / math.sqrt(2.0)
    edge = 1.0 + cosine if is_high else 1.0 - cosine
    middle = -edge if is_high else edge
    a0 = 1.0 + alpha
    return edge / 2.0 / a0, middle / a0, edge / 2.0 / a0, -2.0 * cosine / a0, (1.0 - alpha) / a0


def make_shelf(corner_hz: float, gain_db: float) -> Biquad:
    """A high shelf of slope 1."""
    angle, amplitude = 2.0 * math.pi * corner_hz / SAMPLE_RATE_HZ, 10.0 ** (gain_db / 40.0)
    cosine, spread = math.cos(angle), math.sqrt(2.0 * amplitude) * math.sin(angle)
    more, less = amplitude + 1.0, amplitude - 1.0
    a0 = more - less * cosine + spread
    return (
        amplitude * (more + less * cosine + spread) / a0,
        -2.0 * amplitude * (less + more * cosine) / a0,
        amplitude * (more + less * cosine - spread) / a0,
        2.0 * (less - more * cosine) / a0,
        (more - less * cosine - spread) / a0,
    )


def apply_filters(samples: np.ndarray, filters: Sequence[Biquad]) -> np.ndarray:
    """Samples [..., N] through biquads in turn, float32, from rest; what rings on after the last sample is left out."""
    if not filters or not samples.shape[-1]:
        return samples
    sections = np.array([(b0, b1, b2, 1.0, a1, a2) for b0, b1, b2, a1, a2 in filters])
    return np.asarray(signal.sosfilt(sections, samples.astype(np.float64)), np.float32)


def keep_lows(samples: np.ndarray) -> np.ndarray:
    """What a send to the LFE keeps: under 120 Hz, fourth-order Butterworth."""
    sections = signal.butter(4, LFE_CUTOFF_HZ, fs=SAMPLE_RATE_HZ, output="sos")
    return np.asarray(signal.sosfilt(sections, samples.astype(np.float64)), np.float32)


# --- direction --------------------------------------------------------------------------------


def find_pan(strip: Strip, hit: Hit) -> float:
    """Pan of a hit in the stereo track: its own, its sound's, and that of the direction, -1 to 1."""
    return min(1.0, max(-1.0, hit.pan + strip.pan + direction_pan(strip.surround_deg)))


def direction_pan(direction_deg: float) -> float:
    """Pan of a direction: 0 in front and behind, 1 from right to right surround."""
    side = math.copysign(1.0, direction_deg)
    angle = abs(direction_deg)
    if angle <= SURROUND_DEG:
        return side * min(1.0, angle / FRONT_DEG)
    return side * (180.0 - angle) / (180.0 - SURROUND_DEG)


def surround_share(direction_deg: float) -> float:
    """How much of a sound comes from the surround loudspeakers, 0 to 1."""
    return min(1.0, max(0.0, (abs(direction_deg) - FRONT_DEG) / (SURROUND_DEG - FRONT_DEG)))


def spread_gains(gains: tuple[float, ...], share: float) -> tuple[float, ...]:
    """Gains of 5.1 (L R C LFE Ls Rs) with a share of what the fold-down hears moved to the surround."""
    left, right, centre, lfe = gains[:4]
    front = 1.0 - share
    behind = [math.sqrt(2.0) * share * (side + centre / math.sqrt(2.0)) for side in (left, right)]
    return (front * left, front * right, front * centre, lfe, *behind)
