"""A few words about a struck thing, such as "thin glass bottle, wooden stick, small bathroom", and what they mean."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace

import numpy as np

from engine.bank.attributes import Attributes
from engine.bank.bank import Bank, Candidate
from engine.bank.lexicon import Concept, load_lexicon, singular
from engine.bank.rank import rank_by_attributes
from engine.bank.text.grammar import DEGREES, FILLERS, NEGATIONS, ROOM_MARKS, STRIKER_MARKS, SURFACE_MARKS
from engine.bank.text.word_matching import embed_phrases, find_word
from engine.bank.text.word_vectors import MISSING, load_vectors
from engine.core.errors import BadInput
from engine.physics.model import MATERIALS

MOST_WORDS = 100
HARDNESS_OF = {
    "metal": 0.4, "rock": 0.4, "ceramic": 0.4, "glass": 0.4, "concrete": 0.4, "plastic": 0.1, "wood": 0.0,
    "paper": -0.5, "rubber": -0.6, "cloth": -0.8, "carpet": -0.8, "skin": -0.6, "food": -0.5, "membrane": -0.3,
}  # fmt: skip
SURFACE_DAMPING = {"cloth": 0.5, "carpet": 0.5, "ground": 0.4, "skin": 0.6, "rubber": 0.4, "water": 0.5, "paper": 0.2}
CONTENT_MARKS = {"filled", "full", "covered", "lined", "wrapped"}
UNITS_M = {"mm": 0.001, "cm": 0.01, "m": 1.0, "metre": 1.0, "meter": 1.0, "inch": 0.0254, "inches": 0.0254, 
           "ft": 0.3048, "foot": 0.3048, "feet": 0.3048}  # fmt: skip
PLAIN_SIZE_M = 0.25
SMALLEST_M, LARGEST_M = 0.001, 30.0
ROOM_ADJECTIVES = {
    "dry", "anechoic", "roomless", "reverberant", "echoing", "echoey", "reverb", "echo", "outdoors", "outside",
    "indoors",
}  # fmt: skip
_LENGTH = re.compile(r"(\d+(?:[.,]\d+)?) ?(mm|cm|m|metre|meter|inch|inches|ft|foot|feet)s?\b")
_NOUNS = ("material", "thing", "striker", "room")


@dataclass(frozen=True)
class Reading:
    """What words mean: ``understood`` has (words, meaning) in their order, ``unknown`` the words that say nothing here.

    ``things`` are the struck things named; ``note`` is one sentence where the machine lacks the sentence embedding.
    """

    attributes: Attributes = field(default_factory=Attributes)
    understood: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class _Item:
    words: str
    concept: Concept
    degree: float = 1.0
    negated: bool = False
    taken_for: str = ""
    place: int = 0
    said: str = ""

    @property
    def value(self) -> float:
        """The quality as said: a negated one is the mild opposite."""
        return self.concept.value * self.degree * (-0.5 if self.negated else 1.0)


@dataclass
class _Said:
    """What is gathered while reading."""

    material: dict[str, float] = field(default_factory=dict)
    usual: dict[str, float] = field(default_factory=dict)
    size_m: float = math.nan
    times: float = 1.0
    values: dict[str, float] = field(default_factory=dict)
    striker: str = ""
    things: list[str] = field(default_factory=list)
    meanings: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, slot: str, value: float) -> None:
        self.values[slot] = min(1.0, max(-1.0, self.values.get(slot, 0.0) + value))

    def tell(self, item: _Item, meaning: str) -> None:
        taken = f" (taken for {item.taken_for!r})" if item.taken_for else ""
        self.meanings.append((item.place, item.said or item.words, meaning + taken))


def parse_description(text: str) -> Reading:
    """What a description says of the struck thing, the striker and the room. BadInput for more than MOST_WORDS words.

    Clauses are parted by commas; "in", "with" and "on" tell the room, the striker and what lies beneath; "not", "no"
    and "without" turn the next word around, "very" and "slightly" say how far it goes. A word that the lexicon lacks is
    taken for one a letter away, else for the nearest in meaning, else said to be unknown.
    """
    if len(text.split()) > MOST_WORDS:
        raise BadInput(f"the description has {len(text.split())} words; give at most {MOST_WORDS}")
    said, unknown, surfaces = _Said(), [], []
    place = 0
    for clause in re.split(r",(?!\d)|[;:!?\n]|\.(?!\d)| but ", text.lower().replace("\u2019", "'")):
        for role, tokens in _part_clause(clause):
            items, strange = _find_items(tokens, place)
            place += len(tokens) + 1
            unknown += strange
            if role in ("surface", "touch"):
                surfaces.append(items)
            else:
                _read_part(said, role, items)
    for items in surfaces:
        beneath = bool(said.material or said.usual) and _head(items) not in (None, "room")
        _read_part(said, "beneath" if beneath else "struck", items)
    note = MISSING if unknown and load_vectors() is None else ""
    told = tuple((words, meaning) for _, words, meaning in sorted(said.meanings, key=lambda row: row[0]))
    return Reading(_conclude(said), told, tuple(dict.fromkeys(unknown)), tuple(said.things), note)


def rank_by_text(bank: Bank, text: str, top: int) -> tuple[tuple[Candidate, ...], Reading]:
    """Sounds of the bank that fit a description, adjusted to it, best first, and how it was read.

    A word that is unknown but stands in a sound's name counts as that name. No candidates where nothing is understood.
    """
    reading = parse_description(text)
    names = [{singular(word) for word in re.findall(r"[^\W\d_]+", entry.name.lower())} for entry in bank.entries]
    known = set().union(*names)
    named = [word for word in reading.unknown if singular(word) in known]
    if named:
        told = tuple((word, "in the name of a sound") for word in named)
        left = tuple(word for word in reading.unknown if word not in named)
        note = reading.note if left else ""
        reading = replace(reading, understood=reading.understood + told, unknown=left, note=note)
    if not reading.understood or not bank.entries:
        return (), reading
    wanted = (*reading.things, *named)
    likeness = _compare_names([entry.name for entry in bank.entries], names, wanted) if wanted else None
    return rank_by_attributes(bank, reading.attributes, top, likeness), reading


def _part_clause(clause: str) -> list[tuple[str, list[str]]]:
    """Roles and words of a clause's parts; a length such as "30 cm" is one word."""
    clause = _LENGTH.sub(lambda m: f" {m[1].replace(',', '.')}~{m[2]} ", clause)
    tokens = re.findall(r"\d+(?:\.\d+)?~\w+|[^\W_]+(?:'[^\W_]+)?", clause.replace("-", " "))
    marks = (("room", ROOM_MARKS), ("striker", STRIKER_MARKS), ("surface", SURFACE_MARKS))
    parts: list[tuple[str, list[str]]] = [("struck", [])]
    at: int | None = None  # "stick of wood" is read as "wood stick"
    for token in tokens:
        role = next((role for role, words in marks if token in words), None)
        if role:
            fills = role == "striker" and parts[-1][1] and parts[-1][1][-1] in CONTENT_MARKS
            parts.append(("touch" if fills else role, []))
            at = None
        elif token == "of":
            at = 0
        elif at is None:
            parts[-1][1].append(token)
        else:
            parts[-1][1].insert(at, token)
            at += 1
    return [part for part in parts if part[1]]


