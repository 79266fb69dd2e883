"""Inputs by number: the same reader, seed and number give the same bytes in the same place."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.lab.evaluation.robustness.mutations import mutate
from engine.lab.evaluation.robustness.reader import Reader
from engine.lab.evaluation.robustness.readers import READERS

PLACES = ("folder", "link to itself", "link to nothing", "link to a device", "link out of the folder", "long name")
PLACE_SHARE = 0.02
"""Share of the inputs that are not a mutated file but something else in its place."""

NAMES = ("in", "in", "in", "名前 é 🥁", "a b'c\"d", "-rf", "%s", "x" * 100, ".hidden", "line\nbreak", "‮gnp")


@dataclass(frozen=True)
class Input:
    """What one reader is given: a mutated copy of a seed's file, or one of PLACES in place of it."""

    reader: Reader
    number: int
    file: str  # of the seed
    name: str  # of the mutated file
    data: bytes
    place: str = ""

    @property
    def label(self) -> str:
        """Name of the input, from which it can be made again."""
        return f"{self.reader.name} {self.number}"


def draw_input(reader: Reader, seeds: Path, seed: int, number: int) -> Input:
    """The input of a number; of the first numbers, the even ones are the seed's files as they are."""
    rng = random.Random(f"{seed} {reader.name} {number}")
    folder = seeds / reader.folder
    files = sorted(path.name for path in folder.iterdir()) if not reader.file else [reader.file]
    is_whole = number % 2 == 0 and number // 2 < len(files)
    file = files[number // 2] if is_whole else rng.choice(files)
    name = file if reader.file or reader.keeps_name else rng.choice(NAMES) + _ending(file)
    data = (folder / file).read_bytes()
    if is_whole:
        return Input(reader, number, file, file, data)
    place = rng.choice(PLACES) if rng.random() < PLACE_SHARE else ""
    return Input(reader, number, file, name, mutate(data, reader.mutations, rng), place)


def _ending(file: str) -> str:
    return "." + file.split(".", 1)[1] if "." in file else ""


def write_input(given: Input, seeds: Path, folder: Path) -> Path:
    """Put an input into an empty folder, beside the seed's other files where the reader needs them."""
    if given.reader.file:
        shutil.copytree(seeds / given.reader.folder, folder, dirs_exist_ok=True)
        (folder / given.file).unlink()
    path = folder / given.name
    if given.place == "folder":
        path.mkdir()
    elif given.place == "link to itself":
        path.symlink_to(given.name)
    elif given.place == "link to nothing":
        path.symlink_to("there is no such file")
    elif given.place == "link to a device":
        path.symlink_to("/dev/zero")
    elif given.place == "link out of the folder":
        path.symlink_to("/etc/hostname")
    elif given.place == "long name":
        return folder / ("x" * 300 + _ending(given.name))
    else:
        path.write_bytes(given.data)
    return path


def list_readers(name: str | None) -> list[Reader]:
    """Readers in the order of their turns, each as often as it weighs; ``name`` limits them to one."""
    chosen = [reader for reader in READERS if name is None or reader.name == name]
    most = max((reader.weight for reader in chosen), default=0)
    return [reader for turn in range(most) for reader in chosen if turn < reader.weight]


def clear_folder(folder: Path) -> None:
    """Empty a folder, or make it."""
    if folder.exists():
        shutil.rmtree(folder)
    os.makedirs(folder)
