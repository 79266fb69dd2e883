"""Training state shared by every training: weights, EMA, optimizer, elapsed time; resumable from disk."""

from __future__ import annotations

import copy
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from engine.core.errors import BadInput
from engine.core.files import replace_file
from engine.lab.training.ranks import Ranks, seed_part

FINAL_RATE = 0.02
"""Final learning rate of the cosine schedule, as a fraction of its peak."""

Network = TypeVar("Network", bound=torch.nn.Module)


class Trainer(Generic[Network]):
    """Training state: weights, EMA, optimizer, elapsed time; the base of every training.

    ``average`` is the EMA of ``network``, or the network itself where ``averaged`` is False. State and log are files of
    the folder ``work``, which the first of several processes writes and all must see.
    """

    def __init__(
        self,
        network: Network,
        work: Path,
        device: torch.device,
        rate: float,
        weight_decay: float,
        beta2: float,
        averaged: bool = True,
        ranks: Ranks | None = None,
    ) -> None:
        self.device, self.ranks = device, ranks or Ranks()
        self.state_path, self.log_path = work / "state.pt", work / "log.jsonl"
        self.network = network.to(device)
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval() if averaged else self.network
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=rate, weight_decay=weight_decay, betas=(0.9, beta2)
        )
        self.step, self.spent_s, self.loss = 0, 0.0, 1.0
        work.mkdir(parents=True, exist_ok=True)

    def resume(self) -> None:
        """Resume an earlier run of the same configuration, if there is one. Raises BadInput."""
        resume_state(self.state_path, self.device, self.restore)
        self.ranks.wait()  # nobody writes a newer state while another process reads this one

    def restore(self, state: dict[str, Any]) -> None:
        """Load a saved state. ValueError where its steps had another number of parts."""
        if int(state.get("parts", 1)) != self.ranks.parts:
            raise ValueError(f"its steps have --parts {state.get('parts', 1)}")
        if self.average is not self.network:
            self.average.load_state_dict(state["average"])
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.spent_s, self.loss = int(state["step"]), float(state["spent_s"]), float(state["loss"])

    def save_state(self, figures: dict[str, Any], **more: Any) -> None:
        """Write the state, with ``more``, atomically, and a line of the log; the first process alone does."""
        if not self.ranks.is_first:
            return
        self.log(figures)
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent_s": self.spent_s,
            "loss": self.loss,
            "parts": self.ranks.parts,
        }
        write_state(self.state_path, state | more)

    def log(self, figures: dict[str, Any]) -> None:
        """Append step, minutes and ``figures`` to the log and print them."""
        log_line(self.log_path, {"step": self.step, "minutes": round(self.spent_s / 60, 2)} | figures)

    def optimize(self, loss: torch.Tensor, rate: float, ema_decay: float = 0.0, max_norm: float = 1.0) -> None:
        """One step of AdamW at a learning rate, gradients clipped to ``max_norm``, and of the EMA.

        A gradient that is not finite changes nothing.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._descend(rate, ema_decay, max_norm)

    def optimize_parts(
        self,
        compute_loss: Callable[[int, np.random.Generator], torch.Tensor],
        seed: int,
        rate: float,
        ema_decay: float = 0.0,
        max_norm: float = 1.0,
    ) -> float:
        """One step, as ``optimize``, on the mean loss of all parts of a global batch, which is returned.

        ``compute_loss`` is called with each part of this process and its random numbers; one part after the other takes
        memory, and gradients are summed over parts and processes.
        """
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for part in self.ranks.own_parts:
            loss = compute_loss(part, seed_part(seed, self.step, part)) / self.ranks.parts
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        (mean,) = self.ranks.sum_gradients(self.network.parameters(), total)
        self._descend(rate, ema_decay, max_norm)
        return mean

    def run_for(
        self, budget_s: float, train_step: Callable[[], None], save: Callable[[], None], save_s: float, log_s: float
    ) -> None:
        """Train until a budget is spent, of which an earlier run may have spent a part; for one process alone.

        ``save`` is called every ``save_s`` and at the end, and the loss is logged every ``log_s`` in between.
        """
        saved_s = logged_s = time.monotonic()
        begun_s = saved_s - self.spent_s
        while self.spent_s < budget_s:
            train_step()
            now_s = time.monotonic()
            self.spent_s = now_s - begun_s
            if now_s - saved_s > save_s:
                saved_s = logged_s = now_s
                save()
            elif now_s - logged_s > log_s:
                logged_s = now_s
                self.log({"loss": round(self.loss, 4)})
        save()

    def spend(self, seconds: float) -> None:
        """Count time of training: the first process's, so that all stop at the same step."""
        self.spent_s += self.ranks.agree([seconds], self.device)[0]

    def _descend(self, rate: float, ema_decay: float, max_norm: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), max_norm)
        self.step += 1
        if not torch.isfinite(norm):
            return
        self.optimizer.step()
        if self.average is not self.network:
            update_ema(self.average, self.network, ema_decay, self.step)


def cosine_rate(peak: float, step: int, warmup_steps: int, done: float, final: float = FINAL_RATE) -> float:
    """Learning rate: linear warm-up times a cosine over ``done`` (0 to 1), down to ``final`` times ``peak``."""
    cosine = final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, max(0.0, done))))
    return peak * min(1.0, (step + 1) / warmup_steps) * cosine


def resume_state(path: Path, device: torch.device, restore: Callable[[dict[str, Any]], None]) -> None:
    """Call ``restore`` with the state that an earlier run of the same configuration left, if there was one.

    Raises BadInput, naming the file, where it cannot be read or does not fit.
    """
    if not path.is_file():
        return
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        restore(state)
        note = f"resuming at step {int(state['step'])}, {float(state['spent_s']) / 60:.1f} minutes in"
    except Exception as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        remedy = "delete it or give another --work"
        raise BadInput(f"{path} does not fit this training ({reason}); {remedy}") from None
    print(note, file=sys.stderr)


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state atomically."""
    with replace_file(path) as partial:
        torch.save(state, partial)


def log_line(path: Path, line: dict[str, Any]) -> None:
    """Append a line of JSON to the log and print it."""
    with open(path, "a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), file=sys.stderr, flush=True)


@torch.no_grad()
def update_ema(average: torch.nn.Module, network: torch.nn.Module, decay: float, step: int) -> None:
    """Update an exponential moving average of parameters and buffers in place, with warm-up over the first steps."""
    keep = min(decay, (step + 1) / (step + 10))
    for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1.0 - keep)
    for kept, now in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(torch.lerp(kept, now, 1.0 - keep) if kept.is_floating_point() else now)
