"""Readers of the editor and its messages, which are imported by name since the engine does not know the editor."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from engine.core.errors import BadInput
from engine.lab.evaluation.robustness import mutations
from engine.lab.evaluation.robustness.reader import Reader

EXPORT_PRESETS, RECENT = "export_presets.json", "recent.json"


def read_message(path: Path) -> None:
    """Decode a message of the page as the server does."""
    codec = import_module("ui.protocol.codec")
    message = codec.decode(codec.parse_json(_read_text(path)))
    again = {"type": message.type, **codec.to_mapping(message)}
    assert codec.decode(json.loads(json.dumps(again, allow_nan=False))) == message


def read_export_presets(path: Path) -> None:
    """List the presets of the export dialog and add one: those that were listed stay."""
    editor = import_module("ui.export_presets")
    listed = editor.ExportPresets(path.parent).list()
    editor.ExportPresets(path.parent).put(make_export_preset("new"))
    names = {preset.name.strip() for preset in editor.ExportPresets(path.parent).list()}
    assert names == {preset.name for preset in listed} | {"new"}


def read_recent(path: Path) -> None:
    """List the recently opened files."""
    options = types.SimpleNamespace(public=False)
    context = types.SimpleNamespace(home=path.parent, options=options)
    found = import_module("ui.welcome").recent(context)
    assert all(Path(name).is_file() for name in found)
    if not found:
        raise BadInput("no recent file is known; open one by its path")


def read_request(path: Path) -> None:
    """Decode what an editor asks of a shared sampler."""
    from engine.pipeline.sampler_wire import decode_request

    _, _, hits = decode_request(_read_bytes(path))
    assert hits


def read_answer(path: Path) -> None:
    """Decode what a shared sampler answers."""
    from engine.pipeline.sampler_wire import decode_sounds

    try:
        sounds = decode_sounds(_read_bytes(path), 2)
    except ValueError as error:
        raise BadInput(f"the answer is left out ({error}); the hits are sampled here") from None
    assert len(sounds) == 2


def _read_text(path: Path) -> str:
    return _read_bytes(path).decode("utf-8", "replace")


def _read_bytes(path: Path) -> bytes:
    """What came over the network: no more than a body may have."""
    if not os.path.isfile(path):  # of a name too long as well, for which Path.is_file may raise
        raise BadInput("nothing has come; send it again")
    with open(path, "rb") as file:
        return file.read(8 << 20)


# --- seeds ------------------------------------------------------------------------------------


def make_export_preset(name: str) -> Any:
    """A preset of the export dialog."""
    exporting = import_module("ui.protocol.exporting")
    return exporting.ExportPreset(name, ("wav", "stems"), exporting.ExportOptions())


def write_editor_seeds(folder: Path, clip: Path) -> None:
    """Write a folder of whole files for each of these readers."""
    for name in ("message", "export presets", "recent", "request", "answer"):
        (folder / name).mkdir()
    codec, requests = import_module("ui.protocol.codec"), import_module("ui.protocol.requests")
    for name, cls in codec.tagged_types(requests.ClientMessage, "type").items():
        (folder / "message" / f"{name}.json").write_text(json.dumps({"type": name, **make_example(cls)}))
    presets = import_module("ui.export_presets").ExportPresets(folder / "export presets")
    for name in ("Mix", "Stems"):
        presets.put(make_export_preset(name))
    (folder / "recent" / RECENT).write_text(json.dumps([str(clip)]))
    _write_wire(folder)


def _write_wire(folder: Path) -> None:
    import numpy as np

    from engine.lab.evaluation.robustness.seed_documents import make_physics
    from engine.physics.detail import Detail
    from engine.physics.model import Context
    from engine.pipeline.hit_to_sample import HitToSample
    from engine.pipeline.sampler_wire import WireSettings, encode_request, encode_sounds

    physics = make_physics()
    hits = [HitToSample((physics.modes, physics.residual), seed, Context(), Detail()) for seed in (1, 2)]
    settings = WireSettings("sampler", "0" * 64, "1" * 64, 4, 1.0)
    (folder / "request" / "hits.json").write_bytes(encode_request("ann", settings, hits))
    sounds = [np.linspace(-0.5, 0.5, count, dtype=np.float32) for count in (100, 300)]
    (folder / "answer" / "sounds").write_bytes(encode_sounds(sounds))


def make_example(cls: Any) -> dict[str, Any]:
    """Values of the fields of a message, by their types; those with a default are left out every second time."""
    hints = import_module("ui.protocol.codec").field_types(cls)
    found = {}
    for number, field in enumerate(fields(cls)):
        is_needed = field.default is MISSING and field.default_factory is MISSING
        if is_needed or number % 2 == 0:
            found[field.name] = _make_value(hints[field.name])
    return found


def _make_value(hint: Any) -> Any:
    plain = {str: "s1", bool: True, int: 1, float: 0.5}
    if hint in plain:
        return plain[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return args[0]
    if origin in (Union, types.UnionType):
        first = next(arg for arg in args if arg is not type(None))
        kind = {"kind": first.kind} if hasattr(first, "kind") else {}
        return {**kind, **_make_value(first)} if is_dataclass(first) else _make_value(first)
    if origin is tuple:
        return [_make_value(args[0])]
    if is_dataclass(hint):
        return make_example(hint)
    return {"h1": _make_value(args[1])} if hint is not Mapping and args else {}


EDITOR_READERS = (
    Reader("message", "message", mutations.JSON, read_message, weight=3),
    Reader("export presets", "export presets", mutations.JSON, read_export_presets, EXPORT_PRESETS),
    Reader("recent files", "recent", mutations.JSON, read_recent, RECENT),
    Reader("sampler request", "request", mutations.JSON, read_request),
    Reader("sampler answer", "answer", mutations.BYTES, read_answer),
)
