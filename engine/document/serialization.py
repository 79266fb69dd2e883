"""The document as JSON: schema, migrations and validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from engine.core.errors import BadInput, quote
from engine.core.units import LONGEST_CLIP_S, format_frame_rate
from engine.document.edits.layers import MOST_LAYERS
from engine.document.edits.values import (
    DETAIL_RANGE,
    DISTANCE_OFFSET_RANGE_M,
    GRAIN_RANGE_MM,
    MAX_HITS,
    MAX_MARKERS,
    MAX_SEED,
    MAX_TRACK,
    MOST_SPEEDS,
    SOURCES,
    STRIP_RANGES,
    STROKE_LENGTH_RANGE_S,
    STROKE_SPEED_RANGE_M_PER_S,
    VARIATION_RANGE,
)
from engine.document.json_fields import Fields
from engine.document.migrations import MIGRATIONS
from engine.document.part_json import parts_to_json, read_parts
from engine.document.parts import check_parts
from engine.document.project import (
    PROJECT_VERSION,
    Clip,
    Detection,
    Hit,
    HitOffsets,
    Marker,
    Mix,
    Project,
    RenderSettings,
    Sound,
    VelocityLayer,
)
from engine.document.source import DEFAULT_REASONS, KINDS, Source
from engine.document.strip import Strip
from engine.physics.model import (
    MACRO_NAMES,
    MACRO_RANGE,
    Macros,
    Physics,
    Stroke,
    modes_from_json,
    physics_to_json,
    residual_from_json,
)

FORMAT = "struck-project"
DETAIL_FIELDS = ("detail", "detail_seed", "variation")
_LATER = (
    "width",
    "limit",
    "name",
    "group",
    "distance_m",
    "stroke",
)  # left out at their defaults, as in files of before them
MAX_SOUNDS = 10_000


def project_to_json(project: Project) -> dict[str, Any]:
    """The document as a JSON-ready dict."""
    clip = asdict(project.clip) | {"frame_rate": format_frame_rate(project.clip.frame_rate)}
    if project.clip.audio_track == 0:  # as in files of the time when there was no choice
        del clip["audio_track"]
    return {
        "format": FORMAT,
        "version": PROJECT_VERSION,
        "clip": clip,
        "sounds": [_sound_to_json(sound) for sound in project.sounds],
        "hits": [_hit_to_json(hit) for hit in project.hits],
        "mix": {name: value for name, value in asdict(project.mix).items() if name not in _LATER or value},
        "render": asdict(project.render),
        "detection": asdict(project.detection) | {"dismissed_onsets_s": list(project.detection.dismissed_onsets_s)},
        **({"markers": [asdict(marker) for marker in project.markers]} if project.markers else {}),
        **({"export": dict(project.export)} if project.export else {}),  # passed over by versions that had none
    }


def _hit_to_json(hit: Hit) -> dict[str, Any]:
    values = {name: value for name, value in asdict(hit).items() if name not in _LATER or value}
    if hit.stroke is not None:
        values["stroke"]["speeds"] = list(hit.stroke.speeds)
    return values


def _sound_to_json(sound: Sound) -> dict[str, Any]:
    physics = physics_to_json(Physics(sound.modes, sound.residual))
    values = {name: value for name, value in asdict(sound.macros).items() if name != "keep_loudness" or value}
    macros = {"macros": values} if sound.macros != Macros() else {}
    changed = {name: getattr(sound, name) for name in DETAIL_FIELDS if getattr(sound, name) != getattr(Sound, name)}
    return {
        "id": sound.id,
        "name": sound.name,
        "source": source_to_json(sound.source),
        "fit": sound.fit,
        "modes": physics["modes"],
        "residual": physics["residual"],
        **macros,
        **changed,
        **strip_to_json(sound),
        **({"layers": [_layer_to_json(layer) for layer in sound.layers]} if sound.layers else {}),
        **parts_to_json(sound.parts),
    }


def _layer_to_json(layer: VelocityLayer) -> dict[str, Any]:
    physics = physics_to_json(Physics(layer.modes, layer.residual))
    values = {"velocity_db": layer.velocity_db, "time_s": layer.time_s}
    return {**values, "modes": physics["modes"], "residual": physics["residual"]}


def strip_to_json(sound: Sound) -> dict[str, Any]:
    """A sound's strip and colour, without what is at its default."""
    values = {name: value for name, value in asdict(sound.strip).items() if value != getattr(Strip, name)}
    return {**({"strip": values} if values else {}), **({"color": sound.color} if sound.color else {})}


