"""Train the vision network on frames of hits: ``launch.py train vision``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from engine.core.checkpoint import CONFIG, count_parameters
from engine.core.device import choose_device, prefers_bfloat16
from engine.core.errors import BadInput
from engine.lab.data.vision.batches import Augmentation, draw_crops, draw_gray_frames, make_targets, sampling_weights
from engine.lab.data.vision.corpus import gather, prepare_sharded_hits
from engine.lab.data.vision.features import read_contacts
from engine.lab.data.vision.hits import (
    ELSEWHERE,
    PER_OBJECT,
    HitFrames,
    fill_contacts,
    join_hits,
    select_hits,
    was_recorded_on,
)
from engine.lab.training.plan import add_plan_arguments
from engine.lab.training.ranks import Ranks, add_ranks_arguments, join_ranks, own_device
from engine.lab.training.trainer import Trainer, cosine_rate
from engine.lab.training.vision.heads import BACKBONE_HEADS, HeadConfig, extract_hit_features, train_heads
from engine.lab.training.vision.losses import (
    LossConfig,
    contrastive_loss,
    heatmap_loss,
    pairwise_distances_db,
    prediction_loss,
)
from engine.lab.training.vision.picture_set import PictureSet, extract_picture_features
from engine.lab.training.vision.plan import plan_training
from engine.vision.network import VisionConfig, VisionNetwork, VisionOutput
from engine.vision.predict import VISION_CHECKPOINT, VisionModel, load_vision_model, open_backbone, save_vision_model

FOLDS = {
    "a": ("2015-09-23", "2015-02-16"),
    "b": ("2015-02-22", "2015-02-23", "2015-03-20", "2015-10-06"),
    "c": ("2015-02-21", "2015-03-30", "2015-09-24"),
    "d": ("2015-03-12", "2015-09-29"),
    "e": ("2015-10-03", ELSEWHERE),
}
"""Recording days that are left out together, so that each is predicted by a network not trained on it."""
BACKBONE_SCALES = (0.3, 0.55, 1.0)
"""Sides of the crops for a backbone: the contact, the object, and its surroundings."""

ComputeLoss = Callable[[np.random.Generator], torch.Tensor]


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of training, in two stages with a cosine learning rate each.

    First the contact locator is trained on simulated hits, whose contacts are known, and locates the contacts of real
    hits; then frame encoder and heads are trained on crops at those contacts.
    """

    minutes: float = 20.0
    steps: int = 0  # instead of ``minutes`` where it is not 0
    batch: int = 24
    locator_share: float = 0.25  # of the training, for the first stage
    learning_rate: float = 1.5e-3
    warmup_steps: int = 50
    weight_decay: float = 5e-2
    real_share: float = 0.4  # of real hits in a batch, where there are any
    ema_decay: float = 0.995
    save_minutes: float = 3.0
    losses: LossConfig = field(default_factory=LossConfig)
    seed: int = 0


