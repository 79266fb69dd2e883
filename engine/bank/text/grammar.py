"""Function words of a description: degrees, negations, prepositions and words without meaning here."""

from __future__ import annotations

DEGREES = {
    "very": 1.4, "extremely": 1.6, "really": 1.4, "super": 1.5, "quite": 0.9, "rather": 0.8, "fairly": 0.8,
    "somewhat": 0.6, "slightly": 0.5, "bit": 0.5, "barely": 0.3, "hardly": 0.3, "incredibly": 1.6, "mildly": 0.5,
}  # fmt: skip
NEGATIONS = frozenset({"not", "no", "non", "without", "never", "isn't", "lacking", "neither", "nor"})
FILLER_WORDS = """
a an the of and or is it its that this some like kind sort made hit struck strike striking by being as s to my your
there sound sounding sounds which one piece object noise please thing with from pair few several gets stands standing
any all much more most so too only just also very
"""
FILLERS = frozenset(FILLER_WORDS.split())
ROOM_MARKS, STRIKER_MARKS, SURFACE_MARKS = {"in", "inside", "within", "at"}, {"with", "by", "using", "via"}, {
    "on", "onto", "against", "upon", "over",
}  # fmt: skip
