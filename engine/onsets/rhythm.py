"""Weigh candidate hits by their rhythm: a gap like the one before makes a hit likelier, another gap less likely.

Hands and feet repeat themselves: of the intervals between labelled hits three quarters are within a fifth of the one
before. Every subset of the candidates is a hypothesis with a weight, and a candidate's new probability is its share in
all hypotheses, by the forward-backward algorithm over pairs of neighbouring hits (a semi-Markov chain of second order).
The clip as a whole tells how far it has a rhythm at all; without one the candidates keep their own probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REACH_S = 2.5
"""A longer gap begins anew: it has no part in any rhythm."""
NEIGHBOURS = 28
"""Candidates back from one, among which the hit before it is sought: as many as fit into REACH_S."""
NEVER = -1e18


@dataclass(frozen=True)
class Rhythm:
    """How gaps between hits weigh: constants of the model.

    ``spread`` is the standard deviation of the logarithm of a gap over the gap before where the rhythm goes on;
    ``irregular_share`` the weight of a gap unlike the one before over that of an equal one; ``bonus`` the log odds
    added to a hit in rhythm (others have none where there is no gap before to compare with). Gaps under ``short_s``
    cost up to ``short_cost`` in log odds: few things are struck again so soon.
    """

    spread: float = 0.2
    irregular_share: float = 0.1
    bonus: float = 1.0
    short_s: float = 0.3
    short_cost: float = 2.0


RHYTHM = Rhythm()


def weigh_by_rhythm(times_s: np.ndarray, log_odds: np.ndarray, rhythm: Rhythm = RHYTHM) -> np.ndarray:
    """Log odds [N] of candidates at increasing ``times_s`` [N], given those of each by itself [N]."""
    count = len(times_s)
    if count < 3:
        return np.asarray(log_odds, np.float64)
    own = np.asarray(log_odds, np.float64)
    places = np.arange(NEIGHBOURS + 1)
    gaps_s = np.full((count, NEIGHBOURS + 1), np.inf)  # to the p-th candidate before; p = 0: none
    for back in range(1, NEIGHBOURS + 1):
        gaps_s[back:, back] = np.maximum(times_s[back:] - times_s[:-back], 1e-6)
    gaps_s[gaps_s > REACH_S] = np.inf
    apart = np.searchsorted(times_s, times_s - REACH_S, side="left")  # candidates too early to belong to a rhythm
    later = np.searchsorted(times_s, times_s + REACH_S, side="right")
    forward = np.full((count, NEIGHBOURS + 1), NEVER)
    reached = np.zeros(count + 1)  # log weight of all hypotheses that end before a candidate, the empty one included
    for j in range(count):
        forward[j, 0] = own[j] + reached[apart[j]]
        for p in places[np.isfinite(gaps_s[j])]:
            forward[j, p] = own[j] + np.logaddexp.reduce(forward[j - p] + _link(gaps_s[j, p], gaps_s[j - p], rhythm))
        reached[j + 1] = np.logaddexp(reached[j], np.logaddexp.reduce(forward[j]))
    backward = np.full((count, NEIGHBOURS + 1), NEVER)
    rest = np.zeros(count + 1)  # log weight of all hypotheses that begin at a candidate or after it
    for j in range(count - 1, -1, -1):
        total = np.full(NEIGHBOURS + 1, rest[later[j]])
        for m in range(j + 1, min(count, later[j], j + NEIGHBOURS + 1)):
            total = np.logaddexp(total, _link(gaps_s[m, m - j], gaps_s[j], rhythm) + own[m] + backward[m, m - j])
        backward[j] = total
        rest[j] = np.logaddexp(rest[j + 1], own[j] + backward[j, 0])
    share = np.exp(np.logaddexp.reduce(forward + backward, axis=1) - rest[0])
    alone = 1.0 / (1.0 + np.exp(-own))
    evidence = rest[0] - np.logaddexp(0.0, own).sum()  # of a rhythm in the clip, against none
    trust = 1.0 / (1.0 + np.exp(-evidence.clip(-30.0, 30.0)))
    share = np.clip(trust * share + (1.0 - trust) * alone, 1e-9, 1.0 - 1e-9)
    return np.asarray(np.log(share / (1.0 - share)))


def _link(gap_s: float, before_s: np.ndarray, rhythm: Rhythm) -> np.ndarray:
    """Log weight of a gap after each of some gaps [P]; infinite ones are none to compare with."""
    cost = rhythm.short_cost * max(0.0, 1.0 - gap_s / rhythm.short_s)
    compared = np.isfinite(before_s)
    change = np.log(gap_s / np.where(compared, before_s, gap_s)) / rhythm.spread
    irregular = rhythm.irregular_share
    regular = np.log((1.0 - irregular) * np.exp(-0.5 * change**2) + irregular)
    return np.where(compared, rhythm.bonus + regular, 0.0) - cost
