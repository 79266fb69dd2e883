"""``python -m ui``: serve the editor and open the browser."""

from __future__ import annotations

import argparse
import errno
import gc
import logging
import logging.handlers
import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from engine.core.threads import QUIET

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ.update(QUIET | os.environ)  # before the modules below import NumPy

from engine.core.errors import BadInput, StruckError
from engine.core.files import make_write_error
from engine.core.paths import CHECKPOINTS
from ui.context import AppContext, Options

FIRST_PORT = 7860
PORTS_TRIED = 100
WARM_AFTER_S = 1.0
NO_PASSWORD = (
    "Warning: everyone who reaches this address can use Struck, its uploads and this machine's time; "
    "add --gradio-auth USER:PASSWORD to ask for a password"
)


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; exits with status 2 on invalid ones."""
    parser = argparse.ArgumentParser(prog="struck", description="Find, resynthesize and edit the hits in a clip.")
    parser.add_argument("start", nargs="?", metavar="CLIP|PROJECT", help="file to open; a demo by default")
    parser.add_argument("--listen", action="store_true", help="accept connections from other machines")
    parser.add_argument("--port", type=int, help=f"port to serve on ({FIRST_PORT}, or the next free one)")
    parser.add_argument("--share", action="store_true", help="public address through Gradio's tunnel")
    parser.add_argument("--gradio-auth", metavar="USER:PASSWORD", help="require a name and a password")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    parser.add_argument("--ckpt-dir", type=Path, default=CHECKPOINTS, help="folder of trained samplers")
    parser.add_argument("--data-dir", type=Path, help="folder for sessions, cache and exports (~/.struck)")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    given = parser.parse_args(arguments)
    auth = None
    if given.gradio_auth is not None:
        name, colon, password = given.gradio_auth.partition(":")
        if not (name and colon and password):
            parser.error("--gradio-auth is not USER:PASSWORD; give both with a colon between")
        auth = (name, password)
    if given.port is not None and not 1 <= given.port <= 65_535:
        parser.error(f"port {given.port} is not between 1 and 65535; choose another")
    return Options(
        start=given.start,
        listen=given.listen,
        share=given.share,
        port=given.port,
        auth=auth,
        device=given.device,
        checkpoint_folder=given.ckpt_dir,
        data_folder=given.data_dir,
        open_browser=not given.no_browser,
    )


def bind(options: Options) -> socket.socket:
    """A listening socket on the port of the options, or on the first free one from FIRST_PORT; BadInput if taken."""
    host = "0.0.0.0" if options.listen else "127.0.0.1"
    first = options.port or FIRST_PORT
    for port in [first] if options.port else range(first, first + PORTS_TRIED):
        # asyncio sends at once only on sockets that say they are TCP's; others keep a body back until the head of its
        # answer is acknowledged, 40 ms later.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
            return listener
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES, 10_013, 10_048):
                raise StruckError(f"cannot serve on {host}:{port} ({error.strerror}); choose another --port") from None
    if options.port:
        raise BadInput(f"port {first} is taken or closed to you; choose another --port")
    raise StruckError(f"no port from {first} to {first + PORTS_TRIED - 1} is free; choose one with --port")


def start_log(home: Path) -> None:
    """Log to a rotating file in the data folder. Raises BadInput."""
    path = home / "struck.log"
    try:
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=1 << 20, backupCount=2, encoding="utf-8", errors="backslashreplace"
        )
    except OSError as error:
        raise make_write_error(path, error) from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("struck")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False


def serve(options: Options) -> int:
    """Run until interrupted; returns the exit status."""
    if options.start and not os.path.exists(os.path.expanduser(options.start)):
        raise BadInput(f"{options.start} does not exist; check the name")
    listener = bind(options)
    port = listener.getsockname()[1]
    import uvicorn

    user_umask = os.umask(0o077)  # what is written is the user's alone; the sounds of a clip may be secret
    context = AppContext(options)
    context.user_umask = user_umask
    os.environ["GRADIO_TEMP_DIR"] = str(context.folder("cache", "gradio"))  # else in a folder that all can read
    gc.disable()  # imports leave no garbage, and collecting it takes a sixth of the start
    from ui.app import mount
    from ui.protocol.codec import MAX_BYTES
    from ui.server import create_app

    gc.freeze()
    gc.enable()
    if context.home_fault:
        print(context.home_fault, file=sys.stderr, flush=True)
    start_log(context.home)
    app = mount(create_app(context), port)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            timeout_graceful_shutdown=2,
            ws_per_message_deflate=False,
            ws_max_size=MAX_BYTES,
            proxy_headers=options.public,
            server_header=False,
        )
    )
    threading.Thread(target=_after_start, args=(server, context, port), daemon=True).start()
    server.run(sockets=[listener])
    return 0


def _after_start(server: object, context: AppContext, port: int) -> None:
    while not getattr(server, "started", False):
        time.sleep(0.02)
    address = f"http://127.0.0.1:{port}"
    print(f"Struck is at {address} (Ctrl+C ends it)", flush=True)
    if context.options.listen:
        print(f"Other machines reach it at http://{socket.gethostname()}:{port}", flush=True)
    if context.options.public and context.options.auth is None:
        print(NO_PASSWORD, file=sys.stderr, flush=True)
    if context.options.open_browser:
        webbrowser.open(address)
    if context.options.share:  # may take half a minute where the network is slow
        print(_share(context, port), flush=True)
    time.sleep(WARM_AFTER_S)
    context.warm()
    context.tidy()


def _share(context: AppContext, port: int) -> str:
    import secrets

    from gradio import networking

    try:
        networking.CERTIFICATE_PATH = str(context.folder("cache") / "tunnel.pem")  # else in the working folder
        address = networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
        context.host_names.add(urlsplit(address).hostname or "")
        return f"Public address: {address}"
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(". ") or type(error).__name__
        return f"No public address could be made ({reason[:200]}); check the network, or use --listen"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the editor; 2 on bad input, with one sentence on standard error."""
    try:
        return serve(parse(arguments))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except StruckError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
