"""Published weights of Sound2Scene and IC-GAN: small random ones under the published names, in the published layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.core.errors import BadInput
from engine.scene.published import (
    PICTURE_WEIGHTS,
    SOUND_WEIGHTS,
    draw_published,
    encode_published,
    load_published,
    make_spectrogram,
)
from tests.engine.cli.test_command_line import refuse, run

pytestmark = pytest.mark.slow
RATE_HZ = 48_000
WIDTH, FEATURES, SHARED, CHUNK, CHANNELS = 8, 24, 6, 3, 4
"""Published: 64, 2048, 512, 20, 96."""


def list_sound_shapes(width: int, features: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of ``audnet``, a torchvision ResNet-18 of one channel."""

    def norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{name}.{part}", (channels,)
        yield f"{name}.num_batches_tracked", ()

    yield "conv1.weight", (width, 1, 7, 7)
    yield from norm("bn1", width)
    before = width
    for layer, after in enumerate((width, 2 * width, 4 * width, 8 * width), 1):
        for block in (0, 1):
            yield f"layer{layer}.{block}.conv1.weight", (after, before, 3, 3)
            yield from norm(f"layer{layer}.{block}.bn1", after)
            yield f"layer{layer}.{block}.conv2.weight", (after, after, 3, 3)
            yield from norm(f"layer{layer}.{block}.bn2", after)
            if before != after:
                yield f"layer{layer}.{block}.downsample.0.weight", (after, before, 1, 1)
                yield from norm(f"layer{layer}.{block}.downsample.1", after)
            before = after
    yield "fc.weight", (features, before)
    yield "fc.bias", (features,)


