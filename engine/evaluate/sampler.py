"""Measure the sampler on held-out recordings against the bare prior: ``launch.py evaluate sampler``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import scipy.linalg

from engine.corpus.recordings import Recording, is_held_out, list_recordings, read_hit
from engine.device import choose_device
from engine.diffusion.sampler import Sampler, load_sampler
from engine.errors import BadInput, StruckError
from engine.evaluate.figure import write_spectrograms
from engine.parameters import Physics
from engine.physics.analysis import analyze_hit, synthesize
from engine.units import SAMPLE_RATE_HZ

WINDOW_S = 1.3
FLOOR_DB = -80.0
ACTIVE_DB = -50.0
SMOOTH_S = 0.02
SEGMENTS_S = (0.0, 0.02, 0.06, 0.15, 0.4, 1.0)
FEATURES = 32


@dataclass(frozen=True)
class Case:
    """A held-out recording, its analysis, and up to which sample and frequency it can be compared."""

    recording: Recording
    hit: np.ndarray
    physics: Physics


def log_mel(sound: np.ndarray, length: int) -> np.ndarray:
    """Power in 64 mel bands every 5 ms, averaged over 20 ms, [64, T]; not yet in decibels."""
    padded = np.zeros(length, np.float32)
    padded[: min(length, len(sound))] = sound[:length]
    hop = SAMPLE_RATE_HZ // 200
    power = librosa.feature.melspectrogram(
        y=padded, sr=SAMPLE_RATE_HZ, n_fft=1024, hop_length=hop, n_mels=64, fmin=40.0
    )
    frames = int(SMOOTH_S * 200)
    kernel = np.ones(frames) / frames
    return np.apply_along_axis(lambda row: np.convolve(row, kernel, mode="same"), 1, power)


def measure_distance(real: np.ndarray, other: np.ndarray, length: int, fmax_hz: float) -> tuple[float, float]:
    """Mean absolute difference in dB over all bins, and over those within 50 dB of the real peak."""
    a, b = log_mel(real, length), log_mel(other, length)
    centres = librosa.mel_frequencies(n_mels=66, fmin=40.0, fmax=SAMPLE_RATE_HZ / 2)[1:-1]
    known = centres < fmax_hz
    peak = a.max() + 1e-20
    a_db = np.maximum(10 * np.log10(a[known] / peak + 1e-20), FLOOR_DB)
    b_db = np.maximum(10 * np.log10(b[known] / peak + 1e-20), FLOOR_DB)
    difference = np.abs(a_db - b_db)
    return float(difference.mean()), float(difference[a_db > ACTIVE_DB].mean())


def describe(sound: np.ndarray) -> np.ndarray:
    """A recording as one vector: its mel levels, relative to their peak, over five stretches after the onset."""
    power = log_mel(sound, int(SEGMENTS_S[-1] * SAMPLE_RATE_HZ))
    edges = [int(s * 200) for s in SEGMENTS_S]
    parts = [power[:, a:b].mean(axis=1) for a, b in pairwise(edges)]
    levels = 10 * np.log10(np.concatenate(parts) / (power.max() + 1e-20) + 1e-8)
    return levels.astype(np.float64)


def measure_frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of two sets of vectors [N, D] as normal distributions (Heusel et al., 2017)."""
    spread_a, spread_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(spread_a @ spread_b).real
    shift = a.mean(axis=0) - b.mean(axis=0)
    return float(shift @ shift + np.trace(spread_a + spread_b - 2.0 * root))


