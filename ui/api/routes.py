"""Routes of the HTTP API: each works on a session as a tab of the editor does, with the same limits."""

from __future__ import annotations

import re
import secrets
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse

from engine.core.errors import BadInput
from engine.core.json_pieces import encode_json
from engine.core.units import SAMPLE_RATE_HZ
from engine.core.words import counted
from engine.document.storage import autosave_path
from ui import clip_service, uploads
from ui.api.body import check_fields, read_body
from ui.api.conversation import Broken, Conversation
from ui.api.page import write_page
from ui.api.schema import describe_api, of_fields, of_type
from ui.context import AppContext
from ui.fair_pool import FairPool
from ui.protocol.animating import MakeAnimatic
from ui.protocol.edits import EditMessage
from ui.protocol.exporting import Export
from ui.routes import FRESH, Unknown, float_wave
from ui.save_service import name_file
from ui.session import Session
from ui.session_registry import SESSION_ID, SessionRegistry

PREFIX = "/api/v1"
THREADS = 8
MOST_WAITING = 64
LONGEST_WAIT_S = 3600.0

WaitS = Annotated[
    float, Query(ge=0.0, le=LONGEST_WAIT_S, description="answer after so many seconds even if work goes on")
]
SOURCES = {"preset": str, "words": str, "recording": str}


