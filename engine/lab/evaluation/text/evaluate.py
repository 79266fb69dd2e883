"""Evaluate the parser of descriptions and the search by text: ``launch.py evaluate text``."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from engine.bank.attributes import Attributes, mean_frequency_hz, measure_ring
from engine.bank.bank import BANK_PATH, Bank, load_bank
from engine.bank.descriptor import BANDS, band_centres_hz, describe_physics
from engine.bank.lexicon import load_lexicon
from engine.bank.text import parse as reader
from engine.bank.text import word_matching
from engine.bank.text.parse import parse_description, rank_by_text
from engine.bank.text.word_vectors import load_vectors
from engine.core.errors import StruckError
from engine.core.units import LN_60_DB, db_to_power
from engine.lab.evaluation.text.word_sets import CHOSEN, SENTENCES, UNRELATED_CHOSEN, UNRELATED_UNSEEN, UNSEEN
from engine.physics.model import Physics

MISSPELT = 400
TOP = 5


def main(args: Sequence[str]) -> None:
    """The command ``evaluate text``: figures to standard error, and as JSON with --json."""
    parser = argparse.ArgumentParser(prog="evaluate text", description="Evaluate the parser of descriptions.")
    parser.add_argument("--bank", type=Path, default=BANK_PATH, help="folder of the bank that is searched")
    parser.add_argument("--seed", type=int, default=0, help="of the misspellings")
    parser.add_argument("--spelling", action="store_true", help="as on a machine without the sentence embedding")
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    parser.add_argument("--device", default="cpu", help="always the processor")
    parser.add_argument("--data-dir", help="not used")
    parser.add_argument("--ckpt-dir", help="not used")
    options = parser.parse_args(list(args))
    with contextlib.ExitStack() as stack:
        if options.spelling:
            for module in (word_matching, reader):
                stack.enter_context(mock.patch.object(module, "load_vectors", lambda: None))
            word_matching.match_word.cache_clear()
        report(options, stack)


def report(options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
    """Run all measures; print them, and write them as JSON where asked."""
    stack.callback(word_matching.match_word.cache_clear)
    result = measure_reading(options.seed)
    result["embedding"] = load_vectors() is not None and not options.spelling
    try:
        bank = load_bank(options.bank)
        result["search"], result["effects"] = measure_search(bank), measure_effects(bank)
    except StruckError as error:
        print(f"the search is left out: {error}", file=sys.stderr)
    print("\n".join(write_report(result)), file=sys.stderr)
    if options.json == "-":
        print(json.dumps(result))
    elif options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure_reading(seed: int = 0) -> dict[str, Any]:
    """Accuracy on synonyms, unrelated words, misspellings and sentences, in percent.

    Synonyms and unrelated words are given separately for the lists used for tuning and for the held-out ones.
    """
    tables = {"chosen": (CHOSEN, UNRELATED_CHOSEN), "unseen": (UNSEEN, UNRELATED_UNSEEN)}
    result: dict[str, Any] = {"lexicon": len(load_lexicon())}
    for name, (synonyms, unrelated) in tables.items():
        result[name] = {**measure_synonyms(synonyms), **measure_unrelated(unrelated)}
    result["misspelt"] = measure_misspelt(seed)
    result["sentences"] = measure_sentences()
    return result


def measure_synonyms(table: str) -> dict[str, Any]:
    """Of words and phrases that are not in the lexicon: shares parsed correctly, wrongly, and reported as unknown."""
    lexicon = load_lexicon()
    rows: list[Any] = []
    for line in table.strip().splitlines():
        wanted, words = line.split(":")
        for word in (part.strip() for part in words.split(",")):
            if word not in lexicon:
                reading = parse_description(word)
                right = bool(reading.understood) and _is_meant(reading.attributes, *wanted.split())
                rows.append((word, right, not reading.understood))
    wrong = [word for word, right, unknown in rows if not right and not unknown]
    return {
        "synonyms": len(rows),
        "correct_percent": _percent([right for _, right, _ in rows]),
        "wrong_percent": _percent([word in wrong for word, _, _ in rows]),
        "unknown_percent": _percent([unknown for _, _, unknown in rows]),
        "wrong": wrong,
    }


def measure_unrelated(table: str) -> dict[str, Any]:
    """Of words unrelated to struck objects: the share reported as unknown."""
    lexicon = load_lexicon()
    words = [word for word in table.split() if word not in lexicon]
    taken = [word for word in words if parse_description(word).understood]
    kept_percent = _percent([word not in taken for word in words])
    return {"unrelated": len(words), "rejected_percent": kept_percent, "accepted": taken}


def measure_misspelt(seed: int) -> dict[str, Any]:
    """Accuracy on words of the lexicon of five letters or more with one letter dropped, doubled, changed or swapped."""
    draw = random.Random(seed)
    words = [word for word in load_lexicon() if word.isalpha() and len(word) >= 5]
    rows: list[Any] = []
    while len(rows) < MISSPELT:
        word = draw.choice(words)
        misspelt = _misspell(word, draw)
        if misspelt != word and misspelt not in load_lexicon():
            rows.append(
                (known_values(parse_description(misspelt).attributes), known_values(parse_description(word).attributes))
            )
    unknown = [not read for read, _ in rows]
    return {
        "words": len(rows),
        "correct_percent": _percent([read == meant for read, meant in rows]),
        "unknown_percent": _percent(unknown),
    }


def measure_sentences() -> dict[str, Any]:
    """Share of whole descriptions from which everything expected is parsed."""
    wrong = [text for text, wanted in SENTENCES.items() if not all(holds(text, rule) for rule in wanted.split())]
    return {
        "sentences": len(SENTENCES),
        "correct_percent": _percent([t not in wrong for t in SENTENCES]),
        "wrong": wrong,
    }


def measure_search(bank: Bank) -> dict[str, Any]:
    """Material accuracy of the sounds found by a material's name, for materials of at least three groups, and chance.

    Chance is the share of the material in the bank.
    """
    groups: dict[str, set[str]] = {}
    for entry in bank.entries:
        groups.setdefault(entry.material, set()).add(entry.group)
    rows: dict[str, dict[str, float]] = {}
    for material in sorted(name for name, found in groups.items() if name and len(found) >= 3):
        candidates, _ = rank_by_text(bank, material, min(TOP, len(groups[material])))
        share = float(np.mean([entry.material == material for entry in bank.entries]))
        right = _percent([candidate.material == material for candidate in candidates])
        rows[material] = {"correct_percent": right, "chance_percent": round(100.0 * share, 1)}
    return rows


def measure_effects(bank: Bank) -> dict[str, Any]:
    """Whether opposite words find sounds whose physics differs accordingly.

    For each pair of words: over all materials of the bank, the share of found pairs, rank by rank, in the right order.
    """
    materials = sorted({entry.material for entry in bank.entries if entry.material})
    rows: dict[str, Any] = {}
    for less, more, name, measure in OPPOSITES:
        right, differences = [], []
        for material in materials:
            low, high = (rank_by_text(bank, f"{material}, {word}", TOP)[0] for word in (less, more))
            for a, b in zip(low, high, strict=False):
                difference = measure(b.physics) - measure(a.physics)
                if math.isfinite(difference):
                    right.append(difference > 0.0)
                    differences.append(difference)
        median = round(float(np.median(differences)), 3) if differences else 0.0
        rows[f"{less} < {more}"] = {
            "correct_percent": _percent(right),
            "median": median,
            "of": name,
            "pairs": len(right),
        }
    return rows


def measure_brightness(physics: Physics) -> float:
    """Octaves above 1 kHz of the power-weighted mean frequency of the descriptor's first interval."""
    power = db_to_power(describe_physics(physics)[:BANDS].astype(np.float64))
    return float(np.log2(np.sum(power * band_centres_hz()) / np.sum(power) / 1000.0))


