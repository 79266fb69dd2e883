"""Readers of checkpoints: the configuration and the weights of every network."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.core.checkpoint import CONFIG, WEIGHTS
from engine.lab.evaluation.robustness import mutations
from engine.lab.evaluation.robustness.reader import Reader


def _load_sampler(folder: Path) -> Any:
    from engine.diffusion.checkpoint import load_velocity_network

    return load_velocity_network(folder)


def _load_onsets(folder: Path) -> Any:
    from engine.onsets.watch import load_onset_network

    return load_onset_network(folder)


def _load_generator(folder: Path) -> Any:
    from engine.bank.generate import load_generator

    return load_generator(folder)


def _load_sync(folder: Path) -> Any:
    from engine.sync.network import load_sync_network

    return load_sync_network(folder)


def _load_vision(folder: Path) -> Any:
    from engine.vision.predict import load_vision_model

    return load_vision_model(folder)


def _load_animate(folder: Path) -> Any:
    from engine.animate.network import load_motion_network

    return load_motion_network(folder)


def _load_scene(folder: Path) -> Any:
    from engine.scene.network import load_scene_network

    return load_scene_network(folder)


def _load_backbone(folder: Path) -> Any:
    from engine.vision.backbone import load_backbone

    return load_backbone(folder)


LOADERS: dict[str, Callable[[Path], Any]] = {
    "sampler": _load_sampler,
    "onsets": _load_onsets,
    "generator": _load_generator,
    "sync": _load_sync,
    "vision": _load_vision,
    "animate": _load_animate,
    "scene": _load_scene,
    "backbone": _load_backbone,
}


def _read(load: Callable[[Path], Any], path: Path) -> None:
    load(path.parent)


NETWORK_READERS = tuple(
    Reader(f"{name} {part}", name, kinds, functools.partial(_read, load), file)
    for name, load in LOADERS.items()
    for part, kinds, file in (("config", mutations.JSON, CONFIG), ("weights", mutations.SAFETENSORS, WEIGHTS))
)
