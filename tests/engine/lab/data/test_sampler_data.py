"""The sampler's corpus: what is done to a hit is done to its physics; what it learns from is what it is said to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.core.errors import BadInput, StruckError
from engine.diffusion.conditioning import CONTEXT_DIM, EMBEDDING_WIDTH, drop_parts, encode_contexts, name_material
from engine.diffusion.spectrogram import HOP
from engine.lab.data.greatest_hits import Contact, list_takes
from engine.lab.data.recordings import list_recordings, read_hit
from engine.lab.data.sampler.augment import (
    Augmentation,
    analyse_in_noise,
    filter_hit,
    place_in_room,
    play_faster,
    strike_harder,
    vary_hit,
)
from engine.lab.data.sampler.detail import measure_typical, pair_takes, scale_typical, share_modes
from engine.lab.data.sampler.examples import make_batch, make_example
from engine.lab.data.sampler.hits import AnalysedHit, build_hits, open_hits
from engine.lab.data.sampler.pack import OPUS_FMAX_HZ, pack_hits, unpack_hits
from engine.lab.data.sampler.pool import ExamplePool, PoolConfig, weigh_hits
from engine.lab.data.sampler.synthetic import MATERIALS as THIN
from engine.lab.data.sampler.synthetic import draw_grains, make_synthetic_objects, synthesize_object
from engine.physics.detail import measure_level_db, measure_size
from engine.physics.macros import apply_macros
from engine.physics.model import MATERIALS, Context, Modes, Physics, Residual
from engine.physics.synthesis import synthesize

RATE = 48_000
TONE = Modes((900.0, 2300.0), (-8.0, -14.0), (9.0, 30.0), (0.4, -1.0), (False, False))
NOISE = Residual((100.0, 1000.0, 8000.0), (-36.0, -40.0), (50.0, 80.0), None)


def make_hit(modes: Modes = TONE, residual: Residual | None = None, seconds: float = 0.8) -> AnalysedHit:
    residual = residual or Residual()
    sound = synthesize(Physics(modes, residual, RATE), seconds)
    return AnalysedHit(sound, modes, residual, 20_000.0, "metal", "bell", False, 2.0)


def check_modes(hit: AnalysedHit, after_s: float = 0.02) -> float:
    """The error of the physics' own sound against the hit's, relative, once filters have filled."""
    made = synthesize(Physics(hit.modes, Residual(), RATE), len(hit.samples) / RATE)
    start, length = round(after_s * RATE), min(len(made), len(hit.samples))
    error = made[start:length] - hit.samples[start:length]
    return float(np.sqrt(np.mean(error**2) / np.mean(hit.samples[start:length] ** 2)))


def test_filtered_modes_are_the_filters_answer() -> None:
    """Amplitude and phase of each mode follow the filter exactly, as does the sound."""
    slope = filter_hit(make_hit(), lambda hz: -6.0 * np.log2(np.maximum(hz, 50.0) / 1000.0))
    assert check_modes(slope) < 1e-4
    assert slope.modes.power_db[0] - TONE.power_db[0] == pytest.approx(-6.0 * np.log2(0.9), abs=0.1)
    assert slope.modes.power_db[1] - TONE.power_db[1] == pytest.approx(-6.0 * np.log2(2.3), abs=0.1)
    flat = filter_hit(make_hit(), lambda hz: np.full(len(hz), 3.0))
    np.testing.assert_allclose(flat.samples, make_hit().samples * 10 ** (3 / 20), atol=1e-5)
    louder = filter_hit(make_hit(TONE, NOISE), lambda hz: np.full(len(hz), 3.0)).residual
    assert louder.power_db == pytest.approx((-33.0, -37.0))


def test_a_harder_blow_is_what_the_velocity_law_says() -> None:
    hit = make_hit(TONE, NOISE)
    struck = strike_harder(hit, 6.0)
    modes, residual = apply_macros(hit.modes, hit.residual, velocity_db=6.0)
    np.testing.assert_allclose(struck.modes.power_db, modes.power_db, atol=0.1)
    np.testing.assert_allclose(struck.residual.power_db, residual.power_db, atol=1.0)  # wide bands
    assert struck.velocity_db == 8.0 and check_modes(strike_harder(make_hit(), 6.0)) < 1e-4


def test_played_faster_is_a_smaller_object() -> None:
    hit = make_hit(TONE, NOISE)
    faster = play_faster(hit, 1.25)
    assert len(faster.samples) == pytest.approx(len(hit.samples) / 1.25, abs=2)
    assert faster.modes.frequency_hz[0] == pytest.approx(1125.0)
    assert faster.modes.decay_per_s[0] == pytest.approx(11.25)
    assert faster.residual.edges_hz[1] == pytest.approx(1250.0) and faster.fmax_hz == 25_000.0
    assert check_modes(play_faster(make_hit(), 0.8)) < 0.02


def test_a_room_adds_its_share_and_its_decay() -> None:
    hit = make_hit(Modes((1200.0, 3000.0), (-8.0, -12.0), (120.0, 200.0), (0.0, 0.0), (False, False)), seconds=0.3)
    placed = place_in_room(hit, 0.6, -15.0, 3)
    added = np.array(placed.samples)
    added[: len(hit.samples)] -= hit.samples
    share_db = 10 * np.log10(np.sum(added**2) / np.sum(hit.samples**2))
    assert share_db == pytest.approx(-15.0, abs=3.0)
    early, late = (float(np.mean(added[round(t * RATE) : round((t + 0.1) * RATE)] ** 2)) for t in (0.1, 0.3))
    assert 10 * np.log10(early / late) == pytest.approx(60.0 * 0.2 / 0.6, abs=5.0)
    assert placed.modes == hit.modes and len(placed.residual.edges_hz) > 1


def test_noise_is_left_out_of_what_is_learnt() -> None:
    hit = make_hit(TONE, NOISE)
    noisy = analyse_in_noise(hit, -30.0, np.random.default_rng(1))
    assert noisy.samples is hit.samples and noisy.modes == hit.modes and noisy.residual != hit.residual


def test_an_example_of_two_blows_is_the_sum_of_both() -> None:
    """Modal parts and noise powers add up; what is delayed by frames is the same picture further on."""
    hit, delay = make_hit(seconds=1.3), 40
    both = make_example([hit, hit], [0, delay])
    sound = np.zeros(65_536, np.float32)
    sound[: len(hit.samples)] += hit.samples
    sound[delay * HOP : delay * HOP + len(hit.samples)] += hit.samples[: 65_536 - delay * HOP]
    assert both.arrays.shape[-1] == 256 and both.context == Context()
    picture, mean = both.arrays[:2].astype(np.float32), both.arrays[2:4].astype(np.float32)
    assert np.abs(picture - mean)[..., : both.end_frame].mean() < 0.02  # pure modes leave nothing to learn
    alone = make_example([hit])
    assert alone.context == Context(2.0, "metal") and alone.fmax_hz == 20_000.0


def test_variations_are_whole_and_repeat_by_seed() -> None:
    hit, how = make_hit(TONE, NOISE), Augmentation(1.0, (0.7, 1.4), 1.0, 5.0, 1.0, 12.0, 1.0)
    one, again, other = (vary_hit(hit, how, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.samples, again.samples)
    assert one.modes == again.modes != other.modes
    batch = make_batch([make_example([one])], torch.device("cpu"), np.random.default_rng(0))
    assert all(bool(torch.isfinite(t).all()) for t in (batch.deviation, batch.features, batch.weight))


def test_contexts_are_told_in_parts_and_missing_ones_are_nothing() -> None:
    contexts = [Context(), Context(6.0), Context(material="glass"), Context(embedding=(1.0,) * EMBEDDING_WIDTH)]
    vectors = encode_contexts(contexts)
    assert vectors.shape == (4, CONTEXT_DIM) and not vectors[0].any()
    assert vectors[1, :2].tolist() == pytest.approx([1.0, 0.3]) and vectors[2].sum() == 1.0
    assert vectors[3].sum() == EMBEDDING_WIDTH
    assert not drop_parts(vectors, 1.0, torch.Generator()).any()
    torch.testing.assert_close(drop_parts(vectors, 0.0, torch.Generator()), vectors)
    with pytest.raises(BadInput, match="kryptonite"):
        encode_contexts([Context(material="kryptonite")])
    with pytest.raises(BadInput, match="3 values"):
        encode_contexts([Context(embedding=(0.0,) * 3)])
    assert name_material("wood(door)") == "wood" and name_material("skin/body") == "skin" and name_material("?") == ""
    assert set(THIN) <= set(MATERIALS)


def test_imagined_objects_sound_like_their_kind() -> None:
    """Glass is bright and carpet dull; the same seed is the same object."""

    def centre_hz(sound: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum())

    objects = make_synthetic_objects(3)
    sounds = {o.name: synthesize_object(o) for o in objects if o.material in ("glass", "carpet")}
    assert all(np.isfinite(s).all() and 0.4 < np.abs(s).max() < 1.0 for s in sounds.values())
    glass, carpet = ([centre_hz(s) for name, s in sounds.items() if kind in name] for kind in ("glass", "carpet"))
    assert np.median(glass) > 3.0 * np.median(carpet)
    np.testing.assert_array_equal(synthesize_object(objects[0]), sounds[objects[0].name])
    grains = draw_grains(RATE, 1.0, np.random.default_rng(1))
    assert np.mean(grains**2) == pytest.approx(1.0) and grains.min() >= 0.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six takes of three objects."""
    root = tmp_path_factory.mktemp("takes")
    for index in range(6):
        (root / f"thing_{index % 3}").mkdir(exist_ok=True)
        modes = Modes((500.0 * (index % 3 + 1),), (-6.0 - 3.0 * (index // 3),), (30.0,), (0.0,), (False,))
        sound = synthesize(Physics(modes, NOISE, RATE), 0.2, seed=index)
        path = root / f"thing_{index % 3}" / f"strike_{index}.wav"
        soundfile.write(path, np.concatenate([np.zeros(960, np.float32), sound]), RATE, subtype="FLOAT")
    return root


@pytest.mark.slow
def test_hits_are_analysed_once_and_anew_when_what_they_are_made_of_changes(folder: Path, tmp_path: Path) -> None:
    recordings = list_recordings(folder)
    build_hits(recordings, (), tmp_path, workers=1)
    index = tmp_path / "hits.json"
    when = index.stat().st_mtime_ns
    build_hits(recordings, (), tmp_path, workers=1)
    assert index.stat().st_mtime_ns == when and len(open_hits(tmp_path)) == 6
    build_hits(recordings[:2], make_synthetic_objects(1)[:1], tmp_path, workers=1)
    hits = open_hits(tmp_path)
    assert len(hits) == 3 and hits[2].material == "glass" and not hits[2].held_out
    assert min(abs(f - 500.0) for f in hits[0].modes.frequency_hz) < 2.0


@pytest.mark.slow
def test_a_pool_is_filled_drawn_from_and_closed(folder: Path, tmp_path: Path) -> None:
    build_hits(list_recordings(folder), make_synthetic_objects(1)[:2], tmp_path, workers=1)
    chances = weigh_hits(open_hits(tmp_path), 1.0)
    assert chances.sum() == pytest.approx(1.0)
    with ExamplePool(
        tmp_path, PoolConfig(size=3), seed=0
    ) as pool:  # a pool smaller than what is enough is enough when full
        batch = pool.batch()
        assert batch.deviation.shape[0] * batch.deviation.shape[-1] == 512 and batch.context.shape[-1] == CONTEXT_DIM
        assert pool.made >= 3 and pool.drawn == len(batch.deviation)
        workers = pool._workers
    assert not any(worker.is_alive() for worker in workers)


@pytest.mark.slow
def test_a_pool_without_hits_says_so(tmp_path: Path) -> None:
    (tmp_path / "hits.json").write_text('{"hits": []}')
    (tmp_path / "hits.f32").write_bytes(b"\0" * 4)
    with ExamplePool(tmp_path, PoolConfig(), seed=0) as pool, pytest.raises(StruckError, match="no recording is left"):
        pool.draw()


def test_greatest_hits_takes_are_cut_into_hits(tmp_path: Path) -> None:
    """Two hits and a scratch, labelled late by less than the grid; each hit ends before what follows it."""
    sound = np.zeros(3 * RATE, np.float32)
    for time_s, modes in ((0.5, TONE), (1.6, Modes((700.0,), (-6.0,), (20.0,), (0.0,), (False,)))):
        hit = synthesize(Physics(modes, Residual(), RATE), 0.9)
        sound[round(time_s * RATE) :][: len(hit)] += hit
    soundfile.write(tmp_path / "2015-01-01_denoised.wav", sound, RATE, subtype="FLOAT")
    times = tmp_path / "2015-01-01_times.txt"
    times.write_text("0.53 wood hit static\n1.63 metal hit None\n2.9 metal scratch None\n")
    take = list_takes(tmp_path)[0]
    assert take.contacts[1] == Contact(1.63, "metal", "hit", "") and take.sound and take.picture is None
    recordings = list_recordings(tmp_path)
    assert [r.material for r in recordings] == ["wood", "metal"]
    assert {r.group for r in recordings} == {"greatest_hits/2015-01-01"}
    first, second = (read_hit(recording) for recording in recordings)
    assert len(first) / RATE == pytest.approx(1.08, abs=0.03)  # from the onset to 50 ms before the next label
    spectrum = np.abs(np.fft.rfft(second))
    assert np.argmax(spectrum) * RATE / len(second) == pytest.approx(700.0, abs=2.0)
    times.write_text("soon wood hit static\n")
    with pytest.raises(BadInput, match="line 1"):
        list_recordings(tmp_path)


@pytest.mark.slow
def test_a_pack_brings_hits_back_in_step_and_as_loud(folder: Path, tmp_path: Path) -> None:
    """Opus is lossy; what it gives back lies on the hit, sample for sample, 20 dB over its error."""
    build_hits(list_recordings(folder), make_synthetic_objects(1)[:1], tmp_path / "a", workers=1)
    pack_hits(tmp_path / "a", tmp_path / "hits.pack")
    unpack_hits(tmp_path / "hits.pack", tmp_path / "b")
    before, after = open_hits(tmp_path / "a"), open_hits(tmp_path / "b")
    assert len(before) == len(after) > 1 and (tmp_path / "hits.pack").stat().st_size < 4e5
    for old, new in zip(before, after, strict=True):
        assert len(old.samples) == len(new.samples) and new.fmax_hz <= OPUS_FMAX_HZ and old.modes == new.modes
        tail = slice(0, min(len(old.samples), 24_000))
        error = np.mean((old.samples[tail] - new.samples[tail]) ** 2) / np.mean(old.samples[tail] ** 2)
        assert 10.0 * np.log10(error) < -12.0
    (tmp_path / "other.pack").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BadInput, match="is no pack of hits"):
        unpack_hits(tmp_path / "other.pack", tmp_path / "c")


def test_two_takes_share_an_object_where_half_their_strongest_modes_agree() -> None:
    same, other = np.array([400.0, 1000.0, 2500.0, 5000.0]), np.array([401.0, 1010.0, 3100.0, 7000.0])
    assert share_modes(same, same) == 1.0 and share_modes(same, other) == 0.5 and share_modes(same, np.zeros(0)) == 0.0
    hits = [make_hit(), make_hit(), make_hit(Modes((333.0,), (-8.0,), (9.0,), (0.0,), (False,)))]
    assert pair_takes(hits) == {0: [1], 1: [0]}


def test_a_typical_physics_is_that_of_the_middle_object() -> None:
    """Nine equal bells make a bell typical: its level and size come back at another level and size."""
    hits = [make_hit() for _ in range(9)]
    typical = measure_typical(hits)
    assert set(typical) == {"", "metal"}
    residual = scale_typical(typical, "metal", 1.0, -20.0)
    assert measure_level_db(Modes(), residual) == pytest.approx(-20.0, abs=0.2)
    assert measure_size(Modes(), residual) == pytest.approx(1.0, abs=0.7)
