"""Parse a description of a struck object, such as "thin glass bottle, wooden stick, small bathroom", to attributes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from engine.bank.attributes import Attributes
from engine.bank.bank import Bank, Candidate
from engine.bank.lexicon import Concept, load_lexicon, singular
from engine.bank.rank import rank_by_attributes
from engine.bank.text.grammar import DEGREES, FILLERS, NEGATIONS, ROOM_MARKS, STRIKER_MARKS, SURFACE_MARKS
from engine.bank.text.translate import translate
from engine.bank.text.word_matching import match_word, phrase_similarity
from engine.bank.text.word_vectors import MISSING, load_vectors
from engine.core.errors import BadInput
from engine.physics.model import MATERIALS

MAX_WORDS, MAX_LETTERS = 100, 2000
MATERIAL_HARDNESS = {
    "metal": 0.4, "rock": 0.4, "ceramic": 0.4, "glass": 0.4, "concrete": 0.4, "plastic": 0.1, "wood": 0.0,
    "paper": -0.5, "rubber": -0.6, "cloth": -0.8, "carpet": -0.8, "skin": -0.6, "food": -0.5, "membrane": -0.3,
}  # fmt: skip
SURFACE_DAMPING = {"cloth": 0.5, "carpet": 0.5, "ground": 0.4, "skin": 0.6, "rubber": 0.4, "water": 0.5, "paper": 0.2}
CONTENT_MARKS = {"filled", "full", "covered", "lined", "wrapped"}
UNITS_M = {"mm": 0.001, "cm": 0.01, "m": 1.0, "metre": 1.0, "meter": 1.0, "inch": 0.0254, "inches": 0.0254, 
           "ft": 0.3048, "foot": 0.3048, "feet": 0.3048}  # fmt: skip
DEFAULT_SIZE_M = 0.25
MIN_SIZE_M, MAX_SIZE_M = 0.001, 30.0
ROOM_ADJECTIVES = {
    "dry", "anechoic", "roomless", "reverberant", "echoing", "echoey", "reverb", "echo", "outdoors", "outside",
    "indoors",
}  # fmt: skip
_LENGTH = re.compile(r"(\d+(?:[.,]\d+)?) ?(mm|cm|m|metre|meter|inch|inches|ft|foot|feet)s?\b")
_NOUNS = ("material", "thing", "striker", "room")


@dataclass(frozen=True)
class ParsedDescription:
    """Attributes read from a description, and how its words were understood."""

    attributes: Attributes = field(default_factory=Attributes)
    understood: tuple[tuple[str, str], ...] = ()  # words and their meaning, in order
    unknown: tuple[str, ...] = ()
    things: tuple[str, ...] = ()  # names of the struck objects
    note: str = ""  # one sentence where words are unknown and no word embeddings are installed


@dataclass(frozen=True)
class _Term:
    """A word or phrase of the lexicon, as it occurs in a description."""

    words: str
    concept: Concept
    degree: float = 1.0  # factor of "very", "slightly", ...
    negated: bool = False
    matched_as: str = ""  # the word of the lexicon, where ``words`` is none
    place: int = 0  # index of its first word
    phrase: str = ""  # with its degrees and negations

    @property
    def value(self) -> float:
        """The concept's value times the degree; a negated one is half the opposite."""
        return self.concept.value * self.degree * (-0.5 if self.negated else 1.0)


@dataclass
class _State:
    """What has been read so far."""

    material: dict[str, float] = field(default_factory=dict)
    usual_material: dict[str, float] = field(default_factory=dict)
    size_m: float = math.nan
    size_factor: float = 1.0
    values: dict[str, float] = field(default_factory=dict)
    striker: str = ""
    things: list[str] = field(default_factory=list)
    ground: list[str] = field(default_factory=list)  # words for what is stepped on
    explanations: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, slot: str, value: float) -> None:
        self.values[slot] = min(1.0, max(-1.0, self.values.get(slot, 0.0) + value))

    def explain(self, term: _Term, meaning: str) -> None:
        taken = f" (taken for {term.matched_as!r})" if term.matched_as else ""
        self.explanations.append((term.place, term.phrase or term.words, meaning + taken))


