"""Edits of groups: hits that are chosen, moved and copied as one, by the name that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.core.errors import BadInput
from engine.document.edits.values import NAME_LENGTH, Edit, check_hits, check_label, count_of_hits, with_hits
from engine.document.project import Hit, Project


def group_hits(ids: Sequence[str], name: str = "") -> Edit:
    """Make one group of hits, which leave the groups that they were in; without a name it gets the next number."""

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        if len(wanted) < 2:
            raise BadInput("one hit makes no group; choose at least two")
        taken = {hit.group for hit in project.hits if hit.id not in wanted}
        group = _free_group(check_label(name) or "Group 1", taken)
        grouped = (replace(hit, group=group, touched=True) if hit.id in wanted else hit for hit in project.hits)
        return with_hits(project, _free_last(grouped, _groups_of(project, wanted)))

    return Edit(f"Group {count_of_hits(ids)}", apply)


def ungroup_hits(ids: Sequence[str]) -> Edit:
    """Take hits out of their groups; of a group in which one is left, that one too."""

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        freed = (replace(hit, group="") if hit.id in wanted else hit for hit in project.hits)
        return with_hits(project, _free_last(freed, _groups_of(project, wanted)))

    return Edit(f"Ungroup {count_of_hits(ids)}", apply)


def _groups_of(project: Project, ids: Collection[str]) -> set[str]:
    return {hit.group for hit in project.hits if hit.id in ids}


def _free_last(hits: Iterable[Hit], groups: Collection[str]) -> list[Hit]:
    """The hits, the last one of each of some groups without its group, since one hit makes none."""
    every = list(hits)
    members = Counter(hit.group for hit in every)
    return [replace(hit, group="") if hit.group in groups and members[hit.group] == 1 else hit for hit in every]


def name_copied_groups(project: Project, hits: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names of the groups of copied hits, by the groups that they were copied from: no copy joins its original."""
    taken = {hit.group for hit in project.hits}
    names: dict[str, str] = {}
    for values in hits:
        group = check_label(values.get("group") or "")
        if group and group not in names:
            names[group] = _free_group(group, taken)
            taken.add(names[group])
    return names


def _free_group(name: str, taken: set[str]) -> str:
    """The name if it is free, else with the next number that is."""
    base, _, number = name.rpartition(" ")
    base, count = (base, int(number)) if base and number.isascii() and number.isdigit() else (name, 1)
    while name in taken:
        count += 1
        name = f"{base[: NAME_LENGTH - 12]} {count}"
    return name