def list_picture_shapes(ch: int, features: int, shared: int, chunk: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of BigGAN's generator at 128 pixels, conditioned on instances, under spectral normalisation."""

    def spectral(name: str, shape: tuple[int, ...], bias: bool = True) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{name}.weight", shape
        if bias:
            yield f"{name}.bias", shape[:1]
        yield f"{name}.u0", (1, shape[0])
        yield f"{name}.sv0", (1,)

    yield "shared.weight", (10, 5)
    yield from spectral("shared_feat", (shared, features))
    yield from spectral("linear", (16 * ch * 16, chunk))
    for index, (before, after) in enumerate(((16, 16), (16, 8), (8, 4), (4, 2), (2, 1))):
        block = f"blocks.{index}.0"
        for norm, channels in (("bn1", before * ch), ("bn2", after * ch)):
            yield from spectral(f"{block}.{norm}.gain", (channels, shared + chunk), bias=False)
            yield from spectral(f"{block}.{norm}.bias", (channels, shared + chunk), bias=False)
            yield f"{block}.{norm}.stored_mean", (channels,)
            yield f"{block}.{norm}.stored_var", (channels,)
        yield from spectral(f"{block}.conv1", (after * ch, before * ch, 3, 3))
        yield from spectral(f"{block}.conv2", (after * ch, after * ch, 3, 3))
        yield from spectral(f"{block}.conv_sc", (after * ch, before * ch, 1, 1))
        if index == 3:
            for name, shape in (
                ("theta", (ch // 4, 2 * ch)),
                ("phi", (ch // 4, 2 * ch)),
                ("g", (ch, 2 * ch)),
                ("o", (2 * ch, ch)),
            ):
                yield from spectral(f"blocks.3.1.{name}", (*shape, 1, 1), bias=False)
            yield "blocks.3.1.gamma", ()
    for name in ("gain", "bias", "stored_mean", "stored_var"):
        yield f"output_layer.0.{name}", (ch,)
    yield from spectral("output_layer.2", (3, ch, 3, 3))


def draw_weights(shapes: Iterator[tuple[str, tuple[int, ...]]], prefix: str = "") -> dict[str, torch.Tensor]:
    """Random weights; variances are positive, and every ``u0`` is its matrix's first left singular vector."""
    random = torch.Generator().manual_seed(0)
    weights: dict[str, torch.Tensor] = {}
    for name, shape in shapes:
        value = torch.randn(shape, generator=random)
        if name.endswith("_var"):
            value = 0.5 + value.abs()
        elif name.endswith("u0"):
            value = torch.linalg.svd(weights[prefix + name.removesuffix("u0") + "weight"].flatten(1))[0][:, :1].T
        weights[prefix + name] = value.contiguous()
    return weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("published")
    save_file(draw_weights(list_sound_shapes(WIDTH, FEATURES), "audnet."), made / SOUND_WEIGHTS)
    save_file(draw_weights(list_picture_shapes(CHANNELS, FEATURES, SHARED, CHUNK)), made / PICTURE_WEIGHTS)
    return made


def make_knock(pitch_hz: float) -> np.ndarray:
    times_s = np.arange(RATE_HZ) / RATE_HZ
    return 0.4 * np.sin(2 * np.pi * pitch_hz * times_s) * np.exp(-6 * times_s)


def test_a_spectrogram_is_of_the_papers_size_and_standard_and_does_not_change_with_the_level() -> None:
    heard = make_spectrogram(make_knock(500.0), RATE_HZ)
    assert heard.shape == (257, 1004)
    assert heard.mean() == pytest.approx(0.0, abs=1e-4) and heard.std() == pytest.approx(1.0, abs=1e-4)
    assert abs(int(heard.mean(axis=1).argmax()) - 500.0 / (16_000 / 512)) <= 1
    louder = make_spectrogram(2.0 * make_knock(500.0), RATE_HZ)
    assert np.median(np.abs(louder - heard)) < 0.1  # but for the floor of the logarithm
    with pytest.raises(BadInput, match="silent"):
        make_spectrogram(np.zeros(100), RATE_HZ)


def test_weights_are_divided_by_their_largest_singular_value(folder: Path) -> None:
    network = load_published(folder)
    for module in (network.pictures.linear, network.pictures.shared_feat, network.pictures.output_layer[2]):
        assert float(torch.linalg.matrix_norm(module.weight.detach().flatten(1), ord=2)) == pytest.approx(1.0, abs=1e-3)


def test_pictures_follow_sound_and_seed_and_the_published_sizes_are_the_defaults(folder: Path) -> None:
    network = load_published(folder)
    low, high = (encode_published(network, make_knock(pitch_hz), RATE_HZ) for pitch_hz in (200.0, 3000.0))
    assert low.shape == (1, FEATURES) and float(low.norm()) == pytest.approx(1.0, abs=1e-5) and float(low.min()) >= 0
    pictures = draw_published(network, low, 2, 7)
    assert pictures.shape == (2, 128, 128, 3)
    assert np.array_equal(pictures[1], draw_published(network, low, 1, 8)[0])
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], draw_published(network, high, 1, 7)[0])

    from engine.scene.published import Generator, SoundResNet

    with torch.device("meta"):
        for network_of, shapes in (
            (SoundResNet(), list_sound_shapes(64, 2048)),
            (Generator(), list_picture_shapes(96, 2048, 512, 20)),
        ):
            wanted = {name: tuple(value.shape) for name, value in network_of.state_dict().items()}
            told = {name: shape for name, shape in shapes if not name.endswith((".u0", ".sv0"))}
            told.pop("shared.weight", None)
            assert wanted == told


def test_what_does_not_fit_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"no {SOUND_WEIGHTS}; convert"):
        load_published(tmp_path)
    weights = draw_weights(list_sound_shapes(WIDTH, FEATURES))
    for change, said in (
        ({"layer2.0.conv1.weight": torch.zeros(3)}, "layer2.0.conv1.weight is of another shape"),
        ({"extra.weight": torch.zeros(3)}, "extra.weight"),
        ({"fc.bias": torch.full((FEATURES,), torch.nan)}, "not finite"),
    ):
        save_file({**weights, **change}, tmp_path / SOUND_WEIGHTS)
        with pytest.raises(BadInput, match=said):
            load_published(tmp_path)
    del weights["fc.weight"]
    save_file(weights, tmp_path / SOUND_WEIGHTS)
    with pytest.raises(BadInput, match=r"no fc\.weight"):
        load_published(tmp_path)


def test_the_command_draws_by_them(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound, out = tmp_path / "knock.wav", tmp_path / "knock.png"
    soundfile.write(sound, make_knock(700.0), RATE_HZ)
    assert run("scene", sound, "--weights", folder, "--count", "2", "--out", out) == 0
    assert Image.open(out).size == (256, 128)
    assert "--guidance" in refuse(capsys, "scene", sound, "--weights", folder, "--guidance", "1", "--out", out)
