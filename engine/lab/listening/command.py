"""A blind listening test of the sampler in the browser: ``launch.py listen``."""

from __future__ import annotations

import argparse
import contextlib
import errno
import hashlib
import json
import socket
import sys
import threading
import webbrowser
from pathlib import Path

from engine.cli.console import MAX_SEED, check_json_target, say, whole_number, write_json
from engine.core.cache import Cache
from engine.core.device import choose_device
from engine.core.errors import BadInput
from engine.core.files import check_target
from engine.core.paths import CHECKPOINTS, ROOT
from engine.diffusion.sampler import load_sampler
from engine.lab.data.sampler.detail import LEVELS
from engine.lab.listening.plan import ABX, COMPARISONS, TASKS, ListeningConfig, draw_trials
from engine.lab.listening.server import ListeningTest, create_app
from engine.lab.listening.sounds import SoundMaker, gather_hits
from engine.lab.listening.tally import format_summary, pool_tallies, resume, summarize

FIRST_PORT, PORTS_TRIED = 7900, 50
MOST_TRIALS = 500
CACHE_BYTES = 2**28


def main(args: list[str]) -> None:
    """The command ``listen``: serve the test until it is stopped, then print the summary. Raises BadInput."""
    options = _parse(args)
    check_json_target(options.json)
    if options.summarize:
        rows, task = pool_tallies([Path(name) for name in options.summarize])
        _report(rows, task, options.json)
        return
    path = check_target(options.out)
    device, _ = choose_device(options.device)
    sampler = load_sampler(options.ckpt_dir, options.checkpoint, device)
    say("analysing the recordings")
    folder = None if options.data is None else Path(options.data)
    if folder is None:
        say("no --data-dir: the recordings are the demo's, whose sound is simulated; give a folder of real hits")
    hits = gather_hits(folder, options.trials, options.seed)
    digest = hashlib.sha256()
    for name, hit in hits.items():
        digest.update(name.encode() + hit.samples.tobytes())
    config = ListeningConfig(
        options.task,
        options.trials,
        options.seed,
        tuple(options.levels),
        tuple(options.compare),
        options.steps,
        f"{options.checkpoint} {sampler.digest[:12]}",
        f"{len(hits)} hits {digest.hexdigest()[:12]}",
    )
    trials = draw_trials(config, list(hits))
    answers = resume(path, config, trials)
    if answers:
        say(f"{path} holds {len(answers)} of {len(trials)} answers; going on from there")
    cache = Cache(ROOT / ".struck" / "listening", disk_bytes=CACHE_BYTES)
    test = ListeningTest(config, trials, answers, SoundMaker(hits, sampler, options.steps, options.seed, cache), path)
    _serve(test, options.port, not options.no_browser)
    if test.answers:
        _report(summarize(test.answers, config.task), config.task, options.json)


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="listen",
        description="A blind listening test in the browser: recorded hits, the sampler and the bare prior.",
    )
    parser.add_argument("--data", "--data-dir", dest="data", metavar="DIR", help="recordings of single hits")
    parser.add_argument("--task", choices=TASKS, default=ABX, help="which of A and B is X, or which sounds more real")
    parser.add_argument("--trials", type=whole_number(1, MOST_TRIALS), default=24, metavar="N")
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, metavar="S", help="of order and sounds")
    parser.add_argument("--out", default="tally.json", metavar="FILE", help="the answers; goes on where it left off")
    parser.add_argument("--levels", nargs="+", choices=list(LEVELS), default=list(LEVELS), metavar="LEVEL",
                        help=f"levels of detail: {', '.join(map(repr, LEVELS))}")  # fmt: skip
    parser.add_argument("--compare", nargs="+", choices=list(COMPARISONS), default=list(COMPARISONS), metavar="PAIR",
                        help=f"pairs that are compared: {', '.join(COMPARISONS)}")  # fmt: skip
    parser.add_argument("--steps", type=whole_number(1, 64), default=4, metavar="N", help="of the sampler")
    parser.add_argument("--summarize", nargs="+", metavar="TALLY", help="only summarise tallies, several together")
    parser.add_argument("--json", metavar="FILE", help="write the summary to a file, or - for standard output")
    parser.add_argument("--ckpt-dir", default=str(CHECKPOINTS))
    parser.add_argument("--checkpoint", default="sampler", metavar="NAME")
    parser.add_argument("--port", type=whole_number(1, 65_535), help=f"by default {FIRST_PORT} or the next free one")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.add_argument("--device", default="auto")
    return parser.parse_args(args)


def _report(rows: list[dict[str, object]], task: str, target: str | None) -> None:
    if target != "-":
        sys.stdout.write(format_summary(rows, task))
    if target is not None:
        write_json(json.loads(json.dumps({"task": task, "summary": rows})), target, sys.stdout)


def _serve(test: ListeningTest, port: int | None, opens_browser: bool) -> None:
    """Serve the page until Ctrl+C."""
    import uvicorn

    listener = _bind(port)
    server = uvicorn.Server(
        uvicorn.Config(create_app(test), log_level="warning", timeout_graceful_shutdown=1, server_header=False)
    )
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"

    ended = threading.Event()

    def start() -> None:
        while not server.started:
            if ended.wait(0.02):
                return
        say(f"The listening test is at {address} (Ctrl+C ends it; every answer is kept)")
        if opens_browser:
            webbrowser.open(address)
        test.make_ahead(ended.is_set)

    maker = threading.Thread(target=start, daemon=True)
    maker.start()
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once it has ended
        server.run(sockets=[listener])
    ended.set()
    maker.join()  # PyTorch aborts the process where it computes while that ends


def _bind(port: int | None) -> socket.socket:
    """A listening socket on this machine alone. Raises BadInput where the port is taken."""
    first = port or FIRST_PORT
    for candidate in [first] if port else range(first, first + PORTS_TRIED):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio delays bodies
        try:
            listener.bind(("127.0.0.1", candidate))
            listener.listen(16)
            return listener
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES, 10_013, 10_048):
                raise
    raise BadInput(f"port {first} is taken or closed to you; choose another --port")
