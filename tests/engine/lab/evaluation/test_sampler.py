"""The sampler's evaluation: figures of sets and control of sounds whose truth is known, and a small run."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.core.errors import BadInput
from engine.diffusion.checkpoint import save_velocity_network
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.lab.data.recordings import Recording, is_held_out, list_recordings
from engine.lab.evaluation.sampler import evaluate as evaluation
from engine.lab.evaluation.sampler import sounds, tables, takes
from engine.lab.metrics import distribution as metrics
from engine.lab.metrics import material_classifier as listening
from engine.lab.training.material import train as training
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from tests.sounds import NOISE, PLATE

RATE = 48_000
SETTINGS = sounds.Settings("nowhere", "none", steps=(1, 8))
MAKE_MODES = Modes((400.0, 900.0, 2000.0), (-10.0, -20.0, -45.0), (10.0, 20.0, 30.0), (0.0,) * 3, (False,) * 3)


# --- figures of sets ------------------------------------------------------------------------------


def test_two_halves_of_one_set_are_no_distance_apart(rng: np.random.Generator) -> None:
    cloud = rng.normal(size=(400, 6))
    found = []
    for _ in range(40):
        order = rng.permutation(400)
        found.append(metrics.kernel_distance(cloud[order[:200]], cloud[order[200:]]))
    assert abs(np.mean(found)) < 3.0 * np.std(found) / np.sqrt(40) + 1e-9
    assert metrics.frechet_distance(cloud, cloud) == pytest.approx(0.0, abs=1e-9)
    shifts = (0.0, 0.5, 1.0, 2.0)
    other = rng.normal(size=(400, 6))
    kernel = [metrics.kernel_distance(cloud, other + s) for s in shifts]
    frechet = [metrics.frechet_distance(cloud, other + s) for s in shifts]
    assert kernel == sorted(kernel) and frechet == sorted(frechet)
    assert frechet[3] == pytest.approx(6 * 2.0**2, rel=0.1)  # the square of the shift, and next to no spread
    spread = metrics.frechet_distance(cloud, 3.0 * other)
    assert spread == pytest.approx(6 * (3.0 - 1.0) ** 2, rel=0.2)


def test_takes_of_one_object_are_no_sign_of_nearness(rng: np.random.Generator) -> None:
    """Sets of the same objects, each with its own takes: without groups they seem nearer than two halves can be."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(40):
        objects = rng.normal(size=(30, 6))
        of = np.repeat(np.arange(30), 2)
        a, b = (objects[of] + 0.1 * rng.normal(size=(60, 6)) for _ in range(2))
        found[True].append(metrics.kernel_distance(a, b, None, None, of, of))
        found[False].append(metrics.kernel_distance(a, b))
    assert abs(np.mean(found[True])) < 0.25 * abs(np.mean(found[False]))
    assert np.mean(found[False]) < 0.0


def test_weights_count_a_vector_again_without_pairing_it_with_itself(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(20, 3)), rng.normal(size=(20, 3)) + 0.5
    half = np.repeat([1.0, 0.0], 10)
    assert metrics.kernel_distance(a, b, half, half) == pytest.approx(metrics.kernel_distance(a[:10], b[:10]))
    assert metrics.frechet_distance(a, b, half, half) == pytest.approx(metrics.frechet_distance(a[:10], b[:10]))
    assert metrics.kernel_distance(a, b, np.full(20, 2.0)) == pytest.approx(metrics.kernel_distance(a, b))


def test_divergence_is_nothing_for_equals_and_never_negative(rng: np.random.Generator) -> None:
    p, q = rng.dirichlet(np.ones(5), 50), rng.dirichlet(np.ones(5), 50)
    assert np.abs(metrics.kl_divergence(p, p)).max() < 1e-12
    assert metrics.kl_divergence(p, q).min() >= 0.0
    halves = metrics.kl_divergence(np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    assert float(halves) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))


def test_gap_is_the_share_of_the_way_from_the_paper_to_real() -> None:
    assert metrics.gap_closed_percent(10.0, 10.0, 2.0) == 0.0
    assert metrics.gap_closed_percent(10.0, 6.0, 2.0) == 50.0
    assert metrics.gap_closed_percent(10.0, 2.0, 2.0) == 100.0
    assert metrics.gap_closed_percent(20.0, 50.0, 80.0) == 50.0  # a share that should rise
    assert metrics.gap_closed_percent(3.0, 1.0, 3.0) is None
    row = dict.fromkeys(tables.FIGURES, 1.0) | {"system": "x"}
    table = {sounds.REAL: row, sounds.PAPER: {**row, "kid": 5.0, "accuracy_percent": 2.0}, "sampler_1": row}
    closed = {r["figure"]: r["closed_percent"]["sampler, 1 step"] for r in tables.tabulate_gap(table)}
    assert closed["kid"] == 100.0
    assert (
        closed["accuracy_percent"] is None and closed["frechet_distance"] is None
    )  # no gap where the paper's is no worse


