"""Materials of the simulator: appearance, contact parameters and names."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """Appearance and contact parameters of a material.

    ``colours`` are linear-ish RGB from which one is drawn and varied, ``patterns`` the textures it may have;
    ``damping`` (0 to 1) and ``settle_s`` are the damping ratio and time constant of its contact, so that a drop
    rebounds by about exp(-pi damping / sqrt(1 - damping^2)); ``reaction`` the data set's word for what a blow does.
    """

    name: str
    colours: tuple[Colour, ...]
    patterns: tuple[str, ...]
    specular: float
    damping: float
    settle_s: float
    density_kg_per_m3: float
    reaction: str = "static"


_BROWN: tuple[Colour, ...] = ((0.55, 0.34, 0.18), (0.78, 0.56, 0.33), (0.36, 0.21, 0.12), (0.86, 0.70, 0.50))
_ANY: tuple[Colour, ...] = ((0.75, 0.15, 0.13), (0.15, 0.32, 0.70), (0.15, 0.50, 0.25), (0.85, 0.75, 0.15),
                            (0.10, 0.10, 0.11), (0.90, 0.90, 0.88), (0.45, 0.25, 0.55), (0.90, 0.50, 0.15),
                            (0.30, 0.55, 0.60), (0.55, 0.55, 0.55))  # fmt: skip
_GREY: tuple[Colour, ...] = ((0.62, 0.63, 0.65), (0.40, 0.41, 0.43), (0.80, 0.80, 0.82), (0.25, 0.25, 0.27))
_EARTH: tuple[Colour, ...] = ((0.42, 0.36, 0.29), (0.55, 0.52, 0.47), (0.33, 0.30, 0.27), (0.62, 0.55, 0.45))

MATERIALS = {
    m.name: m
    for m in (
        Material("wood", _BROWN, ("wood", "wood", "planks", "plain"), 0.2, 0.22, 0.004, 650.0),
        Material("metal", (*_GREY, (0.75, 0.58, 0.30), (0.70, 0.42, 0.30)), ("brushed", "brushed", "plain"), 0.9, 0.14,
                 0.004, 7800.0),
        Material("glass", ((0.60, 0.85, 0.80), (0.75, 0.80, 0.85), (0.35, 0.60, 0.40), (0.55, 0.35, 0.15)),
                 ("plain",), 1.0, 0.16, 0.004, 2500.0),
        Material("ceramic", ((0.92, 0.91, 0.88), (0.70, 0.33, 0.20), (0.30, 0.45, 0.60), (0.85, 0.80, 0.60)),
                 ("plain", "stripes", "noise"), 0.6, 0.17, 0.004, 2300.0),
        Material("plastic", _ANY, ("plain", "plain", "print"), 0.5, 0.25, 0.005, 1050.0),
        Material("rock", (*_GREY, *_EARTH), ("speckle", "noise"), 0.1, 0.25, 0.004, 2650.0),
        Material("paper", ((0.72, 0.55, 0.36), (0.92, 0.91, 0.87), *_ANY), ("print", "print", "plain", "spines"), 0.05,
                 0.5, 0.008, 500.0),
        Material("cloth", _ANY, ("weave", "stripes", "noise", "checks"), 0.0, 0.85, 0.02, 120.0, "deform"),
        Material("carpet", (*_EARTH, *_ANY), ("speckle", "weave", "noise"), 0.0, 0.6, 0.012, 300.0),
        Material("drywall", ((0.88, 0.87, 0.83), (0.72, 0.76, 0.78), (0.85, 0.75, 0.60), (0.70, 0.25, 0.20)),
                 ("plain", "noise", "bricks"), 0.05, 0.35, 0.006, 720.0),
        Material("concrete", (*_GREY, (0.58, 0.56, 0.52)), ("noise", "speckle", "bricks"), 0.05, 0.2, 0.004, 2400.0),
        Material("gravel", (*_EARTH, *_GREY), ("speckle", "leaves"), 0.0, 0.8, 0.012, 1600.0, "scatter"),
        Material("leaf", ((0.25, 0.42, 0.13), (0.45, 0.33, 0.18), (0.52, 0.42, 0.25)), ("leaves",), 0.05, 0.85, 0.02,
                 90.0, "scatter"),
        Material("rubber", _ANY, ("plain", "stripes", "checks", "noise"), 0.2, 0.07, 0.012, 600.0),
        Material("skin", ((0.86, 0.64, 0.52), (0.72, 0.48, 0.36), (0.48, 0.30, 0.21), (0.92, 0.72, 0.62)), ("plain",),
                 0.1, 0.7, 0.008, 1000.0),
    )
}  # fmt: skip

GROUNDS = ("wood", "wood", "carpet", "concrete", "gravel", "leaf", "plastic", "cloth", "metal", "rock", "ceramic",
           "glass", "paper")  # fmt: skip
PROPS = ("wood", "metal", "glass", "ceramic", "plastic", "rock", "paper", "cloth", "drywall", "concrete")
