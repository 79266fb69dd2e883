"""Takes of a hit rendered beside it: the sound that it would have with their seed, and no change of the document."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.ui_tab import Tab, check_sentence


@pytest.mark.slow
def test_a_take_is_the_sound_that_the_hit_has_with_its_seed(tab: Tab) -> None:
    before = tab.session.require_project()
    hit = before.hits[1]
    tab.ask("render_takes", hit_id=hit.id, seeds=[hit.seed, 7, 8])
    tab.settle()
    takes = tab.heard("take")
    assert [take["seed"] for take in takes] == [hit.seed, 7, 8]
    assert tab.session.require_project() == before and not tab.errors
    cache = tab.session.context.cache
    sounds = [cache.get(take["key"]) for take in takes]
    assert all(sound is not None for sound in sounds)
    assert takes[0]["key"] == tab.session.renderer.keys(before)[hit.id]
    tab.edit("set_hits", ids=[hit.id], values={"seed": 8})
    tab.settle()
    (now,) = (one for one in tab.session.require_project().hits if one.id == hit.id)
    assert now == replace(hit, seed=8, touched=True)
    assert tab.session.renderer.keys(tab.session.require_project())[hit.id] == takes[2]["key"]
    assert not np.array_equal(sounds[1], sounds[2])


def test_takes_that_cannot_be_are_refused_in_a_sentence(tab: Tab) -> None:
    hit_id = tab.session.require_project().hits[0].id
    for wrong in ({"hit_id": "ghost", "seeds": [1]}, {"hit_id": hit_id, "seeds": []}, {"hit_id": hit_id, "seeds": [-1]},
                  {"hit_id": hit_id, "seeds": list(range(17))}):  # fmt: skip
        tab.ask("render_takes", **wrong)
        check_sentence(tab.errors[-1])
    assert len(tab.errors) == 4 and not tab.heard("take")
