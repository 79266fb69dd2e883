"""The sounds of a listening test: recorded hits, and their physics rendered by the sampler and the bare prior."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.signal import sosfilt

from engine.bank.bank import Bank, load_bank, select_entries
from engine.bank.complete import complete_physics
from engine.core.cache import Cache, digest_json
from engine.core.errors import BadInput, StruckError
from engine.core.paths import ASSETS
from engine.core.units import SAMPLE_RATE_HZ, seconds_to_samples
from engine.diffusion.conditioning import name_material
from engine.diffusion.sampler import Sampler
from engine.document.storage import load_project
from engine.lab.data.recordings import Recording, is_held_out, is_held_out_group, list_recordings, read_hit
from engine.lab.data.sampler.detail import LEVELS, Typical, measure_typical, reduce_physics
from engine.lab.data.sampler.hits import AnalysedHit
from engine.lab.listening.plan import RECORDED, SAMPLER, Trial
from engine.media.sound import read_clip_audio
from engine.physics.analysis.analyze import analyze_hit, single_hit
from engine.physics.model import Context, Physics, physics_to_json
from engine.physics.synthesis import synthesize
from engine.pipeline.complete_sound import guess_material, list_donors

DEMO = ASSETS / "demo_sound.struck.json"
"""The project whose clip is used where no recordings are given; its sound is simulated."""

LONGEST_S, SHORTEST_S, FADE_S, PEAK = 1.3, 0.1, 0.01, 0.5
_GUARD_S = 0.008
_FAINTEST = 1e-4
_VERSION = 1
# High shelf and high pass of ITU-R BS.1770-4 at 48 kHz, "K-weighting".
_K_WEIGHTING = np.array(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)


# --- recordings -----------------------------------------------------------------------------------


def read_demo() -> Iterator[tuple[str, AnalysedHit]]:
    """The hits of the shipped demo with their names, each from its onset to the next."""
    project = load_project(DEMO)
    times_s = sorted(hit.time_s for hit in project.hits)
    ends_s = [*times_s[1:], project.clip.duration_s]
    for number, (start_s, end_s) in enumerate(zip(times_s, ends_s, strict=True), 1):
        span_s = min(end_s - _GUARD_S - start_s, LONGEST_S)
        samples = read_clip_audio(project.clip.path, SAMPLE_RATE_HZ, start_s, span_s, project.clip.audio_track)
        hit = analyse(single_hit(samples, SAMPLE_RATE_HZ), "", "")
        if hit is not None:
            yield f"demo hit {number}", hit


def read_recordings(folder: Path, seed: int) -> Iterator[tuple[str, AnalysedHit]]:
    """Hits of a folder with their names, of each group in turn, in an order drawn by the seed; of a corpus with a
    table the held-out ones. What cannot be read is left out."""
    recordings = list_recordings(folder)
    if (folder / "MANIFEST.csv").is_file():  # the sampler may have learnt from the others
        recordings = [recording for recording in recordings if is_held_out(recording)]
    rng = np.random.default_rng([seed, 29])
    groups: dict[str, list[Recording]] = {}
    for place in rng.permutation(len(recordings)):
        groups.setdefault(recordings[int(place)].group, []).append(recordings[int(place)])
    for turn in range(max(map(len, groups.values()), default=0)):
        for takes in groups.values():
            if turn < len(takes):
                recording = takes[turn]
                name = f"{recording.path.parent.name}/{recording.path.name}"
                with contextlib.suppress(StruckError):
                    hit = analyse(read_hit(recording), recording.material, recording.group)
                    if hit is not None:
                        yield (f"{name} at {recording.start_s:.2f} s" if recording.start_s else name), hit


def analyse(samples: np.ndarray, material: str, group: str) -> AnalysedHit | None:
    """A hit [N] with its physics; None where it is shorter than SHORTEST_S or silent. Raises BadInput."""
    cut = np.asarray(samples[: seconds_to_samples(LONGEST_S, SAMPLE_RATE_HZ)], np.float32)
    if len(cut) < seconds_to_samples(SHORTEST_S, SAMPLE_RATE_HZ) or float(np.abs(cut).max()) < _FAINTEST:
        return None
    physics, _ = analyze_hit(samples, SAMPLE_RATE_HZ, onset_s=0.0)
    return AnalysedHit(cut, physics.modes, physics.residual, SAMPLE_RATE_HZ / 2, material, group, True)


def gather_hits(folder: Path | None, most: int, seed: int) -> dict[str, AnalysedHit]:
    """At most ``most`` recorded hits by name; the demo's without a folder. Raises BadInput where there is none."""
    read = read_demo() if folder is None else read_recordings(folder, seed)
    hits = dict(itertools.islice(read, most))
    if not hits:
        where = "the demo" if folder is None else folder
        raise BadInput(f"{where} holds no hit of at least {SHORTEST_S} s that can be read; give other recordings")
    return hits


