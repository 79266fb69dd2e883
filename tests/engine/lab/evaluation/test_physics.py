"""What measures the analysis must itself be right: bounds, matching, baselines, distances, tables."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.baselines import lim_sample as physics_lim
from engine.lab.baselines import stft_bins as physics_bins
from engine.lab.baselines.ddpm import physics as ddpm_physics
from engine.lab.evaluation.physics import evaluate as physics
from engine.lab.evaluation.physics import speed as physics_speed
from engine.lab.evaluation.physics import stress as physics_stress
from engine.lab.evaluation.physics.recordings import choose_evenly, tabulate_materials, tabulate_pairs
from engine.lab.evaluation.physics.synthetic import (
    COUNTS,
    TARGETS,
    draw_modes,
    identifiable,
    make_modes,
    match_modes,
    measure_sound,
    passes,
    relative_bounds,
    summarize,
    synthesize_hit,
)
from engine.lab.evaluation.physics.tables import format_tables
from engine.lab.metrics.spectral_distance import NAMES, best_gain_db, measure_distances, measure_levels
from engine.physics.analysis.cramer_rao import CramerRaoBound, cramer_rao
from engine.physics.model import Modes


def test_modes_that_coincide_are_not_identifiable() -> None:
    twins = make_modes([500.0, 500.0, 2000.0], [-10.0, -10.0, -10.0], [4.0, 4.0, 4.0], [0.0, 1.0, 0.0])
    bound = cramer_rao(twins, 48_000, SAMPLE_RATE_HZ, 1e-3)
    assert list(identifiable(twins, bound, 2.0, 0.5)) == [False, False, True]


def test_drawn_modes_fill_the_range_and_repeat_with_the_seed() -> None:
    many = [draw_modes(COUNTS[i % len(COUNTS)], np.random.default_rng(i)) for i in range(60)]
    frequency, power, decay = (
        np.concatenate([getattr(m, name) for m in many]) for name in ("frequency_hz", "power_db", "decay_per_s")
    )
    assert 80.0 <= frequency.min() < 100.0 and 18_000.0 < frequency.max() <= 0.45 * SAMPLE_RATE_HZ
    assert 0.03 <= 6.9078 / decay.max() < 0.04 and 4.0 < 6.9078 / decay.min() <= 5.0001
    assert all(max(m.power_db) == -10.0 and min(m.power_db) >= -50.0 for m in many)
    assert power.min() < -48.0
    assert draw_modes(8, np.random.default_rng(5)) == draw_modes(8, np.random.default_rng(5))


def test_matching_pairs_each_mode_once_and_calls_false_what_lies_near_none() -> None:
    truth = make_modes([500.0, 502.0, 4000.0], [-10.0, -10.0, -30.0], [2.0, 2.0, 20.0], [0.0, 0.0, 0.0])
    found = make_modes(
        [501.9, 500.1, 4001.0, 2000.0, 3000.0],
        [-11.0, -10.5, -30.0, -20.0, -60.0],
        [2.2, 2.0, 21.0, 5.0, 5.0],
        [0.0] * 5,
    )
    match = match_modes(truth, found, np.array([True, True, False]), np.ones((3, 3)))
    assert (match.true, match.counted, match.cents.size) == (3, 2, 2)
    assert sorted(match.power_db) == pytest.approx([0.5, 1.0])
    assert sorted(match.decay_percent) == pytest.approx([0.0, 10.0])
    assert (match.reported, match.false) == (4, 1)
    late = match_modes(truth, found, np.array([True, True, True]), np.ones((3, 3)), late_s=0.1)
    assert late.power_db[2] == pytest.approx(20.0 / math.log(10.0) * 21.0 * 0.1)


def test_an_exact_analysis_passes_and_a_wrong_or_empty_one_does_not() -> None:
    truth = draw_modes(16, np.random.default_rng(3))
    counted, bounds = np.ones(16, dtype=bool), np.ones((3, 16))
    exact = summarize([match_modes(truth, truth, counted, bounds)])
    assert passes(exact, TARGETS[0]) and exact["found_percent"] == 100.0 and exact["false"] == 0
    moved = make_modes(np.asarray(truth.frequency_hz) * 1.05, truth.power_db, truth.decay_per_s, truth.phase_rad)
    assert not passes(summarize([match_modes(truth, moved, counted, bounds)]), TARGETS[0])
    assert not passes(summarize([match_modes(truth, Modes(), counted, bounds)]), TARGETS[0])


def test_errors_as_large_as_the_bound_have_an_efficiency_of_one(rng: np.random.Generator) -> None:
    count = 4000
    truth = make_modes(np.linspace(200.0, 20_000.0, count), [-10.0] * count, [10.0] * count, [0.0] * count)
    bound = CramerRaoBound(np.full(count, 0.01), np.full(count, 0.02), np.full(count, 0.03), np.full(count, 0.04))
    shaken = make_modes(
        np.asarray(truth.frequency_hz) + 0.01 * rng.standard_normal(count),
        np.asarray(truth.power_db) + 0.03 * rng.standard_normal(count),
        np.asarray(truth.decay_per_s) + 0.02 * rng.standard_normal(count),
        truth.phase_rad,
    )
    keep = slice(0, 400)  # pairing is cubic
    few, moved = (make_modes(*(np.asarray(v)[keep] for v in columns(m))) for m in (truth, shaken))
    match = match_modes(few, moved, np.ones(400, dtype=bool), relative_bounds(truth, bound)[:, keep])
    figures = summarize([match])
    for name in ("cents", "decay_percent", "power_db"):
        assert figures[f"{name}_efficiency"] == pytest.approx(1.0, abs=0.15)


def columns(modes: Modes) -> tuple[tuple[float, ...], ...]:
    return modes.frequency_hz, modes.power_db, modes.decay_per_s, modes.phase_rad


@pytest.mark.slow
def test_a_synthetic_sound_is_measured_the_same_twice() -> None:
    first, _ = measure_sound(0, TARGETS[0])
    again, _ = measure_sound(0, TARGETS[0])
    assert first.cents.tolist() == again.cents.tolist()
    assert 0 < first.counted <= first.true == COUNTS[0]


@pytest.mark.slow
def test_every_hard_case_is_what_its_name_says(rng: np.random.Generator) -> None:
    made = {name: make(rng) for name, (make, _) in physics_stress.CASES.items()}
    for name, case in made.items():
        assert case.evaluated.any() and np.isfinite(case.samples).all(), name
    rates = {case.sample_rate_hz for case in made.values()}
    assert rates == {8_000, 16_000, 44_100, 48_000, 96_000, 192_000}
    pair = made["pair 4 Hz apart"].modes.frequency_hz
    assert pair[1] - pair[0] == pytest.approx(4.0)
    faint = made["mode 60 dB under"]
    assert faint.modes.power_db[int(np.argmax(faint.evaluated))] == max(faint.modes.power_db) - 60.0
    stereo = made["stereo, one side inverted"].samples
    assert np.corrcoef(stereo.T)[0, 1] < -0.9 and stereo.shape[1] == 2
    clipped = np.abs(made["clipped at half the peak"].samples)
    assert np.count_nonzero(clipped == clipped.max()) > 3
    click = made["click 60 ms before"]
    loud = np.flatnonzero(np.abs(click.samples) > 0.2 * np.abs(click.samples).max())
    assert loud[0] / SAMPLE_RATE_HZ == pytest.approx(click.onset_s - 0.06, abs=0.001) and click.finds_onset


def test_the_bins_of_a_tone_are_strongest_at_it_and_decay_with_it() -> None:
    rate = ddpm_physics.RATE_HZ
    t = np.arange(ddpm_physics.LENGTH) / rate
    sound = ddpm_physics.divide_by_peak(np.cos(2 * np.pi * 1000.0 * t) * 10.0 ** (-3.0 * t / 0.15))
    bins = ddpm_physics.estimate_bins(sound)
    loudest = int(np.argmax(bins.power_db))
    assert bins.frequency_hz[loudest] == pytest.approx(1000.0, abs=2.0 * rate / sound.size)
    assert bins.t60_s[loudest] == pytest.approx(0.2, abs=0.03)  # 80 dB of a T60 of 0.15 s
    assert bins.frequency_hz.size == 1025 and bins.power_db.min() >= -80.0
    assert 0.5 * 256 / rate <= bins.t60_s.min() and bins.t60_s.max() <= 44 * 256 / rate


def test_the_published_loops_find_what_the_arrays_find(rng: np.random.Generator) -> None:
    sound = ddpm_physics.divide_by_peak(rng.standard_normal(400) * np.exp(-np.arange(400) / 80.0))
    fast, slow = ddpm_physics.estimate_bins(sound), physics_bins.estimate_bins_by_loops(sound)
    for name in ("frequency_hz", "power_db", "t60_s"):
        assert np.allclose(getattr(fast, name), getattr(slow, name)), name
    # only the bin at half the rate, which never sounds with us, is louder there
    fast.power_db[-1] = -80.0
    made = ddpm_physics.synthesize_bins(fast, 400), physics_bins.synthesize_bins_by_loops(fast, 400)
    assert np.allclose(*made, atol=2e-4)


@pytest.mark.slow
def test_noise_fitted_to_noise_comes_near_it(rng: np.random.Generator) -> None:
    t = np.arange(ddpm_physics.LENGTH) / ddpm_physics.RATE_HZ
    sound = ddpm_physics.divide_by_peak(rng.standard_normal(t.size) * 10.0 ** (-3.0 * t / 0.1))
    fitted = physics_bins.fit_noise(sound, np.zeros(t.size), steps=50)
    wanted, got = measure_levels(sound, t.size), measure_levels(fitted, t.size)
    assert measure_distances(wanted, got, 20_000.0, best_gain_db(wanted, got, 20_000.0)).mean() < 4.0
    assert np.abs(fitted).max() == pytest.approx(1.0)
    noise = ddpm_physics.band_noise(t.size)
    assert noise.shape == (100, t.size) and np.square(noise.sum(axis=0)).mean() == pytest.approx(1.0, rel=0.05)


@pytest.mark.slow
def test_lim_sample_finds_a_mode_at_its_level() -> None:
    sound = 0.25 * synthesize_hit(make_modes([1200.0], [0.0], [12.0], [0.0]), 1.0)
    modes = physics_lim.fit_lim_sample(sound, SAMPLE_RATE_HZ)
    loudest = int(np.argmax(modes.power_db))
    assert modes.frequency_hz[loudest] == pytest.approx(1200.0, rel=0.01)
    assert modes.power_db[loudest] == pytest.approx(20.0 * math.log10(0.25), abs=1.5)
    assert modes.decay_per_s[loudest] == pytest.approx(12.0, rel=0.15)
    assert len(physics_lim.fit_lim_sample(sound[:600], SAMPLE_RATE_HZ)) == 0


def decaying_noise(seed: int, decay_per_s: float = 12.0, gain: float = 0.3) -> np.ndarray:
    t = np.arange(36_000) / SAMPLE_RATE_HZ
    return gain * np.random.default_rng(seed).standard_normal(t.size) * np.exp(-decay_per_s * t)


def test_distances_are_zero_of_the_same_small_of_another_draw_and_grow_with_level_and_decay() -> None:
    size = 36_000
    levels = {
        name: measure_levels(sound, size)
        for name, sound in {
            "one": decaying_noise(0),
            "other": decaying_noise(1),
            "louder": decaying_noise(0, gain=0.6),
            "loudest": decaying_noise(0, gain=1.2),
            "shorter": decaying_noise(0, 18.0),
            "shortest": decaying_noise(0, 30.0),
            "silence": np.zeros(10),
        }.items()
    }
    distance = {name: measure_distances(levels["one"], got, 24_000.0) for name, got in levels.items()}
    assert len(NAMES) == 4 and distance["one"].max() == 0.0
    assert (distance["other"] < [2.5, 2.0, 2.0, 3.5]).all()
    assert distance["louder"] == pytest.approx(6.02, rel=0.15) and distance["loudest"] == pytest.approx(12.04, rel=0.15)
    assert (distance["shorter"] > distance["other"]).all() and (distance["shortest"] > distance["shorter"]).all()
    assert distance["silence"].min() > 15.0
    assert best_gain_db(levels["one"], levels["loudest"], 24_000.0) == pytest.approx(-12.0, abs=0.6)


def test_what_rings_where_the_recording_is_silent_counts() -> None:
    burst = np.concatenate([decaying_noise(0)[:2400], np.zeros(33_600)])
    both = burst + 0.01 * np.sin(2 * np.pi * 1000.0 * np.arange(36_000) / SAMPLE_RATE_HZ)
    got = measure_distances(measure_levels(burst, 36_000), measure_levels(both, 36_000), 24_000.0)
    assert (got > 1.0).all()
    hiss = burst + 0.01 * np.sin(2 * np.pi * 9000.0 * np.arange(36_000) / SAMPLE_RATE_HZ)
    unheard = measure_distances(measure_levels(burst, 36_000), measure_levels(hiss, 36_000), 4000.0)
    assert (unheard < 0.2 * got).all()


def test_shares_of_wins_and_their_intervals() -> None:
    def row(ours: float, bins: float) -> dict[str, object]:
        return {"distances_db": {"ours": [ours] * 4, "bins": [bins] * 4}}

    table = tabulate_pairs([row(1.0, 2.0)] * 30 + [row(2.0, 1.0)] * 10)
    assert {r["against"] for r in table} == {"bins"} and len(table) == 5
    for figures in table:
        assert figures["wins_percent"] == 75.0 and figures["recordings"] == 40
        assert 55.0 < figures["low_percent"] < 70.0 < 80.0 < figures["high_percent"] < 92.0
        assert figures["ours_db"] == pytest.approx(1.25) and figures["baseline_db"] == pytest.approx(1.75)
    assert tabulate_pairs([row(1.0, 1.0)] * 3)[0]["wins_percent"] == 50.0


def test_materials_come_the_most_recorded_first_and_all_last() -> None:
    keys = ("distance_db", "modes_alone_db", "fit", "modes", "seconds")
    rows = [{"material": name, **dict.fromkeys(keys, 1.0)} for name in ("wood", "metal", "metal")]
    table = tabulate_materials(rows)
    assert [(row["material"], row["recordings"]) for row in table] == [("metal", 2), ("wood", 1), ("all", 3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings of struck things, and one of nothing."""
    root = tmp_path_factory.mktemp("recordings") / "wood"
    root.mkdir()
    for number in range(3):
        rng = np.random.default_rng(number)
        modes = draw_modes(6, rng, range_db=20.0, t60_s=(0.1, 0.4))
        sound = synthesize_hit(modes, 0.2) + 0.05 * decaying_noise(number, 60.0, 1.0)[: round(0.2 * SAMPLE_RATE_HZ)]
        soundfile.write(root / f"hit{number}.wav", 0.5 * sound / np.abs(sound).max(), SAMPLE_RATE_HZ)
    soundfile.write(root / "silence.wav", np.zeros(4800), SAMPLE_RATE_HZ)
    return root.parent


