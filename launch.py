#!/usr/bin/env python3
"""Struck: from a picture of things being struck to their sound.

    python3 launch.py                      open the editor in the browser
    python3 launch.py [ui] CLIP|PROJECT    the same, with a clip or project
    python3 launch.py COMMAND ...          detect, analyze, synthesize, render, train, simulate, evaluate, bench, listen
    python3 launch.py test [PYTEST ARGS]   run every test

The first start makes .venv beside this file and installs requirements.txt into it; an interrupted or
broken installation is mended at the next start. In a checkout that cannot be written, .venv goes to the data
folder. Needs Python 3.10 to 3.13 and nothing else.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

PYTHONS: str = "3.10, 3.11, 3.12 or 3.13"  # Python 2 shows this line: start launch.py with Python 3.10 to 3.13
if sys.version_info < (3, 10):  # noqa: UP036 - older ones do not get beyond the annotations below
    _version = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.stderr.write(f"Struck: Python {_version} cannot run Struck; start launch.py with Python {PYTHONS}\n")
    sys.exit(2)

from engine.install import environment  # noqa: E402 - older Pythons cannot read it
from engine.install.state import (  # noqa: E402
    ROOT,
    LaunchError,
    check_python,
    child_environment,
    find_damage,
    forget_stamp,
    read_stamp,
    say,
    site_packages,
)

LAB_COMMANDS = ("train", "simulate", "evaluate")
OWN_COMMANDS = (
    "detect",
    "analyze",
    "synthesize",
    "render",
    "query",
    "bank",
    "conform",
    "sync",
    "animate",
    "scene",
    "serve-sampler",
)
COMMANDS = (*OWN_COMMANDS, *LAB_COMMANDS, "bench", "listen")
MOST_TEST_PROCESSES = 4


def route(args: Sequence[str], exists: Any = os.path.exists) -> tuple[str, list[str]]:
    """Module to run (``ui``, ``engine``, ``test`` or ``help``) and its arguments."""
    if not args:
        return "ui", []
    first, rest = args[0], list(args[1:])
    if first in ("-h", "--help", "help"):
        return "help", []
    if first in ("ui", "test"):
        return first, rest
    if first in COMMANDS:
        return "engine", list(args)
    if first.startswith("-"):
        return ("engine" if any(word in COMMANDS for word in args) else "ui"), list(args)
    if exists(first) or os.path.splitext(first)[1] or os.path.basename(first) != first:
        return "ui", list(args)
    return "engine", list(args)


def needed_extras(module: str, args: Sequence[str]) -> tuple[str, ...]:
    """What a command needs beyond the app: ``lab`` to train, simulate and evaluate, ``farm`` for Ray, all to test."""
    if module == "test":
        return ("lab", "farm", "test")
    if module == "engine" and list(args[:2]) == ["bench", "timeline"]:
        return ("lab", "test")  # a browser is driven
    if module == "engine" and (list(args[:2]) == ["bench", "growth"] or any(w.split("=")[0] == "--farm" for w in args)):
        return ("farm",)
    return ("lab",) if module == "engine" and any(word in LAB_COMMANDS for word in args) else ()


def spread_tests(args: Sequence[str]) -> list[str]:
    """Options of pytest that run the whole suite in one process a core; none for named tests.

    One more, which would compute while another waits for a browser, takes longer: each imports all tests and starts
    an app and a browser of its own, which fill the cores as it is.
    """
    if any(arg.startswith(("-n", "--numprocesses", "--dist")) or (ROOT / arg.split("::")[0]).exists() for arg in args):
        return []
    count = str(min(os.cpu_count() or 1, MOST_TEST_PROCESSES))
    return ["-n", count, "--dist", "loadfile", "--no-loadscope-reorder", "--maxfail", "20"]  # tests/conftest.py orders


def command_line(python: Path, module: str, args: Sequence[str]) -> list[str]:
    """Run a module of this repository whatever the working folder, which must not shadow it."""
    if module == "test":
        return [str(python), "-m", "pytest", *spread_tests(args), *args]
    run = f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    code = f"import runpy, sys; sys.path[0] = {str(ROOT)!r}; {run}"
    return [str(python), "-c", code, *args]


def run_child(line: Sequence[str], environment: Mapping[str, str], cwd: Path | None) -> int:
    """Run a command to its end; its exit status is ours, Ctrl-C and termination reach it."""
    with subprocess.Popen(line, env=dict(environment), cwd=cwd) as child:
        before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            status = child.wait()
            return 128 - status if status < 0 else status
        except KeyboardInterrupt:
            try:
                child.wait(timeout=10)
            except (KeyboardInterrupt, subprocess.TimeoutExpired):
                child.kill()
            return 130
        finally:
            signal.signal(signal.SIGTERM, before)


def main(args: Sequence[str]) -> int:
    """Run the command line and return the exit status."""
    try:
        module, rest = route(args)
        if module == "help":
            print(__doc__)
            return 0
        check_python()
        folder = environment.choose_folder()
        python = environment.ensure_environment(needed_extras(module, rest), folder)
        variables = child_environment(os.environ, folder)
        status = run_child(command_line(python, module, rest), variables, ROOT if module == "test" else None)
        if status not in (0, 2, 130):
            venv = python.parent.parent
            stamp = read_stamp(venv)
            if stamp and find_damage(site_packages(venv, stamp["python"]), stamp["distributions"], thorough=True):
                forget_stamp(venv)
                say("files of the installation are damaged; the next start mends them")
        return status
    except LaunchError as error:
        say(str(error))
    except KeyboardInterrupt:
        say("stopped; the next start goes on from here")
        return 130
    except OSError as error:
        say(f"{error.filename or ROOT} cannot be used ({error.strerror or error}); mend that and start again")
    return 2


def _exit() -> NoReturn:
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    _exit()
