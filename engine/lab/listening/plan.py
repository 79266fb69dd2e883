"""Trials of a listening test: which recording, level of detail and pair of systems, in which order, drawn by a seed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RECORDED, SAMPLER, PRIOR = "recorded", "sampler", "bare prior"
COMPARISONS = {
    "recorded-sampler": (RECORDED, SAMPLER),
    "recorded-prior": (RECORDED, PRIOR),
    "sampler-prior": (SAMPLER, PRIOR),
}
"""Pairs of systems by name; a preference counts how often the first is chosen."""

ABX, PREFERENCE = "abx", "preference"
TASKS = (ABX, PREFERENCE)
"""ABX: which of A and B is X? Preference: which of A and B sounds more like a recording?"""


@dataclass(frozen=True)
class ListeningConfig:
    """What fixes a listening test: the same values give the same trials and the same sounds."""

    task: str
    trials: int
    seed: int
    levels: tuple[str, ...]
    comparisons: tuple[str, ...]
    steps: int
    sampler: str
    recordings: str


@dataclass(frozen=True)
class Trial:
    """Two sounds of one recording's object; ``x`` is the one that X repeats, "a" or "b", and "" in a preference."""

    number: int
    recording: str
    level: str
    comparison: str
    a: str
    b: str
    x: str = ""

    def system(self, letter: str) -> str:
        """The system behind "a", "b" or "x"."""
        return self.a if (self.x if letter == "x" else letter) == "a" else self.b

    @property
    def letters(self) -> tuple[str, ...]:
        """The sounds that are heard."""
        return ("a", "b", "x") if self.x else ("a", "b")


def draw_trials(config: ListeningConfig, recordings: Sequence[str]) -> tuple[Trial, ...]:
    """The trials of a test: levels and comparisons as often as one another, recordings in turn, sides at random."""
    rng = np.random.default_rng([config.seed, 23])
    cells = list(itertools.product(config.levels, config.comparisons))
    rounds = -(-config.trials // len(cells))
    order = np.concatenate([rng.permutation(len(cells)) for _ in range(rounds)])[: config.trials]
    names = [recordings[int(k)] for k in rng.permutation(len(recordings))]
    trials = []
    for number, cell in enumerate(order):
        level, comparison = cells[int(cell)]
        first, second = COMPARISONS[comparison]
        swapped, repeats_a = rng.random(2) < 0.5
        a, b = (second, first) if swapped else (first, second)
        x = ("a" if repeats_a else "b") if config.task == ABX else ""
        trials.append(Trial(number, names[number % len(names)], level, comparison, a, b, x))
    return tuple(trials)