# --- what is heard --------------------------------------------------------------------------------


@dataclass
class SoundMaker:
    """Makes the sounds of trials, each once: it owns the cache and takes one request at a time."""

    hits: Mapping[str, AnalysedHit]
    sampler: Sampler
    steps: int
    seed: int
    cache: Cache

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._bank = leave_out_groups(load_bank(), {hit.group for hit in self.hits.values()})
        self._typical: Typical | None = None

    def make_trial(self, trial: Trial) -> dict[str, np.ndarray]:
        """The sounds of a trial by letter, of one length and one level; X is the very sound that it repeats."""
        with self._lock:
            made = {letter: self._make(trial, trial.system(letter)) for letter in ("a", "b")}
        matched = dict(zip(made, match_levels(list(made.values())), strict=True))
        return matched | ({"x": matched[trial.x]} if trial.x else {})

    def _make(self, trial: Trial, system: str) -> np.ndarray:
        hit = self.hits[trial.recording]
        if system == RECORDED:
            return fade_end(hit.samples, len(hit.samples))
        digest = self.sampler.digest if system == SAMPLER else ""
        stored = physics_to_json(Physics(hit.modes, hit.residual))
        own = [system, digest, self.steps, self.seed, trial.number, trial.level, stored, len(hit.samples)]
        key = digest_json(["listen", _VERSION, *own])
        kept = self.cache.get(key)
        if kept is None:
            kept = self.cache.put(key, fade_end(self._render(trial, hit, system), len(hit.samples)))
        return kept

    def _render(self, trial: Trial, hit: AnalysedHit, system: str) -> np.ndarray:
        """The prior of the reduced physics, or the sampler after what is missing was completed, as in the editor."""
        seed = self.seed * 10_007 + trial.number
        if LEVELS[trial.level].is_full:
            modes, residual, detail = hit.modes, hit.residual, LEVELS[trial.level]
        else:
            material = name_material(hit.material) or guess_material(self._bank, Physics(hit.modes, hit.residual))
            if self._typical is None:
                self._typical = measure_typical(list_measured(self._bank))
            known = replace(hit, material=material)
            modes, residual, detail = reduce_physics(known, trial.level, self._typical)
            if system == SAMPLER:
                modes, residual = complete_physics(modes, residual, detail, material, list_donors(self._bank), seed)
        if system == SAMPLER:
            return self.sampler.sample([(modes, residual)], [seed], self.steps, contexts=[Context(velocity_db=0.0)])[0]
        return synthesize(Physics(modes, residual, SAMPLE_RATE_HZ), len(hit.samples) / SAMPLE_RATE_HZ, seed)


def leave_out_groups(bank: Bank, groups: set[str]) -> Bank:
    """The bank without what was recorded with the test's recordings, and without the corpus's other held-out groups."""
    kept = [
        number
        for number, entry in enumerate(bank.entries)
        if entry.group not in groups and not is_held_out_group(entry.group)
    ]
    return select_entries(bank, kept)


def list_measured(bank: Bank) -> list[AnalysedHit]:
    """The recorded entries of a bank as hits without samples."""
    return [
        AnalysedHit(np.zeros(0), e.physics.modes, e.physics.residual, SAMPLE_RATE_HZ / 2, e.material, e.group, False)
        for e in bank.entries
        if e.kind == "recording"
    ]


def fade_end(sound: np.ndarray, length: int) -> np.ndarray:
    """A sound of ``length`` samples whose end fades out over 10 ms."""
    cut = np.zeros(length, np.float32)
    cut[: min(length, len(sound))] = sound[:length]
    fade = min(length, seconds_to_samples(FADE_S, SAMPLE_RATE_HZ))
    cut[length - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return cut


def match_levels(sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Sounds at one K-weighted energy (ITU-R BS.1770-4), the highest peak of all at PEAK; silence stays silent."""
    energies = [float(np.square(sosfilt(_K_WEIGHTING, sound.astype(np.float64))).sum()) for sound in sounds]
    even = [sound / np.float32(np.sqrt(max(energy, 1e-20))) for sound, energy in zip(sounds, energies, strict=True)]
    peak = max(float(np.abs(sound).max()) for sound in even)
    return [(sound * np.float32(PEAK / max(peak, 1e-9))).astype(np.float32) for sound in even]
