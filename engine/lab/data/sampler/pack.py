"""Analysed hits in one small file for training on another machine: Ogg Opus and their physics."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import soundfile

from engine.core.errors import BadInput
from engine.core.files import replace_file
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.data.sampler.hits import INDEX, SAMPLES, read_rows

OPUS_FMAX_HZ = 20_000.0
"""Opus keeps nothing above this; no hit of a pack is valid beyond it."""

_COMPRESSION = 0.38  # of 0..1, which is 256 to 6 kbit/s: about 161 kbit/s
_GAP = 2_400  # samples of silence between hits, so that none overlaps the next
_PEAK = 0.9
_SOUND = "hits.opus"


def pack_hits(folder: Path, path: Path) -> None:
    """Write the hits of a folder as one file, each at the same peak, with the level that it had."""
    made_of = json.loads((folder / INDEX).read_text(encoding="utf-8"))["made_of"]
    pieces, rows, start = [], [], 0
    for row, samples in read_rows(folder):
        hit = np.asarray(samples)
        gain = _PEAK / max(float(np.abs(hit).max()), 1e-9)
        rows.append({**row, "packed": start, "gain": gain, "fmax_hz": min(row["fmax_hz"], OPUS_FMAX_HZ)})
        pieces += [np.zeros(_GAP, np.float32), hit * np.float32(gain)]
        rows[-1]["packed"] = start + _GAP
        start += _GAP + len(hit)
    sound = io.BytesIO()
    with soundfile.SoundFile(
        sound, "w", SAMPLE_RATE_HZ, 1, format="OGG", subtype="OPUS", compression_level=_COMPRESSION
    ) as file:
        for piece in [*pieces, np.zeros(_GAP, np.float32)]:
            file.write(piece)
    with replace_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        archive.writestr(_SOUND, sound.getvalue())
        archive.writestr(INDEX, json.dumps({"made_of": made_of, "hits": rows}), zipfile.ZIP_LZMA)


def unpack_hits(path: Path, folder: Path) -> None:
    """Write a pack's hits into a folder as ``build_hits`` would; does nothing where they are there. Raises BadInput."""
    if (folder / INDEX).is_file():
        return
    try:
        with zipfile.ZipFile(path) as archive:
            index = json.loads(archive.read(INDEX))
            sound, _ = soundfile.read(io.BytesIO(archive.read(_SOUND)), dtype="float32")
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, soundfile.SoundFileError):
        raise BadInput(f"{path} is no pack of hits; write one with `launch.py train sampler --pack FILE`") from None
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / SAMPLES, "wb") as file:
        for row in index["hits"]:
            hit = sound[row["packed"] : row["packed"] + row["length"]] / np.float32(row["gain"])
            row["start"] = file.tell() // 4
            file.write(np.pad(hit, (0, row["length"] - len(hit))).astype(np.float32).tobytes())
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
