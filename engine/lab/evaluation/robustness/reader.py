"""What a reader of files from outside is, to the run that mutates them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.lab.evaluation.robustness.mutations import Mutation


@dataclass(frozen=True)
class Reader:
    """A reader; ``file`` is what is mutated in ``folder`` of the seeds, "" for any one of its files.

    ``read`` returns where the file is good, raises BadInput where it refuses it, and asserts what must hold of all that
    was read: finite values, bounded sizes, and that what is saved opens again.
    """

    name: str
    folder: str
    mutations: tuple[Mutation, ...]
    read: Callable[[Path], None]
    file: str = ""
    weight: int = 1
    keeps_name: bool = False  # the file is mutated under its own name, by which it is found
