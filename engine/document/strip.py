"""A sound's channel strip: what a mixing desk does to all of its hits, without sampling them again."""

from __future__ import annotations

from dataclasses import dataclass

SEND_OFF_DB = -60.0
"""At and under this level a send is off."""

DISTANCE_RANGE_M = (1.0, 50.0)
CUTOFF_RANGE_HZ = (20.0, 20_000.0)


@dataclass(frozen=True)
class Strip:
    """Level, place, filters and sends of a sound; the defaults change nothing.

    ``pan`` (-1 to 1) is added to that of each hit. ``distance_m`` is 1 for a hit as it is sampled; each hit adds its
    own. ``room_db`` and ``lfe_db`` are sends, off at SEND_OFF_DB. A cutoff of 0 Hz leaves the filter out.
    ``surround_deg`` is the direction, 0 in front, positive to the right. Where any sound is ``solo``, only
    such sounds are heard.
    """

    gain_db: float = 0.0
    pan: float = 0.0
    distance_m: float = 1.0
    room_db: float = SEND_OFF_DB
    high_pass_hz: float = 0.0
    low_pass_hz: float = 0.0
    surround_deg: float = 0.0
    lfe_db: float = SEND_OFF_DB
    mute: bool = False
    solo: bool = False
