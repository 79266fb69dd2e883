"""The bank: physics of many struck things, with what is known of each, to be searched by sight, sound or words."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.bank import file as bank_file
from engine.bank.descriptor import LATENT_SIZE, describe_physics
from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.physics.model import Physics

BANK_PATH = ASSETS / "bank"
"""Folder of the bank that ships."""

KINDS = ("recording", "preset", "clip", "simulated", "user")
STRIKERS = ("stick", "hammer", "mallet", "hand", "fist", "thing")
"""Strikers by their place in the sight network's output; weights depend on the order, so new ones go to the end."""


@dataclass(frozen=True)
class Entry:
    """One hit of one thing.

    ``name`` is unique within a bank; ``physics`` is level as struck with 0 dB velocity; ``material`` is one of
    MATERIALS or ""; ``size_m`` is 0 where unknown; ``hollow`` 1 hollow, 0 solid, nan unknown; ``striker`` one of
    STRIKERS or ""; ``group`` is the recording or take, which stays on one side of a split; ``kind`` is one of KINDS.
    """

    name: str
    physics: Physics
    material: str = ""
    size_m: float = 0.0
    hollow: float = float("nan")
    striker: str = ""
    source: str = ""
    group: str = ""
    licence: str = ""
    kind: str = "recording"


@dataclass(frozen=True, eq=False)
class Bank:
    """Entries, with what one hears of each (``bank/descriptor.py``), ``latents`` float32 [N, LATENT_SIZE], and each
    one's place in the joint embedding, ``embeddings`` float32 [N, E] of unit length; [N, 0] where that is not known."""

    entries: tuple[Entry, ...]
    latents: np.ndarray
    embeddings: np.ndarray

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Candidate:
    """What may have been struck: ``score`` is a confidence, 0 to 1; ``why`` is short and for people."""

    name: str
    material: str
    score: float
    why: str
    physics: Physics
    source: str = ""
    licence: str = ""


def make_bank(entries: Iterable[Entry]) -> Bank:
    """A bank of entries without embeddings; each is described, some milliseconds an entry."""
    listed = tuple(entries)
    rows = [describe_physics(entry.physics) for entry in listed]
    latents = np.stack(rows) if rows else np.zeros((0, LATENT_SIZE), np.float32)
    return Bank(listed, latents, np.zeros((len(listed), 0), np.float32))


def load_bank(path: Path = BANK_PATH) -> Bank:
    """The bank of a folder; BadInput, in one sentence, where it is missing, damaged or of another version."""
    file = path / bank_file.NAME
    try:
        stamp = file.stat()
    except OSError as error:
        raise BadInput(f"the bank {path} cannot be read ({_reason(error)}); restore the folder") from None
    return _load(file, stamp.st_mtime_ns, stamp.st_size)


@functools.lru_cache(maxsize=4)
def _load(file: Path, changed_ns: int, size: int) -> Bank:
    stored = bank_file.read(file)
    if stored.latents.shape[1] != LATENT_SIZE:
        raise BadInput(f"the bank {file.parent} is of another version of Struck; build it anew or restore the folder")
    entries = tuple(
        Entry(physics=physics, **row)  # type: ignore[arg-type]
        for physics, row in zip(stored.physics, stored.rows, strict=True)
    )
    return Bank(entries, stored.latents, stored.embeddings)


def save_bank(bank: Bank, folder: Path) -> Path:
    """Write a bank, whole or not at all, into a folder; BadInput where it cannot be written.

    Kept are the 32 strongest modes of each, frequencies within 0.01 cent, all else in half precision.
    """
    rows = [{name: getattr(entry, name) for name in bank_file.FIELDS} for entry in bank.entries]
    physics = [entry.physics for entry in bank.entries]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        bank_file.write(folder / bank_file.NAME, bank_file.Stored(physics, rows, bank.latents, bank.embeddings))
    except OSError as error:
        raise BadInput(f"the bank {folder} cannot be written ({_reason(error)}); choose another folder") from None
    return folder


def join_banks(*banks: Bank) -> Bank:
    """Banks one after another; a name that an earlier one has is given a number; embeddings only where all have them.

    A bank without entries changes nothing.
    """
    filled = [bank for bank in banks if len(bank)]
    if len(filled) <= 1:
        return filled[0] if filled else (banks[0] if banks else make_bank(()))
    taken: set[str] = set()
    entries = tuple(_rename(entry, taken) for bank in filled for entry in bank.entries)
    widths = {bank.embeddings.shape[1] for bank in filled}
    embeddings = [bank.embeddings if len(widths) == 1 else bank.embeddings[:, :0] for bank in filled]
    return Bank(entries, np.concatenate([bank.latents for bank in filled]), np.concatenate(embeddings))


def select_entries(bank: Bank, numbers: Sequence[int]) -> Bank:
    """The bank of these entries alone."""
    picked = np.asarray(numbers, dtype=int)
    return Bank(tuple(bank.entries[k] for k in picked), bank.latents[picked], bank.embeddings[picked])


def free_name(name: str, taken: set[str]) -> str:
    """The name, or where it is taken, the name with the first number that is free: "Tin can 2"."""
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
