"""The nodes: load a clip, detect its hits, render their sound in sync with the picture."""

from __future__ import annotations

import json
import os
import re
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .command import run_struck

CATEGORY = "audio/Struck"
MAX_SEED = 2**31 - 1
PERCENT = re.compile(r"(detecting|analysing|sampling): (\d+) %")
PARTS = {"detecting": (0, 40), "analysing": (40, 50), "sampling": (50, 100)}


class LoadClip:
    """A clip for Struck: the path of a file, or the VIDEO of another node."""

    CATEGORY = CATEGORY
    FUNCTION = "load"
    RETURN_TYPES = ("STRUCK_CLIP",)
    RETURN_NAMES = ("clip",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Inputs as ComfyUI asks for them."""
        return {"required": {"path": ("STRING", {"default": ""})}, "optional": {"video": ("VIDEO",)}}

    @classmethod
    def IS_CHANGED(cls, path: str, video: Any = None) -> Any:
        """What tells ComfyUI that the file was replaced."""
        return os.stat(path).st_mtime_ns if os.path.isfile(path) else path

    def load(self, path: str, video: Any = None) -> tuple[str]:
        """The file's path; a VIDEO that is no file, or a part of one, is written to a temporary one."""
        source = os.path.expanduser(path.strip().strip('"')) if video is None else _find_file(video)
        if not os.path.isfile(source):
            raise RuntimeError(f"{source or 'the path'} is no file; give the path of a clip, or connect a video")
        return (os.path.abspath(source),)


def _find_file(video: Any) -> str:
    """The file of a VIDEO, else a temporary one: of one that was trimmed the stream is still the whole."""
    start_s, duration_s = getattr(video, "get_active_trim_window", lambda: (0.0, 0.0))()
    source = None if start_s or duration_s else video.get_stream_source()
    if isinstance(source, str):
        return source
    with tempfile.NamedTemporaryFile(prefix="struck-", suffix=".mp4", delete=False) as file:
        if source is not None:
            file.write(source.read())
    if source is None:
        video.save_to(file.name)
    return file.name


class DetectHits:
    """Times and strengths of the hits in a clip."""

    CATEGORY = CATEGORY
    FUNCTION = "detect"
    RETURN_TYPES = ("STRUCK_HITS", "STRING")
    RETURN_NAMES = ("hits", "times_s")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Inputs as ComfyUI asks for them."""
        return {"required": {"clip": ("STRUCK_CLIP",), "source": (["both", "video", "audio"],)}}

    def detect(self, clip: str, source: str) -> tuple[list[dict[str, float]], str]:
        """The hits, and their times in seconds, one a line."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "hits.json"
            run_struck(["detect", clip, "--source", source, "--json", str(target)], _follow(), _check_stop)
            hits = json.loads(target.read_text("utf-8"))["onsets"]
        return hits, "\n".join(f"{hit['time_s']:.4f}" for hit in hits)


class RenderHits:
    """The sound of a clip's hits, as ComfyUI's AUDIO: 48 kHz stereo of the clip's length."""

    CATEGORY = CATEGORY
    FUNCTION = "render"
    RETURN_TYPES = ("AUDIO",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Inputs as ComfyUI asks for them."""
        percent = {"min": 0, "max": 100}
        required = {
            "clip": ("STRUCK_CLIP",),
            "seed": ("INT", {"default": 0, "min": 0, "max": MAX_SEED}),
            "steps": ("INT", {"default": 4, "min": 1, "max": 64}),
            "detail": ("INT", {"default": 100, **percent}),
            "variation": ("INT", {"default": 0, **percent}),
        }
        return {"required": required, "optional": {"hits": ("STRUCK_HITS",)}}

    def render(
        self, clip: str, seed: int, steps: int, detail: int, variation: int, hits: list[dict[str, float]] | None = None
    ) -> tuple[dict[str, Any]]:
        """Render the given hits, or those that are detected, with the sounds that the clip's audio or picture tells."""
        import torch

        with tempfile.TemporaryDirectory() as folder:
            track = Path(folder) / "track.wav"
            arguments = ["render", clip, "--out", str(track), "--bit-depth", "32", "--seed", str(seed)]
            arguments += ["--steps", str(steps), "--detail", str(detail), "--variation", str(variation)]
            if hits is not None:
                onsets = Path(folder) / "hits.csv"
                onsets.write_text("\n".join(["time_s", *(f"{hit['time_s']:.6f}" for hit in hits)]) + "\n", "utf-8")
                arguments += ["--onsets", str(onsets)]
            run_struck(arguments, _follow(), _check_stop)
            samples, rate_hz = read_float_wave(track.read_bytes())
        return ({"waveform": torch.from_numpy(samples.T.copy())[None], "sample_rate": rate_hz},)


def read_float_wave(data: bytes) -> tuple[Any, int]:
    """Samples [N, C] and rate of a WAV of 32-bit floats; ComfyUI's environment need not have a reader."""
    import numpy as np

    position, channels, rate_hz = 12, 2, 48_000
    while position + 8 <= len(data):
        name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        if name == b"fmt ":
            _, channels, rate_hz = struct.unpack_from("<HHI", data, position + 8)
        if name == b"data":
            return np.frombuffer(data, "<f4", size // 4, position + 8).reshape(-1, channels), rate_hz
        position += 8 + size + size % 2
    raise RuntimeError("the rendered sound has no samples; render the clip again")


def _follow() -> Callable[[str], None]:
    """Shows each line of the command, and how far it is on ComfyUI's progress bar where there is one."""
    try:
        from comfy.utils import ProgressBar
    except ImportError:
        return print
    bar = ProgressBar(100)

    def show(line: str) -> None:
        found = PERCENT.search(line)
        if found:
            first, last = PARTS[found[1]]
            bar.update_absolute(first + (last - first) * int(found[2]) // 100)
        else:
            print(line)

    return show


def _check_stop() -> None:
    """Raises where the user stopped the workflow."""
    try:
        from comfy.model_management import throw_exception_if_processing_interrupted
    except ImportError:
        return
    throw_exception_if_processing_interrupted()


NODE_CLASS_MAPPINGS = {"StruckLoadClip": LoadClip, "StruckDetect": DetectHits, "StruckRender": RenderHits}
NODE_DISPLAY_NAME_MAPPINGS = {
    "StruckLoadClip": "Struck: load clip",
    "StruckDetect": "Struck: detect hits",
    "StruckRender": "Struck: render",
}
