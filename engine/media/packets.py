"""The packets of a clip: their times in all streams, read once, on one clock where a transport stream has several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from engine.media.open import check_readable, open_container

_MOST_FAILURES = 100
_BACKWARD_S, _FORWARD_S = 0.25, 10.0
"""Steps of the decoding time beyond which the clock is taken to start anew, rather than packets being reordered."""


@dataclass(frozen=True)
class StreamPackets:
    """Packets of a stream in the file's order: presentation and decoding ticks, durations, keyframe flags, bytes."""

    time_base: Fraction
    ticks: np.ndarray
    decoding_ticks: np.ndarray
    durations: np.ndarray
    keys: np.ndarray
    positions: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True)
class Splice:
    """From a byte position of the file on, ``offset_s`` is added to its times, to go on from what precedes."""

    position: int
    offset_s: float


@dataclass(frozen=True)
class ClipPackets:
    """Streams by index, and the splices between the parts of a joined or restarted transport stream.

    ``has_unknown``: there are packets of streams that begin so late in the file that they are not read.
    """

    streams: dict[int, StreamPackets]
    splices: tuple[Splice, ...]
    has_unknown: bool


def scan_packets(path: str | os.PathLike[str]) -> ClipPackets:
    """Read the times of all packets of picture and sound, without decoding. Raises BadInput for an unreadable file."""
    whole = check_readable(path)
    stat = whole.stat()
    return _scan_packets(str(whole), stat.st_size, stat.st_mtime_ns)


# Size and modification time are part of the key, so that a changed file is read anew.
@lru_cache(maxsize=8)
def _scan_packets(path: str, size: int, modified_ns: int) -> ClipPackets:
    rows: dict[int, list[tuple[int, int, int, bool, int, int]]] = {}
    unknown: set[bool] = set()
    with open_container(path) as container:
        streams = [stream for stream in container.streams if stream.type in ("video", "audio")]
        by_order = is_timed_by_order(container)
        for packet in iter_packets(container, streams, lambda: unknown.add(True)):
            tick = packet.dts if by_order or packet.pts is None else packet.pts
            if tick is None or packet.size == 0 or packet.is_discard:
                continue
            decoding = tick if packet.dts is None else packet.dts
            position = -1 if packet.pos is None else packet.pos
            row = (tick, decoding, packet.duration or 0, packet.is_keyframe, position, packet.size)
            rows.setdefault(packet.stream_index, []).append(row)
        found = {
            stream.index: _collect(Fraction(stream.time_base or 1), rows.get(stream.index, [])) for stream in streams
        }
        splices: tuple[Splice, ...] = ()
        if container.format.name in ("mpegts", "mpeg"):
            pictures = [found[stream.index] for stream in streams if stream.type == "video"]
            splices = _find_splices(pictures, list(found.values()))
    spliced = {index: _apply_splices(packets, splices) for index, packets in found.items()}
    return ClipPackets(spliced, splices, bool(unknown))


def is_timed_by_order(container: InputContainer) -> bool:
    """Whether a container stores no presentation times, as AVI does, so that frames are shown in decoding order."""
    return container.format.name == "avi"


def iter_packets(
    container: InputContainer, streams: Sequence[Stream], on_unknown: Callable[[], None] = lambda: None
) -> Iterator[Packet]:
    """Packets of some streams in the file's order, with the empty ones that flush a decoder; damage is passed over.

    ``on_unknown`` is called for packets of streams that begin within the file.
    """
    for stream in container.streams:
        stream.discard = av.stream.Discard.default if stream in streams else av.stream.Discard.all
    failures = 0
    while failures < _MOST_FAILURES:
        try:
            yield from container.demux(streams)
            return
        except av.error.FFmpegError:
            failures += 1
        except IndexError:  # PyAV does not know the stream
            on_unknown()


class ClockCorrection:
    """Moves the times of packets, read in any order, onto the one clock that splices describe."""

    def __init__(self, splices: Sequence[Splice]) -> None:
        self.positions = [splice.position for splice in splices]
        self.offsets_s = [0.0, *(splice.offset_s for splice in splices)]
        self.last = 0

    def apply(self, packet: Packet) -> None:
        """Shift a packet's times in place; one without a position belongs to the last that had one."""
        if not self.positions:
            return
        if packet.pos is not None and packet.pos >= 0:
            self.last = int(np.searchsorted(self.positions, packet.pos, "right"))
        shift = round(self.offsets_s[self.last] / float(packet.time_base or 1))
        if packet.pts is not None:
            packet.pts += shift
        if packet.dts is not None:
            packet.dts += shift


def _collect(time_base: Fraction, rows: list[tuple[int, int, int, bool, int, int]]) -> StreamPackets:
    ticks, decoding, durations, keys, positions, sizes = np.array(rows, np.int64).reshape(-1, 6).T
    if len(positions):  # a packet without a position has that of the one before it
        last = np.maximum.accumulate(np.where(positions >= 0, np.arange(len(positions)), 0))
        positions = positions[last]
    return StreamPackets(time_base, ticks, decoding, durations, keys.astype(bool), positions, sizes)


def _find_splices(pictures: Sequence[StreamPackets], streams: Sequence[StreamPackets]) -> tuple[Splice, ...]:
    """Where the clock of a transport stream starts anew: at the first byte of a stream whose times jump.

    All streams take one offset, so that sound and picture stay in step: that which lets the picture go on at its rate.
    """
    if not pictures:
        return ()
    picture = max(pictures, key=lambda packets: len(packets.ticks))
    count = len(_find_jumps(picture))
    jumps = [positions for positions in map(_find_jumps, streams) if len(positions) == count]
    starts = np.min(jumps, axis=0) if count else np.zeros(0, np.int64)
    part = np.searchsorted(starts, picture.positions, "right")
    times_s = picture.ticks * float(picture.time_base)
    splices: list[Splice] = []
    end_s = offset_s = 0.0
    for number in range(count + 1):
        shown_s = np.sort(times_s[part == number])
        if not len(shown_s):
            return ()
        if number:
            offset_s = end_s - float(shown_s[0])
            splices.append(Splice(int(starts[number - 1]), offset_s))
        frame_s = float(np.median(np.diff(shown_s))) if len(shown_s) > 1 else 0.0
        end_s = float(shown_s[-1]) + frame_s + offset_s
    return tuple(splices)


def _find_jumps(packets: StreamPackets) -> np.ndarray:
    """Byte positions at which the decoding times of a stream jump."""
    steps_s = np.diff(packets.decoding_ticks * float(packets.time_base))
    return packets.positions[1:][(steps_s < -_BACKWARD_S) | (steps_s > _FORWARD_S)]


def _apply_splices(packets: StreamPackets, splices: Sequence[Splice]) -> StreamPackets:
    if not splices:
        return packets
    offsets = np.round(np.array([0.0, *(s.offset_s for s in splices)]) / float(packets.time_base)).astype(np.int64)
    shift = offsets[np.searchsorted([s.position for s in splices], packets.positions, "right")]
    return StreamPackets(
        packets.time_base,
        packets.ticks + shift,
        packets.decoding_ticks + shift,
        packets.durations,
        packets.keys,
        packets.positions,
        packets.sizes,
    )
