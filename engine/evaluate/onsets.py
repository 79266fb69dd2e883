"""Measure the onset detectors on real clips with labelled hits: ``launch.py evaluate onsets``."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import librosa
import numpy as np

from engine.errors import BadInput
from engine.media import MediaInfo, iter_clip_audio, iter_frames, probe, read_clip_audio
from engine.onsets.audio import detect_in_sound
from engine.onsets.motion import PICTURE_HEIGHT, detect_in_picture
from engine.onsets.track import DEFAULT_THRESHOLD, Onset, OnsetTrack, f1_of, fuse, score
from engine.units import SAMPLE_RATE_HZ

LABELS = "greatest_hits_labels.csv"
TOLERANCES_S = (0.025, 0.05, 0.1)
LISTEN_RATE_HZ = 22_050
LISTEN_HOP = 128
LISTEN_DELTA = 0.07
LISTEN_WAIT_S = 0.05
LISTEN_LATE_S = 0.010
"""librosa's peaks of onset strength lie this much after the attack; measured against the labelled audio onsets."""

SAME_S = 0.03
FLOW_BLOCK = 16
FLOW_SEPARATION_S = 0.1
SHIFTS_S = np.arange(-0.08, 0.085, 0.01)
"""Shifts of a whole clip's picture tried in the row that sets sound and picture in step."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One labelled clip with what each detector found: candidates with strengths, and the true times."""

    name: str
    day: str
    duration_s: float
    labelled_s: list[float]
    audible_s: list[float]
    tracks: dict[str, list[Onset]]


def read_labels(data: Path) -> dict[str, list[float]]:
    """Clip path -> labelled audio onsets in seconds, of ``greatest_hits_labels.csv``. Raises BadInput."""
    table = data / LABELS
    if not table.is_file():
        raise BadInput(f"{table} is missing; give the folder that holds it with --data")
    labels: dict[str, list[float]] = {}
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            times = labels.setdefault(row["video"], [])
            if row["t_audio_onset"]:
                times.append(float(row["t_audio_onset"]))
    return {name: sorted(times) for name, times in sorted(labels.items()) if (data / name).is_file()}


def find_audible(sound: np.ndarray, labelled_s: Sequence[float]) -> list[float]:
    """Every onset that can be heard: peaks of librosa's onset strength (spectral flux), and the labelled ones.

    ``sound`` is mono at LISTEN_RATE_HZ. A detector of its own, sharing nothing with ours.
    """
    strength = librosa.onset.onset_strength(y=sound, sr=LISTEN_RATE_HZ, hop_length=LISTEN_HOP)
    heard = librosa.onset.onset_detect(
        onset_envelope=strength,
        sr=LISTEN_RATE_HZ,
        hop_length=LISTEN_HOP,
        delta=LISTEN_DELTA,
        wait=int(LISTEN_WAIT_S * LISTEN_RATE_HZ / LISTEN_HOP),
        units="time",
    )
    audible = list(labelled_s)
    audible += [t for t in heard - LISTEN_LATE_S if not any(abs(t - label) < SAME_S for label in labelled_s)]
    return sorted(audible)


def measure_flow_drop(frames: Iterator[tuple[float, np.ndarray]]) -> list[Onset]:
    """The baseline: peaks of the drop of block-wise optical flow (Lucas and Kanade, one step) between frames."""
    times: list[float] = []
    drops: list[float] = []
    last: np.ndarray | None = None
    flow: np.ndarray | None = None
    for time_s, frame in frames:
        picture = frame[::2, ::2].astype(np.float32)
        if last is not None:
            now = _measure_flow(last, picture)
            times.append(time_s)
            drops.append(float(np.maximum(flow - now, 0.0).mean()) if flow is not None else 0.0)
            flow = now
        last = picture
    values = np.asarray(drops)
    top = float(values.max()) if len(values) else 0.0
    reach = max(1, round(FLOW_SEPARATION_S / max(1e-3, float(np.median(np.diff(times))) if len(times) > 1 else 1.0)))
    return [
        Onset(times[k], float(values[k] / top))
        for k in range(len(values))
        if top > 0.0 and values[k] > 0.0 and values[k] == values[max(0, k - reach) : k + reach + 1].max()
    ]


