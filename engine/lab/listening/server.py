"""The page of a listening test, its sounds and its answers, over HTTP on this machine."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import FileResponse, JSONResponse, Response

from engine.core.bounded_json import parse_json
from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.listening.plan import ListeningConfig, Trial
from engine.lab.listening.sounds import SoundMaker
from engine.lab.listening.tally import mark_answer, summarize, write_tally

PAGE = Path(__file__).resolve().parent / "page"
FILES = {"": "index.html", "listen.js": "listen.js", "listen.css": "listen.css"}
MOST_BYTES = 4096
MOST_PLAYS = 10_000

log = logging.getLogger("struck")


class ListeningTest:
    """The state of a test: its trials, the answers so far and the file that keeps them."""

    def __init__(
        self,
        config: ListeningConfig,
        trials: Sequence[Trial],
        answers: list[dict[str, Any]],
        maker: SoundMaker,
        path: Path,
    ) -> None:
        self.config = config
        self.trials = trials
        self.answers = answers
        self._maker = maker
        self._path = path
        self._lock = threading.Lock()
        self._shown_s: float | None = None  # until the first sound of the trial that is on is asked for

    def describe(self) -> dict[str, Any]:
        """State for the page: never the system behind a letter, and the summary only at the end."""
        done, total = len(self.answers), len(self.trials)
        state: dict[str, Any] = {"task": self.config.task, "total": total, "done": done, "file": self._path.name}
        if done < total:
            return {**state, "letters": list(self.trials[done].letters)}
        return {**state, "summary": summarize(self.answers, self.config.task)}

    def answer(self, number: int, choice: str, plays: dict[str, int]) -> dict[str, Any]:
        """Keep the answer to the trial that is on; one to another, such as a second tab's, changes nothing.

        The state says whether it was ``kept``. Raises BadInput where the tally cannot be written; the answer then does
        not count.
        """
        with self._lock:
            kept = number == len(self.answers) < len(self.trials)
            if kept:
                trial = self.trials[number]
                if choice not in ("a", "b"):
                    raise BadInput(f"the answer {choice[:20]!r} is neither a nor b; reload the page")
                now_s = time.monotonic()
                row = mark_answer(trial, choice, plays, now_s - (now_s if self._shown_s is None else self._shown_s))
                write_tally(self._path, self.config, [*self.answers, row])
                self.answers.append(row)
                self._shown_s = now_s
            return {**self.describe(), "kept": kept}

    def encode_sound(self, number: int, letter: str) -> bytes:
        """A sound as WAV of 24 bits; of the trial that is on and those before it and next. Raises BadInput."""
        if not 0 <= number < min(len(self.trials), len(self.answers) + 2):
            raise BadInput(f"there is no sound {letter[:20]} of trial {number}; reload the page")
        if number == len(self.answers) and self._shown_s is None:
            self._shown_s = time.monotonic()
        sound = self._maker.make_trial(self.trials[number]).get(letter)
        if sound is None:
            raise BadInput(f"trial {number} has no sound {letter[:20]}; reload the page")
        return encode_wave(sound)

    def make_ahead(self, is_ended: Callable[[], bool]) -> None:
        """Make the sounds of all trials to come, so that the listener waits for none, until the test is ended."""
        for trial in self.trials[len(self.answers) :]:
            if is_ended():
                return
            try:
                self._maker.make_trial(trial)
            except StruckError:  # told when the trial is on
                return


def encode_wave(sound: np.ndarray) -> bytes:
    """Samples at 48 kHz as a WAV file of 24 bits."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_24")
    return buffer.getvalue()


def create_app(test: ListeningTest) -> FastAPI:
    """The routes: the page, ``/state``, ``/sound/NUMBER/LETTER`` and ``/answer``."""
    app = FastAPI(title="Struck listening test", docs_url=None, redoc_url=None, openapi_url=None)
    # a foreign site whose name is bound to this machine gives itself away by that name
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.exception_handler(StruckError)
    async def refuse(_request: Request, error: StruckError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=400 if isinstance(error, BadInput) else 500)

    @app.exception_handler(Exception)
    async def fail(request: Request, error: Exception) -> JSONResponse:
        log.error("%s failed", request.url.path, exc_info=error)
        return JSONResponse({"error": "the test met a fault of its own; restart it, nothing is lost"}, status_code=500)

    @app.get("/state")
    def describe() -> JSONResponse:
        return JSONResponse(test.describe())

    @app.get("/sound/{number}/{letter}")
    def sound(number: int, letter: str) -> Response:
        return Response(
            test.encode_sound(number, letter), media_type="audio/wav", headers={"Cache-Control": "no-store"}
        )

    @app.post("/answer")
    async def answer(request: Request) -> JSONResponse:
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            raise BadInput("an answer is JSON; reload the page")  # no form of another site can send it
        number, choice, plays = _read_answer(await request.body())
        return JSONResponse(await run_in_threadpool(test.answer, number, choice, plays))

    for name, file in FILES.items():
        app.add_api_route(f"/{name}", _serve(PAGE / file), methods=["GET"], include_in_schema=False)
    return app


def _serve(path: Path) -> Any:
    def serve() -> FileResponse:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return serve


def _read_answer(body: bytes) -> tuple[int, str, dict[str, int]]:
    try:
        if len(body) > MOST_BYTES:
            raise ValueError("too long")
        value = parse_json(body)
        number, choice, plays = value["trial"], value["choice"], value.get("plays", {})
        counts = {letter: plays.get(letter, 0) for letter in ("a", "b", "x") if letter in plays}
        if type(number) is not int or not isinstance(choice, str):
            raise ValueError("types")
        if any(type(count) is not int or not 0 <= count <= MOST_PLAYS for count in counts.values()):
            raise ValueError("plays")
        return number, choice, counts
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput("the answer is not one of this page's; reload the page") from None
