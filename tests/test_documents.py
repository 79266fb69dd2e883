"""The documents name commands, options and files that exist."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from pathlib import Path

import pytest

from engine.__main__ import COMMANDS, LAB, main
from engine.core.paths import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "checkpoints").glob("*/CARD.md")]
SHARED = {"--device", "--ckpt-dir", "--data-dir", "--library", "--help"}
ELSEWHERE = {"ui", "test"}  # commands of launch.py itself


def named_options() -> dict[tuple[str, ...], set[str]]:
    """Options by command, as the documents write them after ``launch.py``."""
    found = defaultdict(set)
    for path in DOCUMENTS:
        for line in re.findall(r"launch\.py +([a-z][^`\n#]*)", path.read_text(encoding="utf-8")):
            words = re.findall(r"[^\s,;]+", line)
            parts = LAB.get(words[0])
            of_many = isinstance(parts, dict) or words[0] == "bench"
            name = words[1] if len(words) > 1 else ""
            is_named = name in parts if isinstance(parts, dict) else bool(re.fullmatch("[a-z][a-z-]*", name))
            if words[0] in COMMANDS and (is_named or not isinstance(parts, dict)):
                command = tuple(words[:2]) if of_many and is_named else (words[0],)
                found[command].update(re.findall(r"(?<![\w-])--[a-z][a-z-]*", line))
    return found


@pytest.mark.slow
def test_every_option_in_the_documents_is_one_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = []
    named = named_options()
    assert len(named) > 25
    for command, options in named.items():
        with contextlib.suppress(SystemExit):
            main([*command, "--help"])
        known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", capsys.readouterr().out))
        wrong += [(" ".join(command), option) for option in sorted(options - known - SHARED)]
    assert not wrong


def test_every_command_in_the_documents_exists() -> None:
    used = {
        (word.rstrip(".,;:)"), path.name)
        for path in DOCUMENTS
        for word in re.findall(r"python3 launch\.py +([a-z][a-z-]*)", path.read_text(encoding="utf-8"))
    }
    assert {(word, name) for word, name in used if word not in {*COMMANDS, *ELSEWHERE}} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_its_heading(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in headings(file)):
            broken.append(target)
    assert not broken


def headings(path: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ +(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-") for line in lines}
