"""``query``: search the bank for sounds that fit a clip's picture, a recording of one hit, or a description."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.cli.console import check_json_target, make_progress, say, whole_number, write_json
from engine.core.errors import BadInput
from engine.core.words import counted
from engine.physics.model import physics_to_json

if TYPE_CHECKING:
    import numpy as np

    from engine.bank.attributes import Attributes
    from engine.bank.bank import Bank, Candidate
    from engine.bank.text.parse import ParsedDescription

_MAX_CANDIDATES = 100

Found = list[tuple[float, "tuple[Candidate, ...]"]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="?", metavar="CLIP|AUDIO", help="a clip, or a recording of one hit")
    parser.add_argument("--text", metavar="WORDS", help='such as "thin glass bottle, wooden stick, small bathroom"')
    parser.add_argument(
        "--top", type=whole_number(1, _MAX_CANDIDATES), default=5, metavar="N", help="candidates of each hit"
    )
    parser.add_argument(
        "--new",
        type=whole_number(0, _MAX_CANDIDATES),
        default=0,
        metavar="N",
        help="and so many generated sounds for the picture or description",
    )
    parser.add_argument("--json", metavar="F", help="write hits and candidates as JSON to a file; - is standard output")


def run(options: argparse.Namespace, stdout: IO[str]) -> None:
    """Print the candidates of each hit, or write them as JSON. Raises BadInput."""
    check_json_target(options.json)
    if options.source is None and not (options.text or "").strip():
        raise BadInput("query needs something to go by; give a clip, a recording or --text")
    from engine.bank.user_bank import open_bank, user_bank_folder

    is_clip = options.source is not None and _is_clip(options.source)
    if options.new and options.source is not None and not is_clip:
        raise BadInput("--new generates sounds for a picture or a description, not for a recording; leave it out")
    bank, note = open_bank(user_bank_folder(options.data_dir))
    if note:
        say(note)
    if options.source is None:
        found = _search_by_text(bank, options.text, options.top, options.new)
    elif is_clip:
        found = _search_by_picture(bank, options)
    else:
        found = _search_by_sound(bank, options.source, options.top)
    if options.source is not None and (options.text or "").strip():
        found = _adjust(found, options.text)
    if options.json is not None:
        write_json({"hits": [_hit_to_json(time_s, candidates) for time_s, candidates in found]}, options.json, stdout)
        return
    for time_s, candidates in found:
        stdout.write(f"{time_s:10.4f} s\n")
        stdout.writelines(f"    {c.score:5.2f}  {c.name}: {c.why}\n" for c in candidates)


def _is_clip(path: str) -> bool:
    """Whether a file has a picture; BadInput where it is neither a clip nor a recording."""
    from engine.bank.user_bank import AUDIO_SUFFIXES
    from engine.media.open import check_readable
    from engine.media.probe import probe
    from engine.media.recording import read_first_hit

    check_readable(path)  # a name that ends like a recording's tells nothing of a file that is not there
    if Path(path).suffix.lower() in AUDIO_SUFFIXES:
        return False
    try:
        probe(path)
    except BadInput:
        try:
            read_first_hit(path)
        except BadInput:
            probe(path)
        return False
    return True


def _search_by_sound(bank: Bank, path: str, top: int) -> Found:
    from engine.bank.search import rank_by_physics
    from engine.media.recording import read_first_hit
    from engine.physics.analysis.analyze import analyze_hit

    samples, sample_rate_hz, _ = read_first_hit(path)
    physics, _ = analyze_hit(samples, sample_rate_hz)
    return [(0.0, rank_by_physics(bank, physics, top))]


def _search_by_text(bank: Bank, text: str, top: int, new: int) -> Found:
    from engine.bank.text.parse import make_words_error, rank_by_text

    candidates, reading = rank_by_text(bank, text, top)
    _report_parse(reading)
    if not candidates:
        raise make_words_error(text)
    return [(0.0, (*candidates, *_propose(reading.attributes, new)))]


def _propose(attributes: Attributes, count: int, embedding: np.ndarray | None = None) -> tuple[Candidate, ...]:
    """``count`` generated candidates."""
    if not count:
        return ()
    from engine.bank.generate import load_generator
    from engine.bank.propose import propose_candidates

    return propose_candidates(load_generator(), attributes, count, embedding=embedding)


def _search_by_picture(bank: Bank, options: argparse.Namespace) -> Found:
    from engine.onsets.track import pick
    from engine.pipeline.detect_onsets import detect_onsets, find_onset_network
    from engine.pipeline.estimate_from_video import HitsEstimated, estimate_hits, find_vision_network
    from engine.pipeline.events import DetectionProgress, OnsetsFound, PictureProgress
    from engine.pipeline.open_clip import open_clip
    from engine.vision.rank import to_attributes

    clip = open_clip(options.source).project.clip
    detecting, looking = make_progress("detecting"), make_progress("looking")
    for detection in detect_onsets(clip, "video", find_onset_network(options.ckpt_dir)):
        match detection:
            case DetectionProgress():
                detecting(detection.fraction)
            case OnsetsFound():
                times_s = [onset.time_s for onset in pick(detection.track)]
    say(f"{counted(len(times_s), 'hit')} in the picture")
    for event in estimate_hits(clip, times_s, bank, find_vision_network(options.ckpt_dir), options.top):
        match event:
            case PictureProgress():
                looking(event.fraction)
            case HitsEstimated():
                estimates = event.estimates
    generated = {
        e.object: _propose(to_attributes(e.prediction), options.new, e.prediction.embedding) for e in estimates
    }
    return [(estimate.time_s, (*estimate.candidates, *generated[estimate.object])) for estimate in estimates]


def _adjust(found: Found, text: str) -> Found:
    """Candidates found by picture or sound, adjusted to a description."""
    from engine.bank.adjust import adjust_physics
    from engine.bank.text.parse import parse_description

    reading = parse_description(text)
    _report_parse(reading)

    def move(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        return tuple(replace(c, physics=adjust_physics(c.physics, reading.attributes)) for c in candidates)

    return [(time_s, move(candidates)) for time_s, candidates in found]


def _report_parse(reading: ParsedDescription) -> None:
    for words, meaning in reading.understood:
        say(f"{words}: {meaning}")
    if reading.unknown:
        say(f"unknown: {', '.join(reading.unknown)}")
    if reading.note:
        say(reading.note)


def _hit_to_json(time_s: float, candidates: Sequence[Candidate]) -> dict[str, Any]:
    rows = [
        {"name": c.name, "material": c.material, "score": round(c.score, 4), "physics": physics_to_json(c.physics)}
        for c in candidates
    ]
    return {"time_s": float(time_s), "candidates": rows}