def measure_kernel(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared kernel distance with the cubic kernel (Binkowski et al., 2018)."""
    dimension = a.shape[1]
    aa, bb, ab = (a @ a.T / dimension + 1) ** 3, (b @ b.T / dimension + 1) ** 3, (a @ b.T / dimension + 1) ** 3
    n, m = len(a), len(b)
    return float((aa.sum() - np.trace(aa)) / (n * (n - 1)) + (bb.sum() - np.trace(bb)) / (m * (m - 1)) - 2 * ab.mean())


def fit_projection(training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and principal axes, scaled to unit spread overall, of the training recordings' descriptions."""
    mean = training.mean(axis=0)
    _, values, axes = np.linalg.svd(training - mean, full_matrices=False)
    scale = values[:FEATURES].max() / np.sqrt(len(training))
    return mean, axes[:FEATURES].T / scale


def gather_cases(recordings: list[Recording], limit: int) -> list[Case]:
    """Analyse held-out recordings, spread evenly over the list when limited."""
    chosen = [r for r in recordings if is_held_out(r)]
    if limit and len(chosen) > limit:
        chosen = [chosen[int(i)] for i in np.linspace(0, len(chosen) - 1, limit)]
    cases = []
    for recording in chosen:
        try:
            hit = read_hit(recording)
            if len(hit) >= 480 and float(np.abs(hit).max()) >= 1e-4:
                physics, _ = analyze_hit(hit, SAMPLE_RATE_HZ, onset_s=0.0)
                cases.append(Case(recording, hit, physics))
        except StruckError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not cases:
        raise BadInput("no held-out recording could be analysed; give a larger folder with --data")
    return cases


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Bootstrap 95 % interval of a mean."""
    rng = np.random.default_rng(seed)
    means = rng.choice(values, (1000, len(values))).mean(axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def main(args: list[str]) -> None:
    """The command ``evaluate sampler``."""
    parser = argparse.ArgumentParser(
        prog="evaluate sampler", description="Compare sampled sounds and the bare prior with held-out recordings."
    )
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--ckpt-dir", default="checkpoints")
    parser.add_argument("--checkpoint", default="sampler")
    parser.add_argument("--steps", default="1,2,4,8")
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--limit", type=int, default=0, help="at most so many held-out recordings")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    parser.add_argument("--figure", help="write a PNG that shows some recordings next to what was made for them")
    options = parser.parse_args(args)
    device, note = choose_device(options.device)
    sampler = load_sampler(options.ckpt_dir, options.checkpoint, device)
    recordings = list_recordings(options.data)
    cases = gather_cases(recordings, options.limit)
    print(f"{len(cases)} held-out recordings, {note}", file=sys.stderr)
    systems = sound_systems(cases, sampler, [int(s) for s in options.steps.split(",")], options.guidance)
    result = {
        "recordings": len(cases),
        "device": note,
        "checkpoint": options.checkpoint,
        "guidance": options.guidance,
        **compare(cases, systems, describe_training(recordings)),
    }
    print_table(result)
    if options.figure:
        shown = [int(i) for i in np.linspace(0, len(cases) - 1, min(6, len(cases)))]
        columns = {"recording": [case.hit for case in cases], **systems}
        write_spectrograms(
            options.figure,
            [cases[i].recording.path.stem for i in shown],
            {name: [sounds[i] for i in shown] for name, sounds in columns.items()},
        )
    if options.json == "-":
        print(json.dumps(result))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def sound_systems(
    cases: list[Case], sampler: Sampler, steps: list[int], guidance: float
) -> dict[str, list[np.ndarray]]:
    """Every case by every system, with the same seed: the bare prior first."""
    seeds = [1000 + i for i in range(len(cases))]
    physics = [(case.physics.modes, case.physics.residual) for case in cases]
    bare = [synthesize(c.physics, duration_s=WINDOW_S, seed=s) for c, s in zip(cases, seeds, strict=True)]
    sampled = {f"sampler, {n} step{'s' * (n > 1)}": sampler.sample(physics, seeds, n, guidance) for n in steps}
    return {"prior alone": bare, **sampled}


def describe_training(recordings: list[Recording], most: int = 420) -> np.ndarray:
    """Descriptions of recordings that the sampler was trained on, spread over the corpus."""
    training = [r for r in recordings if not is_held_out(r)]
    described = []
    for recording in training[:: max(1, len(training) // most)]:
        try:
            described.append(describe(read_hit(recording)))
        except StruckError:
            continue
    return np.stack(described)


def compare(cases: list[Case], systems: dict[str, list[np.ndarray]], training: np.ndarray) -> dict[str, Any]:
    """A row of figures for each system, the first being the baseline; and training recordings as a yardstick."""
    mean, axes = fit_projection(training)
    # The recordings end where they end: beyond that nothing is known, and nothing is compared.
    lengths = [min(len(case.hit), int(WINDOW_S * SAMPLE_RATE_HZ)) for case in cases]
    real = (np.stack([describe(case.hit) for case in cases]) - mean) @ axes
    baseline: np.ndarray | None = None
    rows = []
    for name, sounds in systems.items():
        distances = np.asarray(
            [
                measure_distance(case.hit, sound, length, case.recording.fmax_hz)
                for case, sound, length in zip(cases, sounds, lengths, strict=True)
            ]
        )
        baseline = distances if baseline is None else baseline
        vectors = (np.stack([describe(s[:n]) for s, n in zip(sounds, lengths, strict=True)]) - mean) @ axes
        rows.append(
            {
                "system": name,
                "log_mel_db": round(float(distances[:, 0].mean()), 3),
                "log_mel_active_db": round(float(distances[:, 1].mean()), 3),
                "gain_on_prior_db": [round(v, 3) for v in interval(baseline[:, 0] - distances[:, 0])],
                "gain_on_prior_active_db": [round(v, 3) for v in interval(baseline[:, 1] - distances[:, 1])],
                "closer_than_prior_percent": round(100 * float((distances[:, 1] < baseline[:, 1]).mean()), 1),
                "frechet": round(measure_frechet(real, vectors), 4),
                "kernel": round(measure_kernel(real, vectors), 5),
            }
        )
    yardstick = (training - mean) @ axes
    other = {"frechet": round(measure_frechet(real, yardstick), 4), "kernel": round(measure_kernel(real, yardstick), 5)}
    return {"other_real_recordings": other, "systems": rows}


def print_table(result: dict[str, Any]) -> None:
    """The figures as a Markdown table on standard error."""
    lines = [
        "| system | log-mel dB, all | active | gain on prior, active (95 %) | closer than prior | Fréchet | kernel |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["systems"]:
        low, high = row["gain_on_prior_active_db"]
        lines.append(
            f"| {row['system']} | {row['log_mel_db']:.2f} | {row['log_mel_active_db']:.2f} | {low:+.2f} to {high:+.2f} "
            f"| {row['closer_than_prior_percent']:.0f} % | {row['frechet']:.3f} | {row['kernel']:.4f} |"
        )
    other = result["other_real_recordings"]
    lines.append(f"| other real recordings | | | | | {other['frechet']:.3f} | {other['kernel']:.4f} |")
    print("\n".join(lines), file=sys.stderr)
