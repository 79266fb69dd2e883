"""The sound of a simulated take: modes of plates, bars and vessels of the materials, driven by the contacts' forces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.core.units import SAMPLE_RATE_HZ, db_to_gain
from engine.lab.simulator.mode_ratios import bar_ratios, plate_ratios, ring_ratios

_MODES = 16


@dataclass(frozen=True)
class AcousticMaterial:
    """Acoustic constants of a material: Young's modulus, density, loss factor, support losses, contact time, click.

    ``click`` is the contact noise against the modes, ``click_s`` how long it lasts, ``grain`` how granular it is.
    """

    young_pa: float
    density_kg_per_m3: float
    loss: tuple[float, float]
    support_per_s: tuple[float, float]
    contact_s: float
    click: float
    click_s: float
    grain: float = 0.0


ACOUSTIC_MATERIALS = {
    "wood": AcousticMaterial(11e9, 650, (0.008, 0.03), (8, 60), 0.0008, 0.25, 0.006),
    "metal": AcousticMaterial(200e9, 7850, (0.0003, 0.003), (1, 15), 0.0003, 0.10, 0.004),
    "glass": AcousticMaterial(68e9, 2500, (0.0006, 0.003), (2, 40), 0.0003, 0.15, 0.004),
    "ceramic": AcousticMaterial(72e9, 2400, (0.001, 0.008), (5, 60), 0.0003, 0.2, 0.005),
    "plastic": AcousticMaterial(2.6e9, 1050, (0.015, 0.05), (15, 90), 0.0010, 0.4, 0.008),
    "rock": AcousticMaterial(55e9, 2650, (0.004, 0.03), (30, 200), 0.0004, 0.6, 0.008),
    "paper": AcousticMaterial(1.5e9, 500, (0.06, 0.15), (50, 200), 0.0016, 1.2, 0.012),
    "cloth": AcousticMaterial(0.05e9, 300, (0.2, 0.5), (80, 300), 0.004, 2.0, 0.025),
    "carpet": AcousticMaterial(9e9, 480, (0.04, 0.1), (40, 150), 0.004, 1.5, 0.020),
    "drywall": AcousticMaterial(2.6e9, 720, (0.01, 0.04), (20, 90), 0.0015, 0.5, 0.012),
    "concrete": AcousticMaterial(30e9, 2400, (0.01, 0.05), (60, 200), 0.0005, 1.0, 0.008),
    "gravel": AcousticMaterial(30e9, 1600, (0.1, 0.3), (100, 300), 0.0012, 3.0, 0.035, 1.0),
    "leaf": AcousticMaterial(0.5e9, 200, (0.2, 0.5), (100, 300), 0.0030, 4.0, 0.050, 1.0),
    "rubber": AcousticMaterial(0.01e9, 1100, (0.1, 0.3), (60, 200), 0.0030, 0.8, 0.010),
    "skin": AcousticMaterial(0.01e9, 1000, (0.4, 0.6), (200, 400), 0.0030, 1.5, 0.012),
}


@dataclass(frozen=True)
class ModalObject:
    """The modes of one object: frequencies, decays and gains [M], with its material's acoustics."""

    acoustics: AcousticMaterial
    frequency_hz: np.ndarray
    decay_per_s: np.ndarray
    gain: np.ndarray


@dataclass(frozen=True)
class Room:
    """A small room: its reverberation time, the reverberation's level against the direct sound, and its hiss."""

    t60_s: float
    wet: float
    noise_db: float


def draw_modal_object(material: str, shape: str, size_m: float, rng: np.random.Generator) -> ModalObject:
    """Modes from material constants and shape: a bar, a plate or, for vessels, a ring, the lowest from its stiffness.

    f1 = k h / l^2 sqrt(E / rho), k = 1.03 for a free bar and 0.47 for a plate of side l (thickness h drawn).
    """
    acoustics = ACOUSTIC_MATERIALS[material]
    wave = math.sqrt(acoustics.young_pa / acoustics.density_kg_per_m3)
    if shape == "lathe":
        ratios, k, thin = np.array(ring_ratios(8)), 0.9, rng.uniform(0.01, 0.05)
    elif shape in ("capsule", "cylinder"):
        ratios, k, thin = np.array(bar_ratios(6)), 1.03, rng.uniform(0.08, 0.3)
    else:
        ratios, k, thin = np.array(plate_ratios(_MODES)), 0.47, rng.uniform(0.02, 0.2)
    lowest = float(np.clip(k * thin / max(size_m, 0.02) * wave, 60.0, 5000.0))
    frequency = lowest * ratios * (1.0 + 0.02 * rng.uniform(-1, 1, ratios.size))
    frequency = np.concatenate([frequency, frequency * (1.0 + 0.004 * rng.uniform(0.3, 1.0, ratios.size))])
    frequency = frequency[frequency < 0.42 * SAMPLE_RATE_HZ]
    loss, support = (float(np.exp(rng.uniform(*np.log(span)))) for span in (acoustics.loss, acoustics.support_per_s))
    decay = support + math.pi * loss * frequency
    gain = rng.uniform(0.3, 1.0, frequency.size) / np.sqrt(1.0 + frequency / lowest)
    return ModalObject(acoustics, frequency, decay, gain)


@dataclass(frozen=True)
class ModalBody:
    """A given object in place of a drawn one: mode ratios, lowest mode, losses, click, contact time, level.

    The decay of a mode at f kHz is ``loss_per_s + friction * f + radiation * f^2`` per second. ``split``: each mode is
    a pair, for symmetry is never perfect.
    """

    ratios: tuple[float, ...]
    lowest_hz: float
    loss_per_s: float
    friction: float
    radiation: float
    click: float
    contact_s: float
    gain: float
    split: bool = False


