"""``render``: the main job without the editor, from a clip or a project to sound."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.cli.console import (
    MAX_SEED,
    TRACK_HELP,
    default_ckpt_dir,
    make_progress,
    read_json,
    same_file,
    say,
    say_tracks,
    whole_number,
)
from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.core.files import check_ending, check_folder, check_target, is_stream, make_partial_folder
from engine.core.names import to_text
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.edits.values import MAX_TRACK
from engine.document.project import Hit, Project, Sound
from engine.document.source import Source, describe_source
from engine.document.storage import is_project_file
from engine.media.export.endings import SOUND_ENDINGS, VIDEO_ENDINGS
from engine.media.export.markers import read_onsets, write_markers
from engine.physics.model import Physics, physics_from_json

if TYPE_CHECKING:
    from engine.bank.bank import Bank
    from engine.pipeline.events import RenderedHit
    from engine.pipeline.process import ProcessSettings
    from engine.pipeline.render import HitSampler

_OUTPUTS = ("out", "video", "stems", "markers", "project")
_ENDINGS = {"out": SOUND_ENDINGS, "video": VIDEO_ENDINGS, "markers": (".csv", ".txt"), "project": (".json",)}
_STEPS = (1, 64)

CACHE_MEMORY_BYTES = 128 << 20
CACHE_DISK_BYTES = 1 << 42  # no bound: all sounds of a run are kept until it ends


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="CLIP|PROJECT", help="a video clip, or a *.struck.json project")
    parser.add_argument(
        "--out", metavar="WAV", help=f"the generated track, 48 kHz 24-bit; or {', '.join(SOUND_ENDINGS[1:])}"
    )
    parser.add_argument("--video", metavar="MP4", help="the clip with the generated track; or .mov, .mkv")
    parser.add_argument("--stems", metavar="DIR", help="one WAV for each sound")
    parser.add_argument("--markers", metavar="FILE", help="the hits as CSV")
    parser.add_argument("--project", metavar="OUT.struck.json", help="the document")
    parser.add_argument("--track", type=whole_number(0, MAX_TRACK), metavar="N", help=TRACK_HELP)
    parser.add_argument("--clip", metavar="PATH", help="of a project: its clip, or a folder to search for it")
    parser.add_argument("--onsets", metavar="CSV", help="time_s[,velocity_db]: hits instead of detection")
    parser.add_argument("--physics", metavar="JSON", help="one physics for every hit")
    parser.add_argument("--steps", type=whole_number(*_STEPS), metavar="N", help="of the sampler")
    parser.add_argument(
        "--width", type=whole_number(0, 100), metavar="PERCENT", help="how wide noise and room are; 0 is mono"
    )
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), metavar="N", help="from which every hit's is derived")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Run the pipeline on a clip or a project and write the outputs. Raises BadInput, before long work where it can."""
    _check_outputs(options)
    with contextlib.ExitStack() as stack:
        cache = _make_cache(stack)
        _render(options, replace(_choose_settings(options), cache=cache), cache)


def _make_cache(stack: contextlib.ExitStack) -> Cache:
    """A cache for this run, on disk but for CACHE_MEMORY_BYTES; in memory where there is no folder for it."""
    try:
        folder = stack.enter_context(make_partial_folder(Path(tempfile.gettempdir())))
    except OSError:
        return Cache(None, memory_bytes=CACHE_DISK_BYTES)
    return Cache(folder, CACHE_MEMORY_BYTES, CACHE_DISK_BYTES)


