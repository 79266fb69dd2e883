"""A/B: the passage of a hit as it is, as it was and as the clip has it, from the cache and in the right order."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.units import SAMPLE_RATE_HZ
from engine.pipeline.track import Track
from tests.ui_tab import Tab, check_sentence


@pytest.mark.slow
def test_a_hit_is_compared_with_what_it_was_and_with_the_clip(tab: Tab) -> None:
    session = tab.session
    hit = session.require_project().hits[1]
    tab.ask("compare_versions", hits=[hit.id])
    tab.settle()
    first = tab.last("versions")
    assert [version["name"] for version in first["versions"]] == ["now", "clip"] and first["changes"] == []
    mixed = session.renderer.mix()
    assert mixed is not None
    now = session.context.cache.get(first["versions"][0]["key"])
    assert now is not None
    start, end = (round(first[name] * SAMPLE_RATE_HZ) for name in ("start_s", "end_s"))
    assert np.array_equal(now, Track(*mixed)[start:end])  # what the track has there

    tab.edit("set_hits", ids=[hit.id], values={"gain_db": -9.0})
    tab.edit("set_hits", ids=[hit.id], values={"name": "door"})
    tab.settle()
    tab.ask("compare_versions", hits=[hit.id])
    tab.settle()
    answer = tab.last("versions")
    versions = {version["name"]: version for version in answer["versions"]}
    assert answer["changes"] == ["Set level of hit"]
    assert versions["before"]["key"] == first["versions"][0]["key"]
    # The softer one is 9 dB lower and raised by as much, unless both are lowered for its peak.
    assert versions["before"]["loudness_lufs"] - versions["now"]["loudness_lufs"] == pytest.approx(9.0, abs=0.2)
    assert versions["now"]["gain_db"] - versions["before"]["gain_db"] == pytest.approx(9.0, abs=0.2)

    tab.ask("compare_versions", hits=["ghost"])
    tab.ask("compare_versions", hits=[hit.id], back=99)
    assert len(tab.errors) == 2
    for said in tab.errors:
        check_sentence(said)
