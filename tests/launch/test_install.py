"""What the launcher installs and from where, told by the calls it makes to pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.install import environment, packages, state

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
PIN = packages.torch_pin()


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A pip that only remembers; ``answer`` says how it ends."""
    fake = SimpleNamespace(calls=[], answer=lambda args: (0, ""))

    def run(venv: Path, *args: str, quiet: bool = False) -> tuple[int, str]:
        fake.calls.append(list(args))
        status: tuple[int, str] = fake.answer(args)
        return status

    monkeypatch.setattr(packages, "run_pip", run)
    return fake


def installed(calls: Sequence[Sequence[str]]) -> list[str]:
    """What pip was asked to install in earnest."""
    return [call[2] if call[1] == "--no-deps" else call[-1] for call in calls
            if call[0] == "install" and "--dry-run" not in call]  # fmt: skip


# --- which PyTorch ----------------------------------------------------------------------------


def test_without_an_nvidia_driver_the_cpu_build_is_taken(
    pip: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    packages.install_torch(tmp_path, tmp_path, "cpu", None)
    assert installed(pip.calls) == [f"torch=={PIN}+cpu"]


def test_the_cpu_build_comes_from_its_own_index_where_the_usual_one_has_none(
    pip: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    pip.answer = lambda args: (1, "no such version") if "--dry-run" in args else (0, "")
    packages.install_torch(tmp_path, tmp_path, "cpu", None)
    assert installed(pip.calls) == [f"torch=={PIN}+cpu"] and packages.TORCH_CPU_INDEX in pip.calls[-1]


def test_where_no_cpu_build_can_be_had_the_default_one_follows_quickly(
    pip: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    pip.answer = lambda args: (1, "unreachable")
    packages.install_torch(tmp_path, tmp_path, "cpu", None)
    assert installed(pip.calls) == []
    probe = next(call for call in pip.calls if call[0] == "index")
    assert probe[probe.index("--retries") + 1] == "0" and float(probe[probe.index("--timeout") + 1]) < 10


@pytest.mark.parametrize(("platform", "choice"), [("darwin", "cpu"), ("linux", "cuda")])
def test_elsewhere_the_default_build_is_the_right_one(
    pip: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, choice: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    packages.install_torch(tmp_path, tmp_path, choice, None)
    assert pip.calls == []


def test_a_driver_that_came_later_brings_the_other_build(
    pip: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / f"torch-{PIN}+cpu.dist-info").mkdir()
    packages.install_torch(tmp_path, tmp_path, "cpu", "cpu")
    assert pip.calls == []
    packages.install_torch(tmp_path, tmp_path, "cuda", "cpu")
    assert pip.calls == [["install", "--force-reinstall", "--no-deps", f"torch==={PIN}"]]


# --- making and mending -----------------------------------------------------------------------


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of one package whose imports work."""
    venv = tmp_path / ".venv"
    site = state.site_packages(venv, HERE)
    (site / "thing-1.dist-info").mkdir(parents=True)
    (site / "thing.py").write_text("x = 1\n")
    (site / "thing-1.dist-info" / "RECORD").write_text("thing.py,sha256=x,6\n")
    monkeypatch.setattr(state, "interpreter_version", lambda venv: HERE)
    monkeypatch.setattr(packages, "install_torch", lambda *_: None)
    monkeypatch.setattr(environment, "import_failure", lambda venv, parts: None)
    return venv


def test_a_damaged_package_is_installed_again_and_stamped(pip: SimpleNamespace, venv: Path) -> None:
    site = state.site_packages(venv, HERE)
    (site / "thing.py").write_text("x")
    record = (site / "thing-1.dist-info" / "RECORD").read_text()

    def bring_back(args: Sequence[str]) -> tuple[int, str]:
        if args[0] == "install":
            assert not (site / "thing-1.dist-info").exists()  # or pip would think it is there
            (site / "thing-1.dist-info").mkdir()
            (site / "thing-1.dist-info" / "RECORD").write_text(record)
            (site / "thing.py").write_text("x = 1\n")
        return 0, ""

    pip.answer = bring_back
    digests = {"app": "a", "lab": "l", "test": "t"}
    environment.install(venv, digests, "cpu", ())
    assert state.is_ready(state.read_stamp(venv), digests, "cpu", (), venv)


def test_packages_that_do_not_work_together_are_installed_anew_once(
    pip: SimpleNamespace, venv: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made: list[Path] = []
    monkeypatch.setattr(environment, "make_venv", lambda venv: made.append(venv) or HERE)
    monkeypatch.setattr(environment, "import_failure", lambda venv, parts: None if made else "ImportError: no x")
    environment.install(venv, {"app": "a", "lab": "l", "test": "t"}, "cpu", ())
    assert made == [venv] and state.read_stamp(venv)["app"] == "a"
    assert "ImportError: no x" in capfd.readouterr().err
    monkeypatch.setattr(environment, "import_failure", lambda venv, parts: "ImportError: no x")
    with pytest.raises(state.LaunchError, match=r"do not work on this machine \(ImportError: no x\); mend"):
        environment.install(venv, {"app": "a", "lab": "l", "test": "t"}, "cpu", ())
    assert state.read_stamp(venv) == {}  # the next start looks again


@pytest.mark.skipif(state.WINDOWS, reason="signals are a POSIX thing")
def test_an_import_check_that_was_killed_throws_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = state.venv_python(tmp_path)
    python.parent.mkdir(parents=True)
    ends = {
        "kill -9 $$": "was stopped or ran out of memory; close other programs",
        "kill -15 $$": "was stopped or ran out of memory; close other programs",
        "echo MemoryError >&2; exit 1": "was stopped or ran out of memory; close other programs",
    }
    for script, sentence in ends.items():
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        with pytest.raises(state.LaunchError, match=sentence):
            environment.import_failure(tmp_path, ["app"])
    python.write_text("#!/bin/sh\nkill -11 $$\n")  # a package that crashes is broken
    assert environment.import_failure(tmp_path, ["app"]) == "exit status -11"


def test_an_installation_that_breaks_off_is_not_trusted(pip: SimpleNamespace, venv: Path) -> None:
    environment.install(venv, {"app": "a", "lab": "l", "test": "t"}, "cpu", ())
    pip.answer = lambda args: (1, "ERROR: [Errno 28] No space left on device") if args[0] == "install" else (0, "")
    with pytest.raises(state.LaunchError, match="the disk is full; make room"):
        environment.install(venv, {"app": "b", "lab": "l", "test": "t"}, "cpu", ())
    assert state.read_stamp(venv) == {}


def test_a_disk_without_room_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    with pytest.raises(state.LaunchError, match="less than 2 GB free; make room"):
        environment.make_venv(tmp_path / ".venv")
    assert not list(tmp_path.iterdir())


def test_a_pip_that_was_stopped_goes_on_at_the_next_start(pip: SimpleNamespace, venv: Path) -> None:
    unpacked = venv.parent / ".struck" / "pip"
    (unpacked / "pip-unpack-x").mkdir(parents=True)  # of one that was killed
    pip.answer = lambda args: (-9, "Collecting numpy") if args[0] == "install" else (0, "")
    with pytest.raises(state.LaunchError, match="installing was stopped; start again"):
        environment.install(venv, {"app": "a", "lab": "l", "test": "t"}, "cpu", ())
    assert not unpacked.exists()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_or_link_in_place_of_the_environment_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    venv, target = tmp_path / ".venv", tmp_path / "kept"
    if kind == "file":
        venv.write_text("no folder")
    else:
        target.mkdir()
        venv.symlink_to(target)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    monkeypatch.setattr(state, "interpreter_version", lambda venv: HERE)
    assert environment.make_venv(venv) == HERE
    assert not venv.exists() and target.exists() == (kind == "link")


@pytest.mark.skipif(state.WINDOWS, reason="there a lock is its process's alone")
def test_a_pip_that_outlives_its_launcher_keeps_the_others_waiting(tmp_path: Path) -> None:
    import fcntl

    lock = tmp_path / "lock"
    with environment.hold_lock(lock):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        with open(lock, "a+b") as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            child.communicate(b"\n")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        child.kill()
        child.wait()


@pytest.mark.slow
def test_a_real_environment_is_made_and_runs(tmp_path: Path) -> None:
    venv = tmp_path / "with space" / ".venv"
    venv.parent.mkdir()
    version = environment.make_venv(venv)
    assert version == HERE and state.interpreter_version(venv) == HERE
    state.venv_python(venv).unlink()
    assert state.interpreter_version(venv) is None
