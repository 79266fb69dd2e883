"""The generator: conditions, seeds, checkpoints, and that samples fit their condition after a little training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.bank.attributes import Attributes
from engine.bank.bank import EMBEDDING_SIZE, Bank, Entry, make_bank
from engine.bank.descriptor import describe_physics, descriptor_distance_db
from engine.bank.generate import (
    CHECKPOINT,
    CONDITION_SIZE,
    Generator,
    GeneratorConfig,
    drop_condition,
    encode_condition,
    generate_physics,
    load_generator,
    sample_vectors,
    save_generator,
)
from engine.bank.physics_vector import VECTOR_SIZE
from engine.core.checkpoint import WEIGHTS
from engine.core.errors import BadInput
from engine.lab.data.generator_examples import make_examples, split_bank
from engine.lab.evaluation.generator.evaluate import measure_cases, summarize
from engine.lab.training.generator.train import Training, TrainingConfig, fit_axes
from engine.physics.model import MATERIALS, Modes, Physics, Residual
from engine.physics.synthesis import synthesize

SMALL = GeneratorConfig(components=12, width=48, blocks=2, dropout=0.0, steps=8)


def make_things() -> Bank:
    """High, long ringing metal and low, short wood, in two sizes."""
    rng = np.random.default_rng(0)
    entries = []
    for k in range(60):
        material, size = ("metal", "wood")[k % 2], (0.1, 0.6)[k // 2 % 2]
        hz = (1500.0 if material == "metal" else 500.0) * (0.1 / size) ** 0.5 * 2.0 ** rng.normal(0.0, 0.1)
        decay = (4.0 if material == "metal" else 60.0) * 2.0 ** rng.normal(0.0, 0.1)
        modes = Modes((hz, 2.7 * hz), (-10.0, -16.0), (decay, 2.0 * decay), (0.0, 0.0))
        residual = Residual((20.0, 300.0, 3000.0, 20000.0), (-50.0, -40.0, -50.0), (60.0, 80.0, 120.0))
        entry = Entry(f"{material} {k}", Physics(modes, residual), material, size, group=f"things/{k}")
        entries.append(entry)
    return make_bank(entries)


@pytest.fixture(scope="module")
def things() -> Bank:
    return make_things()


@pytest.fixture(scope="module")
def model(things: Bank, tmp_path_factory: pytest.TempPathFactory) -> Generator:
    torch.manual_seed(0)
    examples = make_examples(things, 1, 0)
    raw = Generator(SMALL)
    fit_axes(raw, examples.vectors, examples.weights)
    config = TrainingConfig(steps=400, batch=48, learning_rate=3e-3, ema_decay=0.98)
    training = Training(raw, config, tmp_path_factory.mktemp("work"))
    training.run(examples)
    assert training.loss < 1.5
    return training.average


def test_what_is_unknown_is_zero_in_the_condition() -> None:
    assert not encode_condition(Attributes()).any()
    known = encode_condition(Attributes({"wood": 0.5, "metal": 0.0}, size_m=0.3, hollow=1.0, striker="hand"))
    assert known.shape == (CONDITION_SIZE,) and known.max() == 1.0
    place = np.eye(EMBEDDING_SIZE)[0]
    assert encode_condition(Attributes(), place).any()
    assert not encode_condition(Attributes(), np.full(EMBEDDING_SIZE, np.nan)).any()
    everything = torch.from_numpy(np.stack([encode_condition(Attributes({"wood": 1.0}, 0.6), place)] * 2))
    shares = torch.ones(2, 8)
    shares[1, 7] = 0.0
    kept = drop_condition(everything, shares)
    assert torch.equal(kept[0], everything[0]) and not kept[1].any()


class Linear(Generator):
    """A flow whose velocity is -x, plus what the condition's first value says."""

    def forward(self, x: torch.Tensor, time: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return condition[:, :1] - x


def test_sampling_is_heun_s_method_with_guidance_on_the_velocity() -> None:
    model = Linear(GeneratorConfig(components=3, width=8, blocks=1, steps=5, guidance=1.5, noise_scale=0.5))
    model.mean.fill_(2.0)
    model.axes.copy_(torch.eye(3, VECTOR_SIZE))
    condition = np.zeros((1, CONDITION_SIZE), np.float32)
    condition[0, 0] = 0.4
    start = 0.5 * torch.randn(3, generator=torch.Generator().manual_seed(7)).double().numpy()
    target, h = 1.5 * 0.4, 1.0 / 5.0  # guided: unconditional 0, conditional 0.4
    wanted = target + (start - target) * (1.0 - h + h * h / 2.0) ** 5
    vector = sample_vectors(model, condition, [7])[0]
    assert vector[:3] - 2.0 == pytest.approx(wanted, abs=1e-5) and np.all(vector[3:] == 2.0)


def test_a_condition_by_hand() -> None:
    attributes = Attributes(
        {"wood": 1.0, "metal": 0.5, "glass": 0.0}, size_m=1.2, hollow=0.0, striker="mallet", ring=0.3
    )
    condition = encode_condition(attributes)
    count = len(MATERIALS)
    shares = dict(zip(MATERIALS, condition[:count].tolist(), strict=True))
    assert shares["wood"] == pytest.approx(2 / 3) and shares["metal"] == pytest.approx(1 / 3) and shares["glass"] == 0.0
    size, hollow, hardness, pitch, ring = condition[count + 1 : count + 6].tolist()
    assert (size, hollow, hardness, pitch, ring) == pytest.approx((1.0, -1.0, -0.4, 0.0, 0.3))  # 1.2 m = 0.3 m * 4
    assert condition[count : count + 1].tolist() + condition[count + 6 : count + 11].tolist() == [1, 1, 1, 1, 0, 1]
    assert not condition[count + 11 :].any()


def test_a_checkpoint_of_former_names_is_read(tmp_path: Path) -> None:
    model = Generator(GeneratorConfig(components=4, width=8, blocks=4))
    save_generator(tmp_path, model, {})
    stored = load_file(str(tmp_path / WEIGHTS))
    former = {"proj_in": "enter", "condition_encoder": "tell", "modulation": "shape", "mlp": "body", "head": "leave"}
    renamed = {".".join(former.get(part, part) for part in name.split(".")): value for name, value in stored.items()}
    assert {"enter.weight", "tell.2.bias", "blocks.3.shape.weight", "blocks.0.body.3.weight"} <= renamed.keys()
    save_file(renamed, str(tmp_path / WEIGHTS))
    config = (tmp_path / "config.json").read_text().replace('"components"', '"parts"')
    (tmp_path / "config.json").write_text(config.replace('"noise_scale"', '"boldness"'))
    again = load_generator(tmp_path)
    assert again.config == model.config
    for (name, value), read in zip(model.state_dict().items(), again.state_dict().values(), strict=True):
        assert (value - read).abs().max() <= 0.01 * value.abs().max() + 1e-6, name  # stored in int8


@pytest.mark.slow
def test_a_seed_draws_one_physics_and_another_seed_another(model: Generator) -> None:
    wood = Attributes({"wood": 1.0})
    one = generate_physics(model, wood, 3)
    assert generate_physics(model, wood, 3) == one
    assert generate_physics(model, wood, 4) != one


@pytest.mark.slow
def test_what_is_drawn_fits_what_was_said(model: Generator) -> None:
    def ring(material: str) -> float:
        drawn = [generate_physics(model, Attributes({material: 1.0}), seed) for seed in range(4)]
        return float(np.median([min(p.modes.decay_per_s) for p in drawn]))

    def pitch(size_m: float) -> float:
        told = Attributes({"metal": 1.0}, size_m)
        drawn = [generate_physics(model, told, seed) for seed in range(4)]
        strongest = [p.modes.frequency_hz[int(np.argmax(p.modes.power_db))] for p in drawn]
        return float(np.median(strongest))

    assert ring("metal") < ring("wood")
    assert pitch(0.6) < pitch(0.1)


@pytest.mark.slow
def test_generated_sounds_peak_as_those_of_a_bank_do(model: Generator) -> None:
    peaks = [
        np.abs(synthesize(generate_physics(model, told, 5, place), 0.5, 0)).max()
        for told, place in ((Attributes(), None), (Attributes({"wood": 1.0}), np.eye(EMBEDDING_SIZE)[3]))
    ]
    assert all(0.3 < peak < 0.7 for peak in peaks)


@pytest.mark.slow
def test_a_checkpoint_comes_back_and_others_are_refused(model: Generator, tmp_path: Path) -> None:
    save_generator(tmp_path / "g", model, {"steps": 1})
    again = load_generator(tmp_path / "g")
    a, b = (generate_physics(m, Attributes({"wood": 1.0}), 1) for m in (model, again))
    assert descriptor_distance_db(describe_physics(a), describe_physics(b)) < 2.0
    with pytest.raises(BadInput, match="was not found"):
        load_generator(tmp_path / "none")
    config = (tmp_path / "g" / "config.json").read_text()
    (tmp_path / "g" / "config.json").write_text(config.replace('"generator"', '"sampler"'))
    with pytest.raises(BadInput, match="sampler"):
        load_generator(tmp_path / "g")
    (tmp_path / "g" / "config.json").write_text("{")
    with pytest.raises(BadInput, match="is damaged"):
        load_generator(tmp_path / "g")


def test_a_bank_is_split_by_group(things: Bank) -> None:
    training, held = split_bank(things)
    assert len(training) + len(held) == len(things)
    assert not {e.group for e in training.entries} & {e.group for e in held.entries}


@pytest.mark.slow
def test_generated_is_nearer_to_the_true_sound_than_random_entries(things: Bank, model: Generator) -> None:
    cases, _ = measure_cases(model, things, things, np.arange(8), (1.5, 1.0), 0)
    generated, by_chance, coded = (summarize(cases, name, 0)["one"][0] for name in ("generated", "random", "coded"))
    assert coded < generated < by_chance


def test_the_shipped_generator_draws_every_material() -> None:
    model = load_generator(CHECKPOINT)
    for material in ("metal", "wood", "glass", "plastic"):
        physics = generate_physics(model, Attributes({material: 1.0}, 0.2), 0)
        sound = synthesize(physics, 0.5, 0)
        assert np.isfinite(sound).all() and 0.3 < np.abs(sound).max() < 0.7
