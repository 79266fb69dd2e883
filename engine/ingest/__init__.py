"""From a clip to a document: its hits, and the physics of what is struck in it."""

from engine.ingest.clip import detect, hits_from_track, open_clip
from engine.ingest.hearing import analyze_clip_hits
from engine.ingest.sounds import default_sound, describe_character, sound_from_preset, sound_from_recording
from engine.ingest.tracks import track_from_arrays, track_keys, track_to_arrays

__all__ = [
    "analyze_clip_hits",
    "default_sound",
    "describe_character",
    "detect",
    "hits_from_track",
    "open_clip",
    "sound_from_preset",
    "sound_from_recording",
    "track_from_arrays",
    "track_keys",
    "track_to_arrays",
]
