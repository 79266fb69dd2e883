#!/usr/bin/env python3
"""Struck: from a picture of things being struck to their sound.

    python3 launch.py                      open the editor in the browser
    python3 launch.py [ui] CLIP|PROJECT    the same, with a clip or project
    python3 launch.py COMMAND ...          detect, analyze, synthesize, render, train, simulate, evaluate, bench, listen
    python3 launch.py test [PYTEST ARGS]   run every test

The first start makes .venv beside this file and installs requirements.txt into it; an interrupted or
broken installation is mended at the next start. In a checkout that cannot be written, .venv goes to the data
folder. Needs Python 3.10 to 3.13 and nothing else.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

PYTHONS: str = "3.10, 3.11, 3.12 or 3.13"  # Python 2 shows this line: start launch.py with Python 3.10 to 3.13
if sys.version_info < (3, 10):  # noqa: UP036 - older ones do not get beyond the annotations below
    _version = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.stderr.write(f"Struck: Python {_version} cannot run Struck; start launch.py with Python {PYTHONS}\n")
    sys.exit(2)

ROOT = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
LAB_COMMANDS = ("train", "simulate", "evaluate")
COMMANDS = ("detect", "analyze", "synthesize", "render", "query", "bank", *LAB_COMMANDS, "bench", "listen")
STAMP_NAME = "struck-installed.json"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH_CUDA_INDEX = "https://download.pytorch.org/whl/cu130"
LEAST_FREE_BYTES = 2_000_000_000
IMPORTS = {
    "app": "numpy,scipy,librosa,soundfile,soxr,safetensors.torch,av,moviepy,PIL,matplotlib,plotly,torch,torchaudio,"
    "fastapi,uvicorn,websockets,gradio",
    "lab": "mujoco",
    "test": "pytest,playwright.sync_api",
}
"""What each part of an installation must be able to import; ``app`` is always installed."""
STOPPED = {*(-getattr(signal, name, 99) for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP")), 137, 143, 0xC000013A}
"""Exit statuses of a process that something else ended; a broken package ends with others."""

FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")


class LaunchError(Exception):
    """A failure; its message is one sentence that names the thing, the reason and the remedy."""


def say(message: str) -> None:
    """Print a message on standard error; standard output belongs to the command."""
    print(f"Struck: {message}", file=sys.stderr, flush=True)


# ---- what to run ------------------------------------------------------------------------------------------------


def route(args: Sequence[str], exists: Any = os.path.exists) -> tuple[str, list[str]]:
    """Module to run (``ui``, ``engine``, ``test`` or ``help``) and its arguments."""
    if not args:
        return "ui", []
    first, rest = args[0], list(args[1:])
    if first in ("-h", "--help", "help"):
        return "help", []
    if first in ("ui", "test"):
        return first, rest
    if first in COMMANDS:
        return "engine", list(args)
    if first.startswith("-"):
        return ("engine" if any(word in COMMANDS for word in args) else "ui"), list(args)
    if exists(first) or os.path.splitext(first)[1] or os.path.basename(first) != first:
        return "ui", list(args)
    return "engine", list(args)


def needed_extras(module: str, args: Sequence[str]) -> tuple[str, ...]:
    """What a command needs beyond the app: ``lab`` to train, simulate and evaluate, both to test."""
    if module == "test":
        return ("lab", "test")
    return ("lab",) if module == "engine" and any(word in LAB_COMMANDS for word in args) else ()


def command_line(python: Path, module: str, args: Sequence[str]) -> list[str]:
    """Run a module of this repository whatever the working folder, which must not shadow it."""
    if module == "test":
        return [str(python), "-m", "pytest", *args]
    run = f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    code = f"import runpy, sys; sys.path[0] = {str(ROOT)!r}; {run}"
    return [str(python), "-c", code, *args]


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
    if folder != ROOT:  # no bytecode can be kept beside the sources
        child["PYTHONPYCACHEPREFIX"] = str(folder / ".struck" / "bytecode")
    return child


# ---- is the environment whole? ----------------------------------------------------------------------------------


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


# ---- where it is ------------------------------------------------------------------------------------------------


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


# ---- making and mending it --------------------------------------------------------------------------------------


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is loaded."""
    if WINDOWS:
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").exists()
    signs = ("/proc/driver/nvidia/version", "/dev/nvidiactl")
    return sys.platform == "linux" and any(os.path.exists(sign) for sign in signs)


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
    version = interpreter_version(venv)
    if answer.returncode or version is None:
        linux = sys.platform == "linux"
        remedy = "install it (on Debian and Ubuntu: apt install python3-venv)" if linux else "reinstall Python"
        raise LaunchError(f"Python's venv module could not make {venv}; {remedy} and start again")
    return version


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
    if answer.returncode in STOPPED or (lines and lines[-1].startswith("MemoryError")):
        raise LaunchError(
            "the check of the installed packages was stopped or ran out of memory; close other programs and start again"
        )
    return None if answer.returncode == 0 else (lines[-1] if lines else f"exit status {answer.returncode}")


