"""Gradio, imported without the stub files for code editors that it makes of all its components at every start."""

from __future__ import annotations

import inspect
import os
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

_find_file = inspect.getfile


def _find_no_component(thing: Any) -> str:
    """As for a component that was not made in a file, of which Gradio makes no stub."""
    if type(thing).__name__ == "ComponentMeta":
        raise OSError
    return _find_file(thing)


inspect.getfile = _find_no_component  # type: ignore[assignment]
try:
    import gradio as gr
    import gradio.component_meta as component_meta
    import gradio.routes  # noqa: F401 (whose templates the page begins with)
finally:
    inspect.getfile = _find_file
component_meta.create_or_modify_pyi = lambda *_: None  # for components of ours

__all__ = ["gr"]
