"""Names of a batch's files by the pattern of UCS, which are known once the sounds are."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.core.files import make_write_error
from engine.media.export.endings import find_media_folder

if TYPE_CHECKING:
    from engine.pipeline.delivery import Delivery

NAMED = ("out", "stems", "pieces", "session")
"""Outputs that have such names; video, markers and project are called as the clip is."""

_LONGEST_ENDING = " 999_dawproject media"


@contextlib.contextmanager
def name_outputs(job: argparse.Namespace, delivery: Delivery) -> Iterator[None]:
    """Rename a job's outputs by the delivery's pattern, numbered where a file has the name.

    The names are taken by empty files and folders, so that clips which are rendered at the same time never share one;
    what is still empty at the end is taken away again. Raises BadInput.
    """
    job.file_stem, targets, taken = _claim(job, delivery.name(ending=_LONGEST_ENDING))
    for option in NAMED:
        paths = [str(path) for of, path in targets if of == option]
        if paths:
            setattr(job, option, paths if option == "session" else paths[0])
    try:
        yield
    finally:
        _release(taken)


def _claim(job: argparse.Namespace, stem: str) -> tuple[str, list[tuple[str, Path]], list[Path]]:
    """The stem, numbered where it is taken, the outputs under it, and what was made to hold them."""
    number, numbered = 1, stem
    while (taken := _take(targets := _list_targets(job, numbered))) is None:
        number += 1
        numbered = f"{stem} {number}"
    return numbered, targets, taken


def _list_targets(job: argparse.Namespace, stem: str) -> list[tuple[str, Path]]:
    """The named outputs and their paths under another stem than the job's."""
    given = [(option, path) for option in NAMED for path in _list_paths(getattr(job, option))]
    return [(option, path.with_name(stem + path.name.removeprefix(job.batch_name))) for option, path in given]


def _list_paths(value: str | list[str] | None) -> list[Path]:
    """Paths of an option, which may be given several times, once or not."""
    return [Path(path) for path in (value if isinstance(value, list) else [value]) if path is not None]


def _take(targets: list[tuple[str, Path]]) -> list[Path] | None:
    """Make empty files and folders of these names; None, and none made, where one of them is there."""
    made: list[Path] = []
    try:
        for option, path in targets:
            if option == "session" and find_media_folder(path).exists():
                raise FileExistsError
            path.mkdir() if option in ("stems", "pieces") else path.touch(exist_ok=False)
            made.append(path)
    except FileExistsError:
        _release(made)
        return None
    except OSError as error:
        _release(made)
        raise make_write_error(path, error) from None
    return made


def _release(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_dir():
                path.rmdir()  # which fails where there is something in it
            elif not path.stat().st_size:
                path.unlink()


def check_use(options: argparse.Namespace) -> None:
    """BadInput for ``--ucs-names`` of a single clip, whose files the command names."""
    if options.ucs_names:
        raise BadInput("--ucs-names is for the files of --out-dir; give --out-dir, or the name itself by --out")