def project_from_json(value: Any, source: str = "project") -> Project:
    """Read, migrate and check a document; ``source`` names the file in messages.

    Raises BadInput for another format, a version of a newer Struck, and anything a document may not
    hold: missing or wrong values, ids that repeat, hits of unknown sounds or outside the clip.
    """
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise BadInput(f"{source} is not a Struck project; choose a *.struck.json file")
    top = _migrate(dict(value), source)
    clip = _read_clip(Fields(top.get("clip"), source, "clip"))
    sounds = tuple(_read_sound(Fields(v, source, f"sound {k + 1}")) for k, v in enumerate(_rows(top, "sounds", source)))
    hits = tuple(
        _read_hit(Fields(v, source, f"hit {k + 1}"), clip.duration_s) for k, v in enumerate(_rows(top, "hits", source))
    )
    _check_ids(sounds, hits, source)
    check_parts(sounds, f"{source}: ")
    mix = Fields(top.get("mix", {}), source, "mix")
    render = Fields(top.get("render", {}), source, "render")
    detection = Fields(top.get("detection", {}), source, "detection")
    return Project(
        clip=clip,
        sounds=sounds,
        hits=tuple(sorted(hits, key=lambda hit: (hit.time_s, hit.id))),
        mix=Mix(
            mix.number("gain_db", -400, 120, 0.0),
            mix.number("clip_gain_db", -400, 120, 0.0),
            mix.number("width", 0, 1, Mix.width),
            mix.truth("limit", Mix.limit),
        ),
        render=RenderSettings(
            checkpoint=render.text("checkpoint", RenderSettings.checkpoint),
            steps=render.whole("steps", 1, 10_000, RenderSettings.steps),
            guidance=render.number("guidance", -1000, 1000, RenderSettings.guidance),
            seed=render.whole("seed", 0, MAX_SEED, RenderSettings.seed),
            variation=render.number("variation", 0, 1, RenderSettings.variation),
        ),
        detection=Detection(
            source=detection.choice("source", SOURCES, Detection.source),
            threshold=detection.number("threshold", 0, 1, Detection.threshold),
            dismissed_onsets_s=detection.numbers("dismissed_onsets_s", 0, clip.duration_s, MAX_HITS),
        ),
        markers=_read_markers(top, clip, source),
        export=Fields(top.get("export", {}), source, "export").settings(),
    )


def _migrate(value: dict[str, Any], source: str) -> dict[str, Any]:
    version = value.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise BadInput(f"{source} has no version; open another copy of the project")
    if version > PROJECT_VERSION:
        raise BadInput(
            f"{source} was saved by a newer Struck (version {quote(version)}, this one reads {PROJECT_VERSION}); "
            "update Struck"
        )
    for step in range(version, PROJECT_VERSION):
        if step not in MIGRATIONS:
            raise BadInput(f"{source} has version {quote(version)}, which no Struck wrote; open another copy")
        value = MIGRATIONS[step](value)
    return value


def _rows(top: Mapping[str, Any], name: str, source: str) -> list[Any]:
    rows = top.get(name, [])
    most = {"sounds": MAX_SOUNDS, "hits": MAX_HITS, "markers": MAX_MARKERS}[name]
    if not isinstance(rows, list) or len(rows) > most:
        raise BadInput(f"{source}: {name} is not a list of at most {most}; open another copy of the project")
    return rows


def _read_clip(fields: Fields) -> Clip:
    rate = fields.frame_rate("frame_rate")
    return Clip(
        path=fields.path("path"),
        digest=fields.text("digest"),
        duration_s=fields.number("duration_s", 0, LONGEST_CLIP_S),
        frame_rate=rate,
        width=fields.whole("width", 0, 10**6),
        height=fields.whole("height", 0, 10**6),
        start_timecode=fields.timecode("start_timecode", rate),
        has_audio=fields.truth("has_audio", False),
        audio_track=fields.whole("audio_track", 0, MAX_TRACK, Clip.audio_track),
    )


def _read_sound(fields: Fields) -> Sound:
    where = f"{fields.source}: {fields.where}"
    macros = Fields(fields.get("macros", {}), fields.source, f"{fields.where}: macros")
    return Sound(
        id=fields.text("id"),
        name=fields.text("name"),
        modes=modes_from_json(fields.get("modes", None), where),
        residual=residual_from_json(fields.get("residual", None), where),
        source=_read_source(Fields(fields.get("source"), fields.source, f"{fields.where}: source")),
        fit=None if fields.get("fit", None) is None else fields.number("fit", -1e6, 1.0),
        macros=Macros(
            **{name: macros.number(name, *MACRO_RANGE, 0.0) for name in MACRO_NAMES},
            keep_loudness=macros.truth("keep_loudness", Macros.keep_loudness),
        ),
        detail=fields.number("detail", *DETAIL_RANGE, Sound.detail),
        detail_seed=fields.whole("detail_seed", 0, MAX_SEED, Sound.detail_seed),
        variation=fields.number("variation", *VARIATION_RANGE, Sound.variation),
        strip=_read_strip(Fields(fields.get("strip", {}), fields.source, f"{fields.where}: strip")),
        color=fields.color("color"),
        layers=_read_layers(fields),
        parts=read_parts(fields),
    )


def _read_layers(fields: Fields) -> tuple[VelocityLayer, ...]:
    rows = fields.get("layers", [])
    if not isinstance(rows, list) or len(rows) > MOST_LAYERS:
        raise BadInput(
            f"{fields.source}: {fields.where} has no list of at most {MOST_LAYERS} layers; open another copy"
        )
    layers = [_read_layer(Fields(v, fields.source, f"{fields.where}: layer {k + 1}")) for k, v in enumerate(rows)]
    return tuple(sorted(layers, key=lambda layer: layer.velocity_db))


