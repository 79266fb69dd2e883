"""Published weights of AVSyncD: small random ones under the published names, and each part against what it must be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.animate.avsyncd import hearing, weights
from engine.animate.avsyncd.autoencoder import Autoencoder
from engine.animate.avsyncd.hearing import COLUMNS, ROWS, AudioTransformer, make_windows
from engine.animate.avsyncd.sampling import FRAMES, sample_multistep
from engine.animate.avsyncd.unet import FilmConv, FilmTransformer, FilmUNet, Told, UNetShape
from engine.core.errors import BadInput
from engine.media.frames import iter_frames
from engine.media.stills import cut_middle
from tests.engine.cli.test_command_line import refuse, run

pytestmark = pytest.mark.slow
SOUND, TEXT = 24, 16
SHAPE = UNetShape((32, 64), (True, False), 1, 4, TEXT, SOUND)
"""Published: UNetShape()."""


def fill(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(0.1 * torch.randn(value.shape, generator=random))
    return network.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the published files, converted: ImageBind with a sense that is not needed, an autoencoder of 2022's names."""
    made = tmp_path_factory.mktemp("avsyncd")
    save_file(fill(FilmUNet(SHAPE)).state_dict(), made / weights.UNET)
    autoencoder = {}
    for name, value in fill(Autoencoder((32, 32, 32, 32), 1)).state_dict().items():
        for new, old in (
            (".to_q.", ".query."),
            (".to_k.", ".key."),
            (".to_v.", ".value."),
            (".to_out.0.", ".proj_attn."),
        ):
            name = name.replace(new, old)
        autoencoder[name] = value
    save_file(autoencoder, made / weights.AUTOENCODER)
    first = "modality_preprocessors.audio."
    names = {
        "cls_token": "cls_token",
        "pos_embed": "pos_embedding_helper.pos_embed",
        "stem.weight": "rgbt_stem.proj.weight",
        "stem_norm.weight": "rgbt_stem.norm_layer.weight",
        "stem_norm.bias": "rgbt_stem.norm_layer.bias",
    }
    sound = {
        first + names[name] if name in names else f"modality_trunks.audio.{name}": value
        for name, value in fill(AudioTransformer(SOUND, 2)).state_dict().items()
    }
    save_file({**sound, "modality_trunks.vision.blocks.0.norm_1.weight": torch.ones(3)}, made / weights.SOUND)
    random = torch.Generator().manual_seed(1)
    texts = {name: torch.randn(1, 5, TEXT, generator=random) for name in ("hammering", "dog barking")}
    save_file(texts, made / weights.TEXTS)
    (made / weights.CONFIG).write_text(json.dumps({"size": [64, 128]}))
    return made


