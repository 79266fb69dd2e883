"""The files of a checkpoint, what they show without being loaded, and their digest: nothing slow is imported here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from engine.core.checkpoint import CONFIG, WEIGHTS

KIND = "sampler"

FORMAT = 1
"""Changes when the spectrogram, the condition or the process changes what weights mean."""

_PICKLES = {".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"}


def list_checkpoints(folder: Path | str) -> tuple[str, ...]:
    """Names of the samplers in a folder, sorted, those that ``find_fault`` finds fault with last; models of other
    kinds are left out."""
    root = Path(folder)
    if not root.is_dir():
        return ()
    names = [path.name for path in root.iterdir() if not path.name.startswith(".") and _claims_to_be_sampler(path)]
    return tuple(sorted(names, key=lambda name: (find_fault(root / name) is not None, name)))


def find_fault(folder: Path) -> str | None:
    """Why this Struck refuses a sampler, as one sentence, as far as its files show; None where nothing is wrong.

    The weights' names and sizes are checked against the network only when they are loaded.
    """
    name = f"checkpoint {folder.name!r}"
    pickle = _find_pickle(folder)
    if pickle is None and not any((folder / file).is_file() for file in (WEIGHTS, CONFIG)):
        return f"{name} was not found in {folder.parent}; choose another or set --ckpt-dir"
    if not (folder / WEIGHTS).is_file():
        other = f", and {pickle} is not opened since such a file can run code" if pickle else ""
        return f"{name} has no {WEIGHTS}{other}; restore it or choose another"
    if not (folder / CONFIG).is_file():
        return f"{name} has no {CONFIG}; restore it or choose another"
    config = _read_config(folder)
    if config is None or "format" not in config or not isinstance(config.get("network"), dict):
        return f"{name}: {CONFIG} is damaged; restore the folder or choose another"
    if (config["format"], config.get("kind")) != (FORMAT, KIND):
        return (
            f"{name} is of format {str(config['format'])[:20]} ({str(config.get('kind'))[:20]}) and this Struck reads "
            f"{KIND} format {FORMAT}; choose another or retrain it with `launch.py train sampler`"
        )
    if not _is_whole(folder / WEIGHTS):
        return f"{name} does not fit this Struck ({WEIGHTS} is cut short or damaged); restore it or choose another"
    return None


def digest_checkpoint(folder: Path) -> str:
    """sha256 of a checkpoint's configuration and weights; OSError when one is not there."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    with open(folder / WEIGHTS, "rb") as weights_file:
        for block in iter(lambda: weights_file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def stamp_checkpoint(folder: Path) -> tuple[int, ...]:
    """Times and sizes of a checkpoint's files: equal while nobody has touched them."""
    stamp: list[int] = []
    for name in (CONFIG, WEIGHTS):
        try:
            state = (folder / name).stat()
            stamp += (state.st_mtime_ns, state.st_size)
        except OSError:
            stamp += (0, -1)
    return tuple(stamp)


def _claims_to_be_sampler(folder: Path) -> bool:
    """Whether a folder says it holds a sampler, or holds weights and does not say what they are."""
    if (folder / CONFIG).is_file():
        config = _read_config(folder)
        return (folder / WEIGHTS).is_file() if config is None else config.get("kind") == KIND
    return (folder / WEIGHTS).is_file()


def _read_config(folder: Path) -> dict[str, Any] | None:
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) else None


def _find_pickle(folder: Path) -> str | None:
    """Name of a file of weights that would have to be executed to be read."""
    if not folder.is_dir():
        return None
    return next((path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in _PICKLES), None)


def _is_whole(weights: Path) -> bool:
    """Whether a safetensors file is as long as its header says (8 bytes of length, JSON, then the values)."""
    try:
        size = weights.stat().st_size
        with open(weights, "rb") as weights_file:
            length = int.from_bytes(weights_file.read(8), "little")
            if not 2 <= length <= size - 8:
                return False
            header = json.loads(weights_file.read(length))
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, IndexError, TypeError):
        return False
    return 8 + length + max(ends, default=0) == size
