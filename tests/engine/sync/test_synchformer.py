"""Synchformer's published weights: small random ones under the published names; divided attention, lags and sign."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.pipeline.measure_desync import measure_desync
from engine.pipeline.open_clip import open_clip
from engine.sync import synchformer
from engine.sync.synchformer import DividedAttention, Synchformer, cut_segments, list_lags, load_synchformer
from tests.clips import make_clip
from tests.engine.cli.test_command_line import run

pytestmark = pytest.mark.slow
WIDTH, PLACES = 24, 4
"""Published: 768, 196."""
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whose head tells the class of 1.0 s whatever it sees: the network's sign, so the sound is early."""
    made = tmp_path_factory.mktemp("synchformer")
    network = Synchformer(WIDTH, 1, PLACES, 1)
    random = torch.Generator().manual_seed(0)
    weights = {name: 0.1 * torch.randn(value.shape, generator=random) for name, value in network.state_dict().items()}
    weights["transformer.off_head.weight"] = torch.zeros(21, WIDTH)
    weights["transformer.off_head.bias"] = torch.zeros(21).index_fill(0, torch.tensor(15), 4.0)
    weights["vfeat_extractor.patch_embed.proj.weight"] = torch.zeros(WIDTH, 3, 16, 16)  # stored, and not used
    longer = torch.cat((weights["transformer.pos_emb_cfg.pos_emb"], torch.ones(1, 5, WIDTH)), dim=1)
    save_file({**weights, "transformer.pos_emb_cfg.pos_emb": longer}, made / synchformer.WEIGHTS)
    return made


@pytest.mark.parametrize("is_along_time", [True, False])
def test_divided_attention_is_full_attention_under_a_mask(is_along_time: bool) -> None:
    layer = DividedAttention(WIDTH)
    frames, places = 3, 4
    tokens = torch.randn(2, 1 + frames * places, WIDTH, generator=torch.Generator().manual_seed(0))
    frame, place = np.divmod(np.arange(frames * places), places)
    same = place[:, None] == place if is_along_time else frame[:, None] == frame
    mask = np.ones((1 + frames * places,) * 2, bool)
    mask[1:, 1:] = same
    with torch.no_grad():
        asked, keys, values = layer.qkv(tokens).chunk(3, dim=-1)
        heads = []
        for part in range(12):
            one = slice(part * WIDTH // 12, (part + 1) * WIDTH // 12)
            level = asked[..., one] @ keys[..., one].transpose(1, 2) / (WIDTH / 12) ** 0.5
            share = level.masked_fill(~torch.from_numpy(mask), -torch.inf).softmax(dim=-1)
            heads.append(share @ values[..., one])
        expected = layer.proj(torch.cat(heads, dim=-1))
        assert torch.allclose(layer(tokens, frames, is_along_time), expected, atol=1e-5)


def test_segments_overlap_by_half_and_a_sound_is_heard_in_its_segment() -> None:
    frames = np.repeat(np.arange(120, dtype=np.uint8)[:, None, None, None], 3, axis=3)
    samples = np.zeros(round(4.8 * 16_000))
    samples[round(2.0 * 16_000) :][:800] = np.sin(2 * np.pi * 1000 * np.arange(800) / 16_000)
    segments, spectrograms = cut_segments(frames, samples)
    assert segments.shape == (14, 3, 16, 1, 1) and spectrograms.shape == (14, 128, 66)
    shown = ((segments[:, 0, :, 0, 0] + 1) * 127.5).round().int()
    assert shown[:, 0].tolist() == list(range(0, 105, 8)) and shown[-1, -1] == 119
    loud = spectrograms[:, :, :65].amax(dim=(1, 2))
    # from 2.00 to 2.05 s: in the segments of 0.64 s that begin at 1.60 and 1.92 s
    assert sorted(loud.topk(2).indices.tolist()) == [5, 6]
    place = int(spectrograms[6, :, :65].amax(dim=0).argmax())
    assert 0.06 <= place * 0.01 <= 0.15


def test_the_published_sizes_are_the_defaults() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in Synchformer().state_dict().items()}
    assert shapes["transformer.pos_emb_cfg.pos_emb"] == (1, 198, 768)
    assert shapes["vfeat_extractor.patch_embed_3d.proj.weight"] == (768, 3, 2, 16, 16)
    assert shapes["vfeat_extractor.blocks.11.timeattn.qkv.bias"] == (2304,)
    assert shapes["vfeat_extractor.spatial_attn_agg.self_attn.in_proj_weight"] == (2304, 768)
    assert shapes["afeat_extractor.ast.embeddings.position_embeddings"] == (1, 74, 768)
    assert shapes["afeat_extractor.ast.encoder.layer.11.attention.attention.query.weight"] == (768, 768)
    assert shapes["afeat_extractor.freq_attn_agg.cls_token"] == (1, 1, 768)
    assert shapes["transformer.blocks.2.mlp.2.weight"] == (768, 3072)
    assert shapes["transformer.off_head.bias"] == (21,)
    assert list_lags(21)[15] == pytest.approx(-1.0) and list_lags(21)[10] == 0.0


def test_the_command_tells_lags_of_first_and_last_seconds(folder: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    assert run("sync", ASSETS / "demo_sound.mp4", "--desync", folder, "--device", "cpu", "--json", told) == 0
    desync = json.loads(told.read_text())["desync"]
    assert desync["score_s"] == 1.0
    assert [window["start_s"] for window in desync["windows"]] == [0.0, 2.56]  # of 7.5 s
    share = np.exp(4.0) / (np.exp(4.0) + 20)
    assert all(w["lag_s"] == -1.0 and w["probability"] == pytest.approx(share, abs=2e-3) for w in desync["windows"])


def test_a_short_clip_and_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    make_clip(tmp_path / "short.mp4", count=50)
    with pytest.raises(BadInput, match=r"short\.mp4 lasts 2\.0 s and DeSync takes 4\.8 s"):
        measure_desync(load_synchformer(folder, CPU), open_clip(tmp_path / "short.mp4").project.clip)
    with pytest.raises(BadInput, match=r"no synchformer\.safetensors; convert"):
        load_synchformer(tmp_path, CPU)
    save_file({"vfeat_extractor.pos_embed": torch.zeros(1, 4, 24)}, tmp_path / synchformer.WEIGHTS)
    with pytest.raises(BadInput, match="off_head"):
        load_synchformer(tmp_path, CPU)
