"""What might be struck: candidates from picture, words or sound, taken whole or in part; and a bank of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.edits.sounds import add_sound, replace_sound
from engine.document.edits.values import check_number, find_sound
from engine.document.project import Project, Sound
from engine.physics.model import Physics
from ui import clip_service
from ui.jobs import Job
from ui.search_results import ORIGIN_OF, SearchResult

if TYPE_CHECKING:
    from engine.bank.text.parse import ParsedDescription
    from engine.pipeline.estimate_from_video import HitEstimate
    from ui.session import Session

MOST_SHOWN = 24
MOST_NEW = 6
LONGEST_WORDS = 300
PARTS = ("modes", "noise", "room")

Message = Mapping[str, Any]


def find(session: Session, message: Message) -> None:
    """Look for candidates and tell them; a newer search takes the place of an older one."""
    by = message.get("by")
    seek = SEEKERS.get(by) if isinstance(by, str) else None
    if seek is None:
        raise BadInput("the search names no way to look; reload the page")
    project = session.require_project()

    def run(job: Job) -> None:
        with session.context.analysis_lock.acquire(job.check):
            job.check()
            answer = seek(session, project, message, job)
        job.check()
        session.send({"type": "found", "by": by, "request": message.get("request"), **answer})

    session.search_worker.start(run)


def _seek_words(session: Session, project: Project, message: Message, job: Job) -> dict[str, Any]:
    from engine.bank.text.parse import rank_by_text

    text = message.get("text")
    if not isinstance(text, str) or not text.strip():
        raise BadInput("there are no words to search for; type what is struck, such as thin glass bottle")
    candidates, reading = rank_by_text(session.context.bank(), text[:LONGEST_WORDS], MOST_SHOWN)
    return {"candidates": session.search_results.keep(candidates, "words"), **_tell_reading(reading)}


def _tell_reading(reading: ParsedDescription) -> dict[str, Any]:
    understood = [[words, meaning] for words, meaning in reading.understood]
    return {"understood": understood, "unknown": list(reading.unknown)}


def _seek_sound(session: Session, project: Project, message: Message, job: Job) -> dict[str, Any]:
    from engine.bank.search import rank_by_physics

    sound = find_sound(project, message.get("sound_id"))
    candidates = rank_by_physics(session.context.bank(), Physics(sound.modes, sound.residual), MOST_SHOWN)
    return {"candidates": session.search_results.keep(candidates, "sound")}


def _seek_new(session: Session, project: Project, message: Message, job: Job) -> dict[str, Any]:
    """New sounds for the words, or without words for what the picture shows; other ones each time."""
    from engine.bank.generate import load_generator
    from engine.bank.propose import propose_candidates
    from engine.bank.text.parse import parse_description
    from engine.pipeline.sounds_from_video import describe_prediction
    from engine.vision.rank import to_attributes

    model = load_generator()
    text = message.get("text")
    first_seed = session.search_results.count("new")
    if isinstance(text, str) and text.strip():
        reading = parse_description(text[:LONGEST_WORDS])
        made = propose_candidates(model, reading.attributes, MOST_NEW, first_seed)
        return {"candidates": session.search_results.keep(made, "new"), **_tell_reading(reading)}
    prediction = _look_at(session, project, message, job, 1)[0].prediction
    made = propose_candidates(model, to_attributes(prediction), MOST_NEW, first_seed, prediction.embedding)
    return {"candidates": session.search_results.keep(made, "new"), "seen": describe_prediction(prediction)}


def _seek_picture(session: Session, project: Project, message: Message, job: Job) -> dict[str, Any]:
    from engine.pipeline.sounds_from_video import describe_prediction

    estimates = _look_at(session, project, message, job, MOST_SHOWN)
    best = max(estimates, key=lambda estimate: estimate.prediction.confidence)
    return {
        "candidates": session.search_results.keep(best.candidates, "picture"),
        "confidence": round(float(best.prediction.confidence), 3),
        "seen": describe_prediction(best.prediction),
    }


def _look_at(session: Session, project: Project, message: Message, job: Job, top: int) -> list[HitEstimate]:
    """Estimates of the hits of a sound, by the picture. BadInput where there are none."""
    from engine.pipeline.estimate_from_video import estimate_hits, find_vision_network

    sound_id = message.get("sound_id")
    hits = [hit for hit in project.hits if hit.sound_id == sound_id] or list(project.hits)
    if not hits:
        raise BadInput("there is no hit to look at; add one on the timeline first")
    times_s = [hit.time_s for hit in hits[:MOST_SHOWN]]
    session.set_status("work", "analysing", message="Looking at what is struck")

    def report(fraction: float) -> None:
        job.check()
        session.set_status("work", "analysing", round(100 * fraction), 100, "Looking at what is struck")

    network = find_vision_network(session.context.options.checkpoint_folder)
    try:
        return estimate_hits(project.clip, times_s, session.context.bank(), network, top, report)
    finally:
        session.clear_status("work")


SEEKERS = {"words": _seek_words, "sound": _seek_sound, "picture": _seek_picture, "new": _seek_new}


def hear(session: Session, message: Message) -> Sound:
    """The candidate as a sound of its own, to be struck once."""
    found = session.search_results.find(message.get("id"))
    return _as_sound(found, "find")


def use(session: Session, message: Message) -> None:
    """Give a sound of the document a candidate's physics, whole or only some PARTS of it, as one edit."""
    found = session.search_results.find(message.get("id"))
    parts = message.get("parts") or list(PARTS)
    if not isinstance(parts, list) or not parts or any(part not in PARTS for part in parts):
        raise BadInput(f"a sound is taken by its {', '.join(PARTS)}; choose some of them")
    gesture = str(message.get("gesture"))[:80] if message.get("gesture") is not None else None
    with session.lock:
        session.adopt_provisional()
        sound = find_sound(session.require_project(), message.get("sound_id"))
        if len(parts) == len(PARTS):
            session.commit(replace_sound(sound.id, _as_sound(found, sound.id), f"Use {found.candidate.name}"), gesture)
            return
        session.commit(replace_sound(sound.id, take_parts(sound, found, parts), _label(found, parts)), gesture)


