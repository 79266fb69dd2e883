"""The bench of the sampler on a tiny network: counts that are known, claims that follow, and memory that stays."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.diffusion.checkpoint import save_velocity_network
from engine.diffusion.sampler import Sampler
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.benchmarks import machine as bench_machine
from engine.lab.benchmarks import memory as bench_memory
from engine.lab.benchmarks import onsets as bench_onsets
from engine.lab.benchmarks import run as bench
from engine.lab.benchmarks import sampler as bench_sampler
from engine.lab.benchmarks.ddpm import Paper
from engine.physics.model import Modes, Residual

CPU = torch.device("cpu")
TINY = NetworkConfig(channels=(8, 16), blocks=1, embedding=32)


def make_row(steps: int, hits: int, wall_s: float) -> bench_sampler.Row:
    return bench_sampler.Row("cpu", "bfloat16", "eager", hits, hits, steps, wall_s, wall_s, 300.0, 0.2)


def make_paper(full: bool, step_s: float) -> Paper:
    return Paper("the paper's method", full, "cpu", "bfloat16", 1, 4, step_s, step_s, 1.0)


def make_report(rows: list[bench_sampler.Row], paper: list[Paper]) -> bench_sampler.Report:
    return bench_sampler.Report("here", 2, 0.5, None, {"cpu bfloat16": 1e11}, rows, paper, ["a note"])


@pytest.mark.slow
def test_operations_of_a_product_and_of_a_convolution_are_known() -> None:
    a = torch.zeros(10, 20)
    assert bench_machine.count_operations(lambda: a @ torch.zeros(20, 30)) == 2 * 10 * 20 * 30
    network = torch.nn.Conv2d(3, 5, 3, padding=1)
    assert bench_machine.count_operations(lambda: network(torch.zeros(1, 3, 8, 8))) == 2 * 64 * 5 * 27
    assert bench_machine.measure_matrix_peak(CPU, torch.float32, seconds=0.01) > 1e7


def test_a_longer_hit_costs_in_proportion_to_its_window() -> None:
    sampler = Sampler(VelocityNetwork(TINY), "", CPU)
    kinds = bench_sampler.choose_physics()
    long, short = (bench_sampler.count_hit_operations(sampler, kinds[k]) for k in (0, 1))
    assert long / short == pytest.approx(4.0, rel=0.02)


def measure_growth() -> bench_memory.Growth | None:
    return bench_memory.measure_growth(Sampler(VelocityNetwork(TINY), "tiny", CPU), 60)


@pytest.mark.slow
def test_memory_stays_over_many_renders() -> None:
    """In a process of its own: the allocator fills holes that other tests have left in memory at its own time."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        growth = pool.submit(measure_growth).result()
    if growth is not None:  # else this system does not tell
        assert growth.renders == 60
        assert growth.end_mb - growth.start_mb < 6.0, growth  # one picture kept a render would be over 15 MB


def test_a_slope_is_that_of_the_line() -> None:
    assert bench_memory.find_slope([0, 10, 20], [5.0, 6.0, 7.0]) == pytest.approx(0.1)
    assert bench_memory.Growth(1000, 300.0, 317.0, 17.0).grows
    assert not bench_memory.Growth(1000, 300.0, 300.7, 0.7).grows
    assert not bench_memory.Growth(2, 300.0, 303.7, 1900.0).grows  # the allocator's own pages


def test_claims_follow_from_the_figures() -> None:
    rows = [make_row(4, 1, 0.3), make_row(4, 20, 4.0), make_row(8, 1, 0.6), make_row(8, 20, 8.0)]
    rows += [replace(make_row(8, hits, 0.01), mode=bench_sampler.NO_NETWORK) for hits in (1, 20)]  # these claim nothing
    claims = bench_sampler.make_claims(make_report(rows, [make_paper(True, 0.1), make_paper(False, 0.01)]))
    hits = [claim for claim in claims if claim["aim"] == bench_sampler.AIM_HIT_S]
    assert [claim["reached"] for claim in hits] == [True, False]
    assert [claim["value"] for claim in claims if claim["reached"] is None and claim["unit"] == "s"] == [None]
    ratios = {claim["value"]: claim["reached"] for claim in claims if claim["unit"] == "x"}
    assert ratios == pytest.approx({505.0: True, 252.5: True, 55.0: None, 27.5: None})
    text = bench_sampler.format_report(make_report(rows, [make_paper(True, 0.1)]))
    assert "| yes |" in text and "not measured" in text and "a note" in text and "how busy it was is not known" in text


