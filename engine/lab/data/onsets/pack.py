"""Film and onset labels in one small file: gray frames as HEVC, everything else as compressed JSON.

Reading needs OpenCV or PyAV, and neither a sound library nor the original clips.
"""

from __future__ import annotations

import io
import json
import lzma
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import BadInput
from engine.core.files import write_file

MAGIC = b"STRUCK ONSET FILM 1\n"
TICKS_PER_S = 10_000
ENCODER_OPTIONS = (
    "log-level=none:info=0:keyint=-1:ctu=32:psy-rd=0:psy-rdoq=0:pools=1:frame-threads=1:bframes=6:aq-mode=0"
)


@dataclass(frozen=True, eq=False)
class PackedClip:
    """One clip: frames uint8 [N, H, W], their times, and its hits.

    ``confidence`` is that of each of ``hits_s``, 0 to 1, ``velocity`` 0 to 1 or NaN where unknown. At
    ``doubtful_s`` it is unknown whether there is a hit. ``days`` are the possible recording days, ``source``
    the kind of film with one common lag ("" has none), ``real`` is False for simulated takes. ``shift_s`` is the lag of
    the picture behind its labels, ``weight`` the clip's weight in training.
    """

    name: str
    days: tuple[str, ...]
    source: str
    real: bool
    frames: np.ndarray
    times_s: np.ndarray
    hits_s: np.ndarray
    confidence: np.ndarray
    velocity: np.ndarray
    doubtful_s: np.ndarray
    shift_s: float = 0.0
    weight: float = 1.0


def encode_frames(frames: np.ndarray, quality: float, preset: str = "slow") -> bytes:
    """Frames [N, H, W] uint8, sides even, as an HEVC elementary stream; ``quality`` is the constant rate factor."""
    import av

    held = io.BytesIO()
    with av.open(held, "w", format="hevc") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "gray"
        stream.options = {"preset": preset, "crf": str(quality), "x265-params": ENCODER_OPTIONS}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
        container.mux(stream.encode())
    return held.getvalue()


def decode_frames(coded: bytes, count: int) -> np.ndarray:
    """The frames uint8 [count, H, W] of a stream that ``encode_frames`` wrote. BadInput where some are missing."""
    try:
        frames = list(_decode_with_opencv(coded))
    except ImportError:
        frames = list(_decode_with_av(coded))
    if len(frames) != count:
        raise BadInput(f"a packed clip holds {len(frames)} of {count} frames; pack the film again")
    return np.stack(frames)


def _decode_with_opencv(coded: bytes) -> Iterator[np.ndarray]:
    import cv2

    with tempfile.NamedTemporaryFile(suffix=".hevc") as held:
        held.write(coded)
        held.flush()
        capture = cv2.VideoCapture(held.name, cv2.CAP_FFMPEG)
        while True:
            there, frame = capture.read()
            if not there:
                break
            yield frame[..., 1].copy() if frame.ndim == 3 else frame
        capture.release()


def _decode_with_av(coded: bytes) -> Iterator[np.ndarray]:
    import av

    with av.open(io.BytesIO(coded), "r", format="hevc") as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="gray")


def write_pack(path: Path, clips: Sequence[PackedClip], streams: Sequence[bytes]) -> None:
    """Write clips, whose frames are given as ``streams``, whole or not at all."""
    entries = []
    for clip, stream in zip(clips, streams, strict=True):
        entry = asdict(clip)
        del entry["frames"]
        ticks = np.rint(clip.times_s * TICKS_PER_S).astype(int)
        entry["times_s"] = np.diff(ticks, prepend=0).tolist()
        for name in ("hits_s", "confidence", "velocity", "doubtful_s"):
            entry[name] = [None if np.isnan(value) else round(float(value), 4) for value in entry[name]]
        entries.append({**entry, "bytes": len(stream)})
    header = lzma.compress(json.dumps(entries).encode())
    write_file(path, MAGIC + len(header).to_bytes(8, "little") + header + b"".join(streams))


def read_pack(path: Path, threads: int = 8) -> list[PackedClip]:
    """The clips of a file that ``write_pack`` wrote. Raises BadInput for any other file."""
    try:
        data = path.read_bytes()
    except OSError:
        raise BadInput(f"{path} cannot be read; make it with `train onset_folds --pack {path}`") from None
    start = len(MAGIC) + 8
    if not data.startswith(MAGIC):
        raise BadInput(f"{path} is no packed film; make it with `train onset_folds --pack {path}`")
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    entries = json.loads(lzma.decompress(data[start:end]))
    jobs = []
    for entry in entries:
        jobs.append((data[end : end + entry["bytes"]], len(entry["times_s"])))
        end += entry.pop("bytes")
    with ThreadPoolExecutor(threads) as pool:
        frames = list(pool.map(lambda job: decode_frames(*job), jobs))
    return [_build(entry, held) for entry, held in zip(entries, frames, strict=True)]


def _build(entry: dict[str, Any], frames: np.ndarray) -> PackedClip:
    times_s = np.cumsum(entry.pop("times_s")) / TICKS_PER_S
    arrays: dict[str, Any] = {
        name: np.asarray([np.nan if value is None else value for value in entry.pop(name)], np.float64)
        for name in ("hits_s", "confidence", "velocity", "doubtful_s")
    }
    entry["days"] = tuple(entry["days"])
    return PackedClip(**entry, **arrays, frames=frames, times_s=times_s)
