"""Recordings of struck things as training pairs: which files, which split, and their arrays."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from engine.diffusion.condition import build_condition, count_frames
from engine.diffusion.spectrogram import HOP, ONSET_SAMPLE, compress, wave_to_spectrogram
from engine.dsp import resample
from engine.errors import BadInput, StruckError
from engine.media import read_recording
from engine.parameters import Modes, Residual
from engine.physics.analysis import analyze_hit, find_onset, single_hit
from engine.physics.capture import mix_down
from engine.units import SAMPLE_RATE_HZ

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
HELD_OUT_PERCENT = 15
LONGEST_S = 1.5
ARRAY_CHANNELS = 6
"""Channels of a stored example: the sound's picture (2), the prior's mean (2), sigma, level."""


@dataclass(frozen=True)
class Recording:
    """One file of one struck thing; ``group`` is what must stay on one side of a split."""

    path: Path
    group: str
    material: str
    licence: str
    fmax_hz: float


@dataclass(frozen=True)
class Example:
    """A recording next to its prior: ``arrays`` [6, BINS, T] float16 and how far it can be trusted."""

    arrays: np.ndarray
    fmax_hz: float
    end_frame: int


def list_recordings(data_dir: Path | str, tiers: Iterable[str] = ("A", "A-")) -> list[Recording]:
    """Single hits of a folder: by its MANIFEST.csv and licence tier where it has one, else every audio file.

    Raises BadInput when the folder holds no recordings.
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
    return int(hashlib.sha256(recording.group.encode()).hexdigest(), 16) % 100 < HELD_OUT_PERCENT


def read_hit(recording: Recording) -> np.ndarray:
    """The recording from its onset to where it is struck again, mono at 48 kHz, at most LONGEST_S."""
    samples, rate_hz = read_recording(recording.path)
    mono = resample(mix_down(samples), rate_hz, SAMPLE_RATE_HZ)
    start = round(find_onset(mono, SAMPLE_RATE_HZ) * SAMPLE_RATE_HZ)
    return single_hit(mono[start : start + int(LONGEST_S * SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ)


def stretch(hit: np.ndarray, modes: Modes, residual: Residual, ratio: float) -> tuple[np.ndarray, Modes, Residual]:
    """Play a hit ``ratio`` times faster: every frequency and decay scales with it, as for a smaller object."""
    faster = resample(hit, round(SAMPLE_RATE_HZ * ratio), SAMPLE_RATE_HZ)
    scaled_modes = replace(
        modes,
        frequency_hz=tuple(f * ratio for f in modes.frequency_hz),
        decay_per_s=tuple(d * ratio for d in modes.decay_per_s),
    )
    scaled_residual = residual.scaled(decay_ratio=ratio, pitch_ratio=ratio)
    return faster, scaled_modes, replace(scaled_residual, rise_s=residual.rise_s / ratio)


def make_example(hit: np.ndarray, modes: Modes, residual: Residual, fmax_hz: float) -> Example:
    """The sound's whitened picture beside its prior's features, at the length the prior asks for."""
    frames = count_frames(modes, residual)
    wave = np.zeros(frames * HOP, np.float32)
    part = hit[: len(wave) - ONSET_SAMPLE]
    wave[ONSET_SAMPLE : ONSET_SAMPLE + len(part)] = part
    with torch.no_grad():
        condition = build_condition([(modes, residual)], frames, "cpu")
        spectrogram = wave_to_spectrogram(torch.from_numpy(wave)[None])
        picture = compress(spectrogram / condition.expected)
        arrays = torch.cat((picture, condition.features), dim=1)[0].clamp(-12, 12).to(torch.float16).numpy()
    # A file that stops before its sound has died away says nothing of what follows.
    rms = float(np.sqrt(np.mean(hit**2))) + 1e-12
    cut = len(hit) < len(wave) - ONSET_SAMPLE and float(np.sqrt(np.mean(hit[-480:] ** 2))) > 3e-3 * rms
    end_frame = (ONSET_SAMPLE + len(part)) // HOP - 2 if cut else frames
    return Example(arrays, fmax_hz, end_frame)


def prepare_recording(recording: Recording, ratios: Iterable[float] = (1.0,), max_modes: int = 64) -> list[Example]:
    """Examples of a recording at several playing speeds; empty when it cannot be analysed."""
    try:
        hit = read_hit(recording)
        if len(hit) < 480 or float(np.abs(hit).max()) < 1e-4:
            return []
        physics, _ = analyze_hit(hit, SAMPLE_RATE_HZ, max_modes=max_modes, onset_s=0.0)
    except StruckError:
        return []
    examples = []
    for ratio in ratios:
        sounded, modes, residual = (
            (hit, physics.modes, physics.residual)
            if ratio == 1.0
            else stretch(hit, physics.modes, physics.residual, ratio)
        )
        examples.append(make_example(sounded, modes, residual, recording.fmax_hz * ratio))
    return examples
