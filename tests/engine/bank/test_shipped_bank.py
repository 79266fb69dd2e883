"""The bank that ships: small, whole, with licences that allow it, and near itself."""

from __future__ import annotations

import numpy as np

from engine.bank.bank import BANK_PATH, load_bank
from engine.bank.descriptor import describe_physics
from engine.bank.search import measure_distances
from engine.physics.model import MATERIALS
from engine.physics.presets import load_presets


def test_it_is_small_and_says_its_licences() -> None:
    bank = load_bank()
    assert len(bank) > 2000 and len({entry.name for entry in bank.entries}) == len(bank)
    assert sum(file.stat().st_size for file in BANK_PATH.iterdir()) < 30e6
    assert all(entry.licence and entry.source and entry.group for entry in bank.entries)
    assert not any("NONE" in entry.licence.upper() or entry.kind in ("clip", "user") for entry in bank.entries)
    names = {entry.name for entry in bank.entries}
    assert {preset.name for preset in load_presets()} <= names
    assert all(entry.material in (*MATERIALS, "") for entry in bank.entries)


def test_what_is_kept_of_a_sound_is_what_one_hears_of_it() -> None:
    bank = load_bank()
    for number in range(0, len(bank), 60):
        again = describe_physics(bank.entries[number].physics)
        assert measure_distances(bank, again)[number] < 3.0


def test_another_hit_of_a_thing_is_found_far_oftener_than_by_chance() -> None:
    bank = load_bank()
    groups = np.array([entry.group for entry in bank.entries])
    asked = [k for k in range(0, len(bank), 5) if (groups == groups[k]).sum() > 1]
    distances = measure_distances(bank, bank.descriptors[asked])
    distances[np.arange(len(asked)), asked] = np.inf
    assert (groups[distances.argmin(axis=1)] == groups[asked]).mean() > 0.6