class Training(Trainer[VisionNetwork]):
    """Training state of a vision network."""

    def __init__(
        self, fresh: VisionNetwork, config: TrainingConfig, work: Path, device: torch.device, ranks: Ranks | None = None
    ) -> None:
        super().__init__(fresh, work, device, config.learning_rate, config.weight_decay, 0.99, ranks=ranks)
        self.config = config
        self.losses: dict[str, float] = {}

    def save(self) -> None:
        """Write the state atomically, and a line of the log."""
        self.save_state({name: round(value, 3) for name, value in self.losses.items()})

    def progress(self) -> float:
        """Share of the steps, or else of the time, that is done."""
        return self.step / self.config.steps if self.config.steps else self.spent_s / (self.config.minutes * 60)

    def train_step(self, compute_loss: ComputeLoss, name: str, low: float, high: float) -> None:
        """One step of the optimizer and of the moving average, its rate falling from one share of the progress on."""
        config, done = self.config, (self.progress() - low) / max(1e-6, high - low)
        rate = cosine_rate(config.learning_rate, self.step, config.warmup_steps, done)
        self.network.train()
        value = self.optimize_parts(lambda _, random: compute_loss(random), config.seed, rate, config.ema_decay)
        self.losses[name] = 0.98 * self.losses.get(name, value) + 0.02 * value

    def run(self, made: HitFrames, real: HitFrames, descriptors: np.ndarray) -> None:
        """Train for the configured steps or minutes; ``descriptors`` [N, L] of the simulated, then the real hits."""
        share = self.config.locator_share if made.hits else 0.0  # 0 where a trained locator is taken over
        locate = self._locator_loss(made)
        while self.progress() < share:
            with self._timed():
                self.train_step(locate, "heatmap", 0.0, share)
        hits = join_hits(made, fill_contacts(real, read_contacts(VisionModel(self.average), real)))
        recognize = self._recognition_loss(hits, descriptors)
        while self.progress() < 1.0:
            with self._timed():
                self.train_step(recognize, "recognition", share, 1.0)
        self.save()

    def mix_stages(self, made: HitFrames, real: HitFrames, descriptors: np.ndarray) -> Callable[[], None]:
        """What makes steps of both stages in turn, as many of each as their shares: a trial of how long they take."""
        share = self.config.locator_share if made.hits else 0.0
        hits = join_hits(made, fill_contacts(real, read_contacts(VisionModel(self.average), real)))
        locate, recognize = self._locator_loss(made), self._recognition_loss(hits, descriptors)

        def make_step() -> None:
            is_locator = int((self.step + 1) * share) > int(self.step * share)
            self.train_step(locate if is_locator else recognize, "trial", 0.0, 1.0)

        return make_step

    def _locator_loss(self, made: HitFrames) -> ComputeLoss:
        augmentation = Augmentation()
        chances = sampling_weights(made, 0.0) if made.hits else np.zeros(0)

        def compute_loss(random: np.random.Generator) -> torch.Tensor:
            index = random.choice(len(chances), self.config.batch, p=chances)
            wide, contacts = draw_gray_frames(made, index, random, augmentation)
            return heatmap_loss(self.network.locator(wide.to(self.device)), contacts)

        return compute_loss

    def _recognition_loss(self, hits: HitFrames, descriptors: np.ndarray) -> ComputeLoss:
        chances = sampling_weights(hits, self.config.real_share)
        with_sound = np.flatnonzero(np.isfinite(descriptors).all(axis=1))
        sounds = torch.from_numpy(descriptors[with_sound]).to(self.device)
        sound_index = np.full(len(descriptors), -1)
        sound_index[with_sound] = np.arange(len(with_sound))
        distances_db = pairwise_distances_db(sounds)
        materials = make_targets(hits, with_sound).material.to(self.device)
        augmentation = Augmentation()

        def compute_loss(random: np.random.Generator) -> torch.Tensor:
            index = random.choice(len(chances), self.config.batch, p=chances)
            crops = draw_crops(hits, index, random, augmentation).to(self.device)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=prefers_bfloat16(self.device)):
                features = self.network.encode(crops)
            output = self.network.head(features.float())
            loss = prediction_loss(output, make_targets(hits, index), self.config.losses)
            if len(with_sound):
                loss = loss + self._sound_loss(output, sound_index[index], sounds, distances_db, materials)
            return loss

        return compute_loss

    def _sound_loss(
        self,
        output: VisionOutput,
        own: np.ndarray,
        sounds: torch.Tensor,
        distances_db: torch.Tensor,
        materials: torch.Tensor,
    ) -> torch.Tensor:
        """Material loss of all sounds plus the contrastive loss; ``own`` [B] indexes each hit's sound, -1 for none."""
        embedding, material = self.network.physics_encoder(sounds + torch.randn_like(sounds))
        loss = self.config.losses.physics_weight * F.cross_entropy(
            material, materials, ignore_index=-1, label_smoothing=0.1
        )
        rows = torch.from_numpy(own).to(self.device)
        known = rows >= 0
        if known.any():
            contrast = contrastive_loss(
                output.embedding[known],
                embedding,
                distances_db[rows[known]],
                self.network.logit_scale,
                self.config.losses.similar_db,
            )
            loss = loss + self.config.losses.contrastive_weight * contrast
        return loss

    def _timed(self) -> _Clock:
        return _Clock(self)


