"""The demo clips in assets/, made by the simulator, and their projects, analysed and rendered."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import StruckError
from engine.core.paths import ASSETS, CHECKPOINTS
from engine.document.project import Project
from engine.lab.data.clip_writer import write_clip
from engine.lab.simulator.demo.scene import (
    CERAMIC_POT,
    GLASS_JAR,
    METAL_PAN,
    PLASTIC_TUB,
    STEEL_BIN,
    WOODEN_BLOCK,
    Prop,
)
from engine.lab.simulator.demo.sound import mix_strikes
from engine.lab.simulator.demo.strikes import Take, plan_blows, render_frames, simulate

FRAME_RATE = Fraction(30)
ENCODING = {"crf": "23", "preset": "slow", "g": "30", "bf": "2", "tune": "animation"}
SIZE = (960, 540)


@dataclass(frozen=True)
class Demo:
    """A demo: its props left to right, its blows as (time, prop, force), and for a silent one the presets."""

    name: str
    props: tuple[Prop, ...]
    pattern: tuple[tuple[float, int, float], ...]
    duration_s: float
    seed: int
    presets: tuple[str, ...] = ()


DEMOS = (
    Demo(
        "sound",
        (STEEL_BIN, WOODEN_BLOCK, GLASS_JAR),
        ((0.70, 0, 0.85), (1.20, 0, 0.40), (1.72, 1, 0.80), (2.10, 1, 0.45), (2.62, 2, 0.70), (3.25, 0, 0.60),
         (3.62, 0, 0.30), (4.15, 1, 0.95), (4.68, 2, 0.45), (5.05, 2, 0.85), (5.65, 1, 0.60), (6.20, 0, 1.00)),
        7.5,
        11,
    ),
    Demo(
        "silent",
        (CERAMIC_POT, METAL_PAN, PLASTIC_TUB),
        ((0.75, 2, 0.70), (1.15, 2, 0.45), (1.70, 1, 0.90), (2.28, 0, 0.65), (2.64, 0, 0.40), (3.20, 1, 0.55),
         (3.80, 2, 0.95), (4.40, 1, 0.75), (4.95, 0, 0.90), (5.35, 0, 0.50), (6.00, 1, 1.00)),
        7.0,
        23,
        ("Porcelain plate", "Frying pan", "Plastic container"),
    ),
)  # fmt: skip


def make_demos(folder: str | None, projects_only: bool, device: str = "auto", checkpoints: str | None = None) -> None:
    """Make the demo clips unless only projects are asked for, and in assets/ their projects; says what it made."""
    for demo in DEMOS:
        if not projects_only:
            print(make_clip(demo, folder), file=sys.stderr)
        if not folder:
            print(make_project(demo, device, checkpoints), file=sys.stderr)


def make_clip(demo: Demo, folder: str | Path | None = None) -> Path:
    """Simulate, film and sound a demo; writes demo_NAME.mp4 and its true onsets, demo_NAME.truth.json."""
    place = Path(folder) if folder else ASSETS
    place.mkdir(parents=True, exist_ok=True)
    blows = plan_blows(demo.props, demo.pattern, demo.seed)
    take = simulate(demo.props, blows, demo.duration_s, SIZE, demo.seed)
    if len(take.strikes) != len(blows):
        raise StruckError(f"the simulated stick met {len(take.strikes)} of {len(blows)} objects; change the pattern")
    sound = None if demo.presets else sound_of(take, demo)
    path = place / f"demo_{demo.name}.mp4"
    frames = render_frames(take, float(FRAME_RATE), SIZE, demo.duration_s)
    write_clip(path, frames, FRAME_RATE, sound, ENCODING)
    truth = {
        "frame_rate": f"{FRAME_RATE.numerator}/{FRAME_RATE.denominator}",
        "duration_s": demo.duration_s,
        "onsets": [
            {"time_s": round(s.time_s, 4), "struck": demo.props[s.prop].name, "speed_m_per_s": s.speed_m_per_s}
            for s in take.strikes
        ],
    }
    (place / f"demo_{demo.name}.truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def sound_of(take: Take, demo: Demo) -> np.ndarray:
    """The take's sound, mono float32 at 48 kHz."""
    rows = []
    for strike in take.strikes:
        prop = demo.props[strike.prop]
        radius = max(r for r, _ in prop.profile_m)
        rows.append((strike.time_s, prop.name, strike.speed_m_per_s, strike.offset_m / radius))
    return mix_strikes(rows, demo.duration_s, demo.seed)