def parse_description(text: str) -> ParsedDescription:
    """Attributes of struck object, striker and room in a description; BadInput for one that is too long.

    Commas separate clauses; "in", "with" and "on" begin room, striker and surface; "not", "no" and "without" negate the
    next word, "very" and "slightly" scale it. Words that are not in the lexicon go through ``match_word``, or are
    reported as unknown.
    """
    if len(text.split()) > MAX_WORDS:
        raise BadInput(f"the description has {len(text.split())} words; give at most {MAX_WORDS}")
    if len(text) > MAX_LETTERS:  # languages without spaces, hyphens, and no words at all
        raise BadInput(f"the description has {len(text)} letters; give at most {MAX_LETTERS}")
    translation = translate(text)
    state, unknown, surfaces = _State(), [], []
    place = 0
    steps = False
    for clause in re.split(r",(?!\d)|[;:!?\n]|\.(?!\d)| but ", translation.text.lower().replace("\u2019", "'")):
        for role, tokens in _split_clause(clause):
            terms, unmatched = _match_terms(tokens, place)
            place += len(tokens) + 1
            unknown += unmatched
            steps = steps or any(term.concept.slot == "step" and not term.negated for term in terms)
            if role in ("surface", "touch"):
                surfaces.append(terms)
            else:
                _apply_phrase(state, role, terms)
    for terms in surfaces:
        if steps and _head(terms) != "room":
            _apply_ground(state, terms)
            continue
        beneath = bool(state.material or state.usual_material) and _head(terms) not in (None, "room")
        _apply_phrase(state, "beneath" if beneath else "struck", terms)
    if steps:
        state.things += _name_steps(state)
    note = MISSING if unknown and load_vectors() is None else ""
    said = translation.originals
    in_order = sorted(state.explanations, key=lambda row: row[0])
    explained = _join_compounds((" ".join(said.get(w, w) for w in words.split()), why) for _, words, why in in_order)
    return ParsedDescription(_to_attributes(state), explained, tuple(dict.fromkeys(unknown)), tuple(state.things), note)


