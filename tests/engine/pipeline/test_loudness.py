"""Loudness of the track: the mix level that reaches a target, with and without the limiter."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Project
from engine.media.export.loudness import can_measure
from engine.pipeline.events import RenderedHit
from engine.pipeline.loudness import fit_loudness, measure_track
from tests.delivered_project import make_project

pytestmark = pytest.mark.skipif(not can_measure(), reason="loudness is not measured by the libraries for Python 3.10")


def make_tone(amplitude: float) -> RenderedHit:
    """2 s of 997 Hz, of which 0 dBFS in both channels is 0 LUFS but for rounding (EBU Tech 3341, case 1)."""
    time_s = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    return RenderedHit("tone", (amplitude * np.sin(2 * np.pi * 997.0 * time_s)).astype(np.float32))


def make_one_hit(limit: bool = False) -> Project:
    """One hit at the clip's beginning, in the centre and at no gain."""
    project = make_project(times=(0.0,))
    hit = replace(project.hits[0], pan=0.0, gain_db=0.0)
    return replace(project, mix=replace(project.mix, gain_db=0.0, limit=limit), hits=(hit,))


def test_a_target_is_reached_by_the_mix_level() -> None:
    project = make_one_hit()
    rendered = {"h0": make_tone(0.1)}
    assert measure_track(project, rendered).integrated_lufs == pytest.approx(-20.0, abs=0.1)
    for target_lufs in (-23.0, -14.0):
        edit, reached = fit_loudness(project, rendered, target_lufs)
        assert reached.integrated_lufs == pytest.approx(target_lufs, abs=0.06)
        assert edit.apply(project).mix.gain_db == pytest.approx(target_lufs + 20.0, abs=0.1)
        assert measure_track(edit.apply(project), rendered) == reached


@pytest.mark.parametrize("limit", [False, True])
def test_a_target_is_reached_where_soft_parts_fall_under_the_gate(limit: bool) -> None:
    """Loudness does not follow the level then: what is gated relative to the rest changes with the soft part."""
    samples = make_tone(0.1).samples.copy()
    samples[24_000:48_000] *= 10.0 ** (-15.0 / 20.0)
    samples[48_000:] *= 10.0 ** (-35.0 / 20.0)
    project, rendered = make_one_hit(limit), {"h0": RenderedHit("k", samples)}
    quiet = replace(project, mix=replace(project.mix, gain_db=-25.0))
    fall_lu = measure_track(project, rendered).integrated_lufs - measure_track(quiet, rendered).integrated_lufs
    assert abs(fall_lu - 25.0) > 0.5
    for target_lufs in (-45.0, -40.0, -30.0):
        edit, reached = fit_loudness(project, rendered, target_lufs)
        assert reached.integrated_lufs == pytest.approx(target_lufs, abs=0.06)
        assert measure_track(edit.apply(project), rendered) == reached


def test_what_is_louder_than_the_meter_reads_is_measured_all_the_same() -> None:
    """Loudness follows the level 1:1, also where only a loud part of the track is over the meter's +10 LUFS."""
    tone = make_tone(1.0).samples.copy()
    tone[24_000:] *= 0.2
    low, high = ({"h0": RenderedHit("k", tone * np.float32(gain))} for gain in (0.1, 4.0))
    quiet, loud = (measure_track(make_one_hit(), rendered) for rendered in (low, high))
    rise_db = 20.0 * math.log10(40.0)
    assert loud.integrated_lufs < 10.0 < loud.momentary_lufs
    assert loud.integrated_lufs == pytest.approx(quiet.integrated_lufs + rise_db, abs=0.02)
    assert loud.true_peak_dbtp == pytest.approx(quiet.true_peak_dbtp + rise_db, abs=0.02)


@pytest.mark.parametrize("limit", [False, True])
def test_a_target_is_reached_from_far_above_what_the_meter_reads(limit: bool) -> None:
    project = make_one_hit(limit)
    project = replace(project, mix=replace(project.mix, gain_db=24.0))
    rendered = {"h0": make_tone(10.0 ** (12.0 / 20.0))}
    edit, reached = fit_loudness(project, rendered, -23.0)
    assert reached.integrated_lufs == pytest.approx(-23.0, abs=0.06)
    assert edit.apply(project).mix.gain_db == pytest.approx(-35.0, abs=0.1)


@pytest.mark.slow
def test_the_limiter_is_counted_in() -> None:
    """A tone with one click that the limiter takes down; the level makes up for what it takes of the loudness."""
    project = make_one_hit(limit=True)
    tone = make_tone(0.3).samples.copy()
    tone[::9000] = 2.0
    rendered = {"h0": RenderedHit("k", tone)}
    _, reached = fit_loudness(project, rendered, -12.0)
    assert reached.integrated_lufs == pytest.approx(-12.0, abs=0.1) and reached.true_peak_dbtp <= -1.0


@pytest.mark.slow
def test_a_limiter_that_takes_nearly_all_is_not_driven_further_than_helps() -> None:
    """Sparse strikes under the limiter: a target is reached at once from wherever the level stands, or nearly."""
    time_s = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ % 0.5
    strikes = 0.9 * np.exp(-80.0 * time_s) * np.sin(2 * np.pi * 997.0 * time_s)
    rendered = {"h0": RenderedHit("k", strikes.astype(np.float32))}
    project = make_one_hit(limit=True)

    def at(gain_db: float) -> Project:
        return replace(project, mix=replace(project.mix, gain_db=gain_db))

    quiet = measure_track(at(0.0), rendered).integrated_lufs
    heard = {gain_db: measure_track(at(gain_db), rendered).integrated_lufs for gain_db in np.arange(0.0, 24.1, 2.0)}
    loudest = max(heard.values())
    levels = []
    for target_lufs in (quiet - 3.0, quiet + 0.5, loudest + 6.0):
        for start_db in (-60.0, 0.0, 24.0):
            edit, reached = fit_loudness(at(start_db), rendered, target_lufs)
            fitted = edit.apply(at(start_db))
            assert measure_track(fitted, rendered) == reached
            assert reached.integrated_lufs == pytest.approx(min(target_lufs, loudest), abs=0.15)
            levels.append(fitted.mix.gain_db)
    assert np.ptp(np.reshape(levels, (3, 3)), axis=1).max() < 0.1
    nearly = [gain_db for gain_db, lufs in heard.items() if lufs > loudest - 0.05]
    assert levels[-1] <= min(nearly) + 0.01


def test_what_has_no_loudness_is_said() -> None:
    project = make_one_hit()
    with pytest.raises(BadInput, match=r"nothing to hear.*; add a hit$"):
        fit_loudness(replace(project, hits=()), {}, -23.0)
    muted = replace(project, hits=tuple(replace(hit, mute=True) for hit in project.hits))
    with pytest.raises(BadInput, match=r"nothing to hear.*; end the mute or solo that silences all hits$"):
        fit_loudness(muted, {}, -23.0)
    assert all(math.isnan(value) for value in measure_track(project, {}))
