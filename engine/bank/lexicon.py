"""Lexicon of struck objects: words for materials, objects, strikers, rooms and qualities, each with its meaning.

Material weights and sizes are our own estimates for everyday objects. Words that are not here are matched by spelling
or by word embeddings (``engine.bank.text.word_matching``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

MATERIAL_WORDS = """
metal: metal metallic iron steel aluminium aluminum brass copper bronze tin silver gold chrome
metal: lead titanium zinc nickel alloy pewter tungsten stainless platinum chromium metals tinny steely golden
wood: wood wooden timber oak pine maple birch spruce plywood bamboo hardwood walnut mahogany
wood: teak woody lumber cedar ebony willow cork balsa beech redwood cherrywood rosewood ply
glass: glass glassy crystal pyrex fiberglass fibreglass vitreous
ceramic: ceramic porcelain china clay earthenware stoneware terracotta pottery tiled faience enamel glazed
plastic: plastic acrylic pvc nylon polystyrene vinyl perspex polyethylene
plastic: plexiglass polymer bakelite resin synthetic polycarbonate plastics celluloid
rock: rock stone granite marble slate sandstone stony rocky
rock: limestone basalt pebbly quartz mineral cobblestone flint obsidian
concrete: concrete cement brick asphalt mortar tarmac masonry stucco
drywall: drywall plasterboard plaster gypsum
carpet: carpet carpeted rug
cloth: cloth fabric cotton wool felt denim textile silk canvas linen
cloth: leather velvet polyester lace satin textiles garment fur suede fleece
paper: paper cardboard carton papery parchment tissue
rubber: rubber rubbery latex silicone neoprene elastic
skin: skin flesh body
floor: floor flooring floorboard parquet linoleum
food: food edible
ground: ground soil earth sand gravel grass dirt snow mud leaves turf lawn dust mulch leaf ice hay
water: water wet liquid
membrane: membrane drumhead
"""

# Names: weights of materials; usual size in m; 1 hollow or 0 solid.
THING_WORDS = """
bottle: glass .7 plastic .3; .25; 1
jar, flask, vial, decanter, beaker, test tube: glass 1; .15; 1
glasses, goblet, tumbler, wineglass, wine glass, drinking glass, champagne glass, chalice: glass 1; .14; 1
window, aquarium, pane, windowpane, screen: glass 1; .8; 0
mirror: glass 1; .6; 0
lightbulb, light bulb: glass 1; .1; 1
marbles: glass 1; .016; 0
vase: glass .5 ceramic .5; .25; 1
cup, urn, pitcher: ceramic .6 plastic .4; .09; 1
mug, teacup, coffee cup, urn, pitcher: ceramic 1; .09; 1
bowl: ceramic .6 metal .4; .18; 1
plate, saucer, dish, crockery: ceramic 1; .24; 0
teapot: ceramic 1; .2; 1
tile, roof tile: ceramic 1; .2; 0
flowerpot, flower pot: ceramic 1; .25; 1
sink, washbasin: ceramic 1; .5; 1
bathtub: metal .6 ceramic .4; 1.5; 1
can, tin can, soda can, tincan: metal 1; .12; 1
pan, frying pan, skillet, wok: metal 1; .28; 0
pot, saucepan, kettle, cauldron: metal 1; .22; 1
bucket, pail: metal .6 plastic .4; .3; 1
trash can, dustbin, bin, garbage can, trashcan, dumpster: metal 1; .7; 1
barrel, oil drum, steel drum: metal .6 wood .4; .9; 1
pipe, tube: metal .8 plastic .2; .8; 1
bell, handbell, doorbell: metal 1; .12; 1
church bell: metal 1; 1; 1
cowbell: metal 1; .15; 1
gong, tamtam, trumpet, horn: metal 1; .8; 0
cymbal, hi-hat: metal 1; .45; 0
triangle: metal 1; .18; 0
chime, chimes, wind chime: metal 1; .3; 1
glockenspiel, vibraphone: metal 1; .2; 0
anvil: metal 1; .5; 0
rail, railing, girder, beam, fence, gate: metal .8 wood .2; 2; 0
locker, cabinet, radiator, filing cabinet: metal 1; 1; 1
hubcap, wheel: metal 1; .4; 0
car, car door, motorcycle, bicycle, engine, cage, hood, bonnet, truck: metal 1; 1.5; 1
sword, blade, knife, dagger, spear, hatchet: metal 1; .5; 0
fork, cutlery: metal 1; .2; 0
wrench, spanner, screwdriver, tool, pliers: metal 1; .2; 0
nail, screw, bolt, nut: metal 1; .04; 0
chain: metal 1; .5; 0
coins, penny, pennies: metal 1; .02; 0
tray, baking tray, cookie sheet, lid, pot lid: metal 1; .35; 0
sheet, sheet metal, metal sheet: metal 1; 1; 0
safe, vault: metal 1; .8; 1
table, desk, bench: wood 1; 1.2; 0
chair, stool: wood 1; .6; 0
door: wood .9 metal .1; 2; 0
cupboard, drawer, wardrobe, shelf, bookcase, furniture: wood 1; .9; 1
box, crate, chest: wood .7 paper .3; .4; 1
plank, board, lath, log: wood 1; 1; 0
pole, post: wood .6 metal .4; 1.5; 0
woodblock, wood block, claves, xylophone, marimba, block: wood 1; .2; 0
guitar, violin, piano, cello, fiddle: wood 1; .9; 1
tree, trunk, branch: wood 1; 2; 0
bat, baseball bat: wood 1; .8; 0
drum, snare, tabla, conga, bongo, tom, tambourine, kick drum, timpani: membrane 1; .4; 1
balloon: rubber 1; .3; 1
ball: rubber .6 plastic .4; .15; 1
ping pong ball, table tennis ball: plastic 1; .04; 1
tire, tyre: rubber 1; .6; 1
boot, shoe, sole: rubber .6 cloth .4; .3; 0
jug, canister, jerrycan, tupperware, container: plastic 1; .3; 1
keyboard, keycap: plastic 1; .3; 0
toy, lego, dice, die: plastic 1; .05; 0
bag: plastic .5 paper .5; .35; 1
brush, hairbrush, comb: plastic 1; .2; 0
helmet: plastic 1; .3; 1
book, magazine, envelope, diary, newspaper, notebook: paper 1; .25; 0
cards, deck of cards: paper 1; .09; 0
cardboard box, parcel: paper 1; .4; 1
wall: drywall .7 concrete .3; 3; 0
ceiling: drywall 1; 3; 0
sidewalk, pavement, road, curb, street: concrete 1; 3; 0
pebble: rock 1; .03; 0
boulder, cliff: rock 1; 2; 0
slab, gravestone, statue: rock 1; .8; 0
pillow, cushion, sofa, couch, mattress: cloth 1; .5; 0
curtain, towel, sweater, coat, dress, scarf, quilt, trousers, blanket, shirt, jacket, jeans: cloth 1; .5; 0
doormat, mat: carpet 1; .6; 0
thigh, belly, cheek, face, arm: skin 1; .3; 0
apple, carrot, onion, orange, banana, cheese, cake, fruit: food 1; .2; 0
vegetable, cabbage, lettuce, pumpkin, melon, potato, bread, meat, watermelon: food 1; .2; 0
puddle, pool, pond: water 1; 1; 0
stairs, stair, deck: wood 1; 1; 0
"""

# Kind: words; hardness, -1 soft to 1 hard.
STRIKER_WORDS = """
stick: twig stick drumstick sticks chopstick rod cane wand baton; .3
hammer: hammer sledgehammer crowbar pickaxe axe; .7
mallet: mallet beater; -.4
hand: hand palm slap pat finger fingers fingertip fingertips tap; -.6
fist: boxing fist punch knuckle knuckles; -.5
thing: spoon coin key foot fingernail fingernails pencil pen needle ruler; .3
"""

STEP_WORDS = """
footstep footsteps footfall footfalls step steps walk walking run running jog jogging stomp stomping tread treading
march marching tiptoe tiptoeing heel heels
"""
"""Steps: what is stepped on is what sounds."""

ROOM_WORDS = """
-1: dry anechoic outdoors outside roomless
-.8: beach meadow backyard courtyard woods field garden yard park forest
-.6: booth closet studio tent
-.3: bedroom office attic
-.1: lounge library apartment chamber kitchen room classroom indoors
.2: bathroom toilet shower restroom washroom
.3: garage basement cellar workshop hallway corridor stairwell gym
.5: lobby ballroom arena warehouse hall auditorium theatre theater factory gymnasium
.7: chapel temple cavern dungeon church tunnel hangar stadium cave reverberant echoing reverb echo echoey
1: cathedral basilica
"""
"""Reverberation, -1 dry to 1 large hall: words of that value; phrases of two words are in ROOM_PHRASES."""

ROOM_PHRASES = {
    "dead room": -1.0, "open air": -0.8, "living room": -0.1, "tiled room": 0.2, "concert hall": 0.7,
    "parking garage": 0.7, "swimming pool": 0.6,
}  # fmt: skip

QUALITY_WORDS = """
size -1: small little compact short petite
size -2: microscopic tiny mini miniature minuscule
size 1: large big sizable tall wide
size 2: colossal immense vast huge giant enormous massive gigantic
weight -.7: light lightweight
weight .7: heavy hefty weighty
thick -1: flimsy slender thin delicate fragile slim
thick 1: thick sturdy stout
hollow 1: vacant hollow empty
hollow 0: solid full filled massy
hardness -.7: tender plush cushioned soft padded gentle gently softly muffling fuzzy
hardness .7: firm tough hard stiff rigid
damping .7: damped muffled muted dampened held stuffed choked damp
damping -.6: undamped free hanging suspended
pitch -.7: gloomy bass low deep bassy dark low-pitched rumbling
pitch .7: treble high bright shrill piercing high-pitched sharp tinkling
ring .7: ring ringy lingering resonance ringing resonant sustained long lasting singing sonorous reverberating
ring -.7: lifeless dull dead thud clunk thuddy staccato brief
"""


@dataclass(frozen=True)
class Concept:
    """The meaning of a word."""

    slot: str  # "material", "thing", "striker", "room", "step" or a quality: "size", "weight", "thick", "hollow", ...
    name: str  # the material, thing, room or quality; a striker's kind
    value: float = math.nan  # thing: 1 hollow, 0 solid; striker: hardness -1 to 1; room, quality: how much
    material: Mapping[str, float] = field(default_factory=dict)  # weights, of a material or thing
    size_m: float = math.nan  # usual size, of a thing


@functools.cache
def load_lexicon() -> Mapping[str, Concept]:
    """Meaning of every word and phrase, in lower case with spaces."""
    found: dict[str, Concept] = {}
    for line in _lines(THING_WORDS):
        names, rest = line.split(":")
        materials, size, hollow = (part.split() for part in rest.split(";"))
        weights = {name: float(weight) for name, weight in zip(materials[::2], materials[1::2], strict=True)}
        for name in names.split(","):
            word = name.strip().replace("-", " ")
            found[word] = Concept("thing", word, float(hollow[0]), weights, float(size[0]))
    for line in _lines(ROOM_WORDS):
        value, words = line.split(":")
        found |= {word: Concept("room", word, float(value)) for word in words.split()}
    found |= {phrase: Concept("room", phrase, value) for phrase, value in ROOM_PHRASES.items()}
    for line in _lines(STRIKER_WORDS):
        kind, rest = line.split(":")
        words, hardness = rest.split(";")
        found |= {word: Concept("striker", kind, float(hardness)) for word in words.split() if word not in found}
    found |= {word: Concept("step", "footstep") for word in STEP_WORDS.split()}
    for line in _lines(MATERIAL_WORDS):
        name, words = line.split(":")
        found |= {word: Concept("material", name, material={name: 1.0}) for word in words.split()}
    for line in _lines(QUALITY_WORDS):
        head, words = line.split(":")
        slot, value = head.split()
        found |= {word.replace("-", " "): Concept(slot, word, float(value)) for word in words.split()}
    return found


def _lines(table: str) -> list[str]:
    return [line for line in table.strip().splitlines() if line.strip()]


@functools.lru_cache(maxsize=8192)
def typical_size_m(name: str) -> float:
    """Usual size of an object with a name such as "Wine glass 2", from the lexicon; NaN where unknown."""
    lexicon = load_lexicon()
    words = [word for word in name.lower().replace("_", " ").replace(",", " ").split() if word.isalpha()]
    for length in (3, 2, 1):
        for start in range(len(words) - length, -1, -1):
            concept = lexicon.get(" ".join(words[start : start + length]))
            if concept is not None and concept.slot == "thing":
                return concept.size_m
    return math.nan


def singular(word: str) -> str:
    """A word without its plural ending, as far as the lexicon or regular spelling allow."""
    lexicon = load_lexicon()
    if word in lexicon:
        return word
    for ending, instead in (("ies", "y"), ("ves", "fe"), ("ves", "f"), ("es", ""), ("s", "")):
        stem = word.removesuffix(ending) + instead
        if word.endswith(ending) and stem in lexicon:
            return stem
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
