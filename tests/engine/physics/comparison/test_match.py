"""Comparison of a recording with its physics: equal sounds have no error, and the sentence names a known cause."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.document.edits.messages import apply_message
from engine.document.project import Hit, Project, Sound
from engine.document.source import Source
from engine.document.storage import load_project
from engine.physics.comparison.match import BANDS, POINTS, STEP_S, compare
from engine.physics.detail import take_modes
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.recordings import find_recording, keep_recording, match_sound, recording_key

RATE = 48_000
MODES = Modes(
    (220.0, 530.0, 1490.0, 3105.0),
    (-14.0, -18.0, -20.0, -24.0),
    (6.0, 8.0, 14.0, 20.0),
    (0.0, 0.3, 0.5, 1.0),
    (False,) * 4,
)
EDGES = tuple(float(f) for f in np.geomspace(20.0, 24_000.0, 17))
NOISE = Residual(
    EDGES,
    (-45.0,) * 16,
    (60.0,) * 16,
    room=NoiseComponent((-62.0,) * 16, (9.0,) * 16),
    attack=NoiseComponent((-30.0,) * 16, (900.0,) * 16),
)
BELL = Physics(MODES, NOISE, RATE)
LOUD_NOISE = Physics(Modes(), NOISE, RATE)


def record(physics: Physics, seed: int = 5, duration_s: float = 1.4) -> np.ndarray:
    return synthesize(physics, duration_s, seed).astype(np.float64)


def with_decay(index: int, ratio: float) -> Physics:
    decay = list(MODES.decay_per_s)
    decay[index] *= ratio
    return replace(BELL, modes=replace(MODES, decay_per_s=tuple(decay)))


def test_modes_are_their_own_match_exactly() -> None:
    bare = replace(BELL, residual=Residual())
    match = compare(record(bare), bare, RATE)
    assert match.fit == pytest.approx(1.0, abs=1e-3) and match.chance_db == pytest.approx(0.0, abs=0.01)
    for curves in (match.spectrum, match.level):
        loud = curves.measured > curves.measured.max() - 60.0
        np.testing.assert_allclose(curves.model[loud], curves.measured[loud], atol=0.01)
    assert np.nanmax(np.abs(match.band_error_db)) < 0.01
    assert match.modes_share == pytest.approx(1.0) and match.diagnosis.startswith("good")


@pytest.mark.slow
@pytest.mark.parametrize("physics", [BELL, LOUD_NOISE, replace(LOUD_NOISE, residual=replace(NOISE, rise_s=0.01))])
def test_one_draw_of_a_sound_lies_about_what_is_expected_of_it(physics: Physics) -> None:
    """The model's noise is its expected power, so over many draws the recording's power must average to it."""
    draws = [compare(record(physics, seed), physics, RATE) for seed in range(8)]
    measured = np.mean([10.0 ** (m.spectrum.measured / 10.0) for m in draws], axis=0)
    wide = draws[0].frequency_hz > 300.0
    error_db = 10.0 * np.log10(measured) - draws[0].spectrum.model
    assert abs(error_db[wide].mean()) < 0.5 and np.abs(error_db[wide]).mean() < 1.5
    level = 10.0 * np.log10(np.mean([10.0 ** (m.level.measured[:20] / 10.0) for m in draws], axis=0))
    np.testing.assert_allclose(level, draws[0].level.model[:20], atol=1.5)
    power = np.mean([10.0 ** (m.band_measured_db[:, :60] / 10.0) for m in draws], axis=0)
    expected = 10.0 ** ((draws[0].band_measured_db + draws[0].band_error_db)[:, :60] / 10.0)
    inner = np.s_[12:, :]  # bands wide enough for eight draws to tell
    assert abs(np.nanmean(10.0 * np.log10(power[inner] / expected[inner]))) < 0.5
    assert sum(m.diagnosis.startswith("good") for m in draws) >= 7  # a draw in fifteen is told to differ


def test_the_noise_of_the_stages_is_what_the_recording_has_beside_its_modes() -> None:
    match = compare(record(BELL), BELL, RATE)
    assert [name for name, _ in match.noise_db] == ["attack", "strike", "room"]
    together = 10.0 * np.log10(sum(10.0 ** (level / 10.0) for _, level in match.noise_db))
    high = np.array(EDGES[:-1]) > 300.0
    np.testing.assert_allclose(match.rest_db[high], together[high], atol=4.0)
    assert abs((match.rest_db - together)[high].mean()) < 1.0


def test_stems_carry_the_energy_of_their_peaks() -> None:
    bare = replace(BELL, residual=Residual())
    match = compare(record(bare), bare, RATE)
    for frequency_hz, level_db in zip(match.stem_hz, match.stem_db, strict=True):
        near = np.abs(np.log2(match.frequency_hz / frequency_hz)) < 1 / 24
        assert match.spectrum.model[near].max() == pytest.approx(level_db, abs=1.0)
    muted = replace(bare, modes=replace(MODES, muted=(True, False, False, False)))
    assert len(compare(None, muted, RATE).stem_hz) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("index", "where"), [(1, "between 400 Hz and 800 Hz"), (2, "between 800 Hz and 1.6 kHz")])
def test_a_mode_that_decays_twice_as_fast_is_too_quiet_there_and_late(index: int, where: str) -> None:
    match = compare(record(BELL), with_decay(index, 2.0), RATE)
    middle = np.sqrt(match.band_edges_hz[:-1] * match.band_edges_hz[1:])
    band = int(np.argmin(np.abs(np.log(middle / MODES.frequency_hz[index]))))
    error_db = match.band_error_db[band]
    assert np.abs(error_db[:4]).max() < 2.5
    late = slice(round(0.2 / STEP_S), round(0.3 / STEP_S))
    expected_db = -8.686 * MODES.decay_per_s[index] * (np.arange(len(error_db)) * STEP_S)[late]
    np.testing.assert_allclose(error_db[late], np.maximum(expected_db, -24.0), atol=4.0)
    assert "too quiet" in match.diagnosis and where in match.diagnosis and "dies away too fast" in match.diagnosis
    longer = compare(record(BELL), with_decay(index, 0.5), RATE).diagnosis
    assert "too loud" in longer and where in longer and "rings too long" in longer


def test_a_second_hit_is_named_with_its_time() -> None:
    sound = record(BELL)
    start = round(0.18 * RATE)
    sound[start:] += 0.8 * record(BELL, seed=6)[:-start]
    assert compare(sound, BELL, RATE).diagnosis.startswith("rises again at 0.18 s")


def test_modes_that_beat_are_no_second_hit() -> None:
    pair = Modes((500.0, 504.0), (-14.0, -14.0), (1.5, 1.5), (0.0, 0.0), (False,) * 2)
    physics = Physics(pair, Residual(), RATE)
    assert compare(record(physics), physics, RATE).diagnosis.startswith("good")


def test_an_attack_that_comes_too_early_is_named() -> None:
    rise = np.clip(np.arange(round(1.4 * RATE)) / RATE / 0.012, 0.0, 1.0) ** 2
    assert compare(record(BELL) * rise, BELL, RATE).diagnosis.startswith("attack too early: ")
    risen = replace(BELL, residual=replace(NOISE, rise_s=0.02))
    assert "under in the first" in compare(record(BELL), risen, RATE).diagnosis


def test_noise_is_called_noise() -> None:
    said = compare(record(LOUD_NOISE), LOUD_NOISE, RATE).diagnosis
    assert said.startswith("good") and said.endswith("most of it is noise: modes make up 0 %")


def test_background_is_the_recordings_and_no_fault() -> None:
    background = 2e-3 * np.random.default_rng(1).standard_normal(round(1.4 * RATE))
    said = compare(record(BELL) + background, BELL, RATE).diagnosis
    assert said.startswith("good") and "background" in said


def test_a_loud_background_is_no_fault_either_and_does_not_lower_the_fit() -> None:
    """A fan 16 dB under the hit in the whole of it, where a limit of what counts as faint would not help."""
    fan = np.random.default_rng(1).standard_normal(round(1.4 * RATE))
    fan *= 10.0 ** (-16.0 / 20.0) * np.sqrt(np.square(record(BELL)[: round(0.1 * RATE)]).mean())
    noisy, clean = (compare(sound, BELL, RATE) for sound in (record(BELL) + fan, record(BELL)))
    assert "too quiet" not in noisy.diagnosis
    assert noisy.fit is not None and clean.fit is not None and noisy.fit > clean.fit - 0.1
    late = noisy.band_error_db[:, noisy.band_error_db.shape[1] // 2 :]
    assert np.mean(late < -6.0) < 0.03  # a band in 48


def test_what_still_rings_at_the_end_is_not_taken_for_background() -> None:
    """Each mode takes 3 s to die, and those of the model half a second."""
    rings, dies = (
        replace(BELL, modes=replace(MODES, decay_per_s=(decay,) * 4), residual=NOISE.scaled(-20.0))
        for decay in (2.3, 13.8)
    )
    match = compare(record(rings), dies, RATE)
    assert match.diagnosis.endswith("so it dies away too fast")
    assert match.fit is not None and match.fit < 0.4


def test_a_tone_that_the_model_lacks_is_no_background() -> None:
    """It takes 10 s to die, so that it hardly falls within the recording."""
    slow = replace(MODES, decay_per_s=(*MODES.decay_per_s[:2], 0.7, MODES.decay_per_s[3]))
    residual = NOISE.scaled(-20.0)
    sound, lacks = record(Physics(slow, residual, RATE)), Physics(take_modes(slow, [0, 1, 3]), residual, RATE)
    match = compare(sound, lacks, RATE)
    assert "too quiet between 800 Hz" in match.diagnosis
    assert match.fit is not None and match.fit < 0.4


def test_a_level_that_is_wrong_throughout_is_told_in_decibels() -> None:
    quiet = replace(
        BELL, modes=replace(MODES, power_db=tuple(p - 6.0 for p in MODES.power_db)), residual=NOISE.scaled(-6.0)
    )
    match = compare(record(BELL), quiet, RATE)
    assert "6 dB too quiet" in match.diagnosis
    assert match.error_db is not None and match.fit is not None
    assert match.error_db == pytest.approx(12.0 * (1.0 - match.fit)) and 4.0 < match.error_db < 8.0


def test_without_a_recording_the_model_stands_alone() -> None:
    match = compare(None, BELL, RATE)
    assert match.fit is None and not match.diagnosis
    assert not match.spectrum.measured.size and not match.level.measured.size and not match.band_error_db.size
    assert match.spectrum.model.shape == (POINTS,) and match.level.model.max() > -20.0
    silent = compare(None, Physics(), RATE)
    assert silent.spectrum.model.max() < -100.0 and not silent.stem_hz.size


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("duration_s", [0.02, 0.3, 3.0])
def test_any_rate_and_length_is_shown(rate_hz: int, duration_s: float) -> None:
    physics = replace(BELL, sample_rate_hz=rate_hz)
    matches = [compare(record(physics, seed, duration_s), physics, rate_hz) for seed in range(3)]
    match = matches[0]
    arrays = [match.spectrum.measured, match.spectrum.model, match.level.measured, match.level.model, match.rest_db]
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in arrays)
    assert match.band_error_db.shape == (BANDS, len(match.time_s)) == match.band_measured_db.shape
    assert np.mean([m.fit for m in matches if m.fit is not None]) > 0.85  # short ones vary by 0.02


def test_nothing_is_said_of_what_comes_after_a_short_recording() -> None:
    match = compare(record(BELL, duration_s=0.052), BELL, RATE)
    assert len(match.time_s) == 10 and match.diagnosis.startswith("good")


@pytest.mark.parametrize("samples", [np.zeros(4800), np.full(4800, np.nan), np.zeros(0), np.ones((10, 2))])
def test_what_is_no_recording_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(BadInput, match="measure the sound again"):
        compare(samples, BELL, RATE)


# --- the recording ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo() -> Project:
    return load_project(ASSETS / "demo_sound.struck.json")


def note_time_s(sound: Sound) -> float:
    assert sound.source.time_s is not None
    return sound.source.time_s


@pytest.mark.slow
def test_the_recording_of_a_sound_is_the_hit_it_was_estimated_from(demo: Project) -> None:
    for sound in demo.sounds:
        recording = find_recording(demo, sound, Cache(None))
        assert f"{note_time_s(sound):.2f} s" in recording.source and recording.sample_rate_hz == RATE
        power = np.square(recording.samples)
        assert power[:480].mean() > 4.0 * power[-480:].mean()  # it begins with the attack
        match = match_sound(demo, sound, Cache(None))
        assert match.measured is None and match.now.fit == pytest.approx(sound.fit, abs=0.05)


def test_a_hit_that_was_moved_or_given_away_leaves_the_recording_where_it_was(demo: Project) -> None:
    sound = demo.sounds[0]
    before = find_recording(demo, sound, Cache(None)).samples

    def with_hit(change: Hit) -> Project:
        return replace(demo, hits=tuple(change if hit.id == change.id else hit for hit in demo.hits))

    model = min(demo.hits, key=lambda hit: abs(hit.time_s - note_time_s(sound)))
    given = with_hit(replace(model, sound_id=demo.sounds[1].id))
    np.testing.assert_array_equal(find_recording(given, sound, Cache(None)).samples, before)
    assert recording_key(given, sound) == recording_key(demo, sound)
    moved = find_recording(with_hit(replace(model, time_s=0.1, touched=True)), sound, Cache(None)).samples
    length = min(len(moved), len(before)) - 480
    lag = (
        int(np.argmax([np.dot(before[480 : 480 + 4800], moved[480 + k : 480 + k + 4800]) for k in range(-300, 300)]))
        - 300
    )
    assert abs(lag) < 48 and length > 0.4 * RATE  # its attack found again to 1 ms


@pytest.mark.slow
def test_an_edited_sound_is_compared_as_measured_too(demo: Project) -> None:
    sound = demo.sounds[0]
    message = {"kind": "set_modes", "sound_id": sound.id, "indices": [0], "power_db": [-80.0]}
    edited = apply_message(demo, message).apply(demo)
    known = match_sound(edited, edited.sound(sound.id), Cache(None), measured=sound)
    again = match_sound(edited, edited.sound(sound.id), Cache(None))  # nothing known of what it was
    for match in (known, again):
        assert match.measured is not None and match.measured.fit is not None and match.now.fit is not None
        assert match.measured.fit > match.now.fit
    assert known.measured is not None and known.measured.fit == match_sound(demo, sound, Cache(None)).now.fit


def test_without_its_recording_a_sound_says_what_is_missing(demo: Project, tmp_path: Path) -> None:
    sound = demo.sounds[0]
    gone = replace(demo, clip=replace(demo.clip, path=str(tmp_path / "gone.mp4")))
    silent = replace(demo, clip=replace(demo.clip, has_audio=False))
    morph = replace(sound, source=Source("morph", parents=("Steel bin", "Glass jar"), amount=0.4))
    lost = replace(sound, source=Source("file", name="bell.wav", recording="0" * 64))
    preset = replace(sound, source=Source("preset", note="a wooden bar"))
    edited = replace(preset, source=replace(preset.source, edited=True))
    for project, one, word in (
        (gone, sound, "gone.mp4"), (silent, sound, "no sound"), (demo, morph, "morph"), (demo, lost, "bell.wav"),
        (demo, preset, "preset"), (demo, edited, "preset"),
        (demo, replace(preset, source=Source("text", note="a bell")), "no recording"),
    ):  # fmt: skip
        match = match_sound(project, one, Cache(None))
        assert word in match.why and not match.source and match.now.fit is None, match.why
        assert 20 < len(match.why) < 200


def test_a_recording_from_a_file_is_kept_from_its_onset_on(tmp_path: Path) -> None:
    sound = record(BELL, duration_s=1.0)
    quiet = 1e-6 * np.random.default_rng(2).standard_normal(12_000)
    soundfile.write(
        tmp_path / "bell.wav", np.stack([np.concatenate([quiet, sound])] * 2, axis=1), RATE, subtype="FLOAT"
    )
    cache = Cache(tmp_path / "cache")
    kept = keep_recording(
        tmp_path / "bell.wav", Sound("s1", "Bell", MODES, NOISE, Source("file", name="bell.wav")), cache
    )
    recording = find_recording(
        Project(load_project(ASSETS / "demo_silent.struck.json").clip), kept, Cache(tmp_path / "cache")
    )
    assert recording.source == "bell.wav" and recording.sample_rate_hz == RATE
    assert abs(len(recording.samples) - len(sound)) < 48
    assert match_sound(Project(load_project(ASSETS / "demo_silent.struck.json").clip), kept, cache).now.fit > 0.85
