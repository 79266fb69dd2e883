"""Packages: pip inside the virtual environment, and the build of PyTorch that fits the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from engine.install.state import ROOT, WINDOWS, LaunchError, child_environment, say, venv_python

TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH_CUDA_INDEX = "https://download.pytorch.org/whl/cu130"
STOPPED = {*(-getattr(signal, name, 99) for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")), 137, 143, 0xC000013A}
"""Exit statuses of a process that something else ended; a broken package ends with others."""


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is loaded."""
    if WINDOWS:
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").exists()
    signs = ("/proc/driver/nvidia/version", "/dev/nvidiactl")
    return sys.platform == "linux" and any(os.path.exists(sign) for sign in signs)


def explain_pip(status: int, stderr: str, venv: Path) -> str:
    """One sentence for what stopped pip."""
    low = stderr.lower()
    if "no space left" in low or "not enough space" in low or "errno 28" in low:
        return "the disk is full; make room and start again"
    if "connection" in low or "timed out" in low or "name resolution" in low or "getaddrinfo" in low or "proxy" in low:
        return "the package index cannot be reached; connect to the network and start again"
    if "permission denied" in low or "access is denied" in low:
        return f"{venv} cannot be written; give yourself the right to write there and start again"
    if status in STOPPED:
        return "installing was stopped; start again and it goes on"
    errors = [line[6:].strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    return f"installing failed ({errors[-1] if errors else 'pip gave no reason'}); mend that and start again"


def make_pip_folder(venv: Path) -> Path:
    """Where pip unpacks: on the disk of the environment, since a system's folder for it may be small."""
    folder = venv.parent / ".struck" / "pip"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_pip(venv: Path, *args: str, quiet: bool = False) -> tuple[int, str]:
    """Run pip inside the environment; its progress goes to standard error.

    Nothing is compiled to bytecode while installing: Python does that at first use, for the tenth that is used.
    """
    command, *rest = args
    rest = ["--no-compile", *rest] if command == "install" else rest
    line = [str(venv_python(venv)), "-m", "pip", "--disable-pip-version-check", "--no-input", command, *rest]
    environment = child_environment(os.environ, venv.parent)
    unpacked = str(make_pip_folder(venv))
    environment.update(TMPDIR=unpacked, TEMP=unpacked, TMP=unpacked)
    if quiet:
        answer = subprocess.run(line, capture_output=True, text=True, errors="replace", env=environment, check=False)
        return answer.returncode, answer.stderr
    kept = []
    with subprocess.Popen(
        line, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, errors="replace", env=environment, close_fds=False
    ) as pip:
        assert pip.stderr is not None
        for text in pip.stderr:
            kept.append(text)
            if not text.startswith("WARNING: Location"):
                sys.stderr.write(text)
    return pip.returncode, "".join(kept)


def must_pip(venv: Path, *args: str) -> None:
    """Run pip; LaunchError where it fails."""
    status, stderr = run_pip(venv, *args)
    if status:
        raise LaunchError(explain_pip(status, stderr, venv))


def torch_pin(root: Path = ROOT) -> str:
    """Version of PyTorch that requirements.txt asks for on most machines."""
    for line in (root / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("torch=="):
            return line[len("torch==") :].split(";")[0].strip()
    raise LaunchError("requirements.txt names no torch; restore the file and start again")


def install_torch(venv: Path, site: Path, choice: str, previous: str | None) -> None:
    """Install the build of PyTorch that fits the machine, where one can be had; else pip brings the default one."""
    version = torch_pin()
    changed = previous is not None and previous != choice
    if sys.platform == "darwin" or (list(site.glob(f"torch-{version}*.dist-info")) and not changed):
        return
    if choice == "cpu" and sys.platform == "linux":
        say("no NVIDIA driver: looking for PyTorch's CPU build")
        wanted, index = f"torch=={version}+cpu", TORCH_CPU_INDEX
    elif choice == "cuda" and WINDOWS:
        wanted, index = f"torch=={version}+cu130", TORCH_CUDA_INDEX
    else:
        if changed:
            must_pip(venv, "install", "--force-reinstall", "--no-deps", f"torch==={version}")
        return
    if run_pip(venv, "install", "--no-deps", "--dry-run", wanted, quiet=True)[0] == 0:
        must_pip(venv, "install", "--no-deps", wanted)
        return
    probe = ["index", "versions", "torch", "--index-url", index, "--retries", "0", "--timeout", "6"]
    reachable = run_pip(venv, *probe, quiet=True)[0] == 0
    if reachable and run_pip(venv, "install", "--no-deps", wanted, "--index-url", index)[0] == 0:
        return
    say("that build cannot be had here; taking the default one")


def set_cuda_audio_aside(site: Path) -> None:
    """Move torchaudio's CUDA library away beside a CPU-only PyTorch on Linux: it cannot load and is not needed."""
    library = site / "torchaudio" / "lib"
    if sys.platform != "linux" or not library.is_dir() or (site / "torch" / "lib" / "libtorch_cuda.so").exists():
        return
    aside = site / "torchaudio" / "lib_set_aside"
    for path in library.glob("*.so"):
        aside.mkdir(exist_ok=True)
        os.replace(path, aside / path.name)
