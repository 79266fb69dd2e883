"""What a training would take is told before it begins, from a few takes and steps; film in VGGSound's layout."""

from __future__ import annotations

import argparse
import re
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.core.errors import BadInput
from engine.lab.data.onsets.clips import list_real_takes, load_takes
from engine.lab.data.vggsound import TABLE, list_excerpts
from engine.lab.training.onsets import train as onsets
from engine.lab.training.plan import Plan, Trial, check_plan, choose_tried
from engine.lab.training.sampler import train as sampler
from engine.lab.training.vision import train as vision
from tests.clips import make_clicking_clip, make_clip
from tests.frames import SMALL

HITS_S = (0.4, 1.0, 1.5)


@pytest.fixture(scope="module")
def excerpts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five rows: two struck things, one of them for evaluation, one that is not struck, one silent, one not there."""
    folder = tmp_path_factory.mktemp("vggsound")
    (folder / "video").mkdir()
    make_clicking_clip(folder / "video" / "aaaaaaaaaaa_000030.mp4", HITS_S)
    make_clicking_clip(folder / "video" / "bbbbbbbbbbb_000000.mp4", HITS_S)
    make_clicking_clip(folder / "video" / "ccccccccccc_000010.mp4", HITS_S)
    make_clip(folder / "video" / "ddddddddddd_000010.mp4", count=20)
    rows = (
        "aaaaaaaaaaa,30,hammering nails,train",
        "bbbbbbbbbbb,0,playing drum kit,test",
        "ccccccccccc,10,wind noise,train",
        "ddddddddddd,10,chopping wood,train",
        "eeeeeeeeeee,10,chopping wood,train",
    )
    (folder / TABLE).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_excerpts_of_struck_things_are_labelled_by_their_sound(excerpts: Path, tmp_path: Path) -> None:
    assert [(e.video, e.held_out) for e in list_excerpts(excerpts)] == [
        ("aaaaaaaaaaa", False), ("bbbbbbbbbbb", True), ("ddddddddddd", False)
    ]  # fmt: skip
    takes = list_real_takes(excerpts)
    assert [take.day for take in takes] == ["aaaaaaaaaaa", "ddddddddddd"]
    (clip,) = load_takes(takes, tmp_path)  # the silent one has nothing to teach
    assert np.abs(clip.hits_s - HITS_S).max() < 0.02 and len(clip.hits_s) == 3
    assert clip.real and len(clip.times_s) == len(clip.frames) == 50
    (kept,) = load_takes(takes, tmp_path)
    assert np.array_equal(kept.frames, clip.frames) and np.array_equal(kept.hits_s, clip.hits_s)


def test_a_table_that_is_not_understood_is_named(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_text("aaaaaaaaaaa,30,hammering nails,train\naaaaaaaaaaa,x,hammering,train\n")
    with pytest.raises(BadInput, match=r"vggsound.csv line 2 is not ID,START,LABEL,train"):
        list_excerpts(tmp_path)


def test_time_and_cost_grow_with_the_corpus_and_shrink_with_the_processes() -> None:
    trial = Trial(tried=10.0, prepared_s=5.0, kept_bytes=1000, step_s=0.25)
    plan = Plan("s", 977, 36_000.0, trial, 0.0, 1000, parts=8, processes=1, price=2.0)
    assert plan.preparation_s == 18_000.0 and plan.kept_bytes == 3.6e6
    assert plan.training_s == 1000 * 8 * 0.25
    assert plan.cost == pytest.approx(2.0 * (18_000 + 2000) / 3600)
    shared = replace(plan, processes=4)
    assert shared.training_s == plan.training_s / 4 and shared.cost == plan.cost
    assert replace(plan, processes=3).training_s == 1000 * 3 * 0.25  # of the process with the most parts
    timed = replace(plan, steps=None, budget_s=600.0)
    assert timed.training_s == 600.0 and "300 steps" in timed.describe()
    assert "977 takes of 10.00 h" in plan.describe() and "5.0 h" in plan.describe()


@pytest.mark.parametrize("count", [1, 3, 4, 5, 977])
def test_the_takes_that_are_tried_are_spread_over_all(count: int) -> None:
    tried = choose_tried(range(count))
    assert len(tried) == min(4, count) == len(set(tried))
    assert abs(np.mean(tried) - (count - 1) / 2) <= 1.0


@pytest.mark.parametrize(("parts", "processes", "price"), [(0, 2, 1.0), (4, 5, 1.0), (4, 0, 1.0), (4, 2, -1.0)])
def test_a_plan_that_cannot_be_is_refused(parts: int, processes: int, price: float) -> None:
    with pytest.raises(BadInput, match=r"--processes|--price"):
        check_plan(argparse.Namespace(parts=parts, processes=processes, price=price))


@pytest.fixture
def short_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step is tried, where a real plan tries several."""
    monkeypatch.setattr("engine.lab.training.plan.WARM_STEPS", 0)
    monkeypatch.setattr("engine.lab.training.plan.TRIED_STEPS", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("short_trial")
def test_the_onset_network_is_planned(excerpts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    places = ["--data", str(excerpts), "--out", str(out), "--work", str(work), "--device", "cpu"]
    onsets.main([*places, "--steps", "1000", "--parts", "4", "--processes", "2", "--plan", "--price", "1.5"])
    said = capsys.readouterr().out
    assert "corpus       2 takes of 0.00 h" in said and "1000 steps of 4 parts on 2 processes" in said
    assert re.search(r"^cost +\d+\.\d\d at 1.5 an hour", said, re.MULTILINE)
    assert not out.exists() and not work.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("short_trial")
def test_the_sampler_is_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str], rng: np.random.Generator) -> None:
    t = np.arange(9600) / 48_000
    for name in ("anvil", "bowl", "cup", "door", "pipe", "tile"):
        (tmp_path / name).mkdir()
        sound = 0.3 * np.exp(-40 * t) * (np.sin(2 * np.pi * 900 * t) + 0.1 * rng.standard_normal(len(t)))
        soundfile.write(tmp_path / name / "strike.wav", sound, 48_000)
    small = ["--channels", "8,8,8", "--batch-frames", "64", "--workers", "1", "--device", "cpu"]
    before = torch.get_num_threads()
    sampler.main(["--data", str(tmp_path), "--work", str(tmp_path / "work"), "--budget", "8m", "--plan", *small])
    assert torch.get_num_threads() == before
    said = capsys.readouterr().out
    assert "corpus       6 recordings" in said and re.search(r"training +\d+ steps, .* each: 8 min", said)
    assert "cost" not in said and not (tmp_path / "work").exists()


