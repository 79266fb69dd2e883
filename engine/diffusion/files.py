"""The files of a checkpoint and its digest, without loading it: nothing slow is imported here."""

from __future__ import annotations

import hashlib
from pathlib import Path

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def list_checkpoints(folder: Path | str) -> tuple[str, ...]:
    """Names of the sampler checkpoints in a folder, sorted; empty where there is none."""
    root = Path(folder)
    if not root.is_dir():
        return ()
    return tuple(sorted(p.name for p in root.iterdir() if (p / WEIGHTS).is_file() and (p / CONFIG).is_file()))


def digest_checkpoint(folder: Path) -> str:
    """sha256 of a checkpoint's configuration and weights; OSError when one is not there."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    with open(folder / WEIGHTS, "rb") as weights_file:
        for block in iter(lambda: weights_file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
