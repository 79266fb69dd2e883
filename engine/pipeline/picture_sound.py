"""Picture a sound: pictures of what may have been struck, with the edits of Sound2Scene (volume, mixture, blend)."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.core.checkpoint import CONFIG, choose_checkpoint
from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.core.units import SAMPLE_RATE_HZ
from engine.scene.hearing import DURATION_S, hear_sound

if TYPE_CHECKING:
    import torch

    from engine.scene.network import SceneNetwork

SCENE_NETWORK = CHECKPOINTS / "scene"
"""Folder of the networks that ship."""
GUIDANCE, MOST_GUIDANCE = 2.0, 6.0
STEPS = 20
MOST_PICTURES = 16
MOST_GAIN_DB = 40.0
_COLUMNS = 4
_AT_ONCE = 8
_BEFORE_S, _RISE = 0.05, 0.1
_AROUND_S = 1.0, 3.0
"""Read before and after the loudest place of a sound file."""


@dataclass(frozen=True)
class PictureOptions:
    """``guidance`` 0 ignores the sound, 1 follows it as learnt; ``gain_db`` makes it louder before it is heard."""

    count: int = 4
    seed: int = 0
    guidance: float = GUIDANCE
    gain_db: float = 0.0


@dataclass(frozen=True, eq=False)
class HeardSound:
    """Second after the loudest hit of a sound, mono [N] at SAMPLE_RATE_HZ, and what it is called."""

    samples: np.ndarray
    name: str


def find_scene_network(checkpoints: str | Path | None) -> Path:
    """The networks' folder among ``checkpoints``; the one that ships where there is none. Raises BadInput."""
    found = choose_checkpoint("scene", checkpoints, SCENE_NETWORK)
    if not (found / CONFIG).is_file():
        raise BadInput(f"{found} holds no scene network; restore it, or train one with `launch.py train scene`")
    return found


def has_scene_network(checkpoints: str | Path | None) -> bool:
    """Whether ``find_scene_network`` finds one."""
    return (choose_checkpoint("scene", checkpoints, SCENE_NETWORK) / CONFIG).is_file()


def read_hit(path: Path) -> HeardSound:
    """The loudest hit of a sound file or of a clip's sound. Raises BadInput where it cannot be read or is silent."""
    from engine.media.recording import read_loudest
    from engine.physics.analysis.segmentation import mix_down

    samples, rate_hz = read_loudest(path, *_AROUND_S)
    mono = mix_down(samples)
    if rate_hz != SAMPLE_RATE_HZ:
        mono = resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return HeardSound(cut_hit(mono, SAMPLE_RATE_HZ, path.name), path.name)


def cut_hit(samples: np.ndarray, rate_hz: int, name: str = "the sound") -> np.ndarray:
    """A second from the loudest hit of a mono sound [N] on, preceded by silence where it begins at once.

    Raises BadInput for a silent sound.
    """
    level = np.abs(np.asarray(samples, np.float64))
    if not len(level) or not level.max() > 1e-6:
        raise BadInput(f"{name} is silent, so there is nothing to picture; give a sound that is heard")
    top = int(level.argmax())
    first = max(0, top - round(_BEFORE_S * rate_hz))
    first += int(np.argmax(level[first : top + 1] >= _RISE * level[top]))
    return np.asarray(samples[first : first + round(1.1 * DURATION_S * rate_hz)], np.float64)


def mix_hits(first: HeardSound, second: HeardSound, amount: float) -> HeardSound:
    """Two hits sounding at once: amount 0 is the first alone, 1 the second."""
    mixed = np.zeros(max(len(first.samples), len(second.samples)))
    mixed[: len(first.samples)] += (1.0 - amount) * first.samples
    mixed[: len(second.samples)] += amount * second.samples
    return HeardSound(mixed, f"{first.name} and {second.name}")


def encode_hit(network: SceneNetwork, sound: HeardSound, gain_db: float = 0.0) -> torch.Tensor:
    """The sound's point on the unit sphere, [1, shared]. Raises BadInput for a silent sound."""
    import torch

    heard = hear_sound(sound.samples * 10.0 ** (gain_db / 20.0), SAMPLE_RATE_HZ)
    with torch.inference_mode():
        return network.sounds(torch.from_numpy(heard)[None])