@dataclass(frozen=True)
class SmallBatches(vision.TrainingConfig):
    batch: int = 2


@pytest.mark.slow
@pytest.mark.usefixtures("short_trial")
def test_the_vision_network_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of takes as Greatest Hits has them; of two tar files as large as one another, twice as many hits as of one."""
    monkeypatch.setattr(vision, "VisionConfig", lambda: SMALL)
    monkeypatch.setattr(vision, "TrainingConfig", SmallBatches)
    data, shards, out, work = (tmp_path / name for name in ("data", "shards", "out", "work"))
    data.mkdir()
    shards.mkdir()
    make_clicking_clip(data / "2015-02-16-a.mp4", (0.4, 0.9), 1.2)
    (data / "2015-02-16-a_times.txt").write_text("0.4 wood hit static\n0.9 tile hit static\n")
    for number in range(2):
        with tarfile.open(shards / f"{number}.tar", "w") as archive:
            archive.add(data, ".")
    places = ["--out", str(out), "--work", str(work), "--device", "cpu", "--steps", "1000", "--plan"]
    for folder, hits in ((data, 2), (shards, 4)):
        vision.main(["--data", str(folder), *places, "--parts", "4", "--processes", "2", "--price", "1.5"])
        said = capsys.readouterr().out
        assert f"corpus       {hits} hits\n" in said and "1000 steps of 4 parts on 2 processes" in said
        assert re.search(r"^cost +\d+\.\d\d at 1.5 an hour", said, re.MULTILINE)
    assert not out.exists() and not work.exists()
    with pytest.raises(BadInput, match=r"heads alone .*; leave --plan out"):
        vision.main(["--data", str(data), *places, "--begin", "checkpoints/vision"])
