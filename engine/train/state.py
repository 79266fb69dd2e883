"""What every training keeps on disk: a state that it can go on from, and a log of what it has reached."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from engine.errors import BadInput


def resume_state(path: Path, device: torch.device, restore: Callable[[dict[str, Any]], None]) -> None:
    """Give ``restore`` the state that an earlier run of the same configuration left, if there was one.

    Raises BadInput, naming the file, where it cannot be read or does not fit.
    """
    if not path.is_file():
        return
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        restore(state)
        told = f"resuming at step {int(state['step'])}, {float(state['spent_s']) / 60:.1f} minutes in"
    except Exception as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        remedy = "delete it or give another --work"
        raise BadInput(f"{path} does not fit this training ({reason}); {remedy}") from None
    print(told, file=sys.stderr)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state whole or not at all."""
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def log_line(path: Path, line: dict[str, Any]) -> None:
    """Add a line to the log and show it."""
    with open(path, "a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), file=sys.stderr, flush=True)


@torch.no_grad()
def follow(average: torch.nn.Module, network: torch.nn.Module, decay: float, step: int) -> None:
    """Move an exponential moving average of weights and statistics on by a step; the first steps count for more."""
    keep = min(decay, (step + 1) / (step + 10))
    for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1.0 - keep)
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(torch.lerp(kept, now, 1.0 - keep) if kept.is_floating_point() else now)
