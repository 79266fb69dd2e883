"""Documents and edits that hold one of everything: what a project file and the editor's messages can say."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from engine.document.presets import OwnPreset
from engine.document.project import (
    Clip,
    Detection,
    Hit,
    HitOffsets,
    Marker,
    Mix,
    Part,
    Project,
    RenderSettings,
    Sound,
    VelocityLayer,
)
from engine.document.source import Source
from engine.document.strip import Strip
from engine.physics.model import Macros, Modes, NoiseComponent, Physics, Residual, Stroke

EDITS = (
    {"kind": "add_hit", "time_s": 0.4, "velocity_db": -3.0, "sound_id": "s1"},
    {"kind": "add_hits", "hits": [{"time_s": 0.2, "pan": 0.5}, {"time_s": 0.6, "sound_id": "s1"}], "how": "paste"},
    {"kind": "play_hit", "time_s": 1.5, "velocity_db": -6.0, "sound_id": "s2"},
    {"kind": "move_hits", "ids": ["h1"], "delta_s": 0.1},
    {"kind": "set_hits", "ids": ["h1", "h2"], "values": {"gain_db": -3.0, "pan": 0.5, "mute": True}},
    {"kind": "set_each_hit", "values": {"h1": {"time_s": 1.0, "pitch_cents": 50.0}, "h2": {"name": "lid", "seed": 5}}},
    {"kind": "delete_hits", "ids": ["h1"], "ripple": True},
    {"kind": "quantize_hits", "ids": ["h1", "h2"], "interval_s": 0.25, "offset_s": 0.1, "strength": 0.5},
    {"kind": "detach_hits", "ids": ["h1"]},
    {"kind": "delete_layers", "sound_id": "s1", "indices": [0]},
    {"kind": "add_part", "sound_id": "s1", "part_sound_id": "s2", "offset_s": 0.1, "gain_db": -3.0},
    {"kind": "set_part", "sound_id": "s3", "part_id": "p1", "values": {"offset_s": 0.2, "mute": True}},
    {"kind": "delete_parts", "sound_id": "s3", "part_ids": ["p1"]},
    {"kind": "join_sounds", "sound_ids": ["s1", "s2"]},
    {"kind": "clear_strokes", "ids": ["h3"]},
    {"kind": "group_hits", "ids": ["h1", "h3"], "name": "walk"},
    {"kind": "ungroup_hits", "ids": ["h2"]},
    {"kind": "add_marker", "time_s": 1.0, "name": "door"},
    {"kind": "set_marker", "marker_id": "m1", "time_s": 2.0, "name": "lid"},
    {"kind": "delete_marker", "marker_id": "m1"},
    {"kind": "set_modes", "sound_id": "s1", "indices": [0, 1], "frequency_hz": [300.0, 500.0]},
    {"kind": "add_mode", "sound_id": "s1", "frequency_hz": 900.0, "power_db": -20.0, "decay_per_s": 10.0},
    {"kind": "delete_modes", "sound_id": "s1", "indices": [0]},
    {"kind": "mute_modes", "sound_id": "s1", "indices": [0, 2], "muted": True},
    {"kind": "set_residual", "sound_id": "s1", "component": "strike", "indices": [0], "power_db": [-30.0]},
    {"kind": "set_rise", "sound_id": "s1", "rise_s": 0.01},
    {"kind": "rename_sound", "sound_id": "s1", "name": "Glass"},
    {"kind": "delete_sound", "sound_id": "s3"},
    {"kind": "set_strip", "sound_id": "s1", "values": {"gain_db": -3.0, "low_pass_hz": 900.0, "solo": True}},
    {"kind": "set_color", "sound_id": "s1", "color": "#b78bfa"},
    {"kind": "set_render", "steps": 4, "guidance": 1.0, "seed": 7, "checkpoint": "sampler", "variation": 0.1},
    {"kind": "set_mix", "gain_db": -3.0, "clip_gain_db": -6.0, "width": 0.5, "limit": True},
    {"kind": "set_threshold", "threshold": 0.4},
    {"kind": "set_source", "source": "audio"},
    {"kind": "set_track", "track": 0},
    {"kind": "set_macros", "sound_id": "s1", "values": {"mass": 0.5, "room": -0.2, "keep_loudness": True}},
    {"kind": "reset_macros", "sound_id": "s1"},
    {"kind": "set_detail", "sound_id": "s1", "detail": 0.5, "detail_seed": 3, "variation": 0.2},
    {"kind": "bake_macros", "sound_id": "s1"},
    {"kind": "merge_sounds", "sound_id": "s1", "others": ["s2"]},
    {"kind": "morph_sound", "sound_id": "s1", "amount": 0.5, "preset": "Bowl", "as_new": True},
    {"kind": "apply_preset", "sound_id": "s1", "name": "Bowl"},
)
"""An edit message of every kind, for the document of ``make_project`` and the presets of ``make_presets``."""


def make_physics(pitch_hz: float = 440.0) -> Physics:
    """Three modes and three bands of noise in all four components."""
    modes = Modes(
        (pitch_hz, 2.3 * pitch_hz, 4.1 * pitch_hz),
        (-12.0, -18.0, -24.0),
        (9.0, 20.0, 30.0),
        (0.1, 0.2, 0.3),
        (False,) * 3,
    )
    noise = NoiseComponent((-50.0, -55.0, -60.0), (9.0, 9.0, 9.0))
    residual = Residual((20.0, 500.0, 4000.0, 20_000.0), (-40.0, -45.0, -50.0), (40.0, 60.0, 90.0),
                        noise, noise, noise, 0.003, (0.0, -3.0, 2.0))  # fmt: skip
    return Physics(modes, residual)


def make_presets() -> tuple[OwnPreset, ...]:
    """Two presets of a person's own, one with a part."""
    bowl, lid = make_physics(), make_physics(700.0)
    part = Sound("s4", "Rattle", lid.modes, lid.residual, Source("preset"))
    return (
        OwnPreset("Bowl", ("glass", "big"), bowl.modes, bowl.residual, "made up"),
        OwnPreset("Lid", (), lid.modes, lid.residual, "made up", (Part("p1", "s4", -0.05, -3.0),), (part,)),
    )


