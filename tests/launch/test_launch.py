"""The launcher: what it runs, when it trusts an installation, and what it says when it cannot."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import launch
from engine import __main__ as engine_main
from engine.install import environment, packages, state

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.parametrize(
    ("args", "module", "rest"),
    [
        ([], "ui", []),
        (["ui"], "ui", []),
        (["ui", "clip.mp4", "--port", "8000"], "ui", ["clip.mp4", "--port", "8000"]),
        (["clip.mp4"], "ui", ["clip.mp4"]),
        (["a/b.struck.json", "--listen"], "ui", ["a/b.struck.json", "--listen"]),
        (["--listen", "--port", "9"], "ui", ["--listen", "--port", "9"]),
        (["test", "-k", "modes"], "test", ["-k", "modes"]),
        (["detect", "clip.mp4", "--json", "-"], "engine", ["detect", "clip.mp4", "--json", "-"]),
        (["--device", "cpu", "render", "a.mp4"], "engine", ["--device", "cpu", "render", "a.mp4"]),
        (["nonsense"], "engine", ["nonsense"]),
        (["--help"], "help", []),
    ],
)
def test_arguments_reach_the_right_module(args: list[str], module: str, rest: list[str]) -> None:
    assert launch.route(args, exists=lambda path: False) == (module, rest)


def test_every_command_of_the_engine_is_started() -> None:
    assert set(launch.COMMANDS) == set(engine_main.COMMANDS)


def test_a_folder_or_file_that_exists_opens_in_the_editor() -> None:
    assert launch.route(["holiday"], exists=lambda path: True) == ("ui", ["holiday"])


@pytest.mark.parametrize("version", [(3, 9), (3, 14), (2, 7)])
def test_an_unfit_python_is_named_with_the_remedy(version: tuple[int, int]) -> None:
    words = rf"Python {version[0]}\.{version[1]} .* start launch.py with Python 3.10"
    with pytest.raises(state.LaunchError, match=words):
        state.check_python(version)


@pytest.mark.parametrize("minor", [10, 11, 12, 13])
def test_fit_pythons_are_taken(minor: int) -> None:
    state.check_python((3, minor))


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'", "cannot be reached"),
        ("ERROR: Could not install: [Errno 13] Permission denied: '/x'", "cannot be written"),
        ("ERROR: No matching distribution found for gradio==0.0", "No matching distribution found for gradio==0.0"),
        ("", "no reason"),
    ],
)
def test_what_stopped_pip_is_one_sentence_with_a_remedy(stderr: str, words: str) -> None:
    sentence = packages.explain_pip(1, stderr, Path("v"))
    assert words in sentence
    assert sentence.endswith("start again")
    assert "\n" not in sentence


def test_telemetry_is_off_and_foreign_packages_are_shut_out() -> None:
    base = {"PATH": "/bin", "PYTHONPATH": "/elsewhere", "PYTHONHOME": "/x"}
    child = state.child_environment(base, state.ROOT)
    assert child["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert child["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert child["PATH"] == "/bin"
    assert "PYTHONPATH" not in child and "PYTHONHOME" not in child


def test_packages_are_compiled_once_even_where_no_bytecode_is_wanted_beside_the_sources() -> None:
    child = state.child_environment({"PYTHONDONTWRITEBYTECODE": "1"}, state.ROOT)
    assert "PYTHONDONTWRITEBYTECODE" not in child
    assert Path(child["PYTHONPYCACHEPREFIX"]).parent == state.ROOT / ".struck"
    assert "PYTHONPYCACHEPREFIX" not in state.child_environment({}, state.ROOT)


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A real but empty virtual environment with one package installed by hand."""
    folder = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = state.site_packages(folder, HERE)
    (site / "bell" / "deep").mkdir(parents=True)
    (site / "bell" / "__init__.py").write_bytes(b"one = 1\n")
    (site / "bell" / "deep" / "tone.py").write_bytes(b"two = 2\n")
    (site / "bell-1.0.dist-info").mkdir()
    (site / "bell-1.0.dist-info" / "RECORD").write_text(
        "bell/__init__.py,sha256=x,8\nbell/deep/tone.py,sha256=y,8\nbell-1.0.dist-info/RECORD,,\n"
    )
    return folder


DIGESTS = {"app": "a", "lab": "l", "farm": "f", "test": "t"}


