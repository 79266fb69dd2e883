"""FLAC files with the same data as our WAV files, as comments; written by FFmpeg."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from engine.core.errors import BadInput
from engine.core.files import check_target, make_write_error, replace_file
from engine.core.names import to_text
from engine.core.units import format_frame_rate
from engine.media.export.embedded import COMMENT, pack_comment
from engine.media.export.loudness import Loudness, measure_loudness
from engine.media.export.quantize import Quantizer
from engine.media.export.samples import HeldAtFullScale, Samples, count_channels, iter_blocks
from engine.media.export.tags import SoundTags

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
_BLOCK = 1 << 16


def write_flac(path: str | os.PathLike[str], samples: Samples, sample_rate_hz: int, bits: int, tags: SoundTags) -> int:
    """Write samples in 1, 2 or 6 channels with 16 (dithered) or 24 bits; returns how many were clipped.

    They are read twice, since the loudness precedes them in the file. Raises BadInput for 32 bits, and when the target
    cannot be written.
    """
    if bits not in (16, 24):
        raise BadInput(f"a FLAC of {bits} bits is not offered; choose 16 or 24, or a .wav")
    target = check_target(path)
    quantizer = Quantizer(bits)
    try:
        with replace_file(target) as partial, av.open(str(partial), "w", format="flac") as output:
            stream = output.add_stream("flac", rate=sample_rate_hz, layout=_LAYOUTS[count_channels(samples)])
            assert isinstance(stream, AudioStream)
            stream.codec_context.format = "s32" if bits == 24 else "s16"
            loudness = measure_loudness(HeldAtFullScale(samples), sample_rate_hz)
            output.metadata.update(describe_comments(tags, loudness))
            for frame in _frames(samples, sample_rate_hz, stream.codec_context.format.name, quantizer):
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    except OSError as error:  # FFmpeg's file errors are OSErrors too
        raise make_write_error(target, error) from None
    return quantizer.clipped


def _frames(samples: Samples, rate_hz: int, form: str, quantizer: Quantizer) -> Iterator[AudioFrame]:
    layout = _LAYOUTS[count_channels(samples)]
    position = 0
    for block in iter_blocks(samples, _BLOCK):
        steps = quantizer(block)
        packed = (steps << 8) if form == "s32" else steps.astype(np.int16)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(packed).reshape(1, -1), format=form, layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, position, Fraction(1, rate_hz)
        position += len(block)
        yield frame


def describe_comments(tags: SoundTags, loudness: Loudness) -> dict[str, str]:
    """Vorbis comments: the usual ones, those of bext by the names that Reaper reads, UCS, the project."""
    category = tags.category
    comments = {
        "TITLE": tags.title,
        "ARTIST": tags.artist,
        "COMMENT": tags.comment,
        "ORIGINATOR": tags.software,
        "DATE": f"{tags.created:%Y-%m-%d}" if tags.created else "",
        "ORIGINATION_DATE": f"{tags.created:%Y-%m-%d}" if tags.created else "",
        "ORIGINATION_TIME": f"{tags.created:%H:%M:%S}" if tags.created else "",
        "TIME_REFERENCE": str(max(0, tags.time_reference_samples)),
        "TIMECODE_RATE": format_frame_rate(tags.frame_rate) if tags.frame_rate else "",
        "TIMECODE_FLAG": ("DF" if tags.drop_frame else "NDF") if tags.frame_rate else "",
        "R128_INTEGRATED_LUFS": _number(loudness.integrated_lufs),
        "R128_TRUE_PEAK_DBTP": _number(loudness.true_peak_dbtp),
        "CATID": category.cat_id if category else "",
        "CATEGORY": category.category if category else "",
        "SUBCATEGORY": category.subcategory if category else "",
        "FXNAME": tags.fx_name,
        "CREATORID": tags.creator_id,
        "SOURCEID": tags.source_id,
        COMMENT: pack_comment(tags.project) if tags.project else "",
    }
    return {name: to_text(text) for name, text in comments.items() if text}


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else ""
