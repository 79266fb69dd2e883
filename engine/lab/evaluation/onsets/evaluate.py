"""Measure the onset detectors on real clips with labelled hits and on simulated ones: ``launch.py evaluate onsets``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.baselines.onset_pickers import find_drops, find_flow_peaks, measure_flow
from engine.lab.baselines.syncfusion import SyncFusionNetwork, detect_with_syncfusion
from engine.lab.data.greatest_hits import list_takes
from engine.lab.data.onsets.fold_networks import Fold, open_folds
from engine.lab.data.onsets.labels import (
    LABELS,
    LISTEN_RATE_HZ,
    choose_contacts,
    find_audible,
    measure_levels,
    read_label_rows,
    to_velocity,
)
from engine.lab.evaluation.onsets.figure import draw_failures
from engine.lab.evaluation.onsets.kinds import describe_hits
from engine.lab.evaluation.onsets.nested import RHYTHMS
from engine.lab.evaluation.onsets.networks import (
    Baseline,
    choose_baseline,
    choose_fold,
    open_baselines,
    usual_lag_s,
)
from engine.lab.evaluation.onsets.scores import Clip
from engine.lab.evaluation.onsets.tables import LAG_REMOVED, NO_RHYTHM, SYNCFUSION, print_tables, tabulate
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import iter_clip_audio, read_clip_audio
from engine.onsets.audio import detect_audio_onsets
from engine.onsets.frames import choose_rows
from engine.onsets.fusion import fuse, shift_track
from engine.onsets.lag import estimate_lag
from engine.onsets.motion import FRAME_HEIGHT, detect_motion_onsets
from engine.onsets.rhythm import RHYTHM
from engine.onsets.track import OnsetTrack
from engine.onsets.watch import detect_with_rhythms

FOLEY_DELTA = 0.3


def nearest_frames(frames_s: np.ndarray, hits_s: Sequence[float], lag_s: float) -> np.ndarray:
    """Index of the frame at each hit, [H], in a picture that is ``lag_s`` later than its sound."""
    return np.abs(frames_s - (np.asarray(hits_s)[:, None] + lag_s)).argmin(axis=1)


def detect_in_clip(
    picture: Path,
    sound: Path | None,
    labels: Sequence[tuple[float, str]],
    fold: Fold | None,
    real: bool,
    baseline: SyncFusionNetwork | None = None,
    only_network: bool = False,
) -> Clip:
    """Run every detector and baseline on one clip; ``labels`` are times and actions of the true hits.

    With ``only_network`` the detectors of the picture that have no network are left out.
    """
    info = probe(picture)
    labelled_s = [time_s for time_s, _ in labels]
    audio = np.zeros(0, np.float32)
    if sound is not None and (sound != picture or info.has_audio):
        audio = read_clip_audio(sound, LISTEN_RATE_HZ)
    foley: list[float] = []
    if len(audio):
        foley = librosa.onset.onset_detect(y=audio, sr=LISTEN_RATE_HZ, delta=FOLEY_DELTA, units="time").tolist()
    clip = Clip(
        name=picture.name,
        day=picture.name[:10],
        duration_s=info.duration_s,
        frame_s=1.0 / float(info.frame_rate),
        labelled_s=labelled_s,
        audible_s=find_audible(audio, labelled_s) if real else labelled_s,
        action=[action for _, action in labels],
        velocity=to_velocity(measure_levels(audio, LISTEN_RATE_HZ, labelled_s)).tolist()
        if len(audio)
        else [float("nan")] * len(labelled_s),
        foley_s=foley,
    )
    if fold is not None:
        network, threshold = fold.network, fold.calibrated_threshold
        small = iter_frames(picture, choose_rows(info.width, info.height, network.config.pixels))
        rhythms = RHYTHMS if real else (None, RHYTHM)
        by_rhythm, frames_s, seen = detect_with_rhythms(
            network, threshold, small, info.frame_rate, info.duration_s, rhythms
        )
        network_track = by_rhythm[rhythms.index(RHYTHM)]
        clip.tracks["network"] = list(network_track.candidates)
        clip.tracks[f"network, {NO_RHYTHM}"] = list(by_rhythm[0].candidates)
    if baseline is not None:
        gray = list(iter_frames(picture, choose_rows(info.width, info.height)))
        times_s, frames = np.asarray([t for t, _ in gray]), np.stack([frame for _, frame in gray])
        clip.tracks[SYNCFUSION] = detect_with_syncfusion(baseline, times_s, frames, info.duration_s)
    motion_track: OnsetTrack | None = None
    if not only_network:
        coarse = list(iter_frames(picture, FRAME_HEIGHT))
        motion_track = detect_motion_onsets(iter(coarse), info.frame_rate, info.duration_s)
        clip.tracks["motion"] = list(motion_track.candidates)
        times, speeds, drops = measure_flow(iter(coarse))
        clip.tracks["flow drop"] = find_drops(times, drops)
        clip.tracks["AV-Align flow peaks"] = find_flow_peaks(times, speeds)
    if len(audio) and real:
        audio_track = detect_audio_onsets(iter_clip_audio(picture, SAMPLE_RATE_HZ, 1.0), SAMPLE_RATE_HZ)
        clip.tracks["audio"] = list(audio_track.candidates)
        if motion_track is not None:
            clip.tracks["both, motion"] = list(fuse(motion_track, audio_track).candidates)
        if fold is not None:
            lags_s = [estimate_lag(track, audio_track) or 0.0 for track in by_rhythm]
            shifted = [shift_track(track, -lag_s) for track, lag_s in zip(by_rhythm, lags_s, strict=True)]
            clip.rhythm_tracks.extend(list(track.candidates) for track in shifted)
            clip.tracks[LAG_REMOVED] = clip.rhythm_tracks[rhythms.index(RHYTHM)]
            clip.tracks[f"{LAG_REMOVED}, {NO_RHYTHM}"] = clip.rhythm_tracks[0]
            if len(frames_s):
                clip.velocity_seen.extend(seen[nearest_frames(frames_s, labelled_s, lags_s[rhythms.index(RHYTHM)])])
            clip.tracks["both, network"] = list(fuse(network_track, audio_track).candidates)
    return clip


def _detect_in_all(tasks: Sequence[tuple[Any, ...]], jobs: int, say: Callable[[str], None]) -> list[Clip]:
    """``detect_in_clip`` for each of some arguments, by so many processes with a thread each, or in this one."""
    with ExitStack() as stack:
        found: Iterable[Clip] = starmap(detect_in_clip, tasks)
        if jobs > 1:
            pool = ProcessPoolExecutor(jobs, get_context("spawn"), partial(torch.set_num_threads, 1))
            found = stack.enter_context(pool).map(detect_in_clip, *zip(*tasks, strict=True))
        clips = []
        for clip in found:
            clips.append(clip)
            say(f"{len(clips)}/{len(tasks)} {clip.name}")
        return clips


def detect_in_real_clips(
    data: Path,
    folds: Sequence[Fold],
    baselines: Sequence[Baseline],
    limit: int,
    say: Callable[[str], None],
    jobs: int = 1,
    only_network: bool = False,
) -> list[Clip]:
    """Run the detectors on every labelled real clip, with networks that were not trained on its recording day."""
    names = list(read_label_rows(data).items())[: limit or None]
    if not names:
        raise BadInput(f"{data} holds none of the clips that {LABELS} names; give their folder with --data")
    tasks: list[tuple[Any, ...]] = []
    for name, labels in names:
        hits = [(label.heard_s, label.action) for label in labels if label.heard_s is not None]
        path = data / name
        fold, baseline = choose_fold(folds, path.name[:10]), choose_baseline(baselines, path.name[:10])
        tasks.append((path, path, hits, fold, True, baseline, only_network))
    clips = _detect_in_all(tasks, jobs, say)
    if not folds:
        return clips
    frames_s = {Path(clip.name).stem: clip.frame_s for clip in clips}
    return [
        replace(clip, lag_s=usual_lag_s(fold, clip.frame_s, frames_s))
        for clip in clips
        if (fold := choose_fold(folds, clip.day)) is not None
    ]


def detect_in_simulated_clips(
    folder: Path,
    fold: Fold | None,
    limit: int,
    say: Callable[[str], None],
    jobs: int = 1,
    only_network: bool = False,
) -> list[Clip]:
    """Run the detectors on every simulated take of a folder; invisible contacts are neither missed nor false."""
    takes = [take for take in list_takes(folder) if take.picture is not None][: limit or None]
    if not takes:
        raise BadInput(f"{folder} holds no simulated takes; make some with `launch.py simulate`")
    contacts = [choose_contacts(take) for take in takes]
    tasks = [
        (take.picture, take.sound, labels, fold, False, None, only_network)
        for take, (labels, _) in zip(takes, contacts, strict=True)
    ]
    clips = _detect_in_all(tasks, jobs, say)
    return [
        describe_hits(take, replace(clip, audible_s=sorted([*clip.labelled_s, *others])))
        for take, clip, (_, others) in zip(takes, clips, contacts, strict=True)
    ]


def main(args: list[str]) -> None:
    """The command ``evaluate onsets``."""
    parser = argparse.ArgumentParser(
        prog="evaluate onsets", description="Score the onset detectors on real clips with labelled hits."
    )
    data_help = f"the folder that holds {LABELS}"
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help=data_help)
    folds_help = "folder of onset networks, each trained with `train onsets --leave-out DAY...`"
    parser.add_argument("--folds", metavar="DIR", help=folds_help)
    baselines_help = "folder of SyncFusion's networks, each trained with `train onsets_baseline --leave-out DAY...`"
    parser.add_argument("--baselines", metavar="DIR", help=baselines_help)
    parser.add_argument("--sim", metavar="DIR", help="held-out takes that `launch.py simulate` wrote")
    only_help = "leave out the detectors of the picture that have no network, which take most of the time"
    parser.add_argument("--only-sim", action="store_true", help="leave out the real clips")
    parser.add_argument("--only-network", action="store_true", help=only_help)
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="clips at once, each by a process of its own")
    parser.add_argument("--figure", metavar="IMAGE", help="draw the network's missed and false hits in --sim")
    parser.add_argument("--limit", type=int, default=0, help="at most so many clips of a kind")
    parser.add_argument("--ckpt-dir", default="checkpoints", help="its onsets/ is scored on simulated takes")
    parser.add_argument("--device", help="not used: the detectors run on the CPU here")
    parser.add_argument("--json", metavar="F", help="write the figures to a file, or - for standard output")
    options = parser.parse_args(args)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if options.limit < 0 or options.jobs < 1:
        raise BadInput("--limit is under 0, or --jobs under 1; give counts")
    if options.only_sim and not options.sim:
        raise BadInput("--only-sim leaves the real clips out, but no takes are given; give their folder with --sim")
    how = (options.jobs, options.only_network)
    folds = open_folds(Path(options.folds)) if options.folds else []
    result: dict[str, Any] = {}
    baselines = open_baselines(Path(options.baselines)) if options.baselines else []
    if not options.only_sim:
        real = detect_in_real_clips(Path(options.data), folds, baselines, options.limit, say, *how)
        result["real"] = tabulate(real, bool(folds))
        print_tables("real clips", result["real"])
    if options.sim:
        fold = open_folds(Path(options.ckpt_dir) / "onsets")[0]
        simulated = detect_in_simulated_clips(Path(options.sim), fold, options.limit, say, *how)
        result["simulated"] = tabulate(simulated, True)
        print_tables("simulated takes", result["simulated"])
        if options.figure:
            paths = {take.picture.name: take.picture for take in list_takes(Path(options.sim)) if take.picture}
            draw_failures(simulated, paths, "network", Path(options.figure))
    if options.json == "-":
        print(json.dumps(result))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
