"""The farm on real Ray, a cluster of three machines on this one: as a local run, whatever is lost on the way."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engine.cli.farm import FarmClip, render_there
from engine.cli.manifest import MANIFEST_NAME, Manifest
from engine.cli.render import render_one
from engine.core.errors import BadInput
from engine.core.paths import ROOT
from engine.farm.remote_analysis import LEAST_SOUNDS
from engine.lab.benchmarks.growth import find_family
from engine.pipeline.compute import HERE
from tests import farm_clips
from tests.clips import SOUND_RATE_HZ, make_clicking_clip, make_clip
from tests.command_line import refuse, run
from tests.ui_tab import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.name == "nt", reason="Ray has no clusters on Windows"),
]
SHORT = ("a", "b")
LONGEST_S = 400.0
"""So long is waited for processes of Ray, which start slowly on a busy machine."""

SETTINGS = ("--device", "cpu", "--steps", "1", "--formats", "wav", "project")
INTERRUPTED = "import sys, engine.cli.render as r, tests.farm_clips as f; r.render_one = f.render_one\n"
INTERRUPTED += "from engine.__main__ import main; sys.exit(main())"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores and two machines of one core each; all of Ray ends with it."""
    before = dict(os.environ)  # Ray reads these at its import
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="ab" * 32)
    from ray.cluster_utils import Cluster

    # Ray makes its workers so nice that a busy machine starves them.
    quick = {"health_check_period_ms": 1000, "health_check_failure_threshold": 10, "worker_niceness": 0}
    small = {"object_store_memory": 100 << 20, "include_dashboard": False}
    made = Cluster(True, head_node_args={"num_cpus": 0, "_system_config": quick, **small})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1, **small)
        yield made
    finally:
        made.shutdown()
        os.environ.clear()
        os.environ.update(before)


