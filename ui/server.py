"""The web server: the websocket, the editor's files and the errors; ``ui.routes`` adds the binary routes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

# Parts of SciPy need each other: two threads that import different ones first, as two jobs may, fail.
import scipy.cluster.hierarchy
import scipy.ndimage
import scipy.optimize
import scipy.signal  # noqa: F401
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from engine.core.errors import BadInput, StruckError
from ui import handlers, uploads
from ui.api.routes import PREFIX, add_api
from ui.auth import AuthMiddleware
from ui.context import AppContext
from ui.fair_pool import Busy, FairPool
from ui.jobs import describe_error, hide_folders
from ui.kept_sessions import mark_running
from ui.protocol.codec import encode, parse_json
from ui.protocol.events import DocumentState, ErrorNotice, Note, ServerMessage
from ui.routes import Gone, Stale, Unknown, add_routes
from ui.send_queue import CoalescingSendQueue
from ui.session import Session
from ui.session_registry import SessionRegistry
from ui.welcome import welcome_message

EDITOR_FOLDER = Path(__file__).resolve().parent / "editor"
STATIC_ENDINGS = {".js", ".css", ".svg", ".png", ".woff2"}
MESSAGE_THREADS = 16
MOST_CONNECTIONS = 32
"""Of one session."""

SECOND_TAB_AFTER_S = 2.0
STATUS_OF = (
    (Unknown, 404),
    (Gone, 410),
    (Stale, 409),
    (uploads.TooLarge, 413),
    (uploads.WrongKind, 415),
    (uploads.TooMany, 429),
    (Busy, 429),
    (BadInput, 400),
)

NOT_KEPT = {"Cache-Control": "no-store"}
"""Of refusals: a browser keeps some of them, such as 410, and would not ask again once the cause is mended."""

log = logging.getLogger("struck")


class EditorFiles(StaticFiles):
    """The editor's modules and style; Python files beside them are not served."""

    def lookup_path(self, path: str) -> Any:
        return super().lookup_path(path) if Path(path).suffix in STATIC_ENDINGS else ("", None)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(context: AppContext) -> FastAPI:
    """All of Struck's routes; the page is mounted by ``ui.app.mount``."""
    sessions = SessionRegistry(context)
    pool = FairPool(MESSAGE_THREADS, MOST_CONNECTIONS)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with mark_running(context):
            yield
            await run_in_threadpool(sessions.close)

    app = FastAPI(title="Struck", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.sessions = sessions
    app.add_middleware(AuthMiddleware, context=context)  # type: ignore[arg-type]

    @app.exception_handler(StruckError)
    async def refuse(_request: Request, error: StruckError) -> JSONResponse:
        status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
        return JSONResponse({"error": hide_folders(str(error), context.home)}, status, NOT_KEPT)

    @app.exception_handler(RequestValidationError)
    async def refuse_address(request: Request, error: RequestValidationError) -> JSONResponse:
        names = ", ".join(dict.fromkeys(str(fault["loc"][-1])[:80] for fault in error.errors()))
        remedy = "see /api/v1/docs" if request.url.path.startswith(PREFIX) else "reload the page"
        return JSONResponse({"error": f"the address lacks or misstates {names}; {remedy}"}, 422, NOT_KEPT)

    @app.exception_handler(Exception)
    async def fail(request: Request, error: Exception) -> JSONResponse:
        log.error("%s failed", request.url.path.split("/")[:3], exc_info=error)
        return JSONResponse({"error": describe_error(error)}, 500, NOT_KEPT)

    @app.websocket("/struck/ws")
    async def connect(socket: WebSocket) -> None:
        await socket.accept()
        try:
            session = sessions.get(socket.query_params.get("session", ""))
            if session.connection_count >= MOST_CONNECTIONS:
                raise BadInput(f"{MOST_CONNECTIONS} tabs show this project already; close one of them")
        except BadInput as error:
            await socket.send_text(encode(ErrorNotice(str(error))))
            await socket.close(1008)
            return
        tab = socket.query_params.get("tab", "")[:64]
        send_queue = CoalescingSendQueue(asyncio.get_running_loop(), tab)
        send_queue.put(await run_in_threadpool(welcome_message, session.context, session.kept_ids))
        session.join(send_queue)
        sender = asyncio.create_task(_send_all(socket, send_queue, session))
        await pool.run(session.id, functools.partial(handlers.open_first, session))
        greeter = asyncio.create_task(_greet_again(session, send_queue))
        noter = asyncio.create_task(_note_other_tabs(session, send_queue))
        try:
            while True:
                text = await socket.receive_text()
                await pool.run(session.id, functools.partial(_handle, session, text, tab))
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            session.leave(send_queue)
            send_queue.close()
            for task in (sender, greeter, noter):
                task.cancel()

    add_routes(app, context, sessions)
    add_api(app, context, sessions)
    app.mount("/struck/static", EditorFiles(directory=EDITOR_FOLDER), name="editor")
    return app


def _handle(session: Session, text: str, tab: str) -> None:
    try:
        message = parse_json(text)
    except BadInput as error:
        session.report(error)
        return
    handlers.handle(session, message, tab)


async def _send_all(socket: WebSocket, send_queue: CoalescingSendQueue, session: Session) -> None:
    """Send waiting messages; a document acknowledges a change only once the autosave holds it.

    A failure closes the connection, so that the tab reconnects instead of waiting forever.
    """
    try:
        while messages := await send_queue.take():
            if any(isinstance(message, DocumentState) for message in messages):
                texts = await run_in_threadpool(_keep_and_encode, session, messages)
            else:
                texts = [encode(message) for message in messages]
            try:
                for text in texts:
                    await socket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):  # the tab is gone
                return
    except Exception as error:
        log.error("sending to a tab of session %s failed", session.folder_name, exc_info=error)
        with contextlib.suppress(RuntimeError):
            await socket.close(1011)


def _keep_and_encode(session: Session, messages: list[ServerMessage]) -> list[str]:
    """Autosave, then make the texts: that of a large document would hold up the loop, and with it all sessions."""
    session.keep()
    return [encode(message) for message in messages]


async def _greet_again(session: Session, send_queue: CoalescingSendQueue) -> None:
    """Send the welcome again once the slow imports are done, with the device and the checkpoints."""
    if session.context.ready.is_set():
        return
    while not session.context.ready.is_set():
        await asyncio.sleep(0.1)
    send_queue.put(await run_in_threadpool(welcome_message, session.context, session.kept_ids))


async def _note_other_tabs(session: Session, send_queue: CoalescingSendQueue) -> None:
    """Notify the user where another tab shows the same session; after a reload the former tab has left by then."""
    await asyncio.sleep(SECOND_TAB_AFTER_S)
    if session.tab_count > 1:
        send_queue.put(Note("another tab shows this project too; both change the same document"))
