"""The web server: the websocket, the binary routes, the media, and the page mounted behind them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import shutil
import threading
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from engine.core.errors import BadInput, StruckError
from engine.core.lru import LRU
from engine.core.units import SAMPLE_RATE_HZ
from ui import clip_service, handlers
from ui.auth import AuthMiddleware
from ui.comparison_cache import ComparisonCache
from ui.context import AppContext
from ui.export_service import file_stem
from ui.protocol.codec import encode, parse_json
from ui.protocol.events import ErrorNotice
from ui.send_queue import CoalescingSendQueue
from ui.session import Session
from ui.session_registry import SessionRegistry
from ui.welcome import PROJECT_ENDING, welcome_message

EDITOR_FOLDER = Path(__file__).resolve().parent / "editor"
STATIC_ENDINGS = {".js", ".css", ".svg", ".png", ".woff2"}
MEDIA_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
MOST_UPLOAD_BYTES = 32 << 30
MOST_SPRITE_BYTES = 64 << 20
SPARE_DISK_BYTES = 512 << 20
IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
FRESH = {"Cache-Control": "no-store"}

log = logging.getLogger("struck")


class EditorFiles(StaticFiles):
    """The editor's modules and style; Python files beside them are not served."""

    def lookup_path(self, path: str) -> Any:
        return super().lookup_path(path) if Path(path).suffix in STATIC_ENDINGS else ("", None)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


