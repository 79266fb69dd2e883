"""The user's own bank: add recordings (skipping duplicates), remove entries, open it beside the shipped bank."""

from __future__ import annotations

import functools
import hashlib
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import numpy as np

from engine.bank import file as bank_file
from engine.bank.bank import BANK_PATH, Bank, Entry, free_name, join_banks, load_bank, make_bank, save_bank
from engine.bank.descriptor import describe_physics
from engine.bank.lexicon import load_lexicon, singular
from engine.bank.recombine import normalize_peak
from engine.bank.search import measure_distances
from engine.bank.shared_bank import load_shared_bank, share_entries, unshare_entries
from engine.core.errors import BadInput, StruckError
from engine.core.file_lock import hold_lock
from engine.core.files import make_private_folder, make_write_error
from engine.core.names import to_text
from engine.core.paths import default_data_folder
from engine.core.units import db_to_power
from engine.media.recording import read_first_hit
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Physics

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".m4a", ".aac", ".caf", ".w64")
DUPLICATE_DB = 1.5
"""Entries with the same modes nearer than this are duplicates; two takes of one object are mostly farther apart."""

MAX_FILES = 5000
LICENCE = "the user's own"
_DUPLICATE_CENTS, _DUPLICATE_SHARE = 10.0, 0.9

Progress = Callable[[int, int], None]
_LOCK = ".lock"
"""Held while the bank is read, changed and written, so that of two processes neither loses what the other adds."""


@dataclass(frozen=True)
class AddReport:
    """Outcome of ``add_recordings``."""

    added: tuple[str, ...] = ()  # names of new entries
    duplicates: tuple[tuple[str, str], ...] = ()  # file, name of the entry it equals
    broken: tuple[tuple[str, str], ...] = ()  # file, reason
    note: str = ""  # about the bank itself, "" where all is well


@dataclass
class _Batch:
    """Entries and rejected files collected while adding."""

    entries: list[Entry] = field(default_factory=list)
    descriptors: list[np.ndarray] = field(default_factory=list)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)


def user_bank_folder(home: str | os.PathLike[str] | None = None) -> Path:
    """Folder of the user's own bank: ``bank`` in ``home``, else in STRUCK_HOME, else in ~/.struck."""
    return Path(home or os.environ.get("STRUCK_HOME") or default_data_folder()) / "bank"


def load_user_bank(folder: Path) -> tuple[Bank, str]:
    """The user's own bank, empty where there is none, and a note, empty where all is well.

    A damaged file is renamed, and the note gives its new name. Raises Unreadable for one that stays where it is.
    """
    file = folder / bank_file.NAME
    if not file.exists():
        return make_bank(()), ""
    try:
        bank = load_bank(folder)
        # Older files hold whole paths, which may name a session of the editor.
        return replace(bank, entries=tuple(replace(e, source=_hide_folder(e.source)) for e in bank.entries)), ""
    except bank_file.Unreadable:
        raise
    except BadInput as error:
        aside = file.with_name(f"{file.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}{file.suffix}")
        try:
            os.replace(file, aside)
        except OSError:
            raise bank_file.Unreadable(str(error)) from None
        return make_bank(()), f"your own bank was damaged and lies now in {aside}; add your recordings again"


def _hide_folder(source: str) -> str:
    path = PurePath(source)
    return path.name if path.is_absolute() else source


def open_bank(folder: Path, shipped: Path = BANK_PATH) -> tuple[Bank, str]:
    """The shipped bank joined with the user's own and the library's, and a note, empty where all is well."""
    try:
        own, note = load_user_bank(folder)
    except bank_file.Unreadable as error:
        own, note = make_bank(()), f"{error}; going on without your own bank"
    return join_banks(load_bank(shipped), own, load_shared_bank({entry.group for entry in own.entries})), note


def add_recordings(
    paths: Iterable[str | os.PathLike[str]],
    folder: Path,
    on_progress: Progress | None = None,
    shipped: Bank | None = None,
) -> AddReport:
    """Analyse the first hit of every audio file, also of those in folders, and add it to the bank of a folder.

    Duplicates, by file digest or by physics, of this or the ``shipped`` bank are reported and skipped; so are broken
    files. ``on_progress(done, total)`` may raise Cancelled, which leaves the bank unchanged. The bank is written once,
    atomically. Raises BadInput where there is no audio file or the bank cannot be written.
    """
    batch = _Batch()
    files = _list_files(paths, batch)
    if not files and not batch.broken:
        raise BadInput("there is no audio file in what was given; choose recordings or a folder that holds some")
    found: list[Entry] = []
    places: dict[str, str] = {}
    digests: dict[str, str] = {entry.group: entry.name for entry in load_user_bank(folder)[0].entries}
    report = on_progress or (lambda done, total: None)
    for done, path in enumerate(files):
        check = functools.partial(report, done, len(files))
        check()
        try:
            group = f"user/{_digest(path, check)}"
            if group in digests:
                batch.duplicates.append((to_text(path), digests[group]))
                continue
            entry = _analyse(path, group)
        except (StruckError, OSError) as error:
            batch.broken.append((to_text(path), _describe_error(error, path)))
            continue
        digests[group] = entry.name
        found.append(entry)
        places[group] = to_text(path)
    report(len(files), len(files))
    with _hold_bank(folder, lambda: report(len(files), len(files))):
        own, note = load_user_bank(folder)
        known = join_banks(shipped, own) if shipped is not None else own
        taken = {entry.name for entry in known.entries}
        for entry in found:
            _add_unless_duplicate(batch, entry, places[entry.group], known, taken)
        if batch.entries:
            save_bank(join_banks(own, make_bank(batch.entries)), folder)
    share_entries(batch.entries)
    names = tuple(entry.name for entry in batch.entries)
    return AddReport(names, tuple(batch.duplicates), tuple(batch.broken), note)


