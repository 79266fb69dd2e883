"""Playback of the clip in a tab: the clip itself or a proxy, and the waveform of its sound."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ui import uploads
from ui.document_state import Playback
from ui.jobs import Job
from ui.protocol.events import BulkArray

if TYPE_CHECKING:
    from engine.media.probe import MediaInfo
    from ui.session import Session

WAVEFORM_RATE_HZ = 400
WAVEFORM_SOURCE_HZ = 16_000


def note_frame_rate(session: Session, info: MediaInfo) -> None:
    """Say it of a clip whose frames do not come evenly."""
    from engine.media.probe import describe_uneven_frames

    if uneven := describe_uneven_frames(info):
        session.note(uneven)


def serve_track(session: Session) -> None:
    """Serve the sound track that the document uses, and its waveform."""
    if session.info is not None:
        serve_clip(session, session.info)


def serve_clip(session: Session, info: MediaInfo) -> None:
    """Serve the clip to the browser, as a proxy if necessary; compute the waveform in parallel."""
    from engine.media.probe import describe_uneven_frames

    uploads.touch(session, Path(info.path))
    track = session.require_project().clip.audio_track
    name = f"{info.digest}.mp4" if len(info.audio_tracks) < 2 else f"{info.digest}-{track}.mp4"
    proxy = session.context.folder("proxies") / name
    tracks = tuple(map(str, info.audio_tracks))
    url = f"/struck/media/{session.id}?v={info.digest[:12]}"
    uneven = describe_uneven_frames(info)
    proxied = Playback(f"{url}-proxy{track}", 0.0, True, proxy, tracks, uneven)
    if info.browser_playable:
        session.set_playback(Playback(url, info.picture_offset_s, True, Path(info.path), tracks, uneven))
    elif proxy.is_file():
        proxy.touch()
        session.set_playback(proxied)
    else:
        session.set_playback(Playback(audio_tracks=tracks, uneven=uneven))
    session.helper.start(lambda job: _prepare_clip(session, info, track, proxied, job))


def _prepare_clip(session: Session, info: MediaInfo, track: int, proxied: Playback, job: Job) -> None:
    from engine.media.proxy import make_proxy

    if info.has_audio:
        number = session.clip_number
        shape = waveform(session, info, track, job)
        job.check()
        if session.clip_number == number:
            address = f"/struck/waveform/{session.id}?v={info.digest[:12]}-{track}"
            session.set_media(waveform=BulkArray(address, WAVEFORM_RATE_HZ, len(shape) // 2))
    assert proxied.path is not None
    if info.browser_playable or proxied.path.is_file():
        return

    def progress(fraction: float) -> None:
        job.check()
        done = round(100 * fraction)
        session.set_status("proxy", "opening", done, 100, f"Making a picture this browser can play, {done} %")

    try:
        make_proxy(Path(info.path), proxied.path, progress, track if info.has_audio else None)
    finally:
        session.clear_status("proxy")
    job.check()
    session.set_playback(proxied)


def waveform(session: Session, info: MediaInfo, track: int, job: Job | None = None) -> np.ndarray:
    """Lowest and highest sample of every 1/400 s of a sound track, int8 pairs one after another."""
    from engine.media.sound import iter_clip_audio

    cache = session.context.cache
    key = hashlib.sha256(f"waveform 2 {info.digest} {track}".encode()).hexdigest()
    known = cache.get(key)
    if known is not None:
        return known.astype(np.int8)
    step = WAVEFORM_SOURCE_HZ // WAVEFORM_RATE_HZ
    parts: list[np.ndarray] = []
    rest = np.zeros(0, np.float32)
    for block in iter_clip_audio(Path(info.path), WAVEFORM_SOURCE_HZ, 5.0, track):
        if job:
            job.check()
        rest = np.concatenate([rest, block])
        whole = len(rest) // step * step
        parts.append(_extremes(rest[:whole].reshape(-1, step)))
        rest = rest[whole:]
    if len(rest):
        parts.append(_extremes(rest[None]))
    shape = np.concatenate(parts) if parts else np.zeros(0, np.int8)
    cache.put(key, shape.astype(np.float32))
    return shape


def _extremes(rows: np.ndarray) -> np.ndarray:
    pairs = np.stack([rows.min(axis=1), rows.max(axis=1)], axis=1)
    return np.clip(np.round(pairs * 127), -127, 127).astype(np.int8).reshape(-1)
