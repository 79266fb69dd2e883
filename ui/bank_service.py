"""Search the bank by words, by a sound or by the picture; use a candidate; analyse a span; fill the user's own bank."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.core.words import counted
from engine.document.edits.merging import give_hits_sound
from engine.document.edits.sounds import add_sound, replace_sound
from engine.document.edits.values import check_number, find_sound
from engine.document.json_fields import MAX_BORROWED
from engine.document.project import Project, Sound
from engine.document.source import Source
from engine.physics.model import MATERIALS, Physics
from ui import clip_service, uploads
from ui.jobs import Job
from ui.named_paths import resolve_path
from ui.protocol.requests import AddToBank, BankSize, MeasureSpan, Search, UseCandidate
from ui.protocol.searching import Bank, SearchAnswer
from ui.search_results import KIND_OF, SearchResult

if TYPE_CHECKING:
    import numpy as np

    from engine.bank.text.parse import ParsedDescription
    from engine.pipeline.estimate_from_video import HitEstimate
    from ui.session import Session

MOST_SHOWN = 24
MOST_NEW = 6
MOST_TEXT = 300
SHORTEST_SPAN_S = 0.02
PARTS = ("modes", "noise", "room")


# --- search -----------------------------------------------------------------------------------


def search(session: Session, request: Search) -> None:
    """Search in the background and send the candidates; a newer search cancels an older one."""
    run_search = SEARCHES[request.by]
    project = session.require_project()

    def run(job: Job) -> None:
        with session.context.analysis_lock.acquire(job.check):
            job.check()
            answer = run_search(session, project, request, job)
        job.check()
        session.send(answer)

    session.thumbnails.cancel()  # they are of what was found before
    session.search_worker.start(run)


def _search_by_words(session: Session, project: Project, request: Search, job: Job) -> SearchAnswer:
    from engine.bank.text.parse import rank_by_text

    if not (request.text and request.text.strip()):
        raise BadInput("there are no words to search for; type what is struck, such as thin glass bottle")
    candidates, reading = rank_by_text(session.context.bank(), request.text[:MOST_TEXT], MOST_SHOWN)
    infos = session.search_results.add(candidates, "words")
    return SearchAnswer("words", request.request, infos, **_understood(reading))


def _understood(reading: ParsedDescription) -> dict[str, Any]:
    pairs = tuple((words, meaning) for words, meaning in reading.understood)
    return {"understood": pairs, "unknown": tuple(reading.unknown)}


def _search_by_sound(session: Session, project: Project, request: Search, job: Job) -> SearchAnswer:
    from engine.bank.search import rank_by_physics

    sound = find_sound(project, request.sound_id)
    candidates = rank_by_physics(session.context.bank(), Physics(sound.modes, sound.residual), MOST_SHOWN)
    return SearchAnswer("sound", request.request, session.search_results.add(candidates, "sound"))


def _search_by_picture(session: Session, project: Project, request: Search, job: Job) -> SearchAnswer:
    from engine.pipeline.sounds_from_video import describe_prediction

    estimates = _estimate_hits(session, project, request, job, MOST_SHOWN)
    best = max(estimates, key=lambda estimate: estimate.prediction.confidence)
    prediction = best.prediction
    known = {entry.material for entry in session.context.bank().entries}
    likely = sorted(prediction.material.items(), key=lambda item: -item[1])
    return SearchAnswer(
        "picture",
        request.request,
        session.search_results.add(best.candidates if prediction.is_certain else (), "picture"),
        seen=describe_prediction(prediction),
        confidence=round(float(prediction.confidence), 3),
        certain=prediction.is_certain,
        crop=None if prediction.crop is None else _encode_image(prediction.crop),
        materials=tuple(name for name, _ in likely if name in known),
    )


def _encode_image(pixels: np.ndarray) -> str:
    """Colours uint8 [H, W, 3] as the data address of a JPEG image."""
    from PIL import Image

    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(stored.getvalue()).decode()}"


def _generate(session: Session, project: Project, request: Search, job: Job) -> SearchAnswer:
    """Generated sounds that fit the words, or without words what the picture shows; other ones each time."""
    from engine.bank.generate import load_generator
    from engine.bank.propose import propose_candidates
    from engine.bank.text.parse import parse_description
    from engine.pipeline.sounds_from_video import describe_prediction
    from engine.vision.rank import to_attributes

    model = load_generator()
    first_seed = session.search_results.count("new")
    if request.text and request.text.strip():
        reading = parse_description(request.text[:MOST_TEXT])
        candidates = propose_candidates(model, reading.attributes, MOST_NEW, first_seed)
        infos = session.search_results.add(candidates, "new")
        return SearchAnswer("new", request.request, infos, **_understood(reading))
    prediction = _estimate_hits(session, project, request, job, 1)[0].prediction
    candidates = propose_candidates(model, to_attributes(prediction), MOST_NEW, first_seed, prediction.embedding)
    infos = session.search_results.add(candidates, "new")
    return SearchAnswer("new", request.request, infos, seen=describe_prediction(prediction))


def _estimate_hits(session: Session, project: Project, request: Search, job: Job, top: int) -> list[HitEstimate]:
    """Estimates from the picture for the hits of a sound, or for all where it has none. BadInput without hits.

    Where the request says at what time a contact is to be seen, for the hit nearest to that.
    """
    from engine.pipeline.estimate_from_video import HitsEstimated, estimate_hits, find_vision_network
    from engine.pipeline.events import PictureProgress

    hits = [hit for hit in project.hits if hit.sound_id == request.sound_id] or list(project.hits)
    if not hits:
        raise BadInput("there is no hit to analyse; add one on the timeline first")
    contact = None
    if request.contact:
        x, y = (check_number(value, "the contact's place", (0.0, 1.0)) for value in request.contact)
        contact = (x, y)
    material = request.material or ""
    if material and material not in MATERIALS:
        raise BadInput(f"{material[:40]} is no material that Struck knows; choose one of {', '.join(MATERIALS)}")
    times_s = [hit.time_s for hit in hits[:MOST_SHOWN]]
    if contact and request.time_s is not None:
        times_s = [min((hit.time_s for hit in hits), key=lambda time_s: abs(time_s - (request.time_s or 0.0)))]
    session.set_status("work", "analysing", message="Looking at what is struck")

    network = find_vision_network(session.context.options.checkpoint_folder)
    estimates: list[HitEstimate] = []
    try:
        bank = session.context.bank()
        for event in estimate_hits(project.clip, times_s, bank, network, top, job.check, contact, material):
            match event:
                case PictureProgress():
                    done = round(100 * event.fraction)
                    session.set_status("work", "analysing", done, 100, "Looking at what is struck")
                case HitsEstimated():
                    estimates += event.estimates
    finally:
        session.clear_status("work")
    return estimates


SEARCHES = {
    "words": _search_by_words,
    "sound": _search_by_sound,
    "picture": _search_by_picture,
    "new": _generate,
}


# --- candidates -------------------------------------------------------------------------------


def candidate_sound(session: Session, candidate_id: str) -> Sound:
    """A candidate as a sound that is not in the document, for an audition."""
    return _to_sound(session.search_results.get(candidate_id), "candidate")


def use_candidate(session: Session, request: UseCandidate, mark: Callable[[], None]) -> None:
    """Give a sound of the document a candidate's physics, whole or only some PARTS of it, as one edit.

    ``mark`` notes that the tab's change is handled; called right before the document changes.
    """
    result = session.search_results.get(request.id)
    parts = request.parts or PARTS
    if any(part not in PARTS for part in parts):
        raise BadInput(f"a sound is taken by its {', '.join(PARTS)}; choose some of them")
    gesture = request.gesture and request.gesture[:80]
    whole = _to_sound(result, request.sound_id)
    if len(parts) == len(PARTS):
        from engine.pipeline.complete_sound import complete_sound

        complete_sound(whole)  # before the lock is taken, so that its render keys are there at once
    with session.lock:
        session.adopt_provisional()
        sound = find_sound(session.require_project(), request.sound_id)
        if len(parts) == len(PARTS):
            taken, label = whole, f"Use {result.candidate.name}"
        else:
            taken = combine_parts(sound, result, parts)
            label = f"Take {' and '.join(part for part in PARTS if part in parts)} of {result.candidate.name}"
        if request.hits:
            edit = give_hits_sound(request.hits, taken, label)
            edit.apply(session.require_project())  # what it refuses is refused before the change is marked
        else:
            edit = replace_sound(sound.id, taken, label)
        mark()
        session.commit(edit, gesture, renames=True)  # of several that are tried, the last is the one in use


def combine_parts(sound: Sound, result: SearchResult, parts: Sequence[str]) -> Sound:
    """A sound with some of its PARTS from a candidate and the rest its own."""
    from engine.bank.recombine import combine_physics

    own, other = Physics(sound.modes, sound.residual), result.candidate.physics
    source = {part: other if part in parts else own for part in PARTS}
    combined = combine_physics(source["modes"], source["noise"], source["room"])
    borrowed = (*sound.source.borrowed, *((part, result.candidate.name) for part in parts))[-MAX_BORROWED:]
    return replace(
        sound,
        modes=combined.modes,
        residual=combined.residual,
        source=replace(sound.source, borrowed=borrowed),
        fit=None,
    )


def _to_sound(result: SearchResult, sound_id: str) -> Sound:
    from engine.pipeline.sounds_from_video import sound_from_candidate

    candidate = result.candidate
    note = ", ".join(part for part in (candidate.why, candidate.source) if part)
    return sound_from_candidate(candidate, Source(KIND_OF[result.by], note=note), sound_id)


# --- analysis of recordings -------------------------------------------------------------------


def measure_span(session: Session, request: MeasureSpan) -> None:
    """Analyse a span of the clip's own sound, into a sound of the document or as a new one."""
    project = session.require_project()
    if not project.clip.has_audio:
        raise BadInput("this clip has no sound of its own; mark a span in one that has")
    start_s = check_number(request.start_s, "the span's start", (0.0, project.clip.duration_s))
    end_s = check_number(request.end_s, "the span's end", (0.0, project.clip.duration_s))
    if end_s - start_s < SHORTEST_SPAN_S:
        raise BadInput("the marked span is shorter than 20 ms; mark the whole ring of a hit")

    def run(job: Job) -> None:
        from engine.pipeline.recordings import keep_samples
        from engine.pipeline.sound_sources import sound_from_span

        clip_service.check_clip(session)
        session.set_status("work", "analysing", message=f"Analysing {end_s - start_s:.2f} s of the clip's sound")
        with session.context.analysis_lock.acquire(job.check):
            measured, samples = sound_from_span(project.clip, start_s, end_s)
            measured = keep_samples(samples, SAMPLE_RATE_HZ, measured, session.context.cache)
        job.check()
        with session.lock:
            now = session.require_project()
            if request.sound_id is None:
                session.commit(add_sound(measured))
            else:
                session.commit(replace_sound(find_sound(now, request.sound_id).id, measured))
        session.set_status("work", "done", message=f"{measured.name}: {counted(len(measured.modes), 'mode')}")

    session.worker.start(run, replace_others=False)


