"""What an export is to write: kinds of files, their names, and how a project remembers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.names import make_file_stem
from engine.document.project import Project, Setting
from engine.media.export.endings import SILENT_SESSIONS, SOUND_ENDINGS, VIDEO_ENDINGS, check_session
from ui.protocol.exporting import ExportOptions, ExportSettings

LONGEST_ENDING = "_dawproject media.zip"
SESSIONS = {
    "reaper": ".rpp",
    "aaf": ".aaf",
    "otio": ".otio",
    "dawproject": ".dawproject",
    "edl": ".edl",
    "midi": ".mid",
    "csv": ".csv",
    "wwise": ".txt",
    "html": ".html",
    "pdf": ".pdf",
}
"""Endings of session files by kind."""

ZIPPED = ("stems", "pieces", "reaper", "aaf", "otio", "wwise")
"""Kinds of several files."""

KINDS = ("wav", "mp4", "stems", "pieces", *SESSIONS, "markers", "project")
_PROJECT_ENDING = ".struck.json"


def check_export(what: Sequence[str], options: ExportOptions) -> list[str]:
    """The kinds of files in the order in which they are written. Raises BadInput for what is not offered."""
    from engine.media.export.sound import check_form
    from engine.media.export.ucs import check_pattern

    if not what or any(kind not in KINDS for kind in what):
        raise BadInput(f"no known kind of file was chosen to export; choose among {', '.join(KINDS)}")
    if options.sound_ending not in SOUND_ENDINGS or options.video_ending not in VIDEO_ENDINGS:
        raise BadInput("no known format was chosen to export; reload the page")
    check_pattern(options.name_pattern)
    for kind in what:
        check_session(Path(f"{kind}{SESSIONS.get(kind, '')}"))
    if "wav" in what:
        check_form(f"track{options.sound_ending}", options.sample_rate_hz, options.channel_count, options.bits)
    return [kind for kind in KINDS if kind in what]


def choose_stem(project: Project, name: str, options: ExportOptions) -> str:
    """What names of sound and session files begin with: the pattern's, or the project's ``name``. Raises BadInput."""
    if not options.ucs_names:
        return make_file_stem(name, LONGEST_ENDING)
    from engine.pipeline.delivery import Delivery

    return Delivery(project, {}, options).name(ending=LONGEST_ENDING)


def name_files(project: Project, name: str, kinds: Sequence[str], options: ExportOptions) -> dict[str, str]:
    """Name of the file of each kind. Raises BadInput, also where nothing sounds that a kind could hold."""
    sounding = {*ZIPPED, *(kind for kind, ending in SESSIONS.items() if ending not in SILENT_SESSIONS)}
    if not project.heard_hits() and not sounding.isdisjoint(kinds):
        from engine.pipeline.loudness import what_lets_hear

        raise BadInput(
            "no hit sounds, so there are no stems, one-shots or sessions with sound; "
            f"{what_lets_hear(project)}, or leave them out"
        )
    stem, plain = choose_stem(project, name, options), make_file_stem(name, LONGEST_ENDING)
    names = {
        "wav": f"{stem}{options.sound_ending}",
        "mp4": f"{plain}_struck{options.video_ending}",
        "markers": f"{plain}_markers.csv",
        "project": f"{plain}{_PROJECT_ENDING}",
        **{kind: f"{stem}{ending}" for kind, ending in SESSIONS.items()},
        **{kind: f"{stem}_{kind}.zip" for kind in ZIPPED},
    }
    return {kind: names[kind] for kind in kinds}


def number_name(name: str, taken: Iterable[str]) -> str:
    """A name that is not taken, upper and lower case alike: the name itself, or with a number before its ending."""
    used = {other.casefold() for other in taken}
    ending = _PROJECT_ENDING if name.endswith(_PROJECT_ENDING) else Path(name).suffix
    stem, number, candidate = name.removesuffix(ending), 1, name
    while candidate.casefold() in used:
        number += 1
        candidate = f"{stem} {number}{ending}"
    return candidate


# --- remembered -------------------------------------------------------------------------------


def write_settings(what: Sequence[str], options: ExportOptions) -> tuple[tuple[str, Setting], ...]:
    """Kinds and options as the project remembers them."""
    values = {name: value for name, value in asdict(options).items() if value is not None}
    return (("what", " ".join(what)), *values.items())


def read_settings(kept: Sequence[tuple[str, Setting]]) -> ExportSettings | None:
    """Kinds and options that a project remembers; what this version does not offer is left out. None without any."""
    values: Mapping[str, Setting] = dict(kept)
    if not values:
        return None
    options = ExportOptions()
    for field in fields(ExportOptions):
        value, usual = values.get(field.name), getattr(options, field.name)
        if value is not None and type(value) is type("" if usual is None else usual):
            try:
                options = ExportOptions(**{**asdict(options), field.name: value})
            except BadInput:
                continue
    return ExportSettings(tuple(kind for kind in KINDS if kind in str(values.get("what", "")).split()), options)
