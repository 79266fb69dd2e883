"""Seeds of hits and of their parts, from what they belong to and their id."""

from __future__ import annotations

import hashlib

MAX_SEED = 2**31 - 1


def derive_seed(seed: int, hit_id: str) -> int:
    """Seed of a hit, from the project's seed and the hit's id: 0 to MAX_SEED."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{hit_id}".encode()).digest()[:4], "big") & MAX_SEED
