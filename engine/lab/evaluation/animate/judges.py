"""Judges of an animated still: the sync meter on its picture, and features of its motion and of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from engine.animate.motion import Blow
from engine.lab.evaluation.animate.scenes import LENGTH_S
from engine.onsets.frames import choose_rows, downsample
from engine.onsets.network import OnsetNetwork
from engine.onsets.track import Onset
from engine.onsets.watch import extract_features, load_onset_network, make_track, predict_from_features
from engine.pipeline.measure_sync import judge_onsets
from engine.sync.score_map import BIN_S, LAGS_S

WINDOW_S = 2.0
"""Length of the clips of the protocol (Zhang et al., ECCV 2024)."""
FRAMES = 12
"""Frames of a window whose likeness to the still is measured."""
NEAR_S = 0.06
SEEN_STRENGTH = 0.5
OWN_LAG_S = 0.1
"""Film may have its sound so much early or late; the reference is judged where it is most in step."""
Frames = Sequence[tuple[float, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Judgement:
    """A picture judged in W windows: ``evidence`` [W] that it is in step and ``best`` [W] within OWN_LAG_S, ``motion``
    [W, D] features, ``likeness`` [W] to the still; and of all blows the share that is seen, of what is seen the share
    that is a blow (NaN where nothing is seen).
    """

    evidence: np.ndarray
    best: np.ndarray
    motion: np.ndarray
    likeness: np.ndarray
    recall: float
    precision: float


@dataclass(frozen=True, eq=False)
class Judge:
    """The onset network with its threshold, and the folder of the sync network."""

    onsets: OnsetNetwork
    threshold: float
    sync: Path

    def judge(self, frames: Frames, blows: Sequence[Blow], still: np.ndarray) -> Judgement:
        """Judge frames against blows that are heard."""
        gray = [_to_gray(frame) for _, frame in frames]
        rows = choose_rows(gray[0].shape[1], gray[0].shape[0], self.onsets.config.pixels)
        small = [downsample(frame) if frame.shape[0] > rows else frame for frame in gray]
        times_s = [time_s for time_s, _ in frames]
        parts = [part for _, part in extract_features(self.onsets, zip(times_s, small, strict=True))]
        features = torch.cat(parts, dim=1)
        outputs = predict_from_features(self.onsets, features, times_s)
        seen = make_track(np.asarray(times_s), outputs, self.threshold, LENGTH_S).candidates
        heard = [Onset(blow.time_s, blow.velocity) for blow in blows]
        scores, _ = judge_onsets(self.sync, seen, heard, None, LENGTH_S)
        windows = list_windows(blows)
        bins = [scores.values[round(a / BIN_S) : round((a + WINDOW_S) / BIN_S)].sum(axis=0) for a in windows]
        near = np.abs(LAGS_S) <= OWN_LAG_S
        sides = features.mean(dim=0).double().numpy()
        recall, precision = match_blows(seen, blows)
        return Judgement(
            np.array([values[len(LAGS_S) // 2] for values in bins]),
            np.array([values[near].max() for values in bins]),
            np.stack([_sum_up(sides[_within(times_s, a)]) for a in windows]),
            np.array([measure_likeness([frames[k][1] for k in _choose(times_s, a)], still) for a in windows]),
            recall,
            precision,
        )


def open_judge(onsets: Path, sync: Path) -> Judge:
    """The judge of two checkpoints. Raises BadInput."""
    network, threshold = load_onset_network(onsets)
    return Judge(network.eval(), threshold, sync)


def list_windows(blows: Sequence[Blow]) -> list[float]:
    """Starts of the windows of WINDOW_S, one after another, in which a blow is heard."""
    starts = np.arange(0.0, LENGTH_S - WINDOW_S + 1e-6, WINDOW_S)
    return [float(a) for a in starts if any(a <= blow.time_s < a + WINDOW_S for blow in blows)]


def rel_sync(evidence: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """RelSync = sigmoid(s(sound, picture) - s(sound, true picture)): 0.5 for a picture as good as the true one."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(evidence - reference, -50.0, 50.0))))


def match_blows(seen: Sequence[Onset], blows: Sequence[Blow]) -> tuple[float, float]:
    """Share of blows with one seen within NEAR_S, and share of those seen that have a blow; NaN where none is."""
    at_s = np.array([onset.time_s for onset in seen if onset.strength >= SEEN_STRENGTH])
    heard_s = np.array([blow.time_s for blow in blows])
    if not len(at_s):
        return 0.0, float("nan")
    near = np.abs(heard_s[:, None] - at_s) <= NEAR_S
    return float(near.any(axis=1).mean()), float(near.any(axis=0).mean())


def measure_likeness(frames: Sequence[np.ndarray], still: np.ndarray) -> float:
    """Mean over frames of sigmoid(cosine of its features and the still's - 1): 0.5 where they show the same."""
    from engine.vision.pretrained import INPUT_SIZE, load_pretrained

    pictures = torch.stack([torch.from_numpy(np.ascontiguousarray(p)).permute(2, 0, 1) for p in (still, *frames)])
    resized = torch.nn.functional.interpolate(pictures.float() / 255.0, (INPUT_SIZE, INPUT_SIZE), mode="area")
    features = load_pretrained().encode(resized[:, None, None])
    cosine = torch.nn.functional.cosine_similarity(features[1:], features[:1])
    return float(torch.sigmoid(cosine - 1.0).mean())


def _sum_up(features: np.ndarray) -> np.ndarray:
    return np.concatenate((features.mean(axis=0), features.std(axis=0)))


def _within(times_s: Sequence[float], start_s: float) -> np.ndarray:
    at_s = np.asarray(times_s)
    return (at_s >= start_s) & (at_s < start_s + WINDOW_S)


def _choose(times_s: Sequence[float], start_s: float) -> list[int]:
    """Frames nearest to FRAMES times of a window."""
    wanted_s = start_s + np.arange(FRAMES) * WINDOW_S / FRAMES
    return [int(np.argmin(np.abs(np.asarray(times_s) - time_s))) for time_s in wanted_s]


def _to_gray(frame: np.ndarray) -> np.ndarray:
    return np.rint(frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)
