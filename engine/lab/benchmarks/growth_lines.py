"""Whether figures grow as a straight line, through the origin or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_SHARE = 0.1
"""Of the largest figure: a start below it counts as none, as does a growth below it."""

MOST_DEVIATION = 0.15
"""Of the largest figure: runs further from every line lie on none."""


@dataclass(frozen=True)
class Line:
    """A figure (``what``, in ``unit``) as a straight line over a number (``over``), by least squares.

    ``where`` is what stays the same; ``deviation`` how far a run lies from the line at most, ``largest`` the largest
    figure; ``least`` and ``most`` are the ends of the numbers tried.
    """

    what: str
    unit: str
    over: str
    where: str
    start: float
    slope: float
    deviation: float
    largest: float
    least: float
    most: float

    @property
    def verdict(self) -> str:
        """Whether the line leads through the origin, in words."""
        if self.least == self.most:
            return "one number alone: taken as a line through the origin"
        if self.deviation > MOST_DEVIATION * self.largest:
            return "no line"
        if abs(self.slope) * (self.most - self.least) < MOST_SHARE * self.largest:
            return "does not grow"
        if abs(self.start) <= MOST_SHARE * self.largest:
            return "a line through the origin"
        return "a line, but not through the origin"

    def describe(self) -> str:
        """Figures and verdict in one line."""
        law = f"{self.start:.3g} + {self.slope:.3g} {self.over}, within {self.deviation:.2g}"
        return f"{self.what} ({self.unit}) over {self.over}, {self.where}: {law}: {self.verdict}"

    def to_json(self) -> dict[str, Any]:
        """Figures and verdict."""
        return {**vars(self), "verdict": self.verdict}


def fit_line(
    what: str, unit: str, over: str, where: str, numbers: Sequence[float], figures: Sequence[float | None]
) -> Line | None:
    """The line through figures that are known: through the origin where one number was tried; None where none is."""
    known = [(number, figure) for number, figure in zip(numbers, figures, strict=True) if figure is not None]
    if not known:
        return None
    x, y = (np.array(values, float) for values in zip(*known, strict=True))
    if len(set(x)) < 2:
        start, slope = 0.0, float(np.mean(y / x))
    else:
        slope, start = (float(value) for value in np.polyfit(x, y, 1))
    deviation = float(np.abs(start + slope * x - y).max())
    return Line(
        what, unit, over, where, start, slope, deviation, float(np.abs(y).max()), float(x.min()), float(x.max())
    )
