"""Decode the browser's edit messages, such as ``{"kind": "move_hits", "ids": [...], "delta_s": 0.1}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.core.errors import BadInput, quote
from engine.document.edits import (
    arranging,
    blends,
    grouping,
    hits,
    layers,
    markers,
    merging,
    parts,
    settings,
    sounds,
    strips,
    strokes,
)
from engine.document.edits import (
    presets as preset_edits,
)
from engine.document.edits.values import (
    Edit,
    PhysicsOps,
    Preset,
    Timbre,
    check_list,
    check_mapping,
    check_text,
    find_sound,
)
from engine.document.project import Project


def apply_message(
    project: Project,
    message: Mapping[str, Any],
    presets: Mapping[str, Preset] | None = None,
    ops: PhysicsOps | None = None,
) -> Edit:
    """The edit of a message, applied to the project once, so that it does not fail when committed.

    ``presets`` by name serve ``apply_preset`` and ``morph_sound``, ``ops`` serve ``bake_macros``, ``morph_sound`` and
    ``merge_sounds``.
    Raises BadInput for an unknown kind, a missing or unknown field, or values that the edit refuses.
    """
    if not isinstance(message, Mapping):
        raise BadInput(f"the edit is {quote(message)}, not an object; send one with a kind")
    kind = message.get("kind")
    fields = {name: value for name, value in message.items() if name != "kind"}
    if kind == "apply_preset":
        edit = _apply_preset(fields, presets or {})
    elif isinstance(kind, str) and kind in _OF_SOUNDS:
        make_of, required, optional = _OF_SOUNDS[kind]
        _check_fields(kind, fields, required, optional)
        edit = make_of(project, _plain(fields), presets or {}, ops)
    elif isinstance(kind, str) and kind in _KINDS:
        make, required, optional = _KINDS[kind]
        _check_fields(kind, fields, required, optional)
        edit = make(**_plain(fields))
    else:
        raise BadInput(f"edit {quote(kind)} is not known; reload the page")
    edit.apply(project)
    return edit


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with checked types."""
    plain = dict(fields)
    if "ids" in plain:
        plain["ids"] = [check_text(v, "the id of a hit") for v in check_list(plain["ids"], "ids")]
    if "hit_id" in plain:
        plain["hit_id"] = check_text(plain["hit_id"], "the id of a hit")
    if "hits" in plain:
        plain["hits"] = [check_mapping(v, "a hit to add") for v in check_list(plain["hits"], "hits")]
    if "marker_id" in plain:
        plain["marker_id"] = check_text(plain["marker_id"], "the id of a marker")
    if "others" in plain:
        plain["others"] = check_list(plain["others"], "others")
    if "indices" in plain:
        plain["indices"] = check_list(plain["indices"], "indices")
    if "values" in plain:
        check_mapping(plain["values"], "values")
    return plain


def _check_fields(kind: str, fields: Mapping[str, Any], required: Sequence[str], optional: Sequence[str]) -> None:
    for name in required:
        if name not in fields:
            raise BadInput(f"edit {kind} lacks {name}; reload the page")
    for name in fields:
        if name not in required and name not in optional:
            raise BadInput(f"edit {kind} has no {quote(name)}; reload the page")


def _apply_preset(fields: Mapping[str, Any], presets: Mapping[str, Preset]) -> Edit:
    _check_fields("apply_preset", fields, ("name",), ("sound_id",))
    return preset_edits.apply_preset(fields.get("sound_id"), _find_preset(fields["name"], presets))


def _set_macros(project: Project, fields: dict[str, Any], *_: Any) -> Edit:
    return blends.set_macros(find_sound(project, fields["sound_id"]), fields["values"])


def _reset_macros(project: Project, fields: dict[str, Any], *_: Any) -> Edit:
    return blends.reset_macros(find_sound(project, fields["sound_id"]))


def _set_detail(project: Project, fields: dict[str, Any], *_: Any) -> Edit:
    return blends.set_detail(find_sound(project, fields.pop("sound_id")), **fields)


def _bake_macros(project: Project, fields: dict[str, Any], _: Any, ops: PhysicsOps | None) -> Edit:
    known = _known(ops)
    return blends.bake_macros(find_sound(project, fields["sound_id"]), known.apply_macros, known.complete)


def _morph_sound(
    project: Project, fields: dict[str, Any], presets: Mapping[str, Preset], ops: PhysicsOps | None
) -> Edit:
    sound = find_sound(project, fields["sound_id"])
    other = find_other(project, fields, presets)
    known = _known(ops)
    return blends.morph_sound(sound, other, fields["amount"], known.morph, known.complete, fields.get("as_new", False))


def _merge_sounds(_project: Project, fields: dict[str, Any], _: Any, ops: PhysicsOps | None) -> Edit:
    known = _known(ops)
    given = (known.apply_macros, known.complete, known.strike_db)
    return merging.merge_sounds(fields["sound_id"], fields["others"], *given)


