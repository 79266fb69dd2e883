"""Load MuJoCo and its off-screen renderer, or raise an error that names the missing package."""

from __future__ import annotations

import ctypes.util
import os
import sys
from typing import Any

from engine.core.errors import StruckError

GET_OPENGL = "install a software OpenGL (on Debian and Ubuntu: apt install libegl1 libgl1-mesa-dri) and try again"


def load_mujoco() -> Any:
    """MuJoCo, drawing without a screen where the machine can; StruckError where it is not installed."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        found = next((name for name in ("EGL", "OSMesa") if ctypes.util.find_library(name)), "disabled")
        os.environ.setdefault("MUJOCO_GL", found.lower())
    try:
        import mujoco
    except (ImportError, AttributeError, OSError) as error:
        raise StruckError(
            f"the simulator cannot start ({error}); run `launch.py test` once, which installs MuJoCo, and {GET_OPENGL}"
        ) from None
    return mujoco


def open_renderer(model: Any, width: int, height: int) -> Any:
    """A MuJoCo renderer; StruckError, saying what to install, where there is no OpenGL to draw with."""
    mujoco = load_mujoco()
    try:
        return mujoco.Renderer(model, height, width)
    except (AttributeError, RuntimeError, OSError, ImportError) as error:
        reason = " ".join(str(error).split())[:120]
        raise StruckError(f"the simulator cannot draw ({reason}); {GET_OPENGL}") from None


def check_drawing() -> None:
    """Draw one small picture; StruckError, saying what to install, where that fails or comes out empty."""
    mujoco = load_mujoco()
    xml = "<mujoco><worldbody><light pos='0 0 2'/><geom type='sphere' size='1' rgba='1 1 1 1'/></worldbody></mujoco>"
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with open_renderer(model, 32, 32) as renderer:
        renderer.update_scene(data)
        if not renderer.render().any():
            raise StruckError(f"the simulator draws only black; {GET_OPENGL}")
