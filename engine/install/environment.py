"""Make and mend the virtual environment that every command runs in."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.install import packages, state
from engine.install.state import (
    IMPORTS,
    ROOT,
    WINDOWS,
    LaunchError,
    check_python,
    child_environment,
    find_damage,
    forget_stamp,
    is_ready,
    list_distributions,
    read_stamp,
    requirements_file,
    say,
    site_packages,
    venv_python,
    write_stamp,
)

LEAST_FREE_BYTES = 2_000_000_000


def may_write(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made if it is not there; a full disk is no refusal."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS)


def choose_folder(root: Path = ROOT) -> Path:
    """The folder of .venv and caches: the checkout, or one in the data folder where that cannot be written.

    LaunchError where neither can be.
    """
    venv = root / ".venv"
    if all(may_write(folder) for folder in (root / ".struck", venv if venv.is_dir() else root)):
        return root
    home = Path(os.environ.get("STRUCK_HOME") or os.path.expanduser("~/.struck")).absolute()
    folder = home / "installed" / hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    if not may_write(folder):
        raise LaunchError(
            f"neither {root} nor {home} can be written; set STRUCK_HOME to a folder that you may write and start again"
        )
    return folder


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Let one launch at a time install; the others wait and then find the work done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as file:
        if WINDOWS:
            import msvcrt

            lock: Any = msvcrt
            waiting = False
            while True:
                try:
                    file.seek(0)
                    lock.locking(file.fileno(), lock.LK_LOCK, 1)
                    break
                except OSError:
                    if not waiting:
                        say("another start is installing; waiting for it")
                        waiting = True
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("another start is installing; waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            os.set_inheritable(file.fileno(), True)  # a pip that outlives this process still holds it
        yield  # closing the file, or the end of those that hold it, lets the lock go


def make_venv(venv: Path) -> str:
    """Create the virtual environment afresh and return its Python's version."""
    check_python()
    if shutil.disk_usage(venv.parent).free < LEAST_FREE_BYTES:
        raise LaunchError(f"the disk of {venv.parent} has less than 2 GB free; make room and start again")
    say(f"making {venv}")
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        shutil.rmtree(venv)
    base = getattr(sys, "_base_executable", None) or sys.executable
    answer = subprocess.run([base, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
    version = state.interpreter_version(venv)
    if answer.returncode or version is None:
        linux = sys.platform == "linux"
        remedy = "install it (on Debian and Ubuntu: apt install python3-venv)" if linux else "reinstall Python"
        raise LaunchError(f"Python's venv module could not make {venv}; {remedy} and start again")
    return version


def import_failure(venv: Path, parts: Sequence[str]) -> str | None:
    """Import everything once; the last line of the failure, or None.

    LaunchError where that was stopped from outside or lacked memory, which says nothing about the packages.
    """
    names = ",".join(IMPORTS[part] for part in parts)
    answer = subprocess.run(
        [str(venv_python(venv)), "-c", f"import {names}"],
        capture_output=True, text=True, errors="replace", env=child_environment(os.environ, venv.parent), check=False,
    )  # fmt: skip
    lines = answer.stderr.strip().splitlines()
    if answer.returncode in packages.STOPPED or (lines and lines[-1].startswith("MemoryError")):
        raise LaunchError(
            "the check of the installed packages was stopped or ran out of memory; close other programs and start again"
        )
    return None if answer.returncode == 0 else (lines[-1] if lines else f"exit status {answer.returncode}")


def install(venv: Path, digests: Mapping[str, str], torch_choice: str, extras: Sequence[str]) -> None:
    """Make the environment whole, keeping what is good in it, and stamp it."""
    stamp = read_stamp(venv)
    parts = [part for part in IMPORTS if part == "app" or part in extras or part in stamp]
    forget_stamp(venv)
    shutil.rmtree(packages.make_pip_folder(venv), ignore_errors=True)  # what one that was killed left
    version = state.interpreter_version(venv)
    if version is None or not ("3.10" <= version <= "3.13") or packages.run_pip(venv, "--version", quiet=True)[0]:
        version = make_venv(venv)
    say("installing what it needs (the first time this takes some minutes)")
    files = ["--constraint", str(ROOT / "constraints.txt")]
    for part in parts:
        files += ["--requirement", str(requirements_file(part))]
    for attempt in ("mend", "anew"):
        site = site_packages(venv, version)
        for name in find_damage(site, list_distributions(site), thorough=True):
            say(f"{name[: -len('.dist-info')]} is damaged; installing it again")
            shutil.rmtree(site / name)  # pip then takes it as absent and writes every file anew
        packages.install_torch(venv, site, torch_choice, stamp.get("torch"))
        packages.must_pip(venv, "install", "--prefer-binary", *files)
        packages.set_cuda_audio_aside(site)
        failure = import_failure(venv, parts)
        if failure is None:
            break
        if attempt == "anew":
            raise LaunchError(f"the packages do not work on this machine ({failure}); mend that and start again")
        say(f"the packages do not work together ({failure}); installing them anew")
        version = make_venv(venv)
    made = {"python": version, "torch": torch_choice, "distributions": list_distributions(site)}
    write_stamp(venv, made | {part: digests[part] for part in parts})
    shutil.rmtree(packages.make_pip_folder(venv), ignore_errors=True)
    say("installed")


def ensure_environment(extras: Sequence[str], folder: Path) -> Path:
    """Make or mend .venv in ``folder`` where needed and return the Python of it, or of the checkout's own."""
    digests = state.requirement_digests()
    choice = "cuda" if packages.has_nvidia_driver() else "cpu"
    own, venv = ROOT / ".venv", folder / ".venv"
    if own != venv and is_ready(read_stamp(own), digests, choice, extras, own):
        return venv_python(own)
    if not is_ready(read_stamp(venv), digests, choice, extras, venv):
        if own != venv:
            say(f"{ROOT} cannot be written, so its packages go to {folder}")
        with hold_lock(folder / ".struck" / "install.lock"):
            if not is_ready(read_stamp(venv), digests, choice, extras, venv):
                install(venv, digests, choice, extras)
    packages.set_cuda_audio_aside(site_packages(venv, read_stamp(venv)["python"]))
    return venv_python(venv)
