"""Synchformer with its published weights (Iashin et al., ICASSP 2024): by how many fifths of a second a sound is off.

- Picture: segments of 16 frames of 25 a second, every 8, seen by a transformer with divided attention along time and in
  space (Patrick et al., NeurIPS 2021), a token for each two frames.
- Sound: the same 0.64 s heard by an audio spectrogram transformer (Gong et al., 2021), a token for each 0.1 s.
- A transformer over the tokens of 14 segments, 4.8 s, tells the offset among classes from -2 to 2 s.

Written anew; the modules' names are those of the published weights, and sizes are read from them.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from engine.core.attention import FeedForward, attend
from engine.core.errors import BadInput
from engine.core.published_weights import fill_network, find_weight, read_published

WEIGHTS = "synchformer.safetensors"
FRAME_RATE, RATE_HZ = 25, 16_000
SEGMENTS, SEGMENT_FRAMES, STEP_FRAMES = 14, 16, 8
WINDOW_FRAMES = (SEGMENTS - 1) * STEP_FRAMES + SEGMENT_FRAMES
"""Frames of 14 segments: 4.8 s."""
MAX_OFFSET_S = 2.0
_HEADS, _LAST_HEADS = 12, 8
_PATCH, _HOP, _BANDS, _TIMES = 16, 10, 128, 66
_PATCH_FRAMES = 2
_HEARD_ROWS, _HEARD_COLUMNS = (_BANDS - _PATCH) // _HOP + 1, (_TIMES - _PATCH) // _HOP + 1
_MEAN, _DEVIATION, _FLOOR = -4.2677393, 4.5689974, 1e-6
_REMEDY = "convert the published file as docs/sync.md says"


class DividedAttention(nn.Module):
    """Attention of each place to the first token and to its own place in all frames, or to its own frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor, frames: int, is_along_time: bool) -> torch.Tensor:
        """Tokens [B, 1 + frames places, width]; the first attends to all."""
        asked, keys, values = (
            part.unflatten(-1, (_HEADS, -1)).transpose(1, 2) for part in self.qkv(tokens).chunk(3, dim=-1)
        )
        first = F.scaled_dot_product_attention(asked[:, :, :1], keys, values)

        def group(part: torch.Tensor) -> torch.Tensor:
            places = part.unflatten(2, (frames, -1))
            return places.transpose(2, 3) if is_along_time else places

        groups = group(asked[:, :, 1:])
        near, told = (
            torch.cat((part[:, :, None, :1].expand(-1, -1, groups.shape[2], -1, -1), group(part[:, :, 1:])), dim=3)
            for part in (keys, values)
        )
        found = F.scaled_dot_product_attention(groups, near, told)
        found = (found.transpose(2, 3) if is_along_time else found).flatten(2, 3)
        return torch.as_tensor(self.proj(torch.cat((first, found), dim=2).transpose(1, 2).flatten(2)))


class _SeenBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width, 1e-6) for _ in range(3))
        self.attn, self.timeattn = DividedAttention(width), DividedAttention(width)
        self.mlp = FeedForward(width)

    def forward(self, tokens: torch.Tensor, frames: int) -> torch.Tensor:
        tokens = tokens + self.timeattn(self.norm3(tokens), frames, True)
        tokens = tokens + self.attn(self.norm1(tokens), frames, False)
        return torch.as_tensor(tokens + self.mlp(self.norm2(tokens)))


class _Pool(nn.TransformerEncoderLayer):
    """Several tokens to one: what a learnt token becomes among them."""

    def __init__(self, width: int) -> None:
        super().__init__(
            width, _HEADS, 4 * width, 0.0, nn.GELU(), layer_norm_eps=1e-6, batch_first=True, norm_first=True
        )
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))

    def pool(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens [B, N, width] to [B, width]."""
        return torch.as_tensor(self(torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1))[:, 0])


class SeenNetwork(nn.Module):
    """Tokens of what is seen."""

    def __init__(self, width: int, blocks: int, places: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + places, width))
        self.temp_embed = nn.Parameter(torch.empty(1, SEGMENT_FRAMES // _PATCH_FRAMES, width))
        size = (_PATCH_FRAMES, _PATCH, _PATCH)
        self.patch_embed_3d = nn.ModuleDict({"proj": nn.Conv3d(3, width, size, size)})
        self.blocks = nn.ModuleList([_SeenBlock(width) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width, 1e-6)
        self.spatial_attn_agg = _Pool(width)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Tokens [S, SEGMENT_FRAMES / 2, width] of segments [S, 3, SEGMENT_FRAMES, H, W] from -1 to 1."""
        patches = self.patch_embed_3d["proj"](segments).flatten(3)  # [S, width, frames, places]
        frames = patches.shape[2]
        patches = patches.permute(0, 2, 3, 1) + self.pos_embed[:, None, 1:] + self.temp_embed[:, :, None]
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(patches), -1, -1)
        tokens = torch.cat((first, patches.flatten(1, 2)), dim=1)
        for block in self.blocks:
            tokens = block(tokens, frames)
        places = self.norm(tokens[:, 1:]).unflatten(1, (frames, -1))
        return self.spatial_attn_agg.pool(places.flatten(0, 1)).unflatten(0, (len(segments), frames))


