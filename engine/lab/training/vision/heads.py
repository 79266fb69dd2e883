"""The sight network's heads learnt alone, on features that stay as they are: of its own eye, or of a backbone."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from engine.lab.data.vision.batches import Truth, Variation, draw_crops, label_hits, weigh_hits
from engine.lab.data.vision.hits import SeenHits
from engine.lab.training.vision.losses import LossConfig, joint_loss, measure_apart, told_loss
from engine.vision.network import COLOURS, Head, SightNetwork, Told
from engine.vision.predict import Watcher

BATCH = 16


@dataclass(frozen=True)
class HeadConfig:
    """How heads are learnt; each hit's features are taken of ``views`` variations, the first of them none at all.
    What the network's own eye gives counts for ``eye_weight`` of what colours and grain do: it is many numbers, learnt
    from simulated takes, in which heads else find what does not carry over.
    """

    steps: int = 250
    batch: int = 96
    sounds: int = 512
    views: int = 3
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    real_share: float = 0.3
    eye_weight: float = 0.1
    seed: int = 0


@torch.inference_mode()
def extract_features(watcher: Watcher, seen: SeenHits, work: Path, config: HeadConfig) -> torch.Tensor:
    """Features of varied crops of every hit, [views, N, F], kept in the work folder."""
    weights = watcher.backbone.weights if watcher.backbone is not None else watcher.network.state_dict()
    trace = [float(value.double().sum()) for name, value in weights.items() if not name.startswith(("head", "tower"))]
    hits = [(hit.picture, round(hit.time_s, 4), round(hit.x, 4), round(hit.y, 4)) for hit in seen.hits]
    key = hashlib.sha256(json.dumps([trace, hits, config.views, config.seed]).encode()).hexdigest()[:16]
    path = work / "features" / f"{key}.npy"
    if path.is_file():
        return torch.from_numpy(np.load(path))
    random = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    rows: list[list[torch.Tensor]] = [[] for _ in range(config.views)]
    size = {} if watcher.backbone is None else {"size": watcher.backbone.config.input_size}
    for first in range(0, len(seen.hits), BATCH):
        index = np.arange(first, min(first + BATCH, len(seen.hits)))
        for view, row in enumerate(rows):
            crops = draw_crops(seen, index, random, Variation() if view else None, **size)
            row.append(watcher.network.see(crops) if watcher.backbone is None else watcher.backbone.see(crops))
        if (first // BATCH) % 20 == 0:
            print(f"features: {first} of {len(seen.hits)} hits", file=sys.stderr, flush=True)
    found = torch.stack([torch.cat(row) for row in rows]).float()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, found.numpy())
    return found


def learn_heads(
    network: SightNetwork, features: torch.Tensor, seen: SeenHits, latents: np.ndarray, config: HeadConfig
) -> dict[str, float]:
    """Learn head and tower on features [views, N, F] of hits whose sounds are ``latents`` [N, L]; the last losses."""
    losses = LossConfig()
    random = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    network.head = Head(features.shape[-1], network.config)  # the features are brought to another scale
    chances = weigh_hits(seen, config.real_share)
    labels = label_hits(seen, range(len(seen.hits)))
    heard = np.flatnonzero(np.isfinite(latents).all(axis=1))
    sounds = torch.from_numpy(latents[heard])
    place = np.full(len(latents), -1)
    place[heard] = np.arange(len(heard))
    flat = features.flatten(0, 1)
    network.head.mean.copy_(flat.mean(dim=0))
    spread = flat.std(dim=0) + 0.02
    if network.eye is not None:
        spread[torch.arange(len(spread)) % network.eye.told < network.eye.told - COLOURS] /= config.eye_weight
    network.head.spread.copy_(spread)
    learning = [*network.head.parameters(), *network.tower.parameters(), network.sharpness]
    for value in learning:
        value.requires_grad_(True)
    optimizer = torch.optim.AdamW(learning, lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    network.train()
    told: dict[str, float] = {}
    for step in range(config.steps):
        index = random.choice(len(chances), config.batch, p=chances)
        view = torch.from_numpy(random.integers(len(features), size=config.batch))
        answer: Told = network.head(features[view, torch.from_numpy(index)])
        truth = Truth(*(value[torch.from_numpy(index)] for value in vars(labels).values()))
        loss = told_loss(answer, truth, losses)
        told["told"] = float(loss.detach())
        own = place[index]
        if (own >= 0).any():
            known = torch.from_numpy(own >= 0)
            among = np.union1d(own[own >= 0], random.choice(len(heard), min(config.sounds, len(heard)), replace=False))
            chosen = sounds[torch.from_numpy(among)]
            embedding, material = network.tower(chosen + torch.randn_like(chosen))
            apart = measure_apart(chosen)[torch.from_numpy(np.searchsorted(among, own[own >= 0]))]
            near = joint_loss(answer.embedding[known], embedding, apart, network.sharpness, losses.alike_db)
            kinds = labels.material[torch.from_numpy(heard[among])]
            heard_loss = F.cross_entropy(material, kinds, ignore_index=-1, label_smoothing=losses.smoothing)
            loss = loss + losses.joint_weight * near + losses.physics_weight * heard_loss
            told |= {"joint": float(near.detach()), "heard": float(heard_loss.detach())}
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(json.dumps({"step": step + 1} | {k: round(v, 3) for k, v in told.items()}), file=sys.stderr)
    network.eval()
    return told
