"""Sounds rendered to be listened to, without a change of the document: strikes of a sound, and other takes of a hit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.edits.values import VELOCITY_RANGE_DB, check_hits, check_seed, find_sound
from engine.document.presets import OwnPreset
from engine.document.project import Clip, Hit, Project, Sound
from ui import bank_service
from ui.jobs import Job
from ui.protocol import requests
from ui.protocol.events import Audition, TakeRendered

if TYPE_CHECKING:
    from engine.pipeline.events import RenderedHit
    from ui.session import Session

AUDITION_SEED = 1
AUDITION_ID = "audition"
MOST_TAKES = 16


def strike(session: Session, message: requests.Strike) -> None:
    """Render one strike of a sound of the document."""
    project = session.require_project()
    sound = find_sound(project, message.sound_id)
    softest_db, hardest_db = VELOCITY_RANGE_DB
    if not softest_db <= message.velocity_db <= hardest_db:
        raise BadInput(f"the velocity is not between {softest_db:g} and {hardest_db:g} dB; choose another")
    _strike(session, project, sound, sound.id, message.velocity_db)


def audition_preset(session: Session, message: requests.AuditionPreset) -> None:
    """Render one strike of a preset, with its parts."""
    from engine.pipeline.sound_sources import sound_from_preset

    preset = next((preset for preset in session.context.presets() if preset.name == message.name), None)
    if preset is None:
        raise BadInput(f"preset {message.name!r} is not known; choose one from the list")
    project = session.project or Project(Clip("", "", 1.0, Fraction(25), 1, 1))
    sound = sound_from_preset(preset, "")  # no sound of a preset has that id
    if isinstance(preset, OwnPreset):
        project, sound = replace(project, sounds=preset.sounds), replace(sound, parts=preset.parts)
    _strike(session, project, sound, f"preset:{preset.name}", 0.0)


def audition_candidate(session: Session, message: requests.AuditionCandidate) -> None:
    """Render one strike of a candidate of the last search."""
    sound = bank_service.candidate_sound(session, message.id)
    _strike(session, session.require_project(), sound, f"candidate:{message.id}", 0.0)


def render_takes(session: Session, message: requests.RenderTakes) -> None:
    """Render a hit with each of several seeds and send their keys one by one; the document stays."""
    project = session.require_project()
    check_hits(project, [message.hit_id])
    hit = next(hit for hit in project.hits if hit.id == message.hit_id)
    seeds = [check_seed(seed) for seed in message.seeds]
    if not 0 < len(seeds) <= MOST_TAKES:
        raise BadInput(f"{len(seeds)} takes are asked for, not 1 to {MOST_TAKES}; reload the page")

    def run(job: Job) -> None:
        for seed in seeds:
            (rendered,) = render_apart(session, job, replace(project, hits=(replace(hit, seed=seed),))).values()
            session.send_result(TakeRendered(hit.id, seed, rendered.key))

    session.auditions.start(run)


def _strike(session: Session, project: Project, sound: Sound, answer_id: str, velocity_db: float) -> None:
    """Render one strike of a sound and send its key; a newer audition takes the place of an older one."""
    hit = Hit(AUDITION_ID, 0.0, sound.id, AUDITION_SEED, velocity_db=velocity_db)

    def run(job: Job) -> None:
        (rendered,) = render_apart(session, job, strike_alone(project, sound, hit)).values()
        session.send_result(Audition(answer_id, rendered.key))

    session.auditions.start(run)


def strike_alone(project: Project, sound: Sound, hit: Hit) -> Project:
    """The project with one hit, of a sound that need not be in it; the others are what its parts may be."""
    others = (one for one in project.sounds if one.id != sound.id)
    return replace(project, sounds=(sound, *others), hits=(hit,))


def render_apart(session: Session, job: Job, project: Project) -> dict[str, RenderedHit]:
    """Render all hits of a document that the session does not show, by id, in turn with other sessions."""
    from engine.pipeline.render import render_hits

    context = session.context
    with context.sampling_lock.acquire(job.check) as yield_lock:

        def check() -> None:
            job.check()
            yield_lock()

        rendered = render_hits(project, context.sampler(project.render), context.cache, check, include_muted=True)
    for one in rendered.values():
        session.renderer.remember(one.key, len(one.samples))
    return rendered
