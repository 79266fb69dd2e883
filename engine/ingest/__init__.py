"""From a clip to a document: its hits, and the physics of what is struck in it."""

from engine.ingest.clip import detect, find_onset_network, hits_from_track, open_clip
from engine.ingest.hearing import analyze_clip_hits
from engine.ingest.match import SoundMatch, find_recording, keep_recording, keep_samples, match_sound, recording_key
from engine.ingest.sounds import (
    default_sound,
    describe_character,
    sound_from_preset,
    sound_from_recording,
    sound_from_span,
)
from engine.ingest.tracks import track_from_arrays, track_keys, track_to_arrays

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