def _find_items(tokens: list[str], place: int) -> tuple[list[_Item], list[str]]:
    """What the words of a part mean, and those that mean nothing here."""
    lexicon = load_lexicon()
    items: list[_Item] = []
    unknown: list[str] = []
    degree, negated, k = 1.0, False, 0
    before: list[str] = []
    while k < len(tokens):
        token = tokens[k]
        if "~" in token:
            number, unit = token.split("~")
            length = Concept("length", token, float(number) * UNITS_M[unit])
            items.append(_Item(token.replace("~", " "), length, place=place + k))
            k += 1
            continue
        if token in NEGATIONS:
            before.append(token)
            negated, k = True, k + 1
            continue
        if token in DEGREES and k + 1 < len(tokens):
            before.append(token)
            degree, k = degree * DEGREES[token], k + 1
            continue
        span = next(
            (n for n in (3, 2) if len(tokens) >= k + n and " ".join(map(singular, tokens[k : k + n])) in lexicon), 1
        )
        phrase = " ".join(tokens[k : k + span])
        concept, taken_for = find_word(phrase if span == 1 else " ".join(map(singular, tokens[k : k + span])))
        if concept is not None:
            said = " ".join((*before, phrase))
            items.append(_Item(phrase, concept, degree, negated, taken_for, place + k, said))
        elif token not in FILLERS:
            unknown.append(token)
        if concept is not None or token not in FILLERS:
            degree, negated, before = 1.0, False, []
        k += span
    return items, unknown


