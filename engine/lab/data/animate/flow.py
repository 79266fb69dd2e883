"""Optical flow from a still to each frame of a piece of film, with what of it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.core.errors import BadInput

_WRONG_PX, _WRONG_SHARE = 0.5, 0.05
"""Flow there and back may end so far from where it began, and by this share of its length more."""
_OTHER_LEVELS = 25.0
"""What differs by more gray levels, brought to the same light, is something else."""
_GAMMA = 2.2


@dataclass(frozen=True, eq=False)
class Seen:
    """N frames against a still: ``flow`` [N, H, W, 2] in pixels without the camera's share, where it is ``trusted``
    [N, H, W], the ``camera``'s shift [N, 2] in pixels, and log2 ``light`` [N].
    """

    flow: np.ndarray
    trusted: np.ndarray
    camera: np.ndarray
    light: np.ndarray


def measure_flow(still: np.ndarray, frames: Sequence[np.ndarray]) -> Seen:
    """Flow of frames uint8 [H, W, 3] from a still of their size by dense inverse search (Kroeger et al., ECCV 2016).

    Raises BadInput without OpenCV.
    """
    try:
        import cv2
    except ImportError:
        raise BadInput("film is measured with OpenCV; install requirements-lab.txt") from None
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    base = cv2.cvtColor(still, cv2.COLOR_RGB2GRAY)
    y, x = np.mgrid[0 : base.shape[0], 0 : base.shape[1]].astype(np.float32)
    flows, trusts, cameras, lights = [], [], [], []
    for frame in frames:
        gray = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        there = search.calc(base, gray, np.zeros((*base.shape, 2), np.float32))
        back = search.calc(gray, base, np.zeros((*base.shape, 2), np.float32))
        at_x, at_y = x + there[..., 0], y + there[..., 1]
        returned = cv2.remap(back, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        wrong = np.linalg.norm(there + returned, axis=-1)
        inside = (at_x >= 0) & (at_x < base.shape[1]) & (at_y >= 0) & (at_y < base.shape[0])
        trusted = inside & (wrong <= _WRONG_PX + _WRONG_SHARE * np.linalg.norm(there, axis=-1))
        shown = cv2.remap(gray, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        ratio = float(np.median((shown[trusted] + 1.0) / (base[trusted] + 1.0))) if trusted.any() else 1.0
        trusted &= np.abs(shown / ratio - base) <= _OTHER_LEVELS
        camera = np.median(there[trusted], axis=0) if trusted.any() else np.zeros(2)
        flows.append((there - camera).astype(np.float32))
        trusts.append(trusted)
        cameras.append(camera)
        lights.append(_GAMMA * float(np.log2(ratio)))
    return Seen(np.stack(flows), np.stack(trusts), np.array(cameras), np.array(lights))
