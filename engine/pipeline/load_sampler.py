"""Load the sampler that a project names, or a replacement, with notes for the user."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.paths import CHECKPOINTS
from engine.pipeline.shared_sampler import share_sampler

if TYPE_CHECKING:
    import torch

    from engine.pipeline.render import HitSampler


def find_sampler(
    checkpoint: str, folder: str | Path | None, device_name: str, shared: bool = True
) -> tuple[HitSampler | None, list[str]]:
    """The sampler of a name in a folder of checkpoints, else another one there, and notes for the user.

    None where none is named or there: then modes and residual alone sound. Where ``shared``, the service that
    STRUCK_SAMPLER names samples in its place. Raises BadInput for a damaged one and for a
    device that is not there.
    """
    from engine.core.checkpoint import list_checkpoints
    from engine.core.device import choose_device
    from engine.diffusion.checkpoint import SAMPLER

    device, label = choose_device(device_name)
    notes = [f"device: {label}"]
    place = Path(folder) if folder else CHECKPOINTS
    names = list_checkpoints(place, SAMPLER)
    if not checkpoint:
        return None, [*notes, "no sampler is chosen, so modes and residual alone sound"]
    if not names:
        return None, [*notes, f"no checkpoint was found in {place}, so modes and residual alone sound"]
    if checkpoint not in names:
        notes.append(f"checkpoint {checkpoint!r} was not found in {place}; using {names[0]!r}")
        checkpoint = names[0]
    own = _load_once(place, checkpoint, device)
    return (share_sampler(own, checkpoint) if shared else own), notes


@functools.lru_cache(maxsize=2)
def _load_once(folder: Path, checkpoint: str, device: torch.device) -> HitSampler:
    """A sampler that is kept for the next clip."""
    from engine.diffusion.sampler import load_sampler

    return load_sampler(folder, checkpoint, device)
