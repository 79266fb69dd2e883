"""Estimate the sounds of a clip's hits from its picture: predict each hit in one decode, and rank the bank for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.bank.bank import Bank, Candidate
from engine.document.project import Clip
from engine.media.frames import iter_frames
from engine.pipeline.events import PictureProgress
from engine.vision.crops import AFTER, BEFORE, FRAME_S, NEAR_ROWS, Views, gather_views
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


@dataclass(frozen=True, eq=False)
class HitsEstimated:
    """The end of ``estimate_hits``: one estimate a hit, in the order of the times given."""

    estimates: tuple[HitEstimate, ...]


def find_vision_network(checkpoints: str | Path | None) -> Path | None:
    """Folder of the vision network among ``checkpoints``; None, which means the one that ships, where there is none.

    A folder of its former name, ``sight``, is found too.
    """
    folders = [Path(checkpoints) / name for name in ("vision", "sight")] if checkpoints else []
    return next((folder for folder in folders if (folder / "config.json").is_file()), None)


def estimate_hits(
    clip: Clip,
    times_s: Sequence[float],
    bank: Bank,
    network: VisionModel | Path | None = None,
    top: int = 5,
    check: Callable[[], None] = lambda: None,
    contact: tuple[float, float] | None = None,
    material: str = "",
) -> Iterator[PictureProgress | HitsEstimated]:
    """Estimates of the hits at ``times_s``, in any order, from the picture alone; the last event is HitsEstimated.

    ``network`` is the network or its folder, by default the one that ships. The clip is decoded once, and frames are
    held only of hits not yet predicted. The bank is embedded by this network. ``check`` is called at every frame and
    may raise Cancelled. ``contact``, x and y as shares of the picture, and ``material``, one of MATERIALS, are given by
    the user and replace the network's predictions; hits with a given contact are of one object. Raises BadInput for a
    clip that cannot be read, a damaged network or an empty bank.
    """
    if not len(times_s):
        yield HitsEstimated(())
        return
    model = network if isinstance(network, VisionModel) else load_vision_model(network)
    order = np.argsort(times_s, kind="stable")
    ascending_s = [float(times_s[k]) for k in order]
    predictions: list[HitPrediction] = []
    batch: list[Views] = []
    for number, views in enumerate(gather_views(_iter_frames_near(clip, ascending_s, check), ascending_s), 1):
        batch.append(views)
        if len(batch) == BATCH or number == len(ascending_s):
            predictions += predict_hits(model, batch, contact)
            batch = []
        yield PictureProgress(number / len(ascending_s))
    objects = cluster_hits(predictions) if contact is None else [0] * len(predictions)
    pooled = pool_objects(predictions, objects, model.temperature)
    if material:
        pooled = [prediction.of_material(material) for prediction in pooled]
    bank = embed_bank(model, bank)  # milliseconds, and never those of another network
    candidates = [rank_by_prediction(bank, prediction, top) for prediction in pooled]
    estimates: list[HitEstimate | None] = [None] * len(times_s)
    for k, number in zip(order, objects, strict=False):
        estimates[k] = HitEstimate(float(times_s[k]), number, candidates[number], pooled[number])
    yield HitsEstimated(tuple(estimate for estimate in estimates if estimate is not None))


def _iter_frames_near(
    clip: Clip, times_s: Sequence[float], check: Callable[[], None]
) -> Iterator[tuple[float, np.ndarray]]:
    """Colour frames from before the first to after the last of ascending times."""
    start_s = max(0.0, times_s[0] - BEFORE * FRAME_S - _MARGIN_S)
    end_s = times_s[-1] + AFTER * FRAME_S + _MARGIN_S
    for time_s, frame in iter_frames(clip.path, NEAR_ROWS, start_s, end_s, gray=False):
        check()
        yield time_s, frame
