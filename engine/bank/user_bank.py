"""A person's own bank: recordings added to it, told apart from what is there, and removed again."""

from __future__ import annotations

import hashlib
import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engine.bank import file as bank_file
from engine.bank.bank import BANK_PATH, Bank, Entry, free_name, join_banks, load_bank, make_bank, save_bank
from engine.bank.descriptor import describe_physics
from engine.bank.lexicon import load_lexicon, singular
from engine.bank.recombine import normalize_peak
from engine.bank.search import measure_distances
from engine.core.errors import BadInput, StruckError
from engine.media.sound import read_recording
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.analysis.segmentation import mix_down
from engine.physics.model import Physics

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".m4a", ".aac", ".caf", ".w64")
SAME_DB = 1.5
"""Latents nearer than this, with the same modes, are of one recording; two takes of one thing are mostly farther."""

MOST_FILES = 5000
LICENCE = "the user's own"
_SAME_CENTS, _SAME_SHARE = 10.0, 0.9

Progress = Callable[[int, int], None]
_writing = threading.Lock()


@dataclass(frozen=True)
class AddReport:
    """What became of files: names of entries added; files and what they equal; files and reasons; a note, or ""."""

    added: tuple[str, ...] = ()
    duplicates: tuple[tuple[str, str], ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass
class _Sorted:
    """Lists on the way to a report."""

    entries: list[Entry] = field(default_factory=list)
    descriptors: list[np.ndarray] = field(default_factory=list)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)


def user_bank_folder(home: str | os.PathLike[str] | None = None) -> Path:
    """Where a person's own bank lies: in the folder of their data, as the editor chooses it."""
    return Path(home or os.environ.get("STRUCK_HOME") or Path.home() / ".struck") / "bank"


def load_user_bank(folder: Path) -> tuple[Bank, str]:
    """A person's own bank, empty where there is none, and a note that is empty where all is well.

    A damaged one is set aside under another name, which the note tells; it stops nothing.
    """
    file = folder / bank_file.NAME
    if not file.exists():
        return make_bank(()), ""
    try:
        return load_bank(folder), ""
    except BadInput as error:
        aside = file.with_name(f"{file.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}{file.suffix}")
        try:
            os.replace(file, aside)
        except OSError:
            return make_bank(()), f"{error}; going on without your own bank"
        return make_bank(()), f"your own bank was damaged and lies now in {aside}; add your recordings again"


def open_bank(folder: Path, shipped: Path = BANK_PATH) -> tuple[Bank, str]:
    """The bank that ships joined with a person's own, and a note that is empty where all is well."""
    own, note = load_user_bank(folder)
    return join_banks(load_bank(shipped), own), note


def add_recordings(
    paths: Iterable[str | os.PathLike[str]],
    folder: Path,
    on_progress: Progress | None = None,
    shipped: Bank | None = None,
) -> AddReport:
    """Add the first hit of every audio file, and of those in folders, to the bank of a folder.

    Files that are there already, by content or by the sound of them, or in the ``shipped`` bank, are told and left out;
    broken ones are told with the reason. ``on_progress(done, total)`` may raise Cancelled: then nothing has changed.
    The bank is written once, whole. Raises BadInput where nothing is named or the bank cannot be written.
    """
    sorted_in = _Sorted()
    files = _list_files(paths, sorted_in)
    if not files and not sorted_in.broken:
        raise BadInput("there is no audio file in what was given; choose recordings or a folder that holds some")
    found: list[Entry] = []
    digests: dict[str, str] = {entry.group: entry.name for entry in load_user_bank(folder)[0].entries}
    report = on_progress or (lambda done, total: None)
    for done, path in enumerate(files):
        report(done, len(files))
        try:
            group = f"user/{_digest(path)}"
            if group in digests:
                sorted_in.duplicates.append((str(path), digests[group]))
                continue
            entry = _analyse(path, group)
        except (StruckError, OSError) as error:
            sorted_in.broken.append((str(path), _say(error, path)))
            continue
        digests[group] = entry.name
        found.append(entry)
    report(len(files), len(files))
    with _writing:
        own, note = load_user_bank(folder)
        known = join_banks(shipped, own) if shipped is not None else own
        taken = {entry.name for entry in known.entries}
        for entry in found:
            _sort_in(sorted_in, entry, known, taken)
        if sorted_in.entries:
            save_bank(join_banks(own, make_bank(sorted_in.entries)), folder)
    names = tuple(entry.name for entry in sorted_in.entries)
    return AddReport(names, tuple(sorted_in.duplicates), tuple(sorted_in.broken), note)


