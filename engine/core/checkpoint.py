"""Checkpoints: folders with model.safetensors (weights, which execute no code), config.json and CARD.md.

One reader and one writer serve every network. Nothing slow is imported until weights are read or written, so that
checkpoints can be listed, checked and digested before PyTorch is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.core.bounded_json import MAX_BYTES, parse_json, read_json_file
from engine.core.errors import BadInput, quote
from engine.core.files import replace_file, write_file

if TYPE_CHECKING:
    import torch

    Network = TypeVar("Network", bound=torch.nn.Module)

WEIGHTS, CONFIG = "model.safetensors", "config.json"

_MAX_CONFIG_BYTES = 4 << 20
_MAX_SIZE, _MAX_LIST, _MAX_WEIGHTS = 65_536, 256, 2_000
"""Bounds of a configuration's numbers and lists, and of the named weights of a network: far over those of any."""

_SCALE = ".scale"
"""Ends the name of the steps in which a weight of int8 is stored."""

_PICKLES = {".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"}

Config = TypeVar("Config")


@dataclass(frozen=True)
class CheckpointKind:
    """Common properties of the checkpoints of one network.

    ``name`` and ``version`` are config.json's "kind" and "format"; raise the version when weights change their meaning.
    ``remedy`` ends the sentence about one that cannot be used; "{folder}" in it becomes the folder's path.
    ``key_map`` takes parts of stored weights' names ("steps", "head.0") to what the network calls them now; files of
    either naming load. ``added`` names weights that older files lack; they become zeros. ``former_name`` is another
    "kind" that older files have.
    """

    name: str
    version: int
    remedy: str
    key_map: Mapping[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    former_name: str = ""


def write_checkpoint(
    folder: Path, kind: CheckpointKind, network: torch.nn.Module, precision: torch.dtype, config: dict[str, Any]
) -> None:
    """Write a network's weights, floating-point values in a precision, and its configuration, into a folder.

    With int8 each row of a matrix or kernel is stored in steps of a 127th of its largest value, the rest as float16.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights: dict[str, torch.Tensor] = {}
    for name, value in network.state_dict().items():
        weights |= _store_weight(name, value.detach().contiguous(), precision)
    with replace_file(folder / WEIGHTS) as partial:
        save_file(weights, str(partial))
    text = json.dumps({"format": kind.version, "kind": kind.name, **config}, indent=1) + "\n"
    write_file(folder / CONFIG, text.encode())


def _store_weight(name: str, value: torch.Tensor, precision: torch.dtype) -> dict[str, torch.Tensor]:
    import torch

    if not value.is_floating_point() or precision.is_floating_point:
        return {name: value.to(precision) if value.is_floating_point() else value}
    if value.dim() < 2:
        return {name: value.half()}
    # in half precision, as it is stored, and rounded up so that no value is beyond 127 steps
    scale = (value.float().abs().flatten(1).amax(dim=1) / 127.0 * 1.001).clamp_min(1e-7).half()
    scale = scale.reshape(-1, *[1] * (value.dim() - 1))
    return {name: (value.float() / scale.float()).round().to(torch.int8), name + _SCALE: scale}


def count_parameters(network: torch.nn.Module) -> int:
    """Number of a network's parameters."""
    return sum(value.numel() for value in network.parameters())


def read_checkpoint(
    folder: Path, kind: CheckpointKind, build: Callable[[dict[str, Any]], Network]
) -> tuple[Network, dict[str, Any]]:
    """The network that ``build`` makes of a checkpoint's configuration, with its weights in float32; and config.json.

    Raises BadInput, with the reason, for a checkpoint that is missing, damaged, of another kind or another format.
    """
    import torch

    config = read_config(folder, kind)
    try:
        with torch.device("meta"), _limit_weights():  # takes no memory, whatever sizes the file asks for
            wanted = {name: tuple(value.shape) for name, value in build(config).state_dict().items()}
    except Exception:  # whatever wrong values make the network's layers raise
        raise refuse(folder, kind, f"{CONFIG} describes an unknown network") from None
    weights = read_weights(folder, kind)
    if not set(weights) <= set(wanted):
        weights = {rename(name, kind.key_map): value for name, value in weights.items()}
    added = [name for name in kind.added if name in wanted and name not in weights]
    misfit = _find_misfit(weights, {name: shape for name, shape in wanted.items() if name not in added})
    if misfit is not None:
        raise refuse(folder, kind, misfit)
    weights |= {name: torch.zeros(()).expand(wanted[name]) for name in added}
    network = build(config)
    network.load_state_dict(weights)
    return network, config


def read_config(folder: Path, kind: CheckpointKind) -> dict[str, Any]:
    """config.json of a checkpoint; BadInput, with the reason, where ``find_fault`` finds fault with it."""
    fault = find_fault(folder, kind)
    if fault is not None:
        raise BadInput(fault)
    config = _parse_config(folder)
    assert config is not None
    return config


def read_weights(folder: Path, kind: CheckpointKind) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint by their stored names, floating-point ones in float32. Raises BadInput."""
    from safetensors.torch import load_file

    try:
        weights = load_file(str(folder / WEIGHTS))
        scales = {name: weights.pop(name + _SCALE).float() for name in list(weights) if name + _SCALE in weights}
        weights |= {name: weights[name] * scale for name, scale in scales.items()}
        return {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    except Exception:  # the library's own errors, and the system's
        raise refuse(folder, kind, f"{WEIGHTS} is damaged") from None


def build_config(config_class: type[Config], values: Mapping[str, Any]) -> Config:
    """A network's configuration from the JSON object it was written as: lists become tuples."""
    return config_class(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def rename(name: str, key_map: Mapping[str, str]) -> str:
    """A stored weight's name with every dotted part that the map lists replaced: {"a": "b"} makes x.a.bias x.b.bias."""
    if not key_map:
        return name
    parts = "|".join(re.escape(part) for part in sorted(key_map, key=len, reverse=True))
    return re.sub(rf"(?<![^.])({parts})(?![^.])", lambda match: key_map[match[0]], name)


def find_fault(folder: Path, kind: CheckpointKind) -> str | None:
    """Why a checkpoint cannot be used, as one sentence, as far as its files show; None where nothing is wrong.

    The weights' names and shapes are checked against the network only by ``read_checkpoint``.
    """
    subject = f"{kind.name} checkpoint {quote(folder.name)}"
    remedy = _fill_remedy(folder, kind)
    pickle = _find_pickle(folder)
    if pickle is None and not any(os.path.isfile(folder / file) for file in (WEIGHTS, CONFIG)):
        return f"{subject} was not found in {folder.parent}; {remedy}"
    if not os.path.isfile(folder / WEIGHTS):
        other = f", and {pickle} is not opened since such a file can run code" if pickle else ""
        return f"{subject} has no {WEIGHTS}{other}; {remedy}"
    if not os.path.isfile(folder / CONFIG):
        return f"{subject} has no {CONFIG}; {remedy}"
    config = _parse_config(folder)
    if config is None or not _has_sane_sizes(config.get("network", {})):
        return f"{subject}: {CONFIG} is damaged; {remedy}"
    version, name = config.get("format", 1), config.get("kind")
    if version != kind.version or not _is_called(name, kind):
        return (
            f"{subject} is of format {_show(version)} ({_show(name)}) and this Struck reads {kind.name} format "
            f"{kind.version}; {remedy}"
        )
    if not _is_whole(folder / WEIGHTS):
        return str(refuse(folder, kind, f"{WEIGHTS} is cut short or damaged"))
    return None


def refuse(folder: Path, kind: CheckpointKind, reason: str) -> BadInput:
    """The error for a checkpoint that does not fit, for a reason of a few words."""
    remedy = _fill_remedy(folder, kind)
    return BadInput(f"{kind.name} checkpoint {quote(folder.name)} does not fit this Struck ({reason}); {remedy}")


def choose_checkpoint(name: str, folder: str | Path | None, shipped: Path) -> Path:
    """The checkpoint of a name in a folder of checkpoints; the ``shipped`` one where there is none."""
    own = Path(folder) / name if folder else shipped
    return own if (own / CONFIG).is_file() else shipped


def list_checkpoints(folder: Path | str, kind: CheckpointKind) -> tuple[str, ...]:
    """Names of a kind's checkpoints in a folder, sorted, those that ``find_fault`` finds fault with last.

    A folder whose config.json is missing or damaged counts as of every kind, and is refused with the reason when used.
    """
    root = Path(folder)
    if not root.is_dir():
        return ()
    names = [path.name for path in root.iterdir() if not path.name.startswith(".") and _claims_to_be(path, kind)]
    return tuple(sorted(names, key=lambda name: (find_fault(root / name, kind) is not None, name)))


def digest_checkpoint(folder: Path) -> str:
    """sha256 of a checkpoint's configuration and weights; OSError when one is not there."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    with open(folder / WEIGHTS, "rb") as weights_file:
        for block in iter(lambda: weights_file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def stamp_checkpoint(folder: Path) -> tuple[int, ...]:
    """Times and sizes of a checkpoint's files: equal while nobody has touched them."""
    stamp: list[int] = []
    for name in (CONFIG, WEIGHTS):
        try:
            state = (folder / name).stat()
            stamp += (state.st_mtime_ns, state.st_size)
        except OSError:
            stamp += (0, -1)
    return tuple(stamp)


def _fill_remedy(folder: Path, kind: CheckpointKind) -> str:
    return kind.remedy.replace("{folder}", str(folder))


def _find_misfit(weights: Mapping[str, torch.Tensor], wanted: Mapping[str, tuple[int, ...]]) -> str | None:
    """What is wrong with the first wrong one among weights; None if names and shapes fit and all values are finite."""
    for name, shape in wanted.items():
        if name not in weights:
            return f"{name} is missing"
        if tuple(weights[name].shape) != shape:
            return f"{name} is {_format_shape(tuple(weights[name].shape))} and not {_format_shape(shape)}"
        if not weights[name].isfinite().all():
            return f"{name} holds values that are not finite"
    extra = sorted(set(weights) - set(wanted))
    return f"{quote(extra[0])} is not known" if extra else None


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one value"


def _claims_to_be(folder: Path, kind: CheckpointKind) -> bool:
    """Whether a folder is declared to be of a kind, or holds weights without a declaration."""
    if (folder / CONFIG).is_file():
        config = _parse_config(folder)
        return (folder / WEIGHTS).is_file() if config is None else _is_called(config.get("kind"), kind)
    return (folder / WEIGHTS).is_file()


def _show(value: object) -> str:
    """The first characters of a value that can be printed."""
    return "".join(character for character in str(value)[:20] if character.isprintable())


def _is_called(name: object, kind: CheckpointKind) -> bool:
    return isinstance(name, str) and name != "" and name in (kind.name, kind.former_name)


def _parse_config(folder: Path) -> dict[str, Any] | None:
    try:
        config = read_json_file(folder / CONFIG, _MAX_CONFIG_BYTES)
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None


def _has_sane_sizes(network: object) -> bool:
    """Whether a network's configuration is an object whose numbers and lists are no larger than any network's."""
    if not isinstance(network, dict):
        return False
    lists = [value if isinstance(value, list) else [value] for value in network.values()]
    numbers = [number for values in lists for number in values if isinstance(number, (int, float))]
    return all(len(values) <= _MAX_LIST for values in lists) and all(abs(number) <= _MAX_SIZE for number in numbers)


@contextmanager
def _limit_weights() -> Iterator[None]:
    """ValueError in a network that is built within and has more than _MAX_WEIGHTS named weights."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    numbers, builder = count(1), threading.get_ident()

    def refuse_more(*_: object) -> None:
        if threading.get_ident() == builder and next(numbers) > _MAX_WEIGHTS:
            raise ValueError("there are too many weights")

    hook = register_module_parameter_registration_hook(refuse_more)
    try:
        yield
    finally:
        hook.remove()


def _find_pickle(folder: Path) -> str | None:
    """Name of a file of weights that would have to be executed to be read."""
    if not os.path.isdir(folder):  # False too for a name that no folder can have, as a configuration may give
        return None
    return next((path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in _PICKLES), None)


def _is_whole(weights: Path) -> bool:
    """Whether a safetensors file has the length that its header declares (8 bytes of length, JSON, then the values)."""
    try:
        size = weights.stat().st_size
        with open(weights, "rb") as weights_file:
            length = int.from_bytes(weights_file.read(8), "little")
            if not 2 <= length <= min(size - 8, MAX_BYTES):
                return False
            header = parse_json(weights_file.read(length))
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (OSError, ValueError, AttributeError, KeyError, IndexError, TypeError):
        return False
    return 8 + length + max(ends, default=0) == size
