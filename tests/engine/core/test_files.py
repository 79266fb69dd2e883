"""Files appear whole or not at all, and a target that cannot be written is refused in one sentence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.core.files import (
    check_folder,
    check_target,
    create_file,
    make_folder,
    make_own_folder,
    make_private_folder,
    make_write_error,
    remove_abandoned,
    remove_partials,
    replace_file,
    share_folder,
    write_file,
    write_together,
)
from engine.core.paths import ROOT


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("sync", [False, True])
def test_what_was_there_is_replaced_only_by_the_whole(tmp_path: Path, sync: bool) -> None:
    target = tmp_path / "a.bin"
    write_file(target, b"old", sync)
    with replace_file(target, sync) as partial:
        partial.write_bytes(b"new")
        assert target.read_bytes() == b"old" and partial.parent == tmp_path
    assert target.read_bytes() == b"new" and names(tmp_path) == ["a.bin"]


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX ones")
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    for mode in (0o600, 0o640, 0o644):
        target.write_bytes(b"old")
        target.chmod(mode)
        write_file(target, b"new")
        assert target.stat().st_mode & 0o777 == mode and target.read_bytes() == b"new"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), ValueError("no"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(type(failure)), replace_file(target) as partial:
        partial.write_bytes(b"half")
        raise failure
    assert target.read_bytes() == b"old" and names(tmp_path) == ["a.bin"]


def test_a_replacement_that_the_system_refuses_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output"):
        write_file(tmp_path / "a.bin", b"new")
    with (
        pytest.raises(BadInput, match=r"a\.bin cannot be written \(input/output error\); "),
        create_file(tmp_path / "a.bin") as file,
    ):
        file.write(b"new")
    assert names(tmp_path) == []


def test_the_longest_name_of_a_file_can_be_written(tmp_path: Path) -> None:
    name = "n" * 251 + ".wav"
    with create_file(tmp_path / name) as file:
        file.write(b"x")
    assert names(tmp_path) == [name]


def test_writers_of_one_file_at_once_leave_one_of_their_contents(tmp_path: Path) -> None:
    target, contents = tmp_path / "a.bin", [bytes([k]) * 100_000 for k in range(8)]
    threads = [threading.Thread(target=write_file, args=(target, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() in contents and names(tmp_path) == ["a.bin"]


def test_targets_are_checked_before_long_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert check_target(tmp_path / "a.wav") == tmp_path / "a.wav"
    assert check_folder(tmp_path / "new" / "deep") == tmp_path / "new" / "deep"
    with pytest.raises(BadInput, match="is a folder; "):
        check_target(tmp_path)
    with pytest.raises(BadInput, match="there is no folder"):
        check_target(tmp_path / "none" / "a.wav")
    with pytest.raises(BadInput, match="is a file; "):
        check_folder(tmp_path / "file")
    assert names(tmp_path) == ["file"]


def test_the_sentence_names_the_target_the_reason_and_the_remedy() -> None:
    said = str(make_write_error(Path("a.wav"), OSError(28, "No space left on device")))
    assert said == "a.wav cannot be written (no space left on device); choose another place or free some space"
    with pytest.raises(OSError, match="too long") as refused:
        os.mkdir("a" * 300)
    assert str(make_write_error(Path("a.wav"), refused.value)).endswith("(file name too long); give a shorter name")


needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")


@needs_pipes
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, link, got = tmp_path / "pipe", tmp_path / "link", []
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
        reader.start()
        with create_file(check_target(path)) as file:
            file.write(b"sound" * 100_000)
        reader.join()
    assert got == [b"sound" * 100_000] * 2
    assert pipe.is_fifo() and link.is_symlink() and names(tmp_path) == ["link", "pipe"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has these devices")
def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    for path in (Path("/dev/null"), link):
        write_file(check_target(path), b"sound", sync=True)
        assert path.is_char_device()
    with (
        pytest.raises(BadInput, match=r"/dev/full cannot be written \(no space left"),
        create_file("/dev/full") as file,
    ):
        file.write(b"x" * 10_000)
    assert Path("/dev/full").is_char_device() and link.is_symlink()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="a POSIX thing")
def test_standard_output_is_written_to_where_it_stands(tmp_path: Path) -> None:
    code = "from engine.core.files import *; print('head', flush=True); write_file('/dev/stdout', b'body\\n')"
    for target in ("file", "pipe"):
        with open(tmp_path / "out", "wb") as out:
            stdout = out if target == "file" else subprocess.PIPE
            done = subprocess.run([sys.executable, "-c", code], stdout=stdout, cwd=ROOT, check=True)
        assert (done.stdout or (tmp_path / "out").read_bytes()) == b"head\nbody\n"


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link, file = tmp_path / "link.wav", tmp_path / "real" / "a.wav"
    link.symlink_to(file)  # of nothing yet
    for content in (b"first", b"second"):
        write_file(check_target(link), content)
        assert link.is_symlink() and file.read_bytes() == content and names(tmp_path / "real") == ["a.wav"]
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(BadInput, match="cannot be written"):
        check_target(loop)


@pytest.mark.parametrize(
    "name", ["n" * 256, "日" * 86, "a\0b", "n" * 200 + "/" + "m" * 300, "/" * 3 + "x/" * 3000 + "y"]
)
def test_names_that_no_file_can_have_are_refused_before_the_work(tmp_path: Path, name: str) -> None:
    for check in (check_target, check_folder):
        with pytest.raises(BadInput, match="cannot be written"):
            check(tmp_path / name)
    assert names(tmp_path) == []


def test_partial_files_of_ended_processes_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = [
        f".struck-{ended.pid}-{'a' * 16}.part",
        f".struck-{os.getpid()}-{'b' * 16}.part",
        ".struck-0123456789abcdef.part",
    ]
    old = [".struck-abcdefgh.tmp", f".struck-{os.getpid()}-{'c' * 16}.part"]
    other = [".struck-project.json", "a.part", ".struck"]
    for name in (*left, *old, *other):
        (tmp_path / name).write_bytes(b"half")
    for name in old:
        os.utime(tmp_path / name, (1, 1))
    folder = tmp_path / f".struck-{ended.pid}-abcd_123.part"
    folder.mkdir()
    (folder / "picture.mp4").write_bytes(b"half")
    check_target(tmp_path / "a.wav")
    assert names(tmp_path) == sorted([*left[1:], *other])


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a process is killed")
def test_a_killed_writer_leaves_the_old_file_and_nothing_after_the_next(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    code = (
        "import sys; from engine.core.files import replace_file\n"
        f"with replace_file({str(target)!r}) as partial:\n"
        "    partial.write_bytes(b'half'); print('half', flush=True); sys.stdin.read()"
    )
    write_file(target, b"old")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"half\n"
        writer.kill()
    assert target.read_bytes() == b"old" and len(names(tmp_path)) == 2
    remove_abandoned(tmp_path)
    assert target.read_bytes() == b"old" and names(tmp_path) == ["a.bin"]


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX ones")
def test_a_folder_that_is_made_is_private_and_one_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "outer" / "home")
    (tmp_path / "open").mkdir(mode=0o755)
    make_private_folder(tmp_path / "open")
    assert stat.S_IMODE((tmp_path / "outer" / "home").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o755


def test_partial_files_of_a_run_on_several_machines_stay_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number of a process would say nothing on another machine, which would take it for one that has ended."""
    monkeypatch.setattr("engine.core.files._shared", None)
    shared, other = tmp_path / "shared", tmp_path / "other"
    (shared / "stems").mkdir(parents=True)
    other.mkdir()
    share_folder(shared, "0123abcd")
    monkeypatch.setattr("engine.core.files._has_ended", lambda process: True)
    with replace_file(shared / "stems" / "a.wav") as here, replace_file(other / "a.wav") as there:
        here.write_bytes(b"half")
        there.write_bytes(b"half")
        folder = make_own_folder(shared)
        for place in (shared, shared / "stems", other):
            remove_abandoned(place)
        assert here.exists() and folder.exists() and not there.exists()
        remove_partials(shared, "ffff0000")
        assert here.exists() and folder.exists()
        remove_partials(shared, "0123abcd")
        assert not here.exists() and not folder.exists()
        here.write_bytes(b"whole")
        there.write_bytes(b"whole")
    assert (shared / "stems" / "a.wav").read_bytes() == b"whole"


def test_of_what_belongs_together_nothing_new_stays_where_a_part_fails(tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), write_together():
        with write_together():  # a part that is whole
            make_folder(tmp_path / "a" / "b")
            for name in ("a/b/one", "before"):
                with create_file(tmp_path / name) as file:
                    file.write(b"new")
        write_file(tmp_path / "cached", b"of something else")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["before", "cached"] and (tmp_path / "before").read_bytes() == b"new"
    with write_together(), create_file(make_folder(tmp_path / "c") / "one") as file:
        file.write(b"new")
    assert names(tmp_path / "c") == ["one"]
