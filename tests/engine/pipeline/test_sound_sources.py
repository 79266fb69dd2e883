"""A recording as a sound of the document."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.errors import BadInput
from engine.document.source import Source
from engine.physics.model import Physics
from engine.physics.synthesis import synthesize
from engine.pipeline.sound_sources import sound_from_recording
from tests.struck_clip import BELL


def test_a_recording_becomes_a_sound(tmp_path: Path) -> None:
    strike = np.concatenate((np.zeros(4410), synthesize(Physics(BELL, sample_rate_hz=44_100), 0.8)))
    soundfile.write(tmp_path / "brass_bowl 3.wav", np.stack([strike, strike], axis=1), 44_100)
    sound = sound_from_recording(tmp_path / "brass_bowl 3.wav")
    assert (sound.name, sound.source) == ("brass bowl 3", Source("file", name="brass_bowl 3.wav"))
    for frequency_hz in BELL.frequency_hz:
        assert min(abs(f - frequency_hz) for f in sound.modes.frequency_hz) < 0.5
    soundfile.write(tmp_path / "still.wav", np.zeros(9000), 44_100)
    with pytest.raises(BadInput):
        sound_from_recording(tmp_path / "still.wav")