def good_stamp(**changes: object) -> dict[str, object]:
    return {"python": HERE, "torch": "cpu", "app": "a", "distributions": ["bell-1.0.dist-info"], **changes}


def test_a_whole_installation_is_trusted(venv: Path) -> None:
    assert state.is_ready(good_stamp(), DIGESTS, "cpu", (), venv)
    assert state.is_ready(good_stamp(lab="l", test="t"), DIGESTS, "cpu", ("lab", "test"), venv)


@pytest.mark.parametrize(
    "stamp",
    [
        {},
        good_stamp(app="older"),
        good_stamp(torch="cuda"),
        good_stamp(python="3.1"),
        good_stamp(distributions=[]),
        good_stamp(distributions=["bell-1.0.dist-info", "gone-2.0.dist-info"]),
    ],
    ids=["none", "requirements changed", "driver came or went", "another Python", "nothing", "package gone"],
)
def test_a_stamp_that_does_not_fit_is_not_trusted(venv: Path, stamp: dict[str, object]) -> None:
    assert not state.is_ready(stamp, DIGESTS, "cpu", (), venv)


@pytest.mark.parametrize(
    ("line", "extras"),
    [
        ("", ()),
        ("clip.mp4", ()),
        ("render clip.mp4 --out a.wav", ()),
        ("bench", ()),
        ("train sampler", ("lab",)),
        ("--device cpu simulate --out takes", ("lab",)),
        ("evaluate onsets", ("lab",)),
        ("render clips --out-dir out --farm local", ("farm",)),
        ("bench growth", ("farm",)),
        ("test -x", ("lab", "farm", "test")),
    ],
)
def test_lab_farm_and_tests_need_their_own_requirements(line: str, extras: tuple[str, ...], venv: Path) -> None:
    assert launch.needed_extras(*launch.route(line.split())) == extras
    assert state.is_ready(good_stamp(), DIGESTS, "cpu", extras, venv) == (not extras)
    assert state.is_ready(good_stamp(lab="l", farm="f", test="t"), DIGESTS, "cpu", extras, venv)


def test_an_interpreter_that_is_gone_is_noticed(venv: Path) -> None:
    state.venv_python(venv).unlink()
    assert state.interpreter_version(venv) is None
    assert not state.is_ready(good_stamp(), DIGESTS, "cpu", (), venv)


def test_damage_is_found_at_the_top_at_once_and_anywhere_when_thorough(venv: Path) -> None:
    site = state.site_packages(venv, HERE)
    names = ["bell-1.0.dist-info"]
    assert state.find_damage(site, names, thorough=True) == []
    (site / "bell" / "deep" / "tone.py").write_bytes(b"")
    assert state.find_damage(site, names, thorough=False) == []
    assert state.find_damage(site, names, thorough=True) == names
    (site / "bell" / "__init__.py").unlink()
    assert state.find_damage(site, names, thorough=False) == names


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_torn_stamp_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / state.STAMP_NAME).write_text(content)
    assert state.read_stamp(tmp_path) == {}


def test_a_stamp_comes_back_as_written_and_can_be_forgotten(tmp_path: Path) -> None:
    state.write_stamp(tmp_path, good_stamp())
    assert state.read_stamp(tmp_path) == good_stamp()
    assert os.listdir(tmp_path) == [state.STAMP_NAME]
    state.forget_stamp(tmp_path)
    state.forget_stamp(tmp_path)
    assert state.read_stamp(tmp_path) == {}


def test_line_ends_do_not_change_the_digest(tmp_path: Path) -> None:
    unix, dos = tmp_path / "a" / "r.txt", tmp_path / "b" / "r.txt"
    for path, data in ((unix, b"x==1\ny==2\n"), (dos, b"x==1\r\ny==2\r\n")):
        path.parent.mkdir()
        path.write_bytes(data)
    assert state.digest_files([unix]) == state.digest_files([dos])


