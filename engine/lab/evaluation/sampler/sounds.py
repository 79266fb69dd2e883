"""The systems compared on every held-out recording, and their distances from it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import librosa
import numpy as np
import torch

from engine.core.dsp import resample
from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, power_to_db
from engine.diffusion.conditioning import name_material
from engine.diffusion.sampler import Sampler, load_sampler
from engine.lab.baselines.ddpm.physics import RATE_HZ, cut_clip, estimate_ddpm_batch
from engine.lab.baselines.ddpm.sampler import Ddpm, load_ddpm
from engine.lab.data.recordings import Recording, is_held_out, read_hit
from engine.lab.evaluation.physics.evaluate import Run
from engine.lab.metrics.material_classifier import log_mel_spectrogram, material_class
from engine.lab.metrics.spectral_distance import best_gain_db, measure_distances, measure_levels
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Context, Physics
from engine.physics.synthesis import synthesize

WINDOW_S, SHORT_S = 1.3, 0.25
"""Longest duration compared, and the duration that the paper's method generates."""

FLOOR_DB, ACTIVE_DB, SMOOTH_S = -80.0, -50.0, 0.02
SEGMENTS_S = (0.0, 0.02, 0.06, 0.15, 0.4, 1.0)
ITSELF, REAL, PRIOR, NEAREST, PAPER = "itself", "real", "prior", "nearest", "paper"
"""The recording, another one of its object, the bare prior, the nearest training recording, the paper's method."""

PAPER_AT_ONCE = 4
DISTANCES = ("spectrum_db", "envelope_db", "log_mel_db", "log_mel_active_db")


@dataclass(frozen=True)
class Settings:
    """Checkpoints, sampling settings and device, from which every process loads the systems itself."""

    folder: str
    checkpoint: str
    device: str = "cpu"
    steps: tuple[int, ...] = (1, 2, 4, 8)
    guidance: float = 1.0
    control_steps: int = 4
    material: bool = False
    paper: str | None = None


@dataclass(frozen=True)
class Case:
    """A held-out recording, its physics, and the seed of the sounds generated from it."""

    recording: Recording
    hit: np.ndarray
    physics: Physics
    seed: int


@dataclass(frozen=True)
class Row:
    """Measures of one sound: DISTANCES from its recording in dB, [4], and its log-mel spectrogram."""

    distances: np.ndarray
    spectrogram: np.ndarray


@dataclass(frozen=True)
class Measured:
    """Rows of one recording by system, whole and cut to SHORT_S, and the sounds of those that were to be kept."""

    whole: dict[str, Row]
    short: dict[str, Row]
    sounds: dict[str, np.ndarray] = field(default_factory=dict)


def name_steps(steps: int, material: bool = False) -> str:
    """The sampler as a system, conditioned on the prior alone or on the material as well."""
    return f"sampler_{steps}_material" if material else f"sampler_{steps}"


# --- distances ------------------------------------------------------------------------------------


def log_mel(sound: np.ndarray, length: int) -> np.ndarray:
    """Power in 64 mel bands every 5 ms, averaged over 20 ms, [64, T]; not yet in decibels."""
    padded = np.zeros(length, np.float32)
    padded[: min(length, len(sound))] = sound[:length]
    hop = SAMPLE_RATE_HZ // 200
    power = librosa.feature.melspectrogram(
        y=padded, sr=SAMPLE_RATE_HZ, n_fft=1024, hop_length=hop, n_mels=64, fmin=40.0
    )
    frames = int(SMOOTH_S * 200)
    kernel = np.ones(frames) / frames
    return np.apply_along_axis(lambda row: np.convolve(row, kernel, mode="same"), 1, power)


