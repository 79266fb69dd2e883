"""Selection of the PyTorch device."""

from __future__ import annotations

import platform

import torch

from engine.core.errors import BadInput

DEVICES = ("auto", "cpu", "cuda", "mps")


def check_device(name: str) -> None:
    """BadInput for a name that is not in DEVICES."""
    if name not in DEVICES:
        raise BadInput(f"device {name!r} is not known; use one of {', '.join(DEVICES)}")


def choose_device(name: str = "auto") -> tuple[torch.device, str]:
    """The device of a name, and a label to show.

    ``auto`` takes CUDA, then MPS, then the CPU. A named device that is absent or does not work is replaced by the CPU,
    with the reason in the label. Raises BadInput for a name that is not in DEVICES.
    """
    check_device(name)
    wanted = ("cuda", "mps") if name == "auto" else (name,)
    trouble = ""
    for kind in wanted:
        if kind == "cpu":
            break
        try:
            available = torch.cuda.is_available() if kind == "cuda" else torch.backends.mps.is_available()
            if available:
                torch.zeros(8, device=kind).sum().item()  # a broken driver shows only in use
                label = torch.cuda.get_device_name() if kind == "cuda" else "Apple GPU"
                return torch.device(kind), f"{kind.upper()} ({label})"
            trouble = f"{kind} is not available here" if name != "auto" else trouble
        except Exception as error:  # a broken driver raises anything at all
            trouble = f"{kind} failed ({type(error).__name__})"
    threads = torch.get_num_threads()
    label = f"CPU ({platform.machine()}, {threads} {'thread' if threads == 1 else 'threads'})"
    if trouble:
        label += f"; {trouble}"
    return torch.device("cpu"), label


def prefers_bfloat16(device: torch.device) -> bool:
    """Whether half the bits are twice the speed here: CUDA, and CPUs with the instructions."""
    if device.type == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        return bool(probe and probe())
    return device.type == "cuda" and torch.cuda.is_bf16_supported()
