"""The physics that a sound is rendered with: as measured, or reduced to its detail and completed from the bank."""

from __future__ import annotations

import functools
from collections import Counter

from engine.bank.bank import Bank, load_bank
from engine.bank.complete import Donor, complete_physics, describe_donor, is_dry
from engine.bank.search import rank_by_physics
from engine.core.lru import LRU
from engine.document.edits.values import select_modes
from engine.document.project import Sound
from engine.physics.detail import choose_detail, list_sounds, reduce_detail
from engine.physics.model import Modes, Physics, Residual

MOST_KEPT = 256
MATERIAL_NEIGHBOURS = 10
"""A sound's material is the commonest of so many similar entries of the bank."""

_completed = LRU[tuple[object, ...], tuple[Modes, Residual]](MOST_KEPT)


def complete_sound(sound: Sound) -> tuple[Modes, Residual]:
    """Modes and residual of a sound before macros: its own at full detail.

    Below, they are reduced by ``choose_detail``, and what that leaves out is taken from a similar recorded object of
    the shipped bank, another one for each ``detail_seed``; muted modes are left out. BadInput where the bank cannot be
    read.
    """
    modes, residual = sound.modes, sound.residual
    if sound.detail >= 1.0:
        return modes, residual
    modes = select_modes(modes, [k for k, muted in enumerate(modes.mute_mask) if not muted])
    if not list_sounds(modes, residual):
        return modes, residual
    bank = load_bank()
    key = (bank, modes, residual, sound.detail, sound.detail_seed)
    known = _completed.get(key)
    if known is None:
        detail = choose_detail(sound.detail)
        reduced = reduce_detail(modes, residual, detail)
        material = guess_material(bank, Physics(modes, residual))
        known = complete_physics(*reduced, detail, material, list_donors(bank), sound.detail_seed)
        _completed.put(key, known)
    return known


@functools.lru_cache(maxsize=1)
def list_donors(bank: Bank) -> tuple[Donor, ...]:
    """The dry recorded entries of a bank as donors; a second for a thousand of them."""
    return tuple(
        describe_donor(entry.physics.modes, entry.physics.residual, entry.material)
        for entry in bank.entries
        if entry.kind == "recording" and is_dry(entry.physics.modes, entry.physics.residual)
    )


def guess_material(bank: Bank, physics: Physics) -> str:
    """The commonest material of the most similar entries of a bank, "" where none is known."""
    near = rank_by_physics(bank, physics, MATERIAL_NEIGHBOURS)
    common = Counter(candidate.material for candidate in near if candidate.material).most_common(1)
    return common[0][0] if common else ""
