"""A stage as a MuJoCo model: ground, things, strikers with hands, lamps, a camera."""

from __future__ import annotations

import math

import numpy as np

from engine.lab.simulator.lathe import make_lathe
from engine.lab.simulator.materials import MATERIALS
from engine.lab.simulator.stage import STEP_S, Mover, Stage, Striker, Thing
from engine.lab.simulator.textures import paint_texture

STRIKER, LOOSE = 1, 2  # contact bits: strikers meet all but each other, loose things meet everything


def _line(values: object) -> str:
    return " ".join(f"{v:.6g}" for v in np.ravel(np.asarray(values, dtype=float)))


def _springs(material: str) -> str:
    m = MATERIALS[material]
    return f'solref="{m.settle_s:.5g} {m.damping:.4g}" solimp="0.95 0.99 0.001"'


def _look(name: str, material: str, extra: str = "") -> str:
    shine = MATERIALS[material].specular
    return f'<material name="{name}" texture="{name}" specular="{shine}" shininess="{0.3 + 0.6 * shine:.3g}" {extra}/>'


def _thing_xml(index: int, thing: Thing, lathe_sides: int) -> tuple[str, str]:
    """Assets and body."""
    x, y, z = thing.half_m
    kind = "2d" if thing.shape == "lathe" else "cube"
    assets = f'<texture name="thing{index}" type="{kind}" file="thing{index}.png"/>' + _look(
        f"thing{index}", thing.material, 'texuniform="false"'
    )
    meets = f'contype="{LOOSE if thing.held == "loose" else 0}" conaffinity="{0 if thing.scenery else 3}"'
    clear = 0.45 if thing.material == "glass" else 1.0
    looks = f'material="thing{index}" rgba="1 1 1 {clear}"'
    bounce = f'{_springs(thing.material)} condim="{6 if thing.held == "loose" else 3}" friction="0.5 0.003 0.002"'
    mass = ""
    if thing.held == "loose":
        mass = f'density="{0.5 * MATERIALS[thing.material].density_kg_per_m3 + 50:.5g}"'
    size = {
        "box": f'type="box" size="{_line((x, y, z))}"',
        "cylinder": f'type="cylinder" size="{_line((x, z))}"',
        "lathe": f'type="cylinder" size="{_line((x, z))}"',
        "sphere": f'type="sphere" size="{x:.6g}"',
        "ellipsoid": f'type="ellipsoid" size="{_line((x, y, z))}"',
        "capsule": f'type="capsule" size="{_line((x, max(z - x, 1e-3)))}"',
    }[thing.shape]
    if thing.shape == "lathe":
        corners, coordinates, faces = make_lathe([(r, h - z) for r, h in thing.profile_m], lathe_sides)
        assets += (
            f'<mesh name="thing{index}" smoothnormal="true" inertia="shell" vertex="{_line(corners)}"'
            f' texcoord="{_line(coordinates)}" face="{_line(faces)}"/>'
        )
        geoms = (
            f'<geom name="thing{index}" {size} rgba="0 0 0 0" group="4" {meets} {bounce} {mass}/>'
            f'<geom type="mesh" mesh="thing{index}" {looks} contype="0" conaffinity="0" mass="0"/>'
        )
    else:
        geoms = f'<geom name="thing{index}" {size} {looks} {meets} {bounce} {mass}/>'
    joints = ""
    if thing.held == "loose":
        joints = "<freejoint/>"
    elif thing.held == "rocking":
        inertia = 0.5 * max(x, z) ** 2 * 0.5 + 1e-4
        turn = (2 * math.pi * thing.rock_hz) ** 2
        rock = f'stiffness="{inertia * turn:.5g}" damping="{0.16 * inertia * math.sqrt(turn):.5g}"'
        low = f'pos="0 0 {-z:.5g}"'
        joints = (
            f'<inertial pos="0 0 0" mass="0.5" diaginertia="{inertia:.5g} {inertia:.5g} {inertia:.5g}"/>'
            f'<joint type="hinge" axis="1 0 0" {low} {rock}/><joint type="hinge" axis="0 1 0" {low} {rock}/>'
        )
    grav = ' gravcomp="1"' if thing.held == "rocking" else ""
    turn_deg = _line([math.degrees(a) for a in (*thing.tilt_rad, thing.yaw_rad)])
    return (
        assets,
        f'<body name="thing{index}" pos="{_line(thing.at_m)}" euler="{turn_deg}"{grav}>{joints}{geoms}</body>',
    )


