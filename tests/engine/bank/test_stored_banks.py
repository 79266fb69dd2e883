"""Bank files of format 1 (tests/fixtures/bank), written before the package was restructured, open with their content.

The expected values are those that the files were made from: three entries written by hand, and two recordings of
synthetic modes that were added to a bank of one's own.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors import safe_open

from engine.bank.bank import Bank, load_bank, save_bank
from engine.bank.descriptor import describe_physics, descriptor_distance_db
from engine.bank.search import rank_by_physics
from engine.bank.user_bank import add_recordings, load_user_bank, open_bank, remove_entries
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from tests.sounds import RATE

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bank"
EDGES_HZ = (100.0, 400.0, 1600.0, 6400.0)
GLASS = Modes((1210.0, 2890.5, 5333.25), (-12.0, -18.5, -30.0), (4.5, 9.0, 21.0), (0.25, -1.5, 3.0))
RECORDED = {"brass bell 2": ((700.0, 12.0), (1890.0, 25.0)), "take 3": ((450.0, 40.0), (1100.0, 60.0))}
"""Frequency in Hz and decay per s of the modes of each recording; the first has twice the second's amplitude."""


@pytest.fixture
def shipped() -> Bank:
    return load_bank(FIXTURES / "shipped")


def assert_close(found: Modes, wanted: Modes) -> None:
    """Within the file's precision: 0.01 cent, 0.06 dB, 0.3 % of decay, 0.002 rad."""
    cents = 1200.0 * np.log2(np.divide(found.frequency_hz, wanted.frequency_hz))
    assert np.abs(cents).max() < 0.01
    assert found.power_db == pytest.approx(wanted.power_db, abs=0.06)
    assert found.decay_per_s == pytest.approx(wanted.decay_per_s, rel=0.003)
    assert found.phase_rad == pytest.approx(wanted.phase_rad, abs=0.002)


def assert_stage(
    found: NoiseComponent | Residual | None, power_db: tuple[float, ...], decay_per_s: tuple[float, ...]
) -> None:
    assert found is not None
    assert found.power_db == pytest.approx(power_db, abs=0.06)
    assert found.decay_per_s == pytest.approx(decay_per_s, rel=0.003)


