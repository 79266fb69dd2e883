"""Readers that fail in each way there is, for the judge; apart, since a worker imports them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput

MEMORY_BYTES = 100 << 20


def crash(path: Path) -> None:
    os._exit(3)


def hang(path: Path) -> None:
    while True:
        pass


def block(path: Path) -> None:
    with open(path, "rb") as pipe:
        pipe.read()


def take_memory(path: Path) -> None:
    np.ones(4 * MEMORY_BYTES, np.uint8)


def fail(path: Path) -> None:
    raise KeyError("name")


def refuse(path: Path) -> None:
    raise BadInput("in.x is empty; choose another")


def leak_trace(path: Path) -> None:
    raise BadInput("in.x: KeyError('name'); choose another")