def take_parts(sound: Sound, found: SearchResult, parts: Sequence[str]) -> Sound:
    """A sound with some of its PARTS from a candidate and the rest its own."""
    from engine.bank.recombine import combine_physics

    own, other = Physics(sound.modes, sound.residual), found.candidate.physics
    source = {part: other if part in parts else own for part in PARTS}
    made = combine_physics(source["modes"], source["noise"], source["room"])
    note = f"{' and '.join(parts)} of {found.candidate.name}"
    origin_note = f"{sound.origin_note}; {note}" if sound.origin_note else note
    return replace(
        sound, modes=made.modes, residual=made.residual, origin="edited", origin_note=origin_note[:300], fit=None
    )


def _label(found: SearchResult, parts: Sequence[str]) -> str:
    return f"Take {' and '.join(parts)} of {found.candidate.name}"


def _as_sound(found: SearchResult, sound_id: str) -> Sound:
    from engine.pipeline.sounds_from_video import sound_from_candidate

    candidate = found.candidate
    note = ", ".join(part for part in (candidate.why, candidate.source) if part)
    return sound_from_candidate(candidate, note, ORIGIN_OF[found.by], sound_id)


def measure_span(session: Session, message: Message) -> None:
    """Take the physics of a marked span of the clip's own sound, into a sound of the document or as a new one."""
    project = session.require_project()
    if not project.clip.has_audio:
        raise BadInput("this clip has no sound of its own; mark a span in one that has")
    start_s = check_number(message.get("start_s"), "the span's start", (0.0, project.clip.duration_s))
    end_s = check_number(message.get("end_s"), "the span's end", (0.0, project.clip.duration_s))
    if end_s - start_s < 0.02:
        raise BadInput("the marked span is shorter than 20 ms; mark the whole ring of a hit")
    sound_id = message.get("sound_id")

    def run(job: Job) -> None:
        from engine.pipeline.recordings import keep_samples
        from engine.pipeline.sound_sources import sound_from_span

        session.set_status("work", "analysing", message=f"Analysing {end_s - start_s:.2f} s of the clip's sound")
        with session.context.analysis_lock.acquire(job.check):
            measured, samples = sound_from_span(project.clip, start_s, end_s)
            measured = keep_samples(samples, SAMPLE_RATE_HZ, measured, session.context.cache)
        job.check()
        with session.lock:
            now = session.require_project()
            if sound_id is None:
                session.commit(add_sound(measured))
            else:
                session.commit(replace_sound(find_sound(now, sound_id).id, measured))
        session.set_status("work", "done", message=f"{measured.name}: {len(measured.modes)} modes")

    session.worker.start(run, replace_others=False)


def add_to_bank(session: Session, message: Message) -> None:
    """Measure recordings and add them to the person's own bank; tells what was added, known already and broken."""
    given = message.get("paths")
    if not isinstance(given, list) or not given:
        raise BadInput("there is no recording to add; drop audio files or a folder of them")
    paths = [clip_service.resolve_path(session, path) for path in given]

    def run(job: Job) -> None:
        from engine.bank.user_bank import add_recordings

        def report(done: int, total: int) -> None:
            job.check()
            session.set_status("work", "analysing", done, total, f"Adding {done} of {total} recordings to your bank")

        with session.context.analysis_lock.acquire(job.check):
            told = add_recordings(paths, session.context.own_bank(), report, session.context.bank())
        session.set_status("work", "done", message=f"{len(told.added)} recordings added to your bank")
        session.send(
            {
                "type": "bank",
                "added": list(told.added),
                "duplicates": [_pair(item) for item in told.duplicates],
                "broken": [_pair(item) for item in told.broken],
                **bank_size(session),
            }
        )

    session.worker.start(run, replace_others=False)


def _pair(item: Any) -> list[str]:
    name, why = item
    return [Path(str(name)).name, str(why)]


def bank_size(session: Session) -> dict[str, int]:
    """How many sounds there are to find, and how many of them are the person's own."""
    entries = session.context.bank().entries
    return {"sounds": len(entries), "own": sum(entry.kind == "user" for entry in entries)}


def tell_bank(session: Session, message: Message) -> None:
    """Tell how many sounds there are to find."""
    session.send({"type": "bank", "added": [], "duplicates": [], "broken": [], **bank_size(session)})
