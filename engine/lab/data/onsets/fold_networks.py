"""Onset networks of cross-validation folds, with the recording days that each did not learn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from engine.core.checkpoint import CONFIG
from engine.core.errors import BadInput
from engine.onsets.network import OnsetNetwork
from engine.onsets.watch import load_onset_network


@dataclass(frozen=True, eq=False)
class Fold:
    """A network, its calibrated threshold, and the recording days left out of its training; ``clean``: all of them.

    ``shifts_s`` are the delays of the picture behind the sound in its training clips, by name.
    """

    network: OnsetNetwork
    calibrated_threshold: float
    left_out: frozenset[str]
    clean: bool
    shifts_s: dict[str, float]


def open_folds(folder: Path) -> list[Fold]:
    """Load the network of a folder, or those of every folder in it. Raises BadInput where there is none."""
    places = [folder] if (folder / CONFIG).is_file() else sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))
    if not places:
        raise BadInput(f"{folder} holds no onset network; train some with `launch.py train onsets --leave-out DAY...`")
    return [_open(place) for place in places]


def _open(place: Path) -> Fold:
    network, threshold = load_onset_network(place)
    training = json.loads((place / CONFIG).read_bytes()).get("training", {})
    left_out, shifts_s = frozenset(training.get("left_out", ())), dict(training.get("shifts_s", {}))
    return Fold(network, threshold, left_out, bool(training.get("clean", False)), shifts_s)