class _Clock:
    """Counts the time that a step takes, and saves now and then."""

    def __init__(self, training: Training) -> None:
        self.training = training

    def __enter__(self) -> None:
        self.start_s = time.monotonic()

    def __exit__(self, *_: object) -> None:
        training = self.training
        before, every_s = training.spent_s, training.config.save_minutes * 60
        training.spend(time.monotonic() - self.start_s)
        if before // every_s != training.spent_s // every_s:
            training.save()


def main(args: list[str]) -> None:
    """The command ``train vision``."""
    options = _parse(args)
    device, note = choose_device(options.device)
    heads_alone = bool(options.begin or options.backbone)
    if heads_alone and (options.parts or options.plan):
        option = "--parts" if options.parts else "--plan"
        raise BadInput(f"heads alone are trained in minutes by one process; leave {option} out")
    config = TrainingConfig(
        minutes=options.minutes,
        steps=options.steps,
        locator_share=0.0 if options.locator else TrainingConfig.locator_share,
        learning_rate=options.learning_rate,
        seed=options.seed,
    )
    if options.plan:

        def begin(work: Path, *data: Any) -> Callable[[], None]:
            return Training(VisionNetwork(VisionConfig()), replace(config, steps=1), work, device).mix_stages(*data)

        print(plan_training(options, begin).describe())
        return
    device = own_device(device)
    ranks = join_ranks(options.parts, device)
    work = Path(options.work)
    data = None if options.clean else options.data
    frames = Path(options.frames or work)
    per_object = 1 if heads_alone else PER_OBJECT  # features of a frozen encoder differ little within an object
    if data is not None:
        prepare_sharded_hits(data, frames, ranks.index, ranks.count)
        ranks.wait()
    with ranks.first_goes_ahead():
        made, real, descriptors, keep = gather(data, options.sim, frames, options.leave_out, per_object)
    counts = f"{len(keep) - len(made.hits)} real hits, {len(made.hits)} simulated"
    facts: dict[str, Any] = {"device": note, "clean": options.clean, "left_out": sorted(options.leave_out)}
    facts |= {"simulated_hits": len(made.hits), "real_hits": len(keep) - len(made.hits)}
    if heads_alone:
        print(f"training the heads alone; {counts}", file=sys.stderr)
        _train_all_heads(options, made, real, descriptors, keep, facts)
    else:
        torch.manual_seed(config.seed)
        fresh = VisionNetwork(VisionConfig())
        if options.locator:
            fresh.locator.load_state_dict(load_vision_model(Path(options.locator)).network.locator.state_dict())
        training = Training(fresh, config, work, device, ranks)
        training.resume()
        millions = count_parameters(training.network) / 1e6
        print(f"{millions:.2f} M parameters on {note}; {counts}", file=sys.stderr)
        learnt = select_hits(join_hits(made, real), keep)
        split = len(made.hits)
        training.run(select_hits(learnt, range(split)), select_hits(learnt, range(split, len(keep))), descriptors[keep])
        if not ranks.is_first:
            return
        facts |= {"parts": ranks.parts}
        save_vision_model(Path(options.out), VisionModel(training.average.cpu()), {**asdict(config), **facts})
    print(f"wrote {options.out}", file=sys.stderr)


