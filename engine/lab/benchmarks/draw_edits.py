"""Edits drawn at random, as the editor would send them for the document that it shows; one function a kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from engine.physics.presets import load_presets

Document = dict[str, Any]
Fields = dict[str, Any]

MOST_HITS, MOST_SOUNDS, MOST_MODES, MOST_MARKERS = 40, 8, 60, 20
"""Beyond these what is there is deleted before more is added, as a person tidies up."""

MACROS = ("mass", "hardness", "damping", "position", "roughness", "room")


def draw_edit(draw: random.Random, document: Document, kind: str | None = None) -> tuple[str, Fields]:
    """Kind and fields of an edit that the document takes; another kind than the one asked for where that has none."""
    if len(document["hits"]) > MOST_HITS:
        kind = "delete_hits"
    elif len(document["sounds"]) > MOST_SOUNDS:
        kind = "delete_sound"
    kinds = [kind] if kind else []
    kinds += draw.choices([*DRAWS], [SELDOM.get(name, 1.0) for name in DRAWS], k=20)
    for name in kinds:
        fields = DRAWS[name](draw, document)
        if fields is not None:
            return name, fields
    return "add_hit", _add_hit(draw, document)


def _some(draw: random.Random, values: Sequence[Any], most: int = 3) -> list[Any]:
    return draw.sample(list(values), min(len(values), draw.randint(1, most)))


def _hits(draw: random.Random, document: Document, most: int = 3) -> list[str]:
    return [hit["id"] for hit in _some(draw, document["hits"], most)]


def _sound(draw: random.Random, document: Document) -> Document:
    """A sound that has hits."""
    used = {hit["sound_id"] for hit in document["hits"]}
    found: Document = draw.choice([sound for sound in document["sounds"] if sound["id"] in used])
    return found


def _add_hit(draw: random.Random, document: Document) -> Fields:
    return {"time_s": draw.uniform(0.0, document["clip"]["duration_s"]), "velocity_db": draw.uniform(-20.0, 0.0)}


def _play_hit(draw: random.Random, document: Document) -> Fields:
    return {**_add_hit(draw, document), "sound_id": _sound(draw, document)["id"]}


def _add_hits(draw: random.Random, document: Document) -> Fields:
    return {"hits": [_play_hit(draw, document) for _ in range(draw.randint(1, 3))], "how": "paste"}


def _move_hits(draw: random.Random, document: Document) -> Fields:
    return {"ids": _hits(draw, document), "delta_s": draw.uniform(-0.05, 0.05)}


def _hit_values(draw: random.Random, document: Document) -> Fields:
    values = {
        "time_s": draw.uniform(0.0, document["clip"]["duration_s"]),
        "velocity_db": draw.uniform(-30.0, 6.0),
        "gain_db": draw.uniform(-30.0, 6.0),
        "pan": draw.uniform(-1.0, 1.0),
        "mute": draw.random() < 0.1,
        "seed": draw.randrange(2**31),
        "sound_id": _sound(draw, document)["id"],
        "pitch_cents": draw.uniform(-300.0, 300.0),
        "decay_ratio": draw.uniform(0.5, 2.0),
        "residual_db": draw.uniform(-12.0, 12.0),
    }
    return {name: values[name] for name in _some(draw, [*values])}


def _set_hits(draw: random.Random, document: Document) -> Fields:
    return {"ids": _hits(draw, document), "values": _hit_values(draw, document)}


def _set_each_hit(draw: random.Random, document: Document) -> Fields:
    return {"values": {hit_id: _hit_values(draw, document) for hit_id in _hits(draw, document)}}


def _delete_hits(draw: random.Random, document: Document) -> Fields | None:
    return {"ids": _hits(draw, document, 6)} if len(document["hits"]) > 8 else None


def _quantize_hits(draw: random.Random, document: Document) -> Fields:
    grid = {"interval_s": draw.choice([0.125, 0.25, 0.5]), "offset_s": draw.uniform(0.0, 0.125)}
    return {"ids": _hits(draw, document), **(grid if draw.random() < 0.5 else {}), "strength": draw.random()}


def _detach_hits(draw: random.Random, document: Document) -> Fields:
    return {"ids": _hits(draw, document, 1)}


def _indices(draw: random.Random, document: Document) -> tuple[str, list[int]] | None:
    sound = _sound(draw, document)
    count = len(sound["modes"]["frequency_hz"])
    return (sound["id"], _some(draw, range(count))) if count else None


def _set_modes(draw: random.Random, document: Document) -> Fields | None:
    chosen = _indices(draw, document)
    if chosen is None:
        return None
    sound_id, indices = chosen
    values = {
        "frequency_hz": [draw.uniform(80.0, 8000.0) for _ in indices],
        "power_db": [draw.uniform(-40.0, -6.0) for _ in indices],
        "decay_per_s": [draw.uniform(3.0, 80.0) for _ in indices],
    }
    return {"sound_id": sound_id, "indices": indices} | {name: values[name] for name in _some(draw, [*values])}


def _add_mode(draw: random.Random, document: Document) -> Fields | None:
    sound = _sound(draw, document)
    if len(sound["modes"]["frequency_hz"]) >= MOST_MODES:
        return None
    values = {"frequency_hz": draw.uniform(80.0, 8000.0), "power_db": draw.uniform(-40.0, -6.0)}
    return {"sound_id": sound["id"], **values, "decay_per_s": draw.uniform(3.0, 80.0)}


def _delete_modes(draw: random.Random, document: Document) -> Fields | None:
    sound = _sound(draw, document)
    count = len(sound["modes"]["frequency_hz"])
    return {"sound_id": sound["id"], "indices": _some(draw, range(count), 2)} if count > 6 else None


def _mute_modes(draw: random.Random, document: Document) -> Fields | None:
    chosen = _indices(draw, document)
    return chosen and {"sound_id": chosen[0], "indices": chosen[1], "muted": draw.random() < 0.3}


def _set_residual(draw: random.Random, document: Document) -> Fields | None:
    sound = _sound(draw, document)
    count = len(sound["residual"]["power_db"])
    if not count:
        return None
    indices = _some(draw, range(count))
    power_db = [draw.uniform(-80.0, -30.0) for _ in indices]
    return {"sound_id": sound["id"], "component": "strike", "indices": indices, "power_db": power_db}


def _set_rise(draw: random.Random, document: Document) -> Fields:
    return {"sound_id": _sound(draw, document)["id"], "rise_s": draw.uniform(0.0, 0.02)}


def _rename_sound(draw: random.Random, document: Document) -> Fields:
    return {"sound_id": _sound(draw, document)["id"], "name": f"Sound {draw.randrange(1000)}"}


def _delete_sound(draw: random.Random, document: Document) -> Fields | None:
    used = {hit["sound_id"] for hit in document["hits"]}
    unused = [sound["id"] for sound in document["sounds"] if sound["id"] not in used]
    unused = [sound_id for sound_id in unused if not _with_parts(document)]
    return {"sound_id": draw.choice(unused)} if unused and len(document["sounds"]) > 2 else None


def _merge_sounds(draw: random.Random, document: Document) -> Fields | None:
    sound_id = _sound(draw, document)["id"]
    others = [sound["id"] for sound in document["sounds"] if sound["id"] != sound_id]
    fits = len(others) > 2 and not _with_parts(document)
    return {"sound_id": sound_id, "others": _some(draw, others, 1)} if fits else None


def _add_marker(draw: random.Random, document: Document) -> Fields | None:
    if len(document["markers"]) >= MOST_MARKERS:
        return None
    return {"time_s": draw.uniform(0.0, document["clip"]["duration_s"]), "name": draw.choice(("", "door", "lid"))}


def _set_marker(draw: random.Random, document: Document) -> Fields | None:
    if not document["markers"]:
        return None
    values = {"time_s": draw.uniform(0.0, document["clip"]["duration_s"]), "name": f"place {draw.randrange(100)}"}
    return {"marker_id": draw.choice(document["markers"])["id"]} | {
        name: values[name] for name in _some(draw, [*values])
    }


def _delete_marker(draw: random.Random, document: Document) -> Fields | None:
    return {"marker_id": draw.choice(document["markers"])["id"]} if document["markers"] else None


def _apply_preset(draw: random.Random, document: Document) -> Fields:
    return {"sound_id": _sound(draw, document)["id"], "name": draw.choice(load_presets()).name}


def _set_macros(draw: random.Random, document: Document) -> Fields:
    values = {name: draw.uniform(-1.0, 1.0) for name in _some(draw, MACROS)}
    return {"sound_id": _sound(draw, document)["id"], "values": values}


def _of_sound(draw: random.Random, document: Document) -> Fields:
    return {"sound_id": _sound(draw, document)["id"]}


def _set_detail(draw: random.Random, document: Document) -> Fields:
    values = {"detail": draw.random(), "detail_seed": draw.randrange(1000), "variation": draw.random()}
    return _of_sound(draw, document) | {name: values[name] for name in _some(draw, [*values])}


def _morph_sound(draw: random.Random, document: Document) -> Fields:
    values = {"amount": draw.random(), "other": _sound(draw, document)["id"], "as_new": draw.random() < 0.2}
    return _of_sound(draw, document) | values


def _set_render(draw: random.Random, document: Document) -> Fields:
    values = {"seed": draw.randrange(1000), "variation": draw.random(), "guidance": draw.uniform(0.5, 2.0)}
    return {name: values[name] for name in _some(draw, [*values], 1)}


def _set_mix(draw: random.Random, document: Document) -> Fields:
    return {"gain_db": draw.uniform(-12.0, 6.0), "clip_gain_db": draw.uniform(-60.0, 0.0)}


def _set_threshold(draw: random.Random, document: Document) -> Fields:
    return {"threshold": draw.uniform(0.2, 0.8)}


def _set_source(draw: random.Random, document: Document) -> Fields:
    return {"source": draw.choice(("video", "audio", "both") if document["clip"]["has_audio"] else ("video",))}


def _set_track(draw: random.Random, document: Document) -> Fields | None:
    return {"track": 0} if document["clip"]["has_audio"] else None


def _group_hits(draw: random.Random, document: Document) -> Fields:
    return {"ids": draw.sample([hit["id"] for hit in document["hits"]], 2)}


def _ungroup_hits(draw: random.Random, document: Document) -> Fields | None:
    grouped = [hit["id"] for hit in document["hits"] if hit.get("group")]
    return {"ids": grouped[:6]} if grouped else None


def _set_strip(draw: random.Random, document: Document) -> Fields:
    values = {
        "gain_db": draw.uniform(-12.0, 6.0),
        "pan": draw.uniform(-1.0, 1.0),
        "distance_m": draw.uniform(1.0, 20.0),
        "high_pass_hz": draw.uniform(20.0, 300.0),
        "low_pass_hz": draw.uniform(4000.0, 20000.0),
    }
    return _of_sound(draw, document) | {"values": {name: values[name] for name in _some(draw, [*values])}}


def _set_color(draw: random.Random, document: Document) -> Fields:
    return _of_sound(draw, document) | {"color": f"#{draw.randrange(2**24):06x}"}


def _delete_layers(draw: random.Random, document: Document) -> Fields | None:
    layered = [sound for sound in document["sounds"] if sound.get("layers")]
    return {"sound_id": layered[0]["id"], "indices": [0]} if layered else None


def _with_parts(document: Document) -> list[Document]:
    """Sounds with parts; what is a part can be neither deleted nor merged into its whole."""
    return [sound for sound in document["sounds"] if sound["parts"]]


def _add_part(draw: random.Random, document: Document) -> Fields | None:
    sound_id = _sound(draw, document)["id"]
    others = [sound["id"] for sound in document["sounds"] if sound["id"] != sound_id]
    if not others or _with_parts(document):
        return None
    return {"sound_id": sound_id, "part_sound_id": draw.choice(others), "offset_s": draw.uniform(0.0, 0.2)}


def _set_part(draw: random.Random, document: Document) -> Fields | None:
    for sound in _with_parts(document):
        values = {"offset_s": draw.uniform(0.0, 0.2), "gain_db": draw.uniform(-20.0, 0.0)}
        return {"sound_id": sound["id"], "part_id": sound["parts"][0]["id"], "values": values}
    return None


def _delete_parts(draw: random.Random, document: Document) -> Fields | None:
    for sound in _with_parts(document):
        return {"sound_id": sound["id"], "part_ids": [part["id"] for part in sound["parts"]]}
    return None


def _join_sounds(draw: random.Random, document: Document) -> Fields | None:
    if _with_parts(document) or len(document["sounds"]) > MOST_SOUNDS:
        return None
    return {"sound_ids": [_sound(draw, document)["id"]]}


def _clear_strokes(draw: random.Random, document: Document) -> Fields | None:
    scraped = [hit["id"] for hit in document["hits"] if hit.get("stroke")]
    return {"ids": scraped} if scraped else None


DRAWS: dict[str, Callable[[random.Random, Document], Fields | None]] = {
    "add_hit": _add_hit,
    "play_hit": _play_hit,
    "add_hits": _add_hits,
    "move_hits": _move_hits,
    "set_hits": _set_hits,
    "set_each_hit": _set_each_hit,
    "delete_hits": _delete_hits,
    "quantize_hits": _quantize_hits,
    "detach_hits": _detach_hits,
    "set_modes": _set_modes,
    "add_mode": _add_mode,
    "delete_modes": _delete_modes,
    "mute_modes": _mute_modes,
    "set_residual": _set_residual,
    "set_rise": _set_rise,
    "rename_sound": _rename_sound,
    "delete_sound": _delete_sound,
    "merge_sounds": _merge_sounds,
    "add_marker": _add_marker,
    "set_marker": _set_marker,
    "delete_marker": _delete_marker,
    "apply_preset": _apply_preset,
    "set_macros": _set_macros,
    "reset_macros": _of_sound,
    "set_detail": _set_detail,
    "bake_macros": _of_sound,
    "morph_sound": _morph_sound,
    "set_render": _set_render,
    "set_mix": _set_mix,
    "set_threshold": _set_threshold,
    "set_source": _set_source,
    "set_track": _set_track,
    "group_hits": _group_hits,
    "ungroup_hits": _ungroup_hits,
    "set_strip": _set_strip,
    "set_color": _set_color,
    "delete_layers": _delete_layers,
    "clear_strokes": _clear_strokes,
    "add_part": _add_part,
    "set_part": _set_part,
    "delete_parts": _delete_parts,
    "join_sounds": _join_sounds,
}
SELDOM = {"set_source": 0.02, "set_track": 0.02, "set_render": 0.2, "detach_hits": 0.3}
"""Weights of kinds that take long, or that render everything anew."""
