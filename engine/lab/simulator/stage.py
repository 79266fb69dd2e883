"""The simulated scene as data: surface, things, strikers, lamps, level of detail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.lab.simulator.materials import Colour

STEP_S = 0.0005


@dataclass(frozen=True)
class Paint:
    """A texture: its pattern, two colours (RGB, 0 to 1) and the seed of its details."""

    pattern: str
    colour: Colour
    second: Colour
    seed: int


@dataclass(frozen=True)
class Thing:
    """An object: ``half_m`` its half extents, ``at_m`` its centre, ``held`` fixed, rocking or loose.

    Shapes: box, cylinder, sphere, ellipsoid, capsule (along z), lathe (``profile_m``: radius and height pairs from its
    bottom up). A loose thing is let go at ``release_s`` with its velocity and spin.
    """

    material: str
    shape: str
    half_m: tuple[float, float, float]
    at_m: tuple[float, float, float]
    yaw_rad: float
    paint: Paint
    held: str = "fixed"
    rock_hz: float = 6.0
    release_s: float = 0.0
    velocity_m_per_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spin_rad_per_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tilt_rad: tuple[float, float] = (0.0, 0.0)
    profile_m: tuple[tuple[float, float], ...] = ()
    scenery: bool = False

    @property
    def size_m(self) -> float:
        """Greatest extent."""
        return 2.0 * max(self.half_m)


@dataclass(frozen=True)
class Striker:
    """A stick, hammer, mallet, hand or fist, held at its own origin and pointing along its x axis.

    ``reach_m`` is from the grip to the middle of what strikes, ``tip_m`` from there to the surface struck,
    ``tip_kg`` the mass felt there; ``elbow`` points from the grip along the forearm.
    """

    kind: str
    material: str
    reach_m: float
    tip_m: float
    thick_m: float
    tip_kg: float
    colour: Colour
    skin: Colour
    sleeve: Colour
    elbow: tuple[float, float, float]
    bare: bool = False


@dataclass(frozen=True)
class Mover:
    """A visual body that moves from one place to another: a hand that lets go, or a passer-by."""

    shape: str
    half_m: tuple[float, float, float]
    colour: Colour
    sleeve: Colour
    from_m: tuple[float, float, float]
    to_m: tuple[float, float, float]
    start_s: float
    stop_s: float

    def place_at(self, time_s: float) -> np.ndarray:
        """Position at a time, [3], with a smooth start and stop."""
        s = min(max((time_s - self.start_s) / max(self.stop_s - self.start_s, 1e-6), 0.0), 1.0)
        start, stop = np.array(self.from_m), np.array(self.to_m)
        return np.asarray(start + (3 * s**2 - 2 * s**3) * (stop - start))


@dataclass(frozen=True)
class Lamp:
    """A light: position or, if directional, the direction it comes from; colour, and whether it casts shadows."""

    at_m: tuple[float, float, float]
    colour: Colour
    shadow: bool
    directional: bool


@dataclass(frozen=True)
class Quality:
    """Level of detail: sides of textures and of the shadow map in pixels, samples a pixel, facets of round shapes."""

    texture_px: int = 192
    shadow_px: int = 512
    samples: int = 0
    lathe_sides: int = 32
    slices: int = 16
    stacks: int = 8


@dataclass(frozen=True)
class Stage:
    """The whole scene. The surface lies at z = 0; a table has a floor ``drop_m`` below it.

    ``reflectance`` (0 to 1) is the strength of the surface's mirror image. ``litter`` counts small flat things that lie
    about, such as twigs, leaves, scraps and pens; they are visual only.
    """

    ground: str
    ground_paint: Paint
    repeat: float
    table_half_m: tuple[float, float] | None
    drop_m: float
    floor: str
    floor_paint: Paint
    wall_paint: Paint
    wall_y_m: float
    things: tuple[Thing, ...]
    strikers: tuple[Striker, ...]
    lamps: tuple[Lamp, ...]
    ambient: Colour
    sky: Colour
    fov_deg: float
    movers: tuple[Mover, ...] = ()
    litter: int = 0
    reflectance: float = 0.0
    quality: Quality = Quality()
