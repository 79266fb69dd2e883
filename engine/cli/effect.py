"""Options of ``render`` that would change nothing are refused: taken silently, they would seem to be obeyed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from engine.cli.batch_job import find_option
from engine.cli.delivery import list_targets
from engine.core.errors import BadInput
from engine.media.export.endings import EMBEDDING_ENDINGS, LOSSY, SESSION_ENDINGS, SILENT_SESSIONS, SOUND_ENDINGS
from engine.media.export.options import DeliveryOptions

_BATCH = {"jobs": None, "pattern": "{clip}", "formats": ["wav"]}
"""Options of a batch, and what they are where they are not given."""


def check_effect(options: argparse.Namespace, in_batch: bool) -> None:
    """BadInput for the first option that nothing to be written would show."""
    usual, written = DeliveryOptions(), set(_list_written(options, in_batch))
    for name, absent in _BATCH.items():
        if not in_batch and getattr(options, name) != absent:
            raise BadInput(f"--{name} is of a batch; give --out-dir as well, or leave it out")
    for name in ("hits_start", "hits_rate"):
        if getattr(options, name) is not None and options.hits is None:
            raise BadInput(f"--{name.replace('_', '-')} is of a list of hits; give --hits as well, or leave it out")
    pieces = {"pieces", ".txt", ".tsv"}
    sounds = {"stems", *pieces, *(ending for ending in SESSION_ENDINGS if ending not in SILENT_SESSIONS)}
    lossless = sounds | {ending for ending in SOUND_ENDINGS if ending not in LOSSY}
    some, sound = "--pieces or a --session that is a .txt", "--out, --stems, --pieces or a --session with sound"
    whole = "an --out without loss, such as a .wav, --stems, --pieces or a --session with sound"
    heard = {"out", "video", *sounds}
    in_channels = {"out", "video", "stems"} if options.loudness is None else heard  # it is that of the channels
    named = written if options.ucs_names else pieces
    for name, value, shown_by, what, wanted in (
        ("takes", usual.takes, {*pieces, ".rpp"}, "pieces and of Reaper sessions", f"{some} or .rpp"),
        ("layers", usual.layers, pieces, "pieces", some),
        ("normalize", usual.normalize, pieces, "pieces", some),
        ("ucs_pattern", usual.name_pattern, named, "pieces and of names by --ucs-names", some),
        ("clip_sound", usual.clip_sound, {"video"}, "films", "--video"),
        ("stems_by", usual.stems, {"stems"}, "stems", "--stems"),
        ("sample_rate", usual.sample_rate_hz, {"out", *sounds}, "sound files, and films have 48 kHz", sound),
        ("loudness", None, heard, "sound", f"--video, {sound}"),
        ("channels", usual.channels, in_channels, "tracks, films and stems", "--out, --video or --stems"),
        ("no_project", False, set(EMBEDDING_ENDINGS), "the track as WAV or FLAC", "--out"),
        ("bit_depth", None, lossless, "sound files without loss", whole),
    ):
        if getattr(options, name) != value and not written & shown_by:
            wanted = "--formats with one" if in_batch else wanted
            raise BadInput(f"--{name.replace('_', '-')} is of {what}; give {wanted} as well, or leave it out")


def _list_written(options: argparse.Namespace, in_batch: bool) -> Iterator[str]:
    """Options that name what is written, and the endings of sounds and sessions."""
    if in_batch:
        for given in options.formats:
            yield find_option(given) or ""
            yield f".{given.lower().removeprefix('.')}"
        return
    for name, target in list_targets(options):
        yield name
        if name in ("out", "session"):
            yield Path(target).suffix.lower() or SOUND_ENDINGS[0]