def _head(items: list[_Item]) -> str | None:
    """What kind of thing a part is about: its last noun."""
    nouns = [i.concept for i in items if i.concept.slot in _NOUNS and i.words not in ROOM_ADJECTIVES and not i.negated]
    if any(c.slot == "thing" for c in nouns) and nouns[-1].slot == "material":
        return "thing"
    return nouns[-1].slot if nouns else None


def _read_part(said: _Said, role: str, items: list[_Item]) -> None:
    head = _head(items)
    if head == "room" and role != "beneath":
        role = "room"
    elif head == "striker" or (role == "striker" and head in ("thing", "material")):
        role = "striker"
    elif role != "beneath":
        role = "struck"
    nouned = head in ("thing", "material")
    for item in items:
        slot = item.concept.slot
        if role == "room" and slot not in ("room", "size"):
            said.tell(item, "of the room: no effect")
        elif slot == "room" or (slot == "material" and item.negated) or slot in ("pitch", "ring", "damping", "hollow"):
            _take_anywhere(said, item)
        elif role == "room" and slot == "size":
            said.add("room", 0.2 * item.value)
            said.tell(item, "a larger room" if item.value > 0 else "a smaller room")
        elif role == "striker":
            _take_striker(said, item, items)
        elif role == "beneath":
            _take_surface(said, item)
        else:
            _take_struck(said, item, nouned)


def _take_anywhere(said: _Said, item: _Item) -> None:
    """Rooms, qualities of the sound and materials that it is not, wherever they stand."""
    concept = item.concept
    if concept.slot == "material":
        said.material[concept.name] = 0.0
        said.tell(item, f"not {concept.name}")
    elif concept.slot == "room":
        value = -1.0 if item.negated else concept.value
        said.values["room"] = min(1.0, max(-1.0, value + said.values.get("room", 0.0)))
        said.tell(item, "no room" if value <= -1.0 else "in the open" if value < -0.7 else f"room: {concept.name}")
    elif concept.slot == "hollow":
        said.values["hollow"] = abs(concept.value - 1.0) if item.negated else concept.value
        said.tell(item, "hollow" if said.values["hollow"] else "solid")
    else:
        said.add(concept.slot, item.value)
        poles = {"pitch": ("higher", "lower"), "ring": ("rings longer", "rings shorter"), "damping": ("damped", "free")}
        said.tell(item, poles[concept.slot][0 if item.value > 0 else 1])


def _take_striker(said: _Said, item: _Item, items: list[_Item]) -> None:
    concept = item.concept
    materials = [i.concept.name for i in items if i.concept.slot == "material" and not i.negated]
    if item.negated and concept.slot != "hardness":
        said.tell(item, "left out")
    elif concept.slot in ("striker", "thing"):
        kind = concept.name if concept.slot == "striker" else "thing"
        if concept.slot == "thing" and _head(items) == "striker":
            return said.tell(item, "says which striker")
        said.striker = kind
        made_of = materials or (list(concept.material)[:1] if concept.slot == "thing" else [])
        own = concept.value if concept.slot == "striker" else 0.3
        said.add("hardness", own + sum(HARDNESS_OF.get(name, 0.0) for name in made_of))
        said.tell(item, f"struck with a {item.taken_for or item.words}")
    elif concept.slot == "hardness":
        said.add("hardness", item.value)
        said.tell(item, "a harder striker" if item.value > 0 else "a softer striker")
    elif concept.slot == "material":
        if not any(i.concept.slot in ("striker", "thing") for i in items):
            said.striker = said.striker or "thing"
            said.add("hardness", HARDNESS_OF.get(concept.name, 0.0))
        said.tell(item, f"striker of {concept.name}")
    else:
        said.add("hardness", -0.1 * item.value)
        said.tell(item, "a heavier striker" if item.value > 0 else "a lighter striker")
    return None