@pytest.mark.slow
def test_the_command_prints_every_table(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(physics, "CASES", {name: physics_stress.CASES[name] for name in ("8 kHz", "T60 20 s")})
    monkeypatch.setattr(physics, "TIMED_HITS", 1)
    monkeypatch.setattr(physics, "MAX_DURATION_S", 0.25)
    monkeypatch.setattr(physics_speed, "REPEATS", 1)
    monkeypatch.setattr(physics_bins, "estimate_bins_by_loops", ddpm_physics.estimate_bins)
    monkeypatch.setattr(physics_bins, "fit_noise", partial(physics_bins.fit_noise, steps=3))
    target = tmp_path / "figures.json"
    physics.main(["--data", str(folder), "--sounds", "2", "--jobs", "1", "--json", str(target)])
    printed = capsys.readouterr().err
    for text in ("| 40 dB |", "| 20 dB |", "| 8 kHz |", "lim-sample's modes", "1025 bins", "two draws", "| wood | 3 |"):
        assert text in printed, text
    result = json.loads(target.read_text(encoding="utf-8"))
    assert [row["snr_db"] for row in result["synthetic"]] == [40.0, 20.0] and len(result["each"]) == 3
    assert {row["against"] for row in result["pairs"]} == {"bins", "bins_window", "lim", "lim_modes"}
    assert result["means"]["floor"][-1] < result["means"]["ours_modes"][-1]
    assert result["speed"]["whole"]["ours"] > 0.0 and format_tables(result) in printed


def test_recordings_are_chosen_evenly_and_wrong_counts_are_refused(folder: Path) -> None:
    recordings = physics.list_recordings(folder)
    assert choose_evenly(recordings, 0) == recordings and choose_evenly(recordings, 2) == [
        recordings[0],
        recordings[-1],
    ]
    with pytest.raises(BadInput, match="--sounds"):
        physics.main(["--data", str(folder), "--sounds", "0"])
    with pytest.raises(BadInput, match="no recordings"):
        physics.main(["--data", str(folder / "missing")])


def double(value: int) -> int:
    return 2 * value


@pytest.mark.slow
def test_several_processes_give_results_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    with physics.workers(2) as run:
        assert run(double, [(n,) for n in range(5)], "numbers") == [0, 2, 4, 6, 8]
    assert "numbers: 5 of 5" in capsys.readouterr().err