def measure_lowest(physics: Physics) -> float:
    """Octaves above 1 kHz of ``mean_frequency_hz``; NaN without modes."""
    return math.log2(mean_frequency_hz(physics.modes) / 1000.0)


def measure_room(physics: Physics) -> float:
    """Longest T60 of the room in s, 0 without a room."""
    room = physics.residual.room
    return LN_60_DB / max(0.1, min(room.decay_per_s)) if room is not None else 0.0


OPPOSITES = (
    ("low", "high", "lowest audible modes, in octaves", measure_lowest),
    ("large box", "small box", "lowest audible modes, in octaves", measure_lowest),
    ("large", "small", "lowest audible modes, in octaves", measure_lowest),
    ("dull", "ringing", "log10 of ring time", measure_ring),
    ("damped", "undamped", "log10 of ring time", measure_ring),
    ("soft mallet", "steel hammer", "brightness, in octaves", measure_brightness),
    ("dry", "cathedral", "T60 of the room, s", measure_room),
    ("small bathroom", "cathedral", "T60 of the room, s", measure_room),
)


def write_report(result: dict[str, Any]) -> list[str]:
    """The figures as lines of text."""
    lines = [f"lexicon of {result['lexicon']} words; sentence embedding: {'yes' if result['embedding'] else 'none'}"]
    for name in ("chosen", "unseen"):
        row = result[name]
        lines.append(
            f"{name}: {row['synonyms']} synonyms {row['correct_percent']} % correct, {row['wrong_percent']} % wrong, "
            f"{row['unknown_percent']} % unknown; {row['unrelated']} unrelated, {row['rejected_percent']} % rejected"
        )
        lines += [f"  wrong: {', '.join(row['wrong'])}", f"  accepted: {', '.join(row['accepted'])}"]
    row = result["misspelt"]
    lines.append(f"misspelt: {row['correct_percent']} % correct, {row['unknown_percent']} % unknown of {row['words']}")
    row = result["sentences"]
    lines.append(f"sentences: {row['correct_percent']} % correct of {row['sentences']} {row['wrong'] or ''}")
    for material, row in result.get("search", {}).items():
        lines.append(
            f"search {material}: {row['correct_percent']} % of the top {TOP} (chance {row['chance_percent']} %)"
        )
    lines += [
        f"{pair}: {row['correct_percent']} % of {row['pairs']} pairs, {row['median']} ({row['of']})"
        for pair, row in result.get("effects", {}).items()
    ]
    return lines