def _render(options: argparse.Namespace, settings: ProcessSettings, cache: Cache) -> None:
    from engine.pipeline.events import (
        AnalysisProgress,
        ClipOpened,
        DetectionProgress,
        HitsSampled,
        LevelKept,
        Notice,
        OnsetsFound,
        PictureProgress,
        SoundsFound,
    )
    from engine.pipeline.kept_hits import KeptHits
    from engine.pipeline.process import Document, process_clip, process_project

    given = _Given(options)
    document = Document()
    if is_project_file(options.source):
        if options.track is not None:
            raise BadInput("--track chooses the sound of a clip, and a project has its own; leave it out")
        document.project = given.apply(_load_project(options.source, options.clip))
        events = process_project(replace(settings, detect=False, estimate=False), document.current)
    else:
        if options.clip is not None:
            raise BadInput("--clip gives the clip of a project, and the input is a clip itself; leave it out")
        events = process_clip(options.source, settings, document.current)
    detecting, analysing, looking, sampling = map(
        make_progress, ("detecting", "analysing", "looking at what is struck", "sampling")
    )
    keys: dict[str, str] = {}
    for event in events:
        document.apply(event)
        match event:
            case ClipOpened():
                document.project = given.apply(event.project)
                say_tracks(event.info, event.project.clip.audio_track)
            case DetectionProgress():
                detecting(event.fraction)
            case OnsetsFound():
                say(f"{len(document.current().hits)} hits found")
            case AnalysisProgress():
                analysing(event.done / max(1, event.total))
            case PictureProgress():
                looking(event.fraction)
            case Notice():
                say(event.message)
            case SoundsFound():
                document.project = given.restore_velocities(document.current())
                for sound in document.project.sounds:
                    if sound.origin in ("preset", "picture"):
                        say(f"{sound.name}: {describe_source(sound.source)}")
            case HitsSampled():
                keys |= {hit_id: hit.key for hit_id, hit in event.hits.items()}
                if event.total:
                    sampling(event.done / event.total)
            case LevelKept():
                say(f"mix lowered to {document.current().mix.gain_db:.1f} dB, so that no peak is over -1 dBTP")
    project = document.current()
    if not project.hits:
        say("warning: no hits, so the track is silence")
    _write(project, KeptHits(cache, keys), options)


def _check_outputs(options: argparse.Namespace) -> None:
    targets = {name: getattr(options, name) for name in _OUTPUTS if getattr(options, name) is not None}
    if not targets:
        raise BadInput("nothing to write was named; give at least one of --out, --video, --stems, --markers, --project")
    sources = {
        "the input": options.source,
        "--onsets": options.onsets,
        "--physics": options.physics,
    }
    for name, target in targets.items():
        check_folder(target) if name == "stems" else check_target(target)
        for said, source in sources.items():
            # A project may be written back over itself.
            is_same = source and same_file(source, target) and not is_stream(target)
            if is_same and not (name == "project" and said == "the input"):
                raise BadInput(f"--{name} {target} would overwrite {said}; give another name")
    for (a, first), (b, second) in itertools.combinations(targets.items(), 2):
        if same_file(first, second) and not is_stream(first):
            raise BadInput(f"--{a} and --{b} both name {first}; give two names")
    for name, endings in _ENDINGS.items():
        if name in targets:
            check_ending(Path(targets[name]), endings, f"--{name}")


def _load_project(source: str, clip_place: str | None) -> Project:
    from engine.document.clip_search import search_clip
    from engine.document.storage import ClipMissing, load_project
    from engine.media.open import digest_file
    from engine.pipeline.open_clip import match_clip

    try:
        project = load_project(source, (Path.cwd(),), digest_of=digest_file, allow_missing_clip=clip_place is not None)
    except ClipMissing as error:
        raise BadInput(f"{error}, or give its place, or a folder that holds it, by --clip") from None
    if clip_place is not None:
        found = search_clip(project.clip, Path(clip_place), digest_file)
        project = replace(project, clip=replace(project.clip, path=str(found)))
    return match_clip(project)