def _hand_xml(striker: Striker, thick: float) -> str:
    """A fist round the grip: palm, four fingers and a thumb; visual only."""
    visual = f'rgba="{_line((*striker.skin, 1))}" contype="0" conaffinity="0" mass="0"'
    fingers = "".join(
        f'<geom type="capsule" fromto="{x:.4g} {-0.026 - thick:.4g} -0.012 {x + 0.004:.4g} {0.014 + thick:.4g} 0.017"'
        f' size="0.0105" {visual}/>'
        for x in (-0.030, -0.010, 0.010, 0.030)
    )
    return (
        f'<geom type="ellipsoid" pos="-0.004 -0.014 -0.006" size="0.050 0.029 0.024" {visual}/>{fingers}'
        f'<geom type="capsule" fromto="-0.02 0.02 0.012 0.042 0.014 0.010" size="0.0115" {visual}/>'
    )


def _striker_xml(index: int, striker: Striker) -> str:
    reach, thick = striker.reach_m, striker.thick_m
    hits = (
        f'contype="{STRIKER}" conaffinity="{LOOSE}" {_springs(striker.material)} friction="0.35 0.003 0.002" mass="0"'
    )
    own = f'rgba="{_line((*striker.colour, 1))}"'
    skin = f'rgba="{_line((*striker.skin, 1))}"'
    visual = 'contype="0" conaffinity="0" mass="0"'
    name = f'name="tip{index}"'
    if striker.kind in ("hand", "fist"):
        flat = striker.kind == "hand"
        place = f'pos="{0.5 * reach:.4g} 0 0" size="{0.55 * reach:.4g} 0.040 0.022"'
        geoms = f'<geom type="ellipsoid" {place} {skin} {visual}/>'
        for k in range(4):
            y = 0.0195 * (k - 1.5)
            start, stop = (0.75 * reach, reach + 0.055 - 0.008 * abs(k - 1.2)) if flat else (0.85 * reach, reach)
            label = name if k == 1 else ""
            geoms += (
                f'<geom {label} type="capsule" fromto="{start:.4g} {y:.4g} 0 {stop:.4g} {y * 1.1:.4g} 0"'
                f' size="{striker.tip_m if not flat else 0.0095:.4g}" {skin} {hits}/>'
            )
        geoms += (
            f'<geom type="capsule" fromto="0.03 0.03 0 {0.8 * reach:.4g} 0.055 -0.004" size="0.011" {skin} {visual}/>'
        )
    else:
        back = -min(0.10, 0.4 * reach)
        shaft = f'size="{thick:.4g}" {own}'
        geoms = f'<geom type="capsule" fromto="{back:.4g} 0 0 {0.4 * reach:.4g} 0 0" {shaft} {visual}/>'
        geoms += f'<geom type="capsule" fromto="{0.4 * reach:.4g} 0 0 {reach:.4g} 0 0" {shaft} {hits}/>'
        if striker.kind == "hammer":
            geoms += (
                f'<geom {name} type="cylinder" fromto="{reach:.4g} 0 {-striker.tip_m:.4g} {reach:.4g} 0'
                f' {striker.tip_m:.4g}" size="{0.4 * striker.tip_m:.4g}" rgba="0.25 0.25 0.27 1" {hits}/>'
            )
        else:
            geoms += f'<geom {name} type="sphere" pos="{reach:.4g} 0 0" size="{striker.tip_m:.4g}" {own} {hits}/>'
        geoms += "" if striker.bare else _hand_xml(striker, thick)
    turn = striker.tip_kg * reach**2
    body = (
        f'<body name="striker{index}" pos="0 0 {3 + index}" gravcomp="1"><freejoint/><inertial pos="0 0 0"'
        f' mass="{0.25 + 2 * striker.tip_kg:.4g}" diaginertia="{turn:.4g} {turn:.4g} {turn:.4g}"/>{geoms}</body>'
    )
    if not striker.bare:  # the forearm follows the grip without being turned by it
        end = _line(0.42 * np.asarray(striker.elbow))
        wrist = _line(0.035 * np.asarray(striker.elbow))
        sleeve = f'rgba="{_line((*striker.sleeve, 1))}"'
        cuff = _line(0.10 * np.asarray(striker.elbow))
        body += (
            f'<body name="arm{index}" mocap="true">'
            f'<geom type="capsule" fromto="{wrist} {cuff}" size="0.027" {skin} {visual}/>'
            f'<geom type="capsule" fromto="{cuff} {end}" size="0.039" {sleeve} {visual}/></body>'
        )
    return body