def add_to_bank(session: Session, request: AddToBank) -> None:
    """Analyse recordings and add them to the user's bank; sends the names of new, duplicate and unreadable ones."""
    if not request.paths:
        raise BadInput("there is no recording to add; drop audio files or a folder of them")
    paths = [resolve_path(session, path) for path in request.paths]

    def run(job: Job) -> None:
        from engine.bank.user_bank import add_recordings

        try:
            with session.context.analysis_lock.acquire(job.check) as yield_lock:

                def report(done: int, total: int) -> None:
                    job.check()
                    yield_lock()
                    message = f"Adding {done} of {counted(total, 'recording')} to your bank"
                    session.set_status("work", "analysing", done, total, message)

                result = add_recordings(paths, session.context.own_bank(), report, session.context.bank())
        finally:
            for path in paths:
                uploads.remove(session, path)
        session.set_status("work", "done", message=f"{counted(len(result.added), 'recording')} added to your bank")
        duplicates, broken = (tuple(map(_name_and_reason, items)) for items in (result.duplicates, result.broken))
        session.send(replace(bank_size(session), added=tuple(result.added), duplicates=duplicates, broken=broken))

    session.worker.start(run, replace_others=False)


def _name_and_reason(item: Any) -> tuple[str, str]:
    name, reason = item
    return Path(str(name)).name, str(reason)


def bank_size(session: Session) -> Bank:
    """Number of sounds in the bank, and of the user's own among them."""
    from engine.pipeline.picture_sound import has_scene_network

    entries = session.context.bank().entries
    return Bank(
        sounds=len(entries),
        own=sum(entry.kind == "user" for entry in entries),
        pictures=has_scene_network(session.context.options.checkpoint_folder),
    )


def send_bank_size(session: Session, request: BankSize) -> None:
    """Send the size of the bank."""
    session.send(bank_size(session))
