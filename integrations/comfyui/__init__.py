"""Struck's nodes for ComfyUI: put or link this folder into ``custom_nodes``, or set STRUCK_FOLDER. See docs/api.md."""

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ("NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS")
