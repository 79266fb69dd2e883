"""The sound of clips and recordings, on Struck's clock, in bounded memory."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from engine.core.errors import BadInput
from engine.core.units import seconds_to_samples
from engine.media.mixdown import choose_weights
from engine.media.open import SOUND_FORMATS, check_parts, check_readable, check_unencrypted, open_container
from engine.media.packets import ClockCorrection, Splice, iter_packets, scan_packets
from engine.media.probe import Picture, scan_picture
from engine.media.streams import find_default_track, list_audio_streams

_CLIP_REMEDY = "use the picture instead, or give a file with sound"
_LONGEST_RECORDING_S = 3600.0
_JITTER_S = 0.02
_SMALL_GAP_S = 0.25
_SEEK_MARGIN_S = 1.0
_HIGHEST_RATE_HZ = 768_000
_MOST_FRAMES = 1 << 40
_PLANES = 8
_BLOCK_S = 8


def read_clip_audio(
    path: str | os.PathLike[str],
    sample_rate_hz: int,
    start_s: float = 0.0,
    duration_s: float | None = None,
    track: int | None = None,
) -> np.ndarray:
    """One sound track of a clip as mono float32 [N] from ``start_s`` on Struck's clock; None is the default track.

    Without a duration it goes on to the end of the picture. Where the track has no sound there is silence. Channels
    are mixed as by ``mixdown.choose_weights``. Raises BadInput when the clip has no such track.
    """
    if duration_s is None:
        duration_s = max(0.0, scan_picture(path).duration_s - start_s)
    first = seconds_to_samples(start_s, sample_rate_hz)
    count = seconds_to_samples(start_s + duration_s, sample_rate_hz) - first
    blocks = list(_iter_track(path, sample_rate_hz, first, count, track))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def iter_clip_audio(
    path: str | os.PathLike[str], sample_rate_hz: int, block_s: float = 1.0, track: int | None = None
) -> Iterator[np.ndarray]:
    """The track from 0 to the end of the picture in blocks of ``block_s`` (the last may be shorter).

    Yields mono float32 [M]; memory does not grow with the clip. Raises BadInput when there is no such track.
    """
    size = max(1, seconds_to_samples(block_s, sample_rate_hz))
    count = seconds_to_samples(scan_picture(path).duration_s, sample_rate_hz)
    held: list[np.ndarray] = []
    length = 0
    for piece in _iter_track(path, sample_rate_hz, 0, count, track):
        held.append(piece)
        length += len(piece)
        if length >= size:
            whole = np.concatenate(held)
            cut = length - length % size
            yield from whole[:cut].reshape(-1, size)
            held, length = [whole[cut:]], length - cut
    if length:
        yield np.concatenate(held)


def read_clip_channels(path: str | os.PathLike[str], sample_rate_hz: int, track: int, count: int) -> np.ndarray:
    """One sound track of a clip in its own channels, float32 [count, C] from 0 on Struck's clock.

    The track is decoded once a channel. Raises BadInput when the clip has no such track.
    """
    with open_container(path) as container:
        channels = _find_track(container, track, Path(path).name).codec_context.layout.nb_channels
    sound = np.zeros((count, channels), np.float32)
    for channel, weights in enumerate(np.eye(channels, dtype=np.float32)):
        position = 0
        for piece in _iter_track(path, sample_rate_hz, 0, count, track, weights):
            sound[position : position + len(piece), channel] = piece
            position += len(piece)
    return sound


def find_sound_spans(path: str | os.PathLike[str], track: int | None = None) -> tuple[tuple[float, float], ...]:
    """Spans (start_s, end_s) on Struck's clock for which a sound track has packets.

    Gaps under 0.25 s are closed, also those at the start and the end of the picture. Raises BadInput when the clip has
    no such track.
    """
    picture = scan_picture(path)
    with open_container(path) as container:
        index = _find_track(container, track, Path(path).name).index
    packets = scan_packets(path).streams[index]
    starts_s = np.sort(packets.ticks) * float(packets.time_base) - picture.start_s
    durations_s = packets.durations[np.argsort(packets.ticks)] * float(packets.time_base)
    usual_s = float(np.median(np.diff(starts_s))) if len(starts_s) > 1 else 0.0
    ends_s = starts_s + np.where(durations_s > 0.0, durations_s, usual_s)
    spans: list[tuple[float, float]] = []
    for start_s, end_s in zip(starts_s.tolist(), ends_s.tolist(), strict=True):
        if spans and start_s < spans[-1][1] + _SMALL_GAP_S:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end_s))
        else:
            spans.append((start_s, end_s))
    if spans and spans[0][0] < _SMALL_GAP_S:
        spans[0] = (min(0.0, spans[0][0]), spans[0][1])
    if spans and spans[-1][1] > picture.duration_s - _SMALL_GAP_S:
        spans[-1] = (spans[-1][0], max(picture.duration_s, spans[-1][1]))
    return tuple(spans)


def read_recording(path: str | os.PathLike[str]) -> tuple[np.ndarray, int]:
    """A sound file, or a clip's default track: (float32 [N, C], sample_rate_hz).

    Raises BadInput when it is unreadable, without sound, longer than an hour, silent of samples or not finite.
    """
    whole = check_readable(path)
    pieces: list[np.ndarray] = []
    rate_hz = 0
    for piece, rate_hz in iter_recording(whole):  # noqa: B007 - one rate for all pieces
        if not np.isfinite(piece).all():
            raise BadInput(f"{whole.name} holds values that are not finite numbers; export it again")
        pieces.append(piece)
    return np.concatenate(pieces), rate_hz


def iter_recording(path: Path) -> Iterator[tuple[np.ndarray, int]]:
    """Pieces of a sound file or of a clip's default track, at least one: (float32 [n, C], sample_rate_hz).

    Raises BadInput when it is unreadable, without sound or longer than an hour.
    """
    import soundfile

    check_parts(path)
    given = 0
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:  # as bytes, since names need not be UTF-8
            rate_hz = _check_rate(int(file.samplerate), path.name)
            if 0 < file.frames < _MOST_FRAMES:  # else unknown, as in a recording that was streamed or cut off
                _check_length(path, file.frames / rate_hz)
                # Not by file.blocks, which returns uninitialised samples where the header declares too many.
                while len(piece := file.read(_BLOCK_S * rate_hz, dtype="float32", always_2d=True)):
                    given += len(piece)
                    yield piece, rate_hz
    except (soundfile.SoundFileError, RuntimeError, OSError):
        pass
    if not given:
        yield from _decode_recording(path)


def _check_length(path: Path, duration_s: float) -> None:
    if duration_s > _LONGEST_RECORDING_S:
        raise BadInput(f"{path.name} lasts {duration_s / 60:.0f} minutes; give a recording of at most an hour")


def _decode_recording(path: Path) -> Iterator[tuple[np.ndarray, int]]:
    check_unencrypted(path)
    with open_container(path, SOUND_FORMATS) as container:
        stream = _find_track(container, None, path.name, "give a file with sound")
        rate_hz = _rate(stream, path.name)
        channels = total = 0
        for frame in _decode_frames(container, stream):
            piece = _to_float(frame)
            channels = channels or piece.shape[1]
            if piece.shape[1] != channels:
                piece = np.repeat(piece.mean(axis=1, keepdims=True), channels, axis=1)
            total += len(piece)
            _check_length(path, total / rate_hz)
            if len(piece):
                yield piece, rate_hz
    if not total:
        raise BadInput(f"{path.name} holds no sound that can be decoded; give a recording with at least one sample")


def _find_track(container: InputContainer, track: int | None, name: str, remedy: str = _CLIP_REMEDY) -> AudioStream:
    tracks = list_audio_streams(container)
    if not tracks:
        raise BadInput(f"{name} has no sound that can be read; {remedy}")
    if track is None:
        return tracks[find_default_track(tracks)]
    if not 0 <= track < len(tracks):
        count = f"{len(tracks)} audio tracks" if len(tracks) > 1 else "one audio track"
        raise BadInput(f"{name} has {count}, so there is no track {track}; the first is 0")
    return tracks[track]


def _rate(stream: AudioStream, name: str) -> int:
    return _check_rate(stream.codec_context.sample_rate, name)


def _check_rate(rate_hz: int, name: str) -> int:
    if not 1000 <= rate_hz <= _HIGHEST_RATE_HZ:
        raise BadInput(f"{name}: a sample rate of {rate_hz} Hz is out of range; convert the sound to 48000 Hz")
    return rate_hz


def _decode_frames(
    container: InputContainer, stream: AudioStream, splices: Sequence[Splice] = ()
) -> Iterator[AudioFrame]:
    """Decoded frames, damage passed over; those of many planes come packed, since PyAV must not touch more than 7.

    So do integers of 64 bits, which it does not know.
    """
    failures = 0
    repack: AudioResampler | None = None
    kind: tuple[str, str, int] | None = None
    clock = ClockCorrection(splices)
    for packet in iter_packets(container, [stream]):
        clock.apply(packet)
        try:
            frames = packet.decode()
            for frame in frames:
                assert isinstance(frame, AudioFrame)
                is_wide = frame.format.name.startswith("s64")
                if not is_wide and (not frame.format.is_planar or frame.layout.nb_channels < _PLANES):
                    yield frame
                    continue
                key = (frame.layout.name, frame.format.name, frame.sample_rate)
                if repack is None or key != kind:
                    repack, kind = AudioResampler("flt", frame.layout, frame.sample_rate), key
                yield from repack.resample(frame)
        except (av.error.FFmpegError, ValueError):
            failures += 1
            if failures > 1000:
                return


def _to_float(frame: AudioFrame) -> np.ndarray:
    """Samples of a decoded frame as float32 [N, C], full scale 1."""
    array = frame.to_ndarray()
    channels = frame.layout.nb_channels
    array = array.T if frame.format.is_planar else array.reshape(-1, channels)
    kind = array.dtype
    if kind == np.uint8:
        return (array.astype(np.float32) - 128.0) / 128.0
    if np.issubdtype(kind, np.integer):
        full_scale = 2.0 ** (8 * kind.itemsize - 1)
        return (array.astype(np.float64) / full_scale).astype(np.float32)
    return array.astype(np.float32)


def _iter_track(
    path: str | os.PathLike[str],
    rate_hz: int,
    first: int,
    count: int,
    track: int | None,
    weights: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """``count`` mono samples at ``rate_hz`` from sample ``first`` of Struck's clock, in pieces of some seconds.

    ``weights`` [C] of the channels default to those of ``mixdown.choose_weights``.
    """
    from engine.core.dsp import resample  # slow to import, and not needed for the picture

    picture = scan_picture(path)
    weights = _choose_weights(path, track) if weights is None else weights
    name = Path(path).name
    with open_container(path) as container:
        stream = _find_track(container, track, name)
        source_hz = _rate(stream, name)
        common = math.gcd(source_hz, rate_hz)
        step_in, step_out = source_hz // common, rate_hz // common
        cycle = first // step_out
        if source_hz == rate_hz:
            context = 0
        else:
            context = step_in * math.ceil(512 * max(1.0, source_hz / rate_hz) / step_in)
        skip, left = first - cycle * step_out, count
        # Each call of the resampler has a cost, so blocks are long; but no longer than the requested span.
        cycles = min(_BLOCK_S * source_hz // step_in, math.ceil((skip + count) / step_out))
        hop = step_in * max(1, cycles)
        source = _iter_source(container, stream, weights, source_hz, picture, cycle * step_in - context)
        window = np.zeros(0, np.float32)
        while left > 0:
            while len(window) < hop + 2 * context:
                piece = next(source, None)
                window = np.concatenate([window, np.zeros(hop, np.float32) if piece is None else piece])
            block = resample(window[: hop + 2 * context], source_hz, rate_hz)
            start = context // step_in * step_out
            block = block[start : start + hop // step_in * step_out]
            window = window[hop:]
            out = block[skip : skip + left]
            skip = max(0, skip - len(block))
            left -= len(out)
            if len(out):
                yield out


def _choose_weights(path: str | os.PathLike[str], track: int | None) -> np.ndarray:
    """Weights of a track's channels in its mono mix; a track of several channels is decoded once for them."""
    whole = check_readable(path)
    stat = whole.stat()
    return _choose_weights_once(str(whole), stat.st_size, stat.st_mtime_ns, track)


