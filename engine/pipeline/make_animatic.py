"""Make an animatic: a still, a sound and the place struck become a short film with that sound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.animate.hearing import describe_modes, describe_recording, measure_blows, weigh_blows
from engine.animate.motion import ASPECT, RATE_HZ, Blow, Sound
from engine.core.checkpoint import CONFIG, choose_checkpoint
from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.core.units import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from engine.animate.still import Still
    from engine.document.project import Project
    from engine.pipeline.events import RenderedHit

MOTION_NETWORK = CHECKPOINTS / "animate"
"""Folder of the motion network that ships."""
LONGEST_S = 180.0
GUIDANCE = 1.5
MOST_GUIDANCE = 4.0
FRAME_RATES = (6, 60)
STRIKERS = ("stick", "mallet", "hammer", "none")
_STRUCK = 0.05
"""Heights of the canvas within which of the place the striker strikes it."""
_MOTION_SHARE = 0.6
"""Share of the progress that generating the motion takes."""


@dataclass(frozen=True, eq=False)
class Heard:
    """The sound of an animatic: samples [N, C] at SAMPLE_RATE_HZ, its blows, and coarsely what is struck."""

    samples: np.ndarray
    blows: tuple[Blow, ...]
    sound: Sound | None

    @property
    def duration_s(self) -> float:
        """Length."""
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class AnimaticOptions:
    """``place`` is where the still is struck, x and y from 0 to 1, None to have it found; ``guidance`` 0 ignores the
    sound; ``striker`` is one of STRIKERS.
    """

    place: tuple[float, float] | None = None
    seed: int = 0
    guidance: float = GUIDANCE
    frame_rate: Fraction = Fraction(RATE_HZ)
    striker: str = "stick"


@dataclass(frozen=True)
class AnimaticMade:
    """What was made: the place, size, frames, and of each blow its frame and whether the striker comes down there."""

    place: tuple[float, float]
    size: tuple[int, int]
    frames: int
    duration_s: float
    blows: tuple[Blow, ...]
    struck: tuple[bool, ...]
    sound: Sound | None


def find_motion_network(checkpoints: str | Path | None) -> Path:
    """The motion network's folder among ``checkpoints``; the one that ships where there is none. Raises BadInput."""
    found = choose_checkpoint("animate", checkpoints, MOTION_NETWORK)
    if not (found / CONFIG).is_file():
        raise BadInput(f"{found} holds no motion network; restore it, or train one with `launch.py train animate`")
    return found


def hear_recording(path: Path) -> Heard:
    """A sound file, or a clip's sound, with its blows. Raises BadInput where it cannot be read or is too long."""
    from engine.media.mixdown import choose_weights
    from engine.media.recording import read_short
    from engine.onsets.audio import detect_audio_onsets
    from engine.onsets.track import pick

    samples, rate_hz = read_short(path, LONGEST_S)
    weights = choose_weights([samples], rate_hz)
    if samples.shape[1] > 2:
        samples, weights = (samples @ weights)[:, None], np.ones(1)
    if rate_hz != SAMPLE_RATE_HZ:
        samples = np.stack([resample(channel, rate_hz, SAMPLE_RATE_HZ) for channel in samples.T], axis=1)
    samples = np.ascontiguousarray(samples, np.float32)
    mono = samples @ weights
    onsets = pick(detect_audio_onsets(mono, SAMPLE_RATE_HZ))
    blows = measure_blows(mono, SAMPLE_RATE_HZ, [onset.time_s for onset in onsets])
    return Heard(samples, blows, describe_recording(mono, SAMPLE_RATE_HZ, blows))


