"""How far apart picture and sound may be: half a frame, and the limits of ITU-R BT.1359-1."""

from __future__ import annotations

DETECTABLE_EARLY_S, DETECTABLE_LATE_S = 0.045, 0.125
"""A sound so much before or after its picture is noticed by half of the viewers (BT.1359-1, figure 2)."""
ACCEPTABLE_EARLY_S, ACCEPTABLE_LATE_S = 0.090, 0.185
"""Limits of acceptability (BT.1359-1)."""

IN_STEP, UNNOTICED, DETECTED, UNACCEPTABLE = "in step", "too small to notice", "detected", "unacceptable"
GRADES = (IN_STEP, UNNOTICED, DETECTED, UNACCEPTABLE)


def grade_offset(offset_s: float, frame_s: float) -> str:
    """One of GRADES for a sound that comes ``offset_s`` late (negative: early) on film of ``frame_s`` a frame."""
    if abs(offset_s) <= 0.5 * frame_s:
        return IN_STEP
    if -DETECTABLE_EARLY_S <= offset_s <= DETECTABLE_LATE_S:
        return UNNOTICED
    if -ACCEPTABLE_EARLY_S <= offset_s <= ACCEPTABLE_LATE_S:
        return DETECTED
    return UNACCEPTABLE
