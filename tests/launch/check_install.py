"""Installs Struck from nothing, as people do and as it goes wrong, and uses it: a program of its own, not a test.

    python tests/launch/check_install.py [--python PYTHON]... [--old PYTHON]... [--faults] [--work DIR]

Each Python gets a copy of the last commit in a folder with spaces and letters that are not ASCII, an empty PATH (so no
compiler and no ffmpeg) and a home of its own. ``--faults`` also kills the installation at random moments, starts it
twice at once, breaks it and takes away the right to write. Prints a table; the exit status is 1 where anything fails.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER_NAME = "Größe 打楽器 α"
LONGEST_S = 3600.0
KILLS = 6
OLD_STATUS = 2


class Copy:
    """A copy of the checkout, and the Python that starts it."""

    def __init__(self, python: str, work: Path) -> None:
        self.python = python
        self.folder = work / FOLDER_NAME
        self.folder.parent.mkdir(parents=True)
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(self.folder)], check=True)
        self.home, self.path = work / "home", work / "empty"
        for folder in (self.home, self.path, work / "temporary"):
            folder.mkdir()
        kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_")) or k.lower().endswith("_proxy")}
        if sys.platform == "win32":
            kept |= {k: v for k, v in os.environ.items() if k.upper() in ("SYSTEMROOT", "USERPROFILE", "APPDATA")}
        self.environment = kept | {"PATH": str(self.path), "HOME": str(self.home), "TMPDIR": str(work / "temporary")}
        self.environment["OMP_NUM_THREADS"] = "1"  # threads that wait for each other take long on a busy machine
        self.prefix: list[str] = []

    @property
    def venv(self) -> Path:
        return self.folder / ".venv"

    def start(self, *arguments: str, out: int | None = None) -> subprocess.Popen[str]:
        """Start launch.py in a process group of its own."""
        line = [*self.prefix, self.python, str(self.folder / "launch.py"), *arguments]
        return subprocess.Popen(
            line, env=self.environment, cwd=self.home, stdout=out, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        """Run launch.py to its end; its standard output and standard error. Fails on another exit status."""
        process = self.start(*arguments, out=subprocess.PIPE)
        out, err = process.communicate(timeout=LONGEST_S)
        assert process.returncode == status, f"{arguments}: exit status {process.returncode}: {err[-2000:]}"
        assert "Traceback" not in err, err
        return out, err

    def use(self) -> None:
        """Detect, render and open the editor, as somebody does who has just installed it."""
        found = json.loads(self.run("detect", str(self.folder / "assets" / "demo_sound.mp4"), "--json", "-")[0])
        assert len(found["onsets"]) > 3, found
        sound = self.home / "trüb 音.wav"
        self.run("render", str(self.folder / "assets" / "demo_sound.mp4"), "--steps", "1", "--out", str(sound))
        with wave.open(str(sound)) as file:
            assert abs(file.getnframes() / file.getframerate() - found["duration_s"]) < 1.0
            assert any(file.readframes(file.getnframes())), "the rendered sound is silent"
        sound.unlink()
        with self.serve() as address, urllib.request.urlopen(address, timeout=120) as answer:
            assert answer.status == 200 and b"truck" in answer.read()

    @contextlib.contextmanager
    def serve(self) -> Iterator[str]:
        """The editor; yields its address."""
        server = self.start("ui", "--no-browser", out=subprocess.PIPE)
        try:
            assert server.stdout is not None
            found = next((m for line in server.stdout if (m := re.search(r"http://127\.0\.0\.1:\d+", line))), None)
            assert found is not None, server.communicate()[1]
            yield found[0]
        finally:
            server.terminate()
            server.communicate(timeout=60)


def measure_bytes(folder: Path) -> int:
    """What a folder takes of the disk."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def check_plain(copy: Copy) -> None:
    """From nothing to the first sound and the page; prints seconds and megabytes."""
    began_s = time.monotonic()
    said = copy.run("detect", "--help")[1]
    took_s = time.monotonic() - began_s
    sizes = re.findall(r"Downloading \S+(?: \S+)? \(([\d.]+) ([kMG])B\)", said)
    fetched_mb = sum(float(size) * {"k": 1e-3, "M": 1.0, "G": 1e3}[unit] for size, unit in sizes)
    venv_mb = measure_bytes(copy.venv) / 1e6
    print(f"       {copy.python}: {took_s:.0f} s, {fetched_mb:.0f} MB fetched, .venv {venv_mb:.0f} MB", flush=True)
    copy.use()
    print(f"       {copy.python}: .venv once used {measure_bytes(copy.venv) / 1e6:.0f} MB", flush=True)


# ---- what goes wrong -------------------------------------------------------------------------