def measure_distance(real: np.ndarray, other: np.ndarray, length: int, fmax_hz: float) -> tuple[float, float]:
    """Mean absolute difference in dB over all bins, and over those within 50 dB of the real peak."""
    a, b = log_mel(real, length), log_mel(other, length)
    centres = librosa.mel_frequencies(n_mels=66, fmin=40.0, fmax=SAMPLE_RATE_HZ / 2)[1:-1]
    valid = centres < fmax_hz
    peak = a.max() + 1e-20
    a_db = np.maximum(power_to_db(a[valid] / peak + 1e-20), FLOOR_DB)
    b_db = np.maximum(power_to_db(b[valid] / peak + 1e-20), FLOOR_DB)
    difference = np.abs(a_db - b_db)
    return float(difference.mean()), float(difference[a_db > ACTIVE_DB].mean())


def describe(sound: np.ndarray) -> np.ndarray:
    """Descriptor of a sound: its mel levels, relative to their peak, over five intervals after the onset."""
    power = log_mel(sound, int(SEGMENTS_S[-1] * SAMPLE_RATE_HZ))
    edges = [int(s * 200) for s in SEGMENTS_S]
    parts = [power[:, a:b].mean(axis=1) for a, b in pairwise(edges)]
    levels = power_to_db(np.concatenate(parts) / (power.max() + 1e-20) + 1e-8)
    return levels.astype(np.float64)


def measure_rows(case: Case, sounds: dict[str, np.ndarray], longest_s: float) -> dict[str, Row]:
    """A row for each sound and for the recording itself, all cut where the recording ends and at ``longest_s``.

    Sounds without a given level (other recordings, the paper's method) get the gain of least distance.
    """
    # Nothing is compared beyond the end of the recording.
    length = min(len(case.hit), round(longest_s * SAMPLE_RATE_HZ))
    fmax_hz, hit = case.recording.fmax_hz, case.hit[:length]
    wanted = measure_levels(hit, length)
    rows = {ITSELF: Row(np.zeros(len(DISTANCES)), log_mel_spectrogram(hit, fmax_hz))}
    for name, sound in sounds.items():
        cut = np.nan_to_num(np.asarray(sound, np.float32)[:length])
        got = measure_levels(cut, length)
        gain_db = best_gain_db(wanted, got, fmax_hz) if name in (REAL, NEAREST, PAPER) else 0.0
        spectra = measure_distances(wanted, got, fmax_hz, gain_db)
        mel = measure_distance(hit, db_to_gain(gain_db) * cut, length, fmax_hz)
        distances = np.array([spectra[:-1].mean(), spectra[-1], *mel])
        rows[name] = Row(distances, log_mel_spectrogram(cut, fmax_hz))
    return rows


# --- cases and what is made for them --------------------------------------------------------------


def choose(recordings: Sequence[Recording], limit: int) -> list[Recording]:
    """The held-out recordings, spread evenly over the list when limited."""
    chosen = [r for r in recordings if is_held_out(r)]
    if limit and len(chosen) > limit:
        chosen = [chosen[int(i)] for i in np.linspace(0, len(chosen) - 1, limit)]
    return chosen


def prepare_case(recording: Recording, seed: int) -> Case | str | None:
    """A recording with its analysis; a sentence where that fails, None where there is no hit in it."""
    try:
        hit = read_hit(recording)
        if len(hit) < 480 or float(np.abs(hit).max()) < 1e-4:
            return None
        physics, _ = analyze_hit(hit, SAMPLE_RATE_HZ, onset_s=0.0)
    except StruckError as error:
        return str(error)
    return Case(recording, hit, physics, seed)


def gather_cases(recordings: Sequence[Recording], limit: int, run: Run) -> list[Case]:
    """The held-out recordings that can be analysed. Raises BadInput when there is none."""
    tasks = [(recording, 1000 + number) for number, recording in enumerate(choose(recordings, limit))]
    found = run(prepare_case, tasks, "held-out recordings") if tasks else []
    for result in found:
        if isinstance(result, str):
            print(f"left out: {result}", file=sys.stderr)
    cases = [result for result in found if isinstance(result, Case)]
    if not cases:
        raise BadInput("no held-out recording could be analysed; give a larger folder with --data")
    return cases


