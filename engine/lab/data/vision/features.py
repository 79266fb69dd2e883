"""Contacts and features of hits by a vision network, extracted once and cached: networks of other heads share them."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch

from engine.core.files import replace_file
from engine.lab.data.vision.hits import HitFrames, make_views, select_hits
from engine.vision.predict import VisionModel, encode_crops, locate_contacts, trace_encoder

BATCH = 16


@torch.inference_mode()
def read_contacts(model: VisionModel, dataset: HitFrames, work: Path | None = None) -> np.ndarray:
    """The contact of each hit as the network locates it, x and y as shares of the picture, float32 [N, 2].

    Cached in the work folder, if one is given.
    """
    sums = [float(value.double().sum()) for value in model.network.locator.state_dict().values()]
    places = [(hit.picture, round(hit.time_s, 4)) for hit in dataset.hits]
    key = hashlib.sha256(json.dumps([sums, places]).encode()).hexdigest()[:16]
    path = None if work is None else work / "features" / f"contacts-{key}.npy"
    if path is not None and path.is_file():
        cached: np.ndarray = np.load(path)
        return cached
    device = next(model.network.parameters()).device
    found = [np.zeros((0, 2), np.float32)]
    for first in range(0, len(dataset.hits), BATCH):
        views = make_views(select_hits(dataset, range(first, min(first + BATCH, len(dataset.hits)))))
        wide = torch.from_numpy(np.stack([view.wide for view in views]).astype(np.float32))
        found.append(locate_contacts(model.network, wide.to(device)).cpu().numpy())
    contacts = np.concatenate(found)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as partial, open(partial, "wb") as file:
            np.save(file, contacts)
    return contacts


@torch.inference_mode()
def read_features(model: VisionModel, dataset: HitFrames, contacts: np.ndarray, work: Path) -> np.ndarray:
    """Features of hits at contacts [N, 2], float32 [N, F], as the product extracts them; cached for each clip."""
    folder = work / "features" / hashlib.sha256(json.dumps(trace_encoder(model)).encode()).hexdigest()[:12]
    features = np.zeros((len(dataset.hits), len(model.network.head.mean)), np.float32)
    clips = sorted({hit.picture for hit in dataset.hits})
    for done, clip in enumerate(clips, 1):
        index = [k for k, hit in enumerate(dataset.hits) if hit.picture == clip]
        features[index] = _read_clip(model, select_hits(dataset, index), contacts[index], folder)
        if done % 20 == 0:
            print(f"features: {done} of {len(clips)} clips", file=sys.stderr, flush=True)
    return features


def _read_clip(model: VisionModel, hits: HitFrames, contacts: np.ndarray, folder: Path) -> np.ndarray:
    """Features of the hits of one clip; those of other contacts stay in its file."""
    path = folder / f"{hashlib.sha256(hits.hits[0].picture.encode()).hexdigest()[:16]}.npz"
    known: dict[str, np.ndarray] = {}
    if path.is_file():
        with np.load(path) as stored:
            known = dict(stored)
    keys = [f"{hit.time_s:.4f} {x:.4f} {y:.4f}" for hit, (x, y) in zip(hits.hits, contacts, strict=True)]
    missing = [k for k, key in enumerate(keys) if key not in known]
    if missing:
        near = np.stack([view.near for view in make_views(select_hits(hits, missing))])
        frames = torch.from_numpy(near).permute(0, 1, 4, 2, 3).float() / 255.0
        rows = encode_crops(model, frames, torch.from_numpy(contacts[missing].astype(np.float32))).numpy()
        known |= {keys[k]: row for k, row in zip(missing, rows, strict=True)}
        folder.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as partial, open(partial, "wb") as file:
            np.savez(file, **known)  # type: ignore[arg-type]
    return np.stack([known[key] for key in keys])
