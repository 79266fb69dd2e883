"""Train onset networks on packed film, with and without each group of days: ``launch.py train onset_folds``.

Film is packed on one machine (``--pack``) and learnt from on another, which may have a GPU and none of the sound
libraries (``--packed``), or learnt from where it lies (``--unpacked``). The networks of a training, one file, are split
into checkpoints (``--adopt``).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from engine.core.checkpoint import build_config, count_parameters
from engine.core.device import choose_device
from engine.core.errors import BadInput
from engine.lab.data.onsets.device_batches import FilmStore
from engine.lab.data.onsets.pack import PackedClip, encode_frames, read_pack, write_pack
from engine.lab.training.onset_folds.folds import ALL, FOLDS, NETWORK, FoldConfig, export_folds, train_folds
from engine.lab.training.onsets.objective import center
from engine.lab.training.trainer import log_line
from engine.onsets.network import OnsetNetwork, OnsetNetworkConfig
from engine.onsets.watch import load_onset_network, save_onset_network

FINISH_S = 15.0
"""Time reserved for aligning labels and writing the last weights."""


def read_film(options: argparse.Namespace) -> tuple[list[PackedClip], Iterator[PackedClip]]:
    """Real film, labelled by its sound and set in step with its picture, and simulated takes as they are read."""
    from engine.lab.data.onsets.film import align_clips, read_real_film, read_simulated_film

    pixels = options.pixels or NETWORK.pixels
    network, _ = load_onset_network(Path(options.network))
    real = align_clips(list(read_real_film(Path(options.data), pixels)), network)
    return real, chain.from_iterable(read_simulated_film(Path(folder), pixels) for folder in options.sim)


def pack(options: argparse.Namespace) -> None:
    """Write film and takes into one file of at most ``--megabytes``."""

    def say(what: str, clips: list[PackedClip], size: int) -> None:
        minutes = sum(clip.times_s[-1] - clip.times_s[0] for clip in clips) / 60
        frames = sum(len(clip.frames) for clip in clips)
        print(f"{what}: {len(clips)} clips, {frames} frames, {minutes:.1f} min, {size / 1e6:.2f} MB", file=sys.stderr)

    clips, takes = read_film(options)
    streams = [encode_frames(clip.frames, options.quality) for clip in clips]
    say("real", clips, sum(map(len, streams)))
    left = options.megabytes * 1e6 - sum(map(len, streams)) - 3e5
    made: list[PackedClip] = []
    for clip in takes:
        stream = encode_frames(clip.frames, options.quality + 1.0)
        left -= len(stream) + 200
        if left < 0:
            break
        made.append(clip)
        streams.append(stream)
    say("simulated", made, sum(map(len, streams[len(clips) :])))
    write_pack(Path(options.pack), [*clips, *made], streams)
    print(f"wrote {options.pack}", file=sys.stderr)


def train(options: argparse.Namespace) -> None:
    """Train on a packed file, or on film and takes where they lie, for ``--minutes``, reading included."""
    begun_s = time.monotonic()
    device, note = choose_device(options.device)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    work, out = Path(options.work), Path(options.out)
    if options.packed:
        clips = read_pack(Path(options.packed), options.threads)
    else:
        real, takes = read_film(options)
        clips = [*real, *takes]
    if options.clips:
        clips = [*clips[: options.clips], *clips[-options.clips :]]
    store = FilmStore(clips, device)
    network = (
        build_config(OnsetNetworkConfig, json.loads(options.network_config)) if options.network_config else NETWORK
    )
    work.mkdir(parents=True, exist_ok=True)
    log = work / "log.jsonl"
    frames = sum(len(clip.frames) for clip in clips)
    parameters = count_parameters(OnsetNetwork(network)) / 1e6
    start = {"device": note, "clips": len(clips), "frames": frames, "read_s": round(time.monotonic() - begun_s, 1)}
    log_line(log, {**start, "million_parameters": round(parameters, 3)})
    config = replace(
        FoldConfig(),
        size=options.size,
        seed=options.seed,
        scale=options.scale,
        learning_rate=options.learning_rate,
        real_share=options.real_share,
        clips_share=options.clips_share,
        steps=options.steps,
    )
    if options.no_align:
        config = replace(config, align_at=())
    names = options.folds if options.folds is not None else [*FOLDS, ALL]
    real_count = sum(clip.real for clip in clips)
    facts: dict[str, Any] = {"device": note, "minutes": options.minutes, "real_clips": real_count}
    facts |= {"simulated_takes": len(clips) - real_count}
    deadline_s = begun_s + 60.0 * options.minutes - FINISH_S
    begin = None if options.begin is None else Path(options.begin)
    folds = train_folds(store, names, config, network, work, out, deadline_s, begun_s, facts, begin)
    torch.backends.cudnn.benchmark = False
    moved = {fold.name: round(center(fold.average, clips, 24), 3) for fold in folds}
    export_folds(folds, out, facts)
    log_line(log, {"centred_by_frames": moved, "steps": {fold.name: fold.step for fold in folds}})


def adopt(options: argparse.Namespace) -> None:
    """Write every network of a file that ``--packed`` wrote as a checkpoint folder of its own, named after it."""
    from safetensors import safe_open

    path = Path(options.adopt)
    try:
        with safe_open(path, "pt") as held:  # type: ignore[no-untyped-call]
            facts = held.metadata()
            config = build_config(OnsetNetworkConfig, json.loads(facts["network"]))
            training = json.loads(facts["training"])
            names = held.keys()
            weights = {name: held.get_tensor(name).float() for name in names}
    except Exception as error:  # the library's own errors, and those of missing or wrong metadata
        reason = str(error)[:80]
        raise BadInput(f"{path} holds no onset networks ({reason}); make it with `train onset_folds`") from None
    watched = replace(config, pixels=options.pixels or config.pixels, mirrored=not options.no_mirror)
    for name, facts_of in training.items():
        network = OnsetNetwork(watched)
        network.load_state_dict({k.removeprefix(f"{name}/"): v for k, v in weights.items() if k.startswith(f"{name}/")})
        save_onset_network(
            Path(options.out) / name, network, options.calibrated_threshold, facts_of | {"pixels": config.pixels}
        )
        print(f"wrote {Path(options.out) / name}", file=sys.stderr)


def main(args: list[str]) -> None:
    """The command ``train onset_folds``."""
    parser = argparse.ArgumentParser(prog="train onset_folds", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pack", metavar="FILE", help="write film and labels into a file")
    what.add_argument("--packed", metavar="FILE", help="learn from such a file")
    what.add_argument("--unpacked", action="store_true", help="learn from the clips of --data and the takes of --sim")
    what.add_argument("--adopt", metavar="FILE", help="write checkpoint folders from the networks of a training")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data", help="folder of real clips")
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="folders that `launch.py simulate` wrote")
    parser.add_argument("--network", default="checkpoints/onsets", help="checkpoint that sets film and sound in step")
    parser.add_argument("--quality", type=float, default=30.0, help="constant rate factor of the packed film")
    parser.add_argument("--megabytes", type=float, default=9.0, help="simulated takes fill the file up to this size")
    parser.add_argument(
        "--out", default=".struck/onset_folds.safetensors", help="file of networks, or folder to adopt to"
    )
    parser.add_argument("--work", default=".struck/onset_folds", help="resumable state")
    parser.add_argument("--minutes", type=float, default=8.0, help="time in all")
    parser.add_argument("--folds", nargs="*", help=f"networks besides the clean one: {', '.join(FOLDS)} and {ALL}")
    parser.add_argument("--begin", metavar="DIR", help="go on from adopted networks, such as checkpoints/onset_folds")
    parser.add_argument("--size", type=int, default=FoldConfig.size, help="pieces in a batch")
    parser.add_argument("--scale", type=float, default=FoldConfig.scale, help="sides of the last stage's frames")
    parser.add_argument("--learning-rate", type=float, default=FoldConfig.learning_rate)
    parser.add_argument("--clips", type=int, default=0, help="only so many real and simulated clips, to try")
    parser.add_argument("--no-align", action="store_true", help="keep the clips' lags as they were packed")
    parser.add_argument("--threads", type=int, default=8, help="clips decoded at a time")
    parser.add_argument("--network-config", metavar="JSON", help="another size of network")
    parser.add_argument("--calibrated-threshold", type=float, default=0.4, help="becomes the default threshold")
    share_help = "share of real clips among the pieces of a batch"
    parser.add_argument("--real-share", type=float, default=FoldConfig.real_share, help=share_help)
    clips_help = "share of its real clips that a network learns from, for a learning curve"
    parser.add_argument("--clips-share", type=float, default=FoldConfig.clips_share, help=clips_help)
    steps_help = "steps of each network's last stage, whatever time they take"
    parser.add_argument("--steps", type=int, default=FoldConfig.steps, help=steps_help)
    pixels_help = "about so many pixels of a frame are packed, or watched by an adopted network, where other than usual"
    parser.add_argument("--pixels", type=int, default=0, help=pixels_help)
    parser.add_argument("--no-mirror", action="store_true", help="the mirror image of a clip is not watched")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(args)
    unknown = sorted(set(options.folds or ()) - {*FOLDS, ALL})
    if unknown:
        raise BadInput(f"--folds {unknown[0]!r} is not known; use some of {', '.join(FOLDS)} and {ALL}")
    if not 0.0 < options.clips_share <= 1.0:
        raise BadInput(f"--clips-share {options.clips_share} is out of range; give a share over 0, up to 1")
    for name, least in (("size", 1), ("threads", 1), ("steps", 0), ("clips", 0), ("pixels", 0)):
        if getattr(options, name) < least:
            raise BadInput(f"--{name} {getattr(options, name)} is too few; give {least} or more")
    if options.pack:
        pack(options)
    elif options.adopt:
        adopt(options)
    else:
        train(options)
