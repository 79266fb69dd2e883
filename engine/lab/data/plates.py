"""Sounds from material constants: a simply supported rectangular plate struck by a soft or hard hammer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.core.dsp import erb_edges
from engine.core.units import SILENCE_DB, db_to_gain, gain_to_db, power_to_db
from engine.physics.model import Modes, NoiseComponent, Residual


@dataclass(frozen=True)
class Plate:
    """A plate and the blow on it, in SI units.

    ``loss`` is the loss factor eta; ``support_loss_per_s`` the losses of edges, fillings or layers;
    ``contact_s`` the duration of the blow (a half sine of force); ``noise_db`` the level of the contact's own
    noise against the modes, ``noise_decay_per_s`` its decay.
    """

    young_pa: float
    density_kg_per_m3: float
    poisson: float
    loss: float
    size_m: tuple[float, float, float]
    support_loss_per_s: float
    contact_s: float
    noise_db: float
    noise_decay_per_s: float
    strike_at: tuple[float, float] = (0.37, 0.43)


def plate_modes(plate: Plate, most: int, seed: int = 1) -> Modes:
    """The strongest modes of a simply supported thin plate (Leissa, Vibration of Plates, 1969, section 4.1).

    f = pi/2 sqrt(D / rho h) ((m/a)^2 + (n/b)^2), D = E h^3 / 12 (1 - nu^2). A mode takes the blow's spectrum at
    its frequency, the mode shape at the point struck, and radiates the less the further it lies under the
    critical frequency. Its decay is pi f eta plus what the support and the air take.
    """
    length, width, thick = plate.size_m
    stiffness = plate.young_pa * thick**3 / (12.0 * (1.0 - plate.poisson**2))
    surface = plate.density_kg_per_m3 * thick
    wave = math.sqrt(stiffness / surface)
    critical_hz = 343.0**2 / (2.0 * math.pi * wave)
    m, n = (index.ravel() for index in np.meshgrid(np.arange(1, 40), np.arange(1, 40)))
    frequency = 0.5 * math.pi * wave * ((m / length) ** 2 + (n / width) ** 2)
    shape = np.sin(m * math.pi * plate.strike_at[0]) * np.sin(n * math.pi * plate.strike_at[1])
    blow = np.abs(force_spectrum(frequency, plate.contact_s))
    radiated = np.minimum(1.0, np.sqrt(frequency / critical_hz)) * np.where((m % 2 == 1) & (n % 2 == 1), 1.0, 0.5)
    amplitude = np.abs(shape) * blow * radiated
    air = 343.0 * 1.2 / surface * np.minimum(1.0, frequency / critical_hz) ** 2
    decay = math.pi * frequency * plate.loss + plate.support_loss_per_s + air
    audible = (frequency > 30.0) & (frequency < 18_000.0) & (amplitude > amplitude.max() * db_to_gain(-60))
    order = np.flatnonzero(audible)[np.argsort(-amplitude[audible] / np.sqrt(decay[audible]))][:most]
    order = order[np.argsort(frequency[order])]
    phase = np.random.default_rng(seed).uniform(-0.5, 0.5, order.size) - math.pi / 2.0
    level = gain_to_db(amplitude[order])
    return Modes(
        tuple(map(float, frequency[order])),
        tuple(map(float, level)),
        tuple(map(float, decay[order])),
        tuple(map(float, phase)),
        (False,) * order.size,
    )


def plate_noise(plate: Plate, bands: int = 32) -> Residual:
    """The contact's noise: the blow's spectrum by band, plus a fainter and slower component of unresolved modes."""
    edges = erb_edges(20.0, 22_050.0, bands)
    centre = np.sqrt(edges[1:] * edges[:-1])
    blow = gain_to_db(np.abs(force_spectrum(centre, plate.contact_s)) + 1e-6)
    power = np.maximum(blow + power_to_db(np.diff(edges) / 100.0) + plate.noise_db - 20.0, SILENCE_DB)
    decay = plate.noise_decay_per_s * (0.6 + np.sqrt(centre / 2000.0))
    slow = math.pi * centre * plate.loss + plate.support_loss_per_s + 8.0
    slow = np.minimum(slow, 0.6 * decay)
    return Residual(
        tuple(map(float, edges)),
        tuple(map(float, power)),
        tuple(map(float, decay)),
        NoiseComponent(tuple(map(float, np.maximum(power - 14.0, SILENCE_DB))), tuple(map(float, slow))),
    )


def force_spectrum(frequency_hz: np.ndarray, contact_s: float) -> np.ndarray:
    """Spectrum of a half-sine force pulse, 1 at 0 Hz: cos(pi f T) / (1 - (2 f T)^2), its zeros filled in.

    Real blows never have true zeros, so the magnitude follows the envelope of the side lobes.
    """
    x = 2.0 * np.asarray(frequency_hz, dtype=np.float64) * contact_s
    inside = np.abs(np.cos(0.5 * math.pi * x)) / np.maximum(np.abs(1.0 - x**2), 1e-9)
    near = np.abs(1.0 - x) < 0.02
    inside = np.where(near, math.pi / 4.0, inside)
    envelope = 1.0 / np.maximum(x**2 - 1.0, 1e-9)
    return np.where(x < 1.5, inside, np.maximum(inside, 0.7 * np.minimum(envelope, 1.0)))
