"""``render``: the main job without the editor, from a clip or a project to sound."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.cli.console import MAX_SEED, default_ckpt_dir, make_progress, read_json, same_file, say, whole_number
from engine.core.errors import BadInput
from engine.core.files import check_folder, check_target
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.edits.values import Edit
from engine.document.project import Hit, Project, Sound
from engine.media.export.markers import read_onsets, write_markers
from engine.physics.model import Physics, physics_from_json

if TYPE_CHECKING:
    from engine.bank.bank import Bank

_OUTPUTS = ("out", "video", "stems", "markers", "project")
_STEPS = (1, 64)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="CLIP|PROJECT", help="a video clip, or a *.struck.json project")
    parser.add_argument("--out", metavar="WAV", help="the generated track, 48 kHz 24-bit")
    parser.add_argument("--video", metavar="MP4", help="the clip with the generated track")
    parser.add_argument("--stems", metavar="DIR", help="one WAV for each sound")
    parser.add_argument("--markers", metavar="FILE", help="the hits as CSV")
    parser.add_argument("--project", metavar="OUT.struck.json", help="the document")
    parser.add_argument("--onsets", metavar="CSV", help="time_s[,velocity_db]: hits instead of detection")
    parser.add_argument("--physics", metavar="JSON", help="one physics for every hit")
    parser.add_argument("--steps", type=whole_number(*_STEPS), metavar="N", help="of the sampler")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), metavar="N", help="from which every hit's is derived")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Render and write what was asked for. Raises BadInput, before long work where it can be told."""
    _check_outputs(options)
    physics = None
    if options.physics is not None:
        physics = physics_from_json(read_json(options.physics), options.physics)
    project = _open(options.source)
    for name in _OUTPUTS:
        target = getattr(options, name)
        if target is not None and same_file(target, project.clip.path):
            raise BadInput(f"--{name} {target} is the clip itself; give another name")
    is_clip = not _is_project(options.source)
    onsets = None if options.onsets is None else read_onsets(options.onsets, project.clip.duration_s)
    project = _find_hits(project, onsets, physics, is_clip, options.ckpt_dir, options.data_dir)
    project = _apply_settings(project, options.steps, options.seed)
    _render(project, options)


def _check_outputs(options: argparse.Namespace) -> None:
    targets = {name: getattr(options, name) for name in _OUTPUTS if getattr(options, name) is not None}
    if not targets:
        raise BadInput("nothing to write was named; give at least one of --out, --video, --stems, --markers, --project")
    sources = {"the input": options.source, "--onsets": options.onsets, "--physics": options.physics}
    for name, target in targets.items():
        check_folder(target) if name == "stems" else check_target(target)
        for said, source in sources.items():
            # A project may be written back over itself.
            if source and same_file(source, target) and not (name == "project" and said == "the input"):
                raise BadInput(f"--{name} {target} would overwrite {said}; give another name")
    for (a, first), (b, second) in itertools.combinations(targets.items(), 2):
        if same_file(first, second):
            raise BadInput(f"--{a} and --{b} both name {first}; give two names")


def _is_project(source: str) -> bool:
    return source.lower().endswith(".json")


def _open(source: str) -> Project:
    from engine.media.open import digest_file

    if _is_project(source):
        from engine.document.storage import load_project

        return load_project(source, search=(Path.cwd(),), digest_of=digest_file)
    from engine.pipeline.detect_onsets import open_clip

    return open_clip(source)


def _find_hits(
    project: Project,
    onsets: list[tuple[float, float | None]] | None,
    physics: Physics | None,
    is_clip: bool,
    ckpt_dir: str | None = None,
    data_dir: str | None = None,
) -> Project:
    """The project with its hits and their physics: detected, given, or as they were."""
    from engine.pipeline.analyze_audio import analyze_clip_hits
    from engine.pipeline.detect_onsets import detect, find_onset_network, hits_from_track

    if physics is not None:
        sound = Sound("s1", "Given physics", physics.modes, physics.residual, "reference", "from a physics file")
        hits = tuple(replace(hit, sound_id=sound.id) for hit in project.hits)
        project = replace(project, sounds=(sound,), hits=hits)
    if onsets is not None:
        project = _replace_hits(project, onsets)
    elif is_clip:
        network, report = find_onset_network(ckpt_dir), make_progress("detecting")
        track = detect(project.clip, project.detection.source, on_progress=report, network=network)
        project = hits_from_track(project, track).apply(project)
        say(f"{len(project.hits)} hits found")
    if is_clip and physics is None:
        edit = (
            analyze_clip_hits(project, _count("analysing"))
            if project.clip.has_audio
            else _look(project, ckpt_dir, data_dir)
        )
        project = edit.apply(project)
        project = _restore_velocities(project, onsets or [])
        for sound in project.sounds:
            if sound.origin in ("preset", "picture"):
                say(f"{sound.name}: {sound.origin_note}")
    return project