def _mover_xml(index: int, mover: Mover) -> str:
    """A pinching hand with its forearm along the way it goes, or a plain shape."""
    visual = 'contype="0" conaffinity="0" mass="0"'
    skin, sleeve = (f'rgba="{_line((*c, 1))}"' for c in (mover.colour, mover.sleeve))
    geoms = f'<geom type="{mover.shape}" size="{_line(mover.half_m)}" {skin} {visual}/>'
    if mover.shape == "hand":
        way = np.array(mover.to_m) - np.array(mover.from_m)
        way /= np.linalg.norm(way)
        over = mover.half_m[2] + 0.012
        wrist, cuff, elbow = (np.array([0, 0, over]) + reach * way for reach in (0.07, 0.12, 0.45))
        geoms = (
            f'<geom type="ellipsoid" pos="{_line(0.03 * way + [0, 0, over])}" size="0.04 0.035 0.022" {skin} {visual}/>'
        )
        geoms += f'<geom type="capsule" fromto="{_line(wrist)} {_line(cuff)}" size="0.027" {skin} {visual}/>'
        geoms += f'<geom type="capsule" fromto="{_line(cuff)} {_line(elbow)}" size="0.039" {sleeve} {visual}/>'
        for x, y in ((1, 0), (-0.5, 0.8), (-0.5, -0.8)):
            tip = np.array([x, y, 0.0]) * (mover.half_m[0] + 0.008)
            geoms += f'<geom type="capsule" fromto="{_line([0, 0, over])} {_line(tip)}" size="0.009" {skin} {visual}/>'
    return f'<body name="mover{index}" mocap="true" pos="{_line(mover.from_m)}">{geoms}</body>'


