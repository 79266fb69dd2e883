"""``render``: the main job without the editor, from a clip or a project to sound."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.cli.batch import is_batch, run_batch
from engine.cli.console import (
    MAX_SEED,
    TRACK_HELP,
    make_progress,
    named_folder,
    number,
    read_json,
    same_file,
    say,
    say_tracks,
    warn,
    whole_number,
)
from engine.cli.delivery import (
    add_output_arguments,
    check_outputs,
    is_heard,
    list_targets,
    read_options,
    set_loudness,
    write_outputs,
)
from engine.cli.effect import check_effect
from engine.cli.stored import open_stored
from engine.cli.ucs_names import check_use
from engine.cli.watch import watch_folder
from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.core.files import is_stream, make_partial_folder, remove_abandoned
from engine.core.shared_store import open_library
from engine.core.units import parse_frame_rate
from engine.core.words import counted
from engine.document.edits.values import MAX_TRACK, TARGET_RANGE_LUFS
from engine.document.project import Hit, Project, Sound
from engine.document.source import Source, describe_source
from engine.media.export.markers import read_onsets
from engine.media.export.options import find_start
from engine.media.spotting.spots import Spot
from engine.physics.model import Physics, physics_from_json
from engine.pipeline.compute import HERE, Compute, FindSampler

if TYPE_CHECKING:
    from engine.bank.bank import Bank
    from engine.pipeline.kept_hits import KeptHits
    from engine.pipeline.process import ProcessSettings
    from engine.pipeline.render import HitSampler

_STEPS = (1, 64)
LISTS = "CSV, MIDI, EDL, OTIO, text of Pro Tools, Reaper, Audition or Audacity; its timecode is placed by the clip's"

CACHE_MEMORY_BYTES = 128 << 20
CACHE_DISK_BYTES = 1 << 42  # no bound: all sounds of a run are kept until it ends


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = "a video clip, a *.struck.json project, or a WAV or FLAC that holds its project"
    kinds += "; several of these, a folder, or a list of paths (.txt), with --out-dir"
    parser.add_argument("source", metavar="CLIP|PROJECT", nargs="*", help=kinds)
    add_output_arguments(parser)
    parser.add_argument("--track", type=whole_number(0, MAX_TRACK), metavar="N", help=TRACK_HELP)
    parser.add_argument("--clip", metavar="PATH", help="of a project: its clip, or a folder to search for it")
    parser.add_argument("--onsets", metavar="CSV", help="time_s[,velocity_db]: hits instead of detection")
    parser.add_argument("--hits", metavar="LIST", help=f"hits instead of detection, from {LISTS}")
    parser.add_argument("--hits-start", metavar="TC", help="of a list: the timecode that it has for the first frame")
    parser.add_argument("--hits-rate", metavar="FPS", help="of a list: the frame rate of its timecode, such as 25")
    parser.add_argument("--physics", metavar="JSON", help="one physics for every hit")
    parser.add_argument("--steps", type=whole_number(*_STEPS), metavar="N", help="of the sampler")
    parser.add_argument(
        "--width", type=whole_number(0, 100), metavar="PERCENT", help="how wide noise and room are; 0 is mono"
    )
    parser.add_argument("--limit", action="store_true", help="hold the true peak of the track under -1 dBTP")
    parser.add_argument(
        "--loudness", type=number(*TARGET_RANGE_LUFS), metavar="LUFS", help="set the mix level for it, such as -23"
    )
    parser.add_argument(
        "--detail", type=whole_number(0, 100), metavar="PERCENT", help="of every sound: 100 is as measured, 0 imagined"
    )
    parser.add_argument(
        "--variation", type=whole_number(0, 100), metavar="PERCENT", help="between hits: at 100 as takes of one object"
    )
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), metavar="N", help="from which every hit's is derived")
    batch = parser.add_argument_group("batch")
    batch.add_argument(
        "--out-dir",
        type=named_folder,
        metavar="DIR",
        help="a folder for several clips; what is done there is not done again",
    )
    batch.add_argument(
        "--formats", nargs="+", default=["wav"], metavar="F", help="to write there: wav, mp4, rpp, stems, …"
    )
    batch.add_argument("--pattern", default="{clip}", metavar="P", help="names there, of {clip} and {number}")
    batch.add_argument(
        "--watch",
        type=named_folder,
        metavar="FOLDER",
        help="render what comes into a folder, until Ctrl-C; in place of clips",
    )
    batch.add_argument("--jobs", type=whole_number(1, 64), metavar="N", help="clips at a time; one by default")
    batch.add_argument(
        "--farm", metavar="ADDRESS|local", help="render on a Ray cluster (HOST:PORT or auto), or on this machine by Ray"
    )


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Render a clip or a project, or a batch of them. Raises BadInput, before long work where it can."""
    if not options.source and options.watch is None:
        raise BadInput("missing: CLIP|PROJECT; see launch.py render --help")
    if options.loudness is not None:
        from engine.pipeline.loudness import check_measurable

        check_measurable()
    check_effect(options, in_batch=options.watch is not None or is_batch(options))
    if options.watch is not None:
        watch_folder(options, render_one)
        return
    if is_batch(options):
        run_batch(options, render_one)
        return
    if options.farm is not None:
        raise BadInput("--farm renders several clips; give a folder, a list or more clips, and --out-dir")
    check_use(options)
    options.source = options.source[0]
    render_one(options)