def hear_project(project: Project, rendered: Mapping[str, RenderedHit]) -> Heard:
    """A project's rendered track, its hits as blows, and what is struck by the modes of the sound that most hits have.

    Raises BadInput where it is too long.
    """
    from engine.pipeline.complete_sound import complete_sound
    from engine.pipeline.master import master_track

    _check_length(project.clip.duration_s, "the project's clip")
    hits = [hit for hit in project.heard_hits() if hit.stroke is None]
    blows = weigh_blows([hit.time_s for hit in hits], [hit.velocity_db + hit.gain_db for hit in hits])
    described = None
    if hits:
        ids = [hit.sound_id for hit in hits]
        modes, _ = complete_sound(project.sound(max(set(ids), key=lambda sound_id: (ids.count(sound_id), sound_id))))
        if len(modes.frequency_hz):
            described = describe_modes(modes.frequency_hz, modes.decay_per_s, modes.power_db)
    return Heard(np.ascontiguousarray(master_track(project, rendered)[:], np.float32), blows, described)


def _check_length(duration_s: float, name: str) -> None:
    if duration_s > LONGEST_S:
        raise BadInput(f"{name} lasts {duration_s:.0f} s; an animatic has at most {LONGEST_S:.0f} s: cut the sound")


def make_animatic(
    still: Still,
    heard: Heard,
    options: AnimaticOptions,
    network: Path,
    target: Path,
    on_progress: Callable[[float], None] = lambda _: None,
) -> AnimaticMade:
    """Generate the motion and write the film; ``on_progress`` hears the share that is done, and may raise to stop.

    Then nothing is written. Raises BadInput where the network does not fit or the target cannot be written.
    """
    from engine.animate.compose import compose_frames
    from engine.animate.generate import generate_motion, sample_at
    from engine.animate.network import load_motion_network
    from engine.animate.place import find_place
    from engine.animate.still import fit_canvas, shrink_still
    from engine.animate.striker import LOOKS
    from engine.media.drawn import write_drawn

    canvas = fit_canvas(still)
    small = shrink_still(still, canvas)
    place = options.place
    if place is None:
        x, y = find_place(small)
        at = (x * canvas.scale * ASPECT + canvas.left) / still.width, (y * canvas.scale + canvas.top) / still.height
        place = float(np.clip(at[0], 0.0, 1.0)), float(np.clip(at[1], 0.0, 1.0))
    pixel = place[0] * still.width, place[1] * still.height
    rate = options.frame_rate
    count = max(2, math.ceil(heard.duration_s * rate - 1e-6))
    times_s = np.arange(count) / float(rate)
    motion = generate_motion(
        load_motion_network(network), small, canvas.to_canvas(*pixel), heard.blows, heard.sound,
        math.ceil(times_s[-1] * RATE_HZ) + 1, options.seed, options.guidance,
        check=lambda share: on_progress(_MOTION_SHARE * share),
    )  # fmt: skip
    at_s = np.array([blow.time_s for blow in heard.blows])
    contacts_s = at_s.tolist() if options.guidance > 0.0 else []
    away = np.hypot(*sample_at(motion, at_s, contacts_s).track[:, :2].T)
    motion = sample_at(motion, times_s, contacts_s)
    frames = compose_frames(still, canvas, pixel, motion, LOOKS[options.striker])

    def show(time_s: float) -> None:
        on_progress(_MOTION_SHARE + (1.0 - _MOTION_SHARE) * min(1.0, time_s / heard.duration_s))

    write_drawn(target, frames, (still.width, still.height), rate, heard.samples, SAMPLE_RATE_HZ, show)
    struck = tuple(bool(far < _STRUCK) for far in away)
    return AnimaticMade(place, (still.width, still.height), count, heard.duration_s, heard.blows, struck, heard.sound)


def animatic_to_json(made: AnimaticMade, options: AnimaticOptions) -> dict[str, Any]:
    """What was made, as JSON."""
    rows = zip(made.blows, made.struck, strict=True)
    return {
        "place": list(made.place),
        "size": list(made.size),
        "frame_rate": f"{options.frame_rate.numerator}/{options.frame_rate.denominator}",
        "frames": made.frames,
        "duration_s": made.duration_s,
        "seed": options.seed,
        "guidance": options.guidance,
        "striker": options.striker,
        "sound": None if made.sound is None else {"decay_s": made.sound.decay_s, "centroid_hz": made.sound.centroid_hz},
        "blows": [{"time_s": b.time_s, "velocity": b.velocity, "struck": struck} for b, struck in rows],
    }
