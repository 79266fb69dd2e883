"""Data of the analysis figures: recorded and modelled hit, spectra, levels, and labels of modes."""

from __future__ import annotations

from dataclasses import dataclass

import librosa
import numpy as np

from engine.core.dsp import power_spectrogram
from engine.core.units import decay_to_t60_s, power_to_db
from engine.physics.analysis.segmentation import mix_down
from engine.physics.model import Physics
from engine.physics.synthesis import synthesize

INK, QUIET, MODE, RECORDING, MODEL = "#e7ebf0", "#93a0b0", "#ffb454", "#6cb6ff", "#4fd1c5"
GROUND, PANEL, LINE = "#0e1116", "#161a21", "#262d38"
LOWEST_HZ = 20.0
LONGEST_S = 6


@dataclass(frozen=True)
class Comparison:
    """A recorded hit and its resynthesis, both mono [N] from the onset on."""

    physics: Physics
    recorded: np.ndarray
    modelled: np.ndarray


def compare_with_model(physics: Physics, samples: np.ndarray) -> Comparison:
    """The hit of a whole recording, [N] or [N, C] at the physics' rate, beside the sound of its physics."""
    rate_hz = physics.sample_rate_hz
    mono = mix_down(samples)
    hit = mono[round(physics.onset_s * rate_hz) :][: LONGEST_S * rate_hz]
    return Comparison(physics, hit, synthesize(physics, len(hit) / rate_hz)[: len(hit)])


def measure_spectrum(sound: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and the amplitude of each bin's strongest frame in dB, both [F]."""
    window = 4096
    power = power_spectrogram(sound, window, window // 4).max(axis=0) / (window / 4) ** 2
    frequency_hz = np.arange(power.size) * rate_hz / window
    kept = frequency_hz >= LOWEST_HZ
    return frequency_hz[kept], power_to_db(power[kept] + 1e-12)


def measure_level(sound: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds and the mean square over 5 ms in dB, both [T]."""
    step = max(1, round(0.005 * rate_hz))
    blocks = np.pad(np.square(sound, dtype=np.float64), (0, -len(sound) % step)).reshape(-1, step).mean(axis=1)
    return np.arange(blocks.size) * step / rate_hz, power_to_db(blocks + 1e-12)


def describe_modes(physics: Physics) -> list[str]:
    """Frequency with its note, power and T60 of every mode, as one line each."""
    modes = physics.modes
    return [
        f"{frequency:.1f} Hz ({name_note(frequency)}), {power:.1f} dB, T60 {decay_to_t60_s(decay):.3f} s"
        for frequency, power, decay in zip(modes.frequency_hz, modes.power_db, modes.decay_per_s, strict=True)
    ]


def name_note(frequency_hz: float) -> str:
    """The nearest note of equal temperament (A4 = 440 Hz) and the distance to it in cents, such as ``A4+12``."""
    return str(librosa.hz_to_note(frequency_hz, cents=True, unicode=False))