def make_strikes() -> np.ndarray:
    """Four strikes that differ so much that each is analysed as a task of its own, mono float32."""
    t = np.arange(round(0.25 * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    low, middle, both = (sum(np.sin(2 * np.pi * f * t) for f in own) for own in ((360.0,), (1080.0,), (200.0, 6000.0)))
    noise = 0.5 * np.random.default_rng(1).standard_normal(len(t))
    strikes = [0.5 * np.exp(-25.0 * t) * strike for strike in (low, both, middle, noise)]
    return np.concatenate((np.zeros(len(t) // 2), *strikes)).astype(np.float32)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips and a torn one, and beside them what a local run makes of them."""
    folder = tmp_path_factory.mktemp("farm") / "clips"
    folder.mkdir()
    make_clicking_clip(folder / "a.mp4", (0.2, 0.6), 1.0)
    make_clicking_clip(folder / "b.mp4", (0.3,), 1.0)
    make_clip(folder / "c.mp4", count=30, sounds=[(0.0, make_strikes())])
    (folder / "torn.mp4").write_bytes((folder / "a.mp4").read_bytes()[:3000])
    assert run("render", folder, "--out-dir", folder.parent / "local", *SETTINGS) == 2
    return folder


def read_all(folder: Path) -> dict[str, bytes]:
    """Samples of the sound files of a folder, and its projects."""
    sounds = {path.name: soundfile.read(path, dtype="int32")[0].tobytes() for path in folder.glob("*.wav")}
    return sounds | {path.name: path.read_bytes() for path in folder.glob("*.struck.json")}


def read_manifest(folder: Path, part: str) -> dict[str, Any]:
    return dict(getattr(Manifest(folder), part))


def test_a_run_that_is_interrupted_goes_on_and_gives_the_samples_of_a_local_one(
    cluster: Any, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = clips.parent / "interrupted"
    job = ("render", clips, "--out-dir", out, *SETTINGS, "--farm", cluster.address)
    farm_clips.mark(clips / "b.mp4")
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, *map(str, job)], cwd=ROOT, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: farm_clips.find_stopped(clips / "b.mp4") and len(read_manifest(out, "done")) == 2, LONGEST_S)
        assert list(out.glob(".struck-*"))  # the half of b.wav
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=LONGEST_S)[1].decode()
        assert process.returncode == 130 and said.endswith("Struck: stopped\n"), said
    finally:
        process.kill()
    assert {path.name for path in out.iterdir()} == {
        MANIFEST_NAME, *(f"{name}{end}" for name in "ac" for end in (".wav", ".struck.json"))
    }  # fmt: skip
    done, begun = read_manifest(out, "done"), read_manifest(out, "begun")
    assert len(done) == len(begun) == 2 and done.keys().isdisjoint(begun)
    written_ns = (out / "a.wav").stat().st_mtime_ns
    said = refuse(capsys, *job)
    assert "1 of 4 clips could not be rendered" in said
    assert (out / "a.wav").stat().st_mtime_ns == written_ns
    assert read_all(out) == read_all(clips.parent / "local") and len(read_all(out)) == 6
    assert int((clips / "c.analyzed").read_text()) >= LEAST_SOUNDS  # as tasks
    assert read_manifest(out, "done") == read_manifest(clips.parent / "local", "done")
    assert "torn.mp4 is not whole" in (out / "report.html").read_text("utf-8")


@pytest.fixture
def short(clips: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two of the clips, whose renders are counted."""
    monkeypatch.setattr("engine.cli.render.render_one", farm_clips.render_one)
    chosen = [clips / f"{name}.mp4" for name in SHORT]
    for clip in chosen:
        farm_clips.forget_starts(clip)
    return chosen


def slow_down(cluster: Any, clips: Path, is_done: threading.Event, stopped: set[int]) -> None:
    """Let the machine on which the first clip is begun run for a fifth of the time; ``stopped`` are its processes."""
    wait_until(lambda: farm_clips.list_starts(clips / "a.mp4"), LONGEST_S)
    (node_id,) = farm_clips.list_starts(clips / "a.mp4")
    slow = next(node for node in cluster.worker_nodes if node.node_id == node_id)
    raylet = slow.all_processes["raylet"][0].process.pid

    def signal_all(kind: int) -> None:
        for process in find_family(raylet):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, kind)
                stopped.add(process)

    try:
        while not is_done.wait(0.1):
            signal_all(signal.SIGSTOP)
            is_done.wait(0.4)
            signal_all(signal.SIGCONT)
    finally:
        signal_all(signal.SIGCONT)


def fill_disk(out: Path, job: Sequence[str | Path], short: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Run a job onto a disk with less room than a sound takes, and make room."""
    assert run(*job) == 2
    said = capsys.readouterr().err
    for clip in short:
        reason = f"{clip}: {out / clip.stem}.wav cannot be written (no space left on device); choose another place"
        assert said.count(reason) == 1, said
    assert "2 of 2 clips could not be rendered" in said and not read_manifest(out, "done")
    assert {path.suffix for path in out.iterdir()} == {".jsonl", ".html"}
    subprocess.run(["mount", "-o", "remount,size=16m", str(out)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a machine's processes are found in /proc")
def test_on_a_full_disk_and_beside_a_slow_machine_nothing_is_lost_or_done_twice(
    cluster: Any, clips: Path, short: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk is a file system in memory, where this user may mount one; the same command goes on when it has room."""
    out, is_done, stopped = clips.parent / "full", threading.Event(), set[int]()
    out.mkdir()
    job = ("render", *short, "--out-dir", out, *SETTINGS, "--farm", cluster.address)
    may_mount = not subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", out], check=False).returncode
    slowing = threading.Thread(target=slow_down, args=(cluster, clips, is_done, stopped))
    try:
        if may_mount:
            fill_disk(out, job, short, capsys)
            for clip in short:
                assert len(farm_clips.list_starts(clip)) == 1
                farm_clips.forget_starts(clip)
        slowing.start()
        assert run(*job) == 0
        assert "again" not in capsys.readouterr().err and len(stopped) > 1  # Ray's own and workers
        assert [len(farm_clips.list_starts(clip)) for clip in short] == [1, 1] and len(read_manifest(out, "done")) == 2
        local = read_all(clips.parent / "local")
        assert read_all(out) == {name: data for name, data in local.items() if name[0] in SHORT}
    finally:
        is_done.set()
        if slowing.is_alive():
            slowing.join(LONGEST_S)
        if may_mount:
            subprocess.run(["umount", "--lazy", str(out)], check=True)


def test_a_process_and_a_machine_that_end_lose_nothing_and_repeat_nothing(
    cluster: Any,
    clips: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = clips.parent / "broken"
    monkeypatch.setattr("engine.cli.render.render_one", farm_clips.render_one)

    def break_both() -> None:
        wait_until(lambda: farm_clips.find_stopped(clips / "a.mp4"), LONGEST_S)
        os.kill(farm_clips.find_stopped(clips / "a.mp4")[0], signal.SIGKILL)
        wait_until(lambda: farm_clips.find_stopped(clips / "b.mp4"), LONGEST_S)
        node_id = farm_clips.find_stopped(clips / "b.mp4")[1]
        lost = next(node for node in cluster.worker_nodes if node.node_id == node_id)
        cluster.remove_node(lost, allow_graceful=False)

    farm_clips.mark(clips / "a.mp4")
    farm_clips.mark(clips / "b.mp4")
    farm_clips.mark(clips / "torn.mp4", ".fatal")
    breaking = threading.Thread(target=break_both)
    breaking.start()
    assert run("render", clips, "--out-dir", out, *SETTINGS, "--farm", cluster.address) == 2
    breaking.join(LONGEST_S)
    said = capsys.readouterr().err
    assert "a.mp4: its process ended; it is rendered again" in said
    assert "b.mp4: its machine left the farm; it is rendered again" in said
    last = r"its (process ended|machine left the farm)"  # as it ends on the machine that is left, or on the other one
    assert re.search(rf"torn\.mp4: {last}, at every try; render it alone to see more", said), said
    assert read_all(out) == read_all(clips.parent / "local")
    assert read_manifest(out, "done") == read_manifest(clips.parent / "local", "done")
    assert not list(out.glob(".struck-*"))


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("--farm", "nowhere"), "--farm 'nowhere' is not HOST:PORT; give what `ray start` told, auto or local"),
        (("--farm", "127.0.0.1:1"), "no Ray cluster answers at 127.0.0.1:1 (connection refused); start one by"),
    ],
)
def test_a_farm_that_is_not_there_is_said(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], reason: str
) -> None:
    assert reason in refuse(capsys, "render", clips, "--out-dir", tmp_path / "out", *args)


def test_without_ray_the_remedy_is_said(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = refuse(capsys, "render", clips, "--out-dir", tmp_path / "out", "--farm", "local")
    assert "--farm needs Ray, which is not installed; start it by launch.py, which installs it, or run pip" in said


def test_a_machine_that_does_not_see_a_clip_is_said(tmp_path: Path) -> None:
    clip = FarmClip("a.mp4", argparse.Namespace(), ("/studio/a.mp4",))
    with pytest.raises(BadInput, match=r"/studio/a.mp4 is not there on the machine .*; mount /studio there under the"):
        render_there(render_one, "0123abcd", clip, HERE)


def test_the_example_farm_has_the_version_that_is_installed() -> None:
    example = (ROOT / "examples" / "farm" / "cluster.yaml").read_text("utf-8")
    version = example.split('rayVersion: "')[1].split('"')[0]
    assert f"\nray=={version};" in (ROOT / "requirements-farm.txt").read_text("utf-8")
