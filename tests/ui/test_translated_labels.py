"""Names of edits that the undo menu shows have a text in each language, but for a few of several words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import combinations

from engine.core.paths import ROOT
from engine.document.edits.hits import set_hits
from engine.document.edits.sounds import set_residual
from engine.document.edits.strips import set_strip
from engine.document.strip import Strip
from engine.physics.model import NOISE_COMPONENTS
from ui.bank_service import PARTS

HIT_VALUES = (
    "velocity_db", "gain_db", "pan", "distance_m", "pitch_cents", "decay_ratio", "residual_db", "time_s", "name",
    "group", "stroke", "mute", "seed", "sound_id",
)  # fmt: skip
MAKERS = {"Edit", "chain", "add_sound", "replace_sound", "give_hits_sound", "replace_detected_hits"}
FOLDERS = ("engine/document", "engine/pipeline", "ui")
NO_NAME = re.compile(r"Bell |Merge sound$")
"""What no edit is called: begun with a word from elsewhere, where it stands in full; one sound is not merged."""

UNTRANSLATED = re.compile(r"Change (\d+ )?bands? of the (Bell|7)$|Set 7 of the sound$|Take (Bell|7) of ")
"""Joined of words that the edit lists; each of those of noise and of Find is looked up below."""


def read_text(node: ast.expr) -> list[str]:
    """What an expression may say, with something in each of its places."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return [*read_text(node.body), *read_text(node.orelse)]
        case ast.JoinedStr():
            said = [""]
            for part in node.values:
                said = [before + after for before in said for after in read_part(part)]
            return said
    return []


def read_part(part: ast.expr) -> list[str]:
    if not isinstance(part, ast.FormattedValue):
        return read_text(part)
    match part.value:
        case ast.Call(func=ast.Name(id="count_of"), args=[_, ast.Constant(value=noun)]):
            return [str(noun), f"3 {noun}s"]
        case ast.Call(func=ast.Name(id="count_of_hits")):
            return ["hit", "3 hits"]
        case ast.IfExp() as choice:
            return read_text(choice)
        case ast.Name(id="closing"):
            return ["", " and close the gap"]
        case ast.Name(id="whose"):
            return ["its own sound", "their own sounds"]
        case ast.Call():  # a count
            return ["7"]
    return ["Bell"]


def list_labels() -> Iterator[str]:
    """Every label of an edit in the code: arguments of what makes one, and defaults of parameters of that name."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                said: list[ast.expr] = []
                if isinstance(node, ast.Call):
                    name = node.func.id if isinstance(node.func, ast.Name) else ""
                    said += node.args[:3] if name in MAKERS else []
                    said += [word.value for word in node.keywords if word.arg == "label"]
                elif isinstance(node, ast.FunctionDef):
                    defaults = node.args.defaults
                    named = node.args.args[len(node.args.args) - len(defaults) :]
                    said += [value for argument, value in zip(named, defaults, strict=True) if argument.arg == "label"]
                yield from (label for part in said for label in read_text(part) if label[:1].isupper())


def test_each_edit_has_a_name_in_each_language() -> None:
    source = (ROOT / "ui/editor/texts/server.js").read_text(encoding="utf-8")
    known = [re.compile(form) for form in re.findall(r"^  \[/(\^.+\$)/, ", source, re.MULTILINE)]
    of_hits = [set_hits(["h1"], {name: 0}).label for name in HIT_VALUES]
    of_strips = [set_strip("s1", {field.name: 0}).label for field in fields(Strip)]
    of_noise = [set_residual("s1", part, bands).label for part in NOISE_COMPONENTS for bands in ((0,), (0, 1, 2))]
    chosen = [parts for count in (1, 2) for parts in combinations(PARTS, count)]
    of_find = [f"Take {' and '.join(parts)} of Bell" for parts in chosen]
    labels = sorted({*list_labels(), *of_hits, *of_strips, *of_noise, *of_find})
    assert len(labels) > 50 and {"Add hit", "Move hit", "Move 3 hits", "Keep headroom"} <= set(labels)
    unknown = [label for label in labels if not any(form.match(label) for form in known)]
    assert [label for label in unknown if not UNTRANSLATED.match(label) and not NO_NAME.match(label)] == []
