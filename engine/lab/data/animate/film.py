"""Film as motion: how far what a picture shows moves, camera and light, measured by optical flow.

The still is the median of a piece of film, in which the striker, who moves, is hardly seen. Each frame's flow from the
still and back tells where it can be trusted. The striker's own path is not known in film: one that the swing network
makes for the same blows stands in for it, and is not learnt from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.animate.contacts import ContactPath
from engine.animate.generate import describe_blows, generate_swing
from engine.animate.hearing import describe_recording, weigh_blows
from engine.animate.motion import CANVAS, GRID, RATE_HZ, Blow, Sound
from engine.animate.network import MotionNetwork
from engine.animate.still import Still, fit_canvas, shrink_still
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.animate.flow import Seen, measure_flow
from engine.lab.data.animate.pack import MOST_BLOWS, MotionPack, factor_field
from engine.lab.data.onsets.film import ENDINGS, align_clips, find_days, read_real_clip
from engine.lab.data.onsets.labels import read_label_rows
from engine.lab.data.onsets.pack import PackedClip
from engine.media.frames import iter_frames
from engine.media.sound import read_clip_audio
from engine.onsets.network import OnsetNetwork
from engine.vision.crops import gather_views
from engine.vision.network import VisionNetwork
from engine.vision.predict import locate_contacts

FOLDERS = ("greatest_hits_syncfusion", "condfoleygen")
EVALUATED = "greatest_hits_stable_v2a"
"""Film of `evaluate animate`: of its recording days nothing is learnt."""
PIECE_S = 5.0
ROWS = 144
_LEAST_CONFIDENCE = 0.5
_LEAST_KNOWN = 0.3
"""A piece of which less is known, or whose still is hardly seen, is left out."""


@dataclass(frozen=True)
class Watchers:
    """Networks that tell of film what is not labelled: its lag, where it is struck, and a swing for its blows."""

    onsets: OnsetNetwork
    vision: VisionNetwork
    motion: MotionNetwork


def read_film_motion(data: Path, watchers: Watchers, say: Callable[[str], None]) -> MotionPack:
    """Pieces of PIECE_S of the film in ``data`` whose recording day is known and not one of EVALUATED's.

    Raises BadInput where there is none.
    """
    labels = read_label_rows(data)
    held_out = {day for path in _list_clips(data / "video" / EVALUATED) for day in find_days(path.stem)}
    takes: list[MotionPack] = []
    for path in (path for folder in FOLDERS for path in _list_clips(data / "video" / folder)):
        days = find_days(path.stem)
        if not days or held_out & set(days):
            continue
        rows = labels.get(path.relative_to(data).as_posix(), [])
        labelled = [label.heard_s for label in rows if label.heard_s is not None]
        clip = read_real_clip(path, labelled, (), watchers.onsets.config.pixels)
        if clip is None:
            continue
        (aligned,) = align_clips([clip], watchers.onsets)
        found = read_clip_motion(path, aligned, watchers)
        say(f"{path.stem}: {len(found)} pieces")
        takes += found
    if not takes:
        raise BadInput(f"{data} holds no film to learn motion from; leave --film out or give another --data")
    return MotionPack.join(takes)


def read_clip_motion(path: Path, clip: PackedClip, watchers: Watchers) -> list[MotionPack]:
    """Pieces of a clip whose blows, by its labels and its lag, are ``clip``'s, each a pack of one."""
    hits_s = (clip.hits_s + clip.shift_s)[clip.confidence >= _LEAST_CONFIDENCE]
    velocity = clip.velocity[clip.confidence >= _LEAST_CONFIDENCE]
    samples = read_clip_audio(path, SAMPLE_RATE_HZ)
    place = _find_place(path, hits_s, watchers.vision)
    pieces = []
    for start_s in np.arange(clip.times_s[0], clip.times_s[-1] - PIECE_S, PIECE_S):
        within = (hits_s >= start_s) & (hits_s < start_s + PIECE_S)
        blows = tuple(
            Blow(float(t - start_s), float(max(0.1, v)))
            for t, v in zip(hits_s[within][:MOST_BLOWS], velocity[within][:MOST_BLOWS], strict=True)
        )
        heard_s = [float(t) for t in clip.hits_s if start_s <= t < start_s + PIECE_S]
        sound = describe_recording(samples, SAMPLE_RATE_HZ, weigh_blows(heard_s, [0.0] * len(heard_s)))
        frames = list(iter_frames(path, ROWS, float(start_s), float(start_s + PIECE_S), gray=False))
        if blows and sound is not None and len(frames) > RATE_HZ:
            piece = _measure_piece(frames, float(start_s), place, blows, sound, watchers.motion)
            pieces += [piece] if piece is not None else []
    return pieces


def _list_clips(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS)


def _find_place(path: Path, times_s: np.ndarray, network: VisionNetwork) -> tuple[float, float]:
    """The median of the places struck, x and y as shares of the picture."""
    views = list(gather_views(iter_frames(path, ROWS, gray=False), sorted(float(t) for t in times_s)))
    if not views:
        return 0.5, 0.5
    wide = torch.from_numpy(np.stack([view.wide for view in views]).astype(np.float32))
    with torch.inference_mode():
        x, y = locate_contacts(network, wide).median(dim=0).values.tolist()
    return x, y


