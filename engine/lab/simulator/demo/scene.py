"""The simulator's stage: a table, objects of several materials and a drumstick, as a MuJoCo model."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.lab.simulator.lathe import make_lathe

STICK_LENGTH_M = 0.42
TIP_RADIUS_M = 0.013
STICK_YAW_RAD = math.radians(128.0)
"""Direction in which the stick points, seen from above; 90 degrees is straight away from the camera."""


@dataclass(frozen=True)
class Prop:
    """An object on the table: its profile (radius, height pairs from the bottom up), look and springiness."""

    name: str
    profile_m: tuple[tuple[float, float], ...]
    rgba: tuple[float, float, float, float]
    x_m: float
    sides: int = 96
    specular: float = 0.4
    shininess: float = 0.5
    reflectance: float = 0.0
    texture: str = ""
    rock_hz: float = 9.0

    @property
    def height_m(self) -> float:
        """Height of the face that is struck."""
        return max(height for _, height in self.profile_m)


STEEL_BIN = Prop(
    "Steel bin",
    ((0.0, 0.0), (0.088, 0.0), (0.093, 0.004), (0.093, 0.012), (0.089, 0.016), (0.082, 0.105), (0.084, 0.11),
     (0.084, 0.118), (0.080, 0.121), (0.072, 0.119), (0.0, 0.119)),
    (0.74, 0.76, 0.79, 1.0), -0.27, specular=0.95, shininess=0.85, texture="steel",
)  # fmt: skip
WOODEN_BLOCK = Prop(
    "Wooden block",
    ((0.0, 0.0), (0.103, 0.0), (0.106, 0.004), (0.106, 0.058), (0.101, 0.063), (0.0, 0.063)),
    (0.80, 0.52, 0.29, 1.0), 0.0, sides=4, specular=0.15, shininess=0.2, texture="wood",
)  # fmt: skip
GLASS_JAR = Prop(
    "Glass jar",
    ((0.0, 0.0), (0.062, 0.0), (0.070, 0.008), (0.070, 0.098), (0.063, 0.112), (0.052, 0.118), (0.052, 0.128),
     (0.056, 0.130), (0.056, 0.142), (0.050, 0.145), (0.0, 0.145)),
    (0.50, 0.88, 0.82, 0.40), 0.27, specular=1.0, shininess=1.0,
)  # fmt: skip
CERAMIC_POT = Prop(
    "Ceramic pot",
    ((0.0, 0.0), (0.096, 0.0), (0.099, 0.004), (0.099, 0.030), (0.092, 0.034), (0.070, 0.112), (0.064, 0.117),
     (0.0, 0.117)),
    (0.80, 0.36, 0.24, 1.0), -0.27, specular=0.25, shininess=0.3, texture="clay",
)  # fmt: skip
METAL_PAN = Prop(
    "Metal pan",
    ((0.0, 0.0), (0.108, 0.0), (0.113, 0.003), (0.113, 0.009), (0.108, 0.013), (0.099, 0.056), (0.092, 0.063),
     (0.0, 0.063)),
    (0.80, 0.62, 0.36, 1.0), 0.0, specular=0.95, shininess=0.85, texture="steel",
)  # fmt: skip
PLASTIC_TUB = Prop(
    "Plastic tub",
    ((0.0, 0.0), (0.082, 0.0), (0.087, 0.003), (0.087, 0.016), (0.081, 0.020), (0.072, 0.124), (0.067, 0.130),
     (0.0, 0.130)),
    (0.20, 0.42, 0.74, 1.0), 0.27, specular=0.5, shininess=0.5,
)  # fmt: skip


def _smooth_noise(rng: np.random.Generator, height: int, width: int, cells_y: int, cells_x: int) -> np.ndarray:
    """Periodic noise of the given coarseness, about -1 to 1."""
    spectrum = np.fft.fft2(rng.standard_normal((height, width)))
    fy, fx = np.fft.fftfreq(height)[:, None] * height / cells_y, np.fft.fftfreq(width) * width / cells_x
    noise = np.fft.ifft2(spectrum * np.exp(-(fy**2 + fx**2))).real
    return noise / (3.0 * noise.std())


def paint_texture(kind: str, seed: int) -> bytes:
    """A PNG of wood planks (``table``), ``wood``, brushed ``steel`` or ``clay``."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    height, width = (1024, 1024) if kind == "table" else (512, 512)
    y = np.linspace(0.0, 1.0, height, endpoint=False)[:, None]
    if kind in ("table", "wood"):
        planks = 8 if kind == "table" else 1
        grain = _smooth_noise(rng, height, width, 6 * planks, 2)
        rings = np.sin(2 * math.pi * (y * 9 * planks + 1.6 * grain))
        shade = 1.0 + 0.07 * rings + 0.09 * _smooth_noise(rng, height, width, 200, 4) + 0.05 * grain
        if kind == "table":
            index = (y * planks).astype(int)
            shade = shade * (1.0 + 0.16 * rng.uniform(-1, 1, planks)[index])
            seam = np.abs(y * planks - np.round(y * planks)) < 0.014
            shade = np.where(seam, 0.38 * shade, shade)
        colour = np.array([0.47, 0.27, 0.15] if kind == "table" else [0.98, 0.93, 0.86])
    elif kind == "steel":
        u = np.linspace(0.0, 2.0 * math.pi, width, endpoint=False)
        bands = np.cos(3.0 * u - 0.6) + 0.6 * np.cos(5.0 * u + 0.9) + 0.35 * np.cos(11.0 * u)  # a room, mirrored
        shade = 0.66 + 0.20 * bands + 0.07 * _smooth_noise(rng, height, width, 240, 2)
        colour = np.array([1.0, 1.0, 1.0])
    else:
        shade = 0.92 + 0.10 * _smooth_noise(rng, height, width, 40, 30)
        shade = shade + 0.07 * _smooth_noise(rng, height, width, 200, 200)
        colour = np.array([1.0, 0.97, 0.94])
    image = np.clip(shade[..., None] * colour * 255.0, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{v:.6g}" for v in values.ravel())


def _prop_assets(index: int, prop: Prop) -> str:
    vertices, coordinates, faces = make_lathe(prop.profile_m, prop.sides)
    smooth = "false" if prop.sides == 4 else "true"
    texture = f'texture="{prop.texture}" texuniform="false"' if prop.texture else ""
    return f"""
    <mesh name="prop{index}" smoothnormal="{smooth}" inertia="shell" vertex="{_numbers(vertices)}"
          texcoord="{_numbers(coordinates)}" face="{_numbers(faces)}"/>
    <material name="prop{index}" {texture} specular="{prop.specular}" shininess="{prop.shininess}"/>"""


def _prop_body(index: int, prop: Prop) -> str:
    radius = max(r for r, _ in prop.profile_m)
    half = prop.height_m / 2.0
    solid = (
        f'type="box" size="{radius} {radius} {half}"' if prop.sides == 4 else f'type="cylinder" size="{radius} {half}"'
    )
    inertia, mass = 0.4 * radius**2, 0.4
    turn, hop = (2.0 * math.pi * prop.rock_hz) ** 2, (2.0 * math.pi * 1.6 * prop.rock_hz) ** 2
    rock = f'stiffness="{inertia * turn:.5g}" damping="{0.2 * inertia * math.sqrt(turn):.5g}"'
    return f"""
    <body name="prop{index}" pos="{prop.x_m} 0 0.0005" euler="0 0 {12 * (index - 1)}">
      <inertial pos="0 0 {half}" mass="{mass}" diaginertia="{inertia} {inertia} {inertia}"/>
      <joint type="hinge" axis="1 0 0" {rock}/>
      <joint type="hinge" axis="0 1 0" {rock}/>
      <joint type="slide" axis="0 0 1" stiffness="{mass * hop:.5g}" damping="{0.3 * mass * math.sqrt(hop):.5g}"/>
      <geom name="solid{index}" {solid} pos="0 0 {half}" rgba="0 0 0 0" contype="1" conaffinity="1" mass="0"
            solref="0.0012 0.6" group="4"/>
      <geom type="mesh" mesh="prop{index}" material="prop{index}" rgba="{_numbers(np.array(prop.rgba))}"
            contype="0" conaffinity="0" mass="0"/>
    </body>"""


def build_scene(props: Sequence[Prop], width: int, height: int, seed: int) -> tuple[str, dict[str, bytes]]:
    """MuJoCo XML of the stage and the files it names; joints: each prop's three, then stick x, stick z, stick pitch."""
    kinds = sorted({p.texture for p in props if p.texture} | {"table"})
    files = {f"{kind}.png": paint_texture(kind, seed + i) for i, kind in enumerate(kinds)}
    textures = "".join(f'<texture name="{kind}" type="2d" file="{kind}.png"/>' for kind in kinds)
    yaw = math.degrees(STICK_YAW_RAD)
    xml = f"""
<mujoco model="struck">
  <compiler angle="degree" autolimits="true"/>
  <option timestep="0.0005" integrator="implicitfast"/>
  <statistic extent="1.5"/>
  <visual>
    <global offwidth="{width}" offheight="{height}"/>
    <quality shadowsize="4096" offsamples="8"/>
    <headlight ambient="0.20 0.20 0.23" diffuse="0.10 0.10 0.11" specular="0 0 0"/>
    <map znear="0.05" zfar="20" shadowclip="1.6" shadowscale="0.75"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="0.20 0.30 0.38" rgb2="0.03 0.045 0.07" width="512" height="512"/>
    {textures}
    <material name="table" texture="table" texrepeat="1 1" specular="0.35" shininess="0.35" reflectance="0.10"/>
    <material name="stick" rgba="0.91 0.72 0.46 1" specular="0.5" shininess="0.5"/>
    <material name="tip" rgba="0.97 0.84 0.62 1" specular="0.6" shininess="0.6"/>
    {"".join(_prop_assets(i, p) for i, p in enumerate(props))}
  </asset>
  <worldbody>
    <light pos="-1.25 -1.05 2.1" dir="0.50 0.44 -0.86" directional="false" cutoff="34" exponent="4"
           diffuse="1.25 1.04 0.78" specular="0.8 0.72 0.6" castshadow="true"/>
    <light pos="1.2 0.9 0.9" dir="-0.75 -0.55 -0.45" directional="true" diffuse="0.16 0.24 0.34"
           specular="0.25 0.35 0.45" castshadow="false"/>
    <camera name="view" fovy="21" pos="0.035 -1.52 0.775" xyaxes="1 0 0 0 0.385 0.923"/>
    <geom name="table" type="box" size="1.0 0.55 0.02" pos="0 0.15 -0.02" material="table" contype="0" conaffinity="0"/>
    {"".join(_prop_body(i, p) for i, p in enumerate(props))}
    <body name="carriage" pos="0 0 0">
      <inertial pos="0 0 0" mass="0.15" diaginertia="0.001 0.001 0.001"/>
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="z" type="slide" axis="0 0 1"/>
      <body name="arm" euler="0 0 {yaw:.4f}">
        <joint name="pitch" type="hinge" axis="0 1 0"/>
        <geom type="capsule" fromto="-0.12 0 0 {0.55 * STICK_LENGTH_M} 0 0" size="0.0088" material="stick" mass="0.05"
              contype="0" conaffinity="0"/>
        <geom type="capsule" fromto="{0.5 * STICK_LENGTH_M} 0 0 {STICK_LENGTH_M} 0 0" size="0.0066" material="stick"
              mass="0.02" contype="0" conaffinity="0"/>
        <geom name="tip" type="sphere" pos="{STICK_LENGTH_M} 0 0" size="{TIP_RADIUS_M}" material="tip" mass="0.012"
              contype="1" conaffinity="1" solref="0.0012 0.6"/>
      </body>
    </body>
  </worldbody>
</mujoco>"""
    return xml, files
