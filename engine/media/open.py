"""Opening media files safely: whole, of a known kind, and with one clear sentence when they are not."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import av
import av.error
from av.container import InputContainer

from engine.core.errors import BadInput
from engine.media.structure import (
    find_encrypted,
    find_fragments_end,
    find_truncation,
    has_too_many_empty_parts,
    identify_picture_file,
)

CLIP_FORMATS = "mov,matroska,avi,gif,mpegts,mpeg,flv,asf,mxf,ogg"
"""Container formats read as clips. Playlists and script formats stay out: they may name other files or hosts."""

SOUND_FORMATS = CLIP_FORMATS + ",wav,w64,aiff,caf,flac,mp3,aac,ac3,eac3,amr,au,wv,ape,tta,dsf,opus"

SOUND_REMEDY = "give a video; in the editor a sound can be dropped on one of a project's sounds"

_WHOLE_DIGEST_BYTES = 256 << 20
_SAMPLE_COUNT = 64
_SAMPLE_BYTES = 1 << 20


def check_readable(path: str | os.PathLike[str]) -> Path:
    """The file's absolute path; BadInput when it is missing, a folder, empty or not readable."""
    whole = Path(os.path.abspath(path))
    try:
        if not whole.exists():
            raise BadInput(f"{whole.name}: there is no such file in {whole.parent}; check the path")
        if not whole.is_file():
            raise BadInput(
                f"{whole.name or whole} is no file but a folder, a device or a pipe; give the path of a file"
            )
        if whole.stat().st_size == 0:
            raise BadInput(f"{whole.name} is empty (0 bytes); copy or export it again")
        with open(whole, "rb"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"{str(path)!r} cannot be read ({reason}); check the path and its permissions") from None
    return whole


def open_container(path: str | os.PathLike[str], formats: str = CLIP_FORMATS) -> InputContainer:
    """Open a media file for reading; BadInput when it is missing, broken or of no known kind."""
    whole = check_readable(path)
    check_parts(whole)
    try:
        end = find_fragments_end(whole)
        return _open(whole if end is None else f"subfile,,start,0,end,{end},,:{whole}", formats)
    except av.error.PermissionError:
        raise BadInput(f"{whole.name} cannot be read (permission denied); check its permissions") from None
    except (av.error.FFmpegError, ValueError, OSError):
        raise BadInput(f"{whole.name} {_explain_refusal(whole, formats)}") from None


def _open(location: str | Path, formats: str) -> InputContainer:
    options = {"format_whitelist": formats, "scan_all_pmts": "1"}  # a joined transport stream may have several programs
    return av.open(str(location), mode="r", options=options, metadata_errors="ignore")


def _explain_refusal(path: Path, formats: str) -> str:
    """Why a file cannot be opened, and the remedy, as the end of a sentence that starts with its name."""
    picture = identify_picture_file(path)
    if picture:
        return f"is a {picture} picture, not a clip; give a video, or convert an animation to MP4 or GIF"
    if formats == CLIP_FORMATS:
        with contextlib.suppress(av.error.FFmpegError, ValueError, OSError), _open(path, SOUND_FORMATS):
            return f"is a sound, not a clip; {SOUND_REMEDY}"
    reason = find_truncation(path)
    if reason:
        return f"is not whole: {reason}; copy or export it again"
    kind, examples = "clip", "an MP4, MOV, MKV, WebM, AVI or GIF"
    if formats != CLIP_FORMATS:
        kind, examples = "clip or sound", f"{examples}, or a WAV, FLAC, OGG, AIFF or MP3"
    return f"is not a {kind} that can be read: its format is unknown or its start damaged; give {examples}"


def check_parts(path: Path) -> None:
    """Raise BadInput for a file of tiny parts without end, through which a reader would walk for minutes."""
    if has_too_many_empty_parts(path):
        raise BadInput(f"{path.name} is not read: it has more than 10000 empty parts; export it again")


def check_whole(path: Path) -> None:
    """Raise BadInput when a container declares more than the file holds, or is made of empty parts."""
    check_parts(path)
    reason = find_truncation(path)
    if reason and not _has_all_samples(path):
        raise BadInput(f"{path.name} is not whole: {reason}; copy or export it again")


def check_unencrypted(path: Path) -> None:
    """Raise BadInput when the index of an MP4 or MOV declares encrypted picture or sound."""
    check_parts(path)
    encrypted = find_encrypted(path)
    if encrypted:
        raise BadInput(
            f"{path.name} is encrypted ({' and '.join(sorted(encrypted))}) and cannot be read without its key; "
            "give a copy without protection"
        )


def _has_all_samples(path: Path) -> bool:
    """Whether every sample of a file's index lies within it, whatever size a header declares."""
    size = path.stat().st_size
    with contextlib.suppress(av.error.FFmpegError, ValueError, OSError), _open(path, "mov") as container:
        ends = [entry.pos + entry.size for stream in container.streams for entry in stream.index_entries]
        return bool(ends) and max(ends) <= size
    return False


def digest_file(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, in hex.

    Files over 256 MiB are digested from their size and 64 evenly spread blocks of 1 MiB, head and
    tail included: encoded media of one size that agree there are the same. Raises BadInput.
    """
    whole = check_readable(path)
    size = whole.stat().st_size
    digest = hashlib.sha256()
    with open(whole, "rb") as file:
        if size <= _WHOLE_DIGEST_BYTES:
            while block := file.read(_SAMPLE_BYTES):
                digest.update(block)
        else:
            digest.update(f"struck sampled {size}".encode())
            for index in range(_SAMPLE_COUNT):
                file.seek((size - _SAMPLE_BYTES) * index // (_SAMPLE_COUNT - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def check_content(path: str | os.PathLike[str], digest: str) -> None:
    """BadInput when a clip is missing, or is not the one of a digest but another of its name."""
    if digest_file(path) != digest:
        raise BadInput(
            f"{Path(path).name} is no longer the clip that the hits were made for; put the old one back in its place, "
            "or open the new one and find its hits"
        )
