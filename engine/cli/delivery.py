"""Outputs of ``render``: their arguments, what is checked before the work, and writing them."""

from __future__ import annotations

import argparse
import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.console import make_progress, named_folder, same_file, say, warn, whole_number
from engine.cli.overwrite import check_existing, describe_others, find_existing
from engine.core.errors import BadInput
from engine.core.files import check_ending, check_folder, check_target, is_stream, make_folder, write_together
from engine.core.words import counted
from engine.document.project import Project
from engine.media.export.endings import SESSION_ENDINGS, SILENT_SESSIONS, SOUND_ENDINGS, VIDEO_ENDINGS, check_session
from engine.media.export.markers import write_markers
from engine.media.export.options import (
    BIT_DEPTHS,
    CHANNELS,
    CLIP_SOUNDS,
    MOST_LAYERS,
    MOST_TAKES,
    NAME_PATTERN,
    NORMALIZATIONS,
    SAMPLE_RATES_HZ,
    STEM_KINDS,
    DeliveryOptions,
)

if TYPE_CHECKING:
    from engine.pipeline.delivery import Delivery
    from engine.pipeline.events import RenderedHit

_ENDINGS = {
    "out": SOUND_ENDINGS,
    "video": VIDEO_ENDINGS,
    "markers": (".csv", ".txt"),
    "session": SESSION_ENDINGS,
    "project": (".json",),
}
_FOLDERS = ("stems", "pieces")
_OUTPUTS = ("out", "video", "stems", "pieces", "markers", "session", "project")
Sample = Callable[[Project], Mapping[str, "RenderedHit"]]


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """What to write, and how."""
    defaults = DeliveryOptions()
    parser.add_argument(
        "--out", metavar="WAV", help=f"the generated track, 48 kHz 24-bit; or {', '.join(SOUND_ENDINGS[1:])}"
    )
    parser.add_argument("--video", metavar="MP4", help="the clip with the generated track; or .mov, .mkv")
    parser.add_argument(
        "--stems", type=named_folder, metavar="DIR", help="one WAV for each sound, which sum to the track"
    )
    parser.add_argument(
        "--pieces", type=named_folder, metavar="DIR", help="one-shots: single hits, trimmed, faded and normalised"
    )
    parser.add_argument("--markers", metavar="FILE", help="the hits as CSV")
    parser.add_argument(
        "--session",
        metavar="FILE",
        action="append",
        help="a session or cue sheet, by its ending: .rpp (Reaper), .aaf, .otio, .edl, .mid, .csv, .dawproject, "
        ".txt (Wwise), .html, .pdf; may be given several times",
    )
    parser.add_argument("--project", metavar="OUT.struck.json", help="the document")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist already")
    form = parser.add_argument_group("delivery")
    form.add_argument("--sample-rate", type=int, choices=SAMPLE_RATES_HZ, default=defaults.sample_rate_hz, metavar="HZ")
    form.add_argument("--bit-depth", type=int, choices=BIT_DEPTHS, metavar="N", help="16 with dither, 24, 32 float")
    form.add_argument("--channels", choices=tuple(CHANNELS), default=defaults.channels, help="of the track and stems")
    form.add_argument("--start-timecode", metavar="HH:MM:SS:FF", help="of the first sample; else the clip's")
    form.add_argument("--two-pop", action="store_true", help="a frame of 1 kHz, and the picture two seconds after it")
    form.add_argument("--no-project", action="store_true", help="leave the project out of the sound file")
    form.add_argument("--stems-by", choices=STEM_KINDS, default=defaults.stems)
    form.add_argument("--ucs-pattern", metavar="P", default=NAME_PATTERN, help=f"names of pieces: {NAME_PATTERN}")
    form.add_argument(
        "--ucs-names", action="store_true", help="in --out-dir: sound, stems, pieces and sessions by that pattern too"
    )
    form.add_argument("--creator", metavar="ID", default=defaults.creator, help="CreatorID of names and tags")
    form.add_argument("--source-id", metavar="ID", default=defaults.source, help="SourceID of names and tags")
    form.add_argument(
        "--takes",
        type=whole_number(0, MOST_TAKES),
        default=0,
        metavar="N",
        help="new strikes a sound and layer in pieces, takes a hit in a Reaper session",
    )
    form.add_argument(
        "--layers", type=whole_number(1, MOST_LAYERS), default=1, metavar="N", help="of velocity in pieces"
    )
    form.add_argument("--normalize", choices=NORMALIZATIONS, default=defaults.normalize, help="pieces to -1 dBFS")
    form.add_argument(
        "--clip-sound", choices=CLIP_SOUNDS, default=defaults.clip_sound, help="the clip's own, in --video"
    )


