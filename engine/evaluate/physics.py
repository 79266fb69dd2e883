"""Measure the analysis of hits, on sounds whose truth is known and on recordings: ``launch.py evaluate physics``."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.corpus.recordings import Recording, list_recordings, read_hit
from engine.dsp import band_levels_db, erb_to_hz, hz_to_erb
from engine.errors import BadInput, StruckError
from engine.parameters import Modes, Physics
from engine.physics.analysis import analyze_hit, synthesize
from engine.physics.modes import synthesize_modes
from engine.units import SAMPLE_RATE_HZ

SNRS_DB = (40, 20)
COUNTS = (8, 16, 32)
RANGE_DB = 40.0
LENGTH_S = 1.4
LOUD_S = 0.5
"""The noise is set against the level of a synthetic sound's first half second."""

MATCH_CENTS = 10.0
ACTIVE_DB = -60.0


@dataclass(frozen=True)
class Match:
    """One synthetic sound against its analysis: errors of the modes found, [F] each, and how many there were."""

    true: int
    false: int
    cents: np.ndarray
    decay_percent: np.ndarray
    power_db: np.ndarray


def draw_modes(count: int, rng: np.random.Generator) -> Modes:
    """Random modes within 40 dB of one another, 80 Hz to 12 kHz, T60 of 60 ms to 3.5 s, the higher the shorter.

    Neighbours lie at least 10 Hz and the half of their common bandwidth apart, as far as two can be told apart.
    """
    frequency: list[float] = []
    decay: list[float] = []
    while len(frequency) < count:
        f = float(80.0 * 150.0 ** rng.random())
        d = float(np.clip(2.0 * 12.0 ** rng.random() * (f / 300.0) ** 0.5, 2.0, 115.0))
        if all(abs(f - g) > max(10.0, (d + e) / math.pi) for g, e in zip(frequency, decay, strict=True)):
            frequency.append(f)
            decay.append(d)
    power = -10.0 - RANGE_DB * rng.random(count)
    power[int(rng.integers(count))] = -10.0
    phase = rng.uniform(-math.pi, math.pi, count)
    return Modes(tuple(frequency), tuple(map(float, power)), tuple(decay), tuple(map(float, phase)), (False,) * count)


def match_modes(truth: Modes, found: Modes) -> Match:
    """Pair the modes one to one, strongest first, within 10 cents; the rest of those found are false.

    What is found more than 40 dB under the strongest is not counted, since nothing true lies there.
    """
    free = [k for k, p in enumerate(found.power_db) if p > max(truth.power_db) - RANGE_DB - 3.0]
    errors = []
    for i in np.argsort(truth.power_db)[::-1]:
        cents = [abs(1200.0 * math.log2(found.frequency_hz[k] / truth.frequency_hz[i])) for k in free]
        if cents and min(cents) < MATCH_CENTS:
            k = free.pop(int(np.argmin(cents)))
            decay = 100.0 * abs(found.decay_per_s[k] / truth.decay_per_s[i] - 1.0)
            errors.append((min(cents), decay, abs(found.power_db[k] - truth.power_db[i])))
    columns = np.array(errors).reshape(-1, 3).T
    return Match(len(truth), len(free), *columns)


