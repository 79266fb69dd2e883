"""Networks of cross-validation folds: each clip is evaluated with a network that was not trained on its day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.core.checkpoint import CONFIG
from engine.core.errors import BadInput
from engine.lab.baselines.syncfusion import SyncFusionNetwork, load_syncfusion
from engine.lab.data.onsets.fold_networks import Fold


def choose_fold(folds: Sequence[Fold], day: str) -> Fold | None:
    """The fold that was not trained on a day's recordings, None without folds. Raises BadInput where all were."""
    for fold in folds:
        if fold.clean or day in fold.left_out:
            return fold
    if folds:
        raise BadInput(f"every network was trained on the recordings of {day}; train one with --leave-out {day}")
    return None


def usual_lag_s(fold: Fold, frame_s: float, frames_s: dict[str, float]) -> float:
    """Mean delay of the picture behind the sound in a fold's training clips of a frame rate, 0 where it has none.

    ``frames_s`` are frame intervals of clips by name without suffix.
    """
    alike = [s for name, s in fold.shifts_s.items() if abs(frames_s.get(name, 0.0) - frame_s) < 0.1 * frame_s]
    return sum(alike) / len(alike) if alike else 0.0


Baseline = tuple[SyncFusionNetwork, frozenset[str]]
"""A SyncFusion network and the recording days left out of its training."""


def open_baselines(folder: Path) -> list[Baseline]:
    """Load the SyncFusion networks in the folders of a folder. Raises BadInput."""
    return [load_syncfusion(path.parent) for path in sorted(folder.glob(f"*/{CONFIG}"))]


def choose_baseline(
    baselines: Sequence[tuple[SyncFusionNetwork, frozenset[str]]], day: str
) -> SyncFusionNetwork | None:
    """The network that was not trained on a day's recordings, None where every one was."""
    return next((network for network, left_out in baselines if day in left_out), None)