def test_one_launch_at_a_time_installs(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with environment.hold_lock(tmp_path / "lock"):
            order.append("second")

    with environment.hold_lock(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_cuda_library_goes_aside_only_beside_a_cpu_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")  # only the Linux wheel is built for CUDA
    library = tmp_path / "torchaudio" / "lib"
    library.mkdir(parents=True)
    (library / "libtorchaudio.so").write_bytes(b"x")
    (tmp_path / "torch" / "lib").mkdir(parents=True)
    cuda = tmp_path / "torch" / "lib" / "libtorch_cuda.so"
    cuda.touch()
    packages.set_cuda_audio_aside(tmp_path)
    assert (library / "libtorchaudio.so").exists()
    cuda.unlink()
    packages.set_cuda_audio_aside(tmp_path)
    assert not list(library.iterdir())


def test_a_command_keeps_its_folder_arguments_and_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "home"
    (root / "engine").mkdir(parents=True)
    (root / "engine" / "__init__.py").touch()
    (root / "engine" / "__main__.py").write_text(
        "import json, os, sys\nopen(sys.argv[1], 'w').write(json.dumps([os.getcwd(), sys.argv[1:]]))\nsys.exit(2)\n"
    )
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "engine").mkdir(parents=True)  # must not shadow ours
    monkeypatch.setattr(launch, "ROOT", root)
    line = launch.command_line(Path(sys.executable), "engine", ["out.json", "b c"])
    assert launch.run_child(line, dict(os.environ), elsewhere) == 2
    assert json.loads((elsewhere / "out.json").read_text()) == [str(elsewhere), ["out.json", "b c"]]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Folders in and below which nothing can be written, even by root."""
    folders: set[Path] = set()
    real = environment.tempfile.TemporaryFile

    def make(dir: Path) -> Any:
        if folders & {dir, *dir.parents}:
            raise PermissionError(errno.EACCES, "Permission denied", str(dir))
        return real(dir=dir)

    monkeypatch.setattr(environment.tempfile, "TemporaryFile", make)
    return folders


def test_a_checkout_that_cannot_be_written_keeps_its_packages_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: set[Path]
) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    for root in roots:
        root.mkdir()
    monkeypatch.setenv("STRUCK_HOME", str(tmp_path / "home"))
    assert environment.choose_folder(roots[0]) == roots[0]
    refused |= set(roots)
    found = [environment.choose_folder(root) for root in roots]
    assert found[0] != found[1] and all(tmp_path / "home" in folder.parents for folder in found)
    child = state.child_environment({}, found[0])
    assert all(child[name].startswith(str(found[0])) for name in ("MPLCONFIGDIR", "PYTHONPYCACHEPREFIX"))
    refused.add(tmp_path)
    with pytest.raises(state.LaunchError, match=r"neither .*one nor .*home can be written; set STRUCK_HOME"):
        environment.choose_folder(roots[0])


def test_an_installation_of_another_user_is_left_alone(tmp_path: Path, refused: set[Path]) -> None:
    (tmp_path / ".venv").mkdir()
    refused.add(tmp_path / ".venv")
    assert environment.choose_folder(tmp_path) != tmp_path


def test_a_checkout_that_cannot_be_written_is_used_where_it_is_whole(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "ROOT", venv.parent)
    monkeypatch.setattr(state, "requirement_digests", lambda: DIGESTS)
    monkeypatch.setattr(packages, "has_nvidia_driver", lambda: False)
    state.write_stamp(venv, good_stamp())
    assert environment.ensure_environment((), tmp_path / "data") == state.venv_python(venv)


def test_bad_news_is_exit_status_2(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(extras: Sequence[str], folder: Path) -> Path:
        raise state.LaunchError("the disk is full; make room and start again")

    monkeypatch.setattr(environment, "ensure_environment", fail)
    assert launch.main(["detect", "x.mp4"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "Struck: the disk is full; make room and start again\n"


def test_an_interrupted_installation_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(extras: Sequence[str], folder: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "ensure_environment", stop)
    assert launch.main(["detect", "x.mp4"]) == 130


def test_every_requirement_is_pinned() -> None:
    parts = [f"requirements-{part}.txt" for part in ("lab", "farm", "test")]
    for name in ("requirements.txt", *parts, "constraints.txt"):
        for line in (state.ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                assert "==" in line.split(";")[0], f"{name}: {line}"
    assert packages.torch_pin() == "2.13.0"


def test_the_whole_suite_is_spread_over_the_cores_and_named_tests_are_not() -> None:
    for args in ([], ["-m", "not slow"], ["-x"], ["-k", "bank"]):
        line = launch.command_line(Path("python"), "test", args)
        assert (line[3] == "-n" and int(line[4]) >= 1 and line[-len(args) :] == args) or not args
    for args in (["tests/launch"], ["tests/launch/test_launch.py::test_x", "-x"], ["-n", "0"], ["-n3"]):
        assert launch.command_line(Path("python"), "test", args)[1:] == ["-m", "pytest", *args]
