"""Clips and recordings: decoded by presentation time, in bounded memory.

Time 0 s is the first displayed frame; audio start offsets and edit lists are applied.
"""

from engine.media.frames import iter_frames, make_filmstrip
from engine.media.probe import MediaInfo, digest_file, probe
from engine.media.proxy import make_proxy
from engine.media.sound import iter_clip_audio, read_clip_audio, read_recording

__all__ = [
    "MediaInfo",
    "digest_file",
    "iter_clip_audio",
    "iter_frames",
    "make_filmstrip",
    "make_proxy",
    "probe",
    "read_clip_audio",
    "read_recording",
]