def _choose_settings(options: argparse.Namespace) -> ProcessSettings:
    """The steps that the options leave to do, and the checkpoints and the bank that they use."""
    from engine.pipeline.process import ProcessSettings

    def open_both_banks() -> Bank:
        from engine.bank.user_bank import open_bank, user_bank_folder

        bank, note = open_bank(user_bank_folder(Path(options.data_dir) if options.data_dir else None))
        if note:
            say(note)
        return bank

    def load(checkpoint: str) -> HitSampler | None:
        return load_sampler_or_say(checkpoint, options.ckpt_dir, options.device)

    is_heard = any(getattr(options, name) is not None for name in ("out", "video", "stems"))
    return ProcessSettings(
        detect=options.onsets is None,
        estimate=options.physics is None,
        checkpoint_folder=options.ckpt_dir,
        open_bank=open_both_banks,
        audio_track=options.track,
        load_sampler=load if is_heard else None,
        keep_headroom=not is_project_file(options.source),
    )


class _Given:
    """What the options give in place of what the pipeline would find: hits, physics, seed and steps."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.onsets: list[tuple[float, float | None]] = []
        self.physics: Physics | None = None
        if options.physics is not None:
            self.physics = physics_from_json(read_json(options.physics), options.physics)

    def apply(self, project: Project) -> Project:
        """The opened document with all that is given. Raises BadInput."""
        options = self.options
        for name in _OUTPUTS:
            target = getattr(options, name)
            if target is not None and same_file(target, project.clip.path) and not is_stream(target):
                raise BadInput(f"--{name} {target} is the clip itself; give another name")
        if options.onsets is not None:
            self.onsets = read_onsets(options.onsets, project.clip.duration_s)
        if self.physics is not None:
            modes, residual = self.physics.modes, self.physics.residual
            sound = Sound("s1", "Given physics", modes, residual, Source("physics"))
            hits = tuple(replace(hit, sound_id=sound.id) for hit in project.hits)
            project = replace(project, sounds=(sound,), hits=hits)
        if options.onsets is not None:
            project = _replace_hits(project, self.onsets)
        if options.width is not None:
            project = replace(project, mix=replace(project.mix, width=options.width / 100.0))
        return _apply_settings(project, options.steps, options.seed)

    def restore_velocities(self, project: Project) -> Project:
        """Velocities that the list of onsets gives, in place of those that the analysis of the clip's audio found."""
        given = {f"h{number}": db for number, (_, db) in enumerate(self.onsets, 1) if db is not None}
        return replace(
            project, hits=tuple(replace(h, velocity_db=given.get(h.id, h.velocity_db)) for h in project.hits)
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


def _apply_settings(project: Project, steps: int | None, seed: int | None) -> Project:
    from engine.document.edits.settings import reseed, set_render

    if steps is not None:
        project = set_render(steps=steps).apply(project)
    if seed is not None:
        project = reseed(seed).apply(project)
    return project


def _write(project: Project, rendered: Mapping[str, RenderedHit], options: argparse.Namespace) -> None:
    from engine.media.export.sound import write_sound
    from engine.media.export.stems import write_stems
    from engine.media.export.wave import find_time_reference
    from engine.pipeline.render import Track, marker_rows, stems_by_sound

    clip = project.clip
    start = find_time_reference(clip.start_timecode, clip.frame_rate, SAMPLE_RATE_HZ)
    track = Track(project, rendered)
    if options.out is not None:
        title = to_text(Path(clip.path).stem)
        clipped = write_sound(options.out, track, SAMPLE_RATE_HZ, 24, start, {"title": title})
        over = f"; {clipped} samples were clipped, lower the level" if clipped else ""
        say(f"wrote {options.out}{over}")
    if options.video is not None:
        from engine.media.export.video import write_video

        progress = make_progress("writing the video")
        note = write_video(clip.path, track, SAMPLE_RATE_HZ, options.video, progress, clip.digest)
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


def load_sampler_or_say(checkpoint: str, ckpt_dir: str | None, device_name: str) -> HitSampler | None:
    """Load the project's sampler on a device; None where there is no checkpoint, which standard error then says."""
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
