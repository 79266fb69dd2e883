"""The About page: Struck's licence, the sources of its weights and data, and the packages it uses."""

from __future__ import annotations

import functools
import importlib.metadata
import re
from pathlib import Path
from typing import Any

from engine.core.paths import ASSETS, CHECKPOINTS, ROOT

CARD = "CARD.md"
LONGEST_LICENCE = 60


@functools.cache
def describe_parts() -> dict[str, Any]:
    """Licence and notice of the code, cards of weights and data, and the packages with versions and licences."""
    cards = [("weights", folder / CARD) for folder in sorted(CHECKPOINTS.iterdir()) if (folder / CARD).is_file()]
    cards += [("data", path) for path in sorted(ASSETS.glob(f"*/{CARD}"))]
    return {
        "licence": "Apache License 2.0",
        "notice": _read(ROOT / "NOTICE"),
        "cards": [{"kind": kind, "name": path.parent.name, "text": _read(path)} for kind, path in cards],
        "packages": _packages(),
    }


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _packages() -> list[dict[str, str]]:
    """Packages that requirements.txt names and that are installed."""
    names = re.findall(r"^([A-Za-z0-9][\w.\-]*)", _read(ROOT / "requirements.txt"), re.MULTILINE)
    found = []
    for name in sorted(set(names), key=str.lower):
        try:
            about = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append({"name": about["Name"], "version": about["Version"], "licence": _licence(about)})
    return found


def _licence(about: Any) -> str:
    """Licence of a package: its SPDX expression, else its classifiers, else the first line of its text."""
    expression = about.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    if classifiers:
        return ", ".join(classifiers)
    lines = str(about.get("License") or "").strip().splitlines()
    return lines[0][:LONGEST_LICENCE] if lines else "see the package"
