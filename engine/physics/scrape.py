"""Scraping and rubbing: the force of a stroke over a rough surface, and the sound of an object under it.

The needle model of van den Doel, Kry and Pai (FoleyAutomatic, SIGGRAPH 2001, section 4): the contact follows a random
profile at its speed, and its force drives the same modes as a strike does. The profile is grains at random places (a
Poisson process with ``grain_mm`` between them), each of which strikes the object a little, as often up as down, while
it is crossed. So at speed v over grains a distance g apart:

- grains come v / g times a second, and the power of the force is proportional to v, as in the paper's law of loudness,
  the square root of speed times pressure; pressure is the velocity of the hit. A grain's part is proportional to the
  square root of g, so that coarse and fine surfaces are as loud;
- crossing a grain takes WIDTH g / v, so that the force falls by 12 dB an octave above f = v / (2 pi WIDTH g);
- at rest there is silence.

The surface is drawn in grains from the start of the way, so that a longer way only appends to it: another length, speed
or grain crosses the same grains at other times.

The sound is the convolution of this force with the object's strike, since modes and noise are linear: what the sampler
gave the strike, the scrape has too.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import signal

from engine.physics.model import Stroke

STRIKES_PER_S = 0.6
"""Power of the force at 1 m/s: that of so many strikes a second."""

WIDTH = 1.0 / 16.0
"""Distance over which a grain's force decays, relative to the distance of grains."""

LOWEST_HZ = 20.0
_CHUNK = 64
_FADE_S = 0.005
_MOST_GRAINS_A_DRAW = 1 << 20


def stroke_speed(stroke: Stroke, time_s: np.ndarray) -> np.ndarray:
    """Speed of a stroke in m/s at times from its start: linear between its values, 0 outside."""
    steps_s = np.linspace(0.0, stroke.length_s, len(stroke.speeds))
    speed: np.ndarray = stroke.top_speed_m_per_s * np.interp(time_s, steps_s, stroke.speeds, left=0.0, right=0.0)
    return speed


def stroke_samples(stroke: Stroke, sample_rate_hz: int) -> int:
    """Length of a stroke's force in samples."""
    return max(1, round(stroke.length_s * sample_rate_hz))


def draw_force(stroke: Stroke, sample_rate_hz: int, seed: int) -> np.ndarray:
    """The force of a stroke in strikes a sample, float64 [length_s * sample_rate_hz]; ``seed`` draws the surface."""
    count = stroke_samples(stroke, sample_rate_hz)
    speed = stroke_speed(stroke, (np.arange(count) + 0.5) / sample_rate_hz)
    path_m = np.concatenate([[0.0], np.cumsum(speed) / sample_rate_hz])
    grain_m = stroke.grain_mm / 1000.0
    if path_m[-1] == 0.0:
        return np.zeros(count)
    force = _lay_grains(path_m / grain_m, seed)
    force *= math.sqrt(STRIKES_PER_S * grain_m)
    for _ in range(2):
        force = _smear(force, speed / (WIDTH * grain_m * sample_rate_hz))
    force = signal.sosfilt(signal.butter(1, LOWEST_HZ, "high", fs=sample_rate_hz, output="sos"), force)
    fade = min(round(_FADE_S * sample_rate_hz), count // 2)
    if fade:
        rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
        force[:fade] *= rise
        force[count - fade :] *= rise[::-1]
    return np.asarray(force, np.float64)


def _lay_grains(path: np.ndarray, seed: int) -> np.ndarray:
    """Impulses [N] of random grains when they are reached, split between the two samples beside each.

    ``path`` [N + 1] is the way in mean distances of grains. Distances and heights come from generators of their own, so
    that neither depends on how many grains there are.
    """
    gaps, heights = (np.random.default_rng([seed, number]) for number in (1, 2))
    count = len(path) - 1
    impulses = np.zeros(count + 1)
    moving = np.flatnonzero(np.diff(path) > 0.0)
    reached = np.append(moving, moving[-1] + 1)  # samples between which the contact moves, so that each place has one
    end = 0.0
    while end < path[-1]:
        missing = path[-1] - end
        number = min(_MOST_GRAINS_A_DRAW, math.ceil(missing + 4.0 * math.sqrt(missing)) + 1)  # mostly enough at once
        places = end + np.cumsum(gaps.standard_exponential(number))
        end = places[-1]
        places = places[places < path[-1]]
        parts = heights.standard_normal(number)[: len(places)]
        times = np.interp(places, path[reached], reached)
        first = np.minimum(times.astype(np.int64), count - 1)
        later = times - first
        impulses += np.bincount(first, parts * (1.0 - later), count + 1)
        impulses += np.bincount(first + 1, parts * later, count + 1)
    return impulses[:count]


def _smear(force: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """A first-order low pass whose impulse keeps its area; ``rate`` [N] is its decay a sample, constant in a chunk."""
    out = np.empty_like(force)
    state = np.zeros(1)
    for start in range(0, len(force), _CHUNK):
        part = slice(start, start + _CHUNK)
        keep = math.exp(-float(np.mean(rate[part])))
        if keep > 1.0 - 1e-9:  # at rest nothing is crossed, and what was held is let go
            out[part] = 0.0
            state[:] = 0.0
            continue
        out[part], state = signal.lfilter([1.0 - keep], [1.0, -keep], force[part], zi=state)
    return out


def scrape(strike: np.ndarray, stroke: Stroke, sample_rate_hz: int, seed: int) -> np.ndarray:
    """The sound of a stroke over an object whose strike is [M], float32 [N + M - 1]."""
    force = draw_force(stroke, sample_rate_hz, seed)
    return signal.oaconvolve(force, np.asarray(strike, np.float64)).astype(np.float32)
