"""Figure of frames around missed hits and false detections of the onset network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from engine.lab.evaluation.onsets.scores import Clip, match_pairs, times_above
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.onsets.frames import choose_rows
from engine.onsets.track import DEFAULT_THRESHOLD

TILE = (112, 63)
SPAN = 4
NAME_HEIGHT = 12
JPEG_QUALITY = 45


def find_failures(clip: Clip, source: str) -> list[tuple[str, float]]:
    """Kind and time of a clip's missed hits and false detections at the default threshold and 100 ms."""
    times = times_above(clip, source, DEFAULT_THRESHOLD)
    matched = {j for _, j in match_pairs(times, clip.labelled_s, 0.1)}
    missed = [(f"missed {clip.action[j] or 'hit'}", t) for j, t in enumerate(clip.labelled_s) if j not in matched]
    right = {i for i, _ in match_pairs(times, clip.audible_s, 0.1)}
    return missed + [("no hit", t) for i, t in enumerate(times) if i not in right]


def draw_failures(
    clips: Sequence[Clip], clip_paths: dict[str, Path], source: str, out: Path, max_rows: int = 8
) -> None:
    """Write an image with the frames around some failures, one row each, at most one of a kind for each clip.

    ``clip_paths`` are the clips' files by name.
    """
    rows: list[np.ndarray] = []
    for kind in ("missed", "no hit"):
        of_kind = 0
        for clip in clips:
            found = [failure for failure in find_failures(clip, source) if failure[0].startswith(kind)]
            if found and of_kind < max_rows // 2:
                rows.append(_draw_row(clip_paths[clip.name], *found[len(found) // 2]))
                of_kind += 1
    if rows:
        out.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(rows)).save(out, optimize=True, quality=JPEG_QUALITY)


def _draw_row(path: Path, kind: str, time_s: float) -> np.ndarray:
    info = probe(path)
    frame_s = 1.0 / float(info.frame_rate)
    first_s = max(0.0, time_s - (SPAN + 0.5) * frame_s)
    frames = iter_frames(path, choose_rows(info.width, info.height), first_s, time_s + (SPAN + 0.5) * frame_s)
    tiles = [np.asarray(Image.fromarray(frame).resize(TILE)) for _, frame in frames][: 2 * SPAN + 1]
    tiles += [np.zeros(TILE[::-1], np.uint8)] * (2 * SPAN + 1 - len(tiles))
    strip = Image.new("L", (TILE[0] * len(tiles), NAME_HEIGHT), 0)
    ImageDraw.Draw(strip).text((2, 0), f"{kind}, {time_s:.2f} s, {float(info.frame_rate):.0f} frames/s", fill=255)
    return np.concatenate((np.asarray(strip), np.concatenate(tiles, axis=1)))
