"""Sound files in the format of their name's ending: WAV and FLAC by our own writers, others by libsndfile."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.files import create_file, is_stream
from engine.core.names import to_text
from engine.core.units import SAMPLE_RATE_HZ
from engine.core.words import counted
from engine.media.export.endings import LOSSY, WAVE_ENDINGS
from engine.media.export.flac import write_flac
from engine.media.export.quantize import Quantizer
from engine.media.export.samples import Samples, count_channels, iter_blocks
from engine.media.export.tags import SoundTags
from engine.media.export.wave import write_wave

_KINDS = {
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".opus": "OGG",
    ".mp3": "MP3",
    ".aiff": "AIFF",
    ".aif": "AIFF",
    ".caf": "CAF",
    ".w64": "W64",
}
"""Format of libsndfile, by the endings of SOUND_ENDINGS but those of WAV."""

_CODINGS = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}
_NO_FLOAT = (".flac",)

_XIPH, _XIPH_ORDER = (".ogg", ".opus"), [0, 2, 1, 4, 5, 3]
"""Formats whose 5.1 is not L R C LFE Ls Rs but L C R Ls Rs LFE (Vorbis I specification, 4.3.9; RFC 7845, 5.1.1.2)."""

_BLOCK = 1 << 16  # libsndfile's Vorbis encoder overflows its stack with much larger blocks


def check_form(path: str | os.PathLike[str], sample_rate_hz: int, channels: int, bits: int | None = None) -> None:
    """BadInput where the format of a name's ending does not hold sound of this rate, channels and bits.

    ``bits`` None leaves the depth to the format.
    """
    import soundfile

    ending = Path(path).suffix.lower()
    if ending not in _KINDS or is_stream(path):
        return
    if bits == 32 and ending in _NO_FLOAT:
        raise BadInput(f"{path}: {ending} does not hold 32 bits; choose 16 or 24, or give .wav")

    def is_held(rate_hz: int) -> bool:
        coding = _find_coding(ending, bits)
        try:
            with soundfile.SoundFile(io.BytesIO(), "w", rate_hz, channels, coding, format=_KINDS[ending]):
                return True
        except soundfile.LibsndfileError:
            return False

    if not is_held(sample_rate_hz):
        sound = f"sound of {sample_rate_hz} Hz and {counted(channels, 'channel')}"
        remedy = f"choose {SAMPLE_RATE_HZ} Hz, or give .wav" if is_held(SAMPLE_RATE_HZ) else "give .wav"
        raise BadInput(f"{path}: {ending} does not hold {sound}; {remedy}")


def write_sound(
    path: str | os.PathLike[str],
    samples: Samples,
    sample_rate_hz: int,
    bits: int = 24,
    tags: SoundTags | None = None,
) -> int:
    """Write samples, block by block, in the format of the name's ending; returns how many clip.

    Without one of SOUND_ENDINGS it is a WAV. WAV and FLAC carry all ``tags``, other formats title, artist and comment;
    lossy ones have no depth. Raises BadInput when the target cannot be written, and as ``check_form``.
    """
    ending, tags = Path(path).suffix.lower(), tags or SoundTags()
    if ending in WAVE_ENDINGS or ending not in _KINDS:
        return write_wave(path, samples, sample_rate_hz, bits, tags)
    channels = count_channels(samples)
    check_form(path, sample_rate_hz, channels, bits if ending not in _NO_FLOAT else min(bits, 24))
    if ending == ".flac" and channels in (1, 2, 6):
        return write_flac(path, samples, sample_rate_hz, min(bits, 24), tags)
    return _write_by_libsndfile(path, samples, sample_rate_hz, ending, bits, tags)


def _find_coding(ending: str, bits: int | None) -> str:
    return LOSSY.get(ending) or _CODINGS[bits or 24]


def _write_by_libsndfile(
    path: str | os.PathLike[str], samples: Samples, rate_hz: int, ending: str, bits: int, tags: SoundTags
) -> int:
    import soundfile

    coding = _find_coding(ending, bits)
    clipped, channels = 0, count_channels(samples)
    quantizer = Quantizer(16 if coding == "PCM_16" else 24)
    order = _XIPH_ORDER if channels == 6 and ending in _XIPH else slice(None)
    with (
        create_file(path) as file,
        soundfile.SoundFile(file, "w", rate_hz, channels, coding, format=_KINDS[ending]) as output,
    ):
        for name, text in (("title", tags.title), ("artist", tags.artist), ("comment", tags.comment)):
            if text:
                with contextlib.suppress(soundfile.LibsndfileError):  # a format without texts
                    setattr(output, name, to_text(text))
        for given in iter_blocks(samples, _BLOCK):
            block = given[:, order]
            clipped += int(np.count_nonzero(np.abs(block) > 1.0))
            if coding == "FLOAT":
                output.write(block)
            elif ending in LOSSY:
                output.write(np.clip(block, -1.0, 1.0))
            else:  # as int32, the upper bits of which libsndfile keeps
                output.write(quantizer(block) << (32 - quantizer.bits))
    return quantizer.clipped if coding in ("PCM_16", "PCM_24") else clipped
