"""From a clip to a document: its hits, and the physics of what is struck in it."""

from engine.pipeline.analyze_audio import analyze_clip_hits
from engine.pipeline.detect_onsets import detect, find_onset_network, hits_from_track, open_clip
from engine.pipeline.onset_cache import track_from_arrays, track_keys, track_to_arrays
from engine.pipeline.recordings import (
    SoundMatch,
    find_recording,
    keep_recording,
    keep_samples,
    match_sound,
    recording_key,
)
from engine.pipeline.sound_sources import (
    default_sound,
    describe_character,
    sound_from_preset,
    sound_from_recording,
    sound_from_span,
)

__all__ = [
    "SoundMatch",
    "analyze_clip_hits",
    "default_sound",
    "describe_character",
    "detect",
    "find_onset_network",
    "find_recording",
    "hits_from_track",
    "keep_recording",
    "keep_samples",
    "match_sound",
    "open_clip",
    "recording_key",
    "sound_from_preset",
    "sound_from_recording",
    "sound_from_span",
    "track_from_arrays",
    "track_keys",
    "track_to_arrays",
]
