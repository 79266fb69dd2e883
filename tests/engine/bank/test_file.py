"""The file of a bank: what is read is what was written, within its precision, and damage is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from engine.bank import file as bank_file
from engine.bank.bank import Bank, Entry, load_bank, make_bank, save_bank
from engine.core.errors import BadInput
from engine.physics.model import Modes, Physics
from tests.banks import make_takes


@pytest.fixture(scope="module")
def bank() -> Bank:
    return make_takes()


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
        assert [name for name, _ in other.residual.components] == [name for name, _ in one.residual.components]
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


def _change(arrays: dict[str, np.ndarray], name: str, value: object) -> None:
    array = arrays[name] = arrays[name].copy()
    array[0] = value


HARM: dict[str, Callable[[dict[str, np.ndarray]], None]] = {
    "negative counts": lambda a: a.update(mode_count=np.tile(np.array([900, -900], np.int32), len(a["mode_count"]))),
    "huge counts": lambda a: _change(a, "mode_count", 2**31 - 1),
    "a scalar": lambda a: a.update(sample_rate_hz=np.array(48_000, np.int32)),
    "flat descriptors": lambda a: a.update(latents=a["latents"].reshape(-1)),
    "square levels": lambda a: a.update(band_power_db=a["band_power_db"][None]),
    "no rate": lambda a: _change(a, "sample_rate_hz", 0),
    "an endless rise": lambda a: _change(a, "rise_s", np.inf),
    "no size": lambda a: _change(a, "size_m", np.nan),
    "foreign bands": lambda a: _change(a, "edge_set", -1),
    "far bands": lambda a: _change(a, "edge_set", 10**6),
    "a missing list": lambda a: a.__delitem__("stages"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_bank_of_impossible_values_is_refused(harm: str, bank: Bank, tmp_path: Path) -> None:
    file = save_bank(bank, tmp_path) / bank_file.NAME
    with safe_open(str(file), "np") as opened:
        header, arrays = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    HARM[harm](arrays)
    file.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, header))
    with pytest.raises(BadInput, match="damaged"):
        load_bank(tmp_path)


@pytest.mark.parametrize("words", ["[" * 10_000, '["a", "a"', "{}", "[1]", '["' + "9" * 10_000 + '"]'])
def test_a_bank_of_impossible_words_is_refused(words: str, bank: Bank, tmp_path: Path) -> None:
    file = save_bank(bank, tmp_path) / bank_file.NAME
    with safe_open(str(file), "np") as opened:
        header, arrays = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    file.write_bytes(save(arrays, {**header, "name": words}))
    with pytest.raises(BadInput, match="damaged"):
        load_bank(tmp_path)
