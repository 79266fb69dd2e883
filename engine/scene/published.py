"""Sound2Scene with the weights that its authors published: a sound's feature, and IC-GAN's picture of that feature.

- Sound2Scene (Sung-Bin et al., CVPR 2023): a ResNet-18 (He et al. 2016) on the spectrogram of ten seconds gives the
  feature that a picture's SwAV network would give.
- IC-GAN (Casanova et al., NeurIPS 2021): BigGAN (Brock et al., ICLR 2019) of 128 pixels, whose normalisation is scaled
  and shifted by that feature and by a share of the noise.

The networks are written anew; names and shapes of weights are those of the published files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from engine.core.dsp import resample
from engine.core.errors import BadInput, quote
from engine.core.published_weights import fill_network, find_weight, read_published

SOUND_WEIGHTS, PICTURE_WEIGHTS = "sound2scene.safetensors", "icgan.safetensors"
RATE_HZ, DURATION_S = 16_000, 10.0
_WINDOW, _OVERLAP, _FLOOR = 512, 353, 1e-7
_REMEDY = "convert the published files as docs/scene.md says"
_WIDTHS_IN, _WIDTHS_OUT = (16, 16, 8, 4, 2), (16, 8, 4, 2, 1)
"""Channels of the generator's five blocks, which double the resolution from 4 to 128, in units of its width."""
_ATTENDED = 3
"""The block of 64 pixels, after which there is attention."""
_BOTTOM = 4


@dataclass(frozen=True, eq=False)
class PublishedScene:
    """The encoder of sounds and the generator of pictures."""

    sounds: SoundResNet
    pictures: Generator


class _BasicBlock(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(maps)))))
        return F.relu(inner + (maps if self.downsample is None else self.downsample(maps)))


class SoundResNet(nn.Module):
    """ResNet-18 with one channel at its input and a linear layer to the feature, which is not negative."""

    def __init__(self, width: int = 64, features: int = 2048) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        before = width
        for number in range(4):
            after, stride = width << number, 1 if number == 0 else 2
            blocks = nn.Sequential(_BasicBlock(before, after, stride), _BasicBlock(after, after, 1))
            self.add_module(f"layer{number + 1}", blocks)
            before = after
        self.fc = nn.Linear(before, features)

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        """Unit vectors [B, features] of spectrograms [B, 257, T] as ``make_spectrogram`` makes them."""
        maps = F.max_pool2d(F.relu(self.bn1(self.conv1(spectrograms[:, None]))), 3, 2, 1)
        for number in range(4):
            maps = self.get_submodule(f"layer{number + 1}")(maps)
        return F.normalize(F.relu(self.fc(maps.mean(dim=(2, 3)))), dim=1)


class _ConditionalNorm(nn.Module):
    """Batch normalisation with stored statistics, scaled and shifted by the condition."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.gain = nn.Linear(condition, channels, bias=False)
        self.bias = nn.Linear(condition, channels, bias=False)
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def forward(self, maps: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        normal = F.batch_norm(maps, self.get_buffer("stored_mean"), self.get_buffer("stored_var"))
        return normal * (1 + self.gain(condition))[:, :, None, None] + self.bias(condition)[:, :, None, None]


class _Norm(nn.Module):
    """Batch normalisation with stored statistics and learnt gain and bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(maps, self.get_buffer("stored_mean"), self.get_buffer("stored_var"), self.gain, self.bias)


