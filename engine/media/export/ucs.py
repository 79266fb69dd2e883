"""Names and categories of the Universal Category System (UCS 8.2), from the table ``assets/ucs.json``."""

from __future__ import annotations

import functools
import re
import string
from dataclasses import dataclass
from typing import Any

from engine.core.bounded_json import read_json_file
from engine.core.errors import BadInput, quote
from engine.core.names import make_file_stem, replace_refused, to_text
from engine.core.paths import ASSETS
from engine.media.export.tags import Category

IMPACT = "impact"
FX_NAME_LENGTH = 24
"""Of the FXName: UCS asks for fewer than 25 characters."""

_SUFFIXES = {
    "impact": "Impt",
    "break": "Brk",
    "crash": "Crsh",
    "friction": "Fric",
    "handle": "Hndl",
    "movement": "Mvmt",
    "tonal": "Tonl",
    "creak": "Creak",
    "rip": "Rip",
    "flutter": "Fltr",
    "flap": "Flp",
}


@dataclass(frozen=True)
class NameFields:
    """The fields of a name pattern."""

    category: Category
    fxname: str
    creator: str
    source: str
    sound: str = ""
    clip: str = ""
    hit: str = ""

    def values(self) -> dict[str, str]:
        """Values by the names that a pattern uses."""
        return {
            "catid": self.category.cat_id,
            "category": self.category.category,
            "subcategory": self.category.subcategory,
            "fxname": self.fxname,
            "creator": self.creator,
            "source": self.source,
            "sound": self.sound,
            "clip": self.clip,
            "hit": self.hit,
        }


FIELDS = ("catid", "category", "subcategory", "fxname", "creator", "source", "sound", "clip", "hit")


@functools.cache
def load_table() -> dict[str, Any]:
    """The table of categories, materials, acts and objects."""
    table: dict[str, Any] = read_json_file(ASSETS / "ucs.json")
    return table


def find_category(cat_id: str) -> Category:
    """The category of a CatID of the table. Raises KeyError."""
    category, subcategory = load_table()["categories"][cat_id]
    return Category(cat_id, category, subcategory)


def choose_category(name: str, material: str = "") -> Category:
    """The category of a sound from the words of its name and its material: a known object first, else material and act.

    An act that the category does not know, or none, is an impact.
    """
    table = load_table()
    words = [_singular(word) for word in re.findall(r"[^\W\d_]+", name.lower())]
    act = next((act for act, of in table["acts"].items() if any(word in of for word in words)), IMPACT)
    phrases = [" ".join(words[k : k + length]) for length in (2, 1) for k in range(len(words))]
    found = next((table["objects"][phrase] for phrase in phrases if phrase in table["objects"]), None)
    short = found or table["materials"].get(material) or table["materials"][""]
    for cat_id in (short, short + _SUFFIXES[act], short + _SUFFIXES[IMPACT], short + "Misc"):
        if cat_id in table["categories"]:
            return find_category(cat_id)
    return find_category("FOLYProp")


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def make_fx_name(name: str) -> str:
    """A sound's name as an FXName: words with capitals, no underscores, at most FX_NAME_LENGTH characters."""
    words = re.findall(r"[\w']+", to_text(name).replace("_", " "))
    text = ""
    for word in words:
        longer = f"{text} {word[:1].upper()}{word[1:]}".strip()
        if len(longer) > FX_NAME_LENGTH:
            break
        text = longer
    return text or (words[0][:FX_NAME_LENGTH] if words else "Hit")


def check_pattern(pattern: str) -> str:
    """The pattern itself; BadInput where it is empty, or names a field that there is not."""
    offered = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError:
        raise BadInput(f"name pattern {quote(pattern)} has a brace that is not closed; use {offered}") from None
    for _, name, form, conversion in parts:
        if name is not None and (name not in FIELDS or form or conversion):
            raise BadInput(f"name pattern {quote(pattern)} has {{{name}}}, which is no field; use {offered}")
    if not any(name for _, name, _, _ in parts):
        raise BadInput(f"name pattern {quote(pattern)} has no field, so all files would have one name; use {offered}")
    return pattern


def format_name(pattern: str, fields: NameFields, ending: str = "") -> str:
    """A file's name without its ending, by a pattern. Raises BadInput.

    Within a field ``_``, which parts the fields, and what no file's name may hold become a space.
    """
    check_pattern(pattern)
    values = {
        name: re.sub(r"[_\s]+", " ", replace_refused(value, " ")).strip() for name, value in fields.values().items()
    }
    name = re.sub(r"_{2,}", "_", pattern.format(**values)).strip("_ ")
    return make_file_stem(name, ending)