def _measure_piece(
    frames: Sequence[tuple[float, np.ndarray]],
    start_s: float,
    place: tuple[float, float],
    blows: tuple[Blow, ...],
    sound: Sound,
    network: MotionNetwork,
) -> MotionPack | None:
    """A piece of film as a pack of one; None where too little of it is known."""
    pixels = np.median(np.stack([frame for _, frame in frames]), axis=0).astype(np.uint8)
    even = np.ascontiguousarray(pixels[:, : pixels.shape[1] // 2 * 2])
    still, seen = Still(even), measure_flow(even, [frame[:, : even.shape[1]] for _, frame in frames])
    canvas = fit_canvas(still)
    field, known = _to_grid(seen, still)
    if known.mean() < _LEAST_KNOWN:
        return None
    count = int(PIECE_S * RATE_HZ)
    at_s, times_s = np.arange(count) / RATE_HZ, np.array([time_s for time_s, _ in frames]) - start_s
    flat = np.stack([np.interp(at_s, times_s, row) for row in field.reshape(len(field), -1).T], axis=1)
    patterns, curves = factor_field(flat.reshape(count, 2, *GRID))
    answer = np.concatenate((seen.light[:, None], seen.camera / canvas.scale), axis=1)
    answers = np.stack([np.interp(at_s, times_s, row) for row in answer.T], axis=1)
    small = shrink_still(still, canvas)
    spot = canvas.to_canvas(place[0] * still.width, place[1] * still.height)
    blow_rows = np.full((1, MOST_BLOWS, 2), np.nan, np.float32)
    blow_rows[0, : len(blows)] = [(blow.time_s, blow.velocity) for blow in blows]
    return MotionPack(
        np.rint((small.transpose(1, 2, 0) + 1.0) * 127.5).astype(np.uint8).reshape(1, *CANVAS, 3),
        _imagine_path(network, small, spot, blows, sound, count)[None].astype(np.float16),
        np.rint(127 * patterns).astype(np.int8)[None],
        curves[None].astype(np.float16),
        np.array([spot], np.float32),
        blow_rows,
        np.array([(sound.decay_s, sound.centroid_hz)], np.float32),
        known.astype(np.uint8)[None],
        answers[None].astype(np.float16),
    )


def _to_grid(seen: Seen, still: Still) -> tuple[np.ndarray, np.ndarray]:
    """Displacements [N, 2, rows, columns] of GRID in heights of the canvas, 0 where unknown, and where known."""
    from scipy.ndimage import binary_dilation

    canvas = fit_canvas(still)
    rows, columns = GRID
    left, top = canvas.to_canvas(0.5, 0.5)
    step_x, step_y = np.subtract(canvas.to_canvas(1.5, 1.5), (left, top))
    x = np.clip(np.floor((left + step_x * np.arange(still.width)) * columns).astype(int), 0, columns - 1)
    y = np.clip(np.floor((top + step_y * np.arange(still.height)) * rows).astype(int), 0, rows - 1)
    cell = (y[:, None] * columns + x[None]).ravel()
    area = np.bincount(cell, minlength=rows * columns)
    moved = np.zeros((len(seen.flow), 2, rows * columns), np.float32)
    valid = np.zeros((len(seen.flow), rows * columns), bool)
    for index, (flow, trusted) in enumerate(zip(seen.flow, seen.trusted, strict=True)):
        count = np.bincount(cell, trusted.ravel(), rows * columns)
        for axis in range(2):
            total = np.bincount(cell, np.where(trusted, flow[..., axis], 0.0).ravel(), rows * columns)
            moved[index, axis] = total / np.maximum(count, 1.0) / canvas.scale
        valid[index] = count > 0.5 * np.maximum(area, 1.0)
    known = (valid.mean(axis=0) >= 0.7) & (area > 0)
    # what lies beside something hidden is smeared by it
    hidden = binary_dilation((~known & (area > 0)).reshape(GRID), np.ones((3, 3), bool)).ravel()
    known &= ~hidden
    for k in np.flatnonzero(known & ~valid.all(axis=0)):
        there = np.flatnonzero(valid[:, k])
        for axis in range(2):
            moved[:, axis, k] = np.interp(np.arange(len(moved)), there, moved[there, axis, k])
    moved[:, :, ~known] = 0.0
    return moved.reshape(-1, 2, *GRID), known.reshape(GRID)


def _imagine_path(
    network: MotionNetwork,
    still: np.ndarray,
    place: tuple[float, float],
    blows: Sequence[Blow],
    sound: Sound,
    count: int,
) -> np.ndarray:
    """Tip and grip [N, 4] of a swing for the blows; rest where there is no swing network."""
    if network.swing is None:
        return np.zeros((count, 4), np.float32)
    given = describe_blows(still, place, blows, sound, count)
    path = ContactPath([blow.time_s for blow in blows], count)
    with torch.inference_mode():
        swing = generate_swing(network.swing, given, path, torch.Generator().manual_seed(0), 1.0)
    return swing[0].T.numpy()
