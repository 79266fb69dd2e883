"""The package lim-sample (Tiraboschi, Avanzini and Ntalampiras 2020), at its own defaults, as a baseline."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.core.errors import StruckError
from engine.core.units import gain_to_db
from engine.physics.model import Modes

_LOUDEST = 10.0


def fit_lim_sample(sound: np.ndarray, sample_rate_hz: int) -> Modes:
    """The modes that ``sample.SAMPLE`` finds in a mono sound, with phases of 0, at the sound's level.

    The package expects sounds of full scale, so this one is divided by its peak. What it finds to grow, or to start
    20 dB over the sound's own peak, is left out, since it would drown all else. Raises StruckError where the package
    is not installed.
    """
    peak = float(np.abs(sound).max())
    model = _load()(sinusoidal__tracker__fs=sample_rate_hz).fit(np.asarray(sound, dtype=np.float64) / peak)
    frequency, time_s, amplitude = model.param_matrix_
    kept = (time_s > 0.0) & (amplitude > 0.0) & (amplitude <= _LOUDEST) & (frequency > 0.0)
    # its sound is a cos(2 pi f t) e^(-2 t / d)
    power_db = gain_to_db(amplitude[kept] * peak)
    values = (frequency[kept], power_db, 2.0 / time_s[kept], np.zeros_like(power_db))
    return Modes(*(tuple(value.tolist()) for value in values))


def _load() -> Any:
    try:
        import sample.utils.dsp
        from sample.sample import SAMPLE
    except ImportError as error:
        raise StruckError(
            f"the baseline lim-sample cannot be loaded ({error}); install it with pip install -r requirements-lab.txt"
        ) from None
    sample.utils.dsp.overlapping_windows = _overlapping_windows
    return SAMPLE


def _overlapping_windows(a: np.ndarray, wsize: int, hop: int | None = None, writeable: bool = False) -> np.ndarray:
    """In place of the package's own, which passes an argument to ``reshape`` that numpy 2.4 no longer has."""
    if np.size(a) < wsize:
        return np.empty((0, wsize))
    windows: np.ndarray = np.lib.stride_tricks.sliding_window_view(np.ravel(a), wsize)[:: hop or wsize]
    return windows