def measure_synthetic(sounds: int, snr_db: float, seed: int = 1) -> dict[str, Any]:
    """A row of the first table: how well modes in white noise are found."""
    matches, seconds = [], []
    for number in range(sounds):
        rng = np.random.default_rng([seed, number])
        truth = draw_modes(COUNTS[number % len(COUNTS)], rng)
        sound = synthesize_modes([truth], round(LENGTH_S * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)[0].numpy()
        level = float(np.sqrt(np.mean(np.square(sound[: round(LOUD_S * SAMPLE_RATE_HZ)], dtype=np.float64))))
        noisy = sound + level * 10.0 ** (-snr_db / 20.0) * rng.standard_normal(sound.size)
        started_s = time.perf_counter()
        physics, _ = analyze_hit(noisy, SAMPLE_RATE_HZ, onset_s=0.0)
        seconds.append(time.perf_counter() - started_s)
        matches.append(match_modes(truth, physics.modes))
    cents, decay, power = (
        np.concatenate([getattr(m, name) for m in matches]) for name in ("cents", "decay_percent", "power_db")
    )
    return {
        "snr_db": snr_db,
        "sounds": sounds,
        "modes": sum(m.true for m in matches),
        "found_percent": round(100.0 * cents.size / sum(m.true for m in matches), 1),
        "cents": round(float(np.median(cents)), 3),
        "decay_percent": round(float(np.median(decay)), 2),
        "decay_percent_90th": round(float(np.percentile(decay, 90)), 1),
        "power_db": round(float(np.median(power)), 3),
        "false_a_sound": round(sum(m.false for m in matches) / sounds, 2),
        "seconds": round(statistics.median(seconds), 3),
    }


def measure_distance(hit: np.ndarray, made: np.ndarray, fmax_hz: float) -> float:
    """Mean difference in dB of 64 ERB bands smoothed over 20 ms, where the recording is within 60 dB of its peak."""
    wanted, got = (band_levels_db(y, SAMPLE_RATE_HZ) for y in (hit, made[: hit.size]))
    centres = erb_to_hz(np.linspace(float(hz_to_erb(40.0)), float(hz_to_erb(20_000.0)), 66)[1:-1])
    floor = wanted.max() + ACTIVE_DB
    active = (wanted > floor) & (centres < fmax_hz)[None, :]
    return float(np.abs(wanted - np.maximum(got, floor))[active].mean())


def measure_recording(recording: Recording, hit: np.ndarray, seed: int) -> dict[str, Any]:
    """How near modes and residual, and modes alone, come to one recording."""
    started_s = time.perf_counter()
    physics, fit = analyze_hit(hit, SAMPLE_RATE_HZ, onset_s=0.0)
    seconds = time.perf_counter() - started_s
    duration_s = hit.size / SAMPLE_RATE_HZ
    made = synthesize(physics, duration_s, seed)
    tonal = synthesize(Physics(physics.modes), duration_s)
    return {
        "path": str(Path(*recording.path.parts[-2:])),
        "material": recording.material or "unknown",
        "distance_db": measure_distance(hit, made, recording.fmax_hz),
        "modes_alone_db": measure_distance(hit, tonal, recording.fmax_hz),
        "fit": fit,
        "modes": len(physics.modes),
        "seconds": seconds,
    }


def measure_recordings(recordings: list[Recording], limit: int) -> list[dict[str, Any]]:
    """Rows of recordings, spread evenly over the list when limited; what cannot be analysed is told and left out."""
    if limit and len(recordings) > limit:
        recordings = [recordings[int(i)] for i in np.linspace(0, len(recordings) - 1, limit)]
    rows = []
    for number, recording in enumerate(recordings):
        try:
            hit = read_hit(recording)
            if len(hit) >= 480 and float(np.abs(hit).max()) >= 1e-4:
                rows.append(measure_recording(recording, hit, number))
        except StruckError as error:
            print(f"left out: {error}", file=sys.stderr)
    return rows


def summarize(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each material, the most recorded first, and one for all."""
    names = sorted({row["material"] for row in rows}, key=lambda name: -sum(r["material"] == name for r in rows))
    table = []
    for name in [*names, "all"]:
        some = [row for row in rows if name in ("all", row["material"])]
        table.append(
            {
                "material": name,
                "recordings": len(some),
                **{key: round(statistics.mean(r[key] for r in some), 2) for key in ("distance_db", "modes_alone_db")},
                "worst_tenth_db": round(float(np.percentile([r["distance_db"] for r in some], 90)), 2),
                "fit": round(statistics.median(r["fit"] for r in some), 2),
                "modes": round(statistics.median(r["modes"] for r in some), 1),
                "seconds": round(statistics.median(r["seconds"] for r in some), 3),
            }
        )
    return table


def main(args: list[str]) -> None:
    """The command ``evaluate physics``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="evaluate physics", description="Measure the analysis of hits.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--ckpt-dir", help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    parser.add_argument("--sounds", type=int, default=30, help="synthetic sounds at each level of noise")
    parser.add_argument("--limit", type=int, default=150, help="at most so many recordings; 0 for all")
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    options = parser.parse_args(args)
    if options.sounds < 1 or options.limit < 0:
        raise BadInput("--sounds is under 1 or --limit under 0; give counts")
    recordings = list_recordings(options.data)
    analyze_hit(np.random.default_rng(0).standard_normal(9600), SAMPLE_RATE_HZ)  # libraries load at first use
    synthetic = [measure_synthetic(options.sounds, snr_db) for snr_db in SNRS_DB]
    rows = measure_recordings(recordings, options.limit)
    if not rows:
        raise BadInput("no recording could be analysed; give a larger folder with --data")
    result = {"synthetic": synthetic, "recordings": summarize(rows), "each": rows}
    print_tables(result)
    if options.json == "-":
        print(json.dumps(result))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def print_tables(result: dict[str, Any]) -> None:
    """Both tables in Markdown on standard error."""
    lines = [
        "| noise under the sound | modes | found | pitch error | decay error, median / 90th | level error "
        "| false a sound | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["synthetic"]:
        lines.append(
            f"| {row['snr_db']} dB | {row['modes']} | {row['found_percent']:.1f} % | {row['cents']:.3f} cents "
            f"| {row['decay_percent']:.2f} / {row['decay_percent_90th']:.1f} % | {row['power_db']:.3f} dB "
            f"| {row['false_a_sound']:.2f} | {row['seconds']:.2f} s |"
        )
    lines += [
        "",
        "| material | recordings | modes + residual | worst tenth | modes alone | fit | modes | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["recordings"]:
        lines.append(
            f"| {row['material']} | {row['recordings']} | {row['distance_db']:.2f} dB "
            f"| over {row['worst_tenth_db']:.2f} dB | {row['modes_alone_db']:.2f} dB "
            f"| {row['fit']:.2f} | {row['modes']:.0f} | {row['seconds']:.2f} s |"
        )
    print("\n".join(lines), file=sys.stderr)
