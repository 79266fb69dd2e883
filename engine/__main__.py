"""The command line: ``python -m engine COMMAND``, which ``launch.py`` runs inside the environment it makes."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from engine.core.errors import BadInput, Cancelled, StruckError
from engine.core.files import check_target
from engine.core.names import to_text
from engine.core.paths import ROOT
from engine.core.shared_store import VARIABLE as LIBRARY
from engine.core.threads import wait_quietly

OWN = (
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
COMMANDS = (*OWN, "train", "simulate", "evaluate", "bench", "listen")
LAB: dict[str, str | dict[str, str]] = {
    "train": {
        name: f"training.{name}.train"
        for name in (
            "animate",
            "ddpm",
            "generator",
            "material",
            "onset_folds",
            "onsets",
            "onsets_baseline",
            "sampler",
            "scene",
            "sync",
            "vision",
        )
    },
    "simulate": "simulator.command",
    "evaluate": {
        name: f"evaluation.{name}.evaluate"
        for name in (
            "animate",
            "bank",
            "clips",
            "counterfactual",
            "editor",
            "generator",
            "onsets",
            "physics",
            "realism",
            "robustness",
            "sampler",
            "scene",
            "simulator",
            "sync",
            "takes",
            "text",
            "vision",
        )
    },
    "bench": "benchmarks.run",
    "listen": "listening.command",
}
FORMER_NAMES = {"sight": "vision", "words": "text"}
DEVICES = ("auto", "cpu", "cuda", "mps")

USAGE = """usage: launch.py COMMAND ... [--device auto|cpu|cuda|mps] [--ckpt-dir DIR] [--data-dir DIR]
                           [--library URL]

  detect CLIP            onset times of the hits in a clip
  analyze HIT_AUDIO      estimate modes and residual of one recorded hit
  synthesize JSON        render modes and residual without the sampler
  render CLIP|PROJECT    detect, analyse, sample and export without the editor
  sync CLIP [SOUND]      how far a sound is early or late against the picture
  animate IMAGE SOUND    a film of a still, struck at the hits of a sound or project
  scene SOUND|PROJECT    pictures of what may have been struck, or a storyboard of the hits
  conform PROJECT CLIP   move a project's hits to a recut of its clip
  query CLIP|AUDIO       search the bank by picture, recording or words
  bank                   list the bank; add or remove your own recordings
  serve-sampler          sample the hits of many editors on this machine
  train NAME             train a network
  simulate               simulate clips and sounds
  evaluate NAME          quality tables
  bench [NAME]           benchmarks of speed
  listen                 a blind listening test in the browser

