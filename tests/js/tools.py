"""The checkers of the editor's JavaScript (ESLint, TypeScript), installed by npm as package-lock.json lists them."""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from engine.core.paths import ROOT

FOLDER = ROOT / "node_modules" / ".bin"
STAMP_NAME = "struck-installed.txt"


def install_tools(root: Path, npm: str) -> None:
    """Install the checkers unless those of package-lock.json are there; what npm prints goes to standard error."""
    digest = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
    stamp = root / "node_modules" / STAMP_NAME
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    line = [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    if subprocess.run(line, cwd=root, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode == 0:
        stamp.write_text(digest, encoding="utf-8")


@functools.cache
def find_checker(name: str) -> str | None:
    """Path of a checker, installed first where npm is; None where it cannot be had."""
    npm = shutil.which("npm")
    if npm is not None:
        install_tools(ROOT, npm)
    return shutil.which(name, path=str(FOLDER))