def _read_layer(fields: Fields) -> VelocityLayer:
    where = f"{fields.source}: {fields.where}"
    return VelocityLayer(
        velocity_db=fields.number("velocity_db", -400, 120),
        modes=modes_from_json(fields.get("modes", None), where),
        residual=residual_from_json(fields.get("residual", None), where),
        time_s=None if fields.get("time_s", None) is None else fields.number("time_s", 0, 1e6),
    )


def _read_strip(fields: Fields) -> Strip:
    numbers = {name: fields.number(name, *bounds, getattr(Strip, name)) for name, bounds in STRIP_RANGES.items()}
    return Strip(**numbers, mute=fields.truth("mute", False), solo=fields.truth("solo", False))


def source_to_json(source: Source) -> dict[str, Any]:
    """A source as a JSON-ready dict without default values."""
    given = {f.name: getattr(source, f.name) for f in fields(Source) if getattr(source, f.name) != f.default}
    return {name: _listed(value) for name, value in given.items()}


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, tuple) else value


def _read_source(fields: Fields) -> Source:
    def time_s(name: str) -> float | None:
        return None if fields.get(name, None) is None else fields.number(name, 0, 1e6)

    return Source(
        kind=fields.choice("kind", KINDS),
        time_s=time_s("time_s"),
        end_s=time_s("end_s"),
        name=fields.text("name", ""),
        recording=fields.text("recording", ""),
        parents=fields.texts("parents"),
        amount=None if fields.get("amount", None) is None else fields.number("amount", 0, 1),
        reason=fields.choice("reason", ("", *DEFAULT_REASONS), ""),
        note=fields.text("note", ""),
        borrowed=fields.pairs("borrowed"),
        edited=fields.truth("edited", False),
    )


def _read_hit(fields: Fields, duration_s: float) -> Hit:
    offsets = Fields(fields.get("offsets", {}), fields.source, f"{fields.where}: offsets")
    return Hit(
        id=fields.text("id"),
        time_s=fields.number("time_s", 0, duration_s),
        sound_id=fields.text("sound_id"),
        seed=fields.whole("seed", 0, MAX_SEED),
        velocity_db=fields.number("velocity_db", -400, 120, 0.0),
        gain_db=fields.number("gain_db", -400, 120, 0.0),
        pan=fields.number("pan", -1, 1, 0.0),
        mute=fields.truth("mute", False),
        offsets=HitOffsets(
            pitch_cents=offsets.number("pitch_cents", -12_000, 12_000, 0.0),
            decay_ratio=offsets.number("decay_ratio", 1e-3, 1e3, 1.0),
            residual_db=offsets.number("residual_db", -400, 120, 0.0),
        ),
        strength=fields.number("strength", 0, 1, 1.0),
        touched=fields.truth("touched", False),
        found_s=None if fields.get("found_s", None) is None else fields.number("found_s", 0, duration_s),
        name=fields.text("name", Hit.name),
        group=fields.text("group", Hit.group),
        distance_m=fields.number("distance_m", *DISTANCE_OFFSET_RANGE_M, Hit.distance_m),
        stroke=_read_stroke(fields),
    )


def _read_stroke(fields: Fields) -> Stroke | None:
    if fields.get("stroke", None) is None:
        return None
    stroke = Fields(fields.get("stroke"), fields.source, f"{fields.where}: stroke")
    return Stroke(
        length_s=stroke.number("length_s", *STROKE_LENGTH_RANGE_S),
        speeds=stroke.numbers("speeds", 0, 1, MOST_SPEEDS) or (1.0,),
        top_speed_m_per_s=stroke.number("top_speed_m_per_s", *STROKE_SPEED_RANGE_M_PER_S, Stroke.top_speed_m_per_s),
        grain_mm=stroke.number("grain_mm", *GRAIN_RANGE_MM, Stroke.grain_mm),
    )


def _read_markers(top: Mapping[str, Any], clip: Clip, source: str) -> tuple[Marker, ...]:
    rows = [Fields(v, source, f"marker {k + 1}") for k, v in enumerate(_rows(top, "markers", source))]
    markers = [Marker(f.text("id"), f.number("time_s", 0, clip.duration_s), f.text("name")) for f in rows]
    if len({marker.id for marker in markers}) != len(markers):
        raise BadInput(f"{source}: the id of a marker is given twice; open another copy of the project")
    return tuple(sorted(markers, key=lambda marker: (marker.time_s, marker.id)))


def _check_ids(sounds: tuple[Sound, ...], hits: tuple[Hit, ...], source: str) -> None:
    sound_ids = {sound.id for sound in sounds}
    if len(sound_ids) != len(sounds) or len({hit.id for hit in hits}) != len(hits):
        raise BadInput(f"{source}: an id is given twice; open another copy of the project")
    for hit in hits:
        if hit.sound_id not in sound_ids:
            raise BadInput(
                f"{source}: hit {quote(hit.id)} has sound {quote(hit.sound_id)}, which is missing; open another copy"
            )
