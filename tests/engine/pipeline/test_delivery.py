"""Tracks, stems and pieces of a rendered project: they sum to the track."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import wavinfo

from engine.core.errors import BadInput
from engine.document.project import Hit, Project
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.deliver_pieces import deliver_pieces, deliver_session
from engine.pipeline.delivery import Conformed, deliver_stems
from engine.pipeline.events import RenderedHit
from engine.pipeline.layers import split_layers
from engine.pipeline.render import hit_physics
from engine.pipeline.track import place_hits
from tests.delivered_project import NOISE, RATE, deliver, make_project, sample


@pytest.fixture(scope="module")
def project() -> Project:
    return make_project()


def db(ratio: float) -> float:
    return 20.0 * math.log10(max(ratio, 1e-12))


# --- tracks -----------------------------------------------------------------------------------


def test_the_downmix_of_5_1_is_the_stereo_track(project: Project) -> None:
    project = replace(project, mix=replace(project.mix, width=0.5))
    rendered = sample(project)
    stereo, mono, wide = (place_hits(project, rendered, kind) for kind in ("stereo", "mono", "5.1"))
    assert np.abs(wide[:, :2] + wide[:, 2:3] * np.float32(math.sqrt(0.5)) - stereo).max() < 1e-6  # ITU-R BS.775
    assert not wide[:, 3:].any() and np.abs(mono[:, 0] - stereo.mean(axis=1)).max() < 1e-6


@pytest.mark.parametrize("rate_hz", [44_100, 88_200, 96_000])
def test_another_rate_keeps_sound_and_length(project: Project, rate_hz: int) -> None:
    delivery = deliver(project, sample_rate_hz=rate_hz)
    track = place_hits(project, delivery.rendered)
    converted = Conformed(track, delivery)[:]
    assert converted.shape == (round(2.0 * rate_hz), 2)
    # Of one length in seconds, both have the same spectrum up to 20 kHz, in phase too.
    spectra = [np.fft.rfft(sound[:, 0])[:40_000] / len(sound) for sound in (track, converted)]
    assert np.abs(spectra[1] - spectra[0]).max() < 1e-3 * np.abs(spectra[0]).max()


def test_the_two_pop_is_a_frame_two_seconds_before_the_picture(project: Project) -> None:
    delivery = deliver(project, two_pop=True)
    plain = place_hits(project, delivery.rendered)
    track = Conformed(plain, delivery)[:]
    assert delivery.tags("x").time_reference_samples == 3598 * RATE
    assert len(track) == len(plain) + 2 * RATE and np.array_equal(track[2 * RATE :], plain)
    frame = RATE // 25
    pop = track[:frame, 0]
    assert db(np.abs(pop).max()) == pytest.approx(-20.0, abs=0.1) and not track[frame : 2 * RATE].any()
    assert np.argmax(np.abs(np.fft.rfft(pop))) * 25 == 1000


# --- stems ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("sound", 2), ("hit", 4), ("layer", 3)])
def test_stems_sum_to_the_track(tmp_path: Path, project: Project, kind: str, count: int) -> None:
    roomy = replace(project.sounds[0], strip=replace(project.sounds[0].strip, room_db=-3.0, distance_m=2.0))
    project = replace(project, mix=replace(project.mix, width=0.5), sounds=(roomy, *project.sounds[1:]))
    delivery = deliver(project, stems=kind)
    paths, _ = deliver_stems(delivery, tmp_path / kind)
    assert len(paths) == count
    total = sum(soundfile.read(path)[0] for path in paths)
    assert np.abs(total - place_hits(project, delivery.rendered)).max() < (count + 1) * 2.0**-24
    references = [wavinfo.WavInfoReader(str(path)).bext.time_reference for path in paths]
    assert references == [3600 * RATE] * count


def test_layers_are_what_they_are_named(project: Project) -> None:
    room = NoiseComponent((-40.0, -44.0), (9.0, 12.0))
    ringing = replace(project.sounds[0], residual=NOISE.scaled(12.0).with_component("room", room))
    project = replace(project, sounds=(ringing, project.sounds[1]))
    hit = project.hits[0]
    modes, residual = hit_physics(project, hit)
    alone = {
        "Modes": Physics(modes, Residual(), RATE),
        "Residual": Physics(Modes(), residual.with_component("room", None), RATE),
        "Room": Physics(Modes(), Residual(residual.edges_hz, room=residual.room), RATE),
    }
    parts = {name: synthesize(physics, 0.8, seed=5 + k) for k, (name, physics) in enumerate(alone.items())}
    whole = sum(parts.values())
    found = split_layers(project, hit, whole)
    assert np.abs(sum(found.values()) - whole).max() < 1e-6
    likeness = {name: np.corrcoef(found[name], parts[name])[0, 1] for name in found}
    assert likeness["Modes"] > 0.99 and likeness["Room"] > 0.8 and likeness["Residual"] > 0.8


# --- pieces -----------------------------------------------------------------------------------


def test_pieces_are_trimmed_faded_and_normalised(tmp_path: Path, project: Project) -> None:
    files = deliver_pieces(deliver(project), tmp_path / "pack", sample)
    assert [file.file for file in files] == [
        "Glass jar/GLASImpt_Glass Jar_STRUCK_FOLEY_01.wav",
        "Glass jar/GLASImpt_Glass Jar_STRUCK_FOLEY_02.wav",
        "Wooden crate/WOODImpt_Wooden Crate_STRUCK_FOLEY_01.wav",
        "Wooden crate/WOODImpt_Wooden Crate_STRUCK_FOLEY_02.wav",
    ]
    read = [soundfile.read(tmp_path / "pack" / file.file)[0] for file in files]
    for pair in (read[:2], read[2:]):
        assert db(max(np.abs(x).max() for x in pair)) == pytest.approx(-1.0, abs=0.01)
    assert db(np.abs(read[3]).max()) < -5.0  # the distance between hits is kept
    for piece in read:
        assert np.abs(piece[:48]).max() > 0.0 and abs(piece[-1]) < 1e-4 * np.abs(piece).max()
    # The last hit begins 50 ms before the clip's end and rings on here.
    assert len(read[3]) > 0.1 * RATE
    bext = wavinfo.WavInfoReader(str(tmp_path / "pack" / files[0].file)).bext
    assert bext.description == "GLASImpt_Glass Jar_STRUCK_FOLEY_01" and bext.time_reference == 0


def test_samples_over_full_scale_are_counted(tmp_path: Path, project: Project) -> None:
    loud = replace(project, mix=replace(project.mix, gain_db=24.0))
    files = deliver_pieces(deliver(loud, normalize="none"), tmp_path / "pack", sample)
    for file in files:
        sound = soundfile.read(tmp_path / "pack" / file.file)[0]
        full = int(np.count_nonzero(np.abs(sound) > 1.0 - 2.0**-22))
        assert file.clipped == full
    assert sum(file.clipped for file in files) > 0
    paths, clipped = deliver_stems(deliver(loud), tmp_path / "stems")
    assert clipped == sum(int(np.count_nonzero(np.abs(soundfile.read(path)[0]) > 1.0 - 2.0**-22)) for path in paths) > 0


@pytest.mark.slow
def test_takes_are_rendered_anew_in_velocity_layers(tmp_path: Path, project: Project) -> None:
    asked: list[Hit] = []

    def count(made: Project) -> Mapping[str, RenderedHit]:
        asked.extend(made.hits)
        return sample(made)

    delivery = deliver(project, takes=3, layers=2, normalize="each", bits=16, sample_rate_hz=44_100)
    files = deliver_pieces(delivery, tmp_path / "pack", count)
    assert len(asked) == len({hit.seed for hit in asked}) == len(files) == 2 * 2 * 3
    assert {hit.velocity_db for hit in asked} == {-6.0, 0.0}
    names = [Path(file.file).stem.split("FOLEY")[1] for file in files[:6]]
    assert names == ["_v1_01", "_v1_02", "_v1_03", "_v2_01", "_v2_02", "_v2_03"]
    for file in files:
        sound, rate_hz = soundfile.read(tmp_path / "pack" / file.file)
        assert rate_hz == 44_100 and db(np.abs(sound).max()) == pytest.approx(-1.0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("takes", [0, 1])
def test_pieces_have_the_level_of_their_strip_and_of_the_mix(tmp_path: Path, project: Project, takes: int) -> None:
    def peaks(name: str, strip_db: float, mix_db: float) -> dict[str, float]:
        sounds = tuple(replace(s, strip=replace(s.strip, gain_db=strip_db)) for s in project.sounds)
        changed = replace(project, sounds=sounds, mix=replace(project.mix, gain_db=mix_db))
        files = deliver_pieces(deliver(changed, takes=takes, normalize="none", bits=32), tmp_path / name, sample)
        return {f.file: db(np.abs(soundfile.read(tmp_path / name / f.file)[0]).max()) for f in files}

    as_is, softer = peaks("as is", 0.0, 0.0), peaks("softer", -14.0, -6.0)
    assert as_is.keys() == softer.keys()
    for file, peak_db in as_is.items():
        assert softer[file] == pytest.approx(peak_db - 20.0, abs=0.1)


def test_without_a_hit_there_are_no_pieces(tmp_path: Path, project: Project) -> None:
    delivery = deliver(replace(project, hits=()))
    for deliver_any in (lambda: deliver_pieces(delivery, tmp_path / "p", sample),
                        lambda: deliver_session(delivery, tmp_path / "s.rpp", sample)):  # fmt: skip
        with pytest.raises(BadInput, match="there is no hit to write pieces or a session of; add one first"):
            deliver_any()
    assert list(tmp_path.iterdir()) == []
