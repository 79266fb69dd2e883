"""An analysis as an image: spectrograms of recording and model, modes with their notes, level over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import librosa.display
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from engine.cli.figures.measures import (
    GROUND,
    INK,
    LINE,
    MODE,
    MODEL,
    PANEL,
    QUIET,
    RECORDING,
    Comparison,
    measure_level,
    measure_spectrum,
    name_note,
)
from engine.core.files import create_file

_WINDOW, _HOP = 2048, 256
_RANGE_DB = 80.0
_MOST_NOTES = 8
_NOTE_SPACE = 0.2


def write_image(path: str | Path, kind: str, comparison: Comparison, title: str) -> None:
    """Write an image; ``kind`` is png, pdf or svg. Raises BadInput where it cannot be written."""
    figure = Figure(figsize=(12.8, 8.2), facecolor=GROUND, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, parse_math=False)
    axes = figure.subplots(2, 2)
    _draw_spectrograms(axes[0], comparison)
    _draw_spectrum(axes[1, 0], comparison)
    _draw_level(axes[1, 1], comparison)
    for axis in axes.flat:
        _paint(axis)
    with create_file(path) as file:
        figure.savefig(file, format=kind, dpi=120, facecolor=GROUND)


def _draw_spectrograms(axes: Any, comparison: Comparison) -> None:
    """Recording and model on one scale of level, their frequencies logarithmic."""
    rate_hz = comparison.physics.sample_rate_hz
    sounds = (comparison.recorded, comparison.modelled)
    powers = [
        np.abs(librosa.stft(s.astype(np.float32), n_fft=_WINDOW, hop_length=_HOP, pad_mode="constant")) ** 2
        for s in sounds
    ]
    loudest = max(float(power.max()) for power in powers) or 1.0
    for axis, power, name in zip(axes, powers, ("recording", "modes and residual"), strict=True):
        level_db = librosa.power_to_db(power, ref=loudest, top_db=None)
        librosa.display.specshow(
            level_db, sr=rate_hz, hop_length=_HOP, x_axis="time", y_axis="log", ax=axis, cmap="magma",
            vmin=-_RANGE_DB, vmax=0.0,
        )  # fmt: skip
        axis.set(title=name, xlabel="seconds after the onset", ylabel="frequency in Hz")


def _draw_spectrum(axis: Axes, comparison: Comparison) -> None:
    rate_hz, modes = comparison.physics.sample_rate_hz, comparison.physics.modes
    for sound, colour in ((comparison.recorded, RECORDING), (comparison.modelled, MODEL)):
        axis.plot(*measure_spectrum(sound, rate_hz), color=colour, linewidth=0.8)
    axis.plot(modes.frequency_hz, modes.power_db, "o", color=MODE, markersize=4)
    named: list[float] = []
    for power_db, frequency_hz in sorted(zip(modes.power_db, modes.frequency_hz, strict=True), reverse=True):
        if len(named) == _MOST_NOTES or any(abs(frequency_hz / other - 1.0) < _NOTE_SPACE for other in named):
            continue
        named.append(frequency_hz)
        axis.annotate(
            name_note(frequency_hz), (frequency_hz, power_db), xytext=(0, 6), textcoords="offset points",
            color=INK, fontsize=7, ha="center",
        )  # fmt: skip
    axis.set(title="spectrum and modes", xscale="log", xlabel="frequency in Hz", ylabel="dB")


def _draw_level(axis: Axes, comparison: Comparison) -> None:
    rate_hz = comparison.physics.sample_rate_hz
    for sound, colour in ((comparison.recorded, RECORDING), (comparison.modelled, MODEL)):
        axis.plot(*measure_level(sound, rate_hz), color=colour, linewidth=0.8)
    axis.set(title="level", xlabel="seconds after the onset", ylabel="dB")


def _paint(axis: Axes) -> None:
    axis.set_facecolor(PANEL)
    axis.title.set_color(QUIET)
    axis.tick_params(colors=QUIET)
    axis.xaxis.label.set_color(QUIET)
    axis.yaxis.label.set_color(QUIET)
    for spine in axis.spines.values():
        spine.set_color(LINE)
