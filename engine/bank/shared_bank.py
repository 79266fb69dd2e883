"""Recordings of several users in a library: one small file each, named by the digest of the recording."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterable
from pathlib import Path

from engine.bank.bank import Bank, Entry, join_banks, make_bank, read_bank, write_bank
from engine.core.errors import BadInput
from engine.core.shared_store import open_library

FOLDER = "bank"


def load_shared_bank(without: set[str]) -> Bank:
    """The library's entries but those of these groups; empty where there is no library. A damaged file is left out."""
    library = open_library()
    if library is None:
        return make_bank(())
    banks = []
    for name in library.list(FOLDER):
        if _group(name) not in without:
            with contextlib.suppress(LookupError):  # it has been removed, or the library does not answer
                banks.append(_read_entry(library.url, name))
    return join_banks(make_bank(()), *banks)


def share_entries(entries: Iterable[Entry]) -> None:
    """Write entries to the library, where there is one, each unless it is there. Raises BadInput where it fails."""
    library = open_library()
    for entry in entries if library is not None else ():
        assert library is not None
        with tempfile.TemporaryDirectory(prefix="struck-") as folder:
            file = Path(folder) / "entry"
            write_bank(make_bank([entry]), file)
            data = file.read_bytes()
        if not library.write(_name(entry.group), data):
            raise BadInput(
                f"{entry.name!r} is in your own bank, but the library {library.url} cannot be written; "
                "check it, and add the recording to another bank (--data-dir) to share it"
            )


def unshare_entries(entries: Iterable[Entry]) -> None:
    """Remove entries from the library, where there is one. Raises BadInput where it fails."""
    library = open_library()
    for entry in entries if library is not None else ():
        assert library is not None
        try:
            library.remove(_name(entry.group))
        except OSError as error:
            raise BadInput(f"{entry.name!r} cannot be removed from the library {library.url} ({error})") from None


def _name(group: str) -> str:
    return f"{FOLDER}/{group.removeprefix('user/')}.safetensors"


def _group(name: str) -> str:
    return f"user/{Path(name).stem}"


@functools.lru_cache(maxsize=100_000)
def _read_entry(url: str, name: str) -> Bank:
    """A file's bank: what stands under a name never changes. LookupError where it cannot be read now."""
    library = open_library(url)
    data = library.read(name) if library is not None else None
    if data is None:
        raise LookupError(name)
    return unpack_entry(data)


def unpack_entry(data: bytes) -> Bank:
    """The bank in a file of the library; an empty one where it is damaged."""
    with tempfile.TemporaryDirectory(prefix="struck-") as folder:
        file = Path(folder) / "entry"
        file.write_bytes(data)
        try:
            return read_bank(file)
        except BadInput:
            return make_bank(())