def test_halves_share_every_group_and_intervals_know_of_groups(rng: np.random.Generator) -> None:
    groups = ["a"] * 6 + ["b"] * 5 + ["c"]
    first, second = metrics.split(groups, rng)
    assert sorted([*first, *second]) == list(range(12))
    assert sum(i < 6 for i in first) == 3 and 2 <= sum(6 <= i < 11 for i in first) <= 3
    values = np.repeat(rng.normal(size=30), 10)
    together = metrics.estimate_mean(values, [str(k // 10) for k in range(300)])
    alone = metrics.estimate_mean(values, [str(k) for k in range(300)])
    assert together and alone and together[0] == alone[0] == pytest.approx(values.mean())
    assert together[2] - together[1] > 2.0 * (alone[2] - alone[1])  # takes of an object say the same ten times
    assert metrics.estimate_mean(np.array([np.nan, 2.0]), ["a", "b"]) == [2.0, 2.0, 2.0]
    assert metrics.estimate_mean(np.array([np.nan]), ["a"]) is None


def test_a_set_is_as_near_itself_as_it_can_be(rng: np.random.Generator) -> None:
    features, shares = rng.normal(size=(60, 4)), rng.dirichlet(np.ones(3), 60)
    groups = [str(k // 2) for k in range(60)]
    same = metrics.compare_sets(features, features, shares, shares, groups)
    moved = metrics.compare_sets(features, features + 1.0, shares, shares[:, ::-1] ** 3, groups)
    assert same["kid"][1] < 0.0 < same["kid"][2]
    assert all(moved[name][0] > max(same[name][0], 0.0) for name in ("kid", "frechet_distance", "kl_of_means"))
    assert moved["kid"][1] > same["kid"][2]
    assert all(low <= value <= high for value, low, high in same.values())


def test_accuracy_counts_only_scored_classes() -> None:
    posterior = np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.9, 0.1]])
    right, each = metrics.classification_accuracy(
        posterior, ["metal", "metal", "wood", None], ("metal", "wood"), ["metal"]
    )
    assert right[:2].tolist() == [1.0, 0.0] and np.isnan(right[2:]).all()
    assert each == {"metal": 50.0}


# --- takes ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_draws_of_one_noise_are_takes_and_two_noises_are_not() -> None:
    low = Residual((100.0, 1000.0, 8000.0), (-30.0, -60.0), (40.0, 40.0))
    high = Residual((100.0, 1000.0, 8000.0), (-60.0, -30.0), (40.0, 40.0))
    draws = {r: [synthesize(Physics(Modes(), r), 0.15, seed) for seed in range(3)] for r in (low, high)}
    same = takes.measure_apart(draws[low][0], 0.25 * draws[low][0], 24_000.0)
    assert same.max() < 1e-6  # level is no part of it
    torch.manual_seed(0)
    ear = listening.MaterialClassifier(("a", "b")).eval()
    objects = [takes.Takes(some, str(k), 24_000.0) for k, some in enumerate(draws.values())]
    row = takes.compare_takes(sounds.PRIOR, objects, ear)
    assert 0.3 < row["spectrum_within"] < 4.0 < row["spectrum_between"]
    assert row["spectrum_ratio"] == pytest.approx(row["spectrum_within"] / row["spectrum_between"], abs=0.01)
    twice = [takes.Takes([some[0], some[0]], str(k), 24_000.0) for k, some in enumerate(draws.values())]
    assert takes.compare_takes(sounds.PRIOR, twice, ear)["features_ratio"] == 0.0


def test_repeated_hits_are_found_by_their_names() -> None:
    def case(folder: str, stem: str) -> Recording:
        return Recording(Path(folder) / f"{stem}.flac", "g", "metal", "", 24_000.0)

    hits = [case("body_percussion", f"heel_l_vl{v}_rr{k}") for v in (1, 2) for k in (1, 2, 3)]
    found = takes.group_takes([*hits, case("kenney_impact", "impactTin_medium_000"), case("kbsim", "a_1")])
    assert {name: len(some) for name, some in found.items()} == {
        "body_percussion/heel_l_vl1": 3,
        "body_percussion/heel_l_vl2": 3,
    }


# --- the classifier, and all of it on a small corpus ------------------------------------------------


def test_the_listener_hears_no_level_and_nothing_over_the_recordings_limit() -> None:
    sound = synthesize(Physics(PLATE, NOISE), 1.0)
    picture = listening.log_mel_spectrogram(sound)
    assert picture.shape == (listening.BANDS, listening.FRAMES)
    assert picture.max() == pytest.approx(0.0, abs=1e-4) and picture.min() == listening.FLOOR_DB
    assert np.allclose(picture, listening.log_mel_spectrogram(0.1 * sound), atol=1e-3)
    low = listening.log_mel_spectrogram(sound, 2000.0)
    assert (low[-20:] == listening.FLOOR_DB).all() and low[:20].max() == pytest.approx(0.0, abs=1e-4)
    assert (listening.log_mel_spectrogram(np.zeros(10)) == listening.FLOOR_DB).all()


def test_materials_misread_from_names_count_as_unknown() -> None:
    def heard(group: str, material: str) -> str | None:
        return listening.material_class(Recording(Path("x"), group, material, "", 24_000.0))

    assert heard("berklee_olpc/pan_hit", "metal") == "metal"
    assert heard("berklee_olpc/eating_chips", "metal") is None
    assert heard("kbsim/a", "plastic(keycap)") == "plastic"
    assert heard("a/b", "unknown") is None


def make_thing(index: int) -> Physics:
    """A ringing or a dull thing, by the last bit."""
    rng = np.random.default_rng(index)
    ringing = index % 2 == 0
    frequency = tuple(float(f) for f in np.sort(rng.uniform(800.0, 6000.0, 4) if ringing else rng.uniform(80, 400, 3)))
    count = len(frequency)
    decay = tuple(float(d) for d in (rng.uniform(8, 15, count) if ringing else rng.uniform(60, 90, count)))
    modes = Modes(frequency, tuple(float(p) for p in rng.uniform(-25, -12, count)), decay, (0.0,) * count)
    return Physics(modes, Residual((100.0, 1000.0, 8000.0), (-50.0, -55.0), (60.0, 90.0)))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three takes each of 24 things of two materials, with a manifest."""
    root = tmp_path_factory.mktemp("things")
    rows = []
    for index in range(24):
        name = f"{'bell' if index % 2 == 0 else 'box'}{chr(97 + index)}"
        folder = root / "audio" / "body_percussion"
        folder.mkdir(parents=True, exist_ok=True)
        for take in (1, 2, 3):
            sound = synthesize(make_thing(index), 0.25, seed=10 * index + take)
            path = folder / f"{name}_rr{take}.wav"
            soundfile.write(path, np.concatenate([np.zeros(960, np.float32), sound]), RATE, subtype="FLOAT")
            material = "metal" if index % 2 == 0 else "wood"
            rows.append((f"audio/body_percussion/{path.name}", "A", "single", material, "CC0", "24000"))
    with open(root / "MANIFEST.csv", "w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([("path", "tier", "kind", "material", "licence", "fmax_hz"), *rows])
    return root


@pytest.fixture(scope="module")
def ear(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier trained on the corpus for a moment."""
    out = tmp_path_factory.mktemp("ear") / "material"
    work = str(out.with_name("work"))
    training.main(["--data", str(corpus), "--out", str(out), "--work", work, "--steps", "15", "--fewest", "4"])
    return out


@pytest.mark.slow
def test_the_listener_learns_and_is_refused_with_a_reason(corpus: Path, ear: Path, tmp_path: Path) -> None:
    config = json.loads((ear / "config.json").read_text())
    assert config["kind"] == "material" and set(config["network"]["classes"]) == {"metal", "wood"}
    assert config["training"]["held_out"]["accuracy"] > 0.8
    heard = listening.classify(listening.load_material_classifier(ear), np.zeros((2, 64, 100), np.float32))
    assert heard.features.shape == (2, listening.FEATURES) and np.allclose(heard.posterior.sum(axis=1), 1.0)
    with pytest.raises(BadInput, match="was not found"):
        listening.load_material_classifier(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "kind": "sampler"}))
    with pytest.raises(BadInput, match=r"has no model\.safetensors"):
        listening.load_material_classifier(tmp_path)
    with pytest.raises(BadInput, match="fewer than two materials"):
        training.main(["--data", str(corpus), "--out", str(tmp_path), "--fewest", "1000"])


