"""Commands run in the process of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.__main__ import main


def run(*args: str | Path) -> int:
    return main([str(arg) for arg in args])


def refuse(capsys: pytest.CaptureFixture[str], *args: str | Path) -> str:
    """Run a command that must exit 2 and end with one sentence, with nothing on standard output."""
    capsys.readouterr()
    assert run(*args) == 2
    printed = capsys.readouterr()
    faults = [line for line in printed.err.splitlines() if line.startswith("Struck: ")]
    assert printed.out == "" and "Traceback" not in printed.err and len(faults) == 1, printed.err
    assert printed.err.strip().endswith(faults[0])
    return faults[0]
