"""Estimate the sounds of a clip's hits from its picture: predict each hit in one decode, and rank the bank for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from engine.bank.bank import Bank, Candidate
from engine.document.project import Clip
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.vision.crops import AFTER, BEFORE, FRAME_S, NEAR_ROWS, gather_views
from engine.vision.predict import (
    BATCH,
    HitPrediction,
    ObjectPrediction,
    VisionModel,
    cluster_hits,
    load_vision_model,
    pool_objects,
    predict_hits,
)
from engine.vision.rank import embed_bank, rank_by_prediction

_MARGIN_S = 0.2


@dataclass(frozen=True, eq=False)
class HitEstimate:
    """Estimate for one hit; hits of one object share candidates and prediction."""

    time_s: float
    object: int  # number of the object in the clip
    candidates: tuple[Candidate, ...]  # of the bank, best first
    prediction: ObjectPrediction


def find_vision_network(checkpoints: str | Path | None) -> Path | None:
    """Folder of the vision network among ``checkpoints``; None, for the one that ships, where there is none.

    A folder of its former name, ``sight``, is found too.
    """
    folders = [Path(checkpoints) / name for name in ("vision", "sight")] if checkpoints else []
    return next((folder for folder in folders if (folder / "config.json").is_file()), None)


def estimate_hits(
    clip: str | Path | Clip,
    times_s: Sequence[float],
    bank: Bank,
    network: VisionModel | Path | None = None,
    top: int = 5,
    on_progress: Callable[[float], None] | None = None,
) -> list[HitEstimate]:
    """Estimates of the hits at ``times_s``, in the order given, from the picture alone.

    ``network`` is the model or its folder, by default the one that ships. The clip is decoded once, and only frames of
    unfinished hits are held. The bank is embedded by this network. Raises BadInput for a clip that cannot be read, a
    damaged checkpoint or an empty bank; ``on_progress`` receives 0 to 1 and may raise Cancelled.
    """
    if not len(times_s):
        return []
    model = network if isinstance(network, VisionModel) else load_vision_model(*([network] if network else []))
    path = clip.path if isinstance(clip, Clip) else str(clip)
    order = np.argsort(times_s, kind="stable")
    hit_predictions = list(
        _predict(model, path, [float(times_s[k]) for k in order], on_progress or (lambda share: None))
    )
    objects = cluster_hits(hit_predictions)
    predictions = pool_objects(hit_predictions, objects, model.temperature)
    bank = embed_bank(model, bank)  # milliseconds, and never those of another network
    candidates = [rank_by_prediction(bank, prediction, top) for prediction in predictions]
    found: list[HitEstimate | None] = [None] * len(times_s)
    for k, number in zip(order, objects, strict=False):
        found[k] = HitEstimate(float(times_s[k]), number, candidates[number], predictions[number])
    return [estimate for estimate in found if estimate is not None]


def _predict(
    model: VisionModel, path: str, times_s: Sequence[float], report: Callable[[float], None]
) -> Iterator[HitPrediction]:
    start_s = max(0.0, times_s[0] - BEFORE * FRAME_S - _MARGIN_S)
    end_s = times_s[-1] + AFTER * FRAME_S + _MARGIN_S
    last_s = min(end_s, probe(path).duration_s)

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        for time_s, frame in iter_frames(path, NEAR_ROWS, start_s, end_s, gray=False):
            report(min(1.0, (time_s - start_s) / max(1e-9, last_s - start_s)))
            yield time_s, frame

    views = gather_views(frames(), times_s)
    while part := list(islice(views, BATCH)):
        yield from predict_hits(model, part)
    report(1.0)
