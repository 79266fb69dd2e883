"""The bank: what is kept is what was put in, what sounds alike lies near, and search misses nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.bank import file as bank_file
from engine.bank.bank import Bank, Entry, join_banks, load_bank, make_bank, save_bank
from engine.bank.descriptor import (
    BANDS,
    DESCRIPTOR_SIZE,
    FLOOR_DB,
    band_centres_hz,
    describe_physics,
    descriptor_distance_db,
)
from engine.bank.search import describe_size, measure_distances, rank, rank_by_physics, similarity
from engine.core.errors import BadInput
from engine.physics.model import Modes, Physics, Residual, Stage


def make_physics(seed: int, modes: int = 12, noise_db: float = -30.0) -> Physics:
    """A struck thing drawn at random: modes, noise on 24 bands, contact, room."""
    rng = np.random.default_rng(seed)
    frequency = np.sort(rng.uniform(150.0, 9000.0, modes))
    edges = tuple(np.geomspace(40.0, 16_000.0, 25).tolist())
    stage = Stage(tuple((noise_db + rng.normal(0, 6, 24)).tolist()), tuple(rng.uniform(30, 90, 24).tolist()))
    room = Stage(tuple((noise_db - 15 + rng.normal(0, 3, 24)).tolist()), tuple(rng.uniform(8, 10, 24).tolist()))
    return Physics(
        Modes(
            tuple(frequency.tolist()),
            tuple(rng.uniform(-40, -6, modes).tolist()),
            tuple(rng.uniform(5, 80, modes).tolist()),
            tuple(rng.uniform(-3, 3, modes).tolist()),
            (False,) * modes,
        ),
        Residual(edges, stage.power_db, stage.decay_per_s, room=room, rise_s=0.003, envelope_db=(0.0, -3.0, 2.0)),
    )


def vary(physics: Physics, seed: int) -> Physics:
    """Another take of the same thing: every level, pitch and decay a little off, and all of it louder."""
    rng = np.random.default_rng(seed)

    def off(values: tuple[float, ...], spread: float) -> tuple[float, ...]:
        return tuple((np.asarray(values) + rng.normal(0, spread, len(values)) - 7.0).tolist())

    modes, residual = physics.modes, physics.residual
    frequency = tuple((np.asarray(modes.frequency_hz) * rng.normal(1.0, 0.003, len(modes))).tolist())
    return replace(
        physics,
        modes=replace(modes, frequency_hz=frequency, power_db=off(modes.power_db, 2.0)),
        residual=replace(residual, power_db=off(residual.power_db, 2.0)),
    )


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Three takes of each of 40 things."""
    entries = []
    for thing in range(40):
        own = make_physics(thing, modes=4 + thing % 9, noise_db=-60.0 + thing)
        for take in range(3):
            taken = own if take == 0 else vary(own, 100 * thing + take)
            entries.append(Entry(f"Thing {thing} take {take}", taken, "wood", 0.1, group=f"thing {thing}"))
    return make_bank(entries)


# --- the descriptor -------------------------------------------------------------------------------


def test_level_is_not_heard_and_pitch_is() -> None:
    tone = Physics(Modes((1000.0,), (-20.0,), (10.0,), (0.0,), (False,)))
    louder = replace(tone, modes=replace(tone.modes, power_db=(0.0,)))
    higher = replace(tone, modes=replace(tone.modes, frequency_hz=(2000.0,)))
    assert describe_physics(tone).shape == (DESCRIPTOR_SIZE,)
    assert descriptor_distance_db(describe_physics(tone), describe_physics(louder)) < 0.01
    assert descriptor_distance_db(describe_physics(tone), describe_physics(higher)) > 5.0
    loudest = int(np.argmax(describe_physics(tone)[:BANDS]))
    assert abs(math.log2(band_centres_hz()[loudest] / 1000.0)) < 0.3


def test_a_mode_falls_as_its_decay_says() -> None:
    tone = Physics(Modes((1000.0,), (0.0,), (20.0,), (0.0,), (False,)))
    levels = describe_physics(tone).reshape(-1, BANDS).max(axis=1)

    def mean_db(start_s: float, end_s: float) -> float:
        return 10.0 * math.log10((math.exp(-40.0 * start_s) - math.exp(-40.0 * end_s)) / (end_s - start_s))

    assert levels[2] - levels[0] == pytest.approx(mean_db(0.03, 0.08) - mean_db(0.0, 0.01), abs=0.05)
    assert levels[4] - levels[0] == pytest.approx(mean_db(0.2, 0.6) - mean_db(0.0, 0.01), abs=0.05)


def test_silence_and_muted_modes_are_described_without_fault() -> None:
    muted = Physics(Modes((1000.0,), (0.0,), (20.0,), (0.0,), (True,)))
    for physics in (Physics(), muted):
        descriptor = describe_physics(physics)
        assert np.isfinite(descriptor).all() and descriptor.min() >= FLOOR_DB


# --- the file ---------------------------------------------------------------------------------


