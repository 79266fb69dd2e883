"""Labels of the hits of a filmed take: labelled times, audible onsets, and levels."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np

from engine.core.errors import BadInput
from engine.core.units import power_to_db
from engine.lab.data.greatest_hits import Take

LABELS = "greatest_hits_labels.csv"
LISTEN_RATE_HZ = 22_050
LISTEN_HOP = 128
LISTEN_DELTA = 0.07
LISTEN_WAIT_S = 0.05
LISTEN_LATE_S = 0.010
"""librosa's peaks of onset strength lie this much after the attack; measured against the labelled audio onsets."""

CERTAIN_STRENGTH, DOUBTFUL_STRENGTH = 0.6, 0.3
"""Strengths of the sound detector from which an onset is certain, and below which it is ignored."""

SAME_S = 0.03
APART_S = 0.08
"""Of simulated contacts closer than this (a thing that rattles or rolls) only the strongest is asked for."""
LEAST_SPEED_M_PER_S = 0.15
TRUTH = ".truth.json"
LEVEL_BEFORE_S, LEVEL_AFTER_S, LEVEL_WINDOW_S = 0.005, 0.06, 0.01
SILENCE_DB = -90.0
LEVEL_SPAN_DB = 24.0
"""From the quietest velocity to the loudest."""


@dataclass(frozen=True)
class Label:
    """One labelled contact: labelled time, time of the audible onset (None without one), hit, scratch or unknown."""

    time_s: float
    heard_s: float | None
    action: str


def read_label_rows(data: Path) -> dict[str, list[Label]]:
    """Clip path -> its labels in order of time, of ``greatest_hits_labels.csv``; clips that are there. BadInput."""
    table = data / LABELS
    if not table.is_file():
        raise BadInput(f"{table} is missing; give the folder that holds it with --data")
    labels: dict[str, list[Label]] = {}
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            heard_s = float(row["t_audio_onset"]) if row["t_audio_onset"] else None
            action = row["action"] if row["action"] in ("hit", "scratch") else ""
            labels.setdefault(row["video"], []).append(Label(float(row["t_label"]), heard_s, action))
    return {
        name: sorted(found, key=lambda label: label.time_s)
        for name, found in sorted(labels.items())
        if (data / name).is_file()
    }


def choose_contacts(take: Take) -> tuple[list[tuple[float, str]], list[float]]:
    """Of a simulated take, times and actions of the visible contacts, and times of all others.

    A contact is visible if it lies in the picture, is faster than a touch, and is the strongest within APART_S. Without
    the simulator's ground truth file every contact counts as visible.
    """
    assert take.picture is not None
    path = take.picture.with_name(take.name + TRUTH)
    if not path.is_file():
        return [(contact.time_s, contact.action) for contact in take.contacts], []
    contacts = json.loads(path.read_text(encoding="utf-8"))["contacts"]
    seen: list[tuple[float, str]] = []
    by_force = sorted(contacts, key=lambda c: (-float(c["impulse_n_s"]), -float(c["speed_m_per_s"])))
    for contact in by_force:
        time_s = float(contact["time_s"])
        shown = contact["in_picture"] and float(contact["speed_m_per_s"]) >= LEAST_SPEED_M_PER_S
        if shown and all(abs(time_s - other_s) >= APART_S for other_s, _ in seen):
            seen.append((time_s, str(contact["action"])))
    times = {time_s for time_s, _ in seen}
    return sorted(seen), sorted(float(c["time_s"]) for c in contacts if float(c["time_s"]) not in times)


def find_audible(sound: np.ndarray, labelled_s: Sequence[float]) -> list[float]:
    """Audible onsets: peaks of librosa's onset strength (spectral flux), and the labelled ones.

    ``sound`` is mono at LISTEN_RATE_HZ. The detector is independent of ours.
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


def measure_levels(sound: np.ndarray, rate_hz: int, times_s: Sequence[float]) -> np.ndarray:
    """Level of each hit in dB re full scale: its loudest 10 ms within 60 ms, float64 [N]."""
    length = max(1, round(LEVEL_WINDOW_S * rate_hz))
    power = np.convolve(np.asarray(sound, np.float64) ** 2, np.full(length, 1.0 / length), mode="valid")
    levels = []
    for time_s in times_s:
        first = max(0, round((time_s - LEVEL_BEFORE_S) * rate_hz))
        part = power[first : max(first + 1, round((time_s + LEVEL_AFTER_S) * rate_hz))]
        levels.append(power_to_db(float(part.max()) + 1e-12) if len(part) else SILENCE_DB)
    return np.maximum(np.asarray(levels, np.float64), SILENCE_DB)


def to_velocity(levels_db: np.ndarray) -> np.ndarray:
    """Levels as velocities 0..1: 1 is a take's loudest hits, 0 is LEVEL_SPAN_DB under them."""
    if not len(levels_db):
        return np.zeros(0)
    return np.clip(1.0 + (levels_db - np.percentile(levels_db, 95)) / LEVEL_SPAN_DB, 0.0, 1.0)
