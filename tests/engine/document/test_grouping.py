"""Groups of hits: made, named, left and copied, and kept in the project's file."""

from __future__ import annotations

import pytest

from engine.core.errors import BadInput
from engine.document.serialization import project_from_json, project_to_json
from tests.engine.document.test_arranging import do, make_project


def groups_of(project: object) -> dict[str, str]:
    return {hit.id: hit.group for hit in project.hits}  # type: ignore[attr-defined]


def test_hits_are_grouped_ungrouped_and_saved() -> None:
    project = make_project(1.0, 2.0, 3.0, 4.0)
    grouped = do(project, kind="group_hits", ids=["h1", "h2"])
    assert groups_of(grouped) == {"h1": "Group 1", "h2": "Group 1", "h3": "", "h4": ""}
    both = do(grouped, kind="group_hits", ids=["h3", "h4"])
    assert both.hit("h4").group == "Group 2"
    assert groups_of(project_from_json(project_to_json(both))) == groups_of(both)
    # A hit is in one group: a new group takes it out of the old one, and the old name is free again once it is empty.
    assert groups_of(do(both, kind="group_hits", ids=["h1", "h2", "h3", "h4"])) == dict.fromkeys(
        ("h1", "h2", "h3", "h4"), "Group 1"
    )
    assert groups_of(do(both, kind="ungroup_hits", ids=["h1", "h2"])) == {
        "h1": "", "h2": "", "h3": "Group 2", "h4": "Group 2",
    }  # fmt: skip
    # One hit makes no group: that which is left of a pair leaves it too.
    assert groups_of(do(both, kind="ungroup_hits", ids=["h1"])) == {
        "h1": "", "h2": "", "h3": "Group 2", "h4": "Group 2",
    }  # fmt: skip
    assert groups_of(do(both, kind="group_hits", ids=["h2", "h3"])) == {
        "h1": "", "h2": "Group 3", "h3": "Group 3", "h4": "",
    }  # fmt: skip
    named = do(both, kind="set_hits", ids=["h3", "h4"], values={"group": " left  foot "})
    assert named.hit("h3").group == "left foot"
    # A project without groups is written as it was before there were any.
    assert "group" not in project_to_json(project)["hits"][0]
    with pytest.raises(BadInput):
        do(project, kind="group_hits", ids=["h1"])


def test_a_copied_group_is_a_group_of_its_own() -> None:
    project = do(make_project(1.0, 2.0), kind="group_hits", ids=["h1", "h2"], name="step")
    copies = [{"time_s": time_s, "group": group} for time_s, group in ((3.0, "step"), (4.0, "step"), (5.0, ""))]
    pasted = do(project, kind="add_hits", hits=copies, how="paste")
    assert [pasted.hit(name).group for name in ("h1", "h2", "h3", "h4", "h5")] == [
        "step", "step", "step 2", "step 2", "",
    ]  # fmt: skip
    again = do(pasted, kind="add_hits", hits=copies, how="paste")
    assert again.hit("h6").group == "step 3"
