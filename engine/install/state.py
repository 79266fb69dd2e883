"""State of the virtual environment: where it is, what was installed into it and whether it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WINDOWS = os.name == "nt"
PYTHONS = "3.10, 3.11, 3.12 or 3.13"
INTEL_MAC = sys.platform == "darwin" and platform.machine() == "x86_64"
STAMP_NAME = "struck-installed.json"
IMPORTS = {
    "app": "numpy,scipy,librosa,soundfile,soxr,safetensors.torch,av,moviepy,PIL,matplotlib,plotly,torch,torchaudio,"
    "fastapi,uvicorn,websockets,gradio,mido,aaf2",
    "lab": "mujoco,playwright.sync_api",
    "farm": "sys" if INTEL_MAC else "ray",
    "test": "pytest,wavinfo,rpp",
}
"""What each part of an installation must be able to import; ``app`` is always installed."""
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")


class LaunchError(Exception):
    """A failure; its message is one sentence that names the thing, the reason and the remedy."""


def say(message: str) -> None:
    """Print a message on standard error; standard output belongs to the command."""
    print(f"Struck: {message}", file=sys.stderr, flush=True)


def child_environment(base: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of every command: telemetry off, caches in ``folder``, no foreign packages."""
    child = {k: v for k, v in base.items() if k not in FOREIGN}
    child.update(
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        OTEL_SDK_DISABLED="true",
        MPLBACKEND="Agg",
        MPLCONFIGDIR=str(folder / ".struck" / "matplotlib"),
        NUMBA_CACHE_DIR=str(folder / ".struck" / "numba"),
        PYTHONNOUSERSITE="1",
        PYTHONUTF8="1",
    )
    # Packages come without bytecode, so a Python that keeps none would compile them all at every start.
    unwanted = child.pop("PYTHONDONTWRITEBYTECODE", "")
    if folder != ROOT or unwanted:  # no bytecode can be kept beside the sources, or none shall lie there
        child["PYTHONPYCACHEPREFIX"] = str(folder / ".struck" / "bytecode")
    return child


def check_python(version: Sequence[int] = tuple(sys.version_info[:2])) -> None:
    """LaunchError unless this Python can run Struck."""
    if not (3, 10) <= tuple(version[:2]) <= (3, 13):
        raise LaunchError(f"Python {version[0]}.{version[1]} cannot run Struck; start launch.py with Python {PYTHONS}")


def venv_python(venv: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return venv / ("Scripts/python.exe" if WINDOWS else "bin/python")


def site_packages(venv: Path, version: str) -> Path:
    """Where a virtual environment of Python ``version`` (``3.12``) keeps its packages."""
    return venv / ("Lib/site-packages" if WINDOWS else f"lib/python{version}/site-packages")


def interpreter_version(venv: Path) -> str | None:
    """Version such as ``3.12`` of a virtual environment's Python; None where it does not run."""
    try:
        answer = subprocess.run(
            [str(venv_python(venv)), "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix)"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    version, _, prefix = answer.stdout.strip().partition(" ")
    if answer.returncode or not prefix or not site_packages(venv, version).is_dir():
        return None
    return version


def digest_files(paths: Sequence[Path]) -> str:
    """Digest of the content of text files, whatever their line ends."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def requirements_file(part: str, root: Path = ROOT) -> Path:
    """The file that lists what a part of the installation needs."""
    return root / ("requirements.txt" if part == "app" else f"requirements-{part}.txt")


def requirement_digests(root: Path = ROOT) -> dict[str, str]:
    """Digests of what the app, the lab and the tests need."""
    return {part: digest_files([requirements_file(part, root), root / "constraints.txt"]) for part in IMPORTS}


def read_stamp(venv: Path) -> dict[str, Any]:
    """What was installed by the last installation that succeeded; empty where none did."""
    try:
        stamp = json.loads((venv / STAMP_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(venv: Path, stamp: Mapping[str, Any]) -> None:
    """Record a successful installation, whole or not at all."""
    part = venv / f"{STAMP_NAME}.{os.getpid()}"
    part.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    os.replace(part, venv / STAMP_NAME)


def forget_stamp(venv: Path) -> None:
    """Make the next start check the installation again."""
    with contextlib.suppress(OSError):
        (venv / STAMP_NAME).unlink()


def list_distributions(site: Path) -> list[str]:
    """Names of the installed distributions' folders."""
    return sorted(name for name in os.listdir(site) if name.endswith(".dist-info"))


def find_damage(site: Path, distributions: Sequence[str], thorough: bool) -> list[str]:
    """Distributions with files missing or of the wrong size, by their RECORD.

    A quick check (some milliseconds) covers compiled libraries and the packages' first files, a thorough one all.
    """
    damaged = []
    for name in distributions:
        try:
            lines = (site / name / "RECORD").read_text(encoding="utf-8").splitlines()
        except OSError:
            damaged.append(name)
            continue
        for line in lines:
            path, _, size = [*line.rsplit(",", 2), "", ""][:3]
            if not size or path.startswith(("..", "torchaudio/lib/", '"')) or "__pycache__" in path:
                continue
            deep = not path.endswith((".so", ".pyd", ".dll", ".dylib")) and path.count("/") > 1
            if deep and not thorough:
                continue
            try:
                whole = os.stat(os.path.join(site, path)).st_size == int(size)
            except (OSError, ValueError):
                whole = False
            if not whole:
                damaged.append(name)
                break
    return damaged


def is_ready(
    stamp: Mapping[str, Any], digests: Mapping[str, str], torch_choice: str, extras: Sequence[str], venv: Path
) -> bool:
    """Whether a command can run at once in the environment as it is."""
    version = stamp.get("python")
    if any(stamp.get(part) != digests[part] for part in ("app", *extras)) or stamp.get("torch") != torch_choice:
        return False
    if version is None or interpreter_version(venv) != version:
        return False
    site = site_packages(venv, version)
    installed = stamp.get("distributions") or []
    if not installed or not set(installed) <= set(list_distributions(site)):
        return False
    return not find_damage(site, installed, thorough=False)