launch.py COMMAND --help lists its options.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 2 for bad input, 130 when interrupted, 1 for a fault of Struck's.

    Every failure is one sentence on standard error; standard output holds results alone.
    """
    wait_quietly()
    for name in ("av", "libav"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    if isinstance(sys.stdout, io.TextIOWrapper):  # names need not be text in its encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        _run(list(sys.argv[1:] if argv is None else argv), sys.stdout)
        return 0
    except BadInput as error:
        return _fail(str(error), 2)
    except StruckError as error:
        return _fail(str(error), 1)
    except (KeyboardInterrupt, Cancelled):
        return _fail("stopped", 130)
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _fail("there is not enough memory for this; close other programs or give a shorter clip", 1)
    except Exception as error:  # the traceback goes to a file
        return _fail(f"an unexpected {type(error).__name__} stopped it; {_keep_trace()}", 1)


def _fail(sentence: str, status: int) -> int:
    print(f"Struck: {to_text(' '.join(sentence.split()))}", file=sys.stderr, flush=True)
    return status


def _keep_trace() -> str:
    """Write the traceback to a file; returns a clause that names it."""
    name = f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (ROOT / ".struck" / "logs", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
            return f"please report it with {folder / name}"
        except OSError:
            continue
    return "please report what you did"


class _Once(argparse._StoreAction):
    """Stores the value of an option, which may be given once: of two, one would be passed over in silence."""

    _is_given = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        self.check(values, option_string)
        if option_string is not None and self._is_given:
            remedy = "leave one out" if self.nargs is None else "give all its values after one"
            raise BadInput(f"{option_string} is given twice; {remedy}")
        self._is_given = True
        super().__call__(parser, namespace, values, option_string)

    def check(self, values: Any, option_string: str | None) -> None:
        """BadInput for values that are refused; of this action none."""


class _Filled(_Once):
    """Stores a value, which is not empty: an empty name would stand for the folder that one is in."""

    def check(self, values: Any, option_string: str | None) -> None:
        if "" in (values if isinstance(values, list) else [values]):
            if option_string is None:
                raise BadInput(f"the name given as {self.metavar or self.dest} is empty; give one")
            remedy = "give one" if self.required else "give one, or leave it out"
            raise BadInput(f"the value of {option_string} is empty; {remedy}")


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are BadInput, and to which what begins with - and a number is a value."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register("action", None, _Filled)
        self.register("action", "store", _Filled)
        # -1e9, -01:00:00:00 and -inf too; no option is called so
        self._negative_number_matcher = re.compile(r"-(\.?\d|(inf|infinity|nan)$)", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{_soften(message)}; see {_name(self)} --help")


def _name(parser: argparse.ArgumentParser) -> str:
    return f"launch.py {parser.prog.removeprefix('launch.py')}".replace("  ", " ").strip()


def _soften(message: str) -> str:
    return message.removeprefix("argument ").replace("the following arguments are required:", "missing:")


def _run(argv: list[str], stdout: IO[str]) -> None:
    shared = _Parser(prog="launch.py", add_help=False, allow_abbrev=False)
    shared.add_argument("--device", choices=DEVICES, default=None)
    shared.add_argument("--ckpt-dir", metavar="DIR", default=None)
    shared.add_argument("--data-dir", metavar="DIR", default=None)
    shared.add_argument("--library", action=_Once, metavar="URL", default=None)  # an empty one is none
    common, rest = shared.parse_known_args(argv)
    if not rest or rest[0] in ("-h", "--help", "help"):
        stdout.write(USAGE)
        return
    command, args = rest[0], rest[1:]
    if command not in COMMANDS:
        raise BadInput(f"{command[:60]!r} is not a command; choose one of {', '.join(COMMANDS)}")
    if common.ckpt_dir is not None and not Path(common.ckpt_dir).is_dir():
        raise BadInput(f"--ckpt-dir {common.ckpt_dir} is not a folder; give one that holds checkpoints")
    if common.data_dir is not None and not Path(common.data_dir).is_dir():
        if command not in OWN:
            raise BadInput(f"--data-dir {common.data_dir} is not a folder; give one that holds recordings")
        if os.path.lexists(common.data_dir):  # a new one is made where something is written into it
            raise BadInput(f"--data-dir {common.data_dir} is not a folder; give another")
    if common.library is not None:
        os.environ[LIBRARY] = common.library  # processes of this command have it too
    if command in OWN:
        _run_own(command, args, common, stdout)
    else:
        _run_part(command, args, common)


def _run_own(command: str, args: list[str], common: argparse.Namespace, stdout: IO[str]) -> None:
    module = importlib.import_module(f"engine.cli.{command.replace('-', '_')}")
    parser = _Parser(
        prog=f"launch.py {command}",
        description=(module.__doc__ or command).split(": ", 1)[-1],
        epilog="--device auto|cpu|cuda|mps, --ckpt-dir DIR, --data-dir DIR and --library URL work here too.",
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    try:
        options = parser.parse_args(args)
    except SystemExit:  # --help has been printed
        return
    options.device, options.ckpt_dir, options.data_dir = common.device or "auto", common.ckpt_dir, common.data_dir
    with contextlib.redirect_stdout(sys.stderr):  # what libraries print is no result
        module.run(options, stdout)


def _run_part(command: str, args: list[str], common: argparse.Namespace) -> None:
    """Run a command of the lab: training, simulation, evaluation and benchmarks read their own arguments."""
    parts = LAB[command]
    if isinstance(parts, str):
        name, module_name = command, parts
    else:
        if args and args[0] in ("-h", "--help"):
            sys.stdout.write(f"usage: launch.py {command} NAME ...\n\nNAME is one of {', '.join(parts)}\n")
            return
        args[:1] = [FORMER_NAMES.get(name, name) for name in args[:1]]
        if not args or args[0] not in parts:
            given = f"{args[0][:60]!r} is not known to {command}" if args else f"{command} needs a name"
            raise BadInput(f"{given}; choose one of {', '.join(parts)}")
        name, args = args[0], args[1:]
        module_name = parts[name]
    _check_json(command, args)
    module = importlib.import_module(f"engine.lab.{module_name}")
    args = [*args, *_pass_on(command, name, common)]
    with _one_sentence_errors():
        try:
            status = module.main(args)
        except SystemExit as leave:
            status = leave.code
    if status:
        called = command if name == command else f"{command} {name}"
        raise StruckError(f"{called} failed; see its messages above")


def _check_json(command: str, args: list[str]) -> None:
    """BadInput for a ``--json`` that cannot be written, before the work whose figures it is for."""
    parser = _Parser(prog=command, add_help=False, allow_abbrev=False)
    parser.add_argument("--json")
    target = parser.parse_known_args(args)[0].json
    if target not in (None, "-"):
        check_target(target)


def _pass_on(command: str, name: str, common: argparse.Namespace) -> list[str]:
    """The shared options that were given; two have other names in training."""
    passed: list[str] = ["--device", common.device] if common.device else []
    if common.data_dir:
        passed += ["--data" if command == "train" else "--data-dir", common.data_dir]
    if common.ckpt_dir:
        folder = str(Path(common.ckpt_dir) / name)
        passed += ["--out", folder] if command == "train" else ["--ckpt-dir", common.ckpt_dir]
    return passed


@contextlib.contextmanager
def _one_sentence_errors() -> Iterator[None]:
    """Make every argument parser raise BadInput."""
    usual = argparse.ArgumentParser.error

    def refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
        raise BadInput(f"{_soften(message)}; see {_name(parser)} --help")

    argparse.ArgumentParser.error = refuse  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        argparse.ArgumentParser.error = usual  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
