"""AV-Align (Yariv et al., AAAI 2024): overlap of the peaks of optical flow and the onsets of a sound; no training."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np

from engine.core.files import replace_file
from engine.lab.baselines.onset_pickers import find_flow_peaks, measure_flow
from engine.lab.data.onsets.labels import LISTEN_RATE_HZ
from engine.lab.data.sync.takes import SyncTake
from engine.media.frames import iter_frames
from engine.media.sound import read_clip_audio
from engine.onsets.motion import FRAME_HEIGHT
from engine.sync.score_map import LAGS_S, ScoreMap


def av_align(flow_s: np.ndarray, heard_s: np.ndarray, frame_s: float) -> float:
    """Intersection over union of peaks of flow and of sound that are at most a frame apart."""
    if not len(flow_s) or not len(heard_s):
        return 0.0
    near = np.abs(flow_s[:, None] - heard_s) <= 1.001 * frame_s
    both = 0.5 * (near.any(axis=0).sum() + near.any(axis=1).sum())
    return float(both / (len(flow_s) + len(heard_s) - both))


def score_with_av_align(take: SyncTake, path: Path, work: Path) -> ScoreMap:
    """AV-Align of a whole clip at every lag, as a map of one stretch; the peaks are kept in ``work``."""
    place = work / f"{path.stem}-peaks-{path.stat().st_size}.npz"
    if not place.is_file():
        work.mkdir(parents=True, exist_ok=True)
        times_s, speeds, _ = measure_flow(iter_frames(path, FRAME_HEIGHT))
        flow_s = [onset.time_s for onset in find_flow_peaks(times_s, speeds)]
        sound = read_clip_audio(path, LISTEN_RATE_HZ)
        heard_s = librosa.onset.onset_detect(y=sound, sr=LISTEN_RATE_HZ, units="time")
        with replace_file(place) as partial, open(partial, "wb") as file:
            np.savez(file, flow_s=np.asarray(flow_s), heard_s=np.asarray(heard_s))
    with np.load(place, allow_pickle=False) as kept:
        flow_s, heard_s = kept["flow_s"], kept["heard_s"]
    return ScoreMap(np.asarray([[av_align(flow_s, heard_s - lag_s, take.frame_s) for lag_s in LAGS_S]]))
