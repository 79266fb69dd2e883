"""Which streams of a clip are its picture and its sound tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from engine.core.errors import BadInput
from engine.media.open import SOUND_REMEDY
from engine.media.packets import StreamPackets

_NO_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_LEAST_FRAMES, _LEAST_BYTES, _LEAST_AREA = 1 / 4, 1 / 20, 1 / 3
"""Share of the largest stream's frames, bytes and pixels below which a stream is a preview, thumbnails or a still."""


@dataclass(frozen=True)
class AudioTrack:
    """A sound track that can be decoded; ``number`` counts from 0 among those."""

    number: int
    title: str
    language: str
    codec: str
    channels: int
    is_default: bool

    def __str__(self) -> str:
        """Its number and, in brackets, its description, as in ``1 (deu, Commentary, aac, 2 channels)``."""
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        facts = [self.language, self.title, self.codec, channels, "default" if self.is_default else ""]
        return f"{self.number} ({', '.join(filter(None, facts))})"


def list_audio_streams(container: InputContainer) -> list[AudioStream]:
    """The sound streams that can be decoded, in the file's order."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def describe_audio_tracks(container: InputContainer) -> tuple[AudioTrack, ...]:
    """The sound tracks; the first that is marked as default, or else the first, has ``is_default``."""
    streams = list_audio_streams(container)
    default = find_default_track(streams)
    return tuple(
        AudioTrack(
            number=number,
            title=_read_text(stream, "title", "handler_name"),
            language=_read_text(stream, "language"),
            codec=stream.codec.canonical_name,
            channels=stream.codec_context.layout.nb_channels,
            is_default=number == default,
        )
        for number, stream in enumerate(streams)
    )


def find_default_track(streams: list[AudioStream]) -> int:
    """Number of the first stream marked as default; 0 where none is."""
    marked = (number for number, stream in enumerate(streams) if stream.disposition & Disposition.default)
    return next(marked, 0)


def _read_text(stream: Stream, *names: str) -> str:
    for name in names:
        text = stream.metadata.get(name, "").strip()
        if text and text not in ("und", "SoundHandler"):
            return text
    return ""


def choose_picture(container: InputContainer, packets: Mapping[int, StreamPackets], name: str) -> VideoStream:
    """The moving picture stream, not a cover, a preview or thumbnails: the default one, or else the largest.

    Raises BadInput where no stream moves, ``name`` being the file's.
    """
    pictures = [stream for stream in container.streams.video if not stream.disposition & _NO_PICTURE]
    readable = [stream for stream in pictures if stream.codec_context is not None]
    if not readable:
        if pictures:
            raise BadInput(f"{name}: the picture is in a code that cannot be read; convert the clip to H.264 in MP4")
        raise BadInput(f"{name} has no moving picture; {SOUND_REMEDY}")
    if any(map(_is_encrypted, readable)):
        raise BadInput(f"{name} is encrypted and cannot be read without its key; give a copy without protection")
    frames = {stream.index: len(packets[stream.index].ticks) for stream in readable}
    lengths = {stream.index: int(packets[stream.index].sizes.sum()) for stream in readable}
    most, longest = max(frames.values()), max(lengths.values())
    if most == 0:
        raise BadInput(f"{name} has a picture track without a single frame; export the clip again")
    if most == 1:
        raise BadInput(f"{name} holds a single still picture; give a clip with at least two frames")
    moving = [stream for stream in readable if frames[stream.index] > max(1, _LEAST_FRAMES * most)]
    moving = [stream for stream in moving if lengths[stream.index] >= _LEAST_BYTES * longest] or moving
    areas = {stream.index: stream.width * stream.height for stream in moving}
    moving = [stream for stream in moving if areas[stream.index] >= _LEAST_AREA * max(areas.values())]
    marked = [stream for stream in moving if stream.disposition & Disposition.default]
    return max(marked or moving, key=lambda stream: areas[stream.index])


def _is_encrypted(stream: Stream) -> bool:
    """Whether a Matroska or WebM stream declares an encryption key."""
    return "enc_key_id" in stream.metadata