def render_one(options: argparse.Namespace, compute: Compute = HERE) -> Project:
    """Run the pipeline on a clip or a project, write the outputs and return the document. Raises BadInput."""
    given = {f"--{name}": getattr(options, name) for name in ("onsets", "hits", "physics")}
    inputs = {"the input": options.source, **given}
    check_outputs(options, inputs)
    with contextlib.ExitStack() as stack:
        return _render(options, make_cache(stack), compute)


def make_cache(stack: contextlib.ExitStack) -> Cache:
    """A cache for this run, on disk but for CACHE_MEMORY_BYTES; in memory where there is no folder for it.

    Those of runs that were killed are removed.
    """
    place = Path(tempfile.gettempdir())
    remove_abandoned(place)
    try:
        folder = stack.enter_context(make_partial_folder(place))
    except OSError:
        return Cache(None, memory_bytes=CACHE_DISK_BYTES, shared=open_library())
    return Cache(folder, CACHE_MEMORY_BYTES, CACHE_DISK_BYTES, open_library())


def _render(options: argparse.Namespace, cache: Cache, compute: Compute) -> Project:
    from engine.media.probe import describe_uneven_frames
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
    from engine.pipeline.headroom import describe_headroom
    from engine.pipeline.kept_hits import KeptHits
    from engine.pipeline.process import Document, process_clip, process_project
    from engine.pipeline.render import sample_hits

    given, loaded = _Given(options), _Loaded(options, compute)
    stored = open_stored(options.source, options.clip)
    settings = replace(_choose_settings(options, loaded), keep_headroom=stored is None, cache=cache)
    document = Document()
    if stored is not None:
        if options.track is not None:
            raise BadInput("--track chooses the sound of a clip, and a project has its own; leave it out")
        document.project = given.apply(stored)
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
                if uneven := describe_uneven_frames(event.info):
                    warn(uneven)
            case DetectionProgress():
                detecting(event.fraction)
            case OnsetsFound():
                say(f"{counted(len(document.current().hits), 'hit')} found")
            case AnalysisProgress():
                analysing(event.done / max(1, event.total))
            case PictureProgress():
                looking(event.fraction)
            case Notice():
                say(event.message)
            case SoundsFound():
                document.project = given.set_detail(given.restore_velocities(document.current()))
                for sound in document.project.sounds:
                    if sound.origin in ("preset", "picture"):
                        say(f"{sound.name}: {describe_source(sound.source)}")
            case HitsSampled():
                keys |= {hit_id: hit.key for hit_id, hit in event.hits.items()}
                if event.total:
                    sampling(event.done / event.total)
            case LevelKept():
                say(f"{describe_headroom(document.current())}, so that no peak is over -1 dBTP")
    project = document.current()
    if not project.heard_hits():
        warn("no hit sounds, so the track is silence" if project.hits else "no hits, so the track is silence")

    def sample(other: Project) -> KeptHits:
        events = sample_hits(other, loaded.sampler, cache)
        return KeptHits(cache, {hit_id: hit.key for event in events for hit_id, hit in event.hits.items()})

    rendered = KeptHits(cache, keys)
    if options.loudness is not None and project.hits and is_heard(options):
        project = set_loudness(project, rendered, options)
    write_outputs(project, rendered, options, sample)
    return project


class _Loaded:
    """The sampler, once it was asked for; None without a checkpoint."""

    def __init__(self, options: argparse.Namespace, compute: Compute) -> None:
        self.options = options
        self.find, self.analyze = compute.find_sampler, compute.analyze
        self.sampler: HitSampler | None = None

    def load(self, checkpoint: str) -> HitSampler | None:
        self.sampler = load_sampler_or_say(checkpoint, self.options.ckpt_dir, self.options.device, self.find)
        return self.sampler


def _choose_settings(options: argparse.Namespace, loaded: _Loaded) -> ProcessSettings:
    """The steps that the options leave to do, and the checkpoints and the bank that they use."""
    from engine.pipeline.process import ProcessSettings

    def open_both_banks() -> Bank:
        from engine.bank.user_bank import open_bank, user_bank_folder

        bank, note = open_bank(user_bank_folder(Path(options.data_dir) if options.data_dir else None))
        if note:
            say(note)
        return bank

    return ProcessSettings(
        detect=options.onsets is None and options.hits is None,
        estimate=options.physics is None,
        checkpoint_folder=options.ckpt_dir,
        open_bank=open_both_banks,
        audio_track=options.track,
        analyze=loaded.analyze,
        load_sampler=loaded.load if is_heard(options) else None,
        channels=options.channels,
    )


