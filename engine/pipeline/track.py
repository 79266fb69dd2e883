"""The generated track: hits mixed at their time, level and place, whole or in stems."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, seconds_to_samples
from engine.document.parts import PartStrike, expand_hit
from engine.document.project import Hit, Project
from engine.media.export.markers import Marker
from engine.pipeline.channel_strip import (
    apply_filters,
    find_distance,
    find_pan,
    keep_lows,
    list_filters,
    list_rooms,
    make_room,
    room_gain,
    send_gain,
    spread_gains,
    surround_share,
)
from engine.pipeline.events import RenderedHit
from engine.pipeline.part_strikes import hit_lead, is_plain, lead_samples, part_offset, sum_strikes
from engine.pipeline.placement import first_sample, place_hit
from engine.pipeline.render import hit_physics
from engine.pipeline.scrapes import scrape_part
from engine.pipeline.stereo import make_side

ROOM_SHARE_BEHIND = 0.5
"""Share of a strip's room that comes from the surround loudspeakers."""


def track_length(project: Project) -> int:
    """Samples of the generated track: the clip's duration at 48 kHz."""
    return seconds_to_samples(project.clip.duration_s, SAMPLE_RATE_HZ)


def pan_gains(pan: float) -> tuple[float, float]:
    """Left and right gain by the balance law: unity in both at the centre, the far side fades linearly."""
    return min(1.0, 1.0 - pan), min(1.0, 1.0 + pan)


def channel_gains(pan: float, channels: str) -> tuple[float, ...]:
    """Gain of each channel: of mono the mean of the stereo gains, of 5.1 (L R C LFE Ls Rs) the three in front.

    What both sides of the stereo track share goes to the centre, 3 dB louder, so that the downmix of ITU-R BS.775
    (L + 0.707 C, R + 0.707 C) is the stereo track. Raises KeyError for another layout.
    """
    left, right = pan_gains(pan)
    both = min(left, right)
    layouts = {
        "mono": ((left + right) / 2,),
        "stereo": (left, right),
        "5.1": (left - both, right - both, math.sqrt(2.0) * both, 0.0, 0.0, 0.0),
    }
    return layouts[channels]


def place_hits(project: Project, rendered: Mapping[str, RenderedHit], channels: str = "stereo") -> np.ndarray:
    """The generated track before the limiter, [track_length, C] float32, all of it in memory: see ``Track``."""
    return Track(project, rendered, channels=channels)[:]


def stems_by_sound(project: Project, rendered: Mapping[str, RenderedHit], channels: str = "stereo") -> dict[str, Track]:
    """One track for each sound that has hits, by unique name; their sum is the generated track."""
    stems: dict[str, Track] = {}
    for sound in project.sounds:
        hits = [hit for hit in project.hits if hit.sound_id == sound.id]
        if hits:
            name, number = sound.name, 1
            while name in stems:
                number += 1
                name = f"{sound.name} {number}"
            stems[name] = Track(project, rendered, hits, channels)
    return stems


def marker_rows(project: Project) -> list[Marker]:
    """Markers of the hits that are heard, in order of time, each named after its sound."""
    hits = sorted(project.heard_hits(), key=lambda hit: (hit.time_s, hit.id))
    return [Marker(hit.time_s, hit.velocity_db, hit.name or hit.id, project.sound(hit.sound_id).name) for hit in hits]


