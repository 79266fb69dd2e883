"""Uploads: files that a tab sends, limited in size, kind and number, each in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from engine.core.errors import BadInput, StruckError
from engine.core.files import make_private_folder, replace_file
from engine.core.names import make_file_stem
from engine.document.storage import MAX_FILE_BYTES, SUFFIX, is_project_file
from engine.media.spotting.read import LARGEST_BYTES, is_spotting_file

if TYPE_CHECKING:
    from ui.session import Session

MOST_BYTES = 32 << 30
MOST_FILES = 4000
MOST_AT_ONCE = 8
SPARE_DISK_BYTES = 512 << 20
LONGEST_ENDING = 12
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


class TooLarge(StruckError):
    """An upload exceeds the size limit or the free disk space."""


class TooMany(StruckError):
    """A session has reached its limit of uploads."""


class WrongKind(BadInput):
    """An upload is no clip, recording or project."""


async def receive(session: Session, name: str, declared_bytes: int, blocks: AsyncIterator[bytes]) -> str:
    """Store an upload; returns the path by which messages refer to it.

    Raises TooLarge, TooMany and WrongKind, each with a sentence; then, as after a lost connection, nothing is kept.
    """
    uploads = session.folder("uploads")
    if session.uploading >= MOST_AT_ONCE:
        raise TooMany(f"{name[:80]}: {MOST_AT_ONCE} uploads are on their way already; wait for one of them")
    session.uploading += 1
    folder = uploads / secrets.token_hex(4)
    try:
        await run_in_threadpool(_check_room, uploads, name)
        most_bytes = (
            MAX_FILE_BYTES if name.endswith(SUFFIX) else LARGEST_BYTES if is_spotting_file(name) else MOST_BYTES
        )
        if declared_bytes > most_bytes:
            raise _too_large(name, most_bytes)
        path = folder / safe_name(name)
        make_private_folder(folder)
        with replace_file(path) as partial:
            await _write(partial, name, most_bytes, blocks)
        await run_in_threadpool(check_kind, path)
        return f"upload:{folder.name}/{path.name}"
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        session.uploading -= 1


def remove(session: Session, path: Path) -> None:
    """Delete an upload that was read; other files stay."""
    uploads = session.folder("uploads").resolve()
    if path.parent.parent == uploads:
        shutil.rmtree(path.parent, ignore_errors=True)


def touch(session: Session, path: Path) -> None:
    """Note that an upload is in use, so that it is not deleted as an old one."""
    if path.is_relative_to(session.context.folder("uploads")):
        with contextlib.suppress(OSError):
            os.utime(path.parent)


def safe_name(name: str) -> str:
    """A file name that every file system accepts, with its ending."""
    if name.endswith(SUFFIX):
        return make_file_stem(Path(name.removesuffix(SUFFIX).replace("\\", "/")).name, SUFFIX) + SUFFIX
    plain = Path(name.replace("\\", "/"))
    ending = re.sub(r"[^\w.]", "", plain.suffix)[:LONGEST_ENDING]
    return make_file_stem(plain.stem, ending) + ending


def check_kind(path: Path) -> None:
    """WrongKind where a file is no clip, recording, project or spotting list that can be opened."""
    if is_project_file(path):
        with path.open("rb") as file:
            if not file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
                raise WrongKind(f"{path.name} is not a Struck project; choose a *{SUFFIX} file")
        return
    if path.suffix.lower() in PICTURES:
        _check_picture(path)
        return
    if is_spotting_file(path):  # text of many kinds, which is told apart when it is read
        return
    import soundfile

    from engine.media.open import SOUND_FORMATS, open_container

    with contextlib.suppress(soundfile.SoundFileError, RuntimeError, OSError), soundfile.SoundFile(str(path)):
        return
    try:
        with open_container(path, SOUND_FORMATS):
            pass
    except BadInput as error:
        raise WrongKind(str(error)) from None


def _check_picture(path: Path) -> None:
    """WrongKind where a file is no picture. It is decoded where it is used, one at a time, since that takes memory."""
    from engine.animate.still import check_still

    try:
        check_still(path)
    except BadInput as error:
        raise WrongKind(str(error)) from None


def _check_room(uploads: Path, name: str) -> None:
    files = [file for file in uploads.glob("*/*") if file.is_file()]
    if len(files) >= MOST_FILES or sum(file.stat().st_size for file in files) >= MOST_BYTES:
        raise TooMany(f"{name[:80]} is one file too many for this tab; open Struck in a new tab for more")


async def _write(partial: Path, name: str, most_bytes: int, blocks: AsyncIterator[bytes]) -> None:
    written = 0
    with partial.open("wb") as file:
        async for block in blocks:
            written += len(block)
            if written > most_bytes:
                raise _too_large(name, most_bytes)
            if shutil.disk_usage(partial.parent).free < SPARE_DISK_BYTES:
                raise TooLarge(f"{name[:80]} does not fit on the disk; make room and try again")
            await run_in_threadpool(file.write, block)


def _too_large(name: str, most_bytes: int) -> TooLarge:
    return TooLarge(f"{name[:80]} is larger than the {most_bytes >> 20} MB that can be uploaded; make it smaller")