def remove_entries(names: Sequence[str] | None, folder: Path) -> int:
    """Take entries out of a person's own bank, all for None, and return how many; BadInput for a name not in it."""
    with _writing:
        own, _ = load_user_bank(folder)
        if names is None:
            save_bank(make_bank(()), folder)
            return len(own)
        there = {entry.name for entry in own.entries}
        missing = [name for name in names if name not in there]
        if missing:
            raise BadInput(f"{missing[0]!r} is not in your own bank; `launch.py bank` lists what is")
        kept = [k for k, entry in enumerate(own.entries) if entry.name not in names]
        left = Bank(tuple(own.entries[k] for k in kept), own.descriptors[kept], own.embeddings[kept])
        save_bank(left, folder)
        return len(own) - len(left)


def find_same(physics: Physics, descriptor: np.ndarray, bank: Bank) -> Entry | None:
    """The entry that is the same recording as far as one can hear: nearer than SAME_DB, with the same strong modes."""
    if not len(bank):
        return None
    distances = measure_distances(bank, descriptor)
    for number in np.argsort(distances)[:8].tolist():
        if distances[number] < SAME_DB and _have_same_modes(physics, bank.entries[number].physics):
            return bank.entries[number]
    return None


def _sort_in(sorted_in: _Sorted, entry: Entry, known: Bank, taken: set[str]) -> None:
    descriptor = describe_physics(entry.physics)
    fresh = Bank(tuple(sorted_in.entries), np.array(sorted_in.descriptors), np.zeros((len(sorted_in.entries), 0)))
    same = find_same(entry.physics, descriptor, known) or find_same(entry.physics, descriptor, fresh)
    if same is not None:
        sorted_in.duplicates.append((entry.source, same.name))
        return
    name = free_name(entry.name, taken)
    taken.add(name)
    sorted_in.entries.append(replace(entry, name=name))
    sorted_in.descriptors.append(descriptor)


def _have_same_modes(a: Physics, b: Physics) -> bool:
    """Whether nearly all the energy of either's modes has a partner of the same pitch in the other's."""
    if not len(a.modes) or not len(b.modes):
        return len(a.modes) == len(b.modes)
    cents = 1200.0 * np.abs(np.log2(np.divide.outer(np.asarray(a.modes.frequency_hz), b.modes.frequency_hz)))
    shares = []
    for modes, away in ((a.modes, cents.min(axis=1)), (b.modes, cents.min(axis=0))):
        energy = 10.0 ** (np.asarray(modes.power_db) / 10.0) / (np.asarray(modes.decay_per_s) + 1.0)
        shares.append(float(energy[away < _SAME_CENTS].sum() / energy.sum()))
    return min(shares) > _SAME_SHARE


def _list_files(paths: Iterable[str | os.PathLike[str]], sorted_in: _Sorted) -> list[Path]:
    """Files named, and audio files in folders named, each once; what does not exist is told as broken."""
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            for root, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                for name in sorted(names):
                    if name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith("."):
                        found[Path(root, name)] = None
        elif path.is_file():
            found[path] = None
        elif path.exists():
            sorted_in.broken.append((str(path), "is neither a file nor a folder; give recordings"))
        else:
            sorted_in.broken.append((str(path), "does not exist; check the path"))
    if len(found) > MOST_FILES:
        raise BadInput(f"these are {len(found)} audio files, more than {MOST_FILES}; add them folder by folder")
    return list(found)


def _analyse(path: Path, group: str) -> Entry:
    samples, rate_hz = read_recording(path)
    physics, _ = analyze_hit(mix_down(samples)[: round(60.0 * rate_hz)], rate_hz)
    name = " ".join(re.split(r"[_\s]+", path.stem)).strip()[:60] or "Recording"
    heard = normalize_peak(replace(physics, onset_s=0.0))
    material, size_m, hollow = read_file_name(path)
    return Entry(name, heard, material, size_m, hollow, "", str(path), group, LICENCE, "user")


def read_file_name(path: Path) -> tuple[str, float, float]:
    """Material, size in m and hollowness that words of a file's name, else of its folder's, tell; "", 0 and nan else.

    A material that is named goes before what a thing of that name usually is made of.
    """
    lexicon = load_lexicon()
    for text in (path.stem, path.parent.name):
        words = [singular(word) for word in re.findall(r"[^\W\d_]+", text.lower())]
        phrases = [" ".join(words[k : k + length]) for length in (3, 2, 1) for k in range(len(words))]
        found = [lexicon[phrase] for phrase in dict.fromkeys(phrases) if phrase in lexicon]
        thing = next((concept for concept in found if concept.slot == "thing"), None)
        named = next((concept for concept in found if concept.slot == "material"), thing)
        material = max(named.material, key=named.material.__getitem__, default="") if named else ""
        if named:
            return (material, thing.size_m, float(thing.value >= 0.5)) if thing else (material, 0.0, math.nan)
    return "", 0.0, math.nan


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()[:24]


def _say(error: Exception, path: Path) -> str:
    """The reason without the file's name, which stands beside it."""
    if isinstance(error, OSError):
        return f"cannot be read ({(error.strerror or type(error).__name__).lower()})"
    return str(error).removeprefix(str(path)).removeprefix(path.name).strip()
