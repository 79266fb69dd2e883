"""Where a still may be struck, if nobody says: what stands out near its middle."""

from __future__ import annotations

import numpy as np

from engine.animate.motion import CANVAS


def find_place(small: np.ndarray) -> tuple[float, float]:
    """Place (x, y) from 0 to 1 of a picture [3, rows, columns] of CANVAS that stands out most.

    Spectral residual (Hou & Zhang, "Saliency detection: a spectral residual approach", CVPR 2007), weighed towards the
    middle and a little below it, where things stand.
    """
    from scipy.ndimage import gaussian_filter, uniform_filter

    gray = small.mean(axis=0)
    rows, columns = CANVAS
    spectrum = np.fft.fft2(gray - gray.mean())
    level = np.log(np.abs(spectrum) + 1e-6)
    residual = level - uniform_filter(level, 3, mode="wrap")
    saliency = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    saliency = gaussian_filter(saliency, 2.5, mode="nearest")
    y, x = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
    middle = np.exp(-(((y - 0.55) / 0.22) ** 2))[:, None] * np.exp(-(((x - 0.5) / 0.22) ** 2))
    row, column = np.unravel_index(int((saliency * middle).argmax()), gray.shape)
    return float(x[column]), float(y[row])
