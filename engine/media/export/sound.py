"""Sound files in the format of their name's ending: WAV by ``write_wave``, others by libsndfile."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.core.errors import BadInput
from engine.core.files import create_file
from engine.media.export.wave import Samples, count_channels, iter_blocks, write_wave

_KINDS = {
    ".flac": ("FLAC", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".aiff": ("AIFF", "PCM_24"),
    ".aif": ("AIFF", "PCM_24"),
    ".caf": ("CAF", "PCM_24"),
    ".w64": ("W64", "PCM_24"),
}
"""Format and coding of libsndfile, by the endings of SOUND_ENDINGS but .wav."""

_BLOCK = 1 << 16  # libsndfile's Vorbis encoder overflows its stack when given much more at once


def check_form(path: str | os.PathLike[str], sample_rate_hz: int, channels: int) -> None:
    """BadInput where the format of a name's ending does not hold sound of this rate and number of channels."""
    import soundfile

    ending = Path(path).suffix.lower()
    if ending not in _KINDS:
        return
    form, coding = _KINDS[ending]
    try:
        with soundfile.SoundFile(io.BytesIO(), "w", sample_rate_hz, channels, coding, format=form):
            pass
    except soundfile.LibsndfileError:
        sound = f"sound of {sample_rate_hz} Hz and {channels} channels"
        raise BadInput(f"{path}: {ending} does not hold {sound}; give .wav") from None


def write_sound(
    path: str | os.PathLike[str],
    samples: Samples,
    sample_rate_hz: int,
    bits: int = 24,
    time_reference_samples: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Write samples, block by block, in the format of the name's ending; returns how many clip.

    Without one of SOUND_ENDINGS it is a WAV, to which alone ``bits``, ``time_reference_samples`` and ``metadata``
    apply: see ``write_wave``. Other formats hold 24 bits or are lossy, and nothing over full scale. Raises BadInput
    when the target cannot be written, and as ``check_form``.
    """
    kind = _KINDS.get(Path(path).suffix.lower())
    if kind is None:
        return write_wave(path, samples, sample_rate_hz, bits, time_reference_samples, metadata)
    import soundfile

    channels = count_channels(samples)
    check_form(path, sample_rate_hz, channels)
    clipped = 0
    with (
        create_file(path) as file,
        soundfile.SoundFile(file, "w", sample_rate_hz, channels, kind[1], format=kind[0]) as output,
    ):
        for block in iter_blocks(samples, _BLOCK):
            output.write(np.clip(block, -1.0, 1.0))
            clipped += int(np.count_nonzero(np.abs(block) > 1.0))
    return clipped