def install(venv: Path, digests: Mapping[str, str], torch_choice: str, extras: Sequence[str]) -> None:
    """Make the environment whole, keeping what is good in it, and stamp it."""
    stamp = read_stamp(venv)
    parts = [part for part in IMPORTS if part == "app" or part in extras or part in stamp]
    forget_stamp(venv)
    shutil.rmtree(make_pip_folder(venv), ignore_errors=True)  # what one that was killed left
    version = interpreter_version(venv)
    if version is None or not ("3.10" <= version <= "3.13") or run_pip(venv, "--version", quiet=True)[0]:
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
        install_torch(venv, site, torch_choice, stamp.get("torch"))
        must_pip(venv, "install", "--prefer-binary", *files)
        set_cuda_audio_aside(site)
        failure = import_failure(venv, parts)
        if failure is None:
            break
        if attempt == "anew":
            raise LaunchError(f"the packages do not work on this machine ({failure}); mend that and start again")
        say(f"the packages do not work together ({failure}); installing them anew")
        version = make_venv(venv)
    made = {"python": version, "torch": torch_choice, "distributions": list_distributions(site)}
    write_stamp(venv, made | {part: digests[part] for part in parts})
    shutil.rmtree(make_pip_folder(venv), ignore_errors=True)
    say("installed")


def ensure_environment(extras: Sequence[str], folder: Path) -> Path:
    """Make or mend .venv in ``folder`` where needed and return the Python of it, or of the checkout's own."""
    digests = requirement_digests()
    choice = "cuda" if has_nvidia_driver() else "cpu"
    own, venv = ROOT / ".venv", folder / ".venv"
    if own != venv and is_ready(read_stamp(own), digests, choice, extras, own):
        return venv_python(own)
    if not is_ready(read_stamp(venv), digests, choice, extras, venv):
        if own != venv:
            say(f"{ROOT} cannot be written, so its packages go to {folder}")
        with hold_lock(folder / ".struck" / "install.lock"):
            if not is_ready(read_stamp(venv), digests, choice, extras, venv):
                install(venv, digests, choice, extras)
    set_cuda_audio_aside(site_packages(venv, read_stamp(venv)["python"]))
    return venv_python(venv)


# ---- running ----------------------------------------------------------------------------------------------------


def run_child(line: Sequence[str], environment: Mapping[str, str], cwd: Path | None) -> int:
    """Run a command to its end; its exit status is ours, Ctrl-C and termination reach it."""
    with subprocess.Popen(line, env=dict(environment), cwd=cwd) as child:
        before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            status = child.wait()
            return 128 - status if status < 0 else status
        except KeyboardInterrupt:
            try:
                child.wait(timeout=10)
            except (KeyboardInterrupt, subprocess.TimeoutExpired):
                child.kill()
            return 130
        finally:
            signal.signal(signal.SIGTERM, before)


def main(args: Sequence[str]) -> int:
    """Run the command line and return the exit status."""
    try:
        module, rest = route(args)
        if module == "help":
            print(__doc__)
            return 0
        check_python()
        folder = choose_folder()
        python = ensure_environment(needed_extras(module, rest), folder)
        environment = child_environment(os.environ, folder)
        status = run_child(command_line(python, module, rest), environment, ROOT if module == "test" else None)
        if status not in (0, 2, 130):
            venv = python.parent.parent
            stamp = read_stamp(venv)
            if stamp and find_damage(site_packages(venv, stamp["python"]), stamp["distributions"], thorough=True):
                forget_stamp(venv)
                say("files of the installation are damaged; the next start mends them")
        return status
    except LaunchError as error:
        say(str(error))
    except KeyboardInterrupt:
        say("stopped; the next start goes on from here")
        return 130
    except OSError as error:
        say(f"{error.filename or ROOT} cannot be used ({error.strerror or error}); mend that and start again")
    return 2


def _exit() -> NoReturn:
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    _exit()
