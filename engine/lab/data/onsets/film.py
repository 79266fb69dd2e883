"""Read real clips, labelled by their own sound, and simulated takes, for packing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.greatest_hits import list_takes
from engine.lab.data.onsets.labels import (
    CERTAIN_STRENGTH,
    DOUBTFUL_STRENGTH,
    LISTEN_RATE_HZ,
    choose_contacts,
    find_audible,
    measure_levels,
    read_label_rows,
    to_velocity,
)
from engine.lab.data.onsets.lag import SHIFTS_S, choose_shifts, measure_agreement
from engine.lab.data.onsets.pack import PackedClip
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import iter_clip_audio, read_clip_audio
from engine.onsets.audio import detect_audio_onsets
from engine.onsets.frames import choose_rows, choose_stride, downsample
from engine.onsets.network import OnsetNetwork
from engine.onsets.watch import predict_frames

ENDINGS = (".mp4", ".mov")
SAME_S = 0.04
LEAST_AGREEMENT, FULL_AGREEMENT = 0.13, 0.3
"""Film of other things whose sounds agree less with its picture is left out; from the second on it counts in full."""

OUTDOORS = ("2015-09-23", "2015-09-24", "2015-09-29", "2015-10-06")
SU = "physics_driven_diffusion_model_sample_"
KNOWN_DAYS: dict[str, tuple[str, ...]] = {
    **{f"{SU}{k}": ("2015-03-12",) for k in (9, 18)},
    **{f"{SU}{k}": ("2015-03-20",) for k in (1, 2, 4, 5, 10, 14, 38, 39)},
    **{f"{SU}{k}": ("2015-09-24",) for k in (6, 19)},
    **{f"{SU}{k}": OUTDOORS for k in (20, 23, 24, 25, 26, 27, 43, 44, 45)},
    **{f"{SU}8": ("2015-10-03",), f"{SU}21": ("2015-02-16",)},
    **{"8_cond": ("2015-03-20",), "557_cond": ("2015-03-20",), "557_target": ("2015-10-03",)},
    **{"494_target": ("2015-02-16",), "223_target": ("2015-02-21",), "50_target": ("2015-03-30",)},
    **{"50_cond": ("2015-09-23",), "223_cond": ("2015-09-24",), "48_cond": ("2015-09-24",)},
    **{"494_cond": OUTDOORS, "565_target": OUTDOORS, "gh_hitting_bag": ("2015-02-22",)},
}
"""Recording days, by scene and sleeve, of Greatest Hits excerpts whose names do not say them; several where unsure."""


def read_real_film(data: Path, pixels: int) -> Iterator[PackedClip]:
    """Every clip under ``data``/video with the onsets of its sound. Raises BadInput where there is none."""
    labels = read_label_rows(data)
    paths = sorted(path for path in (data / "video").rglob("*") if path.suffix.lower() in ENDINGS)
    if not paths:
        raise BadInput(f"{data} holds no clips in video/; give another folder with --data")
    for path in paths:
        rows = labels.get(path.relative_to(data).as_posix(), [])
        labelled = [label.heard_s for label in rows if label.heard_s is not None]
        silent = [label.time_s for label in rows if label.heard_s is None]
        clip = read_real_clip(path, labelled, silent, pixels)
        if clip is not None:
            yield clip


def read_real_clip(path: Path, labelled: Sequence[float], silent: Sequence[float], pixels: int) -> PackedClip | None:
    """One real clip; None without sound or frames. ``labelled`` times are audible, ``silent`` ones are not."""
    info = probe(path)
    if not info.has_audio:
        return None
    times_s, frames = read_small_frames(path, pixels)
    if len(frames) < 8:
        return None
    sound = read_clip_audio(path, LISTEN_RATE_HZ)
    onsets = detect_audio_onsets(iter_clip_audio(path, SAMPLE_RATE_HZ, 1.0), SAMPLE_RATE_HZ).candidates
    hits = {float(time_s): 1.0 for time_s in labelled}
    doubtful = list(silent)
    for onset in onsets:
        if any(abs(onset.time_s - time_s) < SAME_S for time_s in labelled):
            continue
        confidence = (onset.strength - DOUBTFUL_STRENGTH) / (CERTAIN_STRENGTH - DOUBTFUL_STRENGTH)
        if confidence > 0.0:
            hits[float(onset.time_s)] = min(1.0, confidence)
        else:
            doubtful.append(onset.time_s)
    doubtful += [t for t in find_audible(sound, labelled) if all(abs(t - time_s) >= SAME_S for time_s in hits)]
    order = sorted(hits)
    folder = path.parent.name
    rate_hz = round(float(info.frame_rate))
    return PackedClip(
        name=f"{folder}/{path.stem}",
        days=find_days(path.stem),
        source="" if folder.startswith("other") else f"{folder}, {rate_hz} fps",
        real=True,
        frames=frames,
        times_s=times_s,
        hits_s=np.asarray(order),
        confidence=np.asarray([hits[time_s] for time_s in order]),
        velocity=to_velocity(measure_levels(sound, LISTEN_RATE_HZ, order)),
        doubtful_s=np.asarray(sorted(doubtful)),
    )


def find_days(stem: str) -> tuple[str, ...]:
    """The days on which a clip may have been recorded; none where nothing is known."""
    named = re.search(r"20\d\d-\d\d-\d\d", stem)
    return (named[0],) if named else KNOWN_DAYS.get(stem, ())


def read_simulated_film(folder: Path, pixels: int) -> Iterator[PackedClip]:
    """Simulated takes with their visible contacts, those in which nothing touches anything included; no unfinished."""
    for take in list_takes(folder):
        if take.picture is None or (take.contacts and take.sound is None):
            continue
        contacts, unseen = choose_contacts(take)
        hits = [time_s for time_s, _ in contacts]
        velocity = np.zeros(0)
        try:
            times_s, frames = read_small_frames(take.picture, pixels)
            if hits and take.sound is not None:
                sound = read_clip_audio(take.sound, LISTEN_RATE_HZ)
                velocity = to_velocity(measure_levels(sound, LISTEN_RATE_HZ, hits))
        except BadInput:
            continue
        yield PackedClip(
            name=take.name,
            days=(),
            source="simulated",
            real=False,
            frames=frames,
            times_s=times_s,
            hits_s=np.asarray(hits, np.float64),
            confidence=np.ones(len(hits)),
            velocity=velocity,
            doubtful_s=np.asarray(unseen, np.float64),
        )


def read_small_frames(path: Path, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Times [N] and gray frames uint8 [N, H, W] of about ``pixels`` with even sides, at most MAX_RATE_HZ a second."""
    info = probe(path)
    stride = choose_stride(info.frame_rate)
    frames = list(iter_frames(path, choose_rows(info.width, info.height, pixels)))[::stride]
    small = [downsample(frame, pixels) for _, frame in frames]
    held = np.stack(small) if small else np.zeros((0, 2, 2), np.uint8)
    return np.asarray([time_s for time_s, _ in frames]), held[:, : held.shape[1] // 2 * 2, : held.shape[2] // 2 * 2]


def align_clips(clips: Sequence[PackedClip], network: OnsetNetwork) -> list[PackedClip]:
    """Real clips with lag and weight estimated by a network; clips whose sound and picture disagree are dropped."""
    agreements = []
    for clip in clips:
        small = np.stack([downsample(frame, network.config.pixels) for frame in clip.frames])
        probability = 1.0 / (1.0 + np.exp(-predict_frames(network, clip.times_s, small)[:, 0]))
        agreements.append(measure_agreement(clip.times_s, probability, clip.hits_s, clip.confidence))
    shifts_s = choose_shifts(agreements, [clip.source for clip in clips])
    chosen = []
    for clip, shift_s, agreement in zip(clips, shifts_s, agreements, strict=True):
        reached = FULL_AGREEMENT if clip.source else float(np.interp(shift_s, SHIFTS_S, agreement))
        if reached >= LEAST_AGREEMENT:
            weight = min(1.0, reached / FULL_AGREEMENT)
            chosen.append(replace(clip, shift_s=shift_s, weight=round(weight, 3)))
    return chosen