@pytest.mark.slow
def test_the_command_measures_a_tiny_sampler(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_sampler, "measure_matrix_peak", lambda *_: 1e13)
    taps = [(Modes((700.0,), (-12.0,), (80.0 + k,), (0.0,), (False,)), Residual()) for k in range(2)]
    monkeypatch.setattr(bench_sampler, "choose_physics", lambda: taps)
    monkeypatch.setattr(bench_memory, "WARM_UP", 2)
    torch.manual_seed(0)
    save_velocity_network(tmp_path / "models" / "sampler", VelocityNetwork(TINY), {})
    target = tmp_path / "figures.json"
    given = ["--ckpt-dir", str(tmp_path / "models"), "--device", "cpu"]
    args = ["sampler", *given, "--steps", "1", "--limit", "0.001", "--no-paper", "--json", str(target)]
    assert bench.main(args) == 0
    assert "| one hit of" in capsys.readouterr().out
    report = json.loads(target.read_text())
    rest = [row for row in report["rows"] if row["mode"] == bench_sampler.NO_NETWORK]
    assert [(row["hits"], row["share"]) for row in rest] == [(1, 0.0), (20, 0.0), (100, 0.0)]
    rows = {(row["dtype"], row["hits"]): row for row in report["rows"] if row not in rest}
    assert set(rows) == {(dtype, hits) for dtype in ("float32", "bfloat16") for hits in (1, 20, 100)}
    assert all(row["timed"] == min(len(taps), row["hits"]) and 0.0 < row["share"] < 1.0 for row in rows.values())
    assert report["claims"] and set(report["peaks"]) == {"cpu float32", "cpu bfloat16"}

    monkeypatch.setattr(bench_memory, "ALLOCATOR_MB", 1e6)  # two renders tell nothing of memory
    assert bench.main(["sampler", *given, "--renders", "2"]) == 0
    assert "2 renders on" in capsys.readouterr().out
    for wrong in (["--steps", "none"], ["--steps", "0"], ["--renders", "1"], ["--limit", "0"]):
        with pytest.raises(BadInput, match=wrong[0]):
            bench.main(["sampler", *given, *wrong])
    with pytest.raises(BadInput, match="sampler"):
        bench.main(["nonsense"])


@pytest.mark.slow
def test_a_picture_is_watched_again_and_again_and_little_of_it_is_kept(tmp_path: Path) -> None:
    frames = list(bench_onsets.repeat_frames(ASSETS / "demo_silent.mp4", 36, 20.0))
    times_s = [time_s for time_s, _ in frames]
    assert times_s == sorted(times_s) and 19.9 < times_s[-1] < 20.0 and np.diff(times_s).max() < 0.1
    target = tmp_path / "watched.json"
    assert bench.main(["onsets", str(ASSETS / "demo_silent.mp4"), "--minutes", "0.3", "--json", str(target)]) == 0
    watched = json.loads(target.read_text())
    assert watched["minutes"] == 0.3 and watched["wall_s"] > 0
    if watched["peak_mb"] is not None and watched["before_mb"] is not None:
        assert watched["peak_mb"] - watched["before_mb"] < 400
    with pytest.raises(BadInput, match="--minutes"):
        bench.main(["onsets", "--minutes", "0"])


def test_a_compiler_that_fails_costs_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", refuse)
    sampler, notes = Sampler(VelocityNetwork(TINY), "", CPU), list[str]()
    modes = {"compiled": bench_sampler.FASTER["compiled"]}
    assert bench_sampler.measure_faster(sampler, (1,), 1e9, 1.0, notes, modes) == []
    assert notes == ["compiled: not measured, since it failed (RuntimeError)"] and sampler.velocity is sampler.network