def check_kills(copy: Copy) -> None:
    """With a file in place of .venv, killed at random moments, alone or with all it started, installing goes on."""
    shutil.rmtree(copy.venv, ignore_errors=True)
    copy.venv.write_text("no folder")
    draw = random.Random(1)
    for turn in range(KILLS):
        process = copy.start("detect", "--help", out=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(1.0, 25.0))
        if process.poll() is None:
            (os.killpg if turn % 2 else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
    copy.use()


def check_killed_parts(copy: Copy) -> None:
    """A pip or an import check that is killed is told in a sentence, and nothing is thrown away."""
    for part, words in (("-m\0pip", "installing was stopped"), ("import numpy", "check of the installed packages")):
        (copy.venv / "struck-installed.json").unlink(missing_ok=True)
        before = (copy.venv / "pyvenv.cfg").stat().st_mtime_ns
        process = copy.start("detect", "--help", out=subprocess.DEVNULL)
        while process.poll() is None and not _kill_child(process.pid, part):
            time.sleep(0.002)
        err = process.communicate(timeout=LONGEST_S)[1]
        assert process.returncode == 2 and words in err and "start again" in err, (part, process.returncode, err)
        assert (copy.venv / "pyvenv.cfg").stat().st_mtime_ns == before
    copy.run("detect", "--help")


def _kill_child(parent: int, part: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            line = (entry / "cmdline").read_bytes().decode(errors="replace")
            if int(fields[1]) == parent and part in line and "--version" not in line and "--dry-run" not in line:
                os.kill(int(entry.name), signal.SIGKILL)
                return True
    return False


def check_two_at_once(copy: Copy) -> None:
    """Two starts at once: one installs, the other waits, both work."""
    (copy.venv / "struck-installed.json").unlink()
    both = [copy.start("detect", "--help", out=subprocess.DEVNULL) for _ in range(2)]
    said = [process.communicate(timeout=LONGEST_S)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("another start is installing" in text for text in said) == 1, said


def check_damage(copy: Copy) -> None:
    """A broken .venv is mended: a package cut short or gone, pip gone, no interpreter."""
    site = next((copy.venv / "lib").glob("python*")) / "site-packages"
    numpy = site / "numpy" / "__init__.py"

    breaks: list[Callable[[], object]] = [
        lambda: numpy.write_text("x"),
        lambda: shutil.rmtree(next(site.glob("scipy-*.dist-info"))),
        lambda: (site / "soundfile.py").unlink(),
        lambda: (shutil.rmtree(site / "pip"), (copy.venv / "struck-installed.json").unlink()),
        lambda: (copy.venv / "bin" / "python").unlink(),
    ]
    for damage in breaks:
        damage()
        copy.run("detect", str(copy.folder / "assets" / "demo_sound.mp4"), "--json", "-")


def check_read_only(copy: Copy) -> None:
    """In a checkout that cannot be written the packages go to the data folder, or the sentence says what to do."""
    shutil.rmtree(copy.venv, ignore_errors=True)
    with deny_writing(copy):
        err = copy.run("detect", "--help")[1]
        assert "cannot be written, so its packages go to" in err, err
        copy.use()
        copy.environment["STRUCK_HOME"] = str(copy.folder / "data")
        err = copy.run("detect", "--help", status=2)[1]
        assert "set STRUCK_HOME to a folder that you may write" in err and err.count("\n") == 1, err
        copy.environment["STRUCK_HOME"] = str(copy.home / ".struck")
        copy.run("detect", "--help")
        assert list((copy.home / ".struck").glob("installed/*/.venv"))


@contextlib.contextmanager
def deny_writing(copy: Copy) -> Iterator[None]:
    """Make the checkout read-only: by a mount for root, by its permissions for others."""
    if os.geteuid() == 0:
        quoted = "'" + str(copy.folder) + "'"
        mount = f"mount --bind {quoted} {quoted} && mount -o remount,ro,bind {quoted} {quoted}"
        sh, path = shutil.which("sh"), os.environ["PATH"]
        unshare = shutil.which("unshare")
        assert unshare and sh, "unshare is needed where root runs this"
        script = f'P="$PATH"; PATH="{path}"; cd /; {mount} || exit 99; cd "$HOME"; PATH="$P"; exec "$@"'
        copy.prefix = [unshare, "--mount", sh, "-c", script, "sh"]
        yield
        copy.prefix = []
        return
    folders = [copy.folder, *(path for path in copy.folder.rglob("*") if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o700)


FAULTS = (check_killed_parts, check_two_at_once, check_damage, check_read_only, check_kills)


def check_old(python: str, work: Path) -> None:
    """An unfit Python is refused in one sentence."""
    done = subprocess.run([python, str(ROOT / "launch.py"), "detect"], capture_output=True, text=True, cwd=work)
    assert done.returncode == OLD_STATUS and "start launch.py with Python 3.10" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def main() -> int:
    """Run the checks; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", 1)[0])
    parser.add_argument("--python", action="append", default=[], help="to install with; this one where none is given")
    parser.add_argument("--old", action="append", default=[], help="a Python that must be refused")
    parser.add_argument("--faults", action="store_true", help="let things go wrong as well, with the first Python")
    parser.add_argument("--work", type=Path, help="folder for the copies")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="struck-install-", dir=options.work, ignore_cleanup_errors=True) as name:
        work = Path(name)
        for python in options.old:
            failed |= not _try(f"{python} is refused", functools.partial(check_old, python, work))
        for number, python in enumerate(options.python or [sys.executable]):
            copy = Copy(python, work / str(number))
            failed |= not _try(f"{python}: from nothing", functools.partial(check_plain, copy))
            for fault in FAULTS if options.faults and number == 0 else ():
                failed |= not _try((fault.__doc__ or "").strip(), functools.partial(fault, copy))
            shutil.rmtree(copy.folder.parent, ignore_errors=True)
    return int(failed)


def _try(what: str, check: Callable[[], object]) -> bool:
    began_s = time.monotonic()
    try:
        check()
    except Exception as error:  # the others go on
        print(f"FAILED {what}\n  {type(error).__name__}: {error}", flush=True)
        return False
    print(f"held   {what} ({time.monotonic() - began_s:.0f} s)", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
