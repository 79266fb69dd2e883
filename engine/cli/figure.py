"""A page that shows an analysis: the spectrum with its modes, and how the level falls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import plotly.graph_objects as graphs
from plotly.subplots import make_subplots

from engine.core.dsp import power_spectrogram
from engine.core.files import create_file
from engine.core.units import decay_to_t60_s
from engine.physics.analysis.analyze import synthesize
from engine.physics.model import Physics

INK, QUIET, MODE, RECORDING, MODEL = "#e7ebf0", "#93a0b0", "#ffb454", "#6cb6ff", "#4fd1c5"
GROUND, PANEL, LINE = "#0e1116", "#161a21", "#262d38"
_LOWEST_HZ = 20.0


def write_physics_page(path: str | Path, physics: Physics, samples: np.ndarray, title: str) -> None:
    """Write a page (HTML, nothing loaded from elsewhere) that compares a recording with its physics.

    ``samples`` [N] or [N, C] at the physics' rate, the whole recording. Raises BadInput where it cannot be written.
    """
    rate_hz = physics.sample_rate_hz
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    hit = mono[round(physics.onset_s * rate_hz) :][: 6 * rate_hz]
    made = synthesize(physics, len(hit) / rate_hz)[: len(hit)]
    page = make_subplots(
        rows=2, cols=1, row_heights=[0.65, 0.35], vertical_spacing=0.13, subplot_titles=("Spectrum and modes", "Level")
    )
    for sound, name, colour in ((hit, "recording", RECORDING), (made, "modes and residual", MODEL)):
        frequency_hz, spectrum_db = _measure_spectrum(sound, rate_hz)
        page.add_scatter(x=frequency_hz, y=spectrum_db, name=name, line={"color": colour, "width": 1}, row=1, col=1)
        time_s, level_db = _measure_level(sound, rate_hz)
        page.add_scatter(x=time_s, y=level_db, showlegend=False, line={"color": colour, "width": 1}, row=2, col=1)
    page.add_trace(_draw_modes(physics), row=1, col=1)
    axis = {"gridcolor": LINE, "zerolinecolor": LINE, "linecolor": LINE}
    page.update_xaxes(**axis, title="frequency in Hz", type="log", row=1, col=1)
    page.update_xaxes(**axis, title="seconds after the onset", row=2, col=1)
    page.update_yaxes(**axis, title="dB")
    page.update_layout(
        title=title, height=820, paper_bgcolor=GROUND, plot_bgcolor=PANEL, font={"color": INK}, hovermode="closest"
    )
    page.update_annotations(font={"color": QUIET, "size": 14})
    with create_file(path) as file:
        file.write(page.to_html(include_plotlyjs=True, full_html=True).encode("utf-8"))


def _draw_modes(physics: Physics) -> graphs.Scatter:
    modes = physics.modes
    words = [
        f"{frequency:.1f} Hz, {power:.1f} dB, T60 {decay_to_t60_s(decay):.3f} s"
        for frequency, power, decay in zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, strict=True)
    ]
    return graphs.Scatter(
        x=modes.frequency_hz,
        y=modes.power_db,
        name="modes",
        mode="markers",
        text=words,
        hoverinfo="text",
        marker={"color": MODE, "size": 8, "line": {"color": GROUND, "width": 1}},
    )


def _measure_spectrum(sound: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and amplitude of the strongest frame of each bin, in dB."""
    window = 4096
    power = power_spectrogram(sound, window, window // 4).max(axis=0) / (window / 4) ** 2
    frequency_hz = np.arange(power.size) * rate_hz / window
    kept = frequency_hz >= _LOWEST_HZ
    return frequency_hz[kept], 10.0 * np.log10(power[kept] + 1e-12)


def _measure_level(sound: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Times and mean square over 5 ms, in dB."""
    step = max(1, round(0.005 * rate_hz))
    blocks = np.pad(np.square(sound, dtype=np.float64), (0, -len(sound) % step)).reshape(-1, step).mean(axis=1)
    return np.arange(blocks.size) * step / rate_hz, 10.0 * np.log10(blocks + 1e-12)