def read_options(options: argparse.Namespace) -> DeliveryOptions:
    """The delivery options of the command line. Raises BadInput."""
    from engine.media.export.ucs import check_pattern

    check_pattern(options.ucs_pattern)
    return DeliveryOptions(
        sample_rate_hz=options.sample_rate,
        bits=options.bit_depth or DeliveryOptions().bits,
        channels=options.channels,
        start_timecode=options.start_timecode,
        two_pop=options.two_pop,
        embed_project=not options.no_project,
        stems=options.stems_by,
        name_pattern=options.ucs_pattern,
        creator=options.creator,
        source=options.source_id,
        takes=options.takes,
        layers=options.layers,
        normalize=options.normalize,
        clip_sound=options.clip_sound,
    )


def write_options(options: argparse.Namespace, wanted: DeliveryOptions) -> None:
    """Put delivery options into those of a command line, from which ``read_options`` reads them."""
    options.sample_rate, options.bit_depth, options.channels = wanted.sample_rate_hz, wanted.bits, wanted.channels
    options.start_timecode, options.two_pop = wanted.start_timecode, wanted.two_pop
    options.no_project, options.stems_by = not wanted.embed_project, wanted.stems
    options.ucs_pattern, options.creator, options.source_id = wanted.name_pattern, wanted.creator, wanted.source
    options.takes, options.layers, options.normalize = wanted.takes, wanted.layers, wanted.normalize
    options.clip_sound = wanted.clip_sound


