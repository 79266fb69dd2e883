"""The physics that edits of the document need, which does not know physics itself."""

from __future__ import annotations

from engine.document.edits.values import PhysicsOps
from engine.physics.macros import apply_macros
from engine.physics.morph import morph
from engine.pipeline.complete_sound import complete_sound
from engine.pipeline.hit_level import strike_db

PHYSICS_OPS = PhysicsOps(apply_macros, morph, complete_sound, strike_db)
