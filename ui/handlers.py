"""The browser's messages: each becomes an edit or a job; the view follows by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput
from engine.document.edits.blends import morphed
from engine.document.edits.messages import apply_message, find_other
from engine.document.edits.sounds import replace_sound
from engine.document.edits.values import Laws, check_number, find_sound
from engine.document.project import Clip, Hit, Project, Sound
from engine.document.storage import save_project
from ui import bank_service, clip_service, export_service, view
from ui.jobs import Job
from ui.session import Session
from ui.welcome import PROJECT_ENDING, demos

if TYPE_CHECKING:
    from engine.physics.presets import Preset

AUDITION_SEED = 1
AUDITION_ID = "audition"

Message = Mapping[str, Any]


def handle(session: Session, message: Any) -> None:
    """Do what a message asks; whatever is wrong with it becomes an error message and changes nothing."""
    try:
        if not isinstance(message, Mapping) or not isinstance(message.get("type"), str):
            raise BadInput("the message has no type; reload the page")
        do = HANDLERS.get(message["type"])
        if do is None:
            raise BadInput(f"message {message['type'][:40]!r} is not known; reload the page")
        do(session, message)
    except Exception as error:
        session.report(error, f"message {str(message)[:200]}")


def _open(session: Session, message: Message) -> None:
    clip_service.open_path(session, clip_service.resolve_path(session, message.get("path")))


def _open_demo(session: Session, message: Message) -> None:
    clip_service.open_demo(session, message.get("name"))


def _close(session: Session, message: Message) -> None:
    session.worker.cancel()
    session.helper.cancel()
    session.renderer.stop()
    session.show(None)


def _save(session: Session, message: Message) -> None:
    project = session.require_project()
    named = message.get("path")
    if named is None:
        path = session.saved_as or session.context.folder("projects") / f"{session.name}{PROJECT_ENDING}"
    else:
        path = clip_service.resolve_path(session, named)
        if not path.name.endswith(PROJECT_ENDING):
            path = path.with_name(path.name + PROJECT_ENDING)
    save_project(project, path)
    with session.lock:
        session.saved_as, session.saved_project = path, project
        session.push_view()
    session.note(f"Saved {path.name if session.context.options.public else path}")


def _edit(session: Session, message: Message) -> None:
    edit_message, gesture = message.get("edit"), message.get("gesture")
    if not isinstance(edit_message, Mapping):
        raise BadInput("the edit is missing; reload the page")
    if gesture is not None:
        gesture = str(gesture)[:80]
    kind = edit_message.get("kind")
    presets = _presets(session) if kind in ("apply_preset", "morph_sound") else {}
    laws = _laws() if kind in ("bake_macros", "morph_sound") else None
    chosen = edit_message.get("checkpoint") if kind == "set_render" else None
    if isinstance(chosen, str):
        _check_checkpoint(session, chosen)
    with session.lock:
        session.adopt_provisional()
        edit = apply_message(session.require_project(), edit_message, presets, laws)
        if kind == "set_threshold":
            clip_service.choose_hits(session, edit, gesture)
        else:
            session.commit(edit, gesture)
    if kind == "set_source":
        clip_service.detect_again(session)
    if chosen is not None:
        session.send_welcome()  # the list as it is now


def _check_checkpoint(session: Session, name: str) -> None:
    """Refuse a checkpoint that cannot be used before the document names it; the tab's list then says so too."""
    try:
        session.context.check(name)
    except BadInput:
        session.send_welcome()
        raise


def _presets(session: Session) -> dict[str, Preset]:
    return {preset.name: preset for preset in session.context.presets()}


def _laws() -> Laws:
    from engine.physics.macros import apply_macros
    from engine.physics.morph import morph

    return Laws(apply_macros, morph)


def _morph_preview(session: Session, message: Message) -> None:
    """Tell what a morph would be, for the tab to show and play; nothing changes."""
    project = session.require_project()
    sound = find_sound(project, message.get("sound_id"))
    other = find_other(project, message, _presets(session))
    amount = check_number(message.get("amount"), "amount", (0.0, 1.0))
    made = view.sound_view(morphed(sound, other, amount, _laws().morph))
    session.send({"type": "morphed", "sound_id": sound.id, "amount": amount, "sound": made})


def _undo(session: Session, message: Message) -> None:
    session.step(back=True)


def _redo(session: Session, message: Message) -> None:
    session.step(back=False)