def _join_compounds(explained: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Words and their meanings, where the two parts of one word, such as a German compound, are one entry."""
    meanings: dict[str, list[str]] = {}
    for words, meaning in explained:
        meanings.setdefault(words, []).append(meaning)
    return tuple((words, "; ".join(dict.fromkeys(own))) for words, own in meanings.items())


def rank_by_text(bank: Bank, text: str, top: int) -> tuple[tuple[Candidate, ...], ParsedDescription]:
    """Candidates of the bank for a description, best first and adjusted to it, and the parsed description.

    An unknown word that occurs in an entry's name is matched with that name. No candidates where nothing
    tells entries apart.
    """
    reading = parse_description(text)
    names = [{singular(word) for word in re.findall(r"[^\W\d_]+", entry.name.lower())} for entry in bank.entries]
    known = set().union(*names)
    named = [word for word in reading.unknown if singular(word) in known]
    if named:
        explained = tuple((word, "in the name of a sound") for word in named)
        left = tuple(word for word in reading.unknown if word not in named)
        note = reading.note if left else ""
        reading = replace(reading, understood=reading.understood + explained, unknown=left, note=note)
    if not reading.understood or not bank.entries:
        return (), reading
    wanted = (*reading.things, *named)
    similarity = _match_names([entry.name for entry in bank.entries], names, wanted) if wanted else None
    return rank_by_attributes(bank, reading.attributes, top, similarity), reading


def make_words_error(text: str) -> BadInput:
    """BadInput for a description that no sound fits better than another: a room alone, or no words that are known."""
    return BadInput(f"nothing in {text[:60]!r} tells one sound from another; name a material, a thing or a striker")


def _split_clause(clause: str) -> list[tuple[str, list[str]]]:
    """Roles and tokens of a clause's phrases; a length such as "30 cm" is one token."""
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


def _match_terms(tokens: list[str], place: int) -> tuple[list[_Term], list[str]]:
    """Terms found among a phrase's tokens, and the unknown tokens; ``place`` is the index of the first."""
    lexicon = load_lexicon()
    terms: list[_Term] = []
    unknown: list[str] = []
    degree, negated, k = 1.0, False, 0
    before: list[str] = []
    while k < len(tokens):
        token = tokens[k]
        if "~" in token:
            number, unit = token.split("~")
            length = Concept("length", token, float(number) * UNITS_M[unit])
            terms.append(_Term(token.replace("~", " "), length, place=place + k))
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
        concept, matched_as = match_word(phrase if span == 1 else " ".join(map(singular, tokens[k : k + span])))
        if concept is not None:
            full = " ".join((*before, phrase))
            terms.append(_Term(phrase, concept, degree, negated, matched_as, place + k, full))
        elif token not in FILLERS:
            unknown.append(token)
        if concept is not None or token not in FILLERS:
            degree, negated, before = 1.0, False, []
        k += span
    return terms, unknown


def _head(terms: list[_Term]) -> str | None:
    """Slot of a phrase's head, its last noun; None without a noun."""
    nouns = [i.concept for i in terms if i.concept.slot in _NOUNS and i.words not in ROOM_ADJECTIVES and not i.negated]
    if any(c.slot == "thing" for c in nouns) and nouns[-1].slot == "material":
        return "thing"
    return nouns[-1].slot if nouns else None


def _apply_phrase(state: _State, role: str, terms: list[_Term]) -> None:
    head = _head(terms)
    if head == "room" and role != "beneath":
        role = "room"
    elif head == "striker" or (role == "striker" and head in ("thing", "material")):
        role = "striker"
    elif role != "beneath":
        role = "struck"
    nouned = head in ("thing", "material")
    for term in terms:
        slot = term.concept.slot
        if role == "room" and slot not in ("room", "size"):
            state.explain(term, "of the room: no effect")
        elif slot == "room" or (slot == "material" and term.negated) or slot in ("pitch", "ring", "damping", "hollow"):
            _apply_global(state, term)
        elif role == "room" and slot == "size":
            state.add("room", 0.2 * term.value)
            state.explain(term, "a larger room" if term.value > 0 else "a smaller room")
        elif role == "striker":
            _apply_striker(state, term, terms)
        elif role == "beneath":
            _apply_surface(state, term)
        else:
            _apply_object(state, term, nouned)


def _apply_global(state: _State, term: _Term) -> None:
    """Apply rooms, qualities of the sound and excluded materials, in whatever phrase they occur."""
    concept = term.concept
    if concept.slot == "material":
        state.material[concept.name] = 0.0
        state.explain(term, f"not {concept.name}")
    elif concept.slot == "room":
        value = -1.0 if term.negated else concept.value
        state.values["room"] = min(1.0, max(-1.0, value + state.values.get("room", 0.0)))
        state.explain(term, "no room" if value <= -1.0 else "in the open" if value < -0.7 else f"room: {concept.name}")
    elif concept.slot == "hollow":
        state.values["hollow"] = abs(concept.value - 1.0) if term.negated else concept.value
        state.explain(term, "hollow" if state.values["hollow"] else "solid")
    else:
        state.add(concept.slot, term.value)
        poles = {"pitch": ("higher", "lower"), "ring": ("rings longer", "rings shorter"), "damping": ("damped", "free")}
        state.explain(term, poles[concept.slot][0 if term.value > 0 else 1])


def _apply_striker(state: _State, term: _Term, terms: list[_Term]) -> None:
    concept = term.concept
    materials = [i.concept.name for i in terms if i.concept.slot == "material" and not i.negated]
    if term.negated and concept.slot != "hardness":
        state.explain(term, "left out: no effect")
    elif concept.slot in ("striker", "thing"):
        kind = concept.name if concept.slot == "striker" else "thing"
        if concept.slot == "thing" and _head(terms) == "striker":
            return state.explain(term, "says which striker")
        state.striker = kind
        made_of = materials or (list(concept.material)[:1] if concept.slot == "thing" else [])
        own = concept.value if concept.slot == "striker" else 0.3
        state.add("hardness", own + sum(MATERIAL_HARDNESS.get(name, 0.0) for name in made_of))
        state.explain(term, f"struck with a {term.matched_as or term.words}")
    elif concept.slot == "hardness":
        state.add("hardness", term.value)
        state.explain(term, "a harder striker" if term.value > 0 else "a softer striker")
    elif concept.slot == "material":
        if not any(i.concept.slot in ("striker", "thing") for i in terms):
            state.striker = state.striker or "thing"
            state.add("hardness", MATERIAL_HARDNESS.get(concept.name, 0.0))
        state.explain(term, f"striker of {concept.name}")
    else:
        state.add("hardness", -0.1 * term.value)
        state.explain(term, "a heavier striker" if term.value > 0 else "a lighter striker")
    return None


def _apply_surface(state: _State, term: _Term) -> None:
    names = term.concept.material
    if names and not term.negated:
        name = max(names, key=lambda key: names[key])
        state.add("damping", SURFACE_DAMPING.get(name, 0.1))
        state.explain(term, f"touches {name}, which damps it")
    else:
        state.explain(term, "of what it touches: no effect")


def _apply_ground(state: _State, terms: list[_Term]) -> None:
    """What steps strike: its material, and its word, by which sounds are named."""
    for term in terms:
        concept = term.concept
        if concept.slot in ("material", "thing") and not term.negated:
            state.ground += [singular(term.matched_as or term.words), *concept.material]
            for name, weight in concept.material.items():
                state.material[name] = max(state.material.get(name, 0.0), weight)
            state.explain(term, f"steps on {term.matched_as or term.words}")
        elif concept.slot != "step":
            _apply_phrase(state, "struck", [term])


def _name_steps(state: _State) -> list[str]:
    """Names of footsteps on what is stepped on, the most telling word last."""
    ground = [*state.ground, *(name for name, weight in state.material.items() if weight)]
    return [f"footstep {word}" for word in dict.fromkeys(ground)] or ["footstep"]


def _apply_object(state: _State, term: _Term, nouned: bool) -> None:
    concept = term.concept
    if concept.slot == "length":
        state.size_m, state.size_factor = concept.value, 1.0
        state.explain(term, f"about {concept.value:g} m in size")
    elif term.negated and concept.slot == "thing":
        state.explain(term, "left out: no effect")
    elif concept.slot == "material":
        state.material[concept.name] = 1.0
        state.ground.append(singular(term.matched_as or term.words))
        state.explain(term, f"made of {concept.name}")
    elif concept.slot == "step":
        state.explain(term, "footsteps: what is stepped on sounds")
    elif concept.slot == "thing":
        state.usual_material = dict(concept.material)
        state.things.append(concept.name)
        if math.isnan(state.size_m):
            state.size_m = concept.size_m
        state.values.setdefault("hollow", concept.value)
        made = max(state.usual_material, key=lambda name: state.usual_material[name])
        state.explain(term, f"{concept.name}: about {concept.size_m:g} m, usually {made}")
    elif concept.slot in ("size", "weight"):
        state.size_factor *= 2.0**term.value
        state.add("pitch", -0.25 * term.value)
        state.explain(term, "larger" if term.value > 0 else "smaller")
    elif concept.slot == "thick":
        state.add("pitch", 0.2 * term.value)  # bending waves: frequency goes as the thickness
        if term.value < 0:
            state.values.setdefault("hollow", 1.0)
        state.explain(term, "thick walls: higher modes" if term.value > 0 else "thin walls: lower modes")
    elif nouned:
        state.add("damping", -0.3 * term.value)
        state.explain(term, "stiff: less damped" if term.value > 0 else "yielding: more damped")
    else:
        state.add("hardness", term.value)
        state.explain(term, "a harder blow" if term.value > 0 else "a softer blow")


def _to_attributes(state: _State) -> Attributes:
    material = dict(state.material)
    if not any(material.values()):
        usual_material = {name: weight for name, weight in state.usual_material.items() if material.get(name) != 0.0}
        material |= {name: weight / max(usual_material.values()) for name, weight in usual_material.items()}
    size_m = state.size_m
    if state.size_factor != 1.0:
        size_m = (DEFAULT_SIZE_M if math.isnan(size_m) else size_m) * state.size_factor
    if not math.isnan(size_m):
        size_m = min(MAX_SIZE_M, max(MIN_SIZE_M, size_m))
    values = {name: value for name, value in state.values.items() if name != "hardness" or value or state.striker}
    ordered = {name: material[name] for name in MATERIALS if name in material}
    return Attributes(ordered, size_m, striker=state.striker, **values)


def _match_names(full: list[str], names: list[set[str]], wanted: tuple[str, ...]) -> np.ndarray:
    """Fit of each entry's name to the best of the wanted objects, 0 to 1, [N]: by spelling, or by word embeddings."""
    parts = [[singular(word) for word in thing.split()] for thing in wanted]
    spelt = [max(1.0 if set(p) <= words else 0.8 if p[-1] in words else 0.0 for p in parts) for words in names]
    near = phrase_similarity([re.sub(r"[\d_,]+", " ", name.lower()).strip() for name in full], list(wanted))
    result: np.ndarray = np.maximum(np.array(spelt), 0.6 * np.clip(near, 0.0, 1.0))
    return result
