"""Labelled pictures of materials: sheets of texture tiles, and photographs in a folder a class.

Both show materials without hits. Textures are previews of ambientCG, photographs those of TrashNet (Yang and Thung,
2016); the data folder states their sources and licences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from engine.core.errors import BadInput

TILE, LEFT, TOP, COLUMN, ROW = 128, 16, 16, 144, 176
"""Side of a tile, the first tile's corner, and the distance between tiles of a sheet, in pixels."""
TEXTURES = {
    "metal": ("Chainmail", "CorrugatedSteel", "DiamondPlate", "Foil", "Metal", "Rust"),
    "wood": ("Bamboo", "Bark", "Chipboard", "Logs", "Planks", "Wood", "WoodFloor", "WoodSiding"),
    "ceramic": ("GlazedTerracotta", "Porcelain", "RoofingTiles", "Tiles"),
    "plastic": ("Plastic",),
    "rock": ("Granite", "Marble", "Onyx", "PavingStones", "Rock", "Rocks", "Travertine"),
    "concrete": ("Asphalt", "Bricks", "Concrete", "Road"),
    "drywall": ("Plaster", "Wallpaper"),
    "carpet": ("Carpet",),
    "cloth": ("Fabric",),
    "paper": ("Cardboard", "Paper"),
    "rubber": ("Rubber",),
    "ground": (
        "Grass", "Gravel", "Ground", "Moss", "PineNeedles", "ScatteredLeaves", "Snow", "TireTracks", "WoodChips",
    ),
}  # fmt: skip
"""Sheets by material; those of no one material (Cork, Net, Paint, SolarPanel …) are left out."""
PHOTOGRAPHS = {"glass": "glass", "metal": "metal", "plastic": "plastic", "paper": "paper", "cardboard": "paper"}
"""Folders of photographs, and their material."""


@dataclass(frozen=True, eq=False)
class MaterialPicture:
    """A picture of one material: ``pixels`` uint8 [H, W, 3], ``source`` the sheet or folder that it is of."""

    material: str
    source: str
    pixels: np.ndarray


def read_material_pictures(data: Path) -> Iterator[MaterialPicture]:
    """All labelled pictures in a folder of data, in a fixed order; BadInput where it holds none."""
    sheets = [(m, data / "pictures/ambientcg" / f"{name}.webp") for m, names in TEXTURES.items() for name in names]
    folders = [(m, data / "pictures/trashnet" / name) for name, m in PHOTOGRAPHS.items()]
    if not any(path.is_file() for _, path in sheets) and not any(path.is_dir() for _, path in folders):
        raise BadInput(f"{data} holds no pictures/ambientcg and no pictures/trashnet; give another folder with --data")
    for material, path in sheets:
        if path.is_file():
            yield from (MaterialPicture(material, path.stem, tile) for tile in read_tiles(path))
    for material, folder in folders:
        for path in sorted(folder.glob("*.jpg")):
            with Image.open(path) as image:
                yield MaterialPicture(material, folder.name, np.asarray(image.convert("RGB")))


def read_tiles(path: Path) -> Iterator[np.ndarray]:
    """Tiles uint8 [TILE, TILE, 3] of a sheet, row by row; empty places, of one colour, are left out."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    for y in range(TOP, pixels.shape[0] - TILE + 1, ROW):
        for x in range(LEFT, pixels.shape[1] - TILE + 1, COLUMN):
            tile = pixels[y : y + TILE, x : x + TILE]
            if np.ptp(tile.astype(int), axis=(0, 1)).max() > 4:
                yield tile