def _cancel(session: Session, message: Message) -> None:
    session.worker.cancel()
    session.helper.cancel()
    session.exports.cancel()
    session.renderer.stop()


def _detect(session: Session, message: Message) -> None:
    clip_service.detect_again(session)


def _analyse(session: Session, message: Message) -> None:
    clip_service.analyse_again(session, message.get("hits"))


def _export(session: Session, message: Message) -> None:
    export_service.export(session, message.get("what"))


def _strike(session: Session, message: Message) -> None:
    project = session.require_project()
    sound = find_sound(project, message.get("sound_id"))
    velocity_db = message.get("velocity_db", 0.0)
    if isinstance(velocity_db, bool) or not isinstance(velocity_db, (int, float)) or not -60 <= velocity_db <= 12:
        raise BadInput("the velocity is not between -60 and 12 dB; choose another")
    _audition(session, project, sound, sound.id, float(velocity_db))


def _audition_preset(session: Session, message: Message) -> None:
    from engine.pipeline.sound_sources import sound_from_preset

    preset = next((p for p in session.context.presets() if p.name == message.get("name")), None)
    if preset is None:
        raise BadInput(f"preset {message.get('name')!r} is not known; choose one from the list")
    project = session.project or Project(Clip("", "", 1.0, Fraction(25), 1, 1))
    _audition(session, project, sound_from_preset(preset), f"preset:{preset.name}", 0.0)


def _hear_found(session: Session, message: Message) -> None:
    sound = bank_service.hear(session, message)
    _audition(session, session.require_project(), sound, f"found:{message['id']}", 0.0)


def _audition(session: Session, project: Project, sound: Sound, answer_id: str, velocity_db: float) -> None:
    """Render one strike of a sound and tell its key; a newer audition takes the place of an older one."""
    hit = Hit(AUDITION_ID, 0.0, sound.id, AUDITION_SEED, velocity_db=velocity_db)
    struck = replace(project, sounds=(sound,), hits=(hit,))

    def run(job: Job) -> None:
        from engine.pipeline.render import render_hits

        context = session.context
        with context.sampling_lock.acquire(job.check) as yield_lock:

            def progress(done: int, total: int) -> None:
                job.check()
                yield_lock()

            rendered = render_hits(struck, context.sampler(struck.render), context.cache, progress)[AUDITION_ID]
        session.renderer.remember(rendered.key, len(rendered.samples))
        session.send({"type": "struck", "sound_id": answer_id, "key": rendered.key})

    session.auditions.start(run)


def _sound_from_file(session: Session, message: Message) -> None:
    sound = find_sound(session.require_project(), message.get("sound_id"))
    path = clip_service.resolve_path(session, message.get("path"))

    def run(job: Job) -> None:
        from engine.pipeline.recordings import keep_recording
        from engine.pipeline.sound_sources import sound_from_recording

        session.set_status("work", "analysing", message=f"Analysing {path.name}")
        with session.context.analysis_lock.acquire(job.check):
            measured = keep_recording(path, sound_from_recording(path), session.context.cache)
        job.check()
        session.commit(replace_sound(sound.id, measured))
        session.set_status("work", "done", message=f"{measured.name}: {len(measured.modes)} modes")

    session.worker.start(run, replace_others=False)


HANDLERS: dict[str, Callable[[Session, Message], None]] = {
    "open": _open,
    "open_demo": _open_demo,
    "close": _close,
    "save": _save,
    "edit": _edit,
    "undo": _undo,
    "redo": _redo,
    "cancel": _cancel,
    "detect": _detect,
    "analyse": _analyse,
    "export": _export,
    "strike": _strike,
    "audition_preset": _audition_preset,
    "sound_from_file": _sound_from_file,
    "morph_preview": _morph_preview,
    "find": bank_service.find,
    "hear_found": _hear_found,
    "use_found": bank_service.use,
    "measure_span": bank_service.measure_span,
    "add_to_bank": bank_service.add_to_bank,
    "bank": bank_service.tell_bank,
}


def begin(session: Session, is_new: bool) -> None:
    """What a tab sees first: its own document again, what the command line named, or the demo."""
    if not is_new:
        return
    if session.resume():
        clip_service.resume_clip(session)
        return
    start = session.context.options.start
    try:
        if start:
            clip_service.open_path(session, Path(start).expanduser().absolute())
        else:
            names = [demo["name"] for demo in demos()]
            if names:
                clip_service.open_demo(session, names[0])
    except Exception as error:
        session.report(error, "start")
