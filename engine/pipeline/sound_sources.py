"""Sounds from presets, recordings and spans of the clip, and a verbal description of a sound's character."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ, db_to_power
from engine.document.project import Clip, Sound
from engine.document.source import Source
from engine.media.recording import read_first_hit
from engine.media.sound import read_clip_audio
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Modes, Physics

if TYPE_CHECKING:
    from engine.physics.presets import Preset

DEFAULT_MATERIAL = "wood"


def default_sound(reason: str) -> Sound:
    """The first preset of the default material; ``reason``, one of DEFAULT_REASONS, is the reason it is used."""
    from engine.physics.presets import load_presets

    presets = load_presets()
    preset = next((p for p in presets if p.material == DEFAULT_MATERIAL), presets[0])
    sound = sound_from_preset(preset)
    return replace(sound, source=replace(sound.source, reason=reason, name=preset.name))


def sound_from_preset(preset: Preset, sound_id: str = "s1") -> Sound:
    """A preset as a sound of the document."""
    return Sound(sound_id, preset.name, preset.modes, preset.residual, Source("preset", note=preset.credit))


def sound_from_recording(path: str | Path, sound_id: str = "s1") -> Sound:
    """The physics of the first hit in a recording, as a sound; BadInput where there is none."""
    samples, sample_rate_hz, _ = read_first_hit(path)
    physics, fit = analyze_hit(samples, sample_rate_hz)
    name = Path(path).name
    stem = " ".join(Path(path).stem.replace("_", " ").split()) or "Recording"
    return Sound(sound_id, stem[:60], physics.modes, physics.residual, Source("file", name=name), fit)


def sound_from_span(clip: Clip, start_s: float, end_s: float) -> tuple[Sound, np.ndarray]:
    """The physics of the first hit in a span of the clip's audio, as a sound, and the span, mono at 48 kHz.

    Raises BadInput where there is no hit in it.
    """
    samples = read_clip_audio(clip.path, SAMPLE_RATE_HZ, start_s, end_s - start_s, clip.audio_track)
    try:
        physics, fit = analyze_hit(samples, SAMPLE_RATE_HZ)
    except BadInput:
        raise BadInput(
            f"the clip's sound has no audible hit from {start_s:.2f} to {end_s:.2f} s; mark one hit and its decay"
        ) from None
    name = f"Span · {describe_character(physics)}"
    source = Source("span", time_s=start_s, end_s=end_s)
    return Sound("s1", name, physics.modes, physics.residual, source, fit), samples


def describe_character(physics: Physics) -> str:
    """Spectral centre and decay of a sound in two words, such as ``bright ringing`` or ``low dull``."""
    modes = physics.modes
    tonal, centre_hz, ring_s = _weigh_modes(modes)
    noise = sum(db_to_power(p) for p in physics.residual.power_db)
    if tonal <= 0.25 * noise or not len(modes):
        edges = physics.residual.edges_hz
        middles = [(a + b) / 2.0 for a, b in pairwise(edges)]
        powers = [db_to_power(p) for p in physics.residual.power_db]
        total = sum(powers)
        centre_hz = sum(m * p for m, p in zip(middles, powers, strict=True)) / total if total else 0.0
        return f"{_pitch_word(centre_hz)} noisy"
    return f"{_pitch_word(centre_hz)} {'ringing' if ring_s > 0.6 else 'knocking' if ring_s > 0.12 else 'dull'}"


def _weigh_modes(modes: Modes) -> tuple[float, float, float]:
    """Mean square of the modes, and their centre (Hz) and T60 (s) weighted by it."""
    powers = [db_to_power(p) / 2.0 for p in modes.power_db]
    total = sum(powers)
    if total <= 0.0:
        return 0.0, 0.0, 0.0
    centre_hz = sum(p * f for p, f in zip(powers, modes.frequency_hz, strict=True)) / total
    ring_s = sum(p * 6.908 / max(d, 0.1) for p, d in zip(powers, modes.decay_per_s, strict=True)) / total
    return total, centre_hz, ring_s


def _pitch_word(centre_hz: float) -> str:
    return "low" if centre_hz < 350.0 else "mid" if centre_hz < 1500.0 else "bright"
