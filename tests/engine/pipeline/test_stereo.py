"""Stereo of the mix: the mono sum stays, noise and room decorrelate as stated, modes stay in the centre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Hit, Project, Sound
from engine.document.source import Source
from engine.physics.model import Modes, NoiseComponent, Residual
from engine.physics.noise import synthesize_residual
from engine.pipeline.events import RenderedHit
from engine.pipeline.render import hit_physics
from engine.pipeline.stereo import make_side
from engine.pipeline.track import place_hits, stems_by_sound
from tests.engine.pipeline.test_render import make_project

EDGES_HZ = (200.0, 1000.0, 5000.0, 15_000.0)
STRIKE = Residual(EDGES_HZ, (-20.0, -22.0, -25.0), (1.0, 1.0, 1.0))
ROOM = Residual(EDGES_HZ, (-200.0,) * 3, (1.0,) * 3, room=NoiseComponent((-20.0, -22.0, -25.0), (1.0, 1.0, 1.0)))
BELL = Modes((440.0, 1500.0), (-20.0, -20.0), (3.0, 4.0), (0.0, 1.0))


def mix(residual: Residual, modes: Modes | None = None, width: float = 1.0, pan: float = 0.0) -> np.ndarray:
    """One hit of 1 s in the middle of a clip of 2 s, at a fraction of a sample; its sound is its residual's noise."""
    project = make_project()
    sound = Sound("s1", "One", modes or Modes(), residual, Source("physics"))
    hit = Hit("h0", 0.2501234, "s1", seed=3, pan=pan)
    project = replace(project, sounds=(sound,), hits=(hit,), mix=replace(project.mix, width=width))
    noise = synthesize_residual(hit_physics(project, hit)[1], SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, hit.seed)
    return place_hits(project, {"h0": RenderedHit("key", noise)})


def test_no_width_is_mono() -> None:
    track = mix(STRIKE, width=0.0)
    assert np.array_equal(track[:, 0], track[:, 1]) and track.any()


@pytest.mark.slow
@pytest.mark.parametrize("width", [0.3, 1.0])
@pytest.mark.parametrize("pan", [0.0, -0.6, 1.0])
def test_the_mono_sum_is_that_of_the_mono_mix(width: float, pan: float) -> None:
    wide, narrow = mix(STRIKE, width=width, pan=pan), mix(STRIKE, width=0.0, pan=pan)
    assert wide.sum(axis=1) == pytest.approx(narrow.sum(axis=1), abs=1e-6 * float(np.abs(narrow).max()))
    assert (pan == 1.0) == np.array_equal(wide, narrow)  # a hit at one side stays there


@pytest.mark.slow
@pytest.mark.parametrize(("residual", "share"), [(STRIKE, 0.5), (ROOM, 1.0)])
@pytest.mark.parametrize("width", [0.5, 1.0])
def test_noise_is_decorrelated_as_stated(residual: Residual, share: float, width: float) -> None:
    left, right = mix(residual, width=width).T
    across = (width * share) ** 2
    expected = (1.0 - across) / (1.0 + across)
    assert np.corrcoef(left, right)[0, 1] == pytest.approx(
        expected, abs=0.06
    )  # some 30 000 free values, uneven in power
    raised_db = 10.0 * np.log10(np.square(left).mean() / np.square(mix(residual, width=0.0)[:, 0]).mean())
    assert raised_db == pytest.approx(10.0 * np.log10(1.0 + across), abs=0.5)


def test_modes_stay_in_the_centre_and_silence_silent() -> None:
    assert not make_side(Residual(), 1000, 3).any()
    track = mix(replace(STRIKE, power_db=(-200.0,) * 3), BELL)
    assert np.array_equal(track[:, 0], track[:, 1])


def test_sides_of_hits_are_independent_and_repeat() -> None:
    one, other = make_side(STRIKE, 48_000, 3), make_side(STRIKE, 48_000, 4)
    assert one is make_side(STRIKE, 48_000, 3)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert abs(np.corrcoef(one, synthesize_residual(STRIKE, 48_000, 48_000, 3))[0, 1]) < 0.05


@pytest.mark.slow
def test_stems_sum_to_the_wide_mix() -> None:
    project: Project = replace(make_project(), mix=replace(make_project().mix, width=0.8))
    rendered = {hit.id: RenderedHit(hit.id, np.ones(4800, np.float32)) for hit in project.hits}
    total = sum((stem[:] for stem in stems_by_sound(project, rendered).values()), np.zeros(1, np.float32))
    assert total == pytest.approx(place_hits(project, rendered), abs=1e-5)
