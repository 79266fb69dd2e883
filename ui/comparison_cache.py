"""Comparisons of sounds with their recordings, computed on request and cached by content."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.core.cache import digest_json
from engine.core.errors import BadInput
from engine.core.lru import LRU
from engine.document.project import Project, Sound
from engine.physics.model import Physics, physics_to_json

if TYPE_CHECKING:
    from engine.physics.comparison.match import Curves, Match
    from engine.pipeline.recordings import SoundMatch
    from ui.session import Session

MOST_BYTES = 32 << 20
VERSION = 1


class ComparisonCache:
    """An LRU cache of packed comparisons; one is computed at a time, so that editing stays responsive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = LRU[str, bytes](MOST_BYTES, len)

    def get(self, session: Session, sound_id: str) -> tuple[str, bytes]:
        """Key and bytes (see ``pack``) of a sound's comparison. BadInput when there is no such sound."""
        with session.lock:
            project = session.require_project()
            past = session.history.past if session.history else ()
        sound = next((s for s in project.sounds if s.id == sound_id), None)
        if sound is None:
            raise BadInput("this sound is not in the project any more; choose another")
        key = match_key(project, sound)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                return key, known
            from engine.pipeline.recordings import match_sound

            earlier = (s for step in reversed(past) for s in step.project.sounds if s.id == sound_id)
            measured = next((s for s in earlier if is_measurement_of(s, sound)), None)
            found = match_sound(project, sound, session.context.cache, measured)
            made = pack(found)
            if found.source:  # a recording that is missing now may be there next time
                self._known.put(key, made)
            return key, made


def match_key(project: Project, sound: Sound) -> str:
    """Digest of everything that a comparison depends on."""
    from engine.pipeline.recordings import recording_key

    physics = physics_to_json(Physics(sound.modes, sound.residual))
    detail = [sound.detail, sound.detail_seed] if sound.detail < 1.0 else []
    return digest_json(
        [VERSION, physics, asdict(sound.macros), asdict(sound.source), recording_key(project, sound), *detail]
    )


def is_measurement_of(earlier: Sound, sound: Sound) -> bool:
    """Whether ``earlier`` is the unedited measurement of the edited ``sound``."""
    if sound.origin != "edited" or earlier.origin not in ("clip", "reference"):
        return False
    return sound.source == replace(earlier.source, edited=True)


def pack(found: SoundMatch) -> bytes:
    """A comparison as bytes: length of a JSON text (4 bytes), the text padded to 4, and the float32 arrays it names.

    ``{"source", "why", "now": {...}, "measured": {...} or null}``; an array is ``{"at", "shape"}`` in floats.
    """
    floats: list[np.ndarray] = []
    at = 0

    def put(array: np.ndarray) -> dict[str, Any]:
        nonlocal at
        entry = {"at": at, "shape": list(array.shape)}
        floats.append(np.ascontiguousarray(array, "<f4").reshape(-1))
        at += array.size
        return entry

    def curves(of: Curves) -> dict[str, Any]:
        return {"measured": put(of.measured), "model": put(of.model), "modes": put(of.modes), "noise": put(of.noise)}

    def match(of: Match) -> dict[str, Any]:
        return {
            "fit": of.fit,
            "error_db": of.error_db,
            "chance_db": of.chance_db,
            "modes_share": of.modes_share,
            "diagnosis": of.diagnosis,
            "frequency_hz": put(of.frequency_hz),
            "spectrum": curves(of.spectrum),
            "stem_hz": put(of.stem_hz),
            "stem_db": put(of.stem_db),
            "time_s": put(of.time_s),
            "level": curves(of.level),
            "band_edges_hz": put(of.band_edges_hz),
            "band_measured_db": put(of.band_measured_db),
            "band_error_db": put(of.band_error_db),
            "noise_edges_hz": put(of.noise_edges_hz),
            "rest_db": put(of.rest_db),
            "components": [{"name": name, "level_db": put(level_db)} for name, level_db in of.noise_db],
        }

    head = {
        "source": found.source,
        "why": found.why,
        "now": match(found.now),
        "measured": match(found.measured) if found.measured else None,
    }
    text = json.dumps(head, allow_nan=False).encode("ascii")
    text += b" " * (-len(text) % 4)
    return len(text).to_bytes(4, "little") + text + np.concatenate(floats).tobytes()
