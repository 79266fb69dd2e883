"""The material head on a pretrained backbone: least squares on whitened features, in closed form.

Labelled pictures and filmed hits each have a fixed share of the weight, and within each every material and every object
have equal weight, so that neither the many pictures nor the many hits on leaves dominate. With few hits and many
features the closed form is better than gradient descent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.lab.data.vision.hits import LabelledHit
from engine.lab.training.vision.picture_set import PictureSet
from engine.physics.model import MATERIALS
from engine.vision.network import PredictionHead

SCALE = 10.0
"""Logits for a score of 1; the temperature that is fitted afterwards absorbs it."""


@dataclass(frozen=True)
class MaterialHeadConfig:
    """Settings of the material head; share and penalty were chosen by cross-validation within training days."""

    picture_share: float = 0.8  # of the weight, where there are hits too
    penalty: float = 1.0  # on squared weights, re the mean variance of the whitened features
    evenness: float = 0.7  # exponent of the balancing of materials
    components: int = 160  # of the whitening
    floor: float = 0.05  # re the first component's deviation, added to each one's
    pictures: int = 700  # from which the whitening is measured
    seed: int = 0


class MaterialFit:
    """Whitened features of pictures, to which hits are added: each fit solves one small linear system."""

    def __init__(self, pictures: PictureSet, config: MaterialHeadConfig | None = None) -> None:
        self.config = config or MaterialHeadConfig()
        features = pictures.features.numpy()
        self.mean, self.basis = whiten(features, self.config)
        self.whitened = (features - self.mean) @ self.basis
        self.materials = pictures.materials.numpy()
        self.weight = even_out(self.materials, np.ones(len(features)), self.config.evenness)

    def fit(self, features: np.ndarray, hits: Sequence[LabelledHit]) -> tuple[np.ndarray, np.ndarray]:
        """Slope [F, MATERIALS] and offset of logits from features [N, F] of hits.

        Filmed hits alone are used where there are any, or else the simulated ones.
        """
        real = any(hit.real for hit in hits)
        used = [k for k, hit in enumerate(hits) if hit.real == real and hit.material]
        index = np.asarray([MATERIALS.index(hits[k].material) for k in used], int)
        count = Counter(hits[k].object for k in used)
        own = even_out(index, np.asarray([1.0 / count[hits[k].object] for k in used]), self.config.evenness)
        share = self.config.picture_share if used else 1.0
        slope, offset = solve_least_squares(
            np.concatenate(((features[used] - self.mean) @ self.basis, self.whitened)),
            np.concatenate((index, self.materials)),
            np.concatenate(((1.0 - share) * own, share * self.weight)),
            self.config.penalty,
        )
        folded = SCALE * self.basis @ slope
        return folded, SCALE * offset - self.mean @ folded


def set_material_head(head: PredictionHead, slope: np.ndarray, offset: np.ndarray) -> None:
    """Set the head's direct material weights, which follow its own standardisation, from those on plain features."""
    mean, std = (value.numpy().astype(np.float64) for value in (head.mean, head.std))
    head.material.weight.data = torch.from_numpy((slope * std[:, None]).T).float()
    head.material.bias.data = torch.from_numpy(offset + mean @ slope).float()


def whiten(features: np.ndarray, config: MaterialHeadConfig) -> tuple[np.ndarray, np.ndarray]:
    """Mean [F] of features [P, F], and the basis [F, K] in which their principal components have unit variance."""
    chosen = np.random.default_rng(config.seed).permutation(len(features))[: config.pictures]
    mean = features[chosen].mean(axis=0)
    centred = (features[chosen] - mean).astype(np.float64)
    power, rows = np.linalg.eigh(centred @ centred.T)  # fewer pictures than features: cheaper than the covariance
    power, rows = power[::-1][: config.components], rows[:, ::-1][:, : config.components]
    singular = np.sqrt(np.maximum(power, 1e-12 * power[0]))
    deviation = singular / np.sqrt(len(chosen))
    basis: np.ndarray = centred.T @ (rows / singular) / (deviation + config.floor * deviation[0])
    return mean, basis


def even_out(index: np.ndarray, weight: np.ndarray, evenness: float) -> np.ndarray:
    """Weights [N] of examples, scaled by their material's sum to the power -``evenness``, that sum to 1."""
    total = np.bincount(index, weight, minlength=len(MATERIALS))
    scaled: np.ndarray = weight * np.maximum(total[index], 1e-12) ** -evenness
    return scaled / scaled.sum() if len(scaled) else scaled


def solve_least_squares(
    features: np.ndarray, materials: np.ndarray, weight: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Slope [K, MATERIALS] and offset of the weighted ridge regression of one-hot materials on features [N, K]."""
    target = np.eye(len(MATERIALS))[materials]
    mean, target_mean = weight @ features, weight @ target
    centred = features - mean
    covariance = (centred * weight[:, None]).T @ centred
    covariance += penalty * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    slope = np.linalg.solve(covariance, (centred * weight[:, None]).T @ (target - target_mean))
    return slope, target_mean - mean @ slope
