"""Attributes of a recording by its file name: a readable name, material, usual size, hollow or solid, striker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.diffusion.conditioning import name_material

NO_HITS = re.compile(r"chi?ri?ping|comping|spitting|doorbell|shortphrase|wind_chimes")
"""Recordings listed as single hits in which nothing is struck once."""

_MATERIAL_OF = (
    (r"eating", "food"), (r"cardboard|carboard", "paper"), (r"plastic_bottle|water_bottle|caps$|pvc", "plastic"),
    (r"tapping|hittingscreen", ""), (r"wood_ball_in_jar", "glass"), (r"plastic_denim", "cloth"),
)  # fmt: skip
"""Corrections of materials that the manifest misread from names: 'tin' in 'eating' is no metal."""

_LEADS = {
    "body_percussion": "Body, ", "kbsim": "Key, ", "dice_box": "Die on ", "kenney_impact": "", "minetest": "",
    "greatest_hits": "Drumstick on ",
}  # fmt: skip
_DROPPED = re.compile(r"^(impact|default_|doors_|dicehit_|surface_)(?=[a-z_])", re.IGNORECASE)

_THINGS = (
    (r"wine_?glass", 0.2, 1), (r"wine_bottle", 0.3, 1), (r"bottle|\bjug|_jug", 0.25, 1), (r"glass_cup|mug|cup", 0.1, 1),
    (r"coke_can|tin_?can|can_hit|falling_can", 0.12, 1), (r"trash|garbage|bare?l", 0.6, 1), (r"dumpster", 1.5, 1),
    (r"hub_?cap", 0.38, 0), (r"car_door", 1.0, 1), (r"door|slam|locker", 1.8, 0), (r"gong|^cym|_cymbal", 0.4, 0),
    (r"churchbell", 1.0, 1), (r"cowbell", 0.12, 1), (r"tiny_bell|bell_light", 0.03, 1), (r"bell", 0.1, 1),
    (r"chime", 0.3, 1), (r"pan_|_pan|fryingpan|cookie_sheet|cakelid|_lid|\bpot|_pot", 0.28, 1), (r"bowl", 0.2, 1),
    (r"cookie_?tin|impacttin", 0.2, 1), (r"conga|war_drum|drum_low", 0.5, 1), (r"tabla|hand_drum", 0.25, 1),
    (r"pipe|tube|pvc", 0.5, 1), (r"pennies|coin|caps", 0.02, 0), (r"nail", 0.06, 0), (r"wrench|key_on", 0.1, 0),
    (r"tile", 0.15, 0), (r"plate", 0.24, 0), (r"scrabble", 0.02, 0), (r"dicehit", 0.016, 0), (r"surface", 0.5, 0),
    (r"ping_pong", 0.04, 1), (r"yogaball", 0.6, 1), (r"balloon", 0.3, 1), (r"ball_bounc", 0.2, 1),
    (r"umbrella", 0.9, 0), (r"carddeck|cards|phone_card", 0.09, 0), (r"cardboard|carboard", 0.4, 1),
    (r"pumpkin", 0.3, 1), (r"anklung", 0.25, 1),
    (r"cabbage|lettuce", 0.2, 0), (r"wood_?block", 0.2, 1), (r"wood_box|plastic_box|container|jar", 0.25, 1),
    (r"board|plank|lath|2x4", 1.0, 0), (r"pole|stick|rail", 1.0, 0), (r"stool", 0.45, 0), (r"mortar", 0.15, 1),
    (r"footstep|stomp|heel", 2.0, 0), (r"belly|chest|shoulder", 0.3, 0), (r"cheek|head", 0.18, 1),
    (r"clap|snap", 0.1, 0), (r"chain", 0.5, 0), (r"kickstand", 0.25, 0), (r"press_|release_", 0.015, 1),
    (r"brick|stone|mining", 0.2, 0),
)  # fmt: skip
"""Pattern, usual size in metres, 1 hollow or 0 solid: estimates for such objects, not measurements."""

_STRIKERS = (
    (r"mallett?", "mallet"), (r"drum_low|conga|tabla|hand|slap|clap|snap|cheek|belly|shoulder|flick", "hand"),
    (r"punch|thump|fist|chest", "fist"), (r"hammer|mining", "hammer"), (r"drumming|stick|lath|greatest_hits", "stick"),
    (r"drop|bounc|falling|dice|ball|pennies|nail|ping_pong", "thing"),
)  # fmt: skip


@dataclass(frozen=True)
class NameAttributes:
    """Attributes read from a name; unknown ones are "", 0 or NaN."""

    name: str  # to show
    material: str
    size_m: float  # 0 where unknown
    hollow: float  # 1 hollow, 0 solid, NaN unknown
    striker: str


def read_name(path: Path, material: str) -> NameAttributes:
    """Attributes by a file's name and folder, with the manifest's ``material`` where no correction applies."""
    full = f"{path.parent.name}/{path.stem}".lower()
    own = path.stem.lower()
    own = re.sub(r"[\d_.\- ]+[a-z]?$", "", own)
    made_of = next((name for pattern, name in _MATERIAL_OF if re.search(pattern, own)), name_material(material))
    size_m, hollow = next(((s, float(h)) for pattern, s, h in _THINGS if re.search(pattern, own)), (0.0, float("nan")))
    striker = next((name for pattern, name in _STRIKERS if re.search(pattern, full)), "")
    return NameAttributes(_title(path), made_of, size_m, hollow, striker)


def _title(path: Path) -> str:
    """A file name as words without take numbers: "wine_glass_1_0" becomes "Wine glass"."""
    stem = re.sub(r"(_?(rr|vl|R)\d+)+$", "", path.stem)
    stem = re.sub(r"[\d_.\- ]+[a-z]?$", "", _DROPPED.sub("", stem))
    stem = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem)
    words = " ".join(re.split(r"[_\-+ ]+", stem)).strip().lower() or path.stem
    title = _LEADS.get(path.parent.name, "") + words
    return title[:1].upper() + title[1:]
