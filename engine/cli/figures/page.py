"""An analysis as an interactive page: the spectrum with its modes, and the level over time."""

from __future__ import annotations

from html import escape
from pathlib import Path

import plotly.graph_objects as graphs
from plotly.subplots import make_subplots

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
    describe_modes,
    measure_level,
    measure_spectrum,
)
from engine.core.files import create_file
from engine.physics.model import Physics


def write_page(path: str | Path, comparison: Comparison, title: str) -> None:
    """Write an HTML page that loads nothing from elsewhere. Raises BadInput where it cannot be written."""
    rate_hz = comparison.physics.sample_rate_hz
    page = make_subplots(
        rows=2, cols=1, row_heights=[0.65, 0.35], vertical_spacing=0.13, subplot_titles=("Spectrum and modes", "Level")
    )
    for sound, name, colour in (
        (comparison.recorded, "recording", RECORDING),
        (comparison.modelled, "modes and residual", MODEL),
    ):
        frequency_hz, spectrum_db = measure_spectrum(sound, rate_hz)
        page.add_scatter(x=frequency_hz, y=spectrum_db, name=name, line={"color": colour, "width": 1}, row=1, col=1)
        time_s, level_db = measure_level(sound, rate_hz)
        page.add_scatter(x=time_s, y=level_db, showlegend=False, line={"color": colour, "width": 1}, row=2, col=1)
    page.add_trace(_draw_modes(comparison.physics), row=1, col=1)
    axis = {"gridcolor": LINE, "zerolinecolor": LINE, "linecolor": LINE}
    page.update_xaxes(**axis, title="frequency in Hz", type="log", row=1, col=1)
    page.update_xaxes(**axis, title="seconds after the onset", row=2, col=1)
    page.update_yaxes(**axis, title="dB")
    page.update_layout(
        title=escape(title),
        height=820,
        paper_bgcolor=GROUND,
        plot_bgcolor=PANEL,
        font={"color": INK},
        hovermode="closest",
    )
    page.update_annotations(font={"color": QUIET, "size": 14})
    with create_file(path) as file:
        file.write(page.to_html(include_plotlyjs=True, full_html=True).encode("utf-8"))


def _draw_modes(physics: Physics) -> graphs.Scatter:
    return graphs.Scatter(
        x=physics.modes.frequency_hz,
        y=physics.modes.power_db,
        name="modes",
        mode="markers",
        text=describe_modes(physics),
        hoverinfo="text",
        marker={"color": MODE, "size": 8, "line": {"color": GROUND, "width": 1}},
    )