class Track:
    """A track [length, C] of float32, mixed where it is sliced: each hit at its time, level and pan.

    Nothing is normalised. Sub-sample times are set by a band-limited fractional delay. Hits that are not heard or not
    in ``rendered`` are left out; a hit that extends past the clip's end is truncated with a short fade. Slices add up
    to the same samples however they are cut; in order, each hit is prepared once, and held only while it sounds.
    """

    def __init__(
        self,
        project: Project,
        rendered: Mapping[str, RenderedHit],
        hits: Sequence[Hit] | None = None,
        channels: str = "stereo",
        adds_room: bool = True,
        adds_side: bool = True,
    ) -> None:
        """``hits`` limits the track to some of the project's; ``channels`` is mono, stereo or 5.1.

        Without ``adds_room`` the room of strips is left out, without ``adds_side`` the side that width gives to the
        hits' own noise.
        """
        self.shape = (track_length(project), len(channel_gains(0.0, channels)))
        self._channels = channels
        self._rendered = rendered
        self._project = project
        self._adds_room, self._adds_side = adds_room, adds_side
        chosen = None if hits is None else {hit.id for hit in hits}
        self._hits = [h for h in project.heard_hits() if h.id in rendered and (chosen is None or h.id in chosen)]
        self._starts = np.array([first_sample(hit, hit_lead(project, hit)) for hit in self._hits], np.int64)
        self._ends = np.full(len(self._hits), np.iinfo(np.int64).max)  # until they are known
        self._placed: dict[int, list[tuple[np.ndarray, tuple[float, ...]]]] = {}

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, span: slice) -> np.ndarray:
        """Samples of a span with a step of 1."""
        start, stop, step = span.indices(len(self))
        if step != 1:
            raise ValueError("a track is read sample by sample")
        block = np.zeros((max(0, stop - start), self.shape[1]), np.float32)
        for k in np.flatnonzero((self._starts < stop) & (self._ends > start)):
            self._add(block, start, int(k))
        return block

    def _add(self, block: np.ndarray, start: int, k: int) -> None:
        """Add the part of a hit that lies in a block."""
        hit, first = self._hits[k], int(self._starts[k])
        if k not in self._placed:
            self._placed[k] = self._place(hit)
            self._ends[k] = first + max(len(samples) for samples, _ in self._placed[k])
        lower, upper = max(start, first), min(start + len(block), int(self._ends[k]))
        for samples, gains in self._placed[k]:
            part = samples[lower - first : upper - first]
            for channel, gain in enumerate(gains):
                if gain:
                    block[lower - start : lower - start + len(part), channel] += part * np.float32(gain)
        if self._ends[k] <= start + len(block):
            del self._placed[k]

    def _place(self, hit: Hit) -> list[tuple[np.ndarray, tuple[float, ...]]]:
        """A hit's sound at its place, its side in a wide mix, and its strip's room and LFE, each with its gains."""
        project, samples, sound = self._project, self._rendered[hit.id].samples, self._project.sound(hit.sound_id)
        strip, width, count = sound.strip, project.mix.width, self.shape[1]
        distance_m, pan = find_distance(strip, hit), find_pan(strip, hit)
        filters = list_filters(strip, distance_m)
        level = db_to_gain(hit.gain_db + strip.gain_db + project.mix.gain_db)
        gain = level / distance_m
        behind, lead = surround_share(strip.surround_deg), hit_lead(project, hit)
        parts: list[tuple[np.ndarray, tuple[float, ...]]] = []

        def add(sound: np.ndarray, gains: Sequence[float], share: float = 0.0) -> None:
            levels = tuple(gains)[:count] + (0.0,) * (count - len(gains))
            levels = spread_gains(levels, share) if share and count > 2 else levels
            parts.append((place_hit(hit, sound, len(self), lead), levels))

        direct = apply_filters(samples, filters)
        add(direct, [gain * share for share in channel_gains(pan, self._channels)], behind)
        if self._adds_side and width and count > 1:  # sides cancel in mono
            wide = gain * side_gain(width, pan)
            add(apply_filters(hit_side(project, hit, len(samples)), filters), (wide, -wide), behind)
        if count > 2 and send_gain(strip.lfe_db):
            add(keep_lows(direct), (0.0, 0.0, 0.0, gain * send_gain(strip.lfe_db)))
        added = level * room_gain(project, hit, distance_m) if self._adds_room else 0.0
        if added:
            middle, side = apply_filters(hit_room(project, hit, len(samples)), list_filters(strip))
            add(middle, (added, added), ROOM_SHARE_BEHIND)
            if width and count > 1:
                add(side, (added * width, -added * width), ROOM_SHARE_BEHIND)
        return parts


def hit_side(project: Project, hit: Hit, length_samples: int) -> np.ndarray:
    """The side signal of a hit's samples at width 1, float32 [length_samples]; see ``engine.pipeline.stereo``."""

    def make(strike: Hit, length: int) -> np.ndarray:
        _, residual = hit_physics(project, strike)
        return scrape_part(lambda whole: make_side(residual, whole, strike.seed), strike, length)

    strikes = expand_hit(project, hit)
    return _add_strikes(strikes, make, length_samples, lead_samples(strikes))[:length_samples]


def hit_room(project: Project, hit: Hit, length_samples: int) -> np.ndarray:
    """Middle and side of the room that a strip adds to a hit, float32 [2, N] from where its samples begin on.

    See ``channel_strip.make_room``.
    """

    def make(strike: Hit, length: int) -> np.ndarray:
        physics = hit_physics(project, strike)
        return scrape_part(lambda whole: make_room(*physics, whole, strike.seed), strike, length)

    strikes = expand_hit(project, hit)
    return _add_strikes(list_rooms(project, hit) or strikes, make, length_samples, lead_samples(strikes))


def _add_strikes(
    strikes: Sequence[PartStrike], make: Callable[[Hit, int], np.ndarray], length_samples: int, lead: int
) -> np.ndarray:
    """What belongs to each strike of a hit, made as long as it rings within the hit's samples, at its place."""
    if is_plain(strikes) and not lead:
        return make(strikes[0].hit, length_samples)
    lengths = [max(1, length_samples - lead - part_offset(strike)) for strike in strikes]
    return sum_strikes(strikes, [make(one.hit, length) for one, length in zip(strikes, lengths, strict=True)], lead)


def side_gain(width: float, pan: float) -> float:
    """Gain of a hit's side: as much in both channels, so that it leaves their sum, and none in a hit panned aside."""
    return width * min(pan_gains(pan))