def _look(project: Project, ckpt_dir: str | None, data_dir: str | None) -> Edit:
    """What is struck in a silent clip, by its picture; the default sound where that cannot be told."""
    from engine.bank.user_bank import open_bank, user_bank_folder
    from engine.pipeline.estimate_from_video import find_vision_network
    from engine.pipeline.sounds_from_video import look_or_default

    def open_both() -> Bank:
        bank, note = open_bank(user_bank_folder(Path(data_dir) if data_dir else None))
        if note:
            say(note)
        return bank

    return look_or_default(
        project, open_both, say, find_vision_network(ckpt_dir), make_progress("looking at what is struck")
    )


def _replace_hits(project: Project, onsets: list[tuple[float, float | None]]) -> Project:
    """Hits at given times; a person chose these, so nothing may move them."""
    from engine.document.edits.hits import nearest_sound_id
    from engine.document.edits.values import derive_seed, with_hits

    hits = []
    for number, (time_s, velocity_db) in enumerate(onsets, 1):
        hit_id = f"h{number}"
        seed = derive_seed(project.render.seed, hit_id)
        hits.append(Hit(hit_id, time_s, nearest_sound_id(project, time_s), seed, velocity_db or 0.0, touched=True))
    return with_hits(project, hits)


def _restore_velocities(project: Project, onsets: list[tuple[float, float | None]]) -> Project:
    """Velocities that the list of onsets says, whatever the analysis of the clip's sound made of them."""
    said = {f"h{number}": velocity_db for number, (_, velocity_db) in enumerate(onsets, 1) if velocity_db is not None}
    return replace(project, hits=tuple(replace(h, velocity_db=said.get(h.id, h.velocity_db)) for h in project.hits))


def _apply_settings(project: Project, steps: int | None, seed: int | None) -> Project:
    from engine.document.edits.settings import reseed, set_render

    if steps is not None:
        project = set_render(steps=steps).apply(project)
    if seed is not None:
        project = reseed(seed).apply(project)
    return project


def _render(project: Project, options: argparse.Namespace) -> None:
    from engine.core.cache import Cache
    from engine.pipeline.render import render_hits

    if not project.hits:
        say("warning: no hits, so the track is silence")
    rendered = {}
    if any(getattr(options, name) is not None for name in ("out", "video", "stems")) and project.hits:
        sampler = load_sampler_or_say(project.render.checkpoint, options.ckpt_dir, options.device)
        rendered = render_hits(project, sampler, Cache(None), _count("sampling"))
    _write(project, rendered, options)


def _write(project: Project, rendered: dict[str, Any], options: argparse.Namespace) -> None:
    from engine.media.export.stems import write_stems
    from engine.media.export.wave import find_time_reference, write_wave
    from engine.pipeline.render import marker_rows, place_hits, stems_by_sound

    clip = project.clip
    start = find_time_reference(clip.start_timecode, clip.frame_rate, SAMPLE_RATE_HZ)
    track = place_hits(project, rendered) if options.out is not None or options.video is not None else None
    if options.out is not None and track is not None:
        clipped = write_wave(options.out, track, SAMPLE_RATE_HZ, 24, start, {"title": Path(clip.path).stem})
        over = f"; {clipped} samples were clipped, lower the level" if clipped else ""
        say(f"wrote {options.out}{over}")
    if options.video is not None and track is not None:
        from engine.media.export.video import write_video

        note = write_video(clip.path, track, SAMPLE_RATE_HZ, options.video, make_progress("writing the MP4"))
        say(f"wrote {options.video}; {note or 'the picture is untouched'}")
    if options.stems is not None:
        stems = stems_by_sound(project, rendered)
        paths = write_stems(options.stems, stems, SAMPLE_RATE_HZ, start) if stems else []
        say(f"wrote {len(paths)} stems to {options.stems}")
    if options.markers is not None:
        write_markers(options.markers, marker_rows(project))
        say(f"wrote {options.markers}")
    if options.project is not None:
        from engine.document.storage import save_project

        save_project(project, options.project)
        say(f"wrote {options.project}")


def load_sampler_or_say(checkpoint: str, ckpt_dir: str | None, device_name: str) -> Any:
    """The project's sampler on a device; None, said on standard error, where there is no checkpoint."""
    from engine.core.checkpoint import list_checkpoints
    from engine.core.device import choose_device
    from engine.diffusion.checkpoint import SAMPLER
    from engine.diffusion.sampler import load_sampler

    device, label = choose_device(device_name)
    say(f"device: {label}")
    folder = Path(ckpt_dir) if ckpt_dir else default_ckpt_dir()
    names = list_checkpoints(folder, SAMPLER)
    if not checkpoint:
        say("no sampler is chosen, so modes and residual alone sound")
        return None
    if not names:
        say(f"no checkpoint was found in {folder}, so modes and residual alone sound")
        return None
    if checkpoint not in names:
        say(f"checkpoint {checkpoint!r} was not found in {folder}; using {names[0]!r}")
        checkpoint = names[0]
    return load_sampler(folder, checkpoint, device)


def _count(what: str) -> Callable[[int, int], None]:
    report = make_progress(what)
    return lambda done, total: report(done / max(1, total))
