"""Mel spectrograms of recordings and systems side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import librosa
import numpy as np
from matplotlib.figure import Figure

from engine.core.files import create_file
from engine.core.units import SAMPLE_RATE_HZ, power_to_db

_RANGE_DB, _BANDS = 70.0, 96


def write_spectrograms(
    path: str | Path, names: Sequence[str], columns: Mapping[str, Sequence[np.ndarray]], duration_s: float = 0.6
) -> None:
    """Write mel spectrograms as a PNG: a row for each name, a column for each system.

    Sounds are mono at 48 kHz; a row is scaled to the peak of its first column. Raises BadInput where it cannot be
    written.
    """
    figure = Figure(figsize=(2.6 * len(columns) + 0.6, 1.9 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), len(columns), sharex=True, sharey=True, squeeze=False)
    for row, name in enumerate(names):
        top_db: float | None = None
        for column, (system, sounds) in enumerate(columns.items()):
            level_db = _measure_levels(sounds[row], duration_s)
            top_db = float(level_db.max()) if top_db is None else top_db
            panel = axes[row, column]
            panel.imshow(
                level_db, origin="lower", aspect="auto", cmap="magma", vmin=top_db - _RANGE_DB, vmax=top_db,
                extent=(0.0, duration_s, 0.0, level_db.shape[0]),
            )  # fmt: skip
            if row == 0:
                panel.set_title(system, fontsize=9)
            if column == 0:
                panel.set_ylabel(name, fontsize=8)
            panel.tick_params(labelsize=7)
    marks_hz = np.array([200.0, 1000.0, 4000.0, 12_000.0])
    mel = librosa.mel_frequencies(n_mels=_BANDS, fmin=40.0, fmax=SAMPLE_RATE_HZ / 2)
    axes[0, 0].set_yticks(np.interp(marks_hz, mel, np.arange(_BANDS)), [f"{m / 1000:g} k" for m in marks_hz])
    figure.supxlabel("seconds after the onset", fontsize=8)
    with create_file(path) as file:
        figure.savefig(file, format="png", dpi=110)


def _measure_levels(sound: np.ndarray, duration_s: float) -> np.ndarray:
    padded = np.zeros(round(duration_s * SAMPLE_RATE_HZ), np.float32)
    part = sound[: padded.size]
    padded[: part.size] = part
    power = librosa.feature.melspectrogram(
        y=padded, sr=SAMPLE_RATE_HZ, n_fft=2048, hop_length=192, n_mels=_BANDS, fmin=40.0
    )
    return np.asarray(power_to_db(power + 1e-9))