def _measure_flow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Speed of each block in pixels a frame."""
    down, right = np.gradient((a + b) / 2)
    change = b - a

    def blocks(values: np.ndarray) -> np.ndarray:
        size = FLOW_BLOCK // 2
        rows, columns = values.shape[0] // size, values.shape[1] // size
        return values[: rows * size, : columns * size].reshape(rows, size, columns, size).sum(axis=(1, 3))

    xx, yy, xy = blocks(right * right) + 100.0, blocks(down * down) + 100.0, blocks(right * down)
    xt, yt = blocks(right * change), blocks(down * change)
    determinant = xx * yy - xy * xy
    return np.hypot((xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant)


def examine_clip(data: Path, name: str, labelled_s: list[float]) -> Clip:
    """Run every detector and baseline on one clip."""
    path = data / name
    info: MediaInfo = probe(path)
    frames = list(iter_frames(path, PICTURE_HEIGHT))
    seen = detect_in_picture(iter(frames), info.frame_rate, info.duration_s)
    heard = detect_in_sound(iter_clip_audio(path, SAMPLE_RATE_HZ, 1.0), SAMPLE_RATE_HZ)
    found: dict[str, OnsetTrack] = {"video": seen, "audio": heard, "both": fuse(seen, heard)}
    tracks = {source: list(track.candidates) for source, track in found.items()}
    tracks["flow drop"] = measure_flow_drop(iter(frames))
    sound = read_clip_audio(path, LISTEN_RATE_HZ)
    return Clip(name, Path(name).name[:10], info.duration_s, labelled_s, find_audible(sound, labelled_s), tracks)


def measure(clips: Sequence[Clip], find: Callable[[Clip], Sequence[float]], tolerance_s: float) -> dict[str, float]:
    """Precision against audible onsets, recall of labelled ones, F1 of the two; hits of all clips pooled."""
    right = found = recalled = labelled = 0
    for clip in clips:
        times = find(clip)
        audible = score(times, clip.audible_s, tolerance_s)
        known = score(times, clip.labelled_s, tolerance_s)
        right, found = right + audible.matched, found + audible.found
        recalled, labelled = recalled + known.matched, labelled + known.truth
    precision, recall = right / max(found, 1), recalled / max(labelled, 1)
    return {"precision": precision, "recall": recall, "f1": f1_of(precision, recall)}


def choose_threshold(clips: Sequence[Clip], source: str) -> float:
    """The one threshold that is best for a source at 50 ms on these clips."""
    trials = np.linspace(0.02, 0.98, 49)
    return float(max(trials, key=lambda t: measure(clips, lambda clip: above(clip, source, t), 0.05)["f1"]))


def above(clip: Clip, source: str, threshold: float) -> list[float]:
    """Times of a source's candidates from a threshold up."""
    return [onset.time_s for onset in clip.tracks[source] if onset.strength >= threshold]


def find_shift(clip: Clip) -> float:
    """The shift in seconds that sets a clip's picture best in step with its sound: both were recorded apart."""
    seen = above(clip, "video", DEFAULT_THRESHOLD)
    matches = [score([t + shift for t in seen], clip.audible_s, 0.05).matched for shift in SHIFTS_S]
    return float(min(SHIFTS_S[np.flatnonzero(np.equal(matches, max(matches)))], key=abs))


def lay_grid(clip: Clip, spacing_s: float) -> list[float]:
    """The even grid."""
    return list(np.arange(spacing_s / 2, clip.duration_s, spacing_s))