def add_api(app: FastAPI, context: AppContext, sessions: SessionRegistry) -> None:
    """Add the API's routes to the app, whose middleware checks address, host, origin and password before them."""
    router = APIRouter(prefix=PREFIX, tags=["projects"])
    pool = FairPool(THREADS, MOST_WAITING)

    def talk(project_id: str, wait_s: float) -> Conversation:
        return Conversation(_find(sessions, project_id), pool, wait_s)

    @router.get("/presets", tags=["presets"])
    def list_presets() -> Response:
        """Names and materials of the presets."""
        presets = [{"name": preset.name, "material": preset.material} for preset in context.presets()]
        return JSONResponse({"presets": presets})

    @router.post("/projects", status_code=201, openapi_extra=of_fields({"path": str}, "an empty project without"))
    async def create_project(request: Request, wait_s: WaitS = 600.0) -> Response:
        """Open a clip, a project file, or an export that holds its project; detect, analyse and sample a clip.

        `path` is a place on the machine that Struck runs on, where others cannot reach the app. Else create an empty
        project and send the clip to `PUT /projects/{project_id}/clip`.
        """
        body = await read_body(request)
        check_fields(body, {"path": str})
        session = sessions.get(secrets.token_hex(12))
        session.opened = True  # a page that shows it opens nothing of its own
        try:
            async with Conversation(session, pool, wait_s) as conversation:
                if body.get("path"):
                    await conversation.ask("open", path=body["path"])
                return await _answer(conversation, 201)
        except (BadInput, Broken):
            sessions.remove(session.id)
            raise

    @router.put("/projects/{project_id}/clip", openapi_extra=of_type("application/octet-stream"))
    async def send_clip(request: Request, project_id: str, name: str, wait_s: WaitS = 600.0) -> Response:
        """Open the clip or project that is the request's body, under a file's name."""
        async with talk(project_id, wait_s) as conversation:
            place = await _receive(request, conversation.session, name)
            await conversation.ask("open", path=place)
            return await _answer(conversation)

    @router.post("/projects/{project_id}/files", openapi_extra=of_type("application/octet-stream"))
    async def send_file(request: Request, project_id: str, name: str) -> Response:
        """Store a recording; `path` of the answer is what other routes take as its place."""
        return JSONResponse({"path": await _receive(request, _find(sessions, project_id), name)})

    @router.get("/projects/{project_id}")
    async def get_project(project_id: str, wait_s: WaitS = 0.0) -> Response:
        """The document as it stands, and what goes on; with `wait_s` once nothing goes on any more."""
        async with talk(project_id, wait_s) as conversation:
            await conversation.settle(rendered=True)
            return await _answer(conversation, 202 if conversation.busy else 200)

    @router.delete("/projects/{project_id}", status_code=204)
    def delete_project(project_id: str) -> Response:
        """End all work on a project and forget it, its uploads and its exports; files saved elsewhere stay."""
        _find(sessions, project_id)
        sessions.remove(project_id)
        return Response(status_code=204)

    @router.post(
        "/projects/{project_id}/detect", openapi_extra=of_fields({"source": str, "threshold": float}, "as it is set")
    )
    async def detect(request: Request, project_id: str, wait_s: WaitS = 600.0) -> Response:
        """Detect the hits anew and estimate their sounds; those edited by hand stay.

        `source` is video, audio or both; `threshold` is from 0 to 1.
        """
        body = await read_body(request)
        check_fields(body, {"source": str, "threshold": float})
        async with talk(project_id, wait_s) as conversation:
            project = conversation.session.require_project()
            if body.get("threshold") is not None:
                if not 0.0 <= body["threshold"] <= 1.0:
                    raise BadInput(f"threshold {body['threshold']:g} is out of range; give 0 to 1")
                await conversation.ask("edit", edit={"kind": "set_threshold", "threshold": body["threshold"]})
            if body.get("source") not in (None, project.detection.source):
                await conversation.ask("edit", edit={"kind": "set_source", "source": body["source"]})
            else:
                await conversation.ask("detect")
            return await _answer(conversation)

    @router.post("/projects/{project_id}/physics", openapi_extra=of_fields({"sound_id": str, **SOURCES}, "the clip's"))
    async def choose_physics(request: Request, project_id: str, wait_s: WaitS = 600.0) -> Response:
        """Give a sound the physics of a preset, of words such as "thin glass bottle", or of a recorded hit.

        `recording` is a path, or one that `POST /projects/{project_id}/files` answered. An empty body estimates the
        sounds of all hits from the clip.
        """
        body = await read_body(request)
        check_fields(body, {"sound_id": str, **SOURCES})
        async with talk(project_id, wait_s) as conversation:
            await _choose_physics(conversation, body)
            return await _answer(conversation)

    @router.post("/projects/{project_id}/edits", openapi_extra=of_type("application/json", EditMessage))
    async def edit(request: Request, project_id: str, wait_s: WaitS = 600.0) -> Response:
        """Apply an edit by its `kind`, such as `{"kind": "move_hits", "ids": ["h1"], "delta_s": 0.01}`."""
        body = await read_body(request)
        async with talk(project_id, wait_s) as conversation:
            await conversation.ask("edit", edit=body)
            return await _answer(conversation)

    @router.post("/projects/{project_id}/undo")
    async def undo(project_id: str, wait_s: WaitS = 600.0) -> Response:
        """Undo the last edit."""
        async with talk(project_id, wait_s) as conversation:
            await conversation.ask("undo")
            return await _answer(conversation)

    @router.post("/projects/{project_id}/redo")
    async def redo(project_id: str, wait_s: WaitS = 600.0) -> Response:
        """Redo the edit that was undone last."""
        async with talk(project_id, wait_s) as conversation:
            await conversation.ask("redo")
            return await _answer(conversation)

    @router.post("/projects/{project_id}/cancel")
    async def cancel(project_id: str) -> Response:
        """Stop detection, analysis, sampling, export and an animatic."""
        async with talk(project_id, 10.0) as conversation:
            conversation.session.animatics.cancel()
            await conversation.ask("cancel")
            return await _answer(conversation)

    @router.get(
        "/projects/{project_id}/track", response_class=Response, responses={200: {"content": {"audio/wav": {}}}}
    )
    async def render_track(project_id: str, wait_s: WaitS = 600.0) -> Response:
        """The track as a WAV of 32-bit floats at 48 kHz, once all hits are sampled; 409 where the time is up before."""
        async with talk(project_id, wait_s) as conversation:
            session = conversation.session
            session.require_project()
            await conversation.ask("resume", rendered=True)
            mixed = session.renderer.mix()
            if mixed is None:
                return JSONResponse({"error": "hits are still being sampled; ask again"}, 409, headers=FRESH)
            from engine.pipeline.master import master_track

            return StreamingResponse(
                float_wave(master_track(*mixed), SAMPLE_RATE_HZ), media_type="audio/wav", headers=FRESH
            )

    @router.post("/projects/{project_id}/exports", openapi_extra=of_type("application/json", Export))
    async def export(request: Request, project_id: str, wait_s: WaitS = 600.0) -> Response:
        """Write files, as the editor's *Export* does, once all hits are sampled; `files` of the answer are theirs.

        Where an earlier export left files of the same names the answer is 409, unless `existing` is "keep" or
        "replace".
        """
        body = await read_body(request)
        async with talk(project_id, wait_s) as conversation:
            await conversation.ask("export", **{name: value for name, value in body.items() if name != "type"})
            plan = conversation.plan
            if plan is not None and plan.asks:
                first, more = plan.existing[0], len(plan.existing) - 1
                others = f" and {counted(more, 'more file')} exist" if more else " exists"
                error = f'{first}{others} already; set "existing" to "keep" or "replace"'
                return JSONResponse({"error": error, "existing": plan.existing}, 409)
            exported = conversation.exported
            files = [
                {"name": f.name, "note": f.note, "warning": f.warning, "url": _file_url(project_id, f.name)}
                for f in (exported.files if exported else ())
            ]
            return await _answer(conversation, 200 if exported else 202, files=files)

    @router.post("/projects/{project_id}/animatic", openapi_extra=of_type("application/json", MakeAnimatic))
    async def animate(request: Request, project_id: str, wait_s: WaitS = 600.0) -> Response:
        """Make a short film of a still that is struck at the project's hits; `animatic` of the answer is its file.

        `image` is a path, or one that `POST /projects/{project_id}/files` answered; without it the clip's frame at
        `time_s` is taken.
        """
        body = await read_body(request)
        async with talk(project_id, wait_s) as conversation:
            await conversation.ask("make_animatic", **{name: value for name, value in body.items() if name != "type"})
            made = conversation.animatic
            if made is None:
                return await _answer(conversation, 202)
            return await _answer(conversation, animatic={**vars(made), "url": _file_url(project_id, made.name)})

    @router.get("/projects/{project_id}/exports/{name}", response_class=FileResponse)
    def get_export(project_id: str, name: str) -> Response:
        """A file of an export."""
        session = _find(sessions, project_id)
        path = next(
            (file for file in session.folder("exports").iterdir() if file.name == name and file.is_file()), None
        )
        if path is None:
            raise Unknown(f"{name[:80]} is not there; export it first")
        return FileResponse(path, filename=name, headers=FRESH)

    @router.post("/projects/{project_id}/save", openapi_extra=of_fields({"path": str, "overwrite": bool}, "its file"))
    async def save(request: Request, project_id: str) -> Response:
        """Save the project to a file on the machine that Struck runs on, by default where it was saved last."""
        body = await read_body(request)
        check_fields(body, {"path": str, "overwrite": bool})
        async with talk(project_id, 600.0) as conversation:
            session = conversation.session
            if body.get("path") is not None and not body.get("overwrite"):
                await run_in_threadpool(_check_free, session, body["path"])
            await conversation.ask("save", path=body.get("path"))
            return await _answer(conversation)

    @router.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return JSONResponse(describe_api(router.routes))

    @router.get("/docs", include_in_schema=False)
    def docs() -> Response:
        return HTMLResponse(write_page(describe_api(router.routes)))

    app.include_router(router)


