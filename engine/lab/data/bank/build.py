"""Build the bank: analyse recordings, presets and simulated takes, resumably, and assemble the entries."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.bank.bank import Bank, Entry, free_name, make_bank
from engine.bank.recombine import normalize_peak
from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ, power_to_db
from engine.diffusion.conditioning import name_material
from engine.lab.data.bank.names import NO_HITS, read_name
from engine.lab.data.presets import RECIPES
from engine.lab.data.recordings import Recording, group_name, list_recordings, read_hit
from engine.media.sound import read_clip_audio
from engine.physics import analysis
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Physics, physics_from_json, physics_to_json
from engine.physics.presets import load_presets

MIN_FIT = 0.3
"""Hits whose resynthesis fits worse than this are left out."""

TRUTH = ".truth.json"
OWN_LICENCE = "Apache-2.0, made by Struck's simulator"
_ALONE_BEFORE_S, _ALONE_AFTER_S = 0.12, 0.2
_LONGEST_S, _BEFORE_S, _GUARD_S = 1.5, 0.2, 0.005
_MIN_RISE_DB, _MIN_LEVEL_DB, _LEVEL_S = 15.0, -60.0, 0.03
_MAX_PER_OBJECT, _MAX_PER_TAKE = 2, 4
_MIN_SAMPLES, _MIN_PEAK = 480, 1e-4


@dataclass(frozen=True)
class Source:
    """A hit to be analysed."""

    recording: Recording  # of one hit, or the span of a take in which the hit is alone
    entry: Entry  # without physics
    at_s: float | None = None  # onset in the take's file; None for a recording of one hit


def list_recorded(data: Path) -> list[Source]:
    """Hits of the corpus whose licence allows shipping: tiers A and A- of its manifest."""
    kept = [r for r in list_recordings(data) if not NO_HITS.search(r.group)]
    return [_recorded(r, data, r.group, "recording") for r in kept]


def list_clips(data: Path) -> list[Source]:
    """Hits cut from real clips, tier C: research data without a stated licence, for banks that are not shipped."""
    recordings = [r for r in list_recordings(data, ("C",)) if r.path.parent.name == "greatest_hits"]
    return [_recorded(r, data, f"clip/{r.path.stem.split('_')[1]}", "clip") for r in recordings]


def _recorded(recording: Recording, data: Path, group: str, kind: str) -> Source:
    named = read_name(recording.path, recording.material)
    source = recording.path.relative_to(data / "audio").as_posix()
    entry = Entry(
        named.name, Physics(), named.material, named.size_m, named.hollow, named.striker, source, group,
        recording.licence, kind,
    )  # fmt: skip
    return Source(recording, entry)


def list_simulated(folders: Sequence[Path]) -> list[Source]:
    """Isolated hits of simulated takes, the strongest few of each object; BadInput where a folder has no takes.

    A take that lies in several folders counts once, by its name, which contains its seed.
    """
    found, seen = [], set()
    for folder in folders:
        truths = sorted(folder.rglob("*" + TRUTH))
        if not truths:
            raise BadInput(f"{folder} holds no simulated takes; give a folder that `launch.py simulate` filled")
        for truth in truths:
            if truth.name not in seen:
                seen.add(truth.name)
                found += _list_take(truth)
    return found


def _list_take(truth: Path) -> list[Source]:
    try:
        stored = json.loads(truth.read_text(encoding="utf-8"))
        contacts, clip, duration_s = stored["contacts"], truth.with_name(stored["clip"]), float(stored["duration_s"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f"{truth} is damaged; simulate the take again") from None
    take = truth.name.removesuffix(TRUTH)
    if not clip.name.endswith("_mic.mp4"):
        return []
    alone = []
    for index, contact in enumerate(contacts):
        start_s = float(contact["time_s"])
        end_s = float(contacts[index + 1]["time_s"]) if index + 1 < len(contacts) else duration_s
        last_s = max((float(c["time_s"]) + _lasts_s(c) for c in contacts[:index]), default=-1.0)
        if contact["action"] == "hit" and end_s - start_s > _ALONE_AFTER_S and start_s - last_s > _ALONE_BEFORE_S:
            alone.append((contact, end_s))
    alone.sort(key=lambda pair: -float(pair[0]["impulse_n_s"]))
    counts: dict[tuple[Any, ...], int] = {}
    chosen: list[Source] = []
    for contact, end_s in alone:
        thing = (contact["struck"], contact["size_m"])
        if counts.get(thing, 0) < _MAX_PER_OBJECT and len(chosen) < _MAX_PER_TAKE:
            counts[thing] = counts.get(thing, 0) + 1
            chosen.append(_simulated(contact, end_s, clip, take))
    return chosen


def _lasts_s(contact: dict[str, Any]) -> float:
    return float(contact["duration_s"]) if contact["action"] == "scrape" else 0.0


def _simulated(contact: dict[str, Any], end_s: float, clip: Path, take: str) -> Source:
    at_s, size_m, by = float(contact["time_s"]), float(contact["size_m"]), str(contact["by"])
    kind = str(contact["struck"])
    name = f"{kind.capitalize()}, {round(100 * size_m)} cm, {by} (simulated)"
    start_s = max(0.0, at_s - _BEFORE_S)
    end_s = min(end_s - _GUARD_S, at_s + _LONGEST_S)
    recording = Recording(clip, f"simulated/{take}", kind, OWN_LICENCE, SAMPLE_RATE_HZ / 2, start_s, end_s)
    source = f"{take} at {at_s:.3f} s"
    entry = Entry(
        name, Physics(), name_material(kind), size_m, math.nan, by, source, recording.group, OWN_LICENCE, "simulated"
    )
    return Source(recording, entry, at_s)


def list_presets() -> list[Entry]:
    """The presets as entries, each in the group of the recording it was estimated from."""
    recordings = {recipe.name: recipe.recording for recipe in RECIPES}
    entries = []
    for preset in load_presets():
        note, made_from = preset.credit, recordings.get(preset.name, "")
        licence = "CC BY 3.0" if "CC-BY 3.0" in note else "CC0 1.0" if "CC0" in note else "Apache-2.0, Struck's own"
        group = group_name(Path(f"{made_from}.flac")) if made_from else f"preset/{preset.name}"
        named = read_name(Path(made_from or preset.name), preset.material)
        physics = Physics(preset.modes, preset.residual)
        entry = Entry(preset.name, physics, preset.material, named.size_m, named.hollow, named.striker, note, group)
        entries.append(replace(entry, licence=licence, kind="preset"))
    return entries


def analyse_source(source: Source) -> tuple[Physics, float] | None:
    """Physics of a hit, peak normalised, and its fit; None where it is inaudible or cannot be analysed."""
    try:
        if source.at_s is None:
            hit, onset_s = read_hit(source.recording), 0.0
            if len(hit) < _MIN_SAMPLES or float(np.abs(hit).max()) < _MIN_PEAK:
                return None
        else:
            start_s, end_s = source.recording.start_s, source.recording.end_s or 0.0
            sound = _read_take(source.recording.path)
            hit = sound[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
            onset_s = source.at_s - start_s
            if not _is_audible(hit, onset_s):
                return None
        physics, fit = analyze_hit(hit, SAMPLE_RATE_HZ, onset_s=onset_s)
    except StruckError:
        return None
    return normalize_peak(replace(physics, onset_s=0.0)), fit


@functools.lru_cache(maxsize=1)
def _read_take(clip: Path) -> np.ndarray:
    """A take's sound, mono; cached, since hits of one take follow one another."""
    return np.asarray(read_clip_audio(str(clip), SAMPLE_RATE_HZ), np.float64)


