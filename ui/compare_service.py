"""Versions of what is heard at chosen hits, mixed on request and matched in loudness."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.document.edits.values import check_hits
from engine.document.history import History
from engine.document.project import Project
from ui.audition_service import render_apart
from ui.jobs import Job
from ui.protocol.comparing import CompareVersions, Version, Versions

if TYPE_CHECKING:
    import numpy as np

    from ui.session import Session

MOST_CHANGES = 30


def compare_versions(session: Session, message: CompareVersions) -> None:
    """Mix the passage around hits as it is, as it was, and as the clip has it; a newer request takes its place."""
    session.require_project()
    history = session.history
    assert history is not None
    check_hits(history.now, message.hits)
    if not 1 <= message.back <= MOST_CHANGES:
        raise BadInput(f"the change {message.back} steps back is not offered; choose one from the list")
    session.auditions.start(lambda job: _compare(session, job, message, history))


def _compare(session: Session, job: Job, message: CompareVersions, history: History) -> None:
    from engine.pipeline.versions import find_changes, find_passage, match_loudness

    ids = frozenset(message.hits)
    start_s, end_s = find_passage(history.now, ids)
    changes = find_changes(history, ids)[:MOST_CHANGES]
    sounds: dict[str, np.ndarray] = {"now": _mix(session, job, history.now, start_s, end_s)}
    if len(changes) >= message.back:
        sounds["before"] = _mix(session, job, changes[message.back - 1].project, start_s, end_s)
    clip = _read_clip(session, history.now, start_s, end_s)
    if clip is not None:
        sounds["clip"] = clip
    loudness, gains_db = match_loudness(list(sounds.values()))
    versions = []
    for (name, sound), level, gain_db in zip(sounds.items(), loudness, gains_db, strict=True):
        key = hashlib.sha256(sound.tobytes()).hexdigest()
        session.context.cache.put(key, sound)
        lufs = round(level, 2) if math.isfinite(level) else None
        versions.append(Version(name, key, lufs, round(gain_db, 3)))  # type: ignore[arg-type]
    labels = tuple(change.label for change in changes)
    session.send_result(Versions(message.hits, message.back, start_s, end_s, labels, tuple(versions)))


def _mix(session: Session, job: Job, project: Project, start_s: float, end_s: float) -> np.ndarray:
    from engine.pipeline.versions import cut_passage, mix_passage

    heard = cut_passage(project, start_s, end_s)
    return mix_passage(heard, render_apart(session, job, heard), start_s, end_s)


def _read_clip(session: Session, project: Project, start_s: float, end_s: float) -> np.ndarray | None:
    """The clip's own sound of a passage in both channels; None where it has none or its file is gone."""
    import numpy as np

    from engine.core.units import SAMPLE_RATE_HZ
    from engine.media.sound import read_clip_audio

    clip = project.clip
    if not clip.has_audio or not Path(clip.path).is_file():
        return None
    sound = read_clip_audio(clip.path, SAMPLE_RATE_HZ, start_s, end_s - start_s, clip.audio_track)
    return np.repeat(np.asarray(sound, np.float32)[:, None], 2, axis=1)
