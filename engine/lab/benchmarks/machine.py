"""The machine that is measured, and what a piece of work takes of it: time, memory, matrix throughput."""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

_MIB = 1024.0 * 1024.0


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, seconds of all processors together, and the most memory held meanwhile (MiB, None where
    the system does not tell); memory is the device's own on CUDA and the process's elsewhere."""

    wall_s: float
    cpu_s: float
    peak_mb: float | None


def measure(work: Callable[[], object], device: torch.device) -> Taken:
    """Do a piece of work once."""
    gc.collect()
    synchronize(device)
    reset_peak_memory(device)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    synchronize(device)
    return Taken(time.perf_counter() - wall_s, time.process_time() - cpu_s, find_peak_memory_mb(device))


def measure_best(work: Callable[[], object], device: torch.device, repeats: int) -> Taken:
    """The shortest of several runs, since other programs can only slow it down."""
    return min((measure(work, device) for _ in range(repeats)), key=lambda taken: taken.wall_s)


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def reset_peak_memory(device: torch.device) -> None:
    """Begin to look for the most memory anew, where the system permits."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # not Linux, or not allowed: the peak is that of the whole process
        return


def find_peak_memory_mb(device: torch.device) -> float | None:
    """The most memory held since the last reset, MiB; None where the system does not report it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / _MIB
    found = _read_status("VmHWM")
    if found is not None:
        return found
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MIB if sys.platform == "darwin" else peak / 1024.0


def find_resident_mb(pid: int | None = None) -> float | None:
    """Memory that a process, by default this one, holds now, MiB; None where the system does not report it."""
    return _read_status("VmRSS", "self" if pid is None else str(pid))


def find_peak_mb(pid: int) -> float | None:
    """The most memory that a process ever held, MiB; None where the system does not report it."""
    return _read_status("VmHWM", str(pid))


def find_processor_s(pid: int) -> float | None:
    """Processor seconds that a process has used, all threads together; None where the system does not report it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read_status(field: str, process: str = "self") -> float | None:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = next((line.split() for line in lines if line.startswith(field + ":")), None)
    return float(found[1]) / 1024.0 if found else None


def count_threads(pid: int) -> int | None:
    """Threads of a process; None where the system does not report it."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return None


def count_open_files(pid: int) -> int | None:
    """Files, sockets and pipes that a process holds open; None where the system does not report it."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None


def find_load() -> float | None:
    """Load average of the last minute; None where the system does not report it."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def measure_matrix_peak(device: torch.device, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """The most floating point operations a second that products of square matrices reach; RuntimeError if none do."""
    best = 0.0
    sizes = (4096, 8192) if device.type == "cuda" else (1024, 2048)
    for size in sizes:
        a = torch.randn(size, size, device=device).to(dtype)
        b = torch.randn(size, size, device=device).to(dtype)
        (a @ b)[0, 0].item()
        began, left = time.perf_counter(), True
        while left:
            took = measure(lambda a=a, b=b: a @ b, device).wall_s  # type: ignore[misc]
            best = max(best, 2.0 * size**3 / took)
            left = time.perf_counter() - began < seconds / len(sizes)
    return best


def count_operations(work: Callable[[], object]) -> float:
    """Floating point operations of the convolutions and matrix products in a piece of work: two a multiply-add."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def describe_machine() -> str:
    """The machine's name, processor and cores."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{platform.node()}: {model}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def time_matrix_product() -> float:
    """Seconds that a product of two 1024 x 1024 matrices takes: to compare figures between machines."""
    a = np.random.default_rng(1).standard_normal((1024, 1024)).astype(np.float32)
    return measure_best(lambda: a @ a, torch.device("cpu"), 5).wall_s