def _train_all_heads(
    options: argparse.Namespace,
    made: HitFrames,
    real: HitFrames,
    descriptors: np.ndarray,
    keep: np.ndarray,
    facts: dict[str, Any],
) -> None:
    """Train the heads on the hits at ``keep``, and with --folds those of the networks that leave out days."""
    work, frames = Path(options.work), Path(options.frames or options.work)
    model = _begin(options)
    dataset = join_hits(made, fill_contacts(real, read_contacts(model, real, frames)))
    heads = replace(HeadConfig() if model.backbone is None else BACKBONE_HEADS, seed=options.seed)
    features = extract_hit_features(model, dataset, frames, heads)
    pictures = _read_pictures(model, Path(options.data), frames)
    facts |= {"pictures": 0 if pictures is None else len(pictures.materials), "heads": asdict(heads)}
    facts |= {"began_with": read_training(Path(options.begin or VISION_CHECKPOINT))}

    def train(index: np.ndarray, out: Path, changed: dict[str, Any]) -> None:
        learnt = select_hits(dataset, index)
        train_heads(model.network, features[:, index], learnt, descriptors[index], heads, work, pictures)
        save_vision_model(out, model, {**facts, **changed})

    for name, days in FOLDS.items() if options.folds else ():
        index = np.asarray([k for k in keep if not was_recorded_on(dataset.hits[k], days)])
        counts = {"left_out": sorted(days), "real_hits": int((index >= len(made.hits)).sum())}
        train(index, Path(options.folds) / name, counts)
        print(f"wrote {Path(options.folds) / name}, without {', '.join(days)}", file=sys.stderr, flush=True)
    train(keep, Path(options.out), {})


def _read_pictures(model: VisionModel, data: Path, work: Path) -> PictureSet | None:
    """Features of the labelled pictures in a folder of data; None where it holds none."""
    if not (data / "pictures").is_dir():
        return None
    return extract_picture_features(model, data, work)


def _begin(options: argparse.Namespace) -> VisionModel:
    """The model whose heads are to be trained; on a backbone the contact locator alone is that of --begin."""
    model = load_vision_model(Path(options.begin or VISION_CHECKPOINT))
    if not options.backbone:
        return VisionModel(model.network, 1.0, model.backbone)
    backbone = open_backbone(options.backbone)
    torch.manual_seed(options.seed)
    width = backbone.config.features
    config = VisionConfig(features=width, hidden=96, scales=BACKBONE_SCALES, pool_scales=True, linear_material=True)
    fresh = VisionNetwork(config)
    fresh.locator.load_state_dict(model.network.locator.state_dict())
    return VisionModel(fresh, 1.0, backbone)


def read_training(folder: Path) -> dict[str, Any]:
    """The training record in a checkpoint's config.json."""
    training: dict[str, Any] = json.loads((folder / CONFIG).read_bytes()).get("training", {})
    return training


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train vision", description="Train the vision network on frames of hits.")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data",
                        help="folder of labelled clips, or of tar files of such")  # fmt: skip
    parser.add_argument("--sim", nargs="*", default=[], metavar="DIR", help="folders that `launch.py simulate` wrote")
    parser.add_argument("--clean", action="store_true", help="train on simulated takes alone")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="DAY", help="recording days not to train on")
    parser.add_argument("--folds", metavar="DIR", help="of the heads alone, write those that leave out days here too")
    parser.add_argument("--out", default="checkpoints/vision", help="checkpoint folder to write")
    parser.add_argument("--work", default=".struck/train_vision", help="frames, sounds and resumable state")
    parser.add_argument("--frames", help="folder of frames and sounds where it is another than --work")
    parser.add_argument("--begin", metavar="CHECKPOINT", help="train the heads alone, on this one's features")
    parser.add_argument(
        "--locator", "--finder", metavar="CHECKPOINT", help="take the contact locator of this one, and train the rest"
    )
    parser.add_argument("--backbone", metavar="FOLDER", help="train heads on an image network of your own")
    parser.add_argument("--minutes", type=float, default=TrainingConfig.minutes, help="training time in all")
    parser.add_argument("--steps", type=int, default=0, help="train for so many steps, whatever time they take")
    parser.add_argument("--learning-rate", type=float, default=TrainingConfig.learning_rate)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    add_ranks_arguments(parser)
    add_plan_arguments(parser)
    return parser.parse_args(args)
