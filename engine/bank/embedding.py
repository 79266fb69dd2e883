"""The joint embedding in which a seen hit lies near the physics of its sound (``engine.vision.network``)."""

from __future__ import annotations

EMBEDDING_SIZE = 64
"""Numbers of a place in the joint embedding; places are of unit length and alike by their inner product."""