class _UpBlock(nn.Module):
    """Residual block that doubles the resolution (BigGAN, appendix B, figure 15b)."""

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = _ConditionalNorm(before, condition), _ConditionalNorm(after, condition)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.conv_sc = nn.Conv2d(before, after, 1)

    def forward(self, maps: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        inner = self.conv1(F.interpolate(F.relu(self.bn1(maps, condition)), scale_factor=2))
        inner = self.conv2(F.relu(self.bn2(inner, condition)))
        return torch.as_tensor(inner + self.conv_sc(F.interpolate(maps, scale_factor=2)))


class _Attention(nn.Module):
    """Self-attention among places (SAGAN, Zhang et al. 2019), keys and values at half the resolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.o = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        keys = F.max_pool2d(self.phi(maps), 2).flatten(2)
        values = F.max_pool2d(self.g(maps), 2).flatten(2)
        weights = torch.softmax(self.theta(maps).flatten(2).transpose(1, 2) @ keys, dim=-1)
        mixed = (values @ weights.transpose(1, 2)).unflatten(2, maps.shape[2:])
        return self.gamma * self.o(mixed) + maps


class Generator(nn.Module):
    """Pictures of 128 pixels from noise and a feature."""

    def __init__(self, width: int = 96, features: int = 2048, shared: int = 512, chunk: int = 20) -> None:
        super().__init__()
        self.chunk = chunk
        self.shared_feat = nn.Linear(features, shared)
        self.linear = nn.Linear(chunk, _WIDTHS_IN[0] * width * _BOTTOM**2)
        blocks: list[nn.ModuleList] = []
        for number, (before, after) in enumerate(zip(_WIDTHS_IN, _WIDTHS_OUT, strict=True)):
            parts: list[nn.Module] = [_UpBlock(before * width, after * width, shared + chunk)]
            if number == _ATTENDED:
                parts.append(_Attention(after * width))
            blocks.append(nn.ModuleList(parts))
        self.blocks = nn.ModuleList(blocks)
        self.output_layer = nn.Sequential(_Norm(width), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))

    @property
    def noise(self) -> int:
        """Numbers of noise: a share for the first layer and one for each block."""
        return self.chunk * (len(self.blocks) + 1)

    def forward(self, noise: torch.Tensor, feature: torch.Tensor) -> torch.Tensor:
        """Pictures [B, 3, 128, 128] from -1 to 1 of noise [B, ``noise``] and unit features [B, features]."""
        told = self.shared_feat(feature)
        first, *others = noise.split(self.chunk, dim=1)
        maps = self.linear(first).unflatten(1, (-1, _BOTTOM, _BOTTOM))
        for parts, other in zip(self.blocks, others, strict=True):
            condition = torch.cat((told, other), dim=1)
            assert isinstance(parts, nn.ModuleList)
            for part in parts:
                maps = part(maps, condition)
        return torch.tanh(self.output_layer(maps))


def make_spectrogram(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Log spectrogram of a mono sound [N], repeated for ten seconds, of mean 0 and deviation 1, float32 [257, 1004].

    Raises BadInput for a silent sound.
    """
    from scipy import signal

    mono = np.asarray(samples, np.float64)
    if not len(mono) or not np.abs(mono).max() > 1e-6:
        raise BadInput("the sound is silent, so there is nothing to picture; give one that is heard")
    mono = resample(mono, rate_hz, RATE_HZ) if rate_hz != RATE_HZ else mono
    wanted = round(DURATION_S * RATE_HZ)
    tiled = np.tile(mono, -(-wanted // len(mono)))[:wanted].clip(-1.0, 1.0)
    power = signal.spectrogram(tiled, RATE_HZ, nperseg=_WINDOW, noverlap=_OVERLAP)[2]
    level = np.log(power + _FLOOR)
    return np.asarray((level - level.mean()) / (level.std() + 1e-9), np.float32)


@torch.inference_mode()
def encode_published(network: PublishedScene, samples: np.ndarray, rate_hz: int) -> torch.Tensor:
    """The sound's feature, a unit vector [1, features]. Raises BadInput for a silent sound."""
    return network.sounds(torch.from_numpy(make_spectrogram(samples, rate_hz))[None])


@torch.inference_mode()
def draw_published(
    network: PublishedScene,
    feature: torch.Tensor,
    count: int,
    seed: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Pictures uint8 [count, 128, 128, 3] of a feature [1, features], each with noise of its own seed."""
    pictures = []
    for number in range(count):
        noise = torch.randn(1, network.pictures.noise, generator=torch.Generator().manual_seed(seed + number))
        drawn = network.pictures(noise, feature)[0].permute(1, 2, 0)
        pictures.append(((drawn + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy())
        on_progress((number + 1) / count)
    return np.stack(pictures)


# --- weights ----------------------------------------------------------------------------------


def load_published(folder: Path) -> PublishedScene:
    """The networks of a folder with SOUND_WEIGHTS and PICTURE_WEIGHTS; sizes are those of the weights.

    Raises BadInput, with the reason, where a file is missing or does not fit.
    """
    place = folder / SOUND_WEIGHTS
    weights = read_published(place, _REMEDY)
    weights = {name.removeprefix("audnet."): value for name, value in weights.items()}
    first, last = (
        find_weight(weights, "conv1.weight", place, 4, _REMEDY),
        find_weight(weights, "fc.weight", place, 2, _REMEDY),
    )
    with torch.device("meta"):  # takes no memory, whatever sizes the file asks for
        sounds = SoundResNet(first.shape[0], last.shape[0])
    fill_network(sounds, weights, place, _REMEDY)
    place = folder / PICTURE_WEIGHTS
    weights = _divide_by_norms(_rename_statistics(read_published(place, _REMEDY)))
    weights.pop("shared.weight", None)  # of classes, which this generator is not told
    shared, linear = (
        find_weight(weights, "shared_feat.weight", place, 2, _REMEDY),
        find_weight(weights, "linear.weight", place, 2, _REMEDY),
    )
    width = linear.shape[0] // (_WIDTHS_IN[0] * _BOTTOM**2)
    if shared.shape[1] != last.shape[0]:
        raise BadInput(
            f"{quote(place.name)} is told features of {shared.shape[1]} numbers and the sounds' have {last.shape[0]}; "
            "give the two files of one model"
        )
    with torch.device("meta"):
        pictures = Generator(width, shared.shape[1], shared.shape[0], linear.shape[1])
    fill_network(pictures, weights, place, _REMEDY)
    return PublishedScene(sounds.eval(), pictures.eval())


def _rename_statistics(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names of files whose batch normalisation was PyTorch's own are brought to those of BigGAN's."""
    map_of = {".bn.running_mean": ".stored_mean", ".bn.running_var": ".stored_var", ".bn.weight": ".gain",
              ".bn.bias": ".bias"}  # fmt: skip
    renamed: dict[str, torch.Tensor] = {}
    for name, value in weights.items():
        ending = next((ending for ending in map_of if name.endswith(ending)), None)
        renamed[name if ending is None else name.removesuffix(ending) + map_of[ending]] = value
    return renamed


def _divide_by_norms(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights under spectral normalisation (Miyato et al. 2018) divided by their norms, as stored vectors tell them.

    One step of the power method from the stored vector ``u0`` [1, rows], which is not kept.
    """
    divided = {name: value for name, value in weights.items() if not name.endswith((".u0", ".sv0"))}
    for name, vector in weights.items():
        if not name.endswith(".u0") or (weight := divided.get(name.removesuffix("u0") + "weight")) is None:
            continue
        matrix = weight.flatten(1)
        if vector.shape != (1, len(matrix)):
            continue  # the network does not fit, which is said of its weights
        right = F.normalize(vector @ matrix)
        left = F.normalize(right @ matrix.T)
        divided[name.removesuffix("u0") + "weight"] = weight / (right @ matrix.T @ left.T).squeeze()
    return divided