def remove_entries(names: Sequence[str] | None, folder: Path) -> int:
    """Remove entries from the user's own bank, all for None, and return their number; BadInput for an unknown name."""
    with _hold_bank(folder):
        own, _ = load_user_bank(folder)
        if names is None:
            unshare_entries(own.entries)
            save_bank(make_bank(()), folder)
            return len(own)
        shared = load_shared_bank({entry.group for entry in own.entries})
        known = {entry.name: entry for entry in (*shared.entries, *own.entries)}
        missing = [name for name in names if name not in known]
        if missing:
            raise BadInput(f"{missing[0]!r} is not in your own bank; `launch.py bank` lists what is")
        unshare_entries(known[name] for name in names)
        kept = [k for k, entry in enumerate(own.entries) if entry.name not in names]
        left = Bank(tuple(own.entries[k] for k in kept), own.descriptors[kept], own.embeddings[kept])
        save_bank(left, folder)
        return len(own) - len(left) + len({entry.name for entry in shared.entries} & set(names))


@contextmanager
def _hold_bank(folder: Path, check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of the bank of a folder, made where it is not there. Raises BadInput."""
    try:
        make_private_folder(folder.parent)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise make_write_error(folder, error) from None
    with hold_lock(folder / _LOCK, check):
        yield


def find_duplicate(physics: Physics, descriptor: np.ndarray, bank: Bank) -> Entry | None:
    """An entry nearer than DUPLICATE_DB with the same strong modes, among the eight nearest, or None."""
    if not len(bank):
        return None
    distances = measure_distances(bank, descriptor)
    for number in np.argsort(distances)[:8].tolist():
        if distances[number] < DUPLICATE_DB and _have_same_modes(physics, bank.entries[number].physics):
            return bank.entries[number]
    return None


def _add_unless_duplicate(batch: _Batch, entry: Entry, place: str, known: Bank, taken: set[str]) -> None:
    descriptor = describe_physics(entry.physics)
    fresh = Bank(tuple(batch.entries), np.array(batch.descriptors), np.zeros((len(batch.entries), 0)))
    same = find_duplicate(entry.physics, descriptor, known) or find_duplicate(entry.physics, descriptor, fresh)
    if same is not None:
        batch.duplicates.append((place, same.name))
        return
    name = free_name(entry.name, taken)
    taken.add(name)
    batch.entries.append(replace(entry, name=name))
    batch.descriptors.append(descriptor)


def _have_same_modes(a: Physics, b: Physics) -> bool:
    """Whether 90 % of the modal energy of either lies within 10 cents of a mode of the other."""
    if not len(a.modes) or not len(b.modes):
        return len(a.modes) == len(b.modes)
    cents = 1200.0 * np.abs(np.log2(np.divide.outer(np.asarray(a.modes.frequency_hz), b.modes.frequency_hz)))
    shares = []
    for modes, nearest_cents in ((a.modes, cents.min(axis=1)), (b.modes, cents.min(axis=0))):
        energy = db_to_power(np.asarray(modes.power_db)) / (np.asarray(modes.decay_per_s) + 1.0)
        shares.append(float(energy[nearest_cents < _DUPLICATE_CENTS].sum() / energy.sum()))
    return min(shares) > _DUPLICATE_SHARE


def _list_files(paths: Iterable[str | os.PathLike[str]], batch: _Batch) -> list[Path]:
    """Audio files given or found in given folders, each once; missing ones are added to the broken files."""
    found: dict[Path, None] = {}

    def note(error: OSError) -> None:
        reason = (error.strerror or type(error).__name__).lower()
        batch.broken.append((to_text(error.filename), f"is a folder that cannot be read ({reason})"))

    for given in paths:
        path = Path(given)
        if path.is_dir():
            for root, folders, names in os.walk(path, onerror=note):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                for name in sorted(names):
                    if name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith("."):
                        _take_file(Path(root, name), found, batch)
        elif os.path.lexists(path):
            _take_file(path, found, batch)
        else:
            batch.broken.append((to_text(path), "does not exist; check the path"))
    return list(found)


def _take_file(path: Path, found: dict[Path, None], batch: _Batch) -> None:
    """Take a file; a device or a pipe, which may have no end, is broken."""
    if not os.path.isfile(path):
        batch.broken.append((to_text(path), "is neither a file nor a folder; give recordings"))
        return
    found[path] = None
    if len(found) > MAX_FILES:
        raise BadInput(f"these are more than {MAX_FILES} audio files; add them folder by folder")


def _analyse(path: Path, group: str) -> Entry:
    samples, rate_hz, _ = read_first_hit(path)
    physics, _ = analyze_hit(samples, rate_hz)
    name = " ".join(re.split(r"[_\s]+", to_text(path.stem))).strip()[:60] or "Recording"
    normalized = normalize_peak(replace(physics, onset_s=0.0))
    material, size_m, hollow = parse_file_name(path)
    return Entry(name, normalized, material, size_m, hollow, "", to_text(path.name), group, LICENCE, "user")


def parse_file_name(path: Path) -> tuple[str, float, float]:
    """Material, size in m and hollowness by the words of a file's name, else of its folder's; "", 0 and NaN if unknown.

    A material that is named takes precedence over the usual material of the object named.
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


def _digest(path: Path, check: Callable[[], object]) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 24), b""):
            check()
            digest.update(block)
    return digest.hexdigest()[:24]


def _describe_error(error: Exception, path: Path) -> str:
    """The reason without the file's name, which is reported beside it."""
    if isinstance(error, OSError):
        return f"cannot be read ({(error.strerror or type(error).__name__).lower()})"
    return str(error).removeprefix(str(path)).removeprefix(path.name).strip()
