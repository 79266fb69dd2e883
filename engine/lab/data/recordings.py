"""Recordings of struck objects: files, split into training and held-out groups, and samples."""

from __future__ import annotations

import csv
import functools
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.greatest_hits import cut_hits, is_greatest_hits, list_takes
from engine.media.sound import read_recording
from engine.physics.analysis.analyze import single_hit
from engine.physics.analysis.segmentation import find_onset, mix_down

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
HELD_OUT_PERCENT = 15
LONGEST_S = 1.5
LABEL_EARLY_S = 0.05
"""How much earlier a hit may be than its label: labels are given to 1/15 s."""


@dataclass(frozen=True)
class Recording:
    """One strike, a file or a span of it; all recordings of a ``group`` are on one side of the split."""

    path: Path
    group: str
    material: str
    licence: str
    fmax_hz: float
    start_s: float = 0.0
    end_s: float | None = None


def list_recordings(data_dir: Path | str, tiers: Iterable[str] = ("A", "A-")) -> list[Recording]:
    """Single hits of a folder: by its MANIFEST.csv and licence tier where it has one, else cut from the takes of the
    Greatest Hits data set, else every audio file. Raises BadInput when the folder holds no recordings.
    """
    root = Path(data_dir)
    manifest = root / "MANIFEST.csv"
    recordings: list[Recording] = []
    if manifest.is_file():
        wanted = set(tiers)
        with open(manifest, newline="", encoding="utf-8") as table:
            for row in csv.DictReader(table):
                if row["path"].startswith("audio/") and row["tier"] in wanted and row["kind"] == "single":
                    path = root / row["path"]
                    fmax = float(row["fmax_hz"] or SAMPLE_RATE_HZ / 2)
                    recordings.append(Recording(path, group_name(path), row["material"], row["licence"], fmax))
    elif is_greatest_hits(root):
        recordings = [
            Recording(take.sound, f"greatest_hits/{take.name}", material, "research", SAMPLE_RATE_HZ / 2, start, end)
            for take in list_takes(root)
            for start, end, material in cut_hits(take.contacts)
            if take.sound is not None
        ]
    else:
        files = sorted(p for p in root.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES) if root.is_dir() else []
        recordings = [Recording(p, group_name(p), p.parent.name, "the user's own", SAMPLE_RATE_HZ / 2) for p in files]
    if not recordings:
        raise BadInput(f"{root} holds no recordings of single hits; give a folder of audio files with --data")
    return recordings


def group_name(path: Path) -> str:
    """Files of one object or recording session share a stem once take numbers are taken off."""
    stem = re.sub(r"(_?(rr|vl|R)\d+)+$", "", path.stem)
    stem = re.sub(r"[\d_.\- ]+[a-z]?$", "", stem.lower())
    return f"{path.parent.name}/{stem}"


def is_held_out(recording: Recording) -> bool:
    """Whether a recording is for evaluation alone, by a hash of its group."""
    return is_held_out_group(recording.group)


def is_held_out_group(group: str) -> bool:
    """Whether the recordings of a group are for evaluation alone."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def read_hit(recording: Recording) -> np.ndarray:
    """The recording from its onset to the next strike, mono at 48 kHz, at most LONGEST_S."""
    samples, rate_hz = _read(recording.path)
    if recording.start_s or recording.end_s is not None:
        start = round(max(0.0, recording.start_s - LABEL_EARLY_S) * rate_hz)
        end_s = recording.start_s + LONGEST_S if recording.end_s is None else recording.end_s - LABEL_EARLY_S
        samples = samples[start : round(end_s * rate_hz)]
    mono = resample(mix_down(samples), rate_hz, SAMPLE_RATE_HZ)
    start = round(find_onset(mono, SAMPLE_RATE_HZ) * SAMPLE_RATE_HZ)
    return single_hit(mono[start : start + int(LONGEST_S * SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ)


@functools.lru_cache(maxsize=1)
def _read(path: Path) -> tuple[np.ndarray, int]:
    """A file's sound; many spans of one file follow one another."""
    return read_recording(path)
