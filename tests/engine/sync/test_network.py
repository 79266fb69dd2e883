"""The sync network before training, as it is shifted, and from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.onsets.track import Onset
from engine.sync.bands import BANDS, RATE_HZ, measure_bands, normalize_bands
from engine.sync.network import (
    SyncNetwork,
    draw_heard,
    draw_seen,
    load_sync_network,
    save_sync_network,
    score_with_network,
)
from engine.sync.score_map import LAGS_S, find_line

COUNT = 1200
TIMES_S = 1.5 + np.cumsum(np.random.default_rng(1).uniform(0.3, 0.9, 14))


def make_onsets(by_s: float = 0.0) -> list[Onset]:
    return [Onset(float(time_s + by_s), 0.9, 0.5) for time_s in TIMES_S]


@pytest.fixture(scope="module")
def network() -> SyncNetwork:
    torch.manual_seed(0)
    return SyncNetwork().eval()


def test_an_untrained_network_correlates_the_onsets(network: SyncNetwork) -> None:
    for lag_s in (-0.3, 0.05, 0.5):
        heard = draw_heard(make_onsets(lag_s), None, COUNT)
        line = find_line(score_with_network(network, draw_seen(make_onsets(), COUNT), heard))
        assert line is not None and line.lag_s == pytest.approx(lag_s, abs=0.01)


def test_a_later_sound_moves_the_evidence_and_training_sees_the_same(network: SyncNetwork) -> None:
    seen = draw_seen(make_onsets(), COUNT)
    bands_db = np.random.default_rng(2).uniform(-60, 0, (COUNT - 60, BANDS)).astype(np.float32)
    heard = draw_heard(make_onsets(), bands_db, COUNT)
    late = np.concatenate((heard[:, :20] * 0.0, heard[:, :-20]), axis=1)
    sums = [score_with_network(network, seen, one).values.sum(axis=0) for one in (heard, late)]
    inner = np.abs(LAGS_S) < 0.5
    moved = np.interp(LAGS_S[inner] + 0.2, LAGS_S, sums[1])
    assert np.abs(moved - sums[0][inner]).max() < 0.1 * np.ptp(sums[0])
    with torch.inference_mode():
        whole = network(torch.from_numpy(seen)[None], torch.from_numpy(heard)[None])[0]
    assert whole[:-1].numpy() == pytest.approx(sums[0][::2], rel=1e-3, abs=1e-2)  # map lags are twice as fine


def test_bands_rise_where_a_sound_sets_in_whatever_its_blocks_and_gain() -> None:
    sound = 1e-4 * np.random.default_rng(3).standard_normal(SAMPLE_RATE_HZ).astype(np.float32)
    sound[24_000:36_000] += np.sin(2 * np.pi * 1000 * np.arange(12_000) / SAMPLE_RATE_HZ).astype(np.float32)
    whole = measure_bands([sound])
    assert whole.shape == (RATE_HZ + 1, BANDS)
    assert measure_bands(np.array_split(sound, 7)) == pytest.approx(whole, abs=1e-4)
    loudest = normalize_bands(whole).max(axis=1)
    assert np.flatnonzero(loudest > 0.8)[[0, -1]] == pytest.approx([50, 75], abs=1)
    assert normalize_bands(measure_bands([0.1 * sound]))[55] == pytest.approx(normalize_bands(whole)[55], abs=0.02)


def test_a_network_is_read_back_and_a_damaged_one_refused(network: SyncNetwork, tmp_path: Path) -> None:
    save_sync_network(tmp_path / "sync", network, {"steps": 0})
    again = load_sync_network(tmp_path / "sync")
    seen, heard = draw_seen(make_onsets(), 300), draw_heard(make_onsets(), None, 300)
    assert score_with_network(again, seen, heard).values == pytest.approx(
        score_with_network(network, seen, heard).values, abs=0.05
    )
    (tmp_path / "sync" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(BadInput, match="sync"):
        load_sync_network(tmp_path / "sync")
