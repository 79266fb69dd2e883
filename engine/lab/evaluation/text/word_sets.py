"""Test words for the parser: synonyms that are not in the lexicon, unrelated words, and whole descriptions.

``CHOSEN`` was used to tune the threshold of similarity; ``UNSEEN`` was written afterwards and is held out.
"""

from __future__ import annotations

CHOSEN = """
material metal: wrought iron, galvanized, stainless steel, metalwork
material wood: ash wood, log cabin, lumberyard, woodwork, wood panel
material glass: stained glass, translucent glass
material ceramic: ceramics, kiln
material rock: cobblestones, rocks, gravelstone, minerals
material concrete: bricks, concrete block
material ground: clay soil, dusty, terrain, muddy
material glass: wine bottle, beer bottle, perfume bottle
material ceramic: coffee mug, soup bowl, dinner plate
material metal: pots and pans, lamp post, canteen, casserole
material wood: bookshelf, wooden door, oak tree, gatepost
material membrane: drum kit, bass drum, snare drum, drums
material paper: playing cards, novel, pamphlet
material drywall: partition wall, walls
striker hand: thumb, palms, wrist
striker fist: punching
striker hammer: hammering, hammers
striker stick: drumsticks, walking stick
room +: opera house, theatre hall, cathedrals, halls
room 0: dining room, hotel room, washroom stall
room -: woodland, grassland
size -: smaller, smallest, pocket-sized, smallish
size +: larger, biggest, enormously, oversized, grand
hardness -: softer, softest
hardness +: harder, rigidly
pitch -: lower, deeper
pitch +: higher, brighter, sharply
ring +: longer, sustaining, resonating
ring -: deadened, duller
damping +: dampening, muting
thick -: thinner, thinly
thick +: thicker, thickness
"""

UNSEEN = """
material metal: chromed, irons, ironwork, copper wire, metal rod, tin roof, scissors, harp, razor, bullet, cannon
material metal: steel door, brass bell, railway, tractor, shield, armor, saxophone, metal shed
material wood: wooden floor, broom, ladder, barn, cottage, raft, boat, wooden spoon rest, bamboo pole, sofa frame
material glass: glassware, lens, greenhouse, chandelier, glass jar, water glass
material ceramic: dishes, bricks and tiles, mosaic, tea cup, porcelain doll
material plastic: plastic bucket, plastic wrap, plastic chair, toys, hose
material rock: stones, rock face, granite slab, gems, pebbles
material concrete: bunker, concrete wall, dam
material cloth: cloths, clothes, skirt, sail, socks, pants, woolen, bed sheet, pillowcase
material paper: papers, paper bag, letter, poster, novel pages, map
material rubber: rubber duck, tires, rubber ball, boots
material ground: sandy, muddy ground, grassy, snowy, beach sand, soil
material food: tomato, chicken, bacon, rice, soup, pizza, nuts, egg
material water: waters, river, lake, ocean, sea, rain
material skin: skinny arm, leg, shoulder, body slap
striker hand: hands, touch, fingertip tapping
striker stick: sticks, batons
striker hammer: sledgehammers
room +: churches, palace, monastery, museum, mosque, caves
room 0: rooms, restaurant, house, hotel, school, shop, kitchens, basement room
room -: forests, open field, mountain, desert, countryside, roof
size -: tinier, little bit small, minor, narrow
size +: large-scale, gigantic, greatly, extensive, big
hardness -: softened, gently
hardness +: solidly hard, harsh, strict
pitch -: lowest, deepest, darker
pitch +: highest, brightest, sharper
ring +: rings, ringing out, lengthy, permanent
ring -: boring, dully, silent
damping +: dampened, quiet
thick +: thickest, dense
thick -: thinnest
hollow 1: emptied, hollowness
"""

UNRELATED_CHOSEN = """
democracy tuesday seven quickly philosophy marketing yesterday happy sadness algorithm politics monday because
believe money internet software president history language music love angry beautiful important government economy
theory science religion birthday holiday email website password voting tax january future dream idea opinion
justice freedom law doctor teacher student king queen elephant blue red yellow funny lonely elegant expensive cheap
french german twelve million however although maybe perhaps nevertheless asdf qwerty xyzzy blorp flimflam foobar
snorkel unicorn ghost angel virus protein gravity quantum equation movie football marathon jazz symphony vacation
passport marriage divorce hunger sleep remember forget download upload tweet bitcoin mortgage strategy synergy
leadership
"""

UNRELATED_UNSEEN = """
wednesday eight slowly ethics advertising tomorrow sad joy function election friday therefore suppose finance
network hardware minister culture grammar painting hate calm ugly essential parliament industry hypothesis physics
faith wedding festival letterhead homepage username ballot customs march past nightmare notion verdict courage
rights nurse pupil prince duke giraffe violet orange-ish purple comic lonesome fancy costly bargain spanish italian
eleven billion moreover whereas probably surely hjkl zxcvb plugh wibble frobnicate goblin wizard demon bacteria
enzyme entropy neutron matrix sitcom hockey triathlon blues sonata journey visa engagement lawsuit thirsty awake
recall ignore install delete blog dollar pension tactic agenda manager sincerely consciousness tendency average
percent
"""

SENTENCES = {
    "thin glass bottle, wooden stick, small bathroom": "material=glass size_m<0.4 hollow=1 striker=stick room<0.2",
    "a heavy metal pipe struck with a rubber mallet in a cathedral": "material=metal striker=mallet hardness<0 room=1",
    "not metallic, hollow": "material!metal hollow=1",
    "cowbell, no reverb": "material=metal room=-1",
    "a very small wooden box lying on carpet": "material=wood size_m<0.3 damping>0",
    "hammer on anvil": "material=metal striker=hammer hardness>0",
    "galss botle, woden stik": "material=glass striker=stick",
    "30 cm steel plate": "material=metal size_m=0.3",
    "PLASTIC BOTTLE WITHOUT ROOM": "material=plastic room=-1",
    "dull thud, low, damped": "ring<0 pitch<0 damping>0",
    "stick of wood on a stone": "material=rock striker=stick",
    "porcelain mug, metal spoon, kitchen": "material=ceramic striker=thing hardness>0 room<0.2",
    "non-metallic bowl": "material!metal material=ceramic",
    "bathroom tile, knuckles": "material=ceramic striker=fist",
    "wooden bowl filled with water": "material=wood damping>0",
    "a long ringing church bell in the distance, outdoors": "material=metal ring>0 room=-1",
    "hollow log hit with a soft felt mallet": "material=wood hollow=1 striker=mallet hardness<0",
    "big drum by hand": "material=membrane size_m>0.5 striker=hand",
    "bottle, not glass": "material!glass material=plastic",
    "neither glass nor metal": "material!glass material!metal",
    "slightly damped cymbal": "material=metal damping<0.5 damping>0",
}
"""Descriptions and the attributes expected: = equal, < less, > more, ! is not the likeliest material."""
