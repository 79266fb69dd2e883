"""Tone-map HDR and wide-gamut pictures (PQ, HLG, BT.2020) to BT.709."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from av.video.frame import VideoFrame

REFERENCE_WHITE_NITS = 203.0
"""Luminance of diffuse white in HDR (ITU-R BT.2408)."""

_BT2020, _PQ, _HLG = 9, 16, 18
"""Primaries and transfer characteristics by their numbers in ITU-T H.273."""

_HLG_PEAK_NITS, _HLG_SYSTEM_GAMMA = 1000.0, 1.2
_KNEE = 0.6
"""Fraction of the reference white up to which luminance is kept; brighter light is compressed towards full white."""
_DISPLAY_GAMMA = 2.2
_CODES = 1 << 16
_BRIGHTEST = 10_000.0 / REFERENCE_WHITE_NITS

# ITU-R BT.2087, section 2, with the inverse of BT.709's matrix.
_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
_LUMINANCE_BT2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)


def needs_tone_mapping(frame: VideoFrame) -> bool:
    """Whether a frame is tagged as PQ, HLG or with BT.2020 primaries."""
    return frame.color_trc in (_PQ, _HLG) or frame.color_primaries == _BT2020


def tone_map(rgb: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """BT.709 uint8 [H, W, 3] of RGB signal values uint16 [H, W, 3] with given H.273 transfer and primaries.

    Luminance up to 0.6 of the reference white is kept and brighter light compressed; the gamut is clipped.
    """
    light = _decode_table(transfer)[rgb]
    if transfer == _HLG:  # the display's system gamma, ITU-R BT.2100, table 5
        light = light * (light @ _LUMINANCE_BT2020)[..., None] ** (_HLG_SYSTEM_GAMMA - 1.0)
        light = light * np.float32(_HLG_PEAK_NITS / REFERENCE_WHITE_NITS)
    if primaries == _BT2020:
        light = light @ _TO_BT709.T
    place = np.sqrt(np.clip(light, 0.0, _BRIGHTEST) / np.float32(_BRIGHTEST)) * np.float32(_CODES - 1)
    shown: np.ndarray = _encode_table(transfer in (_PQ, _HLG))[place.astype(np.uint16)]
    return shown


@lru_cache(maxsize=4)
def _decode_table(transfer: int) -> np.ndarray:
    """Light of every 16-bit signal value: relative to the reference white; of HLG, scene light up to 1."""
    signal = np.arange(_CODES) / (_CODES - 1)
    if transfer == _PQ:  # SMPTE ST 2084, equation 4.1
        power = signal ** (1.0 / 78.84375)
        light = (np.maximum(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)) ** (1.0 / 0.1593017578125)
        light *= _BRIGHTEST
    elif transfer == _HLG:  # ITU-R BT.2100, table 5: inverse of the reference OETF
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3.0, (np.exp((signal - c) / a) + b) / 12.0)
    else:
        light = signal**_DISPLAY_GAMMA
    return light.astype(np.float32)


@lru_cache(maxsize=2)
def _encode_table(compress: bool) -> np.ndarray:
    """The 8-bit value shown for light; the index is proportional to its square root, for precision in the dark."""
    light = (np.arange(_CODES) / (_CODES - 1)) ** 2 * _BRIGHTEST
    if compress:
        rest = 1.0 - _KNEE
        light = np.where(light > _KNEE, 1.0 - rest * np.exp(-(light - _KNEE) / rest), light)
    return np.rint(255.0 * np.minimum(light, 1.0) ** (1.0 / _DISPLAY_GAMMA)).astype(np.uint8)