def make_modal_object(body: ModalBody, material: str, seed: int) -> ModalObject:
    """Modes of a given body, frequencies, decays and gains varied a little by a seed."""
    rng = np.random.default_rng(seed)
    frequency = body.lowest_hz * np.array(body.ratios) * (1.0 + 0.012 * rng.uniform(-1, 1, len(body.ratios)))
    if body.split:
        frequency = np.concatenate([frequency, frequency * (1.0 + 0.0035 * rng.uniform(0.4, 1.0, frequency.size))])
    frequency = frequency[frequency < 0.42 * SAMPLE_RATE_HZ]
    khz = frequency / 1000.0
    decay = body.loss_per_s + body.friction * khz + body.radiation * khz**2
    gain = body.gain * rng.uniform(0.5, 1.0, frequency.size) * np.sqrt(body.lowest_hz / frequency)
    acoustics = replace(ACOUSTIC_MATERIALS[material], click=body.click, contact_s=body.contact_s)
    return ModalObject(acoustics, frequency, decay * rng.uniform(0.8, 1.25, frequency.size), gain)


def _pulse(contact_s: float, impulse: float) -> np.ndarray:
    """A half-sine force pulse in samples whose sum is the impulse; longer pulses excite less treble."""
    count = max(2, round(contact_s * SAMPLE_RATE_HZ))
    shape = np.sin(math.pi * (np.arange(count) + 0.5) / count)
    return np.asarray(impulse * shape / shape.sum())


def synthesize_object(
    modal_object: ModalObject,
    blows: Sequence[tuple[float, float, float]],
    slides: Sequence[tuple[float, float, float]],
    total: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Sound [total] of one object under blows (time, impulse, speed) and slides (start, length, loudness)."""
    from scipy.signal import lfilter

    acoustics = modal_object.acoustics
    drive = np.zeros(total)
    out = np.zeros(total)
    weights = 0.4 + rng.random((len(blows), modal_object.frequency_hz.size))
    for time_s, impulse, speed in blows:
        start = round(time_s * SAMPLE_RATE_HZ)
        contact_s = acoustics.contact_s * max(speed, 0.05) ** -0.2
        length = min(total - start, round(12 * acoustics.click_s * SAMPLE_RATE_HZ))
        if length <= 2:
            continue
        noise = rng.standard_normal(length)
        if acoustics.grain:
            noise *= rng.random(length) ** 8 * 3.0
        cut = min(0.9, 1.2 / (contact_s * SAMPLE_RATE_HZ) + 0.02)
        noise = lfilter([cut], [1.0, cut - 1.0], noise)
        rise = np.minimum(1.0, np.arange(length) / max(2.0, contact_s * SAMPLE_RATE_HZ / 2))
        out[start : start + length] += (
            0.12
            * acoustics.click
            * impulse
            * noise
            * rise
            * np.exp(-np.arange(length) / SAMPLE_RATE_HZ / acoustics.click_s)
        )
    for start_s, lasts_s, loudness in slides:
        start = round(start_s * SAMPLE_RATE_HZ)
        length = min(total - start, round(lasts_s * SAMPLE_RATE_HZ))
        if length <= 10:
            continue
        swell = np.interp(np.arange(length), np.linspace(0, length, 24), rng.uniform(0.3, 1.0, 24))
        swell *= np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / 300.0)
        scratch = lfilter([0.4], [1.0, -0.6], rng.standard_normal(length)) * swell * loudness
        out[start : start + length] += 0.02 * (0.5 + acoustics.click) * scratch
        drive[start : start + length] += 0.02 * scratch
    for mode, (frequency, decay, gain) in enumerate(
        zip(modal_object.frequency_hz, modal_object.decay_per_s, modal_object.gain, strict=True)
    ):
        force = drive.copy()
        for (time_s, impulse, speed), weight in zip(blows, weights[:, mode], strict=True):
            start = round(time_s * SAMPLE_RATE_HZ)
            contact_s = acoustics.contact_s * max(speed, 0.05) ** -0.2
            pulse = _pulse(contact_s, impulse * weight)[: max(0, total - start)]
            force[start : start + pulse.size] += pulse
        turn = 2 * math.pi * frequency / SAMPLE_RATE_HZ
        fade = math.exp(-decay / SAMPLE_RATE_HZ)
        out += gain * lfilter([math.sin(turn)], [1.0, -2 * fade * math.cos(turn), fade * fade], force)
    return out


def add_room(dry: np.ndarray, room: Room, rng: np.random.Generator) -> np.ndarray:
    """A small room: a decaying tail of noise behind the direct sound, and the room's own hiss; float32, peak 0.7."""
    from scipy.signal import fftconvolve, lfilter

    length = round(min(room.t60_s, 0.5) * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / (room.t60_s * SAMPLE_RATE_HZ))
    tail = lfilter([0.5], [1.0, -0.5], tail)
    tail[: round(0.002 * SAMPLE_RATE_HZ)] = 0.0
    wet_sound = fftconvolve(dry, tail / np.sqrt((tail**2).sum()))[: dry.size]
    track = dry + room.wet * wet_sound
    peak = float(np.abs(track).max())
    track = track * (0.7 / peak) if peak > 1e-9 else track
    hiss = lfilter([0.3], [1.0, -0.7], rng.standard_normal(dry.size))
    return np.asarray(track + db_to_gain(room.noise_db) * hiss, dtype=np.float32)