def _take_surface(said: _Said, item: _Item) -> None:
    names = item.concept.material
    if names and not item.negated:
        name = max(names, key=lambda key: names[key])
        said.add("damping", SURFACE_DAMPING.get(name, 0.1))
        said.tell(item, f"touches {name}, which damps it")
    else:
        said.tell(item, "of what it touches: no effect")


def _take_struck(said: _Said, item: _Item, nouned: bool) -> None:
    concept = item.concept
    if concept.slot == "length":
        said.size_m, said.times = concept.value, 1.0
        said.tell(item, f"about {concept.value:g} m in size")
    elif item.negated and concept.slot == "thing":
        said.tell(item, "left out")
    elif concept.slot == "material":
        said.material[concept.name] = 1.0
        said.tell(item, f"made of {concept.name}")
    elif concept.slot == "thing":
        said.usual = dict(concept.material)
        said.things.append(concept.name)
        if math.isnan(said.size_m):
            said.size_m = concept.size_m
        said.values.setdefault("hollow", concept.value)
        made = max(said.usual, key=lambda name: said.usual[name])
        said.tell(item, f"{concept.name}: about {concept.size_m:g} m, usually {made}")
    elif concept.slot in ("size", "weight"):
        said.times *= 2.0**item.value
        said.add("pitch", -0.25 * item.value)
        said.tell(item, "larger" if item.value > 0 else "smaller")
    elif concept.slot == "thick":
        said.add("pitch", 0.2 * item.value)  # bending waves: frequency goes as the thickness
        if item.value < 0:
            said.values.setdefault("hollow", 1.0)
        said.tell(item, "thick walls: higher modes" if item.value > 0 else "thin walls: lower modes")
    elif nouned:
        said.add("damping", -0.3 * item.value)
        said.tell(item, "stiff: less damped" if item.value > 0 else "yielding: more damped")
    else:
        said.add("hardness", item.value)
        said.tell(item, "a harder blow" if item.value > 0 else "a softer blow")


def _conclude(said: _Said) -> Attributes:
    material = dict(said.material)
    if not any(material.values()):
        usual = {name: weight for name, weight in said.usual.items() if material.get(name) != 0.0}
        material |= {name: weight / max(usual.values()) for name, weight in usual.items()}
    size_m = said.size_m
    if said.times != 1.0:
        size_m = (PLAIN_SIZE_M if math.isnan(size_m) else size_m) * said.times
    if not math.isnan(size_m):
        size_m = min(LARGEST_M, max(SMALLEST_M, size_m))
    values = {name: value for name, value in said.values.items() if name != "hardness" or value or said.striker}
    ordered = {name: material[name] for name in MATERIALS if name in material}
    return Attributes(ordered, size_m, striker=said.striker, **values)


def _compare_names(full: list[str], names: list[set[str]], wanted: tuple[str, ...]) -> np.ndarray:
    """How well each entry's name fits the best of the wanted things, 0 to 1, [N]."""
    parts = [[singular(word) for word in thing.split()] for thing in wanted]
    spelt = [max(1.0 if set(p) <= words else 0.8 if p[-1] in words else 0.0 for p in parts) for words in names]
    near = embed_phrases([re.sub(r"[\d_,]+", " ", name.lower()).strip() for name in full], list(wanted))
    result: np.ndarray = np.maximum(np.array(spelt), 0.6 * np.clip(near, 0.0, 1.0))
    return result