def find_other(project: Project, fields: Mapping[str, Any], presets: Mapping[str, Preset]) -> Timbre:
    """Target of a morph: the project's sound ``other``, or the preset named by ``preset``. Raises BadInput."""
    if ("other" in fields) == ("preset" in fields):
        raise BadInput("a morph needs one target; choose a sound or a preset")
    if "other" in fields:
        return find_sound(project, fields["other"])
    return _find_preset(fields["preset"], presets)


def _find_preset(value: Any, presets: Mapping[str, Preset]) -> Preset:
    name = check_text(value, "the preset's name")
    if name not in presets:
        raise BadInput(f"preset {quote(name)} is not known; choose one from the list")
    return presets[name]


def _known(ops: PhysicsOps | None) -> PhysicsOps:
    if ops is None:
        raise BadInput("this edit needs the physics, which is not at hand; open the editor for it")
    return ops


_KINDS: dict[str, tuple[Callable[..., Edit], tuple[str, ...], tuple[str, ...]]] = {
    "add_hit": (hits.add_hit, ("time_s",), ("velocity_db", "sound_id")),
    "add_hits": (arranging.add_hits, ("hits",), ("how",)),
    "play_hit": (hits.play_hit, ("time_s", "velocity_db", "sound_id"), ()),
    "move_hits": (hits.move_hits, ("ids", "delta_s"), ()),
    "set_hits": (hits.set_hits, ("ids", "values"), ()),
    "set_each_hit": (hits.set_each_hit, ("values",), ()),
    "delete_hits": (hits.delete_hits, ("ids",), ("ripple",)),
    "quantize_hits": (arranging.quantize_hits, ("ids",), ("interval_s", "offset_s", "strength")),
    "detach_hits": (hits.detach_hits, ("ids",), ()),
    "delete_layers": (layers.delete_layers, ("sound_id", "indices"), ()),
    "add_part": (parts.add_part, ("sound_id", "part_sound_id"), ("offset_s", "gain_db")),
    "set_part": (parts.set_part, ("sound_id", "part_id", "values"), ()),
    "delete_parts": (parts.delete_parts, ("sound_id", "part_ids"), ()),
    "join_sounds": (parts.join_sounds, ("sound_ids",), ()),
    "clear_strokes": (strokes.clear_strokes, ("ids",), ()),
    "group_hits": (grouping.group_hits, ("ids",), ("name",)),
    "ungroup_hits": (grouping.ungroup_hits, ("ids",), ()),
    "add_marker": (markers.add_marker, ("time_s",), ("name",)),
    "set_marker": (markers.set_marker, ("marker_id",), ("time_s", "name")),
    "delete_marker": (markers.delete_marker, ("marker_id",), ()),
    "set_modes": (sounds.set_modes, ("sound_id", "indices"), ("frequency_hz", "power_db", "decay_per_s")),
    "add_mode": (sounds.add_mode, ("sound_id", "frequency_hz", "power_db", "decay_per_s"), ()),
    "delete_modes": (sounds.delete_modes, ("sound_id", "indices"), ()),
    "mute_modes": (sounds.mute_modes, ("sound_id", "indices", "muted"), ()),
    "set_residual": (sounds.set_residual, ("sound_id", "component", "indices"), ("power_db", "decay_per_s")),
    "set_rise": (sounds.set_rise, ("sound_id", "rise_s"), ()),
    "rename_sound": (sounds.rename_sound, ("sound_id", "name"), ()),
    "delete_sound": (sounds.delete_sound, ("sound_id",), ()),
    "set_strip": (strips.set_strip, ("sound_id", "values"), ()),
    "set_color": (strips.set_color, ("sound_id", "color"), ()),
    "set_render": (settings.set_render, (), ("steps", "guidance", "seed", "checkpoint", "variation")),
    "set_mix": (settings.set_mix, (), ("gain_db", "clip_gain_db", "width", "limit")),
    "set_threshold": (settings.set_threshold, ("threshold",), ()),
    "set_source": (settings.set_source, ("source",), ()),
    "set_track": (settings.set_track, ("track",), ()),
}

_OF_SOUNDS: dict[str, tuple[Callable[..., Edit], tuple[str, ...], tuple[str, ...]]] = {
    "set_macros": (_set_macros, ("sound_id", "values"), ()),
    "reset_macros": (_reset_macros, ("sound_id",), ()),
    "set_detail": (_set_detail, ("sound_id",), ("detail", "detail_seed", "variation")),
    "bake_macros": (_bake_macros, ("sound_id",), ()),
    "merge_sounds": (_merge_sounds, ("sound_id", "others"), ()),
    "morph_sound": (_morph_sound, ("sound_id", "amount"), ("other", "preset", "as_new")),
}
"""Edits whose label names the sound, as functions of project, fields, presets and ops."""
