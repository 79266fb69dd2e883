"""The demo projects in assets/: the demo clips analysed and rendered as the editor would."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.paths import ASSETS, CHECKPOINTS
from engine.document.project import Clip, Project
from engine.lab.simulator.demo.clips import DEMOS, Demo, make_clip

if TYPE_CHECKING:
    import numpy as np

    from engine.core.cache import Cache


def make_demos(folder: str | None, projects_only: bool, device: str = "auto", checkpoints: str | None = None) -> None:
    """Make the demo clips unless ``projects_only``, and in assets/ their projects; prints the paths."""
    for demo in DEMOS:
        if not projects_only:
            print(make_clip(demo, folder), file=sys.stderr)
        if not folder:
            print(make_project(demo, device, checkpoints), file=sys.stderr)


def make_project(demo: Demo, device: str = "auto", checkpoints: str | None = None) -> Path:
    """Analyse and render a demo clip as the editor would; writes its project, its rendered hits and its onset curve."""
    from engine.core.cache import Cache, write_bundle
    from engine.core.checkpoint import list_checkpoints
    from engine.core.device import choose_device
    from engine.diffusion.checkpoint import SAMPLER
    from engine.diffusion.sampler import load_sampler
    from engine.document.storage import save_project
    from engine.pipeline.analyze_audio import analyze_clip_audio
    from engine.pipeline.detect_onsets import detect_onsets
    from engine.pipeline.events import OnsetsFound, SoundsFound, last_event
    from engine.pipeline.open_clip import open_clip
    from engine.pipeline.render import render_hits

    clip = ASSETS / f"demo_{demo.name}.mp4"
    truth = json.loads((ASSETS / f"demo_{demo.name}.truth.json").read_text(encoding="utf-8"))["onsets"]
    project = open_clip(clip).project
    cache = Cache(None)
    found = last_event(detect_onsets(project.clip, cache=cache), OnsetsFound)
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
    write_bundle(ASSETS / f"demo_{demo.name}.sounds", arrays | read_onsets(project.clip, cache))
    voice = name or "modes and residual"
    print(f"{clip.name}: {len(project.hits)} hits found, {len(truth)} true; sounded by {voice}", file=sys.stderr)
    return save_project(project, ASSETS / f"demo_{demo.name}.struck.json", portable=True)


def renew_onsets() -> None:
    """Look for the demos' onsets anew and keep them beside their rendered hits, after a change of the detection."""
    from engine.core.cache import Cache, read_bundle, write_bundle
    from engine.document.storage import load_project
    from engine.pipeline.detect_onsets import detect_onsets
    from engine.pipeline.events import OnsetsFound, last_event
    from engine.pipeline.onset_cache import is_track_key

    for demo in DEMOS:
        path, cache = ASSETS / f"demo_{demo.name}.sounds", Cache(None)
        clip = load_project(ASSETS / f"demo_{demo.name}.struck.json").clip
        last_event(detect_onsets(clip, cache=cache), OnsetsFound)
        rendered = {key: array for key, array in read_bundle(path).items() if not is_track_key(key)}
        write_bundle(path, rendered | read_onsets(clip, cache))
        print(path, file=sys.stderr)


def renew_hits() -> None:
    """Render the demos' hits anew and keep them beside their onsets, after a change of the rendering."""
    from engine.core.cache import Cache, read_bundle, write_bundle
    from engine.core.device import choose_device
    from engine.diffusion.sampler import load_sampler
    from engine.document.storage import load_project
    from engine.pipeline.onset_cache import is_track_key
    from engine.pipeline.render import render_hits

    for demo in DEMOS:
        path = ASSETS / f"demo_{demo.name}.sounds"
        project = load_project(ASSETS / f"demo_{demo.name}.struck.json")
        name = project.render.checkpoint
        sampler = load_sampler(str(CHECKPOINTS), name, choose_device("cpu")[0]) if name else None
        rendered = {hit.key: hit.samples for hit in render_hits(project, sampler, Cache(None)).values()}
        onsets = {key: array for key, array in read_bundle(path).items() if is_track_key(key)}
        write_bundle(path, rendered | onsets)
        print(path, file=sys.stderr)


def read_onsets(clip: Clip, cache: Cache) -> dict[str, np.ndarray]:
    """What a cache keeps of a clip's onsets: as the editor shows them, and of the picture alone for the sync meter."""
    from engine.pipeline.detect_onsets import ONSET_NETWORK
    from engine.pipeline.onset_cache import track_keys

    keys = [key for source in ("both", "video") for key in track_keys(clip.digest, source, ONSET_NETWORK)]
    return {key: array for key in keys if (array := cache.get(key)) is not None}


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
