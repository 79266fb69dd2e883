"""Stretches that the sync network learns from, a run that is taken up again, and the measures of sync judges."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.lab.data.sync.lags import measure_own_lag, usual_lag
from engine.lab.data.sync.takes import SyncTake
from engine.lab.evaluation.sync.judges import CURVES, EVENTS, HITS, judge
from engine.lab.evaluation.sync.scores import (
    avsync_accuracy,
    cut_stretches,
    interval,
    pairwise_accuracy,
    rel_sync,
    whole_clip,
)
from engine.lab.training.sync.stretches import StretchConfig, draw_batch
from engine.lab.training.sync.train import TrainingConfig, choose_takes, train_network
from engine.onsets.track import Onset
from engine.sync.bands import BANDS, RATE_HZ
from engine.sync.network import MAX_LAG

DURATION_S = 12.0


def make_take(number: int, lag_s: float) -> SyncTake:
    """Blows seen and, ``lag_s`` later, heard, each with a burst in all bands."""
    random = np.random.default_rng(number)
    times_s = 0.6 + np.cumsum(random.uniform(0.35, 0.9, 16))
    times_s = times_s[times_s < DURATION_S - 1.0]
    bands_db = np.full((round(DURATION_S * RATE_HZ) + 1, BANDS), -70.0, np.float32)
    for time_s in times_s + lag_s:
        bands_db[round(time_s * RATE_HZ) : round(time_s * RATE_HZ) + 8] = 0.0
    return SyncTake(
        name=f"folder/{number}",
        days=(f"2020-01-{number + 1:02d}",),
        source="folder, 25 fps",
        real=True,
        duration_s=DURATION_S,
        frame_s=0.04,
        times_s=np.arange(0.0, DURATION_S, 0.04),
        outputs=np.zeros((300, 3)),
        bands_db=bands_db,
        seen=tuple(Onset(float(t), 0.9, 0.7) for t in times_s),
        heard=tuple(Onset(float(t + lag_s), 0.9) for t in times_s),
    )


@pytest.fixture(scope="module")
def takes() -> list[SyncTake]:
    return [make_take(number, lag_s) for number, lag_s in enumerate((0.04, 0.05, 0.06, 0.05))]


def test_a_stretch_is_shifted_by_its_target(takes: list[SyncTake]) -> None:
    drawn = choose_takes(takes, takes[0].days, 0.25)
    assert [d.take.name for d in drawn] == [take.name for take in takes[1:]]
    assert [d.lag_s for d in drawn] == pytest.approx([0.05, 0.06, 0.05], abs=0.002)
    plain = StretchConfig(foreign=0.0, disordered=0.0, changed=0.0, missed=0.0)
    seen, heard, target = draw_batch(drawn, 8, plain, np.random.default_rng(1))
    for a, b, wanted in zip(seen.numpy(), heard.numpy(), target.numpy(), strict=True):
        products = [np.sum(a[0] * np.roll(b[2 * BANDS], -lag)) for lag in range(-60, 61)]
        assert np.argmax(wanted[:-1]) - MAX_LAG == pytest.approx(int(np.argmax(products)) - 60, abs=1)
        assert wanted.sum() == pytest.approx(1.0) and wanted[-1] == 0.0
    other = StretchConfig(foreign=0.0, disordered=1.0)
    assert draw_batch(drawn, 8, other, np.random.default_rng(1))[2][:, -1].mean() > 0.7


@pytest.mark.slow
def test_a_run_is_taken_up_where_it_stopped(takes: list[SyncTake], tmp_path: Path) -> None:
    def run(steps: int, work: str) -> float:
        config = TrainingConfig(steps=steps, size=2)
        return train_network(takes, (), config, tmp_path / work, tmp_path / "out" / work).loss

    run(2, "a")
    assert run(3, "a") == pytest.approx(run(3, "b"), abs=0.2)  # dropout differs
    steps = [json.loads(line)["step"] for line in (tmp_path / "a" / "log.jsonl").read_text("utf-8").splitlines()]
    assert steps == [2, 3]
    assert (tmp_path / "out" / "a" / "model.safetensors").stat().st_size < 5_000_000


def test_judges_prefer_what_is_in_step(takes: list[SyncTake]) -> None:
    own_s = [measure_own_lag(take) for take in takes]
    assert own_s == pytest.approx([0.04, 0.05, 0.06, 0.05], abs=0.002)
    assert usual_lag(takes[0], takes, own_s) == pytest.approx(0.05, abs=0.002)
    for name in (EVENTS, CURVES, HITS):
        scores = judge(takes[0], None)[name]
        judged = [whole_clip(takes[0], scores, 0.04), *cut_stretches(takes[0], scores, 0.04)]
        assert len(judged) == 3
        assert pairwise_accuracy(judged, 0.2) == [1.0, 1.0, 1.0], name
        assert avsync_accuracy(judged) == pytest.approx([1.0] * 3) or name == HITS
        assert rel_sync(judged, 0.0) == [0.5] * 3 and max(rel_sync(judged, 0.2)) < 0.5
        assert interval(judged, lambda some: pairwise_accuracy(some, 0.2)) == (1.0, 1.0, 1.0)