class Sprites:
    """Filmstrips made before, bounded; two are made at a time."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(2)
        self._known = LRU[tuple[Any, ...], bytes](MOST_SPRITE_BYTES, len)

    def make(self, path: str, digest: str, start_s: float, end_s: float, count: int, height: int) -> bytes:
        """JPEG bytes of one sprite; each tile shows the middle of its span."""
        from engine.media.frames import make_filmstrip

        key = (digest, start_s, end_s, count, height)
        known = self._known.get(key)
        if known is not None:
            return known
        with self._places:
            step = (end_s - start_s) / count
            image = make_filmstrip(Path(path), [start_s + (k + 0.5) * step for k in range(count)], height)
        self._known.put(key, image)
        return image


def create_app(context: AppContext) -> FastAPI:
    """All of Struck's routes; the page is mounted by ``ui.app.mount``."""
    sessions = SessionRegistry(context)
    sprites = Sprites()
    matches = ComparisonCache()

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(sessions.close)

    app = FastAPI(title="Struck", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.sessions = sessions
    app.add_middleware(AuthMiddleware, options=context.options)  # type: ignore[arg-type]

    @app.exception_handler(StruckError)
    async def refuse(_request: Request, error: StruckError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=400 if isinstance(error, BadInput) else 500)

    @app.websocket("/struck/ws")
    async def connect(socket: WebSocket) -> None:
        await socket.accept()
        try:
            session, is_new = sessions.get(socket.query_params.get("session", ""))
        except BadInput as error:
            await socket.send_text(encode(ErrorNotice(str(error))))
            await socket.close(1008)
            return
        tab = socket.query_params.get("tab", "")[:64]
        send_queue = CoalescingSendQueue(asyncio.get_running_loop(), tab)
        send_queue.put(await run_in_threadpool(welcome_message, session.context))
        session.join(send_queue)
        sender = asyncio.create_task(_send_all(socket, send_queue))
        await run_in_threadpool(handlers.open_first, session, is_new)
        greeter = asyncio.create_task(_greet_again(session, send_queue))
        try:
            while True:
                await run_in_threadpool(handlers.handle, session, parse_json(await socket.receive_text()), tab)
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            session.leave(send_queue)
            send_queue.close()
            sender.cancel()
            greeter.cancel()

    @app.get("/struck/media/{session_id}")
    def media(session_id: str) -> Response:
        session = _find(sessions, session_id)
        path = session.media_path()
        if path is None:
            raise BadInput("this clip has no picture the browser can play yet; wait for the proxy")
        return FileResponse(path, media_type=MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"))

    @app.get("/struck/filmstrip/{session_id}")
    def filmstrip(session_id: str, start_s: float, end_s: float, count: int, height: int) -> Response:
        clip = _find(sessions, session_id).require_project().clip
        if not (math.isfinite(start_s) and math.isfinite(end_s) and end_s > start_s):
            raise BadInput("the filmstrip's span is empty; ask for one with an end after its start")
        count, height = min(max(count, 1), 240), min(max(height, 8), 360)
        start_s = min(max(start_s, 0.0), clip.duration_s)
        end_s = min(max(end_s, start_s + 1e-3), max(clip.duration_s, start_s + 1e-3))
        image = sprites.make(clip.path, clip.digest, start_s, end_s, count, height)
        return Response(image, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    @app.get("/struck/curve/{session_id}")
    def curve(session_id: str) -> Response:
        track = _find(sessions, session_id).track
        if track is None:
            return JSONResponse({"error": "the onset curve is not there yet"}, status_code=409)
        return _binary(np.asarray(track.curve.values, "<f4"), FRESH)

    @app.get("/struck/waveform/{session_id}")
    def waveform(session_id: str) -> Response:
        session = _find(sessions, session_id)
        if session.info is None or not session.info.has_audio:
            return JSONResponse({"error": "this clip has no sound"}, status_code=404)
        return _binary(clip_service.waveform(session, session.info), FRESH)

    @app.get("/struck/sound/{key}")
    def sound(key: str) -> Response:
        samples = context.cache.get(key) if re.fullmatch(r"[\w-]{8,128}", key) else None
        if samples is None:
            sessions.forget_sound(key)
            return JSONResponse({"error": "this sound is being made again"}, status_code=404, headers=FRESH)
        return _binary(np.asarray(samples, "<f4"), IMMUTABLE)

    @app.get("/struck/match/{session_id}/{sound_id}")
    def match(request: Request, session_id: str, sound_id: str) -> Response:
        try:
            key, answer = matches.get(_find(sessions, session_id), sound_id)
        except BadInput as error:
            return JSONResponse({"error": str(error)}, status_code=404, headers=FRESH)
        headers = {"ETag": f'"{key}"', "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(answer, media_type="application/octet-stream", headers=headers)

    @app.get("/struck/track/{session_id}")
    def track(session_id: str) -> Response:
        from engine.pipeline.render import place_hits

        session = _find(sessions, session_id)
        session.require_project()
        mixed = session.renderer.mix()
        if mixed is None:
            return JSONResponse({"error": "still sampling"}, status_code=409, headers=FRESH)
        return Response(float_wave(place_hits(*mixed), SAMPLE_RATE_HZ), media_type="audio/wav", headers=FRESH)

    @app.get("/struck/export/{session_id}/{name}")
    def exported(session_id: str, name: str) -> Response:
        folder = context.folder("exports", _find(sessions, session_id).id).resolve()
        path = (folder / name).resolve()
        if path.parent != folder or not path.is_file():
            return JSONResponse({"error": f"{name} is not there any more; export again"}, status_code=404)
        return FileResponse(path, filename=name, headers=FRESH)

    @app.post("/struck/upload")
    async def upload(request: Request, session: str, name: str) -> Response:
        number = uuid.uuid4().hex[:8]
        folder = context.folder("uploads", sessions.get(session)[0].id, number)
        plain = Path(name.replace("\\", "/"))
        path = folder / (file_stem(plain.stem) + re.sub(r"[^\w.]", "", plain.suffix)[:12])
        if name.endswith(PROJECT_ENDING):
            path = folder / (file_stem(name.removesuffix(PROJECT_ENDING)) + PROJECT_ENDING)
        written = 0
        try:
            with path.open("wb") as file:
                async for block in request.stream():
                    written += len(block)
                    if written > MOST_UPLOAD_BYTES or shutil.disk_usage(folder).free < SPARE_DISK_BYTES:
                        raise StruckError(f"{name} does not fit on the disk; make room and try again")
                    await run_in_threadpool(file.write, block)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return JSONResponse({"path": f"upload:{number}/{path.name}"})

    app.mount("/struck/static", EditorFiles(directory=EDITOR_FOLDER), name="editor")
    return app


def _find(sessions: SessionRegistry, session_id: str) -> Session:
    session = sessions.find(session_id)
    if session is None:
        raise BadInput("this session is not known; reload the page")
    return session


def _binary(values: np.ndarray, headers: dict[str, str]) -> Response:
    return Response(values.tobytes(), media_type="application/octet-stream", headers=headers)


async def _send_all(socket: WebSocket, send_queue: CoalescingSendQueue) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while texts := await send_queue.take():
            for text in texts:
                await socket.send_text(text)


async def _greet_again(session: Session, send_queue: CoalescingSendQueue) -> None:
    """Send the welcome again once the slow imports are done: it then names the device and the checkpoints."""
    if session.context.ready.is_set():
        return
    while not session.context.ready.is_set():
        await asyncio.sleep(0.1)
    send_queue.put(await run_in_threadpool(welcome_message, session.context))


def float_wave(track: np.ndarray, sample_rate_hz: int) -> bytes:
    """A WAV file of 32-bit floats in memory, so that the mix is neither clipped nor rounded; track [N, C]."""
    channels = track.shape[1] if track.ndim == 2 else 1
    data = np.ascontiguousarray(track, "<f4").tobytes()
    fields = (16, (3).to_bytes(2, "little") + channels.to_bytes(2, "little") + sample_rate_hz.to_bytes(4, "little"))
    form = fields[1] + (sample_rate_hz * channels * 4).to_bytes(4, "little")
    form += (channels * 4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    head = b"WAVEfmt " + fields[0].to_bytes(4, "little") + form + b"data" + len(data).to_bytes(4, "little")
    return b"RIFF" + (len(head) + len(data)).to_bytes(4, "little") + head + data