class Muffled:
    """In the place of the paper's method: noise of its length and rate."""

    digest = "none"

    def sample(self, physics: Sequence[object], seeds: Sequence[int]) -> list[np.ndarray]:
        return [0.1 * np.random.default_rng(seed).normal(size=11_025).astype(np.float32) for seed in seeds]


@pytest.mark.slow
def test_the_command_gives_every_table(
    corpus: Path, ear: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_velocity_network(tmp_path / "sampler", VelocityNetwork(NetworkConfig(channels=(8, 16))), {})
    (tmp_path / "ddpm").mkdir()
    muffled = Muffled()
    monkeypatch.setattr(sounds, "open_paper", lambda settings: muffled)
    monkeypatch.setattr(evaluation, "open_paper", lambda settings: muffled)
    monkeypatch.setattr(tables, "FEWEST_HELD_OUT", 3)
    for module, name, few in ((metrics, "DRAWS", 20), (takes, "MOST_BETWEEN", 3), (takes, "MOST_PAIRS", 1)):
        monkeypatch.setattr(module, name, few)
    figures = tmp_path / "figures.json"
    where = ["--data", str(corpus), "--ckpt-dir", str(tmp_path), "--material", str(ear), "--device", "cpu"]
    few = ["--steps", "1,2", "--control-steps", "1", "--paper", "4", "--control", "1", "--objects", "1", "--jobs", "1"]
    evaluation.main([*where, *few, "--told", "--json", str(figures)])
    result = json.loads(figures.read_text())
    names = ["prior alone", "sampler, 1 step", "sampler, 2 steps", "sampler, 1 step, with material"]
    assert [row["system"] for row in result["systems"]] == names
    assert result["recordings"] == sum(is_held_out(r) for r in list_recordings(corpus))
    real, nearest = result["references"]
    prior = result["systems"][0]
    assert prior["spectrum_db"] < nearest["spectrum_db"]  # the physics is the recording's own
    assert real["accuracy_percent"] > 60.0 and prior["accuracy_percent"] > 60.0
    assert real["kid_interval"][0] < real["kid"] < real["kid_interval"][1]
    paper = next(row for row in result["short"]["systems"] if row["system"].startswith("the paper"))
    assert paper["spectrum_db"] > 2 * prior["spectrum_db"]
    assert {row["figure"] for row in result["short"]["gap"]} == set(tables.FIGURES)
    gap = {row["figure"]: row["closed_percent"]["prior alone"] for row in result["short"]["gap"]}
    assert gap["spectrum_db"] > 50.0
    assert set(result["control"]) == {"recordings", "objects"} and result["steps"][0]["system"] == "sampler_1"
    assert [row["system"] for row in result["takes"]] == ["real", "prior", "sampler_1", "sampler_2", "varied"]
    assert result["takes"][0]["features_ratio"] < 1.0
    report = capsys.readouterr().err
    assert "| gap closed |" in report and "| re-analysed |" in report and "| takes |" in report
    with pytest.raises(BadInput, match="is not a list of numbers"):
        evaluation.main([*where, "--steps", "many"])


def test_distance_of_a_recording_from_itself_is_nothing() -> None:
    recording = Recording(Path("x.wav"), "g", "metal", "", 20_000.0)
    hit = synthesize(Physics(PLATE, NOISE), 0.5)
    case = sounds.Case(recording, hit, Physics(PLATE, NOISE), 1)
    rows = sounds.measure_rows(case, {sounds.PRIOR: hit, sounds.REAL: 0.1 * hit, sounds.PAPER: hit[:4800]}, 1.3)
    assert rows[sounds.PRIOR].distances.max() == 0.0
    assert rows[sounds.REAL].distances.max() < 0.1  # of another take the level is not asked
    assert rows[sounds.PAPER].distances.min() > 1.0
    assert np.array_equal(rows[sounds.PRIOR].spectrogram, rows[sounds.ITSELF].spectrogram)


def test_partners_are_other_takes_of_the_same_object() -> None:
    def case(group: str) -> sounds.Case:
        return sounds.Case(Recording(Path("x"), group, "", "", 1.0), np.zeros(1), Physics(), 0)

    partners = sounds.find_partners([case(g) for g in "aabbbc"])
    assert partners[0] == 1 and partners[1] == 0 and partners[5] is None
    assert sorted(partners[2:5]) == [2, 3, 4] and all(p != k for k, p in enumerate(partners))
