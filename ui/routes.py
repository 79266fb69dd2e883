"""Binary routes: clip, filmstrip, curve and waveform; sounds, comparisons and track; exports and uploads."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from engine.core.errors import BadInput
from engine.core.lru import LRU
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Clip
from ui import clip_playback, uploads
from ui.about import describe_parts
from ui.comparison_cache import ComparisonCache
from ui.context import AppContext
from ui.fair_pool import FairPool
from ui.session import Session
from ui.session_registry import SessionRegistry

if TYPE_CHECKING:
    from engine.media.export.samples import Samples

MEDIA_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
MOST_SAMPLES_S = 4.0
MOST_SPRITE_BYTES = 64 << 20
THREADS = 2
SENT_FRAMES = 1 << 16
MOST_WAITING = 256
"""Requests of one session that may wait for one of the THREADS; those of others do not wait for them."""

IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
FRESH = {"Cache-Control": "no-store"}


class Gone(BadInput):
    """A file is not there any more."""


class Stale(BadInput):
    """Another clip is shown than the one that was asked for."""


class Unknown(BadInput):
    """A session is not in memory."""


def add_routes(app: FastAPI, context: AppContext, sessions: SessionRegistry) -> None:
    """Add the routes to the app; what takes long runs in threads that serve sessions in turn."""
    sprites = LRU[tuple[Any, ...], bytes](MOST_SPRITE_BYTES, len)
    comparisons = ComparisonCache()
    pool = FairPool(THREADS, MOST_WAITING)

    async def respond(request: Request, session: Session, make: Callable[[], Response]) -> Response:
        response = await pool.run(session.id, make, request.is_disconnected)
        return response or Response(status_code=204)

    @app.get("/struck/media/{session_id}")
    def media(session_id: str) -> Response:
        path = _find(sessions, session_id).media_path()
        if path is None:
            raise BadInput("this clip has no picture the browser can play yet; wait for the proxy")
        _check_there(path)
        return FileResponse(path, media_type=MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"))

    @app.get("/struck/filmstrip/{session_id}")
    async def filmstrip(
        request: Request, session_id: str, start_s: float, end_s: float, count: int, height: int, v: str = ""
    ) -> Response:
        session = _find(sessions, session_id)
        clip = session.require_project().clip
        _check_shown(clip, v)
        if not (math.isfinite(start_s) and math.isfinite(end_s) and end_s > start_s):
            raise BadInput("the filmstrip's span is empty; request one with an end after its start")
        count, height = min(max(count, 1), 240), min(max(height, 8), 360)
        start_s = min(max(start_s, 0.0), clip.duration_s)
        end_s = min(max(end_s, start_s + 1e-3), max(clip.duration_s, start_s + 1e-3))

        def make() -> Response:
            key = (clip.digest, start_s, end_s, count, height)
            image = sprites.get(key)
            if image is None:
                image = make_sprite(clip, start_s, end_s, count, height)
                sprites.put(key, image)
            return Response(image, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

        return await respond(request, session, make)

    @app.get("/struck/about")
    def about() -> Response:
        return JSONResponse(describe_parts(), headers={"Cache-Control": "private, max-age=3600"})

    @app.get("/struck/presets")
    def presets() -> Response:
        from engine.document.preset_files import presets_to_bytes

        data = presets_to_bytes(context.own_presets.list())
        names = {**FRESH, "Content-Disposition": 'attachment; filename="struck-presets.json"'}
        return Response(data, media_type="application/json", headers=names)

    @app.get("/struck/curve/{session_id}")
    def curve(session_id: str) -> Response:
        track = _find(sessions, session_id).track
        if track is None:
            return JSONResponse({"error": "the onset curve is not there yet"}, status_code=409)
        # The page knows the curve's length: what follows is the velocity that the picture shows.
        shown = [track.curve.values] if track.velocity is None else [track.curve.values, track.velocity]
        return _binary(np.concatenate(shown).astype("<f4"), FRESH)

    @app.get("/struck/waveform/{session_id}")
    async def waveform(request: Request, session_id: str) -> Response:
        session = _find(sessions, session_id)
        info = session.info
        if info is None or not info.has_audio:
            return JSONResponse({"error": "this clip has no sound"}, status_code=404)

        def make() -> Response:
            _check_there(Path(info.path))
            track = session.require_project().clip.audio_track
            return _binary(clip_playback.waveform(session, info, track), FRESH)

        return await respond(request, session, make)

    @app.get("/struck/samples/{session_id}")
    async def samples(request: Request, session_id: str, start_s: float, end_s: float, v: str = "") -> Response:
        session = _find(sessions, session_id)
        clip = session.require_project().clip
        _check_shown(clip, v)
        if not (clip.has_audio and math.isfinite(start_s) and 0.0 <= start_s < end_s <= start_s + MOST_SAMPLES_S):
            raise BadInput(f"the span is none of the clip's sound; request up to {MOST_SAMPLES_S:g} s of it")

        def make() -> Response:
            from engine.media.sound import read_clip_audio

            _check_there(Path(clip.path))
            sound = read_clip_audio(clip.path, SAMPLE_RATE_HZ, start_s, end_s - start_s, clip.audio_track)
            return _binary(np.asarray(sound, "<f4"), {"Cache-Control": "private, max-age=3600"})

        return await respond(request, session, make)

    @app.get("/struck/sound/{key}")
    def sound(key: str) -> Response:
        samples = context.cache.get(key) if re.fullmatch(r"[\w-]{8,128}", key) else None
        if samples is None:
            sessions.forget_sound(key)
            return JSONResponse({"error": "this sound is being made again"}, status_code=404, headers=FRESH)
        return _binary(np.asarray(samples, "<f4"), IMMUTABLE)

    @app.get("/struck/side/{key}")
    def side(key: str) -> Response:
        return part(key, "side")

    @app.get("/struck/room/{key}")
    def room(key: str) -> Response:
        return part(key, "room")

    def part(key: str, what: str) -> Response:
        samples = sessions.find_part(key, what) if re.fullmatch(r"[\w-]{8,128}", key) else None
        if samples is None:
            return JSONResponse({"error": "this sound is being made again"}, status_code=404, headers=FRESH)
        return _binary(np.asarray(samples, "<f4"), IMMUTABLE)

    @app.get("/struck/match/{session_id}/{sound_id}")
    async def match(request: Request, session_id: str, sound_id: str) -> Response:
        session = _find(sessions, session_id)

        def make() -> Response:
            try:
                key, comparison = comparisons.get(session, sound_id)
            except BadInput as error:
                return JSONResponse({"error": str(error)}, status_code=404, headers=FRESH)
            headers = {"ETag": f'"{key}"', "Cache-Control": "private, no-cache"}
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            return Response(comparison, media_type="application/octet-stream", headers=headers)

        return await respond(request, session, make)

    @app.get("/struck/track/{session_id}")
    async def track(request: Request, session_id: str) -> Response:
        session = _find(sessions, session_id)
        session.require_project()

        def make() -> Response:
            from engine.pipeline.master import master_track

            mixed = session.renderer.mix()
            if mixed is None:
                return JSONResponse({"error": "still sampling"}, status_code=409, headers=FRESH)
            parts = float_wave(master_track(*mixed), SAMPLE_RATE_HZ)
            return StreamingResponse(parts, media_type="audio/wav", headers=FRESH)

        return await respond(request, session, make)

    @app.get("/struck/export/{export_key}/{name}")
    def exported(export_key: str, name: str) -> Response:
        session = sessions.find_exports(export_key)
        files = session.folder("exports").iterdir() if session else ()
        path = next((file for file in files if file.name == name and file.is_file()), None)
        if path is None:
            return JSONResponse({"error": f"{name[:80]} is not there any more; export again"}, status_code=404)
        return FileResponse(path, filename=name, headers=FRESH)

    @app.get("/struck/queue/{export_key}/{name}")
    def queued(export_key: str, name: str) -> Response:
        session = sessions.find_exports(export_key)
        files = session.queue.folder().iterdir() if session else ()
        path = next((file for file in files if file.name == name and file.is_file()), None)
        if path is None:
            return JSONResponse({"error": f"{name[:80]} is not there any more; queue its clip again"}, status_code=404)
        shown = path.suffix == ".html"  # the report, and cue sheets
        return FileResponse(path, filename=None if shown else name, headers=FRESH)

    @app.post("/struck/upload")
    async def upload(request: Request, session: str, name: str) -> Response:
        declared = request.headers.get("content-length", "")
        declared_bytes = int(declared) if re.fullmatch(r"\d{1,18}", declared) else 0
        try:
            place = await uploads.receive(sessions.get(session), name, declared_bytes, request.stream())
        except ClientDisconnect:
            return Response(status_code=204)
        return JSONResponse({"path": place})


def make_sprite(clip: Clip, start_s: float, end_s: float, count: int, height: int) -> bytes:
    """JPEG bytes of one filmstrip sprite; each tile shows the middle of its span. Gone where the clip is not there."""
    from engine.media.frames import make_filmstrip

    path = Path(clip.path)
    _check_there(path)
    step_s = (end_s - start_s) / count
    return make_filmstrip(path, [start_s + (k + 0.5) * step_s for k in range(count)], height)


def _find(sessions: SessionRegistry, session_id: str) -> Session:
    session = sessions.find(session_id)
    if session is None:
        raise Unknown("this session is not known; reload the page")
    return session


def _check_shown(clip: Clip, version: str) -> None:
    """Refuse to answer for another clip than the one that an address names: a browser would keep that as the other's.

    ``version`` begins with the clip's digest, after which a number may follow, of the sound track.
    """
    digest, _, track = version.partition("-")
    if not clip.digest.startswith(digest) or (track and track != str(clip.audio_track)):
        raise Stale("another clip was opened meanwhile; reload the page if this one is not shown")


def _check_there(path: Path) -> None:
    if not path.is_file():
        raise Gone(f"{path.name} is not there any more; put it back, or open it where it is now")


def _binary(values: np.ndarray, headers: dict[str, str]) -> Response:
    return Response(values.tobytes(), media_type="application/octet-stream", headers=headers)


def float_wave(track: Samples, sample_rate_hz: int) -> Iterator[bytes]:
    """A WAV file of 32-bit floats, so that the mix is neither clipped nor rounded, in parts as they are sent."""
    frames, channels = track.shape
    data_bytes = frames * channels * 4
    fields = (16, (3).to_bytes(2, "little") + channels.to_bytes(2, "little") + sample_rate_hz.to_bytes(4, "little"))
    form = fields[1] + (sample_rate_hz * channels * 4).to_bytes(4, "little")
    form += (channels * 4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    head = b"WAVEfmt " + fields[0].to_bytes(4, "little") + form + b"data" + data_bytes.to_bytes(4, "little")
    yield b"RIFF" + (len(head) + data_bytes).to_bytes(4, "little") + head
    for start in range(0, frames, SENT_FRAMES):
        yield np.ascontiguousarray(track[start : start + SENT_FRAMES], "<f4").tobytes()