def make_project(folder: Path) -> Project:
    """Three sounds and three hits in a clip of ten seconds, with a strip, a layer, a scrape, a group and a marker."""
    clip = Clip(
        str(folder / "clip.mp4"), "0" * 64, 10.0, Fraction(30_000, 1001), 1920, 1080, "01:00:00:00", True, audio_track=1
    )
    low, high, soft = make_physics(), make_physics(700.0), make_physics(690.0)
    strip = Strip(-3.0, 0.2, 4.0, -20.0, 80.0, 9000.0, 30.0, -12.0, solo=True)
    layer = VelocityLayer(-18.0, soft.modes, soft.residual, 1.5)
    origin = Source("morph", parents=("a", "b"), amount=0.5, borrowed=(("room", "Hall"),))
    sounds = (
        Sound("s1", "Glass 1", low.modes, low.residual, Source("clip", time_s=0.5), macros=Macros(0.1), strip=strip,
              color="#4fd1c5", layers=(layer,)),
        Sound("s2", "Glass 2", high.modes, high.residual, origin, macros=Macros(0.2, keep_loudness=True), detail=0.5,
              detail_seed=4, variation=0.3),
        Sound("s3", "Lid", soft.modes, soft.residual, Source("clip", time_s=1.5), parts=(Part("p1", "s2", 0.05),)),
    )  # fmt: skip
    hits = (
        Hit("h1", 2.0, "s2", 1, -3.0, offsets=HitOffsets(pitch_cents=10.0), found_s=2.0, name="door", distance_m=2.0),
        Hit("h2", 4.0, "s1", 2, -6.0, pan=0.3, group="walk", touched=True),
        Hit("h3", 6.0, "s2", 3, -9.0, group="walk", stroke=Stroke(0.5, (0.2, 1.0, 0.4), 0.8, 1.5)),
    )
    return Project(
        clip,
        sounds,
        hits,
        Mix(-1.0, -6.0, 0.5, True),
        RenderSettings(variation=0.1),
        Detection(dismissed_onsets_s=(1.0,)),
        export=(("bits", 24), ("name_pattern", "{clip}"), ("two_pop", True)),
        markers=(Marker("m1", 1.0, "door"),),
    )