def test_a_film_convolution_adds_a_layer_over_first_previous_and_this_frame() -> None:
    layer = fill(FilmConv(3, 5, 3))
    film = torch.randn(2, 3, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = layer(film)
        plain = [torch.nn.functional.conv2d(film[:, :, k], layer.weight, layer.bias, padding=1) for k in range(4)]
        for frame in range(4):
            joined = torch.cat((plain[0], plain[max(0, frame - 1)], plain[frame]), dim=1)
            added = torch.einsum("oc,bchw->bohw", layer.conv_temp.weight, joined) + layer.conv_temp.bias[:, None, None]
            assert torch.allclose(found[:, :, frame], plain[frame] + added, atol=1e-5)


def test_frames_look_at_the_first_hear_their_own_time_and_each_other_by_the_attention_along_time() -> None:
    block = fill(FilmTransformer(32, TEXT, SOUND))
    random = torch.Generator().manual_seed(0)
    film = torch.randn(1, 32, 4, 2, 2, generator=random)
    windows = torch.eye(4, dtype=torch.bool)
    told = Told(torch.randn(1, 5, TEXT, generator=random), torch.randn(1, 4, SOUND, generator=random), windows)

    def changed(other_film: torch.Tensor, other: Told) -> list[int]:
        with torch.no_grad():
            apart = (block(film, told) - block(other_film, other)).abs().amax(dim=(0, 1, 3, 4))
        return torch.nonzero(apart > 1e-6).flatten().tolist()

    louder = told.sound.clone()
    louder[:, 2] += 3.0
    lit = [film.clone(), film.clone()]
    lit[0][:, :, 0, 0, 0] += 2.0
    lit[1][:, :, 2, 0, 0] += 2.0
    everywhere = [0, 1, 2, 3]
    assert changed(film, Told(told.text, louder, windows)) == everywhere
    assert changed(film, Told(2 * told.text, told.sound, windows)) == everywhere
    along = block.transformer_blocks[0].attn_temp.to_out[0]
    with torch.no_grad():
        along.weight.zero_()  # as training begins
    assert changed(film, Told(told.text, louder, windows)) == [2]
    assert changed(lit[0], told) == everywhere
    assert changed(lit[1], told) == [2]


def test_windows_of_twelve_frames_cover_the_sound_in_order() -> None:
    windows = make_windows(FRAMES)
    assert windows.shape == (12, 1 + 12 * 19) and windows[:, 0].all()
    heard = windows[:, 1:].reshape(12, ROWS, COLUMNS)
    assert (heard == heard[:, :1]).all()
    columns = heard[:, 0]
    assert columns.sum(dim=1).tolist() == [2] * 12 and columns.any(dim=0).all()
    firsts = columns.int().argmax(dim=1).tolist()
    assert firsts == sorted(firsts) and firsts[0] == 0 and firsts[-1] == COLUMNS - 2


def test_the_sounds_attention_is_pytorchs_with_a_key_and_a_value_more() -> None:
    own = fill(hearing._Attention(SOUND, 4))
    other = torch.nn.MultiheadAttention(SOUND, 4, add_bias_kv=True, batch_first=True).eval()
    other.load_state_dict(own.state_dict())
    tokens = torch.randn(2, 7, SOUND, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(own(tokens), other(tokens, tokens, tokens)[0], atol=1e-5)


def test_a_tone_is_heard_in_its_band_and_silence_after_the_end() -> None:
    times_s = np.arange(16_000) / 16_000
    heard = hearing.make_spectrogram(0.5 * np.sin(2 * np.pi * 1000.0 * times_s))
    assert heard.shape == (hearing.BANDS, hearing.TIMES)
    mel = [1127 * np.log(1 + f / 700) for f in (20.0, 1000.0, 8000.0)]
    band = (mel[1] - mel[0]) / (mel[2] - mel[0]) * (hearing.BANDS + 1) - 1
    assert abs(int(heard[:, :90].mean(dim=1).argmax()) - band) <= 1
    assert heard[:, 100:].std() < 1e-6


def test_multistep_sampling_follows_the_exact_path_of_one_picture() -> None:
    """Whose noise is known at every step: the value less its share of the picture, over the noise's share."""
    random = torch.Generator().manual_seed(0)
    picture, noisy = torch.randn(2, 6, generator=random, dtype=torch.float64)
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    begun = kept[981] ** 0.5 * picture + (1 - kept[981]) ** 0.5 * noisy
    asked: list[int] = []

    def estimate(now: torch.Tensor, step: int) -> torch.Tensor:
        asked.append(step)
        return (now - kept[step] ** 0.5 * picture) / (1 - kept[step]) ** 0.5

    shares: list[float] = []
    clean = sample_multistep(estimate, begun, 50, shares.append)
    expected = kept[0] ** 0.5 * picture + (1 - kept[0]) ** 0.5 * noisy
    assert torch.allclose(clean, expected, atol=1e-6)
    assert asked == [981, 961, *range(961, 0, -20)] and shares == sorted(shares) and shares[-1] == pytest.approx(1.0)


def test_the_published_sizes_are_the_defaults() -> None:
    with torch.device("meta"):
        unet = FilmUNet().state_dict()
        autoencoder = Autoencoder().state_dict()
        sound = AudioTransformer().state_dict()
    spatial = {name: value for name, value in unet.items() if not any(part in name for part in ("temp", "audio"))}
    assert sum(value.numel() for value in spatial.values()) == 859_520_964  # Stable Diffusion 1.5's U-Net
    assert sum(value.numel() for value in autoencoder.values()) == 83_653_863  # and its autoencoder
    assert sound["pos_embed"].shape == (1, 229, 768) and "blocks.11.mlp.fc2.bias" in sound
    wanted = "down_blocks.0.attentions.1.transformer_blocks.0"
    assert unet[f"{wanted}.attn_audio.to_k.weight"].shape == (320, 768)
    assert unet[f"{wanted}.pos_embedding_temp.linear_1.weight"].shape == (320, 320)
    assert unet["up_blocks.3.resnets.2.conv_shortcut.conv_temp.weight"].shape == (320, 960)


def test_the_command_makes_a_film_as_long_as_the_sound_that_begins_with_the_still(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.animate.avsyncd.sampling.FilmOptions.__init__.__defaults__", (0, 4.0, 2))
    still, sound, out = tmp_path / "still.png", tmp_path / "sound.wav", tmp_path / "film.mp4"
    Image.fromarray(np.full((90, 128, 3), 120, np.uint8)).save(still)
    times_s = np.arange(round(2.5 * 48_000)) / 48_000
    soundfile.write(sound, 0.3 * np.sin(2 * np.pi * 500 * times_s) * np.exp(-8 * (times_s % 0.8)), 48_000)
    asked = ("animate", still, sound, "--weights", folder, "--device", "cpu", "--out", out)
    assert "dog barking, hammering" in refuse(capsys, *asked)
    assert "--at" in refuse(capsys, *asked, "--at", "0.5,0.5", "--text", "hammering")
    assert run(*asked, "--text", "hammering") == 0
    frames = list(iter_frames(out, 64, gray=False))
    assert [round(time_s * 6) for time_s, _ in frames] == list(range(15))
    assert frames[0][1].shape == (64, 128, 3)


def test_what_is_missing_or_another_network_is_named(folder: Path, tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    with pytest.raises(BadInput, match=r"no unet\.safetensors; convert"):
        weights.load_avsyncd(tmp_path, cpu)
    for name in (weights.UNET, weights.AUTOENCODER, weights.SOUND, weights.TEXTS):
        (tmp_path / name).symlink_to(folder / name)
    assert weights.load_avsyncd(tmp_path, cpu).size == (256, 256)
    (tmp_path / weights.AUTOENCODER).unlink()
    save_file({"conv.weight": torch.zeros(2, 2)}, tmp_path / weights.AUTOENCODER)
    with pytest.raises(BadInput, match="no autoencoder"):
        weights.load_avsyncd(tmp_path, cpu)
    (tmp_path / weights.CONFIG).write_text('{"size": [100, 256]}')
    (tmp_path / weights.AUTOENCODER).unlink()
    (tmp_path / weights.AUTOENCODER).symlink_to(folder / weights.AUTOENCODER)
    with pytest.raises(BadInput, match="100 is no size"):
        weights.load_avsyncd(tmp_path, cpu)


def test_a_still_is_cut_around_its_middle() -> None:
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 40:80] = 200
    assert (cut_middle(wide, 64, 64)[:, 2:-2] == 200).all()