def test_a_bank_comes_back_as_it_was(bank: Bank, tmp_path: Path) -> None:
    known = Bank(bank.entries, bank.descriptors, np.eye(len(bank), 8, dtype=np.float32))
    read = load_bank(save_bank(known, tmp_path / "bank"))
    assert np.abs(read.descriptors - known.descriptors).max() < 0.05 and np.array_equal(
        read.embeddings, known.embeddings
    )
    for before, after in zip(known.entries, read.entries, strict=True):
        assert replace(after, physics=before.physics, size_m=0.1, hollow=0.0) == replace(before, hollow=0.0)
        assert math.isnan(after.hollow) and after.size_m == pytest.approx(0.1)
        one, other = before.physics, after.physics
        cents = 1200.0 * np.log2(np.asarray(other.modes.frequency_hz) / one.modes.frequency_hz)
        assert np.abs(cents).max() < 0.2
        assert np.abs(np.subtract(other.modes.power_db, one.modes.power_db)).max() < 0.05
        assert np.abs(np.divide(other.modes.decay_per_s, one.modes.decay_per_s) - 1.0).max() < 0.005
        assert np.abs(np.subtract(other.modes.phase_rad, one.modes.phase_rad)).max() < 0.005
        assert [name for name, _ in other.residual.stages] == [name for name, _ in one.residual.stages]
        assert np.abs(np.subtract(other.residual.room.power_db, one.residual.room.power_db)).max() < 0.07  # type: ignore[union-attr]
        assert other.residual.rise_s == one.residual.rise_s and len(other.residual.envelope_db) == 3


def test_only_the_strongest_modes_are_kept_and_no_decay_stays_none(tmp_path: Path) -> None:
    count = 80
    modes = Modes(
        tuple(100.0 + 50.0 * k for k in range(count)), tuple(-1.0 * k for k in range(count)), (0.0,) * count,
        (0.0,) * count, (True,) + (False,) * (count - 1),
    )  # fmt: skip
    read = load_bank(save_bank(make_bank([Entry("Many", Physics(modes))]), tmp_path)).entries[0].physics.modes
    assert len(read) == bank_file.MAX_MODES and set(read.decay_per_s) == {0.0}
    assert read.frequency_hz == pytest.approx([150.0 + 50.0 * k for k in range(32)], rel=1e-6)


@pytest.mark.parametrize("harm", ["cut", "noise", "empty"])
def test_a_damaged_bank_is_told_in_one_sentence(harm: str, bank: Bank, tmp_path: Path) -> None:
    file = save_bank(bank, tmp_path) / bank_file.NAME
    data = file.read_bytes()
    harmed = {"cut": data[: len(data) // 2], "noise": bytes(range(256)) * 8, "empty": b""}
    file.write_bytes(harmed[harm])
    with pytest.raises(BadInput, match="damaged"):
        load_bank(tmp_path)
    with pytest.raises(BadInput, match="cannot be read"):
        load_bank(tmp_path / "nowhere")


def test_a_bank_that_cannot_be_written_leaves_the_old_one(bank: Bank, tmp_path: Path) -> None:
    save_bank(bank, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        save_bank(bank, tmp_path / "file" / "bank")
    assert len(load_bank(tmp_path)) == len(bank)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".bank")] == []


def test_joined_banks_keep_every_entry_under_a_name_of_its_own(bank: Bank) -> None:
    known = Bank(bank.entries, bank.descriptors, np.eye(len(bank), 8, dtype=np.float32))
    both = join_banks(known, bank)
    assert len(both) == 2 * len(bank) and len({entry.name for entry in both.entries}) == len(both)
    assert both.embeddings.shape == (len(both), 0) and join_banks(known, known).embeddings.shape == (len(both), 8)
    assert join_banks(bank, make_bank(())) is bank


# --- search -----------------------------------------------------------------------------------


def test_search_equals_measuring_one_by_one(bank: Bank) -> None:
    asked = np.stack([describe_physics(make_physics(seed)) for seed in (1000, 1001)])
    by_hand = [[descriptor_distance_db(row, descriptor) for descriptor in bank.descriptors] for row in asked]
    assert measure_distances(bank, asked) == pytest.approx(np.array(by_hand), abs=1e-3)
    order = rank(bank, -measure_distances(bank, asked[0]), top=len(bank))
    groups = [bank.entries[k].group for k in order]
    assert len(groups) == len(set(groups)) == 40
    assert [by_hand[0][k] for k in order] == sorted(by_hand[0][k] for k in order)


def test_another_take_of_a_thing_is_nearer_than_other_things(bank: Bank) -> None:
    distances = measure_distances(bank, bank.descriptors)
    np.fill_diagonal(distances, np.inf)
    groups = np.array([entry.group for entry in bank.entries])
    assert (groups[distances.argmin(axis=1)] == groups).mean() > 0.98


def test_candidates_are_one_of_each_thing_best_first(bank: Bank) -> None:
    asked = vary(bank.entries[30].physics, 5)
    candidates = rank_by_physics(bank, asked, top=4)
    assert len(candidates) == 4 and candidates[0].name.startswith("Thing 10 ")
    assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)
    assert 0.0 <= candidates[-1].score <= candidates[0].score <= 1.0
    assert candidates[0].why == f"wood, about 10 cm, {100 * candidates[0].score:.0f} % alike"
    with pytest.raises(BadInput, match="empty"):
        rank_by_physics(make_bank(()), asked)


def test_likeness_falls_with_distance_and_sizes_have_words() -> None:
    assert np.all(np.diff(similarity(np.arange(0.0, 40.0))) < 0.0)
    assert similarity(0.0) > 0.9 and similarity(40.0) < 0.01
    assert [describe_size(s) for s in (0.0, 0.005, 0.3, 1.8)] == ["", "about 5 mm", "about 30 cm", "about 1.8 m"]
