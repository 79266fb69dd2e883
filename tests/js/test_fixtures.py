"""The values that JavaScript is tested against are those that the engine computes today."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.js.fixtures import DATA, FILES


def assert_same(found: Any, wanted: Any, place: str) -> None:
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys(), place
        for name in wanted:
            assert_same(found[name], wanted[name], f"{place}.{name}")
    elif isinstance(wanted, (list, tuple)):
        assert len(found) == len(wanted), place
        for k, (a, b) in enumerate(zip(found, wanted, strict=True)):
            assert_same(a, b, f"{place}[{k}]")
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-7, abs=1e-9), place
    else:
        assert found == wanted, place


@pytest.mark.parametrize("name", FILES)
def test_fixtures_are_what_the_engine_computes(name: str) -> None:
    kept = json.loads((DATA / name).read_text(encoding="utf-8"))
    assert_same(kept, FILES[name](), name)
