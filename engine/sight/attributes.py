"""What is struck, as far as one can tell: the common tongue of words and sight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

STRIKERS = ("stick", "hammer", "mallet", "hand", "fist", "thing")


@dataclass(frozen=True)
class Attributes:
    """What is struck and how; nan, "" and an empty mapping mean unknown.

    ``material`` gives weights 0 to 1 to names of MATERIALS; ``hollow`` is 1 hollow, 0 solid; ``hardness`` the
    striker's, -1 soft to 1 hard; ``damping`` -1 free to 1 damped; ``room`` -1 dry to 1 a large hall; ``pitch`` -1 low
    to 1 high; ``ring`` -1 dead to 1 long ringing.
    """

    material: Mapping[str, float] = field(default_factory=dict)
    size_m: float = math.nan
    hollow: float = math.nan
    striker: str = ""
    hardness: float = math.nan
    damping: float = math.nan
    room: float = math.nan
    pitch: float = math.nan
    ring: float = math.nan