@lru_cache(maxsize=32)
def _choose_weights_once(path: str, size: int, modified_ns: int, track: int | None) -> np.ndarray:
    with open_container(path) as container:
        stream = _find_track(container, track, Path(path).name)
        if stream.codec_context.layout.nb_channels == 1:
            return np.ones(1, np.float32)
        pieces = (_to_float(frame) for frame in _decode_frames(container, stream))
        return choose_weights(pieces, _rate(stream, Path(path).name))


def _mix(frame: AudioFrame, weights: np.ndarray) -> np.ndarray:
    """Mono float32 [N] of a frame; the mean where it has another number of channels than the track."""
    samples = _to_float(frame)
    if samples.shape[1] != len(weights) or np.all(weights == weights[0]):
        mono = samples.mean(axis=1, dtype=np.float32)
    else:
        mono = samples @ weights
    return mono if np.isfinite(mono).all() else np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0)


def _iter_source(
    container: InputContainer,
    stream: AudioStream,
    weights: np.ndarray,
    source_hz: int,
    picture: Picture,
    first: int,
) -> Iterator[np.ndarray]:
    """Mono samples at the track's own rate, without gaps, from sample ``first`` of Struck's clock until it ends."""
    time_base = float(stream.time_base or 1)
    start_s = first / source_hz + picture.start_s - _SEEK_MARGIN_S
    if first / source_hz > 2 * _SEEK_MARGIN_S and not picture.splices:
        with contextlib.suppress(av.error.FFmpegError):  # a file that is not seekable is read from its start
            container.seek(math.floor(start_s / time_base), backward=True, any_frame=False, stream=stream)
    position = first
    expected: int | None = None
    for frame in _decode_frames(container, stream, picture.splices):
        mono = _mix(frame, weights)
        at = expected
        if frame.pts is not None:
            tick_s = float(frame.time_base or time_base)
            stamped = math.floor((frame.pts * tick_s - picture.start_s) * source_hz + 0.5)
            if at is None or abs(stamped - at) > _JITTER_S * source_hz:
                at = stamped
        if at is None:
            at = position
        expected = at + len(mono)
        while position < at:  # a gap, or sound that starts after the picture
            gap = min(at - position, source_hz)
            yield np.zeros(gap, np.float32)
            position += gap
        mono = mono[position - at :]
        if len(mono):
            position += len(mono)
            yield mono
