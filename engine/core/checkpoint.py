"""The files of a checkpoint: weights as safetensors, which execute no code, and the configuration they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def write_checkpoint(folder: Path, network: torch.nn.Module, precision: torch.dtype, config: dict[str, Any]) -> None:
    """Write a network's weights, numbers that are not whole in a precision, and its configuration, into a folder."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: (value.detach().to(precision) if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    temporary = folder / (WEIGHTS + ".part")
    save_file(weights, str(temporary))
    temporary.replace(folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