class _HeardBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        within = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        out = nn.ModuleDict({"dense": nn.Linear(width, width)})
        self.attention = nn.ModuleDict({"attention": nn.ModuleDict(within), "output": out})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = nn.ModuleDict({"dense": nn.Linear(4 * width, width)})
        self.layernorm_before, self.layernorm_after = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        normal = self.layernorm_before(tokens)
        asked, keys, values = (
            self.attention.get_submodule(f"attention.{name}")(normal) for name in ("query", "key", "value")
        )
        found = attend(asked, keys, values, _HEADS)
        tokens = tokens + self.attention.get_submodule("output.dense")(found)
        inner = F.gelu(self.intermediate["dense"](self.layernorm_after(tokens)))
        return torch.as_tensor(tokens + self.output["dense"](inner))


class _HeardStem(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token, self.distillation_token = (nn.Parameter(torch.empty(1, 1, width)) for _ in range(2))
        self.patch_embeddings = nn.ModuleDict({"projection": nn.Conv2d(1, width, _PATCH, _HOP)})
        self.position_embeddings = nn.Parameter(torch.empty(1, 2 + _HEARD_ROWS * _HEARD_COLUMNS, width))

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        patches = self.patch_embeddings["projection"](spectrograms[:, None]).flatten(2).transpose(1, 2)
        first = torch.cat((self.cls_token, self.distillation_token), dim=1).expand(len(patches), -1, -1)
        return torch.as_tensor(torch.cat((first, patches), dim=1) + self.position_embeddings)


class HeardNetwork(nn.Module):
    """Tokens of what is heard."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        layers = nn.ModuleDict({"layer": nn.ModuleList([_HeardBlock(width) for _ in range(blocks)])})
        norm = nn.LayerNorm(width, 1e-12)
        self.ast = nn.ModuleDict({"embeddings": _HeardStem(width), "encoder": layers, "layernorm": norm})
        self.freq_attn_agg = _Pool(width)

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        """Tokens [S, 6, width] of spectrograms [S, 128, 66]."""
        tokens = self.ast["embeddings"](spectrograms)
        for block in self.ast.get_submodule("encoder.layer").children():
            tokens = block(tokens)
        places = self.ast["layernorm"](tokens)[:, 2:].unflatten(1, (_HEARD_ROWS, _HEARD_COLUMNS)).transpose(1, 2)
        return self.freq_attn_agg.pool(places.flatten(0, 1)).unflatten(0, (len(spectrograms), _HEARD_COLUMNS))


class _LastBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.ModuleDict({name: nn.Linear(width, width) for name in ("key", "query", "value", "proj")})
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        normal = self.ln1(tokens)
        asked, keys, values = (self.attn[name](normal) for name in ("query", "key", "value"))
        tokens = tokens + self.attn["proj"](attend(asked, keys, values, _LAST_HEADS))
        return torch.as_tensor(tokens + self.mlp(self.ln2(tokens)))


class _LastNetwork(nn.Module):
    def __init__(self, width: int, blocks: int, classes: int) -> None:
        super().__init__()
        self.vis_in_lnorm, self.aud_in_lnorm, self.ln_f = (nn.LayerNorm(width) for _ in range(3))
        self.OFF_tok, self.MOD_tok = (nn.Parameter(torch.empty(1, 1, width)) for _ in range(2))
        count = 2 + SEGMENTS * (SEGMENT_FRAMES // _PATCH_FRAMES + _HEARD_COLUMNS)
        self.pos_emb_cfg = nn.ParameterDict({"pos_emb": nn.Parameter(torch.empty(1, count, width))})
        self.blocks = nn.ModuleList([_LastBlock(width) for _ in range(blocks)])
        self.off_head = nn.Linear(width, classes)

    def forward(self, seen: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        parts = (self.OFF_tok, self.vis_in_lnorm(seen), self.MOD_tok, self.aud_in_lnorm(heard))
        tokens = torch.cat(parts, dim=1) + self.pos_emb_cfg["pos_emb"]
        for block in self.blocks:
            tokens = block(tokens)
        return torch.as_tensor(self.off_head(self.ln_f(tokens)[:, 0]))


class Synchformer(nn.Module):
    """Evidence of each offset; ``side`` is the pixels of a picture's side."""

    def __init__(self, width: int = 768, blocks: int = 12, places: int = 196, last: int = 3, classes: int = 21) -> None:
        super().__init__()
        self.side = _PATCH * math.isqrt(places)
        self.vfeat_extractor = SeenNetwork(width, blocks, places)
        self.afeat_extractor = HeardNetwork(width, blocks)
        self.vproj, self.aproj = nn.Linear(width, width), nn.Linear(width, width)
        self.transformer = _LastNetwork(width, last, classes)

    def forward(self, segments: torch.Tensor, spectrograms: torch.Tensor) -> torch.Tensor:
        """Logits [classes] of 14 segments [14, 3, 16, side, side] and spectrograms [14, 128, 66]."""
        # one at a time: a segment has more than 1500 tokens
        seen = torch.cat([self.vfeat_extractor(segments[k : k + 1]) for k in range(len(segments))])
        heard = self.afeat_extractor(spectrograms)
        tokens = self.vproj(seen).flatten(0, 1)[None], self.aproj(heard).flatten(0, 1)[None]
        return torch.as_tensor(self.transformer(*tokens)[0])


def list_lags(classes: int) -> np.ndarray:
    """Lag of each class in s, above 0 where the sound comes late: the network's own offsets are of the other sign."""
    return -np.linspace(-MAX_OFFSET_S, MAX_OFFSET_S, classes)


def cut_segments(frames: np.ndarray, samples: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Segments and spectrograms of frames uint8 [WINDOW_FRAMES, side, side, 3] and a mono sound as long at RATE_HZ."""
    from torchaudio.transforms import MelSpectrogram

    film = torch.from_numpy(frames).permute(3, 0, 1, 2).float() / 127.5 - 1.0
    wave = torch.from_numpy(np.asarray(samples, np.float32))
    size, step = (RATE_HZ * count // FRAME_RATE for count in (SEGMENT_FRAMES, STEP_FRAMES))
    segments = torch.stack([film[:, k * STEP_FRAMES :][:, :SEGMENT_FRAMES] for k in range(SEGMENTS)])
    pieces = torch.stack([wave[k * step :][:size] for k in range(SEGMENTS)])
    bands = MelSpectrogram(RATE_HZ, n_fft=1024, win_length=400, hop_length=160, n_mels=_BANDS)(pieces)
    level = F.pad(torch.log(bands + _FLOOR), (0, _TIMES))[..., :_TIMES]
    return segments, (level - _MEAN) / (2.0 * _DEVIATION)


def load_synchformer(folder: Path, device: torch.device) -> Synchformer:
    """The network of a folder with WEIGHTS. Raises BadInput, with the reason, where it is missing or does not fit."""
    place = folder / WEIGHTS
    weights = read_published(place, _REMEDY)
    # a layer that is not used, and heads of a classifier
    weights = {name: value for name, value in weights.items() if not name.startswith("vfeat_extractor.patch_embed.")}
    first = find_weight(weights, "vfeat_extractor.pos_embed", place, 3, _REMEDY)
    last = find_weight(weights, "transformer.off_head.weight", place, 2, _REMEDY)
    position = "transformer.pos_emb_cfg.pos_emb"
    places, width = first.shape[1] - 1, first.shape[2]
    blocks, ends = (
        len({name.split(".")[2] for name in weights if name.startswith(f"{part}.blocks.")})
        for part in ("vfeat_extractor", "transformer")
    )
    if math.isqrt(places) ** 2 != places or width % (_HEADS * _LAST_HEADS // 4):
        raise BadInput(f"{place} has {places} places of {width} numbers, so it is another network; {_REMEDY}")
    with torch.device("meta"):  # takes no memory, whatever sizes the file asks for
        network = Synchformer(width, blocks, places, ends, last.shape[0])
    count = network.transformer.pos_emb_cfg["pos_emb"].shape[1]
    if position in weights:
        weights[position] = weights[position][:, :count]  # of a network for longer clips
    fill_network(network, weights, place, _REMEDY)
    return network.eval().to(device)
