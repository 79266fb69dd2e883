"""Handlers of the browser's messages, one a type: each becomes an edit of the document or a background job."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput
from engine.core.units import LONGEST_CLIP_S
from engine.core.words import counted
from engine.document.edits.blends import morphed
from engine.document.edits.messages import apply_message, find_other
from engine.document.edits.sounds import replace_sound
from engine.document.edits.values import MAX_HITS, PhysicsOps, check_number, find_sound
from ui import (
    animatic_service,
    arrange_service,
    audition_service,
    bank_service,
    clip_playback,
    clip_service,
    compare_service,
    conform_service,
    export_service,
    layer_service,
    level_service,
    preset_service,
    queue_service,
    save_service,
    scene_service,
    scrape_service,
    storyboard_service,
    sync_service,
    thumbnail_service,
    uploads,
)
from ui.clip_finding import find_clip
from ui.document_state import sound_state
from ui.jobs import Job
from ui.kept_sessions import forget_session, kept_sessions
from ui.named_paths import resolve_path
from ui.onset_curve import renew_curve, sought_in
from ui.openable import read_project_inside
from ui.protocol import requests
from ui.protocol.codec import decode, to_mapping
from ui.protocol.edits import (
    ApplyPreset,
    BakeMacros,
    MergeSounds,
    MorphSound,
    SetDetail,
    SetRender,
    SetSource,
    SetThreshold,
    SetTrack,
)
from ui.protocol.events import MorphPreviewed
from ui.renderer import Focus
from ui.session import Session
from ui.welcome import demos

if TYPE_CHECKING:
    from engine.physics.presets import Preset


Mark = Callable[[], None]
"""Marks a tab's change as handled, or raises BadInput where it is of another clip.

It is called under the session's lock, right before the document changes.
"""


def handle(session: Session, raw: Any, tab: str = "") -> None:
    """Handle a message, given as a JSON value; an invalid one is answered by an error and changes nothing.

    A numbered change that was received before is ignored; a refused one is acknowledged too.
    """
    number = raw.get("number") if isinstance(raw, Mapping) else 0
    number = number if type(number) is int else 0
    if not session.changes.receive(tab, number):
        return
    try:
        message = decode(raw)
        if isinstance(message, tuple(CHANGES)):
            CHANGES[type(message)](session, message, lambda: _mark(session, raw.get("clip"), tab, number))
        else:
            HANDLERS[type(message)](session, message)
    except Exception as error:
        session.report(error, f"message {str(raw)[:200]}")
    finally:
        if number > 0:
            session.finish_change(tab, number)


def _mark(session: Session, clip: str | None, tab: str, number: int) -> None:
    project = session.project
    if clip and project is not None and project.clip.digest != clip:
        raise BadInput("another clip was opened meanwhile, so the last change is left out; make it where it belongs")
    session.changes.handle(tab, number)


def open_first(session: Session) -> None:
    """Open a session's first document: that before a restart, else the command line's, else a demo, else none.

    Where it has had one, what stopped while no tab was open goes on.
    """
    with session.lock:
        is_new, session.opened = not session.opened, True
        goes_on, session.goes_on = session.goes_on, False
    if not is_new:
        if goes_on:
            clip_service.go_on(session)
        return
    if session.context.home_fault:
        session.note(session.context.home_fault)
    if session.resume():
        if session.context.crashed and session.edited:
            project = session.require_project()
            what = f"{counted(len(project.hits), 'hit')}, {counted(len(project.sounds), 'sound')}"
            session.note(
                f"Struck ended unexpectedly; this project is recovered with every change that reached it, {what}"
            )
        clip_service.resume_clip(session)
        return
    session.push_document()
    start = session.context.options.start
    try:
        if start:
            clip_service.open_path(session, Path(os.path.expanduser(start)).absolute())
        else:
            names = [demo.name for demo in demos()]
            if names and not kept_sessions(session.context):  # else the start page offers to go on with them
                clip_service.open_demo(session, names[0])
    except Exception as error:
        session.report(error, "start")


# --- changes of the document ------------------------------------------------------------------


def _edit(session: Session, message: requests.ApplyEdit, mark: Mark) -> None:
    edit, gesture = message.edit, message.gesture and message.gesture[:80]
    presets = _presets(session) if isinstance(edit, (ApplyPreset, MorphSound)) else {}
    ops = _laws() if isinstance(edit, (BakeMacros, MergeSounds, MorphSound)) else None
    chooses_checkpoint = isinstance(edit, SetRender) and edit.checkpoint is not None
    if isinstance(edit, SetRender) and edit.checkpoint is not None:
        _check_checkpoint(session, edit.checkpoint)
    if isinstance(edit, SetDetail):
        _complete(session, edit)
    if isinstance(edit, SetTrack) and session.info is not None:
        from engine.media.probe import find_track

        find_track(session.info, edit.track)
    seeks = isinstance(edit, (SetSource, SetTrack))
    if seeks:  # what is found then belongs to it, so that one undo takes back both
        gesture = f"{edit.kind} {time.monotonic()}"
    with session.lock:
        session.adopt_provisional()
        mark()  # first: of another clip, its ids mean nothing here
        change = apply_message(session.require_project(), to_mapping(edit), presets, ops)
        if isinstance(edit, SetThreshold):
            clip_service.choose_hits(session, change, gesture)
        else:
            session.commit(change, gesture)
        if seeks:
            session.worker.cancel()  # what it finds is of the source before
            session.detector.cancel()
            session.track = None  # no threshold chooses from what was sought elsewhere, or is offered
            session.set_media(curve=None, lag_s=None)
    if isinstance(edit, SetTrack):
        clip_playback.serve_track(session)
    if seeks:
        clip_service.detect_again(session, gesture)
    if chooses_checkpoint:
        session.send_welcome()  # the list as it is now


def _complete(session: Session, edit: SetDetail) -> None:
    """Complete the sound after an edit of its detail, so that its render keys are available at once."""
    from engine.pipeline.complete_sound import complete_sound

    project = session.require_project()
    changed = apply_message(project, to_mapping(edit)).apply(project)
    complete_sound(find_sound(changed, edit.sound_id))


def _check_checkpoint(session: Session, name: str) -> None:
    """Refuse a checkpoint that cannot be used before the document names it, and update the tab's list."""
    try:
        session.context.check(name)
    except BadInput:
        session.send_welcome()
        raise


