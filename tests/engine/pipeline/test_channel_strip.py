"""Channel strips: neutral ones change no bit, filters and distance follow their laws, 5.1 folds down to stereo."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import signal

from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Hit, Project
from engine.document.serialization import project_from_json, project_to_json
from engine.document.strip import Strip
from engine.physics.model import NoiseComponent
from engine.pipeline.channel_strip import apply_filters, list_filters, make_pass, make_room, room_gain
from engine.pipeline.delivery import make_stems
from engine.pipeline.master import describe_left_out
from engine.pipeline.placement import first_sample, place_hit
from engine.pipeline.render import hit_physics
from engine.pipeline.track import Track, marker_rows, place_hits, stems_by_sound
from tests.delivered_project import deliver, make_project, sample

FULL = Strip(-3.0, 0.2, 6.0, -10.0, 90.0, 8000.0, 75.0, -6.0)
DB_OF_2 = 10.0 * math.log10(2.0)


def with_strips(project: Project, *strips: Strip) -> Project:
    sounds = (replace(sound, strip=strip) for sound, strip in zip(project.sounds, strips, strict=True))
    return replace(project, sounds=tuple(sounds))


def frequency_db(filters: list[tuple[float, ...]], frequency_hz: np.ndarray) -> np.ndarray:
    sections = [(*biquad[:3], 1.0, *biquad[3:]) for biquad in filters]
    return 20.0 * np.log10(np.abs(signal.freqz_sos(sections, frequency_hz, fs=SAMPLE_RATE_HZ)[1]))


def absorb_air(frequency_hz: np.ndarray) -> np.ndarray:
    """Attenuation in dB per metre at 20 degrees C, 50 % humidity and sea level: ISO 9613-1, equations 3 to 5."""
    kelvin, humid = 293.15, 50.0 * 10.0 ** (4.6151 - 6.8346 * (273.16 / 293.15) ** 1.261)
    oxygen_hz = 24.0 + 4.04e4 * humid * (0.02 + humid) / (0.391 + humid)
    nitrogen_hz = 9.0 + 280.0 * humid
    square = frequency_hz**2
    oxygen = 0.01275 * np.exp(-2239.1 / kelvin) / (oxygen_hz + square / oxygen_hz)
    nitrogen = 0.1068 * np.exp(-3352.0 / kelvin) / (nitrogen_hz + square / nitrogen_hz)
    result: np.ndarray = 8.686 * square * (1.84e-11 + oxygen + nitrogen)
    return result


def test_neutral_strips_change_no_bit() -> None:
    """The sum of the placed hits with gain and balance, as it was before there were strips."""
    project = make_project()
    rendered = sample(project)
    track = np.zeros((2 * SAMPLE_RATE_HZ, 2), np.float32)
    for hit in project.hits:
        placed, first = place_hit(hit, rendered[hit.id].samples, len(track)), first_sample(hit)
        for channel, share in enumerate((min(1.0, 1.0 - hit.pan), min(1.0, 1.0 + hit.pan))):
            gain = 10.0 ** ((hit.gain_db + project.mix.gain_db) / 20.0)
            track[first : first + len(placed), channel] += placed * np.float32(gain * share)
    assert np.array_equal(place_hits(project, rendered), track) and track.any()


@pytest.mark.parametrize("cutoff_hz", [20.0, 1000.0, 20_000.0])
@pytest.mark.parametrize(("kind", "is_high"), [("highpass", True), ("lowpass", False)])
def test_filters_are_butterworths(cutoff_hz: float, kind: str, is_high: bool) -> None:
    b, a = signal.butter(2, cutoff_hz, kind, fs=SAMPLE_RATE_HZ)
    assert make_pass(cutoff_hz, is_high) == pytest.approx((*b, *a[1:]), abs=1e-12)


def test_distance_takes_highs_as_air_does() -> None:
    frequency_hz = np.geomspace(100.0, 10_000.0, 50)
    for distance_m in (2.0, 10.0, 30.0):
        found = frequency_db(list_filters(Strip(), distance_m), frequency_hz)
        assert found == pytest.approx(-absorb_air(frequency_hz) * (distance_m - 1.0), abs=1.0)
    assert list_filters(Strip()) == []


def test_a_dry_sound_falls_by_the_distance_and_keeps_its_place() -> None:
    near, project = make_project(times=(0.25, 0.5, 0.75, 1.0)), make_project(times=(0.25, 0.5, 0.75, 1.0))
    far = with_strips(project, Strip(distance_m=8.0), Strip(distance_m=8.0))
    far = replace(far, hits=tuple(replace(hit, distance_m=2.0) for hit in far.hits))
    tracks = [place_hits(project, sample(project)) for project in (near, far)]
    low = signal.butter(4, 500.0, fs=SAMPLE_RATE_HZ, output="sos")
    powers = [np.square(signal.sosfilt(low, track, axis=0)).sum() for track in tracks]
    assert 10.0 * math.log10(powers[0] / powers[1]) == pytest.approx(20.0, abs=0.1)


def test_the_room_stays_as_loud_at_any_distance() -> None:
    project = make_project()
    crate = project.sounds[1]
    room = NoiseComponent((-30.0, -36.0), (6.0, 8.0))
    crate = replace(crate, residual=replace(crate.residual, room=room))
    hit = Hit("h1", 0.5, crate.id, 3)
    roomy = replace(project, sounds=(crate,))
    draw = make_room(*hit_physics(roomy, hit), SAMPLE_RATE_HZ, hit.seed)
    expected = 10.0 ** (-30.0 / 10.0) / (2 * 6.0) + 10.0 ** (-36.0 / 10.0) / (2 * 8.0)
    for channel in draw:  # each as loud as the room of the sound itself
        assert np.square(channel, dtype=float).sum() / SAMPLE_RATE_HZ == pytest.approx(expected, rel=0.2)
    assert abs(np.corrcoef(draw)[0, 1]) < 0.1
    for distance_m in (1.0, 2.0, 10.0):  # own room, fallen with the hit, and the room that is added
        assert 1.0 / distance_m**2 + room_gain(roomy, hit, distance_m) ** 2 == pytest.approx(1.0)
    sent = replace(roomy, sounds=(replace(crate, strip=Strip(room_db=DB_OF_2)),))
    assert room_gain(sent, hit, 1.0) ** 2 == pytest.approx(2.0)
    assert room_gain(project, hit, 10.0) == 0.0  # a dry sound stays dry


@pytest.mark.parametrize("direction_deg", [0.0, 15.0, -30.0, 75.0, -110.0, 150.0, 180.0])
@pytest.mark.parametrize("width", [0.0, 0.5])
def test_surround_folds_down_to_the_stereo_track(direction_deg: float, width: float) -> None:
    strip = replace(FULL, surround_deg=direction_deg)
    project = with_strips(make_project(), strip, replace(strip, pan=0.0, lfe_db=-60.0))
    project = replace(project, mix=replace(project.mix, width=width))
    rendered = sample(project)
    left, right, centre, lfe, left_behind, right_behind = place_hits(project, rendered, "5.1").T
    fold = [left + math.sqrt(0.5) * (centre + left_behind), right + math.sqrt(0.5) * (centre + right_behind)]
    stereo = place_hits(project, rendered).T
    assert np.abs(np.stack(fold) - stereo).max() < 1e-6 and np.abs(stereo).max() > 0.01
    spectrum = np.abs(np.fft.rfft(lfe)) ** 2
    assert lfe.any() and spectrum[1000:].sum() < 0.02 * spectrum.sum()
    dry = with_strips(project, *(replace(sound.strip, room_db=-60.0) for sound in project.sounds))
    behind = place_hits(dry, rendered, "5.1")[:, 4:]
    assert behind.any() == (abs(direction_deg) > 30.0)


@pytest.mark.parametrize("kind", ["sound", "hit", "layer"])
def test_stems_add_up_to_the_track(kind: str) -> None:
    project = with_strips(make_project(times=(0.3, 0.6, 0.8, 1.0)), FULL, Strip(room_db=-3.0, low_pass_hz=3000.0))
    delivery = deliver(project, stems=kind)
    total = np.sum([stem[:] for stem in make_stems(delivery).values()], axis=0)
    track = Track(delivery.project, delivery.rendered)
    assert np.abs(total - track[:]).max() < 1e-5
    assert np.array_equal(np.concatenate([track[:30_001], track[30_001:]]), track[:])


def test_mute_and_solo_choose_what_is_heard() -> None:
    project = make_project()
    rendered = sample(project)
    solo, mute = Strip(solo=True), Strip(mute=True)
    for strips in ((solo, Strip()), (Strip(), mute), (solo, replace(solo, mute=True))):
        chosen = with_strips(project, *strips)
        assert {row.sound for row in marker_rows(chosen)} == {"Glass jar"}
        assert np.array_equal(place_hits(chosen, rendered), stems_by_sound(project, rendered)["Glass jar"][:])
        assert describe_left_out(chosen) == "without Wooden crate (muted, or not solo)"
    assert describe_left_out(project) == ""


def test_filters_leave_out_what_they_should() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.1, 1 << 15).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(apply_filters(noise, list_filters(Strip(high_pass_hz=500.0, low_pass_hz=5000.0)))))
    frequency_hz = np.fft.rfftfreq(1 << 15, 1.0 / SAMPLE_RATE_HZ)
    inside = np.square(spectrum[(frequency_hz > 1000.0) & (frequency_hz < 2500.0)]).mean()
    for outside in ((20.0, 60.0), (18_000.0, 23_000.0)):
        part = np.square(spectrum[(frequency_hz > outside[0]) & (frequency_hz < outside[1])]).mean()
        assert part < 0.01 * inside


def test_strips_are_saved_and_defaults_are_not() -> None:
    project = make_project()
    plain: dict[str, Any] = project_to_json(project)
    assert not {"strip", "color"} & set(plain["sounds"][0]) and "limit" not in plain["mix"]
    assert "distance_m" not in plain["hits"][0]
    changed = with_strips(project, FULL, Strip(mute=True, solo=True))
    changed = replace(changed, mix=replace(changed.mix, limit=True), hits=(replace(project.hits[0], distance_m=-3.0),))
    changed = replace(changed, sounds=(replace(changed.sounds[0], color="#12ab34"), changed.sounds[1]))
    read = project_from_json(project_to_json(changed))
    assert (read.mix, read.hits) == (changed.mix, changed.hits)
    assert [(s.strip, s.color) for s in read.sounds] == [(s.strip, s.color) for s in changed.sounds]
