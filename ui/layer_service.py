"""Velocity layers measured from the clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.core.words import counted
from engine.document.edits.layers import set_layers
from engine.document.edits.values import check_hits, find_sound
from ui.clip_service import check_clip
from ui.jobs import Job
from ui.protocol.layers import MeasureLayers

if TYPE_CHECKING:
    from ui.session import Session


def measure(session: Session, message: MeasureLayers) -> None:
    """Measure layers from hits of a sound and give it them, in one edit."""
    project = session.require_project()
    sound = find_sound(project, message.sound_id)
    wanted = check_hits(project, message.hits)
    hits = [hit.id for hit in project.hits if hit.id in wanted and hit.sound_id == sound.id]
    if not project.clip.has_audio:
        raise BadInput("this clip has no sound to measure layers from; open one that has")
    if not hits:
        raise BadInput(f"none of these hits strikes {sound.name}; choose hits that do")

    def run(job: Job) -> None:
        from engine.pipeline.measure_layers import measure_layers

        check_clip(session)
        session.set_status("work", "analysing", message=f"Measuring velocity layers of {sound.name}")
        with session.context.analysis_lock.acquire(job.check) as yield_lock:

            def check() -> None:
                job.check()
                yield_lock()

            layers, measured = measure_layers(session.require_project(), sound, hits, check)
        job.check()
        session.commit(set_layers(sound.id, layers, measured))
        session.set_status("work", "done", message=f"{sound.name}: {counted(len(layers), 'velocity layer')}")

    session.worker.start(run, replace_others=False)