def _litter_xml(count: int, seed: int) -> tuple[str, str]:
    """Small things lying about, in a few colours: assets and shapes, one mesh a colour, for that is quickly drawn."""
    rng = np.random.default_rng([seed, 3])
    scale = rng.uniform(0.4, 1.3)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (0, 1)], dtype=float)
    faces = np.array([[1, 5, 7], [1, 7, 3], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 1, 3], [0, 3, 2],
                      [4, 6, 7], [4, 7, 5], [0, 2, 6], [0, 6, 4]])  # fmt: skip
    assets = shapes = ""
    for k in range(min(4, count)):
        points, triangles = [], []
        for part in range(k, count, 4):
            half = scale * rng.uniform((0.01, 0.002, 0.002), (0.06, 0.02, 0.006))
            turn, at = rng.uniform(0, 2 * math.pi), rng.uniform((-0.5, -0.4), (0.5, 0.5))
            x, y, z = (corners * half).T
            points.append(np.stack([x * math.cos(turn) - y * math.sin(turn) + at[0],
                                    x * math.sin(turn) + y * math.cos(turn) + at[1], z], axis=1))  # fmt: skip
            triangles.append(faces + 8 * (part // 4))
        rows = f'vertex="{_line(np.concatenate(points))}" face="{_line(np.concatenate(triangles))}"'
        assets += f'<mesh name="litter{k}" smoothnormal="false" inertia="shell" {rows}/>'
        colour = _line((*rng.uniform(0.05, 0.95, 3), 1))
        shapes += f'<geom type="mesh" mesh="litter{k}" rgba="{colour}" contype="0" conaffinity="0"/>'
    return assets, shapes


def build_stage(stage: Stage, width: int, height: int) -> tuple[str, dict[str, bytes]]:
    """MuJoCo XML and the texture files it names; a body for each thing and striker, a mocap arm for each hand."""
    quality = stage.quality
    paints = {"ground": stage.ground_paint, "floor": stage.floor_paint, "wall": stage.wall_paint}
    paints |= {f"thing{i}": thing.paint for i, thing in enumerate(stage.things)}
    files = {
        f"{name}.png": paint_texture(p.pattern, p.colour, p.second, np.random.default_rng(p.seed), quality.texture_px)
        for name, p in paints.items()
    }
    parts = [_thing_xml(i, thing, quality.lathe_sides) for i, thing in enumerate(stage.things)]
    litter = _litter_xml(stage.litter, stage.ground_paint.seed)
    still = 'contype="0" conaffinity="0"'
    repeat = (
        f'texrepeat="{stage.repeat:.3g} {stage.repeat:.3g}" texuniform="true" reflectance="{stage.reflectance:.3g}"'
    )
    surface = f'name="ground" material="ground" contype="0" conaffinity="3" {_springs(stage.ground)} condim="3"'
    if stage.table_half_m is None:
        ground = f'<geom {surface} type="plane" size="3 3 0.3"/>'
    else:
        x, y = stage.table_half_m
        ground = (
            f'<geom {surface} type="box" size="{x:.4g} {y:.4g} 0.02" pos="0 0 -0.02"/>'
            f'<geom name="floor" type="plane" size="4 4 0.4" pos="0 0 {-stage.drop_m:.4g}" material="floor" contype="0"'
            f' conaffinity="3"/>'
        )
    lamps = "".join(
        f'<light pos="{_line(lamp.at_m)}" dir="{_line(-np.asarray(lamp.at_m))}" diffuse="{_line(lamp.colour)}"'
        f' specular="{_line(0.5 * np.asarray(lamp.colour))}" castshadow="{str(lamp.shadow).lower()}"'
        f' type="{"directional" if lamp.directional else "spot"}" cutoff="60" exponent="2"/>'
        for lamp in stage.lamps
    )
    xml = f"""
<mujoco model="take">
  <compiler angle="degree" autolimits="true"/>
  <option timestep="{STEP_S}" integrator="implicitfast" cone="elliptic" impratio="3"/>
  <statistic extent="1.2" center="0 0 0.1"/>
  <visual>
    <global offwidth="{width}" offheight="{height}"/>
    <quality shadowsize="{quality.shadow_px}" offsamples="{quality.samples}" numslices="{quality.slices}"
             numstacks="{quality.stacks}"/>
    <headlight ambient="{_line(stage.ambient)}" diffuse="0.05 0.05 0.05" specular="0 0 0"/>
    <map znear="0.02" zfar="20" shadowclip="0.9" shadowscale="0.8"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1="{_line(stage.sky)}" rgb2="{_line(0.4 * np.asarray(stage.sky))}"
             width="64" height="64"/>
    <texture name="ground" type="2d" file="ground.png"/>
    <texture name="floor" type="2d" file="floor.png"/>
    <texture name="wall" type="2d" file="wall.png"/>
    {_look("ground", stage.ground, repeat)}
    <material name="floor" texture="floor" texrepeat="2 2" texuniform="true"/>
    <material name="wall" texture="wall" texrepeat="1 1" texuniform="true"/>
    {"".join(assets for assets, _ in parts)}
    {litter[0]}
  </asset>
  <worldbody>
    {lamps}
    <camera name="view" fovy="{stage.fov_deg:.4g}"/>
    {ground}
    <geom name="wall" type="plane" size="4 4 0.4" pos="0 {stage.wall_y_m:.4g} 0" euler="90 0 0" material="wall"
          {still}/>
    {litter[1]}
    {"".join(body for _, body in parts)}
    {"".join(_striker_xml(i, s) for i, s in enumerate(stage.strikers))}
    {"".join(_mover_xml(i, m) for i, m in enumerate(stage.movers))}
  </worldbody>
</mujoco>"""
    return xml, files