def describe_recording(recording: Recording) -> tuple[np.ndarray, np.ndarray] | None:
    """A training recording's descriptor and its log-mel spectrogram; None where it cannot be read."""
    try:
        hit = read_hit(recording)
    except StruckError:
        return None
    if len(hit) < 480 or float(np.abs(hit).max()) < 1e-4:
        return None
    return describe(hit), log_mel_spectrogram(hit, recording.fmax_hz)


def find_nearest(physics: Physics, seed: int, described: np.ndarray) -> int:
    """The training recording [N, D] whose descriptor is nearest to that of the bare prior."""
    wanted = describe(synthesize(physics, WINDOW_S, seed))
    return int(np.argmin(np.abs(described - wanted).mean(axis=1)))


def find_partners(cases: Sequence[Case]) -> list[int | None]:
    """For each recording another one of its object or session, the next in a shuffled ring; None for a single one."""
    rng = np.random.default_rng(0)
    partners: list[int | None] = [None] * len(cases)
    for group in sorted({case.recording.group for case in cases}):
        members = [int(i) for i in rng.permutation([i for i, c in enumerate(cases) if c.recording.group == group])]
        for place, index in enumerate(members):
            if len(members) > 1:
                partners[index] = members[(place + 1) % len(members)]
    return partners


@functools.cache
def open_sampler(settings: Settings) -> Sampler:
    """The sampler of these settings, loaded once in a process."""
    return load_sampler(settings.folder, settings.checkpoint, torch.device(settings.device))


@functools.cache
def open_paper(settings: Settings) -> Ddpm:
    """The paper's method of these settings, loaded once in a process. Raises BadInput where there is none."""
    if settings.paper is None:
        raise BadInput("no checkpoint of the paper's method was named; give --paper-checkpoint")
    return load_ddpm(Path(settings.paper), torch.device(settings.device))


def sample(
    settings: Settings, physics: Sequence[Physics], seeds: Sequence[int], steps: int, material: str = ""
) -> list[np.ndarray]:
    """Sounds of the sampler from the physics and, where there is one, the material."""
    pairs = [(p.modes, p.residual) for p in physics]
    contexts = [Context(material=material)] * len(pairs) if material else None
    return open_sampler(settings).sample(pairs, list(seeds), steps, settings.guidance, contexts=contexts)


def measure_case(
    case: Case, partner: np.ndarray | None, nearest: Recording, settings: Settings, keep: bool
) -> Measured:
    """All systems but the paper's on one recording; with ``keep``, prior and sampler as sounds as well."""
    sounds = {
        PRIOR: synthesize(case.physics, WINDOW_S, case.seed),
        NEAREST: read_hit(nearest),
        **{name_steps(n): sample(settings, [case.physics], [case.seed], n)[0] for n in settings.steps},
    }
    if settings.material:
        # a material misread from a file name is left out, as in training
        material = name_material(case.recording.material) if material_class(case.recording) else ""
        steps = settings.control_steps
        sounds[name_steps(steps, material=True)] = sample(settings, [case.physics], [case.seed], steps, material)[0]
    if partner is not None:
        sounds[REAL] = partner
    kept = {name: sound for name, sound in sounds.items() if keep and name not in (REAL, NEAREST)}
    return Measured(measure_rows(case, sounds, WINDOW_S), measure_rows(case, sounds, SHORT_S), kept)


def measure_paper(cases: list[Case], settings: Settings) -> list[Row]:
    """The paper's method on a few recordings, over its 0.25 s, at 48 kHz."""
    clips = estimate_ddpm_batch([cut_clip(case.hit, SAMPLE_RATE_HZ) for case in cases])
    made = open_paper(settings).sample(clips, [case.seed for case in cases])
    sounds = [resample(sound, RATE_HZ, SAMPLE_RATE_HZ) for sound in made]
    return [measure_rows(case, {PAPER: sound}, SHORT_S)[PAPER] for case, sound in zip(cases, sounds, strict=True)]
