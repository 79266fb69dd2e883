"""The sync meter over the app's messages: hits that were moved are late, and a shift takes it back."""

from __future__ import annotations

import pytest

from tests.ui_tab import Tab, check_sentence


@pytest.mark.slow
def test_hits_that_were_moved_are_late_and_a_muted_one_is_not_heard(tab: Tab) -> None:
    ids = [hit.id for hit in tab.session.require_project().hits]
    tab.ask("measure_sync")
    tab.settle()
    before = tab.last("sync_measured")
    assert abs(before["lag_s"]) < 0.015 and before["confidence"] > 0.9 and len(before["hits"]) == len(ids)
    assert {hit["hit_id"] for hit in before["hits"]} == set(ids)

    tab.edit("move_hits", ids=ids, delta_s=0.1)
    tab.edit("set_hits", ids=ids[4:5], values={"mute": True})
    told = len(tab.told)
    tab.ask("measure_sync", what="hits")
    tab.settle()
    after = tab.last("sync_measured")
    assert after["lag_s"] == pytest.approx(before["lag_s"] + 0.1, abs=0.004)
    assert {hit["grade"] for hit in after["hits"]} <= {"too small to notice", "detected"}
    assert [lone["time_s"] for lone in after["seen_not_heard"]] == pytest.approx([before["hits"][4]["time_s"]])
    assert after["heard_not_seen"] == []
    fractions = [message["fraction"] for message in tab.told[told:] if message["type"] == "sync_progress"]
    assert fractions == []  # the picture was read when its hits were looked for
    tab.ask("measure_sync", what="clip")
    tab.settle()
    assert tab.last("sync_measured")["lag_s"] == pytest.approx(before["lag_s"], abs=0.01)

    tab.open_demo("silent")
    tab.ask("measure_sync", what="clip")
    check_sentence(tab.errors[-1])
