"""Edits of markers: named places in the clip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.core.errors import BadInput, quote
from engine.document.edits.values import MAX_MARKERS, Edit, check_label, check_number, next_ids
from engine.document.project import Marker, Project


def add_marker(time_s: float, name: str = "") -> Edit:
    """Add a marker; without a name it is called by its number."""

    def apply(project: Project) -> Project:
        if len(project.markers) >= MAX_MARKERS:
            raise BadInput(f"the project has {MAX_MARKERS} markers already; delete some first")
        at_s = check_number(time_s, "time_s", (0.0, project.clip.duration_s))
        (marker_id,) = next_ids((marker.id for marker in project.markers), "m")
        label = check_label(name) or f"Marker {marker_id[1:]}"
        return with_markers(project, (*project.markers, Marker(marker_id, at_s, label)))

    return Edit("Add marker", apply)


def set_marker(marker_id: str, time_s: float | None = None, name: str | None = None) -> Edit:
    """Move a marker, rename it, or both; an empty name leaves the old one."""

    def apply(project: Project) -> Project:
        marker = _find(project, marker_id)
        if time_s is not None:
            marker = replace(marker, time_s=check_number(time_s, "time_s", (0.0, project.clip.duration_s)))
        if name is not None:
            marker = replace(marker, name=check_label(name) or marker.name)
        return with_markers(project, (marker if other.id == marker_id else other for other in project.markers))

    return Edit("Move marker" if name is None else "Rename marker", apply)


def delete_marker(marker_id: str) -> Edit:
    """Delete a marker."""

    def apply(project: Project) -> Project:
        _find(project, marker_id)
        return with_markers(project, (marker for marker in project.markers if marker.id != marker_id))

    return Edit("Delete marker", apply)


def with_markers(project: Project, markers: Iterable[Marker]) -> Project:
    """The project with these markers, in order of time."""
    return replace(project, markers=tuple(sorted(markers, key=lambda marker: (marker.time_s, marker.id))))


def _find(project: Project, marker_id: str) -> Marker:
    for marker in project.markers:
        if marker.id == marker_id:
            return marker
    raise BadInput(f"marker {quote(marker_id)} is not in this project; choose one that is")