def _find(sessions: SessionRegistry, project_id: str) -> Session:
    """The session of an id, taken up from its autosave if it is not in memory. Raises Unknown."""
    session = sessions.find(project_id)
    if session is not None:
        return session
    if SESSION_ID.fullmatch(project_id):
        place = autosave_path(sessions.context.folder("sessions"), project_id)
        if place.exists():
            session = sessions.get(project_id)
            with session.lock:
                is_new, session.opened = not session.opened, True
            if not is_new:
                return session
            if session.resume():
                clip_service.resume_clip(session)
                return session
    raise Unknown("this project is not known; create one by POST /api/v1/projects")


async def _receive(request: Request, session: Session, name: str) -> str:
    declared = request.headers.get("content-length", "")
    declared_bytes = int(declared) if re.fullmatch(r"\d{1,18}", declared) else 0
    return await uploads.receive(session, name, declared_bytes, request.stream())


async def _choose_physics(conversation: Conversation, body: Mapping[str, Any]) -> None:
    project = conversation.session.require_project()
    given = {name: body[name] for name in SOURCES if body.get(name) is not None}
    if not given:
        if body.get("sound_id") is not None:
            raise BadInput("a sound is named and no physics for it; give preset, words or recording")
        await conversation.ask("analyse", hits=[hit.id for hit in project.hits])
        return
    if len(given) > 1:
        raise BadInput("several sources of physics are given; give one of preset, words and recording")
    if body.get("sound_id") is None and len(project.sounds) != 1:
        raise BadInput(f"the project has {len(project.sounds)} sounds; give the sound_id of the one to change")
    sound_id = body.get("sound_id") or project.sounds[0].id
    ((kind, value),) = given.items()
    if kind == "preset":
        await conversation.ask("edit", edit={"kind": "apply_preset", "name": value, "sound_id": sound_id})
    elif kind == "recording":
        await conversation.ask("sound_from_file", sound_id=sound_id, path=value)
    else:
        await conversation.ask("search", by="words", text=value)
        candidates = conversation.answer.candidates if conversation.answer else ()
        if not candidates:
            from engine.bank.text.parse import make_words_error

            raise make_words_error(value)
        await conversation.ask("use_candidate", id=candidates[0].id, sound_id=sound_id)


def _check_free(session: Session, path: str) -> None:
    """BadInput where a file is there that the session did not save, or that was changed since."""
    place = name_file(session, path)
    if place.exists() and not session.context.project_files.is_as_known(session, place):
        raise BadInput(f'{place} exists already; set "overwrite" to true, or give another name')


def _file_url(project_id: str, name: str) -> str:
    return f"{PREFIX}/projects/{project_id}/exports/{urllib.parse.quote(name)}"


async def _answer(conversation: Conversation, status: int = 200, **more: Any) -> Response:
    """The project of a conversation; status 202 where its work goes on, but for sampling, which ``busy`` tells too."""
    session = conversation.session
    document, saved = conversation.document, session.saved_as
    body = {
        "id": session.id,
        "busy": conversation.busy,
        "status": vars(conversation.status),
        "notes": conversation.notes,
        "undo": document.undo,
        "redo": document.redo,
        "saved_as": None if saved is None else str(Path(saved).name if session.context.options.public else saved),
        **more,
        "project": document.project,
    }
    text = await run_in_threadpool(encode_json, body)
    return Response(text, 202 if conversation.works else status, headers=FRESH, media_type="application/json")
