"""Edits of the document: each is a label and a pure function Project -> Project.

An edit applies to the document as it stands, so a relative edit (``move_hits``) inside a drag moves
by the step since the last one. Numbers beyond what makes sense are brought to the nearest that
does; nonsense (unknown ids, lists of unequal lengths, NaN) raises BadInput and changes nothing.
"""

from engine.document.edits.blends import bake_macros, morph_sound, morphed, reset_macros, set_macros
from engine.document.edits.hits import (
    add_hit,
    delete_hits,
    detach_hit,
    move_hits,
    nearest_sound_id,
    replace_detected_hits,
    set_hits,
)
from engine.document.edits.messages import apply_message, find_other
from engine.document.edits.settings import reseed, set_mix, set_render, set_source, set_threshold
from engine.document.edits.sounds import (
    add_mode,
    add_sound,
    apply_preset,
    delete_modes,
    delete_sound,
    mute_modes,
    rename_sound,
    replace_sound,
    set_modes,
    set_residual,
)
from engine.document.edits.values import Edit, Laws, chain, derive_seed, free_name, next_ids, with_hits, with_sound

__all__ = [
    "Edit",
    "Laws",
    "add_hit",
    "add_mode",
    "add_sound",
    "apply_message",
    "apply_preset",
    "bake_macros",
    "chain",
    "delete_hits",
    "delete_modes",
    "delete_sound",
    "derive_seed",
    "detach_hit",
    "find_other",
    "free_name",
    "morph_sound",
    "morphed",
    "move_hits",
    "mute_modes",
    "nearest_sound_id",
    "next_ids",
    "rename_sound",
    "replace_detected_hits",
    "replace_sound",
    "reseed",
    "reset_macros",
    "set_hits",
    "set_macros",
    "set_mix",
    "set_modes",
    "set_render",
    "set_residual",
    "set_source",
    "set_threshold",
    "with_hits",
    "with_sound",
]