def _undo(session: Session, message: requests.Undo, mark: Mark) -> None:
    _step(session, True, mark)


def _redo(session: Session, message: requests.Redo, mark: Mark) -> None:
    _step(session, False, mark)


def _step(session: Session, back: bool, mark: Mark) -> None:
    with session.lock:
        mark()
        before = session.project
        session.step(back)
        after = session.project
    if before is None or after is None or sought_in(before) == sought_in(after):
        return
    if before.clip.audio_track != after.clip.audio_track:
        clip_playback.serve_track(session)
    renew_curve(session)


def _presets(session: Session) -> dict[str, Preset]:
    return {preset.name: preset for preset in session.context.presets()}


def _laws() -> PhysicsOps:
    from engine.pipeline.physics_ops import PHYSICS_OPS

    return PHYSICS_OPS


# --- files and jobs ---------------------------------------------------------------------------


def _open(session: Session, message: requests.Open) -> None:
    clip_service.open_path(session, resolve_path(session, message.path))


def _find_clip(session: Session, message: requests.FindClip) -> None:
    find_clip(session, resolve_path(session, message.path))


def _open_demo(session: Session, message: requests.OpenDemo) -> None:
    clip_service.open_demo(session, message.name)


def _close(session: Session, message: requests.Close) -> None:
    session.renderer.stop()
    session.show(None)


def _forget_session(session: Session, message: requests.ForgetSession) -> None:
    forget_session(session.context, message.session, session.kept_ids)
    session.send_welcome()


def _cancel(session: Session, message: requests.Cancel) -> None:
    session.exports.cancel()
    if message.only_export:
        return
    if session.project is not None and not session.project.hits:
        session.adopt_provisional()  # what was found so far stays
    session.worker.cancel()
    session.helper.cancel()
    session.leveller.cancel()
    session.renderer.hold()


def _resume(session: Session, message: requests.Resume) -> None:
    session.renderer.request(asked=True, unrecognised_too=True)


def _focus(session: Session, message: requests.FocusOn) -> None:
    time_s = check_number(message.time_s, "time_s", (0.0, LONGEST_CLIP_S))
    session.focus = Focus(time_s, frozenset(message.hits[:MAX_HITS]))


def _detect(session: Session, message: requests.Detect) -> None:
    clip_service.detect_again(session)


def _analyse(session: Session, message: requests.Analyse) -> None:
    clip_service.analyse_again(session, list(message.hits))


def _snap_hits(session: Session, message: requests.SnapHits) -> None:
    clip_service.snap_hits(session, message.hits)


