"""The bank: modal physics and attributes of many struck objects, searched by picture, sound or text."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.bank import file as bank_file
from engine.bank.descriptor import DESCRIPTOR_SIZE, describe_physics
from engine.core.errors import BadInput
from engine.core.files import make_private_folder
from engine.core.paths import ASSETS
from engine.physics.model import Physics

EMBEDDING_SIZE = 64
"""Size of the joint embedding of pictures and sounds (``engine.vision.network``): unit length, compared by inner
product."""

BANK_PATH = ASSETS / "bank"
"""Folder of the bank that ships."""

KINDS = ("recording", "preset", "clip", "simulated", "user")
STRIKERS = ("stick", "hammer", "mallet", "hand", "fist", "thing")
"""Classes of the vision network's striker output; weights depend on the order, so new ones go to the end."""


@dataclass(frozen=True)
class Entry:
    """One hit of one object."""

    name: str  # unique within a bank
    physics: Physics  # at 0 dB velocity
    material: str = ""  # one of MATERIALS, or "" where unknown
    size_m: float = 0.0  # 0 where unknown
    hollow: float = float("nan")  # 1 hollow, 0 solid, NaN unknown
    striker: str = ""  # one of STRIKERS, or "" where unknown
    source: str = ""  # file or take
    group: str = ""  # recording or take; never divided between training and test
    licence: str = ""
    kind: str = "recording"  # one of KINDS


@dataclass(frozen=True, eq=False)
class Bank:
    """Entries with their acoustic descriptors and joint embeddings."""

    entries: tuple[Entry, ...]
    descriptors: np.ndarray  # float32 [N, DESCRIPTOR_SIZE], see ``engine.bank.descriptor``
    embeddings: np.ndarray  # float32 [N, EMBEDDING_SIZE] of unit length, or [N, 0] where none are known

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Candidate:
    """One result of a search."""

    name: str
    material: str
    score: float  # confidence, 0 to 1
    why: str  # short reason to show
    physics: Physics
    source: str = ""
    licence: str = ""


def make_bank(entries: Iterable[Entry]) -> Bank:
    """A bank of entries with computed descriptors, under 1 ms an entry, and without embeddings."""
    listed = tuple(entries)
    rows = [describe_physics(entry.physics) for entry in listed]
    descriptors = np.stack(rows) if rows else np.zeros((0, DESCRIPTOR_SIZE), np.float32)
    return Bank(listed, descriptors, np.zeros((len(listed), 0), np.float32))


def load_bank(path: Path = BANK_PATH) -> Bank:
    """The bank of a folder; BadInput where it is missing, damaged or of another version."""
    file = path / bank_file.NAME
    try:
        stamp = file.stat()
    except OSError as error:
        raise bank_file.Unreadable(f"the bank {path} cannot be read ({_reason(error)}); restore the folder") from None
    return _load(file, stamp.st_mtime_ns, stamp.st_size)


@functools.lru_cache(maxsize=4)
def _load(file: Path, changed_ns: int, size: int) -> Bank:
    return read_bank(file)


def read_bank(file: Path) -> Bank:
    """The bank of a file, read anew; BadInput as ``load_bank``."""
    stored = bank_file.read(file)
    if stored.descriptors.shape[1] != DESCRIPTOR_SIZE:
        raise bank_file.Unreadable(
            f"the bank {file.parent} is of another version of Struck; build it anew or restore the folder"
        )
    entries = tuple(
        Entry(physics=physics, **row)  # type: ignore[arg-type]
        for physics, row in zip(stored.physics, stored.rows, strict=True)
    )
    return Bank(entries, stored.descriptors, stored.embeddings)


def save_bank(bank: Bank, folder: Path) -> Path:
    """Write a bank atomically into a folder and return the folder; BadInput where it cannot be written.

    Lossy: the 32 strongest modes of each entry, frequencies within 0.01 cent, other values in half precision.
    """
    try:
        make_private_folder(folder.parent)  # the data folder, where this is the first to need it
        folder.mkdir(exist_ok=True)
        write_bank(bank, folder / bank_file.NAME)
    except OSError as error:
        raise BadInput(f"the bank {folder} cannot be written ({_reason(error)}); choose another folder") from None
    return folder


def write_bank(bank: Bank, file: Path) -> None:
    """Write a bank into a file, as ``save_bank``. Raises OSError."""
    rows = [{name: getattr(entry, name) for name in bank_file.FIELDS} for entry in bank.entries]
    physics = [entry.physics for entry in bank.entries]
    bank_file.write(file, bank_file.Stored(physics, rows, bank.descriptors, bank.embeddings))


def join_banks(*banks: Bank) -> Bank:
    """Concatenate banks; repeated names get a number, and embeddings are dropped unless all banks have them.

    A bank without entries changes nothing.
    """
    filled = [bank for bank in banks if len(bank)]
    if len(filled) <= 1:
        return filled[0] if filled else (banks[0] if banks else make_bank(()))
    taken: set[str] = set()
    entries = tuple(_rename(entry, taken) for bank in filled for entry in bank.entries)
    widths = {bank.embeddings.shape[1] for bank in filled}
    embeddings = [bank.embeddings if len(widths) == 1 else bank.embeddings[:, :0] for bank in filled]
    return Bank(entries, np.concatenate([bank.descriptors for bank in filled]), np.concatenate(embeddings))


def select_entries(bank: Bank, numbers: Sequence[int]) -> Bank:
    """The bank restricted to the entries at these indices."""
    picked = np.asarray(numbers, dtype=int)
    return Bank(tuple(bank.entries[k] for k in picked), bank.descriptors[picked], bank.embeddings[picked])


def free_name(name: str, taken: set[str]) -> str:
    """The name, or where it is taken, the name with the first free number: "Tin can 2"."""
    if name not in taken:
        return name
    number = 2
    while f"{name} {number}" in taken:
        number += 1
    return f"{name} {number}"


def _rename(entry: Entry, taken: set[str]) -> Entry:
    name = free_name(entry.name, taken)
    taken.add(name)
    return entry if name == entry.name else replace(entry, name=name)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
