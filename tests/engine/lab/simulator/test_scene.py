"""Meshes, textures and level of detail of the simulator's stage."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest

from engine.lab.simulator.drawing import load_mujoco
from engine.lab.simulator.lathe import make_lathe
from engine.lab.simulator.plan import draw_take
from engine.lab.simulator.scene import build_stage
from engine.lab.simulator.stage import Quality
from engine.lab.simulator.textures import paint_texture

CONE = [(0.0, 0.0), (1.0, 0.0), (0.0, 3.0)]


def test_a_lathe_encloses_the_volume_of_its_solid() -> None:
    """Divergence theorem over the triangles: a cone of radius 1 and height 3 holds pi, if they all face outwards."""
    vertices, coordinates, faces = make_lathe(CONE, 96)
    assert vertices.shape == (3 * 97, 3) and coordinates.shape == (3 * 97, 2)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    assert volume == pytest.approx(math.pi, rel=0.002)


@pytest.mark.parametrize("pattern", ["wood", "grain", "boards", "steel", "clay", "flat"])
def test_textures_have_the_side_that_is_asked_for_and_a_colour_near_their_paint(pattern: str) -> None:
    from PIL import Image

    colour = (0.4, 0.3, 0.2)
    data = paint_texture(pattern, colour, (0.0, 0.0, 0.0), np.random.default_rng(1), 64)
    assert data == paint_texture(pattern, colour, (0.0, 0.0, 0.0), np.random.default_rng(1), 64)
    pixels = np.asarray(Image.open(io.BytesIO(data))) / 255.0
    assert pixels.shape == (64, 64, 3)
    mean = pixels.mean(axis=(0, 1))
    assert mean / mean[0] == pytest.approx(np.array(colour) / colour[0], abs=0.03)
    assert 0.6 < mean[0] / colour[0] < 1.1


def test_level_of_detail_changes_the_picture_and_not_the_physics() -> None:
    mujoco = load_mujoco()
    stage = draw_take(4, 0).stage
    fine = replace(stage, quality=Quality(256, 1024, 4, 48, 28, 16), reflectance=0.2)
    models = [mujoco.MjModel.from_xml_string(*build_stage(one, 64, 36)) for one in (stage, fine)]
    assert [model.vis.quality.shadowsize for model in models] == [512, 1024]
    assert [model.vis.quality.offsamples for model in models] == [0, 4]
    assert [float(model.mat("ground").reflectance[0]) for model in models] == pytest.approx([0.0, 0.2])
    for name in ("geom_solref", "geom_contype", "body_mass", "body_inertia", "body_pos", "jnt_stiffness"):
        assert np.allclose(getattr(models[0], name), getattr(models[1], name), rtol=1e-6), name