class _Given:
    """What the options give in place of what the pipeline would find: hits, physics, seed and steps."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.velocities_db: Mapping[str, float] = {}
        self.physics: Physics | None = None
        if options.physics is not None:
            self.physics = physics_from_json(read_json(options.physics), options.physics)

    def apply(self, project: Project) -> Project:
        """The opened document with all that is given. Raises BadInput."""
        options = self.options
        for name, target in list_targets(options):
            if same_file(target, project.clip.path) and not is_stream(target):
                raise BadInput(f"--{name} {target} is the clip itself; give another name")
        find_start(read_options(options), project.clip.start_timecode, project.clip.frame_rate)
        if options.onsets is not None and options.hits is not None:
            raise BadInput("--onsets and --hits both give hits; leave one out")
        if options.onsets is not None:
            onsets = read_onsets(options.onsets, project.clip.duration_s)
            spots: Sequence[Spot] = [Spot(time_s, velocity_db=velocity_db) for time_s, velocity_db in onsets]
        if options.hits is not None:
            spots = _read_hits(options, project)
        if self.physics is not None:
            modes, residual = self.physics.modes, self.physics.residual
            sound = Sound("s1", "Given physics", modes, residual, Source("physics"))
            hits = tuple(replace(hit, sound_id=sound.id) for hit in project.hits)
            project = replace(project, sounds=(sound,), hits=hits)
        if options.onsets is not None or options.hits is not None:
            project, self.velocities_db = _replace_hits(project, spots)
        if options.width is not None:
            project = replace(project, mix=replace(project.mix, width=options.width / 100.0))
        if options.limit:
            project = replace(project, mix=replace(project.mix, limit=True))
        return self.set_detail(_apply_settings(project, options.steps, options.seed, options.variation))

    def set_detail(self, project: Project) -> Project:
        """The detail given, for every sound."""
        if self.options.detail is None:
            return project
        detail = self.options.detail / 100.0
        return replace(project, sounds=tuple(replace(sound, detail=detail) for sound in project.sounds))

    def restore_velocities(self, project: Project) -> Project:
        """Velocities that the list of onsets gives, in place of those that the analysis of the clip's audio found."""
        given = self.velocities_db
        return replace(
            project, hits=tuple(replace(h, velocity_db=given.get(h.id, h.velocity_db)) for h in project.hits)
        )


def _read_hits(options: argparse.Namespace, project: Project) -> Sequence[Spot]:
    """The hits of a spotting list; what there is to say of them goes to standard error. Raises BadInput."""
    from engine.media.spotting.read import read_spotting

    clip = project.clip
    rate = None if options.hits_rate is None else parse_frame_rate(options.hits_rate)
    placed = read_spotting(
        options.hits, clip.frame_rate, clip.duration_s, clip.start_timecode, options.hits_start, rate
    )
    say("; ".join(filter(None, (f"{counted(len(placed.spots), 'hit')} from {Path(options.hits).name}", placed.note))))
    return placed.spots


def _replace_hits(project: Project, spots: Sequence[Spot]) -> tuple[Project, dict[str, float]]:
    """Hits at given times, and the velocities that are given; a person chose these, so nothing may change them."""
    from engine.document.edits.hits import nearest_sound_id
    from engine.document.edits.values import with_hits
    from engine.document.seeds import derive_seed
    from engine.pipeline.spot_hits import hit_values

    hits, velocities_db = [], {}
    for count, values in enumerate(hit_values(project, spots), 1):
        hit_id = f"h{count}"
        seed, time_s = derive_seed(project.render.seed, hit_id), values["time_s"]
        sound_id = values.get("sound_id") or nearest_sound_id(project, time_s)
        if "velocity_db" in values:
            velocities_db[hit_id] = values["velocity_db"]
        velocity_db = velocities_db.get(hit_id, 0.0)
        hits.append(Hit(hit_id, time_s, sound_id, seed, velocity_db, touched=True, name=values["name"]))
    return with_hits(project, hits), velocities_db


def _apply_settings(project: Project, steps: int | None, seed: int | None, variation: int | None) -> Project:
    from engine.document.edits.settings import reseed, set_render

    if steps is not None:
        project = set_render(steps=steps).apply(project)
    if variation is not None:
        project = set_render(variation=variation / 100.0).apply(project)
    if seed is not None:
        project = reseed(seed).apply(project)
    return project


def load_sampler_or_say(
    checkpoint: str, ckpt_dir: str | None, device_name: str, find: FindSampler | None = None
) -> HitSampler | None:
    """Load the project's sampler on a device; None where there is no checkpoint, which standard error then says."""
    from engine.pipeline.load_sampler import find_sampler

    sampler, notes = (find or find_sampler)(checkpoint, ckpt_dir, device_name)
    for note in notes:
        say(note)
    return sampler