def _is_meant(attributes: Attributes, slot: str, name: str) -> bool:
    """Whether the parsed attributes have the wanted value of a slot."""
    if slot == "material":
        weights = attributes.material
        return bool(weights) and weights.get(name, 0.0) == max(weights.values()) > 0.0
    if slot == "striker":
        return attributes.striker == name
    if slot == "size":
        return (attributes.size_m > 0.25) == (name == "+") and attributes.size_m > 0.0
    if slot == "thick":
        return attributes.pitch > 0.0 if name == "+" else attributes.pitch < 0.0
    value = getattr(attributes, slot)
    if slot == "hollow":
        return bool(value == float(name))
    if slot == "room":
        return bool({"-": value < -0.45, "0": -0.45 <= value < 0.4, "+": value >= 0.4}[name])
    return bool(value > 0.0 if name == "+" else value < 0.0)


def holds(text: str, rule: str) -> bool:
    """Whether a description parses to what a rule of SENTENCES states."""
    attributes = parse_description(text).attributes
    match = re.fullmatch(r"(\w+)([=<>!])(.+)", rule)
    assert match is not None
    slot, relation, wanted = match.groups()
    if slot == "material":
        best = max(attributes.material, key=lambda name: attributes.material[name], default="")
        best = best if attributes.material.get(best, 0.0) > 0.0 else ""
        return (best == wanted) == (relation == "=")
    value = getattr(attributes, slot)
    if isinstance(value, str):
        return value == wanted
    number = float(wanted)
    return bool({"=": abs(value - number) < 1e-6, "<": value < number, ">": value > number}[relation])


def _misspell(word: str, draw: random.Random) -> str:
    k = draw.randrange(1, len(word))
    kind = draw.choice(("drop", "double", "change", "swap"))
    if kind == "drop":
        return word[:k] + word[k + 1 :]
    if kind == "double":
        return word[:k] + word[k - 1] + word[k:]
    if kind == "change":
        return word[:k] + draw.choice("abcdefghijklmnopqrstuvwxyz") + word[k + 1 :]
    return word[: k - 1] + word[k] + word[k - 1] + word[k + 1 :]


def known_values(attributes: Attributes) -> dict[str, Any]:
    """The known attributes by name, for comparison, since NaN does not equal itself."""
    return {
        name: value
        for name, value in vars(attributes).items()
        if value != "" and value != {} and not (isinstance(value, float) and math.isnan(value))
    }


def _percent(values: Sequence[bool]) -> float:
    return round(100.0 * float(np.mean(values)), 1) if len(values) else 0.0
