"""The first message to a tab: demos, presets, checkpoints, the device and recent files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from engine.core.bounded_json import read_json_file
from engine.core.files import write_file
from engine.core.paths import ASSETS, ROOT
from engine.core.words import counted
from ui.context import VERSION, AppContext
from ui.kept_sessions import kept_sessions
from ui.protocol.events import CheckpointInfo, Demo, PresetInfo, Welcome

PROJECT_ENDING = ".struck.json"
MOST_RECENT = 12
START_DEMO = "sound"


def welcome_message(context: AppContext, own: Collection[str] = ()) -> Welcome:
    """The first message to a tab; sent again when what it tells has changed. ``own`` sessions are kept of the tab's."""
    ready = context.ready.is_set()
    checkpoints = context.checkpoints()
    device = context.device()[1] if ready else "starting"
    if all(context.fault(name) for name in checkpoints):
        device += ", prior only: no checkpoint"
    return Welcome(
        demos=tuple(demos()),
        presets=tuple(_preset_info(p) for p in context.presets()),
        checkpoints=tuple(CheckpointInfo(name, context.fault(name)) for name in checkpoints),
        device=device,
        version=VERSION,
        recent=tuple(recent(context)),
        kept=kept_sessions(context, own),
        crashed=context.crashed,
        local=not context.options.public,
        export_presets=context.export_presets.list(),
    )


def demos() -> list[Demo]:
    """The demo projects that ship with Struck."""
    found = []
    for path in sorted(ASSETS.glob(f"demo_*{PROJECT_ENDING}")):
        name = path.name.removeprefix("demo_").removesuffix(PROJECT_ENDING)
        try:
            table = read_json_file(path)
            clip, hits = table["clip"], len(table["hits"])
            title = "A clip with sound" if clip["has_audio"] else "A silent clip"
            found.append(Demo(name, title, f"{clip['duration_s']:.1f} s, {counted(hits, 'hit')}"))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda demo: demo.name != START_DEMO)


def remember_recent(context: AppContext, path: Path) -> None:
    """Put a path at the head of the list of recent ones; an upload replaces an earlier one of that file."""
    if context.options.public or path.is_relative_to(ROOT):
        return
    uploads = context.folder("uploads").absolute()

    def is_same(other: str) -> bool:
        if other == str(path):
            return True
        both = path.is_relative_to(uploads) and Path(other).is_relative_to(uploads)
        return both and Path(other).name == path.name and os.path.getsize(other) == os.path.getsize(path)

    with contextlib.suppress(OSError):  # the file is open all the same
        paths = [str(path), *(p for p in recent(context) if not is_same(p))][:MOST_RECENT]
        write_file(context.home / "recent.json", json.dumps(paths).encode())


def recent(context: AppContext) -> list[str]:
    """Recently opened clips and projects that still exist, newest first."""
    try:
        paths = read_json_file(context.home / "recent.json")
        return [] if context.options.public else [p for p in paths if isinstance(p, str) and os.path.isfile(p)]
    except (OSError, ValueError, TypeError):
        return []


def _preset_info(preset: Any) -> PresetInfo:
    tags = getattr(preset, "tags", None)
    return PresetInfo(preset.name, preset.material, preset.credit, tags or (), tags is not None)