def read_raw(folder: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The header's strings and the arrays of a bank's file."""
    with safe_open(folder / "bank.safetensors", "np") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_attributes_of_entries_are_kept(shipped: Bank) -> None:
    glass, pipe, gravel = shipped.entries
    assert [entry.name for entry in shipped.entries] == ["Wine glass", "Pipe, 80 cm (simulated)", "Gravel – détail"]
    assert (glass.material, glass.hollow, glass.striker, glass.kind) == ("glass", 1.0, "stick", "recording")
    assert (glass.source, glass.group, glass.licence) == ("corpus/wine_glass_1.wav", "corpus/wine_glass", "CC0")
    assert (pipe.material, pipe.striker, pipe.kind) == ("metal", "hammer", "simulated")
    assert [entry.size_m for entry in shipped.entries] == pytest.approx([0.2, 0.8, 0.0])
    assert (gravel.material, gravel.striker, gravel.group, gravel.licence) == ("", "", "", "")
    assert math.isnan(gravel.hollow)


def test_physics_of_entries_is_kept(shipped: Bank) -> None:
    glass, pipe, gravel = (entry.physics for entry in shipped.entries)
    assert_close(glass.modes, GLASS)
    assert_close(pipe.modes, Modes((220.0, 607.2), (-6.0, -9.0), (2.0, 3.5), (0.0, 1.0)))
    assert glass.residual.edges_hz == EDGES_HZ and glass.residual.tail is None
    assert glass.residual.rise_s == 0.002 and glass.residual.envelope_db == (0.0, -1.5, 1.0)
    assert_stage(glass.residual, (-40.0, -46.0, -52.0), (60.0, 90.0, 120.0))
    assert_stage(glass.residual.attack, (-20.0, -22.0, -24.0), (400.0, 500.0, 600.0))
    assert_stage(glass.residual.room, (-60.0, -64.0, -70.0), (6.0, 7.0, 8.0))
    assert pipe.residual == Residual()
    assert len(gravel.modes) == 0
    assert_stage(gravel.residual, (-10.0, -16.0, -22.0), (30.0, 40.0, 50.0))


def test_descriptors_and_embeddings_are_kept(shipped: Bank) -> None:
    for entry, descriptor in zip(shipped.entries, shipped.descriptors, strict=True):
        assert descriptor_distance_db(descriptor, describe_physics(entry.physics)) < 0.1
    wanted = np.zeros((3, 64))
    wanted[0, 5], wanted[1, 63], wanted[2, :4] = 1.0, -1.0, 0.5
    assert np.array_equal(shipped.embeddings, wanted)


def test_a_stored_bank_is_searched_and_written_again_unchanged(shipped: Bank, tmp_path: Path) -> None:
    assert rank_by_physics(shipped, Physics(GLASS, shipped.entries[0].physics.residual), 1)[0].name == "Wine glass"
    save_bank(shipped, tmp_path)
    (words, arrays), (words_again, arrays_again) = (read_raw(folder) for folder in (FIXTURES / "shipped", tmp_path))
    assert words == words_again and set(arrays) == set(arrays_again)
    phase, phase_again = arrays.pop("mode_phase"), arrays_again.pop("mode_phase")
    assert np.abs(np.subtract(phase, phase_again, dtype=float)).max() < 0.002  # pi is rounded to half precision
    assert all(np.array_equal(arrays[name], arrays_again[name], equal_nan=True) for name in arrays)


def test_a_user_s_own_bank_opens_beside_the_shipped_one() -> None:
    bank, note = open_bank(FIXTURES / "user", FIXTURES / "shipped")
    assert note == "" and len(bank) == 5
    bell, take = bank.entries[3:]
    assert (bell.name, bell.material, bell.hollow, bell.kind) == ("brass bell 2", "metal", 1.0, "user")
    assert bell.size_m == pytest.approx(0.12) and bell.source == "recordings/brass_bell 2.wav"
    assert (take.name, take.material, take.size_m) == ("take 3", "", 0.0) and math.isnan(take.hollow)
    for entry in (bell, take):
        (first_hz, first_decay), (second_hz, second_decay) = RECORDED[entry.name]
        modes = entry.physics.modes
        assert modes.frequency_hz == pytest.approx((first_hz, second_hz), rel=1e-5)
        assert modes.decay_per_s == pytest.approx((first_decay, second_decay), rel=0.005)
        assert modes.power_db[0] - modes.power_db[1] == pytest.approx(20.0 * math.log10(2.0), abs=0.1)


def test_a_stored_bank_of_one_s_own_grows_and_shrinks(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "user", tmp_path / "bank")
    time_s = np.arange(24_000) / RATE
    (first_hz, first_decay), (second_hz, second_decay) = RECORDED["brass bell 2"]
    bell = 0.3 * np.exp(-first_decay * time_s) * np.cos(2.0 * np.pi * first_hz * time_s)
    bell += 0.15 * np.exp(-second_decay * time_s) * np.cos(2.0 * np.pi * second_hz * time_s)
    soundfile.write(tmp_path / "the same bell.wav", np.concatenate([np.zeros(2400), bell]), RATE, subtype="PCM_24")
    report = add_recordings([tmp_path / "the same bell.wav"], tmp_path / "bank")
    assert not report.added and [name for _, name in report.duplicates] == ["brass bell 2"]
    assert remove_entries(["brass bell 2"], tmp_path / "bank") == 1
    own, note = load_user_bank(tmp_path / "bank")
    assert note == "" and [entry.name for entry in own.entries] == ["take 3"]
