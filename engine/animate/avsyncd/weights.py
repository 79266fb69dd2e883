"""AVSyncD from a folder of published weights, converted to safetensors."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.animate.avsyncd.autoencoder import Autoencoder, read_autoencoder_shape, rename_old
from engine.animate.avsyncd.hearing import HEADS, AudioTransformer, rename_imagebind
from engine.animate.avsyncd.sampling import AVSyncD
from engine.animate.avsyncd.unet import FilmUNet, read_shape
from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput
from engine.core.published_weights import fill_network, find_weight, read_published

UNET, AUTOENCODER, SOUND, TEXTS = (f"{name}.safetensors" for name in ("unet", "vae", "imagebind", "texts"))
CONFIG = "config.json"
_REMEDY = "convert the published files as docs/animate.md says"
_LEAST_PX, _MOST_PX, _MULTIPLE_PX = 64, 1024, 64


def load_avsyncd(folder: Path, device: torch.device) -> AVSyncD:
    """The networks of a folder; sizes are those of the weights. Raises BadInput where a file is missing or wrong."""
    place = folder / UNET
    weights = read_published(place, _REMEDY)
    try:
        with torch.device("meta"):  # takes no memory, whatever sizes the file asks for
            unet = FilmUNet(read_shape(weights))
    except (KeyError, IndexError, StopIteration, ValueError):
        raise BadInput(f"{place} is no U-Net of AVSyncD; {_REMEDY}") from None
    fill_network(unet, weights, place, _REMEDY)
    text, sound = _read_widths(unet)
    place = folder / AUTOENCODER
    weights = rename_old(read_published(place, _REMEDY))
    try:
        with torch.device("meta"):
            autoencoder = Autoencoder(*read_autoencoder_shape(weights))
    except (KeyError, IndexError, ValueError):
        raise BadInput(f"{place} is no autoencoder of Stable Diffusion 1.5; {_REMEDY}") from None
    fill_network(autoencoder, weights, place, _REMEDY)
    place = folder / SOUND
    weights = rename_imagebind(read_published(place, _REMEDY))
    width = find_weight(weights, "cls_token", place, 3, _REMEDY).shape[2]
    blocks = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    if width != sound or width % HEADS:
        raise BadInput(f"{place} has tokens of {width} numbers and {UNET} is told {sound}; {_REMEDY}")
    with torch.device("meta"):
        heard = AudioTransformer(width, blocks)
    fill_network(heard, weights, place, _REMEDY)
    return AVSyncD(
        unet.eval().to(device), autoencoder.eval().to(device), heard.eval().to(device),
        _read_texts(folder / TEXTS, text), _read_size(folder / CONFIG),
    )  # fmt: skip


def choose_text(network: AVSyncD, name: str | None, folder: Path) -> str:
    """The text of a name, or the only one. Raises BadInput that lists them."""
    if name is None and len(network.texts) == 1:
        return next(iter(network.texts))
    if name not in network.texts:
        known = ", ".join(sorted(network.texts)[:20])
        asked = "several texts and none is chosen" if name is None else f"no text {name[:60]!r}"
        raise BadInput(f"{folder / TEXTS} has {asked}; give --text with one of: {known}")
    return name


def _read_widths(unet: FilmUNet) -> tuple[int, int]:
    """Numbers of a token of text and of sound."""
    block = unet.mid_block.get_submodule("attentions.0.transformer_blocks.0")
    text, sound = (block.get_parameter(f"{name}.to_k.weight").shape[1] for name in ("attn2", "attn_audio"))
    return text, sound


def _read_texts(place: Path, width: int) -> dict[str, torch.Tensor]:
    """Encoded texts [N, width] by name."""
    texts = {name: value.flatten(0, -2) for name, value in read_published(place, _REMEDY).items() if value.dim() > 1}
    if not texts or any(value.shape[1] != width or not value.isfinite().all() for value in texts.values()):
        raise BadInput(f"{place} has no texts of {width} numbers a token; {_REMEDY}")
    return texts


def _read_size(place: Path) -> tuple[int, int]:
    """Rows and columns of pictures, {"size": [256, 256]} where nothing is said."""
    if not place.is_file():
        return 256, 256
    try:
        size = read_json_file(place, 4096)["size"]
        rows, columns = (int(number) for number in size)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(f'{place} is damaged; write {{"size": [rows, columns]}} or leave it out') from None
    for number in (rows, columns):
        if not _LEAST_PX <= number <= _MOST_PX or number % _MULTIPLE_PX:
            raise BadInput(f"{place}: {number} is no size; give multiples of {_MULTIPLE_PX} to {_MOST_PX}")
    return rows, columns
