"""Onset networks that have not seen what they are asked about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.checkpoint import CONFIG
from engine.core.errors import BadInput
from engine.lab.baselines.syncfusion import SyncFusionNetwork, load_syncfusion
from engine.onsets.network import OnsetNetwork
from engine.onsets.watch import load_onset_network


@dataclass(frozen=True, eq=False)
class Judge:
    """A network, its calibrated threshold, and the recording days it has not learnt from; ``clean``: from none.

    ``shifts_s`` says of each clip it has learnt from how much later its picture is than its sound.
    """

    network: OnsetNetwork
    calibrated_threshold: float
    left_out: frozenset[str]
    clean: bool
    shifts_s: dict[str, float]


def open_folds(folder: Path) -> list[Judge]:
    """The networks in a folder: itself, or every folder in it. Raises BadInput where there is none."""
    places = [folder] if (folder / CONFIG).is_file() else sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))
    if not places:
        raise BadInput(f"{folder} holds no onset network; train some with `launch.py train onsets --leave-out DAY...`")
    return [_open(place) for place in places]


def _open(place: Path) -> Judge:
    network, threshold = load_onset_network(place)
    training = json.loads((place / CONFIG).read_bytes()).get("training", {})
    left_out, shifts_s = frozenset(training.get("left_out", ())), dict(training.get("shifts_s", {}))
    return Judge(network, threshold, left_out, bool(training.get("clean", False)), shifts_s)


def choose_judge(judges: Sequence[Judge], day: str) -> Judge | None:
    """The network that has not learnt from a day's recordings; None without any networks at all. BadInput."""
    for judge in judges:
        if judge.clean or day in judge.left_out:
            return judge
    if judges:
        raise BadInput(f"every network has learnt from the recordings of {day}; train one with --leave-out {day}")
    return None


def usual_lag_s(judge: Judge, frame_s: float, frames_s: dict[str, float]) -> float:
    """How much later pictures usually are than their sound in the clips of a frame rate that a network learnt from.

    ``frames_s`` are frame intervals of clips by name without ending. 0 where it has learnt from none.
    """
    alike = [s for name, s in judge.shifts_s.items() if abs(frames_s.get(name, 0.0) - frame_s) < 0.1 * frame_s]
    return sum(alike) / len(alike) if alike else 0.0


Baseline = tuple[SyncFusionNetwork, frozenset[str]]
"""A network of SyncFusion's kind, and the recording days it has not learnt from."""


def open_baselines(folder: Path) -> list[Baseline]:
    """SyncFusion's networks in the folders of a folder, each with the days it has not learnt from. BadInput."""
    return [load_syncfusion(path.parent) for path in sorted(folder.glob(f"*/{CONFIG}"))]


def choose_baseline(
    baselines: Sequence[tuple[SyncFusionNetwork, frozenset[str]]], day: str
) -> SyncFusionNetwork | None:
    """The one that has not learnt from a day's recordings, None where every one has."""
    return next((network for network, left_out in baselines if day in left_out), None)