def blend_points(first: torch.Tensor, second: torch.Tensor, amount: float) -> torch.Tensor:
    """A point between two on the unit sphere, along the great circle: amount 0 is the first, 1 the second."""
    import torch

    angle = torch.arccos((first * second).sum(dim=1, keepdim=True).clamp(-1.0, 1.0))
    if float(angle.max()) < 1e-4:
        return first
    return (torch.sin((1 - amount) * angle) * first + torch.sin(amount * angle) * second) / torch.sin(angle)


def draw_pictures(
    network: SceneNetwork,
    point: torch.Tensor,
    options: PictureOptions,
    on_progress: Callable[[float], None] = lambda _: None,
) -> np.ndarray:
    """Pictures uint8 [count, SIDE, SIDE, 3] of a point [1, shared]; the same for the same seed.

    ``on_progress`` hears the share that is done, and may raise to stop.
    """
    from engine.scene.diffusion import sample_pictures

    told = point.clone().expand(options.count, -1)
    noise = start_noise(options.seed, options.count)
    return to_pixels(sample_pictures(network.denoiser, told, noise, options.guidance, STEPS, on_progress))


def draw_alike(
    network: SceneNetwork,
    sounds: Sequence[HeardSound | None],
    options: PictureOptions,
    steps: int = STEPS,
    on_progress: Callable[[float], None] = lambda _: None,
) -> list[np.ndarray | None]:
    """A picture uint8 [SIDE, SIDE, 3] of each sound, None of a silent one; ``options.count`` does not matter.

    All begin with the same noise, so that two pictures differ by their sounds alone. ``on_progress`` hears the share
    that is done, and may raise to stop.
    """
    import torch

    from engine.scene.diffusion import sample_pictures

    points: list[torch.Tensor | None] = []
    for sound in sounds:
        try:
            points.append(None if sound is None else encode_hit(network, sound, options.gain_db))
        except BadInput:  # silent, such as a hit far under the others
            points.append(None)
    heard = [point for point in points if point is not None]
    drawn: list[np.ndarray] = []
    for first in range(0, len(heard), _AT_ONCE):
        part = torch.cat(heard[first : first + _AT_ONCE]).clone()  # outside inference mode
        noise = start_noise(options.seed, 1).expand(len(part), -1, -1, -1)

        def tell(share: float, done: int = first, count: int = len(part)) -> None:
            on_progress((done + share * count) / len(heard))

        drawn += list(to_pixels(sample_pictures(network.denoiser, part, noise, options.guidance, steps, tell)))
    shown = iter(drawn)
    return [None if point is None else next(shown) for point in points]


def start_noise(seed: int, count: int) -> torch.Tensor:
    """Noise [count, 3, SIDE, SIDE], each of its own seed, so that more pictures do not change the first."""
    import torch

    from engine.scene.network import SIDE

    seeds = [torch.Generator().manual_seed(seed + index) for index in range(count)]
    return torch.stack([torch.randn(3, SIDE, SIDE, generator=one) for one in seeds])


def to_pixels(drawn: torch.Tensor) -> np.ndarray:
    """Pictures uint8 [N, H, W, 3] of maps [N, 3, H, W] from -1 to 1."""
    import torch

    shown = ((drawn + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(shown.permute(0, 2, 3, 1).contiguous().numpy())


def arrange_sheet(pictures: np.ndarray, columns: int = _COLUMNS) -> np.ndarray:
    """Pictures [N, H, W, 3] beside and below each other, [rows H, columns W, 3]; cells without one are black."""
    count, height, width, _ = pictures.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, 3), np.uint8)
    cells[:count] = pictures
    return cells.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4).reshape(rows * height, -1, 3)


def encode_png(pixels: np.ndarray) -> bytes:
    """A picture uint8 [H, W, 3] as PNG."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG", optimize=True)
    return held.getvalue()