def _is_audible(hit: np.ndarray, onset_s: float) -> bool:
    at, span = round(onset_s * SAMPLE_RATE_HZ), round(_LEVEL_S * SAMPLE_RATE_HZ)
    level_db, before_db = (_level_db(hit[max(0, a) : a + span]) for a in (at, at - span - 48))
    return level_db > _MIN_LEVEL_DB and level_db - before_db > _MIN_RISE_DB


def _level_db(samples: np.ndarray) -> float:
    power = float(np.mean(np.square(samples))) if samples.size else 0.0
    return power_to_db(power + 1e-12)


def analyse_sources(
    sources: Sequence[Source], work: Path, on_progress: Callable[[int, int], None] | None = None
) -> list[Entry]:
    """Entries of all sources that could be analysed; results in ``work`` of an earlier run are reused."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / f"{_digest_code()}.jsonl"
    kept = _read_log(path)
    entries = []
    with open(path, "a", encoding="utf-8") as log:
        for done, source in enumerate(sources, 1):
            key = _key(source)
            if key not in kept:
                found = analyse_source(source)
                kept[key] = None if found is None else [physics_to_json(found[0]), found[1]]
                log.write(json.dumps([key, kept[key]]) + "\n")
                log.flush()
            stored = kept[key]
            if stored is not None and stored[1] >= MIN_FIT:
                entries.append(replace(source.entry, physics=physics_from_json(stored[0], source.entry.source)))
            if on_progress is not None:
                on_progress(done, len(sources))
    return entries


def _read_log(path: Path) -> dict[str, Any]:
    kept = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                key, value = json.loads(line)
            except ValueError:  # the last line, incomplete where a run was interrupted
                continue
            kept[key] = value
    return kept


def _key(source: Source) -> str:
    path = source.recording.path
    span = (source.recording.start_s, source.recording.end_s, source.at_s)
    facts = (path.parent.name, path.name, path.stat().st_size, span)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _digest_code() -> str:
    """Digest of the analysis code, so that results of other versions are not reused."""
    digest = hashlib.sha256()
    for path in sorted(Path(analysis.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def assemble_bank(entries: Iterable[Entry]) -> Bank:
    """A bank of entries, repeated names numbered."""
    taken: set[str] = set()
    named = []
    for entry in entries:
        name = free_name(entry.name, taken)
        taken.add(name)
        named.append(replace(entry, name=name))
    return make_bank(named)
