"""What is heard of a recording does not vanish where its channels are inverted, whatever it is heard for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.cli.figures.measures import compare_with_model
from engine.core.units import SAMPLE_RATE_HZ
from engine.physics.model import Modes, Physics, Residual
from engine.pipeline.make_animatic import hear_recording
from engine.pipeline.measure_sync import iter_mono
from engine.pipeline.picture_sound import read_hit
from tests.clips import make_clicks

HITS_S = (0.4, 1.1)


@pytest.fixture(params=[2, 6])
def inverted(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A sound in two channels, one of them inverted, and silence in the others; and that sound."""
    sound = make_clicks(HITS_S, 2.0)
    channels = np.zeros((len(sound), request.param), np.float32)
    channels[:, 0], channels[:, 1] = sound, -sound
    soundfile.write(tmp_path / "in.wav", channels, SAMPLE_RATE_HZ, "FLOAT")
    return tmp_path / "in.wav", sound


def test_a_picture_is_drawn_of_it(inverted: tuple[Path, np.ndarray]) -> None:
    path, sound = inverted
    assert np.abs(read_hit(path).samples).max() > 0.3 * np.abs(sound).max()


def test_a_still_moves_to_it(inverted: tuple[Path, np.ndarray]) -> None:
    path, sound = inverted
    heard = hear_recording(path)
    assert [blow.time_s for blow in heard.blows] == pytest.approx(HITS_S, abs=0.005)
    assert heard.samples.shape[1] <= 2 and np.abs(heard.samples).max() > 0.3 * np.abs(sound).max()


def test_it_is_compared_with_a_picture_and_shown(inverted: tuple[Path, np.ndarray]) -> None:
    path, sound = inverted
    mono = np.concatenate(list(iter_mono(path, 10.0)))
    assert len(mono) == len(sound) and np.abs(np.corrcoef(mono, sound)[0, 1]) > 0.999
    physics = Physics(Modes((1500.0,), (-6.0,), (60.0,), (0.0,), (False,)), Residual(), onset_s=HITS_S[0])
    shown = compare_with_model(physics, soundfile.read(path)[0]).recorded
    assert np.abs(shown).max() > 0.3 * np.abs(sound).max()
