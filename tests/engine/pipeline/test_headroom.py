"""The level that keeps the track and its stems under full scale."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from engine.document.project import Clip, Hit, Mix, Project, Sound
from engine.document.source import Source
from engine.physics.model import Modes, Residual
from engine.pipeline import headroom
from engine.pipeline.events import RenderedHit
from engine.pipeline.headroom import fit_level, keep_headroom, peak_dbtp
from engine.pipeline.track import place_hits, stems_by_sound

RATE_HZ = 48_000


def make_project(times_s: list[float], sounds: int = 1, duration_s: float = 3.0, gain_db: float = 0.0) -> Project:
    clip = Clip("clip.mp4", "", duration_s, Fraction(25), 64, 36)
    made = tuple(Sound(f"s{k}", f"Sound {k}", Modes(), Residual(), Source("preset")) for k in range(sounds))
    hits = tuple(Hit(f"h{k}", time_s, f"s{k % sounds}", k) for k, time_s in enumerate(times_s))
    return Project(clip, made, hits, Mix(gain_db))


def render(project: Project, samples: np.ndarray) -> dict[str, RenderedHit]:
    return {hit.id: RenderedHit("k", samples.astype(np.float32)) for hit in project.hits}


def quarter_rate_tone(amplitude: float) -> np.ndarray:
    """A tone at a quarter of the rate whose samples all lie 3 dB under its peaks, as for tests of true peak meters."""
    n = np.arange(4800)
    return amplitude * np.sin(np.pi * (n / 2 + 0.25)) * np.hanning(4800)


def test_the_peak_between_samples_counts() -> None:
    project = make_project([0.5])
    rendered = render(project, quarter_rate_tone(1.0))
    assert 20 * math.log10(np.abs(place_hits(project, rendered)).max()) == pytest.approx(-3.0, abs=0.1)
    assert peak_dbtp(project, rendered) == pytest.approx(0.0, abs=0.1)


def test_the_centre_of_5_1_stays_under_full_scale_too() -> None:
    project = make_project([0.5])
    rendered = render(project, 0.85 * np.hanning(9600) * np.cos(2 * np.pi * 2000 * np.arange(9600) / RATE_HZ))
    assert keep_headroom(project, rendered) is None
    edit = keep_headroom(project, rendered, "5.1")
    assert edit is not None and edit.apply(project).mix.gain_db == pytest.approx(
        -1.0 - 20 * math.log10(0.85 * math.sqrt(2.0)), abs=0.03
    )


def test_overlapping_hits_are_brought_under_full_scale_and_quiet_ones_stay() -> None:
    loud = make_project([0.5, 0.5 + 24 / RATE_HZ, 0.5 + 48 / RATE_HZ])
    tone = 0.7 * np.hanning(9600) * np.cos(2 * np.pi * 2000 * np.arange(9600) / RATE_HZ)
    rendered = render(loud, tone)
    assert peak_dbtp(loud, rendered) == pytest.approx(20 * math.log10(2.1), abs=0.3)
    edit = keep_headroom(loud, rendered)
    assert edit is not None
    fitted = edit.apply(loud)
    assert peak_dbtp(fitted, rendered) == pytest.approx(-1.0, abs=0.02) and fitted.hits == loud.hits
    assert np.abs(place_hits(fitted, rendered)).max() < 10 ** (-1 / 20) + 1e-4
    quiet = replace(loud, hits=loud.hits[:1])
    assert keep_headroom(quiet, rendered) is None
    raised = fit_level(quiet, rendered)
    assert raised is not None and peak_dbtp(raised.apply(quiet), rendered) == pytest.approx(-1.0, abs=0.02)


def test_stems_that_cancel_in_the_track_are_kept_from_clipping_too() -> None:
    project = make_project([0.5, 0.5], sounds=2)
    tone = 1.5 * np.sin(2 * np.pi * 1000 * np.arange(4800) / RATE_HZ) * np.hanning(4800)
    rendered = {"h0": RenderedHit("a", tone.astype(np.float32)), "h1": RenderedHit("b", -tone.astype(np.float32))}
    assert np.abs(place_hits(project, rendered)).max() < 1e-6
    edit = keep_headroom(project, rendered)
    assert edit is not None
    stems = stems_by_sound(edit.apply(project), rendered)
    assert max(np.abs(stem[:]).max() for stem in stems.values()) < 1.0
    assert np.abs(sum(stem[:] for stem in stems.values()) - place_hits(edit.apply(project), rendered)).max() < 1e-6


def test_blocks_of_a_long_clip_give_the_peak_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    times_s = [0.1, 0.93, 0.999, 1.7, 2.6]
    project = make_project(times_s)
    ring = 0.8 * np.exp(-np.arange(30_000) / 9000) * np.sin(2 * np.pi * 700 * np.arange(30_000) / RATE_HZ)
    rendered = render(project, ring)
    whole = peak_dbtp(project, rendered)
    monkeypatch.setattr(headroom, "BLOCK_SAMPLES", RATE_HZ)
    assert peak_dbtp(project, rendered) == pytest.approx(whole, abs=0.01)


def test_silence_has_no_peak_and_nothing_to_fit() -> None:
    project = make_project([])
    assert peak_dbtp(project, {}) == -math.inf
    assert fit_level(project, {}) is None and keep_headroom(project, {}) is None


def test_a_measured_hit_that_clips_alone_lowers_itself_and_no_other() -> None:
    """The clip's own hit did not clip; hits that clip together lower the mix, and one of a chosen sound does too."""
    project = make_project([0.5, 1.5, 2.5])
    tone = np.hanning(9600) * np.cos(2 * np.pi * 2000 * np.arange(9600) / RATE_HZ)
    gains = {"h0": 3.0, "h1": 0.5, "h2": 0.8}
    rendered = {key: RenderedHit(key, (gain * tone).astype(np.float32)) for key, gain in gains.items()}
    measured = replace(project, sounds=(replace(project.sounds[0], source=Source("clip", time_s=0.5)),))
    edit = keep_headroom(measured, rendered)
    assert edit is not None
    after = edit.apply(measured)
    assert peak_dbtp(after, rendered) == pytest.approx(-1.0, abs=0.1) and after.mix == measured.mix
    assert [hit.gain_db for hit in after.hits] == [pytest.approx(-1.0 - 20 * math.log10(3.0), abs=0.1), 0.0, 0.0]
    close = replace(measured, hits=(*measured.hits[:2], replace(measured.hits[2], time_s=1.5)))
    both = keep_headroom(close, rendered)
    assert both is not None
    mixed = both.apply(close)
    assert [hit.gain_db for hit in mixed.hits] == [hit.gain_db for hit in after.hits] and mixed.mix.gain_db < -2.5
    chosen = keep_headroom(project, rendered)
    assert chosen is not None and chosen.apply(project).hits == project.hits
    by_hand = replace(measured, hits=(replace(measured.hits[0], gain_db=1.0), *measured.hits[1:]))
    kept = keep_headroom(by_hand, rendered)
    assert kept is not None and kept.apply(by_hand).hits == by_hand.hits
