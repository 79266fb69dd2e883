"""Cross-validation folds of the onset network: each without some recording days, trained in turn on one device."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.device import prefers_bfloat16
from engine.core.files import replace_file
from engine.lab.data.onsets.device_batches import FilmStore, draw_device_batch
from engine.lab.data.onsets.lag import choose_shifts, measure_agreement
from engine.lab.training.onsets.objective import onset_loss
from engine.lab.training.trainer import Trainer, cosine_rate, log_line
from engine.onsets.network import OnsetNetwork, OnsetNetworkConfig
from engine.onsets.watch import load_onset_network

CLEAN = "clean"
COMMON = "common"
ALL = "all"
FOLDS = {
    "a": ("2015-09-23", "2015-02-16"),
    "b": ("2015-02-22", "2015-10-06", "2015-03-20"),
    "c": ("2015-09-24", "2015-02-21", "2015-03-30"),
    "d": ("2015-03-12", "2015-09-29"),
}
"""Recording days left out of each network's training; ``all`` uses every clip, ``clean`` no real one.

``common`` uses no clip of a known day, so that what it learns serves every fold.
"""
PAIRS = {"ab": ("a", "b"), "cd": ("c", "d")}
"""Networks without the days of two folds, from which both begin: what is learnt once serves twice."""
SHAPES = ((80, 144), (80, 144), (80, 144), (94, 124), (108, 108))
"""Rows and columns of a batch, drawn at random: mostly 16:9, some 4:3, some square."""
NETWORK = OnsetNetworkConfig(widths=(32, 56, 80, 112), pixels=80 * 144, depth=2)


@dataclass(frozen=True)
class FoldConfig:
    """``size`` excerpts of ``frames`` frames per step; fractions of the time train ``clean``, ``common`` and the pairs.

    Each starts from the one before, a fold from its pair and ``all`` from ``common``; frames are ``early_scale`` times
    as large until the folds' own stage, ``scale`` times in it. At ``align_at`` (fractions of a stage), and before its
    first step, each real clip's labels are shifted to the network's predictions; where it is empty, never. A network
    learns from ``clips_share`` of its real clips, drawn at random, a smaller share being part of a larger one. With
    ``steps`` each network of the last stage takes so many, whatever time they take.
    """

    size: int = 32
    frames: int = 96
    real_share: float = 0.75
    clips_share: float = 1.0
    steps: int = 0
    clean_share: float = 0.1
    common_share: float = 0.25
    pair_share: float = 0.3
    early_scale: float = 0.8
    scale: float = 1.0
    align_at: tuple[float, ...] = (0.3, 0.6)
    clean_rate: float = 3e-3
    learning_rate: float = 2e-3
    warmup_steps: int = 60
    weight_decay: float = 3e-2
    ema_decay: float = 0.998
    save_s: float = 60.0
    seed: int = 0


class Fold(Trainer[OnsetNetwork]):
    """Training state of one network: its training clips (indices) and the lag of each clip's picture [clips]."""

    def __init__(
        self, name: str, store: FilmStore, config: FoldConfig, network: OnsetNetworkConfig, work: Path
    ) -> None:
        rate = config.clean_rate if name == CLEAN else config.learning_rate
        torch.manual_seed(config.seed)
        fresh = OnsetNetwork(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        super().__init__(fresh, work / name, store.device, rate, config.weight_decay, 0.99)
        self.name, self.rate, self.config = name, rate, config
        self.left_out = tuple(day for fold in PAIRS.get(name, (name,)) for day in FOLDS.get(fold, ()))
        known = [k for k, clip in enumerate(store.clips) if self._learns_from(clip.days, clip.real)]
        self.chosen = draw_share(store, known, config.clips_share, config.seed)
        self.shifts_s = np.asarray([clip.shift_s for clip in store.clips])
        self.names = [Path(clip.name).name if clip.real else "" for clip in store.clips]
        self.random = np.random.default_rng((config.seed, sum(map(ord, name))))
        self.summed = torch.zeros((), device=store.device)
        self.aligned = 0

    def _learns_from(self, days: Sequence[str], real: bool) -> bool:
        if self.name == CLEAN:
            return not real
        return not days if self.name == COMMON else not set(days) & set(self.left_out)

    def restore(self, state: dict[str, Any]) -> None:
        """Load a saved state."""
        super().restore(state)
        self.shifts_s, self.aligned = np.asarray(state["shifts_s"]), int(state["aligned"])

    def save(self) -> None:
        """Write the state atomically, and a line of the log."""
        self.loss = float(self.summed)
        figures = {"network": self.name, "loss": round(self.loss, 4)}
        self.save_state(figures, shifts_s=self.shifts_s.tolist(), aligned=self.aligned)

    def begin_with(self, weights: OnsetNetwork, shifts_s: np.ndarray | None = None) -> None:
        """Initialize with a network's weights and, where given, the lags of the clips."""
        for network in (self.network, self.average):
            network.load_state_dict(weights.state_dict())
        if shifts_s is not None:
            self.shifts_s = shifts_s.copy()

    def train_step(self, store: FilmStore, done: float) -> None:
        """One step of the optimizer and of the moving average, at ``done`` (0 to 1) of this network's time."""
        config, started = self.config, time.monotonic()
        scale = config.early_scale if self.name in (CLEAN, COMMON, *PAIRS) else config.scale
        rows, columns = SHAPES[int(self.random.integers(len(SHAPES)))]
        shape = round(rows * scale), round(columns * scale)
        batch = draw_device_batch(
            store, self.chosen, self.shifts_s, config.frames, config.size, shape, config.real_share, self.random
        )
        self.network.train()
        with torch.autocast(store.device.type, torch.bfloat16, enabled=prefers_bfloat16(store.device)):
            features = self.network.encoder(batch.frames)
        loss = onset_loss(self.network.temporal_forward(features.float(), batch.interval_s), batch)
        self.optimize(loss, cosine_rate(self.rate, self.step, config.warmup_steps, done), config.ema_decay)
        self.summed.lerp_(loss.detach(), 0.02 if self.step > 50 else 0.2)
        self.spent_s += time.monotonic() - started

    def align(self, store: FilmStore) -> None:
        """Shift each real clip's labels, as a whole, to the averaged network's predictions."""
        real = [k for k in range(len(store.clips)) if store.real[k]]
        if not real:
            return
        agreements = []
        for k in real:
            clip = store.clips[k]
            probability = predict_probability(self.average, store, k)
            agreements.append(measure_agreement(clip.times_s, probability, clip.hits_s, clip.confidence))
        self.shifts_s[real] = choose_shifts(agreements, [store.clips[k].source for k in real])
        share = float(np.mean([agreement.max() for agreement in agreements]))
        log_line(self.log_path, {"network": self.name, "aligned": len(real), "agreement": round(share, 3)})


def draw_share(store: FilmStore, known: Sequence[int], share: float, seed: int) -> np.ndarray:
    """Of clips (indices), every simulated one and a share of the real ones, at least one, in their order."""
    lots = np.random.default_rng(seed).random(len(store.clips))  # of all clips, so that folds share what they draw
    real = sorted((k for k in known if store.real[k]), key=lambda k: lots[k])
    left_out = set(real[max(1, round(share * len(real))) :])
    return np.asarray([k for k in known if k not in left_out])


@torch.inference_mode()
def predict_probability(network: OnsetNetwork, store: FilmStore, index: int, most: int = 1024) -> np.ndarray:
    """Probability of a hit at every frame of a clip [N], by the statistics of parts of up to ``most`` frames."""
    rows, columns = store.clips[index].frames.shape[1:]
    first, count = int(store.first[index]), int(store.count[index])
    features = []
    network.eval()
    for start in range(0, count, most):
        part = store.frames[first + start : first + min(start + most, count), :rows, :columns]
        with (
            torch.autocast(store.device.type, torch.bfloat16, enabled=prefers_bfloat16(store.device)),
            torch.backends.cudnn.flags(enabled=True, benchmark=False),  # every clip is of another length
        ):
            features.append(network.encoder(part.float()[None]))
    times = store.times[first : first + count]
    steps = torch.diff(times)
    interval = torch.cat((steps, steps[-1:]))[None]
    logit = network.temporal_forward(torch.cat(features, dim=1).float(), interval)[0, :, 0]
    return np.asarray(logit.sigmoid().float().cpu().numpy(), np.float64)


def train_folds(
    store: FilmStore,
    names: Sequence[str],
    config: FoldConfig,
    network: OnsetNetworkConfig,
    work: Path,
    out: Path,
    deadline_s: float,
    begun_s: float,
    facts: dict[str, Any],
    begin: Path | None = None,
) -> list[Fold]:
    """Train ``clean``, ``common``, the pairs and then the others in turn, until ``deadline_s`` of time.monotonic().

    ``out`` is kept current. A training that is resumed goes on with the last stage that it had begun. With ``begin``,
    a folder of checkpoints by name, only the last stage is trained, from these (``load_beginning``). Raises BadInput.
    """
    pairs = [pair for pair, members in PAIRS.items() if set(members) & set(names)]
    plan = [[CLEAN], [COMMON], pairs, list(names)] if names else [[CLEAN]]
    stages = [[Fold(name, store, config, network, work) for name in stage] for stage in plan]
    folds = [fold for stage in stages for fold in stage]
    for fold in folds:
        fold.resume()
    shares = (config.clean_share, config.common_share, config.pair_share, 1.0) if names else (1.0,)
    began = max((k for k, stage in enumerate(stages) if any(fold.step for fold in stage)), default=0)
    if begin is not None:
        began = len(stages) - 1
        for fold in stages[began]:
            if not fold.step:
                fold.begin_with(load_beginning(begin, fold.name))
    saved_s = time.monotonic()
    for number, (stage, share) in enumerate(zip(stages, shares, strict=True)):
        if number < began or not any(len(fold.chosen) for fold in stage):
            continue
        if number and begin is None and not any(fold.step for fold in stage):
            formers = {fold: find_former(fold, folds) for fold in stage}
            for former in set(formers.values()) if config.align_at else ():
                former.align(store)
            for fold, former in formers.items():
                fold.begin_with(former.average, former.shifts_s)
        started_s = time.monotonic()
        until_s = min(deadline_s, started_s + share * (deadline_s - begun_s))
        steps = config.steps * len(stage) if stage is stages[-1] else 0
        turn = sum(fold.step for fold in stage) if steps else 0
        while turn < (steps or len(stage)) or (not steps and time.monotonic() < until_s):  # one step each at least
            now = time.monotonic()
            fold = stage[turn % len(stage)]
            done = turn / steps if steps else (now - started_s) / max(1.0, until_s - started_s)
            if number and fold.aligned < sum(done >= at for at in config.align_at):
                fold.align(store)
                fold.aligned += 1
            fold.train_step(store, done)
            turn += 1
            if now - saved_s > config.save_s:
                saved_s = save_folds(folds, out, facts)
    save_folds(folds, out, facts)
    return folds


def load_beginning(folder: Path, name: str) -> OnsetNetwork:
    """The network of a name in a folder of checkpoints; else, for ``all``, the folds' mean, for others ``clean``.

    The folds share what they began with, so that the mean of their weights is a network too (Wortsman et al. 2022),
    one that has learnt from every day. Raises BadInput.
    """
    if name == ALL and not (folder / ALL).exists() and all((folder / fold).exists() for fold in FOLDS):
        networks = [load_onset_network(folder / fold)[0] for fold in FOLDS]
        states = [network.state_dict() for network in networks]
        means = {key: torch.stack([state[key].float() for state in states]).mean(dim=0) for key in states[0]}
        networks[0].load_state_dict(means)
        return networks[0]
    clean = not (folder / name).exists() and (folder / CLEAN).exists()
    return load_onset_network(folder / (CLEAN if clean else name))[0]


def find_former(fold: Fold, folds: Sequence[Fold]) -> Fold:
    """The network that another begins with: the last before it that was trained and knew no more of the days."""
    before = folds[: folds.index(fold)]
    names = {CLEAN, COMMON, *(pair for pair, members in PAIRS.items() if fold.name in members)}
    return [other for other in before if other.name in names and (other.step or other.name == CLEAN)][-1]


def save_folds(folds: Sequence[Fold], out: Path, facts: dict[str, Any]) -> float:
    """Save every network's state, and write all averaged weights in half precision; returns the time."""
    for fold in folds:
        fold.save()
    export_folds(folds, out, facts)
    return time.monotonic()


def export_folds(folds: Sequence[Fold], out: Path, facts: dict[str, Any]) -> None:
    """Write all averaged networks atomically as one safetensors file with their configuration."""
    from safetensors.torch import save_file

    weights, described = {}, {}
    for fold in folds:
        if not fold.step:
            continue
        for key, value in fold.average.state_dict().items():
            weights[f"{fold.name}/{key}"] = value.detach().half().contiguous().cpu()
        described[fold.name] = {
            **facts,
            **asdict(fold.config),
            "step": fold.step,
            "clean": fold.name == CLEAN,
            "left_out": sorted(fold.left_out),
            "shifts_s": fold_shifts(fold),
        }
    network = asdict(folds[0].network.config)
    out.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(out) as partial:
        save_file(weights, partial, {"network": json.dumps(network), "training": json.dumps(described)})


def fold_shifts(fold: Fold) -> dict[str, float]:
    """Lags in seconds of a network's real training clips, by file name without ending."""
    return {fold.names[k]: round(float(fold.shifts_s[k]), 3) for k in fold.chosen if fold.names[k]}