def _sound_from_file(session: Session, message: requests.SoundFromFile) -> None:
    sound = find_sound(session.require_project(), message.sound_id)
    path = resolve_path(session, message.path)
    if read_project_inside(path) is not None:  # an export that was dropped back is no recording of a hit
        clip_service.open_path(session, path)
        return

    def run(job: Job) -> None:
        from engine.pipeline.recordings import keep_recording
        from engine.pipeline.sound_sources import sound_from_recording

        session.set_status("work", "analysing", message=f"Analysing {path.name}")
        try:
            with session.context.analysis_lock.acquire(job.check):
                measured = keep_recording(path, sound_from_recording(path), session.context.cache)
        finally:
            uploads.remove(session, path)
        job.check()
        session.commit(replace_sound(sound.id, measured))
        session.set_status("work", "done", message=f"{measured.name}: {counted(len(measured.modes), 'mode')}")

    session.worker.start(run, replace_others=False)


# --- previews ---------------------------------------------------------------------------------


def _morph_preview(session: Session, message: requests.MorphPreview) -> None:
    """Send the result of a morph, for the tab to show and play; the document does not change."""
    project = session.require_project()
    sound = find_sound(project, message.sound_id)
    other = find_other(project, to_mapping(message), _presets(session))
    amount = check_number(message.amount, "amount", (0.0, 1.0))
    made = morphed(sound, other, amount, _laws().morph, _laws().complete)
    session.send(MorphPreviewed(sound.id, amount, sound_state(made)))


CHANGES: dict[type, Callable[[Session, Any, Mark], None]] = {
    requests.ApplyEdit: _edit,
    requests.Undo: _undo,
    requests.Redo: _redo,
    requests.UseCandidate: bank_service.use_candidate,
}
HANDLERS: dict[type, Callable[[Session, Any], None]] = {
    requests.Open: _open,
    requests.FindClip: _find_clip,
    requests.OpenDemo: _open_demo,
    requests.Close: _close,
    requests.ForgetSession: _forget_session,
    requests.Save: save_service.save,
    requests.CollectProject: save_service.collect,
    requests.Cancel: _cancel,
    requests.Resume: _resume,
    requests.FocusOn: _focus,
    requests.Detect: _detect,
    requests.Analyse: _analyse,
    requests.Export: export_service.export,
    requests.PlanExport: export_service.plan_export,
    requests.SaveExportPreset: preset_service.save_export_preset,
    requests.DeleteExportPreset: preset_service.delete_export_preset,
    requests.SnapHits: _snap_hits,
    requests.DrawToPeaks: arrange_service.draw_to_peaks,
    requests.ImportHits: arrange_service.import_hits,
    requests.Conform: conform_service.conform_clip,
    requests.FitLevel: level_service.fit_level,
    requests.MeasureLoudness: level_service.measure_loudness,
    requests.MeasureSync: sync_service.measure_sync,
    requests.StopSync: sync_service.stop_sync,
    requests.MakeAnimatic: animatic_service.make_animatic,
    requests.StopAnimatic: animatic_service.stop_animatic,
    requests.PictureSound: scene_service.picture_sound,
    requests.StopPicturing: scene_service.stop_picturing,
    requests.MakeStoryboard: storyboard_service.make_storyboard,
    requests.StopStoryboard: storyboard_service.stop_storyboard,
    requests.PictureCandidates: thumbnail_service.picture_candidates,
    requests.SoundFromFile: _sound_from_file,
    requests.Strike: audition_service.strike,
    requests.RenderTakes: audition_service.render_takes,
    requests.SavePreset: preset_service.save_preset,
    requests.DeletePreset: preset_service.delete_preset,
    requests.ImportPresets: preset_service.import_presets,
    requests.MeasureLayers: layer_service.measure,
    requests.FollowPicture: scrape_service.follow,
    requests.CompareVersions: compare_service.compare_versions,
    requests.AuditionPreset: audition_service.audition_preset,
    requests.AuditionCandidate: audition_service.audition_candidate,
    requests.MorphPreview: _morph_preview,
    requests.Search: bank_service.search,
    requests.MeasureSpan: bank_service.measure_span,
    requests.AddToBank: bank_service.add_to_bank,
    requests.BankSize: bank_service.send_bank_size,
    requests.QueueClips: queue_service.queue_clips,
    requests.CancelQueued: queue_service.cancel_queued,
    requests.ClearQueue: queue_service.clear_queue,
}