def tabulate(clips: Sequence[Clip]) -> list[dict]:
    """One row a system: its threshold, whether that was chosen on these clips, and its scores."""
    spacings = np.arange(0.1, 1.01, 0.05)
    spacing_s = float(max(spacings, key=lambda s: measure(clips, lambda clip: lay_grid(clip, s), 0.05)["f1"]))
    systems: list[tuple[str, str, Callable[[Clip], Sequence[float]]]] = [
        (f"even grid, {spacing_s:.2f} s", "best spacing", lambda clip: lay_grid(clip, spacing_s))
    ]
    best = choose_threshold(clips, "flow drop")
    systems.append(("flow drop", f"best, {best:.2f}", lambda clip: above(clip, "flow drop", best)))
    for source in ("video", "audio", "both"):
        best = choose_threshold(clips, source)
        systems.append(
            (source, f"default, {DEFAULT_THRESHOLD:.2f}", partial(above, source=source, threshold=DEFAULT_THRESHOLD))
        )
        systems.append((source, f"best, {best:.2f}", partial(above, source=source, threshold=best)))
    held_out = {
        day: choose_threshold([c for c in clips if c.day != day] or clips, "video") for day in {c.day for c in clips}
    }
    systems.append(("video", "best on other days", lambda clip: above(clip, "video", held_out[clip.day])))
    shifts = {clip.name: find_shift(clip) for clip in clips}
    systems.append(
        (
            "video, in step",
            f"default, {DEFAULT_THRESHOLD:.2f}",
            lambda clip: [t + shifts[clip.name] for t in above(clip, "video", DEFAULT_THRESHOLD)],
        )
    )
    rows = []
    for name, threshold, find in systems:
        scores = {f"{round(1000 * t)} ms": _round(measure(clips, find, t)) for t in TOLERANCES_S}
        rows.append({"system": name, "threshold": threshold, "scores": scores})
    return rows


def _round(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.items()}


def print_table(rows: Sequence[dict]) -> None:
    """The figures as a Markdown table on standard error."""
    lines = [
        "| source | threshold | P, R, F1 at ±25 ms | at ±50 ms | at ±100 ms |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [f"{s['precision']:.2f} {s['recall']:.2f} **{s['f1']:.3f}**" for s in row["scores"].values()]
        lines.append(f"| {row['system']} | {row['threshold']} | {' | '.join(cells)} |")
    print("\n".join(lines), file=sys.stderr)


def main(args: list[str]) -> None:
    """The command ``evaluate onsets``."""
    parser = argparse.ArgumentParser(
        prog="evaluate onsets", description="Score the onset detectors on real clips with labelled hits."
    )
    parser.add_argument(
        "--data", "--data-dir", dest="data", default="../shared/data", help=f"the folder that holds {LABELS}"
    )
    parser.add_argument("--limit", type=int, default=0, help="at most so many clips")
    parser.add_argument("--ckpt-dir", help="not used: the detectors need no checkpoint")
    parser.add_argument("--device", help="not used: the detectors run on the CPU")
    parser.add_argument("--json", metavar="F", help="write the figures to a file, or - for standard output")
    options = parser.parse_args(args)
    data = Path(options.data)
    labels = read_labels(data)
    names = list(labels)[: options.limit or None]
    if not names:
        raise BadInput(f"{data} holds none of the clips that {LABELS} names; give their folder with --data")
    clips = []
    for name in names:
        clips.append(examine_clip(data, name, labels[name]))
        print(f"{len(clips)}/{len(names)} {Path(name).name}", file=sys.stderr)
    rows = tabulate(clips)
    print_table(rows)
    per_clip = [
        {
            "clip": Path(clip.name).name,
            "labelled": len(clip.labelled_s),
            "audible": len(clip.audible_s),
            **{
                s: _round(measure([clip], partial(above, source=s, threshold=DEFAULT_THRESHOLD), 0.05))
                for s in ("video", "audio", "both")
            },
        }
        for clip in clips
    ]
    result = {
        "clips": per_clip,
        "seconds": round(sum(clip.duration_s for clip in clips), 1),
        "labelled": sum(len(clip.labelled_s) for clip in clips),
        "audible": sum(len(clip.audible_s) for clip in clips),
        "systems": rows,
    }
    if options.json == "-":
        print(json.dumps(result))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