def make_project(demo: Demo, device: str = "auto", checkpoints: str | None = None) -> Path:
    """Analyse and render a demo clip as the editor would; writes its project, its rendered hits and its onset curve."""
    from engine.core.cache import Cache, write_bundle
    from engine.core.checkpoint import list_checkpoints
    from engine.core.device import choose_device
    from engine.diffusion.checkpoint import SAMPLER
    from engine.diffusion.sampler import load_sampler
    from engine.document.storage import save_project
    from engine.pipeline.analyze_audio import analyze_clip_audio
    from engine.pipeline.detect_onsets import ONSET_NETWORK, detect_onsets
    from engine.pipeline.events import OnsetsFound, SoundsFound, last_event
    from engine.pipeline.onset_cache import track_keys, track_to_arrays
    from engine.pipeline.open_clip import open_clip
    from engine.pipeline.render import render_hits

    clip = ASSETS / f"demo_{demo.name}.mp4"
    truth = json.loads((ASSETS / f"demo_{demo.name}.truth.json").read_text(encoding="utf-8"))["onsets"]
    project = open_clip(clip).project
    found = last_event(detect_onsets(project.clip), OnsetsFound)
    project = found.edit.apply(project)
    if demo.presets:
        project = choose_presets(project, demo, truth)
    else:
        project = last_event(analyze_clip_audio(project), SoundsFound).edit.apply(project)
        project = name_sounds(project, truth)
    folder = checkpoints or str(CHECKPOINTS)
    names = list_checkpoints(folder, SAMPLER)
    name = project.render.checkpoint if project.render.checkpoint in names else (names[0] if names else "")
    project = replace(project, render=replace(project.render, checkpoint=name))
    sampler = load_sampler(folder, name, choose_device(device)[0]) if name else None
    rendered = render_hits(project, sampler, Cache(None))
    arrays = {hit.key: hit.samples for hit in rendered.values()}
    keys = track_keys(project.clip.digest, project.detection.source, ONSET_NETWORK)
    arrays |= dict(zip(keys, track_to_arrays(found.track), strict=True))
    write_bundle(ASSETS / f"demo_{demo.name}.sounds", arrays)
    voice = name or "modes and residual"
    print(f"{clip.name}: {len(project.hits)} hits found, {len(truth)} true; sounded by {voice}", file=sys.stderr)
    return save_project(project, ASSETS / f"demo_{demo.name}.struck.json", portable=True)


def nearest_struck(truth: list[dict[str, Any]], time_s: float) -> str:
    """Name of the object whose true onset lies nearest."""
    return str(min(truth, key=lambda onset: abs(onset["time_s"] - time_s))["struck"])


def choose_presets(project: Project, demo: Demo, truth: list[dict[str, Any]]) -> Project:
    """Give each struck object of a silent demo its preset, as a person would."""
    from engine.physics.presets import load_presets
    from engine.pipeline.sound_sources import sound_from_preset

    presets = {preset.name: preset for preset in load_presets()}
    sounds = []
    for index, (prop, name) in enumerate(zip(demo.props, demo.presets, strict=True), 1):
        sounds.append(replace(sound_from_preset(presets[name], f"s{index}"), name=prop.name))
    ids = {sound.name: sound.id for sound in sounds}
    hits = tuple(replace(hit, sound_id=ids[nearest_struck(truth, hit.time_s)]) for hit in project.hits)
    return replace(project, sounds=tuple(sounds), hits=hits)


def name_sounds(project: Project, truth: list[dict[str, Any]]) -> Project:
    """Name each estimated sound after the object that most of its hits struck."""
    sounds = []
    taken: dict[str, int] = {}
    for sound in project.sounds:
        struck = [nearest_struck(truth, hit.time_s) for hit in project.hits if hit.sound_id == sound.id]
        if struck:
            name = max(sorted(set(struck)), key=struck.count)
            taken[name] = taken.get(name, 0) + 1
            sound = replace(sound, name=name if taken[name] == 1 else f"{name} {taken[name]}")
        sounds.append(sound)
    return replace(project, sounds=tuple(sounds))
