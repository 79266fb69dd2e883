"""Banks joined and restricted: names stay unique, arrays stay with their entries."""

from __future__ import annotations

import numpy as np
import pytest

from engine.bank.bank import Bank, join_banks, make_bank
from tests.banks import make_takes


@pytest.fixture(scope="module")
def bank() -> Bank:
    return make_takes()


def test_joined_banks_keep_every_entry_under_a_name_of_its_own(bank: Bank) -> None:
    known = Bank(bank.entries, bank.descriptors, np.eye(len(bank), 8, dtype=np.float32))
    both = join_banks(known, bank)
    assert len(both) == 2 * len(bank) and len({entry.name for entry in both.entries}) == len(both)
    assert both.embeddings.shape == (len(both), 0) and join_banks(known, known).embeddings.shape == (len(both), 8)
    assert join_banks(bank, make_bank(())) is bank