def list_targets(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Names of the given outputs and where they go; a session once a file."""
    for name in _OUTPUTS:
        value = getattr(options, name)
        for target in value if isinstance(value, list) else [value]:
            if target is not None:
                yield name, target


def is_heard(options: argparse.Namespace) -> bool:
    """Whether an output holds sampled sound."""
    sessions = [Path(target).suffix.lower() for target in options.session or ()]
    return any(getattr(options, name) is not None for name in ("out", "video", "stems", "pieces")) or any(
        ending not in SILENT_SESSIONS for ending in sessions
    )


def check_outputs(options: argparse.Namespace, sources: Mapping[str, str | None]) -> None:
    """BadInput where an output cannot be written, is an input, or is named twice."""
    from engine.media.export.sound import check_form

    targets = list(list_targets(options))
    if not targets:
        raise BadInput(
            "nothing to write was named; give at least one of --out, --video, --stems, --pieces, --session, --markers, "
            "--project"
        )
    for name, target in targets:
        check_folder(target) if name in _FOLDERS else check_target(target)
        for said, source in sources.items():
            # A project may be written back over itself.
            is_same = source and same_file(source, target) and not is_stream(target)
            if is_same and not (name == "project" and said == "the input"):
                raise BadInput(f"--{name} {target} would overwrite {said}; give another name")
    for (a, first), (b, second) in itertools.combinations(targets, 2):
        if same_file(first, second) and not is_stream(first):
            raise BadInput(f"--{a} and --{b} both name {first}; give two names")
    for name, target in targets:
        if name in _ENDINGS:
            check_ending(Path(target), _ENDINGS[name], f"--{name}")
        if name == "session" and (is_stream(target) or not Path(target).suffix):
            raise BadInput(f"--session {target} has no known ending; give {', '.join(SESSION_ENDINGS)}")
        if name == "session":
            check_session(Path(target))
    wanted = read_options(options)
    if options.out is not None:
        check_form(options.out, wanted.sample_rate_hz, wanted.channel_count, options.bit_depth)
    check_existing(options, [path for path in find_existing(targets) if not same_file(path, options.source)])


def set_loudness(project: Project, rendered: Mapping[str, RenderedHit], options: argparse.Namespace) -> Project:
    """The project at the mix level that gives its track, in its channels, a loudness, which standard error says.

    Raises BadInput.
    """
    from engine.pipeline.loudness import describe_loudness, fit_loudness, is_reached, name_bounds

    edit, reached = fit_loudness(project, rendered, options.loudness, channels=options.channels)
    missed = "" if is_reached(reached, options.loudness) else f", as near as {name_bounds(project)}"
    say(f"loudness {describe_loudness(reached)}{missed}")
    return edit.apply(project)


def write_outputs(
    project: Project, rendered: Mapping[str, RenderedHit], options: argparse.Namespace, sample: Sample
) -> None:
    """Write all that the options name; with ``--ucs-names`` under names that the options then have. Raises BadInput."""
    from engine.cli.ucs_names import name_outputs
    from engine.pipeline.delivery import Delivery
    from engine.pipeline.master import describe_left_out

    left_out = describe_left_out(project)
    if left_out:
        say(f"outputs are {left_out}")
    delivery = Delivery(project, rendered, read_options(options), datetime.now())
    with name_outputs(options, delivery) if options.ucs_names else contextlib.nullcontext():
        _write_outputs(delivery, options, sample)


def _warn_of_level(path: str, clipped: int) -> None:
    if clipped:
        name = Path(path).resolve().name or path
        warn(f"{name} is over full scale in {counted(clipped, 'sample')}; lower the mix")


def _warn_of_others(folder: str, written: Iterable[Path]) -> None:
    others = describe_others(Path(folder), written)
    if others:
        warn(others)


def _write_outputs(delivery: Delivery, options: argparse.Namespace, sample: Sample) -> None:
    from engine.pipeline.deliver_pieces import deliver_pieces, deliver_session
    from engine.pipeline.delivery import deliver_stems, deliver_track, deliver_video
    from engine.pipeline.track import marker_rows

    project = delivery.project
    if options.out is not None:
        clipped = deliver_track(delivery, Path(options.out))
        say(f"wrote {options.out}")
        _warn_of_level(options.out, clipped)
    if options.video is not None:
        note, clipped = deliver_video(delivery, Path(options.video), make_progress("writing the video"))
        say(f"wrote {options.video}; {note or 'the picture is untouched'}")
        _warn_of_level(options.video, clipped)
    if options.stems is not None:
        with write_together():
            folder = make_folder(options.stems)  # without a hit it stays empty
            paths, clipped = deliver_stems(delivery, folder) if project.heard_hits() else ([], 0)
        say(f"wrote {counted(len(paths), 'stem')} to {options.stems}")
        _warn_of_level(options.stems, clipped)
        _warn_of_others(options.stems, paths)
    if options.markers is not None:
        write_markers(options.markers, marker_rows(project))
        say(f"wrote {options.markers}")
    if options.project is not None:
        from engine.document.storage import save_project

        save_project(project, options.project)
        say(f"wrote {options.project}")
    # Without a hit pieces and sessions with sound are refused, so they come last.
    silent = [session for session in options.session or () if Path(session).suffix.lower() in SILENT_SESSIONS]
    for session in silent:
        deliver_session(delivery, Path(session), sample)
        say(f"wrote {session}")
    if options.pieces is not None:
        files = deliver_pieces(delivery, Path(options.pieces), sample)
        say(f"wrote {counted(len(files), 'piece')} to {options.pieces}")
        _warn_of_level(options.pieces, sum(file.clipped for file in files))
        _warn_of_others(options.pieces, [Path(options.pieces, file.file) for file in files])
    for session in (session for session in options.session or () if session not in silent):
        media = deliver_session(delivery, Path(session), sample)
        beside = f" and {counted(len(media), 'sound file')} beside it" if media else ""
        say(f"wrote {session}{beside}")
