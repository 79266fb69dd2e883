"""Numbers in sentences and tables."""

from __future__ import annotations

import pytest

from engine.core.words import format_number


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [(-0.04, "+.1f", "+0.0"), (-0.06, "+.1f", "-0.1"), (-0.0, ".2f", "0.00"), (1.25, "+.2f", "+1.25")],
)
def test_what_rounds_to_minus_zero_is_zero(value: float, form: str, text: str) -> None:
    assert format_number(value, form) == text
